"""A hospital's files that come one by one over a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.files.base import File

from cases.intake.judging import Judged, Twin, discard_unused, judged_files, pictures_of
from cases.intake.receipts import Outcome, Receipt
from cases.intake.stored_pictures import waiting_pictures
from cases.intake.uploads import new_case, plans_of, receipts_of, taken_in
from cases.models import Cohort
from cases.permissions import Action, require
from cases.translation import remarks_in_words
from inference.series import DIFFERS

if TYPE_CHECKING:
    from portal.accounts.models import User


class Arrival:
    """Files of one line: each is judged as it comes, since its sender waits
    for an answer; they become cases together, when all are there. `close` it in any case.
    """

    def __init__(self, *, by: User, cohort: Cohort) -> None:
        require(by, Action.UPLOAD, cohort)
        self._by, self._cohort = by, cohort
        self._digests: set[str] = set()
        self._judged: list[Judged] = []
        # What an instance that waits here looks like, by its key and its frame.
        self._contents: dict[tuple[str, int], str] = {}

    def add(self, file: File[bytes]) -> Receipt | None:
        """The receipt of a file that is refused or known; None of one that waits for the others."""
        (entry,) = judged_files(self._by, self._cohort, [file], self._digests)
        if isinstance(entry, Receipt):
            return entry
        if isinstance(entry, Twin):
            return None
        contents: dict[tuple[str, int], str] = {
            (picture.member.instance, picture.key[1]): picture.fields["file"]
            for picture in entry
            if picture.member is not None and picture.member.instance
        }
        known = [self._contents.get(key, content) == content for key, content in contents.items()]
        if not all(known):
            self._digests.discard(entry[0].key[0])
            discard_unused(entry)
            (sentence,) = remarks_in_words([(DIFFERS.code, dict(DIFFERS.facts))])
            return Receipt(Outcome.REFUSED, None, "instance_differs", sentence)
        self._contents |= contents
        self._judged.append(entry)
        waiting_pictures.hold(entry)
        return None

    def finish(self) -> list[Receipt]:
        """Make the cases; the receipts of those that waited. Those of one series are one case."""
        made = taken_in(self._cohort, plans_of(self._judged), new_case(self._by, self._cohort))
        return receipts_of(self._judged, made)

    def close(self) -> None:
        """Take out of the storage what became part of no case."""
        pictures = pictures_of(self._judged)
        self._judged = []
        waiting_pictures.let_go(pictures)
        discard_unused(pictures)
