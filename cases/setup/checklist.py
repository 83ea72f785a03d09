"""What is missing before the reading of a cohort can begin."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Count, Q
from django.urls import reverse
from django.utils.translation import gettext as _t

from cases.analysis.model_versions import active_version
from cases.reading.protocols import readers_under

if TYPE_CHECKING:
    from cases.models import Cohort


@dataclass(frozen=True)
class Item:
    """One thing that a study needs. is_needed: reading cannot begin without it; otherwise it is advice."""

    is_done: bool
    is_needed: bool
    what: str
    link: str
    act: str


def checklist(cohort: Cohort) -> list[Item]:
    """The items in the order of the work; a bounded number of queries."""
    cases = cohort.cases.filter(deleted_at__isnull=True).aggregate(
        n=Count("pk"),
        analysed=Count("pk", filter=~Q(key_class="")),
        known=Count("pk", filter=~Q(ground_truth="")),
    )
    readers = readers_under(cohort)
    wanted = max(cohort.planned_readers or 0, cohort.readers_required)
    query = f"?cohort={cohort.pk}"
    return [
        Item(
            active_version() is not None,
            True,
            _t("A network is active"),
            "",
            "",
        ),
        Item(
            cases["n"] > 0,
            True,
            _t("%(n)d cases are in the cohort") % {"n": cases["n"]},
            f"{reverse('cases:upload')}{query}",
            _t("Upload images"),
        ),
        Item(
            cases["n"] > 0 and cases["analysed"] == cases["n"],
            True,
            _t("%(done)d of %(n)d cases are analysed") % {"done": cases["analysed"], "n": cases["n"]},
            f"{reverse('dashboard:dashboard')}{query}",
            _t("Look at the analyses"),
        ),
        Item(
            len(readers) >= wanted,
            True,
            _t("%(n)d of %(wanted)d readers have joined") % {"n": len(readers), "wanted": wanted},
            f"{reverse('people:list')}{query}",
            _t("Invite readers"),
        ),
        Item(
            cohort.readers_required < 2 or cohort.adjudicator_id is not None,  # noqa: PLR2004 - one cannot differ
            False,
            _t("Somebody decides where readers differ"),
            f"{reverse('dashboard:protocol')}{query}",
            _t("Settle the protocol"),
        ),
        Item(
            cohort.planned_cases is not None and cohort.planned_until is not None,
            False,
            _t("The plan says how many cases a reader, and until when"),
            "#plan",
            _t("Set the plan"),
        ),
        Item(
            cases["n"] > 0 and cases["known"] == cases["n"],
            False,
            _t("%(known)d of %(n)d cases have a known class") % {"known": cases["known"], "n": cases["n"]},
            "#truth",
            _t("Set known classes"),
        ),
    ]
