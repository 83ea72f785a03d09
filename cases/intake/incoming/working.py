"""Looking at what has arrived, and taking in what was confirmed: what a worker does of an upload."""

from __future__ import annotations

import hashlib
import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import IO, TYPE_CHECKING

from celery import current_app
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db import transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _t
from kombu.exceptions import OperationalError

from cases import audit
from cases.intake.archives import Unpacked
from cases.intake.incoming import folders, proposals, vault
from cases.intake.incoming.receiving import require_right, said_of
from cases.intake.incoming.said import words_of_lost, words_of_unread
from cases.intake.receipts import Outcome
from cases.lifecycle import INCOMING_AT_WORK, IncomingState, check_incoming_transition
from cases.models import IncomingUpload

if TYPE_CHECKING:
    from uuid import UUID

    from cases.intake.incoming.said import Said
    from cases.intake.receipts import Given

logger = logging.getLogger(__name__)

TASK = "cases.intake.incoming.tasks.work_on"
# Longer than any one file takes; what moves on renews it.
LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 3
# Of all workers together, so that uploads keep nothing else waiting.
AT_ONCE = 2
_TOLD_EVERY = 1.0
_READ = 2**20
# Of a message: by then another is sent.
_EXPIRES_SECONDS = 30


class _Refused(Exception):
    """The upload ends here; the message says why."""


class _Lost(Exception):
    """Somebody has thrown the upload away, or another worker has it."""


@dataclass(frozen=True)
class _Lease:
    upload: IncomingUpload
    token: UUID

    def change(self, **changes: object) -> None:
        """Change the row. Raises _Lost where it is not ours any more."""
        if not IncomingUpload.objects.filter(pk=self.upload.pk, token=self.token).update(**changes):
            raise _Lost

    def end(self, state: IncomingState, told: str) -> None:
        """Move on, with what is told of it."""
        check_incoming_transition(IncomingState(self.upload.state), state)
        sealed = vault.seal(self.upload.pk, told)
        self.change(state=state, told=sealed, token=None, lease_until=None, attempts=0)


def wake_on_commit(upload: IncomingUpload) -> None:
    """Tell a worker of an upload that is to be looked at or taken in; `send_waiting` does so again."""
    if upload.state in INCOMING_AT_WORK:
        transaction.on_commit(lambda: _wake(upload.pk), robust=True)


def send_waiting() -> None:
    """Tell workers of every upload that nobody is at work on."""
    for key in IncomingUpload.objects.filter(_free()).order_by("created_at").values_list("pk", flat=True):
        if not _wake(key):
            return


def work_on(key: UUID) -> None:
    """Do what the upload waits for; where somebody else is at it, nothing."""
    if (lease := _lease(key)) is None:
        return
    try:
        with translation.override(lease.upload.language):
            _work(lease)
    except _Lost:
        logger.info("Upload %s was thrown away while it was worked on.", key)
    except Exception:
        logger.exception("Upload %s could not be worked on.", key)
        _give_back(lease)


def _work(lease: _Lease) -> None:
    upload = lease.upload
    if upload.attempts > MAX_ATTEMPTS:
        _fail(lease, words_of_unread(upload))
        return
    try:
        words = said_of(upload)
        require_right(upload.user, upload)
        with _files_of(upload, words) as files:
            if upload.state == IncomingState.CHECKING:
                lease.end(IncomingState.PROPOSED, _preview(lease, words, files))
                return
            told = _made(lease, words, files)
        with transaction.atomic():
            lease.end(IncomingState.DONE, proposals.packed_told(told))
            _record(upload, told)
        vault.discard_pieces(upload.pk)
    except (_Refused, folders.FolderUnusable, PermissionDenied) as refusal:
        _fail(lease, str(refusal))
    except vault.Unreadable:
        _fail(lease, words_of_lost(upload))


@contextmanager
def _files_of(upload: IncomingUpload, words: Said) -> Iterator[Unpacked]:
    """The files: out of what was sent, or where they lie."""
    most = {
        "most_bytes": settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE,
        "most_files": settings.UPLOAD_PIECES_MAX_FILES,
    }
    if upload.folder:
        with folders.opened(upload.folder, words.file_name) as lying:
            yield Unpacked(lying, **most, expected=len(lying))
        return
    with vault.whole_file(upload.pk, upload.pieces) as stream:
        if upload.state == IncomingState.CHECKING or words.is_direct:
            _check_digest(stream, words)
        file: File[bytes] = File(stream, name=words.file_name)
        yield Unpacked([(words.file_name, file)], **most)


def _preview(lease: _Lease, words: Said, files: Unpacked) -> str:
    counted = _counted(lease, files)
    upload = lease.upload
    preview = proposals.preview_of(
        upload.user,
        upload.cohort,
        files.names,
        counted,
        is_one_case=words.is_one_case,
        volume=words.volume,
    )
    return proposals.packed_preview(preview)


def _made(lease: _Lease, words: Said, files: Unpacked) -> list[proposals.Told]:
    counted = _counted(lease, files)
    upload = lease.upload
    return proposals.made(
        upload.user,
        upload.cohort,
        files.names,
        counted,
        is_one_case=words.is_one_case,
        volume=words.volume,
        left_out=upload.left_out,
        # What was sent stays as it is; a folder may be changed at any time.
        seen=proposals.keys_seen(upload) if upload.folder else None,
    )


def _record(upload: IncomingUpload, told: list[proposals.Told]) -> None:
    """Write down what was imported from a folder; of what was sent each case says enough."""
    if upload.folder:
        outcomes = Counter(each.outcome for each in told)
        audit.record(
            by=upload.user,
            action="import.done",
            subject=upload,
            cohort=upload.cohort,
            folder=upload.folder,
            cases=len({each.case for each in told if each.outcome == Outcome.RECEIVED}),
            **{outcome: outcomes[outcome] for outcome in Outcome.values},
        )


def _counted(lease: _Lease, files: Unpacked) -> Iterator[Given]:
    """The files, while the row is told how many of them were read, which renews the lease."""
    told_at = 0.0
    for done, given in enumerate(files):
        if (now := time.monotonic()) - told_at >= _TOLD_EVERY:
            lease.change(files_done=done, files=files.total, lease_until=timezone.now() + LEASE)
            told_at = now
        yield given
    lease.change(files_done=files.total, files=files.total, lease_until=timezone.now() + LEASE)


def _check_digest(stream: IO[bytes], words: Said) -> None:
    """Hold the whole against the digest that the sender gave; each piece was held against its own."""
    if not words.sha256:
        return
    digest = hashlib.sha256()
    for piece in iter(lambda: stream.read(_READ), b""):
        digest.update(piece)
    if digest.hexdigest() != words.sha256:
        raise _Refused(_t("What arrived has another digest than what was sent. Send it again."))


def _lease(key: UUID) -> _Lease | None:
    at_work = IncomingUpload.objects.filter(state__in=INCOMING_AT_WORK, lease_until__gt=timezone.now())
    if at_work.count() >= AT_ONCE:
        return None
    token = uuid.uuid4()
    taken = IncomingUpload.objects.filter(_free(), pk=key).update(
        token=token, lease_until=timezone.now() + LEASE, attempts=F("attempts") + 1
    )
    if not taken:
        return None
    return _Lease(IncomingUpload.objects.select_related("user", "cohort").get(pk=key), token)


def _free() -> Q:
    return Q(state__in=INCOMING_AT_WORK) & (Q(lease_until__isnull=True) | Q(lease_until__lte=timezone.now()))


def _give_back(lease: _Lease) -> None:
    """Let the next round try again."""
    IncomingUpload.objects.filter(pk=lease.upload.pk, token=lease.token).update(token=None, lease_until=None)


def _fail(lease: _Lease, reason: str) -> None:
    lease.end(IncomingState.FAILED, reason)
    vault.discard_pieces(lease.upload.pk)


def _wake(key: UUID) -> bool:
    try:
        current_app.send_task(TASK, args=[str(key)], expires=_EXPIRES_SECONDS)
    except OperationalError:
        logger.warning("The broker cannot be reached; upload %s waits.", key)
        return False
    return True
