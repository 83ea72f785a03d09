"""How networks and readers do on the sentinels of a cohort: shares right, with the tables behind."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, TypeAlias
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _t

from cases.classes import known_classes
from cases.evidence import words
from cases.evidence.cards.accuracy import forest
from cases.evidence.cards.card import DASH, Card, Cell, Table
from cases.evidence.measures.ledger import clusters_of
from cases.evidence.measures.proportions import clustered_share
from cases.governance.sentinel_checks import newest_check, newest_outcomes, outcomes
from cases.models import FirstRead, Review
from cases.models.first_read import read_blind
from cases.models.review import standing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from cases.evidence.measures.proportions import Share
    from cases.governance.sentinel_checks import Answer, Outcome
    from cases.models import Cohort

CHECKS_SHOWN = 20


def sentinel_cards(cohort: Cohort, *, with_readers: bool) -> list[Card]:
    """What changed at the last activation, how each network does, and where it may be told, each reader."""
    cards = [_changes(cohort), _networks(cohort)]
    return [*cards, _readers(cohort)] if with_readers else cards


def _changes(cohort: Cohort) -> Card:
    """The former and the new answer, case by case."""
    title = _t("Former and new answers")
    check = newest_check(cohort)
    if check is None:
        nothing = _t("No network has been asked yet: that takes a minute or two once cases are marked.")
        return Card("changes", title, nothing)
    found = outcomes(check)
    right = [each for each in found if each.was_right]
    lost = sum(not each.is_right for each in right)
    told = {"name": check.version.name, "lost": lost, "n": len(right)}
    if not check.finished_at:
        sentence = _t("%(name)s is being asked; what it has answered stands below.") % told
    elif not right:
        sentence = _t("%(name)s has answered; no network before it was right about one of them.") % told
    else:
        sentence = _t("Of %(n)d that a network before got right, %(name)s gets %(lost)d wrong.") % told
    heads = [
        ("case", _t("Case")),
        ("known_class", _t("Known class")),
        ("former_network", _t("Former network")),
        ("former", _t("Former answer")),
        ("new", _t("New answer")),
        ("change", _t("Change")),
    ]
    labels = known_classes()
    table = Table(heads, [_change(each, labels) for each in found])
    codes = [each.case for each in found]
    return Card("changes", title, sentence, table=table, notes=[_note()], is_wide=True, tells_of=codes)


def _note() -> str:
    return _t("What the input gate refuses, and what could not be analysed, is not right.")


def _change(found: Outcome, labels: Mapping[str, str]) -> list[Cell]:
    before, after = found.before, found.after
    link = reverse("cases:case", args=[found.case])
    return [
        Cell(found.case, found.case, link),
        Cell(labels.get(found.truth, found.truth), found.truth, class_code=found.truth),
        Cell(before.version if before else DASH, before.version if before else ""),
        _said(before, labels),
        _said(after, labels),
        Cell(_change_in_words(found)),
    ]


def _said(answer: Answer | None, labels: Mapping[str, str]) -> Cell:
    if answer is None:
        return Cell(DASH, "")
    if not answer.code:
        return Cell(_t("refused"), "refused")
    return Cell(labels.get(answer.code, answer.code), answer.code, class_code=answer.code)


def _change_in_words(found: Outcome) -> str:
    if found.before is None:
        return _t("right, for the first time asked") if found.is_right else _t("not right, no answer before")
    if found.was_right:
        return _t("right as before") if found.is_right else _t("wrong now")
    return _t("right now") if found.is_right else _t("not right, as before")


def _networks(cohort: Cohort) -> Card:
    """Each check's share right, the newest first."""
    title = _t("Networks on the sentinels")
    lines, rows = [], []
    for check, found in newest_outcomes(cohort, CHECKS_SHOWN):
        day = timezone.localdate(check.started_at).isoformat()
        counted = [each for each in found if not (each.after and each.after.trained_on)]
        right = clustered_share(clusters_of((each.cluster, each.is_right) for each in counted))
        lines.append((f"{check.version.name}, {day}", "", right))
        rows.append([Cell(check.version.name), Cell(day), *_share_cells(right)])
    if not rows:
        return Card("networks", title, _t("No network has been asked yet."))
    heads = [("network", _t("Network")), ("asked", _t("Asked on")), *_share_heads()]
    trained = _t("Pictures that a network was trained on are left out of its share.")
    sentence = f"{lines[0][0]}: {words.share_in_words(lines[0][2])}"
    table = Table(heads, rows)
    return Card("networks", title, sentence, forest(title, lines), table, notes=[_note(), trained])


def _readers(cohort: Cohort) -> Card:
    """Each reader's share right: what was committed blind, and the last word."""
    title = _t("Readers on the sentinels")
    found = _reads(cohort)
    people = get_user_model().objects.filter(pk__in=found)
    names = sorted((str(person), person.pk) for person in people)
    if not names:
        return Card("readers", title, _t("Nobody has read one yet."))
    lines, rows = [], []
    for name, key in names:
        for when, right in (
            (_t("before the network"), _right(found[key], 0)),
            (_t("last word"), _right(found[key], 1)),
        ):
            if right.n:
                lines.append((f"{name} · {when}", "", right))
                rows.append([Cell(name), Cell(when), *_share_cells(right)])
    heads = [("reader", _t("Reader")), ("when", _t("When")), *_share_heads()]
    everybody = [read for reads in found.values() for read in reads]
    sentence = _t("All readers, last word: %(share)s") % {"share": words.share_in_words(_right(everybody, 1))}
    return Card("readers", title, sentence, forest(title, lines), Table(heads, rows), is_tall=True)


# Patient or case, known class, and what was said: before the network (empty where it was not blind), at last.
_Read: TypeAlias = tuple[str, str, tuple[str, str]]


def _reads(cohort: Cohort) -> dict[UUID, list[_Read]]:
    """The reads of sentinels, by reader."""
    first = FirstRead.objects.filter(read_blind(), case=OuterRef("case"), reader=OuterRef("reader"))
    reviews = Review.objects.filter(standing(), case__cohort=cohort, case__is_sentinel=True).order_by()
    rows = reviews.annotate(first_class=Subquery(first.values("read_class")[:1])).values_list(
        *("reader", "case__code", "case__patient", "case__ground_truth", "first_class", "final_class")
    )
    found: dict[UUID, list[_Read]] = defaultdict(list)
    for reader, case, patient, truth, before, after in rows:
        found[reader].append((patient or case, truth, (before or "", after)))
    return found


def _right(reads: Sequence[_Read], at: int) -> Share:
    """How many are right before the network (0), or at last (1)."""
    said = [(cluster, truth, classes[at]) for cluster, truth, classes in reads if classes[at]]
    return clustered_share(clusters_of((cluster, truth == code) for cluster, truth, code in said))


def _share_heads() -> list[tuple[str, str]]:
    return [("right", _t("Right")), ("n", _t("Of")), ("share", _t("Share right, 95 % interval"))]


def _share_cells(right: Share) -> list[Cell]:
    return [
        Cell(str(right.hits), right.hits),
        Cell(str(right.n), right.n),
        Cell(words.share_in_words(right), right.value),
    ]
