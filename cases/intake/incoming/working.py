"""Looking at what has arrived, and taking in what was confirmed: what a worker does of an upload."""

from __future__ import annotations

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TYPE_CHECKING

from celery import current_app
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.core.files.base import File
from django.db import transaction
from django.db.models import Q
from django.utils import translation
from django.utils.translation import gettext as _t
from kombu.exceptions import OperationalError

from cases import audit, leases
from cases.intake.archives import Unpacked
from cases.intake.incoming import folders, proposals, vault
from cases.intake.incoming.known import known_classes_at, reason_of
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
# Of the task, for an upload as large as one may be: asked to stop, and killed.
SOFT_SECONDS, HARD_SECONDS = 3600, 3660
# Of all workers together, so that uploads keep nothing else waiting.
AT_ONCE = 2
_TOLD_EVERY = 1.0
_READ = 2**20
# Of a message: by then another is sent.
_EXPIRES_SECONDS = 30
_AT_WORK = Q(state__in=INCOMING_AT_WORK)


class _Refused(Exception):
    """The upload ends here; the message says why."""


def wake_on_commit(upload: IncomingUpload) -> None:
    """Tell a worker of an upload that is to be looked at or taken in; `send_waiting` does so again."""
    if upload.state in INCOMING_AT_WORK:
        transaction.on_commit(lambda: _wake(upload.pk), robust=True)


def send_waiting() -> None:
    """Tell workers of every upload that nobody is at work on."""
    due = IncomingUpload.objects.filter(_AT_WORK, leases.is_due()).order_by("created_at")
    for key in due.values_list("pk", flat=True):
        if not _wake(key):
            return


def work_on(key: UUID) -> None:
    """Do what the upload waits for; where somebody else is at it, nothing."""
    if (upload := _take(key)) is None:
        return
    try:
        with translation.override(upload.language), leases.renewing(upload, at_most=HARD_SECONDS):
            _work(upload)
    except leases.Lost:
        logger.info("Upload %s was thrown away while it was worked on.", key)
    except Exception:
        logger.exception("Upload %s could not be worked on.", key)
        # The next round tries again.
        with suppress(leases.Lost):
            leases.put_off(upload)


def _take(key: UUID) -> IncomingUpload | None:
    if IncomingUpload.objects.filter(_AT_WORK, leases.is_held()).count() >= AT_ONCE:
        return None
    return leases.take(IncomingUpload.objects.select_related("user", "cohort"), _AT_WORK & Q(pk=key))


def _work(upload: IncomingUpload) -> None:
    if upload.attempts > leases.MAX_ATTEMPTS:
        _fail(upload, words_of_unread(upload))
        return
    try:
        words = said_of(upload)
        require_right(upload.user, upload)
        with _files_of(upload, words) as files:
            if upload.state == IncomingState.CHECKING:
                _end(upload, IncomingState.PROPOSED, _preview(upload, words, files))
                return
            told = _made(upload, words, files)
        with transaction.atomic():
            _end(upload, IncomingState.DONE, proposals.packed_told(told))
            _record(upload, told)
        vault.discard_pieces(upload.pk)
    except (_Refused, folders.FolderUnusable, PermissionDenied) as refusal:
        _fail(upload, str(refusal))
    except vault.Unreadable:
        _fail(upload, words_of_lost(upload))


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


def _preview(upload: IncomingUpload, words: Said, files: Unpacked) -> str:
    preview = proposals.preview_of(
        upload.user,
        upload.cohort,
        files.names,
        _counted(upload, files),
        is_one_case=words.is_one_case,
        volume=words.volume,
        known=known_classes_at(upload.folder, words.file_name) if upload.folder else None,
    )
    return proposals.packed_preview(preview)


def _made(upload: IncomingUpload, words: Said, files: Unpacked) -> list[proposals.Told]:
    return proposals.made(
        upload.user,
        upload.cohort,
        files.names,
        _counted(upload, files),
        is_one_case=words.is_one_case,
        volume=words.volume,
        left_out=upload.left_out,
        # What was sent stays as it is; a folder may be changed at any time.
        seen=proposals.preview_seen(upload) if upload.folder else None,
        reason=reason_of(upload.folder),
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


def _counted(upload: IncomingUpload, files: Unpacked) -> Iterator[Given]:
    """The files, while the row is told how many of them were read."""
    told_at = 0.0
    for done, given in enumerate(files):
        if (now := time.monotonic()) - told_at >= _TOLD_EVERY:
            leases.change(upload, files_done=done, files=files.total)
            told_at = now
        yield given
    leases.change(upload, files_done=files.total, files=files.total)


def _check_digest(stream: IO[bytes], words: Said) -> None:
    """Hold the whole against the digest that the sender gave; each piece was held against its own."""
    if not words.sha256:
        return
    digest = hashlib.sha256()
    for piece in iter(lambda: stream.read(_READ), b""):
        digest.update(piece)
    if digest.hexdigest() != words.sha256:
        raise _Refused(_t("What arrived has another digest than what was sent. Send it again."))


def _end(upload: IncomingUpload, state: IncomingState, told: str) -> None:
    """Move on, with what is told of it."""
    check_incoming_transition(IncomingState(upload.state), state)
    leases.end(upload, state=state, told=vault.seal(upload.pk, told), attempts=0)


def _fail(upload: IncomingUpload, reason: str) -> None:
    _end(upload, IncomingState.FAILED, reason)
    vault.discard_pieces(upload.pk)


def _wake(key: UUID) -> bool:
    try:
        current_app.send_task(TASK, args=[str(key)], expires=_EXPIRES_SECONDS)
    except OperationalError:
        logger.warning("The broker cannot be reached; upload %s waits.", key)
        return False
    return True
