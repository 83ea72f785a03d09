"""The worklist's filters and order, as a form and as an address."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext_lazy as _

from cases.cohorts import reader_before, readers_of
from cases.lifecycle import READER_ONLY_CLASSES, CaseState, GateVerdict, JobStatus, Priority, Verdict
from cases.permissions import Action
from cases.worklist.filters import Age, Uncertainty, Whose, WorklistFilter
from cases.worklist.sorting import Sort
from cases.worklist.statement_filters import Changed, Discordance, StatementFilter

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from cases.cohorts import CohortRights
    from cases.models import Cohort

    Choices = Iterable[tuple[Any, StrOrPromise]]

# What lies behind “More filters”; the others are always in sight.
OF_RESULTS = ("found", "gate", "uncertain")
OF_STATEMENTS = ("reader", "read", "verdict", "changed", "differ", "known")
FURTHER = ("priority", "age", "assigned", "claimed", "awaits", "analysis", "gate", *OF_STATEMENTS, "sort")
LONGEST_TEXT = 120


def _choice(label: StrOrPromise, choices: Choices) -> forms.ChoiceField:
    return forms.ChoiceField(label=label, required=False, choices=[("", _("All")), *choices])


class WorklistForm(forms.Form):
    """What the worklist is narrowed to and sorted by. A field that does not hold narrows nothing."""

    text = forms.CharField(
        label=_("Search"),
        required=False,
        max_length=LONGEST_TEXT,
        widget=forms.TextInput(attrs={"type": "search", "placeholder": _("Code or cohort")}),
    )
    cohort = _choice(_("Cohort"), [])
    state = _choice(_("State"), CaseState.choices)
    found = _choice(_("Network's class"), [])
    uncertain = _choice(_("Network's certainty"), Uncertainty.choices)
    priority = _choice(_("Priority"), Priority.choices)
    age = _choice(_("Received"), Age.choices)
    assigned = _choice(_("Assigned to"), Whose.choices)
    claimed = _choice(_("Read just now by"), Whose.choices)
    awaits = _choice(_("Waiting for"), [("me", _("My reading"))])
    analysis = _choice(_("Analysis"), JobStatus.choices)
    gate = _choice(_("Input gate"), GateVerdict.choices)
    reader = _choice(_("Read by"), [])
    read = _choice(_("Reader's class"), [])
    verdict = _choice(_("Reader's verdict"), Verdict.choices)
    changed = _choice(_("Changed by the network"), Changed.choices)
    differ = _choice(_("Discordance"), Discordance.choices)
    known = _choice(_("Known class"), [])
    sort = forms.ChoiceField(label=_("Order"), required=False, choices=Sort.choices)

    def __init__(self, data: Any, *, rights: Sequence[CohortRights], classes: dict[str, str]) -> None:
        super().__init__(data)
        self._cohorts = {str(held.cohort.pk): held.cohort for held in rights if Action.VIEW in held.actions}
        self._offer("cohort", [(key, cohort.name) for key, cohort in self._cohorts.items()])
        self._offer("found", classes.items())
        self._offer_statements([held.cohort for held in rights if Action.MANAGE in held.actions], classes)
        self.may_read = any(Action.READ in held.actions for held in rights)
        if not self.may_read:
            for name in OF_RESULTS:
                del self.fields[name]
            sorts = [each for each in Sort.choices if each[0] not in (Sort.CERTAIN, Sort.UNCERTAIN)]
            cast("forms.ChoiceField", self.fields["sort"]).choices = sorts
        self.full_clean()

    def _offer(self, name: str, choices: Choices) -> None:
        cast("forms.ChoiceField", self.fields[name]).choices = [("", _("All")), *choices]

    def _offer_statements(self, managed: Sequence[Cohort], classes: dict[str, str]) -> None:
        """What readers said is asked for by those who administer the study."""
        if not managed:
            for name in OF_STATEMENTS:
                del self.fields[name]
            return
        self._offer("reader", self._readers(managed))
        self._offer(
            "read", (classes | {code: str(label) for code, label in READER_ONLY_CLASSES.items()}).items()
        )
        self._offer("known", classes.items())

    def _readers(self, managed: Sequence[Cohort]) -> list[tuple[str, str]]:
        """Who reads there, and whoever is asked for and has read there before."""
        readers = {str(reader.pk): str(reader) for reader in readers_of(managed)}
        asked = self.data.get("reader", "")
        if asked and asked not in readers and (gone := reader_before(asked, managed)):
            readers[asked] = str(gone)
        return list(readers.items())

    def filters(self) -> WorklistFilter:
        """The filter of the valid fields."""
        given = self.cleaned_data
        return WorklistFilter(
            cohort=self._cohorts.get(given.get("cohort", "")),
            state=given.get("state", ""),
            job_status=given.get("analysis", ""),
            predicted_class=given.get("found", ""),
            gate_verdict=given.get("gate", ""),
            uncertainty=given.get("uncertain", ""),
            assigned=given.get("assigned", ""),
            claimed=given.get("claimed", ""),
            age=given.get("age", ""),
            priority=int(given["priority"]) if given.get("priority") else None,
            awaits_me=bool(given.get("awaits")),
            text=given.get("text", "").strip(),
            said=StatementFilter(
                verdict=given.get("verdict", ""),
                read_class=given.get("read", ""),
                reader=UUID(given["reader"]) if given.get("reader") else None,
                discordance=given.get("differ", ""),
                changed=given.get("changed", ""),
                known_class=given.get("known", ""),
            ),
        )

    @property
    def sorted_by(self) -> Sort:
        """The order asked for; newest first where there is none."""
        return Sort(self.cleaned_data.get("sort") or Sort.NEWEST)

    @property
    def query(self) -> str:
        """The filters and the order as a query string: what holds, each once, in one order."""
        kept = QueryDict(mutable=True)
        for name in self.fields:
            value = self.cleaned_data.get(name)
            if value and (name != "sort" or value != Sort.NEWEST):
                kept[name] = value
        return kept.urlencode()

    @property
    def in_sight(self) -> list[forms.BoundField]:
        """The fields that are always shown; the state is chosen by the tabs."""
        return [field for field in self if field.name != "state" and field.name not in FURTHER]

    @property
    def further(self) -> list[forms.BoundField]:
        """The fields behind “More filters”."""
        return [field for field in self if field.name in FURTHER]

    @property
    def further_chosen(self) -> int:
        """How many of those narrow the list."""
        chosen = (name for name in FURTHER if name != "sort" and self.cleaned_data.get(name))
        return sum(1 for _name in chosen)
