"""What a fault is, and how what came of it is counted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.faults import uploads
from tests.faults.portal import Portal
from tests.faults.table import AIM_SECONDS, Row
from tests.faults.uploads import LostError


@dataclass
class Told:
    """What a fault says when it is over. codes: of the cases, empty for one that was never confirmed.
    ends_in_words: how many of them are to fail, with a reason.
    """

    codes: list[str]
    seconds: float
    ends_in_words: int = 0
    wrong: list[str] = field(default_factory=list)


# Of the portal that it breaks, and how many cases.
Run = Callable[[Any, int], Told]


@dataclass(frozen=True)
class Fault:
    """One way in which something breaks."""

    name: str
    words: str
    run: Run
    aim: float = AIM_SECONDS


def measured(fault: Fault, portal: Portal, cases: int) -> Row:
    """Break it, wait until all is over, and count. An upload that was never confirmed is lost."""
    before = portal.cases()
    told = _told(fault, portal, cases)
    portal.settle()
    codes = sorted(set(told.codes) - {""})
    results, predictions, tried_again = portal.ask(
        f"""
        SELECT count(DISTINCT cases_case.id) FILTER (WHERE cases_prediction.id IS NOT NULL),
               count(DISTINCT cases_prediction.id),
               count(DISTINCT cases_job.id) FILTER (WHERE cases_job.attempts > 1)
        FROM cases_case
        JOIN cases_image ON cases_image.case_id = cases_case.id
        JOIN cases_job ON cases_job.image_id = cases_image.id
        LEFT JOIN cases_prediction ON cases_prediction.image_id = cases_image.id
        WHERE cases_case.code IN ({_places(codes)})
        """,
        *codes,
    )[0]
    in_words = _failed_in_words(portal, codes)
    if in_words < told.ends_in_words:
        told.wrong.append(f"{told.ends_in_words} should have failed in words, {in_words} did")
    return Row(
        fault.name,
        len(told.codes),
        results,
        in_words,
        tried_again,
        lost=len(told.codes) - results - min(in_words, told.ends_in_words),
        doubled=(portal.cases() - before - len(codes)) + (predictions - results),
        seconds=told.seconds,
        aim=fault.aim,
        wrong="; ".join(told.wrong),
    )


def _told(fault: Fault, portal: Portal, cases: int) -> Told:
    """What it says; a portal that never takes a case in again is told of as well."""
    try:
        return fault.run(portal, cases)
    except LostError as error:
        return Told([""], uploads.GIVE_UP_SECONDS, wrong=[f"an upload was never confirmed: {error}"])


def _failed_in_words(portal: Portal, codes: list[str]) -> int:
    return int(
        portal.ask(
            f"""
            SELECT count(*) FROM cases_job
            JOIN cases_image ON cases_image.id = cases_job.image_id
            JOIN cases_case ON cases_case.id = cases_image.case_id
            WHERE cases_case.code IN ({_places(codes)}) AND cases_job.status = 'failed'
            AND cases_job.error_message <> ''
            """,
            *codes,
        )[0][0]
    )


def _places(values: list[str]) -> str:
    """A place in a statement for each."""
    return ", ".join(["%s"] * len(values)) or "NULL"
