"""Of the reads of a study, the ratings that go into the analysis over readers and cases."""

from datetime import UTC, datetime
from uuid import UUID

import pytest

from cases.evidence.cards.crossed import analysed, crossed
from cases.evidence.columns import Rows, Vocabulary
from cases.evidence.study import LeftOut, Read, Result, Study

pytestmark = pytest.mark.unit

MOMENT = datetime(2026, 11, 27, tzinfo=UTC)
ONE, OTHER = UUID(int=1), UUID(int=2)
TRUTHS = {"A": "notumor", "B": "notumor", "C": "glioma", "D": "glioma"}


def study_of(said) -> Study:
    """said: (case, reader, class and confidence before, class and confidence after) of each read."""
    vocabulary = Vocabulary()
    reads = Rows(Read, vocabulary, numbers=("probability", "seconds"), moments=("at",))
    for case, reader, before, before_confidence, after, confidence in said:
        reads.append(
            Read(
                case=case,
                cluster=case,
                truth=TRUTHS.get(case, ""),
                reader=reader,
                network="glioma",
                probability=0.9,
                before=before,
                before_confidence=before_confidence,
                after=after,
                confidence=confidence,
                seconds=None,
                version="one",
                at=MOMENT,
            )
        )
    return Study(
        reads=reads,
        results=Rows(Result, vocabulary, numbers=("probability", "brier")),
        left_out=LeftOut(),
        classes={"glioma": "Glioma", "notumor": "No tumour"},
        readers={ONE: "One", OTHER: "Other"},
        versions=["one"],
        negative_class="notumor",
        is_simulated=False,
        as_of=MOMENT,
    )


def test_rating_is_the_confidence_and_below_zero_where_another_class_is_named() -> None:
    # Before, the first reader says the same of all cases, and the other is sure of each wrong class; after,
    # both are right, and less sure of one than the other is of what it is not.
    said = [
        *((case, ONE, "glioma", 3, truth, 2 + (case in "BD")) for case, truth in TRUTHS.items()),
        ("A", OTHER, "glioma", 5, "notumor", 1),
        ("B", OTHER, "glioma", 4, "notumor", 5),
        ("C", OTHER, "notumor", 1, "glioma", 5),
        ("D", OTHER, "notumor", 2, "glioma", 1),
    ]
    study = study_of(said)
    found = analysed(study, crossed(study), "notumor")
    assert found is not None
    assert found.values.tolist() == [[0.5, 0.0], [1.0, 1.0]]
    assert (found.readers, found.cases) == (2, 4)
    of_the_others = analysed(study, crossed(study), "glioma")
    assert of_the_others is not None
    assert of_the_others.values.tolist() == [[0.5, 0.0], [1.0, 1.0]]


def test_only_cases_count_that_all_readers_have_read_blind_and_then_again() -> None:
    said = [
        *((case, ONE, truth, 3, truth, 4) for case, truth in TRUTHS.items()),
        ("A", OTHER, "glioma", 2, "notumor", 3),
        ("C", OTHER, "glioma", 2, "glioma", 3),
        ("D", OTHER, "", 0, "glioma", 3),  # not blind
        ("E", OTHER, "glioma", 2, "glioma", 3),  # of no known class
    ]
    study = study_of(said)
    found = crossed(study)
    assert (found.readers, found.cases, found.read_by_some) == ([ONE, OTHER], ["A", "C"], 4)
    assert found.said.tolist() == [
        [["notumor", "glioma"], ["glioma", "glioma"]],
        [["notumor", "glioma"], ["notumor", "glioma"]],
    ]
    assert found.sure.tolist() == [[[3, 3], [2, 2]], [[4, 4], [3, 3]]]
    assert found.are("glioma").tolist() == [False, True]
    # A single case on one side has no spread.
    assert analysed(study, found, "glioma") is None
