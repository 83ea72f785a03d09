"""How trainees of a teaching cohort do over time, and what they miss. No study data: every draw counts, also
of a case that was drawn before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db.models import Count, F, Q, QuerySet
from django.db.models.functions import TruncWeek
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases.blinding import held_back_from
from cases.classes import known_classes
from cases.evidence import words
from cases.evidence.cards.card import Card, Cell, Table, number_cell
from cases.evidence.cards.drift import MOST_WEEKS, X0, X1, Y0, Y1, first_and_last
from cases.evidence.drawing import Drawing, Mark, dot, line, text
from cases.evidence.measures.proportions import Share, share
from cases.models import TeachingRead

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from cases.models import Cohort
    from portal.accounts.models import User

# Of each trainee, the newest.
MISSED_SHOWN = 10
_RIGHT = Q(read_class=F("case__ground_truth"))


@dataclass
class Trainee:
    """One person's draws: by week (of its Monday), what was missed by class, and the newest of it."""

    key: UUID
    name: str
    weeks: list[tuple[date, Share]] = field(default_factory=list)
    missed: list[tuple[str, str, int]] = field(default_factory=list)
    newest: list[TeachingRead] = field(default_factory=list)

    @property
    def share(self) -> Share:
        """Right of all draws."""
        return share(sum(each.hits for _, each in self.weeks), sum(each.n for _, each in self.weeks))


def trainees_of(cohort: Cohort, *, to: User, everybody: bool) -> list[Trainee]:
    """Those who have answered, by name; without `everybody` the user alone. Four queries, however many."""
    reads = TeachingRead.objects.filter(case__cohort=cohort).order_by()
    if not everybody:
        reads = reads.filter(reader=to.pk)
    found: dict[UUID, Trainee] = {}
    weekly = reads.annotate(week=TruncWeek("created_at")).values_list("reader", "week")
    for reader, week, n, right in weekly.annotate(n=Count("pk"), right=Count("pk", filter=_RIGHT)).order_by(
        "week"
    ):
        trainee = found.setdefault(reader, Trainee(reader, ""))
        trainee.weeks.append((_monday(week), share(right, n)))
    wrong = reads.exclude(_RIGHT)
    by_class = wrong.values_list("reader", "case__ground_truth", "read_class").annotate(n=Count("pk"))
    for reader, truth, said, n in by_class.order_by("-n", "case__ground_truth", "read_class"):
        found[reader].missed.append((truth, said, n))
    for read in _newest(wrong, to):
        if len(found[read.reader_id].newest) < MISSED_SHOWN:
            found[read.reader_id].newest.append(read)
    for user in get_user_model().objects.filter(pk__in=found):
        found[user.pk].name = str(user)
    return sorted(found.values(), key=lambda trainee: trainee.name)


def _monday(week: datetime) -> date:
    return timezone.localtime(week).date()


def _newest(wrong: QuerySet[TeachingRead], to: User) -> QuerySet[TeachingRead]:
    """The newest misses; none of a picture that whoever looks has still to read blind elsewhere."""
    shown = wrong.exclude(held_back_from(to, "case__")).select_related("case")
    return shown.order_by("-created_at", "-pk")[: MISSED_SHOWN * 50]


def trainee_card(trainee: Trainee, *, is_own: bool) -> Card:
    """A trainee's weeks as a drawing with the table behind, and what was missed."""
    weeks = trainee.weeks[-MOST_WEEKS:]
    labels = known_classes()
    lists = [_by_class(trainee, labels), _cases(trainee, labels, is_own=is_own)] if trainee.missed else []
    return Card(
        str(trainee.key),
        trainee.name,
        _t("Right: %(share)s") % {"share": words.share_in_words(trainee.share)},
        drawing=_drawing(trainee.name, weeks),
        table=_table(weeks),
        lists=lists,
        notes=[_t("Wilson's intervals, each draw for itself; a case that was drawn again counts again.")],
        tells_of=[read.case.code for read in trainee.newest],
        is_wide=True,
    )


def _drawing(title: str, weeks: Sequence[tuple[date, Share]]) -> Drawing:
    step = (X1 - X0) / len(weeks)

    def y(value: float) -> float:
        return Y0 - (Y0 - Y1) * value

    marks: list[Mark] = [text(0, 12, _t("right, percent"), tone="soft")]
    for part in range(3):
        marks += [line(X0, y(part / 2), X1, y(part / 2), "grid")]
        marks += [text(X0 - 8, y(part / 2) + 4, str(50 * part), anchor="end", tone="soft")]
    for place, (_week, each) in enumerate(weeks):
        middle = X0 + step * (place + 0.5)
        marks.append(line(middle, y(each.low or 0.0), middle, y(each.high or 0.0), "range"))
        marks.append(dot(middle, y(each.value or 0.0), 4, "lit"))
    marks += first_and_last([week for week, _share in weeks])
    described = "; ".join(f"{week.isoformat()}: {words.brief(each)}" for week, each in weeks)
    return Drawing(title, described, Y0 + 26, marks)


def _table(weeks: Sequence[tuple[date, Share]]) -> Table:
    heads = [
        ("week_from", _t("Week from")),
        ("right", _t("Right")),
        ("n", _t("Of")),
        ("interval", _t("95 % interval")),
    ]
    rows = [
        [Cell(week.isoformat()), number_cell(each.hits), number_cell(each.n), Cell(words.span(each))]
        for week, each in weeks
    ]
    return Table(heads, rows)


def _by_class(trainee: Trainee, labels: dict[str, str]) -> Table:
    heads = [("known", _t("Known class")), ("named", _t("Named")), ("n", _t("Draws"))]
    rows = [
        [_class(truth, labels), _class(said, labels), number_cell(n)] for truth, said, n in trainee.missed
    ]
    return Table(heads, rows, caption=_t("What was missed"))


def _cases(trainee: Trainee, labels: dict[str, str], *, is_own: bool) -> Table:
    heads = [("case", _t("Case")), ("known", _t("Known class")), ("named", _t("Named"))]
    rows = [
        [
            Cell(read.case.code, link=_link(read, is_own=is_own)),
            _class(read.case.ground_truth, labels),
            _class(read.read_class, labels),
        ]
        for read in trainee.newest
    ]
    return Table(heads, rows, caption=_t("The newest misses"))


def _class(code: str, labels: dict[str, str]) -> Cell:
    return Cell(str(labels.get(code, code)), code, class_code=code)


def _link(read: TeachingRead, *, is_own: bool) -> str:
    """The own answer beside result and truth; to whoever teaches, the case."""
    if is_own:
        return f"{reverse('cases:teaching-case', args=[read.case.code])}?read={read.pk}"
    return reverse("cases:case", args=[read.case.code])
