"""The acts that keys stand for on the page of a case. The page hands them to static/js/reading/keys.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


@dataclass(frozen=True)
class KeyAct:
    """An act, and the key that it has until a reader gives it another.

    name, value: which answer of the form it chooses; of “class” the value is the place in the list.
    in_viewer: the viewer does it. Where it is neither, static/js/reading/review.js does it.
    """

    id: str
    key: str
    label: StrOrPromise
    name: str = ""
    value: str = ""
    in_viewer: bool = False


KEY_ACTS = (
    KeyAct("agree", "a", _("Agree with the network"), "verdict", "agree"),
    KeyAct("disagree", "d", _("Disagree"), "verdict", "disagree"),
    KeyAct("class-1", "q", _("First class of the list"), "class", "0"),
    KeyAct("class-2", "w", _("Second class of the list"), "class", "1"),
    KeyAct("class-3", "e", _("Third class of the list"), "class", "2"),
    KeyAct("class-4", "r", _("Fourth class of the list"), "class", "3"),
    KeyAct("class-5", "t", _("Fifth class of the list"), "class", "4"),
    KeyAct("class-6", "y", _("Sixth class of the list"), "class", "5"),
    KeyAct("confidence-1", "1", _("Very unsure"), "confidence", "1"),
    KeyAct("confidence-2", "2", _("Unsure"), "confidence", "2"),
    KeyAct("confidence-3", "3", _("Fairly sure"), "confidence", "3"),
    KeyAct("confidence-4", "4", _("Sure"), "confidence", "4"),
    KeyAct("confidence-5", "5", _("Certain"), "confidence", "5"),
    KeyAct("finding", "f", _("To the words of another finding")),
    KeyAct("comment", "c", _("To the comment")),
    KeyAct("reason", "x", _("To the reason of an amendment")),
    KeyAct("save", "s", _("Save, or commit")),
    KeyAct("undo", "u", _("Undo")),
    KeyAct("amend", "m", _("Amend a final review")),
    KeyAct("next", "n", _("Next case")),
    KeyAct("slice-before", ",", _("Previous picture of the case"), in_viewer=True),
    KeyAct("slice-after", ".", _("Next picture of the case"), in_viewer=True),
    KeyAct("heat", "h", _("Heat map on or off"), in_viewer=True),
    KeyAct("layer", "l", _("Next layer of the network"), in_viewer=True),
    KeyAct("shown-class", "k", _("Heat map of the next class"), in_viewer=True),
    KeyAct("invert", "i", _("Invert the picture"), in_viewer=True),
    KeyAct("mark", "b", _("Mark a rectangle"), in_viewer=True),
    KeyAct("ruler", "g", _("Ruler"), in_viewer=True),
    KeyAct("zoom-in", "+", _("Larger"), in_viewer=True),
    KeyAct("zoom-out", "-", _("Smaller"), in_viewer=True),
    KeyAct("reset", "0", _("Reset the view"), in_viewer=True),
    KeyAct("keys", "?", _("This list")),
)


def key_acts(classes: Sequence[StrOrPromise] = ()) -> list[KeyAct]:
    """The acts, with the names of these classes, in the order of the form, where it asks for one."""
    return [
        replace(act, label=classes[int(act.value)])
        if act.name == "class" and int(act.value) < len(classes)
        else act
        for act in KEY_ACTS
    ]
