"""Files verified and stored one by one, before anybody knows of which case their pictures are."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from django.conf import settings
from django.core.files.base import File

from cases import storage
from cases.deletion.digests import deletion_of
from cases.intake import deidentification, originals
from cases.intake.deidentification import Identity
from cases.intake.receipts import (
    Given,
    Outcome,
    Receipt,
    duplicate_of,
    duplicate_of_pixels,
    notice_of_deleted,
    refusal_of_full_disk,
    refusal_of_other_instance,
    refusal_of_oversized,
)
from cases.intake.restoring import picture_as_kept, restored, stored_anew
from cases.intake.stored_pictures import erase_unused, picture_name
from cases.lifecycle import DeletionReason
from cases.models import Cohort, Image
from cases.translation import sentence_of, sentences
from inference.canonical import encode_canonical
from inference.errors import ImageError
from inference.formats import DecodedImage, Intensity, Limits
from inference.formats.guarded import read_images_guarded
from inference.geometry import Geometry
from inference.likeness import likeness_of
from inference.preprocessing import brightness_of
from inference.series import Member

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User

logger = logging.getLogger(__name__)

# The digest of a file, and a picture's place in it.
PictureKey: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class StoredPicture:
    """A picture that was verified and stored, and is not in a case yet; its pixels are not kept in memory.
    `member` and `identity`: of a hospital's file.
    """

    key: PictureKey
    fields: dict[str, Any]
    notices: tuple[str, ...]
    member: Member | None = None
    identity: Identity | None = None
    modality: str = ""
    is_suspect: bool = False
    # What names it in its archive, encrypted; empty where the cohort keeps none.
    original: str = ""


@dataclass(frozen=True)
class Twin:
    """The same file as another one of the same request."""

    digest: str


# What became of one file: a receipt, or its pictures.
Judged: TypeAlias = Receipt | Twin | list[StoredPicture]


def limits(volume: int = 0) -> Limits:
    """The limits that the settings give, for every way in; `volume` as the uploader has chosen it."""
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS, volume=volume)


def judged_files(
    by: User,
    cohort: Cohort,
    files: Iterable[Given],
    digests: set[str],
    by_pixels: bool = False,
    is_trial: bool = False,
    volume: int = 0,
) -> list[Judged]:
    """Each file verified and stored, or what speaks against it; one picture after the other is in memory.

    digests: of the files before. Where the disk is full nothing stays of what was stored before it was.
    is_trial: nothing is stored, nor changed in any other way. volume: which one to read of files that hold
    several.
    """
    judging = _Judging(by, cohort, digests, by_pixels, is_trial, volume)
    judged: list[Judged] = []
    waiting = iter(files)
    try:
        for given in waiting:
            entry = given if isinstance(given, Receipt) else _judge(judging, given)
            judged.append(entry)
    except BaseException as error:
        judging.discard(pictures_of(judged))
        if not storage.is_full(error):
            raise
        return _without_room(judged, waiting)
    return judged


def pictures_of(judged: Iterable[Judged]) -> list[StoredPicture]:
    """The pictures of all files that have some."""
    return [picture for entry in judged if isinstance(entry, list) for picture in entry]


def discard_unused(stored: Iterable[StoredPicture]) -> None:
    """Take out of the storage what no image uses."""
    erase_unused(entry.fields["file"] for entry in stored)


def _without_room(judged: Sequence[Judged], waiting: Iterable[Given]) -> list[Judged]:
    """The receipts of the files before the one that found no room, of that one, and of those behind it."""
    logger.error("An upload could not be stored: the disk is full.")
    reason = refusal_of_full_disk()
    before = [entry if isinstance(entry, Receipt) else reason for entry in judged]
    behind = [given if isinstance(given, Receipt) else reason for given in waiting]
    return [*before, reason, *behind]


@dataclass(frozen=True)
class _Judging:
    """What the files of one round are judged for; as in `judged_files`."""

    by: User
    cohort: Cohort
    digests: set[str]
    by_pixels: bool
    is_trial: bool
    volume: int

    def keep(self, picture: bytes) -> str:
        """The name under which the picture is stored."""
        return picture_name(picture) if self.is_trial else storage.store("images", picture, ".png")

    def discard(self, pictures: Iterable[StoredPicture]) -> None:
        """Take what was kept out of the storage. Of a trial that would be others' alone."""
        if not self.is_trial:
            discard_unused(pictures)


def _judge(judging: _Judging, file: File[bytes]) -> Judged:
    cohort = judging.cohort
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        return refusal_of_oversized()
    file.seek(0)
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    if digest in judging.digests:
        return Twin(digest)
    known = _of_chosen_volume(_images_with(cohort, digest), data, judging.volume)
    if known and (judging.is_trial or all(storage.is_whole(image.file) for image in known)):
        return duplicate_of(known[0])
    pictures: list[StoredPicture] = []
    anew: dict[UUID, str] = {}
    try:
        with closing(read_images_guarded(data, limits(judging.volume))) as images:
            for decoded in images:
                _check_modality(cohort, decoded)
                picture = encode_canonical(decoded)
                if known:
                    anew |= stored_anew(known, decoded)
                elif twin := _twin_of(cohort, decoded, picture, judging.by_pixels):
                    judging.discard(pictures)
                    return twin
                else:
                    name = judging.keep(picture)
                    pictures.append(_kept(cohort, decoded, name, digest, len(data)))
    except ImageError as error:
        judging.discard(pictures)
        return Receipt(Outcome.REFUSED, None, error.code, sentence_of(error))
    except BaseException:
        judging.discard(pictures)
        raise
    if known:
        return restored(judging.by, known, anew)
    judging.digests.add(digest)
    return pictures


def _of_chosen_volume(known: Sequence[Image], data: bytes, volume: int) -> list[Image]:
    """Those of a file's images that are of the chosen volume: in the case that has its first picture. All of
    them where none is chosen.
    """
    if not known or not volume:
        return list(known)
    try:
        with closing(read_images_guarded(data, limits(volume))) as images:
            first = next(images).frame
    except ImageError:
        return []
    cases = {image.case_id for image in known if image.frame == first}
    return [image for image in known if image.case_id in cases]


def _check_modality(cohort: Cohort, decoded: DecodedImage) -> None:
    """Raise ImageError modality_refused where the cohort takes MR alone, and this is something else."""
    modality = decoded.source.modality if decoded.source else ""
    if modality not in ("", "MR") and not cohort.takes_other_modalities:
        raise ImageError(
            "modality_refused",
            "This cohort takes MR pictures alone. Please choose another cohort, or ask its administrator. "
            "Received the modality %(modality)s.",
            modality=modality,
        )


def _twin_of(cohort: Cohort, decoded: DecodedImage, picture: bytes, by_pixels: bool) -> Receipt | None:
    """What is said where the cohort has this picture from another file, or another one by its identifier."""
    if by_pixels and (twin := _first_of_pixels(cohort, picture)):
        return duplicate_of_pixels(twin)
    if decoded.source is None or not decoded.source.instance:
        return None
    key = deidentification.identity_of(decoded.source, cohort).instance
    first = Image.objects.filter(cohort=cohort, instance_key=key).select_related("case").first()
    if first is None:
        return None
    return (
        duplicate_of_pixels(first)
        if first.file == picture_name(picture_as_kept(first, decoded))
        else refusal_of_other_instance(first)
    )


def _kept(cohort: Cohort, decoded: DecodedImage, name: str, digest: str, size: int) -> StoredPicture:
    """The picture under its name in the storage, with what is kept of it; from here on nothing names the
    patient.
    """
    deletion = deletion_of(cohort.pk, digest)
    may_show_a_name = deletion is not None and deletion.reason == DeletionReason.NAME_SHOWN
    fields = {
        "file": name,
        "source_sha256": digest,
        "source_bytes": size,
        "source_format": decoded.format_id,
        "frame": decoded.frame,
        "width": decoded.width,
        "height": decoded.height,
        "bit_depth": decoded.bit_depth,
        "colour": decoded.colour,
        "likeness": likeness_of(decoded.pixels),
        "brightness": brightness_of(decoded.pixels),
        "notices": [notice.code for notice in decoded.notices],
        "geometry": {} if decoded.geometry == Geometry() else asdict(decoded.geometry),
        "intensity": {} if decoded.intensity == Intensity() else asdict(decoded.intensity),
    }
    key = (digest, decoded.frame)
    notices = tuple(str(notice) for notice in sentences(each.code for each in decoded.notices))
    if deletion:
        notices = (*notices, notice_of_deleted(deletion))
    source = decoded.source
    if source is None:
        return StoredPicture(key, fields, notices, is_suspect=may_show_a_name)
    identity = deidentification.identity_of(source, cohort)
    fields |= {"instance_key": identity.instance, "deidentification": deidentification.record_of(source)}
    member = Member(
        person=identity.person,
        study=identity.study,
        # Of a file that names no series, as NIfTI does not, its own slices are one.
        series=identity.series or digest,
        instance=identity.instance,
        content=fields["file"],
        geometry=decoded.geometry,
        shape=(decoded.height, decoded.width),
        apart=source.apart,
        number=source.number,
        location=source.location,
        is_localizer=source.is_localizer,
    )
    return StoredPicture(
        key,
        fields,
        notices,
        member,
        identity,
        source.modality,
        deidentification.is_suspect(source) or may_show_a_name,
        originals.sealed(source.original, cohort),
    )


def _images_with(cohort: Cohort, digest: str) -> list[Image]:
    images = Image.objects.filter(cohort=cohort, source_sha256=digest).select_related("case", "cohort")
    return list(images.order_by("frame"))


def _first_of_pixels(cohort: Cohort, picture: bytes) -> Image | None:
    return Image.objects.filter(cohort=cohort, file=picture_name(picture)).select_related("case").first()
