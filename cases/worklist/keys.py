"""The acts that keys stand for on the worklist. The page hands them to static/js/worklist/keys.js."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class WorklistKey:
    """An act and its key. `arrow`: another one, while the focus is in a row, with the sign on it."""

    id: str
    key: str
    label: StrOrPromise
    arrow: str = ""
    sign: str = ""


WORKLIST_KEYS = (
    WorklistKey("down", "j", _("Next row"), "ArrowDown", "↓"),
    WorklistKey("up", "k", _("Row before"), "ArrowUp", "↑"),
    WorklistKey("start", "n", _("Start reading")),
    WorklistKey("search", "/", _("Search")),
    WorklistKey("tick", "x", _("Tick the row")),
    WorklistKey("keys", "?", _("This list")),
)
