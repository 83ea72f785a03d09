"""What a worklist can be narrowed to. A filter that would tell a result holds only where it lies open."""

from __future__ import annotations

import re
import string
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db.models import OuterRef, Q, QuerySet, Subquery, TextChoices
from django.db.models.lookups import Exact
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cases.analysis.results import current_jobs_first
from cases.blinding import may_lie_open, results_visible_to
from cases.lifecycle import GateVerdict, JobStatus
from cases.models import Assignment, Case, Claim, Cohort, Job
from cases.models.case import CODE_ALPHABET, SECOND_HALF
from cases.models.job import WITHOUT_RESULT
from cases.permissions import visible_to
from cases.worklist import reading_queue
from cases.worklist.statement_filters import StatementFilter, where_said

if TYPE_CHECKING:
    from cases.permissions import Person

_LETTERS = f"[{CODE_ALPHABET}]"
_WHOLE_CODE = re.compile(f"({_LETTERS}{{4}})-?({_LETTERS}{{4}})")
_BEGINNING = re.compile(f"({_LETTERS}{{4}}-)?{_LETTERS}{{1,4}}|{_LETTERS}{{4}}-")
# In the order of every language's collation.
_ORDER = string.digits + string.ascii_uppercase
# More cases than this with one beginning are looked through in the list's own order, where they are dense.
_FEW = 1_000
# What codes leave out, since it looks like another letter (Crockford's base 32).
_MISREAD = str.maketrans("ILO", "110")


class Uncertainty(TextChoices):
    """How unsure the network is."""

    GATE = "gate", _("Input gate uncertain or refused")
    BELOW_60 = "60", _("Below 60 %")
    BELOW_80 = "80", _("Below 80 %")
    BELOW_95 = "95", _("Below 95 %")


class Whose(TextChoices):
    """Who has a case: to whom it is given, or who reads it just now."""

    ME = "me", _("Me")
    SOMEBODY = "somebody", _("Somebody")
    NOBODY = "nobody", _("Nobody")


class Age(TextChoices):
    """How long ago a case was received: within (-) or more than (+) so many days."""

    WITHIN_1 = "-1", _("In the last 24 hours")
    WITHIN_7 = "-7", _("In the last 7 days")
    WITHIN_30 = "-30", _("In the last 30 days")
    OVER_1 = "+1", _("More than 24 hours ago")
    OVER_7 = "+7", _("More than 7 days ago")
    OVER_30 = "+30", _("More than 30 days ago")


@dataclass(frozen=True)
class WorklistFilter:
    """What the worklist is narrowed to; an empty value narrows nothing."""

    cohort: Cohort | None = None
    state: str = ""
    job_status: str = ""
    predicted_class: str = ""
    gate_verdict: str = ""
    uncertainty: str = ""
    assigned: str = ""
    claimed: str = ""
    age: str = ""
    priority: int | None = None
    awaits_me: bool = False
    text: str = ""
    said: StatementFilter = field(default_factory=StatementFilter)

    @property
    def asks_for_results(self) -> bool:
        """Whether what is left tells something of the network's results."""
        return bool(self.predicted_class or self.gate_verdict or self.uncertainty)


def filtered_cases(user: Person, filters: WorklistFilter) -> QuerySet[Case]:
    """The cases that the user sees and the filter leaves, in no order."""
    cases = visible_to(user).filter(_of_the_case(filters), _of_people(user, filters))
    if filters.asks_for_results:
        cases = cases.filter(_of_the_result(filters), may_lie_open(user), results_visible_to(user))
    if filters.said.asks:
        cases = cases.filter(where_said(user, filters.said))
    if filters.awaits_me:
        cases = reading_queue.waits_for(user, cases)
    return cases.order_by()


def _of_the_case(filters: WorklistFilter) -> Q:
    where = Q()
    if filters.cohort:
        where &= Q(cohort=filters.cohort)
    if filters.state:
        where &= Q(state=filters.state)
    if filters.priority is not None:
        where &= Q(priority=filters.priority)
    if filters.age:
        where &= _received(Age(filters.age))
    if filters.text:
        # In hand, so that the cases of no cohort are looked through where none has such a name.
        named = Cohort.objects.filter(name__icontains=filters.text).values_list("pk", flat=True)
        where &= _by_code(filters.text) | Q(cohort__in=list(named))
    if filters.job_status:
        where &= _analysis(JobStatus(filters.job_status))
    return where


def _by_code(text: str) -> Q:
    """Cases whose code, or its second half, begins with the text, as it is read out or typed; what can stand
    in no code is not looked for.
    """
    typed = text.upper().translate(_MISREAD).removeprefix("-")
    if whole := _WHOLE_CODE.fullmatch(typed):
        return Q(code="-".join(whole.groups()))
    if not _BEGINNING.fullmatch(typed):
        return Q(pk__in=[])
    begins = _begins("code", typed) | _begins("half", typed)
    # In hand: a database that has to join this with the list's order would walk the list.
    found = Case.objects.alias(half=SECOND_HALF).filter(begins).order_by().values_list("pk", flat=True)
    few = list(found[: _FEW + 1])
    return Q(pk__in=few) if len(few) <= _FEW else Q(code__startswith=typed) | Q(code__contains=f"-{typed}")


def _begins(name: str, typed: str) -> Q:
    """As a range, which every database finds by its index: from the text to what comes after all of it."""
    bare = typed.rstrip("Z-")
    if not bare:
        return Q(**{f"{name}__gte": typed})
    after = bare[:-1] + _ORDER[_ORDER.index(bare[-1]) + 1]
    return Q(**{f"{name}__gte": typed, f"{name}__lt": after})


def _received(age: Age) -> Q:
    border = timezone.now() - timedelta(days=abs(int(age)))
    return Q(created_at__lt=border) if age.startswith("+") else Q(created_at__gte=border)


def _analysis(status: JobStatus) -> Q:
    """That the analysis which stands for the case is in this state."""
    standing = current_jobs_first(Job.objects.filter(image__case=OuterRef("pk"))).values("status")[:1]
    is_so = Q(Exact(Subquery(standing), status))
    if status == JobStatus.SUCCEEDED:
        return is_so
    # Implied by the first half; it leads the database to the few that are in this state.
    some = Job.objects.filter(WITHOUT_RESULT, status=status)
    return is_so & Q(pk__in=some.values("image__case"))


def _of_people(user: Person, filters: WorklistFilter) -> Q:
    """To whom the case is given, and who reads it just now."""
    given = Assignment.objects.values("case")
    held = Claim.objects.filter(expires_at__gt=timezone.now()).values("case")
    where = Q()
    if filters.assigned:
        where &= _by(filters.assigned, given, given.filter(reader=user.pk))
    if filters.claimed:
        where &= _by(filters.claimed, held, held.filter(reader=user.pk))
    return where


def _by(who: str, anybodys: QuerySet[Any, Any], own: QuerySet[Any, Any]) -> Q:
    """That the case is among the user's own, anybody's, or nobody's."""
    if who == Whose.ME:
        return Q(pk__in=own)
    return Q(pk__in=anybodys) if who == Whose.SOMEBODY else ~Q(pk__in=anybodys)


def _of_the_result(filters: WorklistFilter) -> Q:
    """A refused image has no class."""
    where = Q()
    if filters.predicted_class:
        where &= Q(key_class=filters.predicted_class) & ~Q(key_gate=GateVerdict.REFUSED)
    if filters.gate_verdict:
        where &= Q(key_gate=filters.gate_verdict)
    if filters.uncertainty == Uncertainty.GATE:
        where &= Q(key_gate__in=(GateVerdict.UNCERTAIN, GateVerdict.REFUSED))
    elif filters.uncertainty:
        where &= Q(key_probability__lt=int(filters.uncertainty) / 100)
    return where
