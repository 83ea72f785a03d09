"""Taking images in: verified, de-identified, stored, and queued in one transaction.

A case of many images is made whole or not at all, so that nobody reads one of which half is still on its way.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, TypeAlias

from django.conf import settings
from django.core.files.base import File
from django.db import IntegrityError, transaction
from django.db.models import Max
from django.utils import timezone
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases import audit, storage
from cases.analysis import jobs, key_result, model_versions
from cases.intake import copies, deidentification
from cases.intake.deidentification import Identity
from cases.intake.receipts import Given, Outcome, Receipt, refusal_of_full_disk, refusal_of_oversized
from cases.lifecycle import CaseState
from cases.models import Case, Cohort, Image, Job, Series
from cases.permissions import Action, require
from cases.translation import remarks_in_words, sentence_of, sentences
from inference.canonical import encode_canonical
from inference.errors import ImageError
from inference.formats import DecodedImage, Intensity, Limits
from inference.formats.guarded import read_images_guarded
from inference.geometry import Geometry
from inference.likeness import likeness_of
from inference.series import DIFFERS, Group, Member, Remark, groups_of

if TYPE_CHECKING:
    from portal.accounts.models import User

logger = logging.getLogger(__name__)

# How jobs end whose stored picture is gone or damaged (analysis/worker.py, inference.canonical).
PICTURE_LOST = ("image_missing", "stored_damaged")


class CaseIsRead(Exception):
    """The case takes no further image: somebody is reading it, or has."""

    def __init__(self) -> None:
        super().__init__(
            _t("The reading of this case has begun; it takes no further image. Upload them as another case.")
        )


# The digest of a file, and a picture's place in it.
_Key: TypeAlias = tuple[str, int]


@dataclass(frozen=True)
class _Stored:
    """A picture that was verified and stored, and is not in a case yet; its pixels are not kept in memory.
    `member` and `identity`: of a hospital's file.
    """

    key: _Key
    fields: dict[str, Any]
    notices: tuple[str, ...]
    member: Member | None = None
    identity: Identity | None = None
    modality: str = ""
    is_suspect: bool = False


@dataclass(frozen=True)
class _Twin:
    """The same file as another one of the same request."""

    digest: str


# What became of one file: a receipt, or its pictures.
_Judged: TypeAlias = Receipt | _Twin | list[_Stored]


@dataclass
class _Plan:
    """The pictures that become one case, in their order, and why; `dropped`: those that are left out."""

    pictures: list[_Stored]
    remarks: list[Remark] = field(default_factory=list)
    dropped: list[tuple[_Stored, Remark]] = field(default_factory=list)

    @property
    def first_identity(self) -> Identity | None:
        return self.pictures[0].identity


class _TooMany(Exception):
    """More images than a case may have."""


def limits() -> Limits:
    """The limits that the settings give, for every way in."""
    return Limits(max_bytes=settings.UPLOAD_MAX_BYTES, max_pixels=settings.UPLOAD_MAX_PIXELS)


def picture_name(picture: bytes) -> str:
    """The name that a canonical PNG is stored under: of the same pixels the same."""
    return storage.content_name("images", picture, ".png")


def submit_file(
    *,
    by: User,
    cohort: Cohort,
    file: File[bytes],
    ground_truth: str = "",
    is_simulated: bool = False,
) -> Receipt:
    """Take one file in as a case of its own. A bad file is a receipt with the reason, and leaves nothing
    behind.
    """
    (receipt,) = submit_series(
        by=by, cohort=cohort, files=[file], ground_truth=ground_truth, is_simulated=is_simulated
    )
    return receipt


def submit_series(
    *,
    by: User,
    cohort: Cohort,
    files: Iterable[Given],
    ground_truth: str = "",
    is_simulated: bool = False,
    by_pixels: bool = False,
    is_one_case: bool = True,
) -> list[Receipt]:
    """Take the files in as the images of one case, in their order, or each as a case of its own; the receipts
    are in the same order.

    A hospital's files go by what they say themselves: one series is one case, sorted by where its slices lie.
    A file that is refused, or in the cohort already, is left out, and the others close up. by_pixels: also
    one whose pixels are in the cohort from another file.
    """
    require(by, Action.UPLOAD, cohort)
    case_of = _new_case(by, cohort, ground_truth, is_simulated)
    if not is_one_case:
        return _one_by_one(by, cohort, files, case_of)
    judged = _judged(by, cohort, files, set(), by_pixels)
    return _receipts(judged, _taken_in(cohort, _plans(judged), case_of))


def _new_case(
    by: User, cohort: Cohort, ground_truth: str = "", is_simulated: bool = False
) -> Callable[[_Plan], Case]:
    """What makes the case of a plan."""

    def case_of(plan: _Plan) -> Case:
        made = Case.objects.create(
            cohort=cohort,
            created_by=by,
            ground_truth=ground_truth,
            is_simulated=is_simulated,
            is_quarantined=any(picture.is_suspect for picture in plan.pictures),
        )
        _keep_series(made, plan)
        audit.record(by=by, action="case.uploaded", subject=made, cohort=cohort)
        if made.is_quarantined:
            audit.record(by=by, action="case.quarantined", subject=made, cohort=cohort)
        return made

    return case_of


class Arrival:
    """A hospital's files that come one by one over a line: each is judged as it comes, since its sender waits
    for an answer; they become cases together, when all are there. `close` it in any case.
    """

    def __init__(self, *, by: User, cohort: Cohort) -> None:
        require(by, Action.UPLOAD, cohort)
        self._by, self._cohort = by, cohort
        self._digests: set[str] = set()
        self._judged: list[_Judged] = []
        # What an instance that waits here looks like, by its key and its frame.
        self._contents: dict[tuple[str, int], str] = {}

    def add(self, file: File[bytes]) -> Receipt | None:
        """The receipt of a file that is refused or known; None of one that waits for the others."""
        (entry,) = _judged(self._by, self._cohort, [file], self._digests)
        if isinstance(entry, Receipt):
            return entry
        if isinstance(entry, _Twin):
            return None
        contents: dict[tuple[str, int], str] = {
            (picture.member.instance, picture.key[1]): picture.fields["file"]
            for picture in entry
            if picture.member is not None and picture.member.instance
        }
        known = [self._contents.get(key, content) == content for key, content in contents.items()]
        if not all(known):
            self._digests.discard(entry[0].key[0])
            _discard_unused(entry)
            (sentence,) = remarks_in_words([(DIFFERS.code, dict(DIFFERS.facts))])
            return Receipt(Outcome.REFUSED, None, "instance_differs", sentence)
        self._contents |= contents
        self._judged.append(entry)
        _waiting.hold(entry)
        return None

    def finish(self) -> list[Receipt]:
        """Make the cases; the receipts of those that waited. Those of one series are one case."""
        made = _taken_in(self._cohort, _plans(self._judged), _new_case(self._by, self._cohort))
        return _receipts(self._judged, made)

    def close(self) -> None:
        """Take out of the storage what became part of no case."""
        pictures = _all_of(self._judged)
        self._judged = []
        _waiting.let_go(pictures)
        _discard_unused(pictures)


class _Waiting:
    """The stored pictures that arrivals of this process still wait with: the end of one must not take from
    another what both were sent, as happens where a sender gives up and begins again.
    """

    def __init__(self) -> None:
        self._names: Counter[str] = Counter()
        self._lock = threading.Lock()

    def hold(self, pictures: Iterable[_Stored]) -> None:
        with self._lock:
            self._names.update(picture.fields["file"] for picture in pictures)

    def let_go(self, pictures: Iterable[_Stored]) -> None:
        with self._lock:
            self._names -= Counter(picture.fields["file"] for picture in pictures)

    def __contains__(self, name: str) -> bool:
        with self._lock:
            return name in self._names


_waiting = _Waiting()


def _one_by_one(
    by: User, cohort: Cohort, files: Iterable[Given], case_of: Callable[[_Plan], Case]
) -> list[Receipt]:
    """Each web picture is there before the next is read; a hospital's files wait for all of their series."""
    digests: set[str] = set()
    judged: list[_Judged] = []
    receipts: dict[_Key, Receipt] = {}
    try:
        for given in files:
            (entry,) = _judged(by, cohort, [given], digests)
            judged.append(entry)
            if isinstance(entry, list) and entry[0].member is None:
                receipts |= _taken_in(cohort, [_Plan(entry)], case_of)
                digests.discard(entry[0].key[0])  # found in the cohort from now on
    except BaseException:
        _discard_unused(_all_of(judged))
        raise
    waiting = [entry for entry in judged if isinstance(entry, list) and entry[0].member is not None]
    return _receipts(judged, receipts | _taken_in(cohort, _plans(waiting), case_of))


def add_images(*, by: User, case: Case, files: Iterable[Given]) -> list[Receipt]:
    """Put the files behind the images that the case has. Raises CaseIsRead once its reading has begun."""
    require(by, Action.UPLOAD, case.cohort)
    _check_unread(case)

    def locked(plan: _Plan) -> Case:
        # The row is the lock: of two who add at once each finds the other's images; a reader's claim waits.
        found = Case.objects.select_for_update(of=("self",)).select_related("cohort").get(pk=case.pk)
        _check_unread(found)
        audit.record(by=by, action="case.images_added", subject=found, cohort=found.cohort)
        return found

    judged = _judged(by, case.cohort, files, set())
    plans = _plans(judged)
    pictures = [picture for plan in plans for picture in plan.pictures]
    is_fit = len(plans) == 1 and _is_of_series(case, plans[0])
    # A case of which results are written down cannot be quarantined: it could not be removed any more.
    may_show_a_name = any(picture.is_suspect for picture in pictures) and not case.is_quarantined
    if pictures and (may_show_a_name or not is_fit):
        _discard_unused(_all_of(judged))
        return _receipts(judged, {picture.key: _other_series() for picture in pictures})
    return _receipts(judged, _taken_in(case.cohort, plans, locked))


def _is_of_series(case: Case, plan: _Plan) -> bool:
    """Whether pictures go into a case: of a hospital's files into the case of their own series alone."""
    series = Series.objects.filter(case=case).first()
    identity = plan.first_identity
    if series is None or identity is None:
        return series is None and identity is None
    return (series.patient_key, series.study_key, series.series_key) == (
        identity.patient,
        identity.study,
        identity.series,
    )


def _keep_series(case: Case, plan: _Plan) -> None:
    """Store of which series a case is, where it is one of a hospital's files."""
    if identity := plan.first_identity:
        Series.objects.create(
            case=case,
            patient_key=identity.patient,
            study_key=identity.study,
            series_key=identity.series,
            modality=plan.pictures[0].modality,
            acquired_on=identity.acquired_on,
            remarks=[[remark.code, dict(remark.facts)] for remark in plan.remarks],
        )


def _check_unread(case: Case) -> None:
    is_claimed = case.claims.filter(expires_at__gt=timezone.now()).exists()
    is_read = case.protocol_id or case.state != CaseState.OPEN or case.teaching_reads.exists()
    if is_read or is_claimed or case.drafts.exists():
        raise CaseIsRead


def _judged(
    by: User, cohort: Cohort, files: Iterable[Given], digests: set[str], by_pixels: bool = False
) -> list[_Judged]:
    """Each file verified and stored, or what speaks against it; one picture after the other is in memory.

    digests: of the files before. Where the disk is full nothing stays of what was stored before it was.
    """
    judged: list[_Judged] = []
    waiting = iter(files)
    try:
        for given in waiting:
            entry = given if isinstance(given, Receipt) else _judge(by, cohort, given, digests, by_pixels)
            judged.append(entry)
    except BaseException as error:
        _discard_unused(_all_of(judged))
        if not storage.is_full(error):
            raise
        return _without_room(judged, waiting)
    return judged


def _all_of(judged: Iterable[_Judged]) -> list[_Stored]:
    return [picture for entry in judged if isinstance(entry, list) for picture in entry]


def _without_room(judged: Sequence[_Judged], waiting: Iterable[Given]) -> list[_Judged]:
    """The receipts of the files before the one that found no room, of that one, and of those behind it."""
    logger.error("An upload could not be stored: the disk is full.")
    reason = refusal_of_full_disk()
    before = [entry if isinstance(entry, Receipt) else reason for entry in judged]
    behind = [given if isinstance(given, Receipt) else reason for given in waiting]
    return [*before, reason, *behind]


def _judge(by: User, cohort: Cohort, file: File[bytes], digests: set[str], by_pixels: bool) -> _Judged:
    if (file.size or 0) > settings.UPLOAD_MAX_BYTES:
        return refusal_of_oversized()
    file.seek(0)
    data = file.read()
    digest = hashlib.sha256(data).hexdigest()
    if digest in digests:
        return _Twin(digest)
    known = _images_with(cohort, digest)
    if known and all(storage.is_whole(image.file) for image in known):
        return _duplicate_of(known[0])
    pictures: list[_Stored] = []
    try:
        with closing(read_images_guarded(data, limits())) as images:
            for decoded in images:
                _check_modality(cohort, decoded)
                picture = encode_canonical(decoded)
                if known:
                    _restore(known, decoded.frame, picture)
                elif twin := _twin_of(cohort, decoded, picture, by_pixels):
                    _discard_unused(pictures)
                    return twin
                else:
                    pictures.append(_stored(cohort, decoded, picture, digest, len(data)))
    except ImageError as error:
        _discard_unused(pictures)
        return Receipt(Outcome.REFUSED, None, error.code, sentence_of(error))
    except BaseException:
        _discard_unused(pictures)
        raise
    if known:
        return _restored(by, known)
    digests.add(digest)
    return pictures


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
        return _same_picture_as(twin)
    if decoded.source is None or not decoded.source.instance:
        return None
    key = deidentification.identity_of(decoded.source, cohort).instance
    first = Image.objects.filter(cohort=cohort, instance_key=key).select_related("case").first()
    if first is None:
        return None
    return _same_picture_as(first) if first.file == picture_name(picture) else _differs_from(first)


def _stored(cohort: Cohort, decoded: DecodedImage, picture: bytes, digest: str, size: int) -> _Stored:
    """The picture in the storage, with what is kept of it; from here on nothing names the patient."""
    fields = {
        "file": storage.store("images", picture, ".png"),
        "source_sha256": digest,
        "source_bytes": size,
        "source_format": decoded.format_id,
        "frame": decoded.frame,
        "width": decoded.width,
        "height": decoded.height,
        "bit_depth": decoded.bit_depth,
        "colour": decoded.colour,
        "likeness": likeness_of(decoded.pixels),
        "notices": [notice.code for notice in decoded.notices],
        "geometry": {} if decoded.geometry == Geometry() else asdict(decoded.geometry),
        "intensity": {} if decoded.intensity == Intensity() else asdict(decoded.intensity),
    }
    key = (digest, decoded.frame)
    notices = tuple(str(notice) for notice in sentences(each.code for each in decoded.notices))
    source = decoded.source
    if source is None:
        return _Stored(key, fields, notices)
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
        is_localizer=source.is_localizer,
    )
    return _Stored(
        key, fields, notices, member, identity, source.modality, deidentification.is_suspect(source)
    )


def _plans(judged: Iterable[_Judged]) -> list[_Plan]:
    """The cases that pictures make: one of all web pictures, and those of a hospital's files by series."""
    pictures = _all_of(judged)
    plain = [picture for picture in pictures if picture.member is None]
    placed = [picture for picture in pictures if picture.member is not None]
    members = [picture.member for picture in placed if picture.member is not None]
    of_series = [_plan_of(group, placed) for group in groups_of(members)]
    return [_Plan(plain), *of_series] if plain else of_series


def _plan_of(group: Group, pictures: Sequence[_Stored]) -> _Plan:
    return _Plan(
        [pictures[place] for place in group.places],
        group.remarks,
        [(pictures[place], remark) for place, remark in group.dropped],
    )


def _restore(known: Sequence[Image], frame: int, picture: bytes) -> None:
    """Store a picture anew under the images that it belongs to."""
    for image in known:
        if image.frame == frame:
            image.file = storage.store("images", picture, ".png")


def _restored(by: User, images: Sequence[Image]) -> Receipt:
    """The receipt of a file whose pictures were lost: stored anew, and what failed for want of them is queued
    again.
    """
    image = images[0]
    failed = Job.objects.filter(image__in=[each.pk for each in images], error_code__in=PICTURE_LOST)
    with transaction.atomic():
        for each in images:
            each.save(update_fields=["file"])  # the same name, unless another version wrote the PNG
        jobs.queue_again(failed)
        for case in {each.case_id for each in images}:
            key_result.refresh_case(case)
        audit.record(by=by, action="image.restored", subject=image.case, cohort=image.cohort)
    message = _t(
        "The same file is already in this cohort, as case %(code)s. Its stored picture was missing or "
        "damaged; it has been stored anew."
    )
    return Receipt(
        Outcome.DUPLICATE,
        image.case,
        "restored",
        message % {"code": image.case.code},
        position=image.position,
    )


def _taken_in(
    cohort: Cohort, plans: Sequence[_Plan], case_of: Callable[[_Plan], Case]
) -> dict[_Key, Receipt]:
    """Put the pictures of each plan into the case that `case_of` makes or locks; the receipts of all."""
    receipts: dict[_Key, Receipt] = {}
    try:
        for plan in plans:
            taken = _take_in(cohort, plan, case_of)
            receipts |= taken | _receipts_of_dropped(plan, taken)
    finally:
        # What was left out, or not come to before something failed.
        received = {key for key, receipt in receipts.items() if receipt.outcome == Outcome.RECEIVED}
        every = [
            each for plan in plans for each in (*plan.pictures, *(picture for picture, _ in plan.dropped))
        ]
        _discard_unused([picture for picture in every if picture.key not in received])
    return receipts


def _receipts_of_dropped(plan: _Plan, taken: dict[_Key, Receipt]) -> dict[_Key, Receipt]:
    case = next((receipt.case for receipt in taken.values() if receipt.case), None)
    receipts = {}
    for picture, remark in plan.dropped:
        outcome = Outcome.REFUSED if remark == DIFFERS or case is None else Outcome.DUPLICATE
        (sentence,) = remarks_in_words([(remark.code, dict(remark.facts))])
        receipts[picture.key] = Receipt(
            outcome, case if outcome == Outcome.DUPLICATE else None, remark.code, sentence
        )
    return receipts


def _take_in(cohort: Cohort, plan: _Plan, case_of: Callable[[_Plan], Case]) -> dict[_Key, Receipt]:
    """The receipts of one case's pictures, by their keys."""
    if not plan.pictures:
        return {}
    try:
        images = _create(case_of, plan)
    except IntegrityError:
        # A file came in at the same time with somebody else's, who was first.
        there = {
            picture.key: _duplicate_of(first)
            for picture in plan.pictures
            if (first := _image_with(cohort, picture.key))
        }
        if not there:
            raise
        rest = [picture for picture in plan.pictures if picture.key not in there]
        return there | _take_in(cohort, _Plan(rest, plan.remarks), case_of)
    except _TooMany:
        return {picture.key: _too_many() for picture in plan.pictures}
    said = _said_of(plan) if plan.first_identity else ()
    return {picture.key: _received(picture, images[picture.key], said) for picture in plan.pictures}


def _said_of(plan: _Plan) -> tuple[str, ...]:
    """How many images a hospital's files made into one case, and how."""
    count = len(plan.pictures)
    images = ngettext("%(n)d image.", "%(n)d images in one case.", count) % {"n": count}
    return images, *remarks_in_words([(remark.code, dict(remark.facts)) for remark in plan.remarks])


def _create(case_of: Callable[[_Plan], Case], plan: _Plan) -> dict[_Key, Image]:
    """Case, images and jobs in one transaction; the images by their keys."""
    stored = plan.pictures
    with transaction.atomic():
        case = case_of(plan)
        last = case.images.aggregate(last=Max("position"))["last"]
        start = 0 if last is None else last + 1
        if start + len(stored) > settings.CASE_MAX_IMAGES:
            raise _TooMany
        # Simulated slices are of one brain: only that their pixels are the same tells anything.
        alike = {"likeness": ""} if case.is_simulated else {}
        images = [
            Image(case=case, cohort=case.cohort, position=position, **entry.fields | alike)
            for position, entry in enumerate(stored, start=start)
        ]
        copies.join_copies(images)
        Image.objects.bulk_create(images)
        copies.keep_pieces(images)
        # Of every image, so that the case has one whole set of results also where earlier ones were
        # analysed by another version.
        # What is in quarantine no network sees either, so that it can still be removed without a trace.
        if not case.is_quarantined:
            jobs.queue_images(case.images.order_by("position"), model_versions.active_version())
        if start:
            key_result.refresh_case(case.pk)  # the analysis of the case is not over any more
    return {(image.source_sha256, image.frame): image for image in images}


def _receipts(judged: Sequence[_Judged], of_pictures: dict[_Key, Receipt]) -> list[Receipt]:
    """One receipt a file: of several pictures the first that was received."""
    pictures = {entry[0].key[0]: entry for entry in judged if isinstance(entry, list) and entry}
    receipts = []
    for entry in judged:
        if isinstance(entry, Receipt):
            receipts.append(entry)
            continue
        is_twin = isinstance(entry, _Twin)
        found = [of_pictures[each.key] for each in (pictures[entry.digest] if is_twin else entry)]  # type: ignore[union-attr]
        first = next((each for each in found if each.outcome == Outcome.RECEIVED), found[0])
        receipts.append(_duplicate_in(first) if is_twin else first)
    return receipts


def _received(picture: _Stored, image: Image, said: tuple[str, ...]) -> Receipt:
    message = _t("Received and queued.")
    notices = (*said, *picture.notices)
    if image.case.is_quarantined:
        message = _t("Received. Text may be burned in: an administrator of the cohort looks at it first.")
    return Receipt(Outcome.RECEIVED, image.case, "received", message, notices, image.position)


def _images_with(cohort: Cohort, digest: str) -> list[Image]:
    images = Image.objects.filter(cohort=cohort, source_sha256=digest).select_related("case", "cohort")
    return list(images.order_by("frame"))


def _image_with(cohort: Cohort, key: _Key) -> Image | None:
    images = Image.objects.filter(cohort=cohort, source_sha256=key[0], frame=key[1])
    return images.select_related("case", "cohort").first()


def _first_of_pixels(cohort: Cohort, picture: bytes) -> Image | None:
    return Image.objects.filter(cohort=cohort, file=picture_name(picture)).select_related("case").first()


def _duplicate_of(image: Image) -> Receipt:
    message = _t("The same file is already in this cohort, as case %(code)s.") % {"code": image.case.code}
    return Receipt(Outcome.DUPLICATE, image.case, "duplicate", message, position=image.position)


def _duplicate_in(receipt: Receipt) -> Receipt:
    """Of a file that came twice: as its first, or as one that is in that one's case already."""
    if receipt.case is None:
        return receipt
    message = _t("The same file is already in this cohort, as case %(code)s.") % {"code": receipt.case.code}
    return Receipt(Outcome.DUPLICATE, receipt.case, "duplicate", message, position=receipt.position)


def _differs_from(image: Image) -> Receipt:
    message = _t(
        "Case %(code)s has another picture with the same identifier. Ask where the two come from; "
        "this one was not taken in."
    )
    return Receipt(Outcome.REFUSED, None, "instance_differs", message % {"code": image.case.code})


def _other_series() -> Receipt:
    message = _t("These files are not of the series that the case is of. Upload them as cases of their own.")
    return Receipt(Outcome.REFUSED, None, "other_series", message)


def _same_picture_as(image: Image) -> Receipt:
    message = _t("The same picture, from another file, is already in this cohort, as case %(code)s.")
    message %= {"code": image.case.code}
    return Receipt(Outcome.DUPLICATE, image.case, "duplicate", message, position=image.position)


def _too_many() -> Receipt:
    message = _t("A case takes at most %(most)d images. Upload fewer, or as several cases.")
    return Receipt(Outcome.REFUSED, None, "too_many_images", message % {"most": settings.CASE_MAX_IMAGES})


def _discard_unused(stored: Iterable[_Stored]) -> None:
    """Take out of the storage what no image uses."""
    for entry in stored:
        name = entry.fields["file"]
        if name not in _waiting and not Image.objects.filter(file=name).exists():
            storage.discard(name)
