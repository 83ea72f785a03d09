"""Rows held as columns come back as they were."""

from datetime import UTC, datetime
from typing import NamedTuple
from uuid import UUID

from cases.evidence.columns import Rows, Vocabulary

MOMENT = datetime(2026, 11, 27, 17, 31, 48, 123457, UTC)
READER = UUID(int=7)


class Said(NamedTuple):
    reader: UUID
    word: str
    confidence: int
    seconds: float | None
    at: datetime


ROWS = [
    Said(READER, "glioma", 3, 1.5, MOMENT),
    Said(READER, "", 3, None, MOMENT.replace(year=1999, microsecond=999_999)),
    Said(UUID(int=8), "glioma", 5, 0.1, MOMENT),
]


def test_rows_come_back_as_they_were_however_often_they_are_asked_for() -> None:
    vocabulary = Vocabulary()
    rows = Rows(Said, vocabulary, numbers=["seconds"], moments=["at"])
    assert (len(rows), list(rows), bool(rows)) == (0, [], False)
    for row in ROWS:
        rows.append(row)
    vocabulary.clear()
    assert list(rows) == list(rows) == ROWS
    assert (len(rows), rows[1], rows[-1], rows[:2]) == (3, ROWS[1], ROWS[2], ROWS[:2])


def test_rows_that_share_a_vocabulary_hold_each_word_once() -> None:
    vocabulary = Vocabulary()
    one, other = (Rows(Said, vocabulary, numbers=["seconds"], moments=["at"]) for _ in range(2))
    for row in ROWS:
        one.append(row)
        other.append(row)
    assert vocabulary.values_by_place == [READER, "glioma", 3, "", UUID(int=8), 5]
    assert list(one) == list(other) == ROWS
    assert one[0].word is other[2].word
