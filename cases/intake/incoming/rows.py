"""An upload in pieces as a row of the upload page."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from cases.intake.incoming import proposals, vault
from cases.intake.incoming.proposals import LEFT_OUT, Preview
from cases.intake.incoming.receiving import said_of
from cases.intake.incoming.said import words_of_lost
from cases.intake.upload_rows import UploadRow, rows_of
from cases.lifecycle import INCOMING_AT_WORK

if TYPE_CHECKING:
    from cases.models import IncomingUpload
    from portal.accounts.models import User


@dataclass(frozen=True)
class IncomingRow:
    """What its sender sees of an upload."""

    upload: IncomingUpload
    name: str = ""
    fingerprint: str = ""
    preview: Preview = field(default_factory=Preview)
    rows: tuple[UploadRow, ...] = ()
    left_out: int = 0
    failure: str = ""

    @property
    def is_at_work(self) -> bool:
        return self.upload.state in INCOMING_AT_WORK

    @property
    def percent(self) -> int:
        """How much of it has arrived."""
        return 100 * self.upload.offset // self.upload.length if self.upload.length else 100

    @property
    def percent_read(self) -> int:
        """How many of its files were read."""
        return 100 * self.upload.files_done // self.upload.files if self.upload.files else 0


def shown(user: User, upload: IncomingUpload) -> IncomingRow:
    """The row."""
    try:
        words = said_of(upload)
        told = proposals.receipts_told(upload)
        taken = [each for each in told if each[1].code != LEFT_OUT]
        return IncomingRow(
            upload,
            f"{upload.folder}/{words.file_name}".strip("/") if upload.folder else words.file_name,
            words.fingerprint,
            proposals.preview_told(upload),
            tuple(rows_of(user, taken, is_one_case=words.is_one_case)),
            len(told) - len(taken),
            proposals.failure_told(upload),
        )
    except vault.Unreadable:
        return IncomingRow(upload, failure=words_of_lost(upload))
