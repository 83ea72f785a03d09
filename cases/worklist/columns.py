"""The columns of the worklist: what they are called, what they sort by, which of them this browser hides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from cases.access import PageRequest, signed_in
from cases.worklist.sorting import Sort

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from cases.worklist.forms import WorklistForm

COOKIE = "worklist-hides"
A_YEAR = 365 * 24 * 60 * 60


@dataclass(frozen=True)
class Heading:
    """The head of a column: what a press on it sorts by, and how the list is sorted by it now."""

    label: StrOrPromise
    name: str
    sort: Sort | None = None
    aria: str = ""


# Label, what the cell is called, and the two orders of a column; the first press gives the first.
COLUMNS: tuple[tuple[StrOrPromise, str, tuple[Sort, ...]], ...] = (
    (_("Picture"), "picture", ()),
    (_("Case"), "case", (Sort.CODE, Sort.CODE_BACK)),
    (_("Priority"), "priority", (Sort.URGENT, Sort.ROUTINE)),
    (_("Cohort"), "cohort", ()),
    (_("Received"), "received", (Sort.NEWEST, Sort.OLDEST)),
    (_("Analysis"), "analysis", ()),
    (_("Network's class"), "found", (Sort.UNCERTAIN, Sort.CERTAIN)),
    (_("Readers"), "readers", ()),
    (_("State"), "state", (Sort.STATE, Sort.STATE_BACK)),
)
# Which case it is, and whether it is still to be read, is always told.
OPTIONAL = {name: label for label, name, _sorts in COLUMNS if name not in ("case", "state")}


def headings(form: WorklistForm) -> list[Heading]:
    """The columns. A list that is read from the top down in the order of the values is ascending."""
    found = []
    for label, name, sorts in COLUMNS:
        offered = sorts if name != "found" or form.may_read else ()
        if form.sorted_by not in offered:
            found.append(Heading(label, name, offered[0] if offered else None))
            continue
        aria = "descending" if form.sorted_by.startswith("-") else "ascending"
        found.append(Heading(label, name, offered[1 - offered.index(form.sorted_by)], aria))
    return found


def hidden_columns(request: HttpRequest) -> list[str]:
    """What this browser hides; a cookie may hold anything."""
    kept = request.COOKIES.get(COOKIE, "").split(".")
    return [name for name in OPTIONAL if name in kept]


def column_choices(request: HttpRequest) -> list[tuple[str, StrOrPromise, bool]]:
    """Each column that can be hidden: its name, its label, and whether it is shown."""
    hidden = hidden_columns(request)
    return [(name, label, name not in hidden) for name, label in OPTIONAL.items()]


@require_POST
@signed_in
def choose_columns(request: PageRequest) -> HttpResponse:
    """Remember in this browser which columns are shown, and go back to the list."""
    shown = request.POST.getlist("column")
    query = QueryDict(request.POST.get("back", "")).urlencode()
    response = redirect(reverse("cases:worklist") + (f"?{query}" if query else ""))
    response.set_cookie(
        COOKIE,
        ".".join(name for name in OPTIONAL if name not in shown),
        max_age=A_YEAR,
        samesite="Lax",
        httponly=True,
        secure=settings.SESSION_COOKIE_SECURE,
    )
    return response
