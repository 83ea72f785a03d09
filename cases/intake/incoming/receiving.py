"""An upload in pieces, from its beginning until all of it is here."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Count, Q, QuerySet, Sum
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _t

from cases import leases
from cases.intake.incoming import vault
from cases.intake.incoming.said import Said, said
from cases.lifecycle import INCOMING_AT_WORK, IllegalTransition, IncomingState
from cases.models import Cohort, IncomingUpload
from cases.permissions import Action, cohorts_where, require

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from uuid import UUID

    from portal.accounts.models import User

# By the names that tus gives them.
DIGESTS = ("sha256", "sha1")
# Of one upload: as many names stand in its row.
MAX_PIECES = 4096
MOST_OVER_SHOWN = 50
# In one of these its pieces are stored.
_STORED = ~Q(state__in=(IncomingState.DONE, IncomingState.FAILED))


class TooLong(Exception):
    """One upload has more bytes than one may have, or one piece more than a piece may have."""

    def __init__(self, most: int) -> None:
        super().__init__(_t("At most %(mb)d MB are taken here.") % {"mb": most // 2**20})


class NoRoom(Exception):
    """Too much is under way."""


class OffsetDiffers(Exception):
    """The piece does not begin where the last one ended: the sender asks where that is, and goes on there."""

    def __init__(self) -> None:
        super().__init__(
            _t("The upload goes on at another place. Ask by HEAD where, and send on from there.")
        )


class DigestDiffers(Exception):
    """What arrived is not what was sent."""

    def __init__(self) -> None:
        super().__init__(_t("The piece changed on its way; nothing of it was kept. Send it again."))


class TooManyPieces(Exception):
    """The pieces are so small that there would be too many."""

    def __init__(self) -> None:
        sentence = _t("One upload takes at most %(most)d pieces. Begin again, with larger ones.")
        super().__init__(sentence % {"most": MAX_PIECES})


def uploads_of(user: User) -> QuerySet[IncomingUpload]:
    """What this person has sent and is kept, of cohorts that they may upload into."""
    return _kept_of(user).filter(folder="", cohort__in=cohorts_where(user, Action.UPLOAD))


def imports_of(user: User, cohorts: Iterable[Cohort]) -> QuerySet[IncomingUpload]:
    """What this person has imported into the cohorts from folders, and is kept."""
    return _kept_of(user).filter(cohort__in=cohorts).exclude(folder="")


def _kept_of(user: User) -> QuerySet[IncomingUpload]:
    own = IncomingUpload.objects.filter(user=user, expires_at__gt=timezone.now()).select_related("cohort")
    return own if user.limited_to is None else own.filter(cohort=user.limited_to)


def shown_on_a_page(kept: QuerySet[IncomingUpload]) -> list[IncomingUpload]:
    """All of them that wait or are at work, of which one person has few, and the newest that are over: a
    script leaves thousands of these in a day. The oldest first.
    """
    over = kept.exclude(_STORED).order_by("-created_at", "-id")[:MOST_OVER_SHOWN]
    # By its key: one that ends in between is found twice.
    found = {upload.id: upload for upload in (*kept.filter(_STORED), *over)}
    return sorted(found.values(), key=lambda upload: (upload.created_at, upload.id))


def said_of(upload: IncomingUpload) -> Said:
    """What its sender said of it. Raises vault.Unreadable."""
    return said(vault.unseal(upload.id, upload.sealed))


def begin(*, by: User, cohort: Cohort, length: int, words: Said, folder: str = "") -> IncomingUpload:
    """Make room for an upload of so many bytes; of files in a folder for none. Raises TooLong and NoRoom."""
    upload = IncomingUpload(
        user=by,
        cohort=cohort,
        folder=folder,
        length=length,
        expires_at=_end(),
        language=get_language() or "en",
    )
    require_right(by, upload)
    if length > settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE:
        raise TooLong(settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE)
    upload.sealed = vault.seal(upload.id, words.metadata)
    if length == 0:
        upload.state = _after_the_last(words)
    with transaction.atomic():
        # The row is the lock: of two that a person begins at once each finds the other.
        get_user_model().objects.select_for_update().get(pk=by.pk)
        _check_room(by, length)
        upload.save()
    return upload


def require_right(by: User, upload: IncomingUpload) -> None:
    """Refuse who may not, or not any more, go on with it: a folder is for study administrators."""
    require(by, Action.UPLOAD, upload.cohort)
    if upload.folder:
        require(by, Action.MANAGE, upload.cohort)


def _check_room(by: User, length: int) -> None:
    every = IncomingUpload.objects.filter(_STORED).aggregate(
        bytes=Sum("length", default=0),
        own_bytes=Sum("length", filter=Q(user=by), default=0),
        own=Count("pk", filter=Q(user=by)),
    )
    is_too_much = every["own_bytes"] + length > settings.UPLOAD_PIECES_MAX_BYTES_OF_ONE
    if is_too_much or every["own"] >= settings.UPLOAD_PIECES_MAX_UPLOADS_OF_ONE:
        raise NoRoom(
            _t("You have too much under way. Confirm or throw away what waits on the upload page first.")
        )
    if every["bytes"] + length > settings.UPLOAD_PIECES_MAX_BYTES:
        raise NoRoom(
            _t("Too many uploads are under way. Try again later, or ask your administrator for more room.")
        )


def append(
    *, by: User, upload: IncomingUpload, offset: int, data: bytes, digests: Mapping[str, bytes]
) -> IncomingUpload:
    """Keep a piece that begins at `offset`; after the last one the upload moves on by itself.

    Raises OffsetDiffers, DigestDiffers, TooLong, TooManyPieces; IllegalTransition where it is here already.
    """
    require(by, Action.UPLOAD, upload.cohort)
    if upload.state != IncomingState.RECEIVING:
        raise IllegalTransition(upload.state, IncomingState.RECEIVING)
    if offset != upload.offset:
        raise OffsetDiffers
    after = offset + len(data)
    if len(data) > settings.UPLOAD_PIECE_MAX_BYTES:
        raise TooLong(settings.UPLOAD_PIECE_MAX_BYTES)
    if after > upload.length:
        raise TooLong(upload.length)
    if len(upload.pieces) >= MAX_PIECES:
        raise TooManyPieces
    for name, digest in digests.items():
        if not hmac.compare_digest(hashlib.new(name, data, usedforsecurity=False).digest(), digest):
            raise DigestDiffers
    if data:
        _keep(upload, data, after)
    return upload


def _keep(upload: IncomingUpload, data: bytes, after: int) -> None:
    name = vault.keep_piece(upload.id, upload.offset, data)
    state = IncomingState.RECEIVING if after < upload.length else _after_the_last(said_of(upload))
    pieces = [*upload.pieces, [name, len(data)]]
    # Of two that send the same piece at once, one is told to ask again.
    as_it_was = IncomingUpload.objects.filter(
        pk=upload.pk, state=IncomingState.RECEIVING, offset=upload.offset
    )
    if not as_it_was.update(offset=after, pieces=pieces, state=state, expires_at=_end()):
        vault.discard_piece(upload.id, name)
        raise OffsetDiffers
    upload.refresh_from_db()


def _after_the_last(words: Said) -> IncomingState:
    return IncomingState.CREATING if words.is_direct else IncomingState.CHECKING


def confirm(*, by: User, upload: IncomingUpload, left_out: list[str]) -> None:
    """Have the proposed cases made, but for those that are left out. Raises IllegalTransition."""
    require_right(by, upload)
    proposed = IncomingUpload.objects.filter(pk=upload.pk, state=IncomingState.PROPOSED)
    changes = {"state": IncomingState.CREATING, "left_out": left_out, "attempts": 0, "files_done": 0}
    if not proposed.update(**changes, expires_at=_end()):
        upload.refresh_from_db()
        raise IllegalTransition(upload.state, IncomingState.CREATING)
    upload.refresh_from_db()


def discard(*, by: User, upload: IncomingUpload) -> None:
    """Throw an own upload away. Raises IllegalTransition where its cases are being made."""
    gone, _ = (
        IncomingUpload.objects.filter(pk=upload.pk, user=by).exclude(state=IncomingState.CREATING).delete()
    )
    if not gone:
        raise IllegalTransition(IncomingState.CREATING, IncomingState.FAILED)
    vault.discard_pieces(upload.id)


def sweep() -> int:
    """Throw away what was kept for long enough, and pieces that belong to nothing; how many uploads."""
    over = IncomingUpload.objects.filter(expires_at__lte=timezone.now())
    idle = over.exclude(leases.is_held(), state__in=INCOMING_AT_WORK)
    ended: list[UUID] = list(idle.values_list("pk", flat=True))
    IncomingUpload.objects.filter(pk__in=ended).delete()
    stored = vault.kept_uploads()
    wanted = IncomingUpload.objects.filter(_STORED, pk__in=stored).values_list("pk", flat=True)
    for upload in stored - set(wanted):
        vault.discard_pieces(upload)
    return len(ended)


def _end() -> datetime:
    return timezone.now() + timedelta(hours=settings.UPLOAD_PIECES_HOURS)
