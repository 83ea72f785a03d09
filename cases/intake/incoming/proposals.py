"""What would become of the files of an upload, and making it so.

Both look at every file: what is proposed stores nothing of a file but these words, and what is confirmed goes
through the same door as all uploads, which may have learned of other files meanwhile.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeAlias

from django.conf import settings
from django.utils.translation import gettext as _t
from django.utils.translation import ngettext

from cases import audit, disclosures
from cases.intake.incoming import vault
from cases.intake.incoming.known import Known, said_of_two
from cases.intake.judging import Judged, StoredPicture, Twin, discard_unused, judged_files
from cases.intake.receipts import Given, Outcome, Receipt, refusal_of_too_many
from cases.intake.uploads import Plan, new_case, plans_of, receipts_of, taken_in
from cases.lifecycle import IncomingState, Shown
from cases.models import Case, Cohort, IncomingUpload
from cases.permissions import Action, require
from cases.translation import remarks_in_words
from cases.viewer.placing import PLANES
from inference.geometry import Geometry

if TYPE_CHECKING:
    from portal.accounts.models import User

# Of files, by the digest of what they hold.
Names: TypeAlias = Mapping[str, Sequence[str]]

_KEY_LENGTH = 16
LEFT_OUT = "left_out"


@dataclass(frozen=True)
class Proposal:
    """One case that would be made. key: of its pictures, so that of the same files it is the same.
    known_class: its code, and known_as its word; empty where none is known.
    """

    key: str
    title: str
    images: int
    files: list[str]
    remarks: list[str]
    is_suspect: bool
    known_class: str = ""
    known_as: str = ""


@dataclass(frozen=True)
class Other:
    """A file, or a part of one, that becomes part of no case, and why."""

    name: str
    outcome: str
    message: str
    case: str = ""


@dataclass(frozen=True)
class Preview:
    """What would become of the files of one upload. unused: of what is known of files, what serves nothing.
    of_two: what is said of cases whose files have several known classes, by their keys.
    """

    cases: list[Proposal] = field(default_factory=list)
    others: list[Other] = field(default_factory=list)
    unused: list[str] = field(default_factory=list)
    of_two: dict[str, str] = field(default_factory=dict)

    @cached_property
    def class_of(self) -> dict[str, str]:
        """The known class of each case that would be made, by its key; empty where none is known."""
        return {case.key: case.known_class for case in self.cases}

    @property
    def refused(self) -> int:
        return sum(other.outcome == Outcome.REFUSED for other in self.others)

    @property
    def duplicates(self) -> int:
        return len(self.others) - self.refused


@dataclass(frozen=True)
class Told:
    """What became of one file, as it is kept."""

    name: str
    outcome: str
    code: str
    message: str
    notices: list[str]
    case: str
    position: int | None

    def receipt(self, case: Case | None) -> Receipt:
        """The receipt, with the case that it names."""
        notices = tuple(self.notices)
        return Receipt(Outcome(self.outcome), case, self.code, self.message, notices, self.position)


def preview_of(
    by: User,
    cohort: Cohort,
    names: Sequence[str],
    files: Iterable[Given],
    *,
    is_one_case: bool,
    volume: int = 0,
    known: Known | None = None,
) -> Preview:
    """Look at the files, whose names grow while they are read; nothing is stored."""
    known = known or Known()
    require(by, Action.UPLOAD, cohort)
    judged = judged_files(by, cohort, files, set(), is_trial=True, volume=volume)
    names_of = _names_by_digest(judged, names)
    others = [_other(names[at], entry) for at, entry in enumerate(judged) if not isinstance(entry, list)]
    cases: list[Proposal] = []
    of_two: dict[str, str] = {}
    used: list[str] = []
    for plan in _plans(judged, is_one_case):
        others += _dropped(plan, names_of)
        every = [name for picture in _pictures(plan) for name in names_of[picture.key[0]]]
        classes = known.classes_of(every)
        used += every
        if len(classes) > 1:
            of_two[key_of(plan)] = said_of_two(classes)
            others += _refused(plan, names_of, _refusal_of_two(of_two[key_of(plan)]))
        elif len(plan.pictures) > settings.CASE_MAX_IMAGES:
            others += _refused(plan, names_of, refusal_of_too_many())
        else:
            cases.append(_proposal(plan, names_of, known, *classes))
    place = {name: at for at, name in enumerate(names)}
    others.sort(key=lambda other: place[other.name])
    return Preview(cases, others, known.unused(names, used), of_two)


def made(
    by: User,
    cohort: Cohort,
    names: Sequence[str],
    files: Iterable[Given],
    *,
    is_one_case: bool,
    volume: int = 0,
    left_out: Iterable[str] = (),
    seen: Preview | None = None,
    reason: str = "",
) -> list[Told]:
    """Make the cases, but for those that are left out; what became of each file, in their order. seen: make
    those alone that were proposed, of the known classes that were shown. reason: where those are from.
    """
    require(by, Action.UPLOAD, cohort)
    judged = judged_files(by, cohort, files, set(), volume=volume)
    keys = set(left_out)
    every = _plans(judged, is_one_case)
    reasons = [_reason_against(key_of(plan), keys, seen) for plan in every]
    plans = [plan for plan, reason in zip(every, reasons, strict=True) if reason is None]
    unwanted = {
        picture.key: (picture, reason)
        for plan, reason in zip(every, reasons, strict=True)
        if reason
        for picture in _pictures(plan)
    }
    discard_unused(picture for picture, _reason in unwanted.values())
    receipts = {key: reason for key, (_picture, reason) in unwanted.items()}
    receipts |= taken_in(cohort, plans, _case_maker(by, cohort, seen or Preview(), reason))
    return [_told(names[at], receipt) for at, receipt in enumerate(receipts_of(judged, receipts))]


def _case_maker(by: User, cohort: Cohort, seen: Preview, reason: str) -> Callable[[Plan], Case]:
    """What makes the case of a plan, of the known class that it was shown with."""

    def case_of(plan: Plan) -> Case:
        known_class = seen.class_of.get(key_of(plan), "")
        case = new_case(by, cohort, known_class)(plan)
        if known_class:
            told = {"before": "", "after": known_class, "reason": reason}
            audit.record(by=by, action=audit.TRUTH_SET, subject=case, cohort=cohort, **told)
            disclosures.record(to=by, cases=[case.pk], kinds=[Shown.TRUTH])
        return case

    return case_of


def _reason_against(key: str, left_out: Set[str], seen: Preview | None) -> Receipt | None:
    """Why the plan of this key is not made into a case, if it is not."""
    if key in left_out:
        return Receipt(Outcome.REFUSED, None, LEFT_OUT, _t("Left out, as you chose."))
    if seen is None or key in seen.class_of:
        return None
    if key in seen.of_two:
        return _refusal_of_two(seen.of_two[key])
    sentence = _t("Not as you saw it: files came, went or changed in between. Import the folder again.")
    return Receipt(Outcome.REFUSED, None, "changed", sentence)


def _refusal_of_two(sentence: str) -> Receipt:
    return Receipt(Outcome.REFUSED, None, "two_classes", sentence)


def key_of(plan: Plan) -> str:
    """What tells the plan of these pictures from others."""
    keys = sorted(f"{digest}.{frame}" for digest, frame in (picture.key for picture in plan.pictures))
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:_KEY_LENGTH]


def packed_preview(preview: Preview) -> str:
    """The preview as a text to be kept."""
    return json.dumps(asdict(preview))


def packed_told(told: Iterable[Told]) -> str:
    """What became of the files as a text to be kept."""
    return json.dumps([asdict(each) for each in told])


def preview_told(upload: IncomingUpload) -> Preview:
    """What is proposed; nothing where nothing is, or is any more. Raises vault.Unreadable."""
    if upload.state != IncomingState.PROPOSED:
        return Preview()
    return preview_seen(upload)


def preview_seen(upload: IncomingUpload) -> Preview:
    """What was proposed of an upload that is not over. Raises vault.Unreadable."""
    plain: dict[str, Any] = json.loads(vault.unseal(upload.pk, upload.told))
    cases = [Proposal(**each) for each in plain["cases"]]
    others = [Other(**each) for each in plain["others"]]
    return Preview(cases, others, plain["unused"], plain["of_two"])


def receipts_told(upload: IncomingUpload) -> list[tuple[str, Receipt]]:
    """The name and the receipt of each file, once the upload is taken in. Raises vault.Unreadable."""
    if upload.state != IncomingState.DONE:
        return []
    told = [Told(**each) for each in json.loads(vault.unseal(upload.pk, upload.told))]
    found = Case.objects.filter(cohort=upload.cohort_id, code__in={each.case for each in told})
    cases = {case.code: case for case in found}
    return [(each.name, each.receipt(cases.get(each.case))) for each in told]


def failure_told(upload: IncomingUpload) -> str:
    """Why it failed; empty where it did not. Raises vault.Unreadable."""
    return vault.unseal(upload.pk, upload.told) if upload.state == IncomingState.FAILED else ""


def _plans(judged: Sequence[Judged], is_one_case: bool) -> list[Plan]:
    """The cases that the files would make; of pictures that say nothing of a series each its own, where they
    are not the slices of one.
    """
    if is_one_case:
        return plans_of(judged)
    with_pictures = [entry for entry in judged if isinstance(entry, list) and entry]
    alone = [Plan(entry) for entry in with_pictures if entry[0].member is None]
    return [*alone, *plans_of(entry for entry in with_pictures if entry[0].member is not None)]


def _pictures(plan: Plan) -> list[StoredPicture]:
    return [*plan.pictures, *(picture for picture, _remark in plan.dropped)]


def _names_by_digest(judged: Sequence[Judged], names: Sequence[str]) -> dict[str, list[str]]:
    """The names of the files that were read, the first of those with the same content first."""
    names_of: dict[str, list[str]] = {}
    for name, entry in zip(names, judged, strict=True):
        if isinstance(entry, Twin):
            names_of.setdefault(entry.digest, []).append(name)
        elif isinstance(entry, list) and entry:
            names_of.setdefault(entry[0].key[0], []).insert(0, name)
    return names_of


def _files_of(plan: Plan, names_of: Names) -> list[str]:
    digests = dict.fromkeys(picture.key[0] for picture in plan.pictures)
    return [names_of[digest][0] for digest in digests]


def _refused(plan: Plan, names_of: Names, reason: Receipt) -> list[Other]:
    return [Other(name, reason.outcome, reason.message) for name in _files_of(plan, names_of)]


def _proposal(plan: Plan, names_of: Names, known: Known, known_class: str = "") -> Proposal:
    notices = (notice for picture in plan.pictures for notice in picture.notices)
    remarks = remarks_in_words([(remark.code, dict(remark.facts)) for remark in plan.remarks])
    return Proposal(
        key_of(plan),
        _title(plan),
        len(plan.pictures),
        _files_of(plan, names_of),
        [*remarks, *dict.fromkeys(notices)],
        any(picture.is_suspect for picture in plan.pictures),
        known_class,
        known.labels.get(known_class, ""),
    )


def _title(plan: Plan) -> str:
    """What a series is, in few words that name nobody."""
    first = plan.pictures[0]
    count = len(plan.pictures)
    words = [ngettext("%(n)d image", "%(n)d images", count) % {"n": count}]
    plane = (first.member.geometry if first.member else Geometry()).plane
    words += [first.modality] if first.modality else []
    words += [str(PLANES[plane])] if plane else []
    return ", ".join([*words, f"{first.fields['width']} x {first.fields['height']}"])


def _dropped(plan: Plan, names_of: Names) -> list[Other]:
    """The slices that are left out of a case, such as one that came twice."""
    return [
        Other(
            names_of[picture.key[0]][0],
            Outcome.DUPLICATE if remark.code == "slice_duplicate" else Outcome.REFUSED,
            *remarks_in_words([(remark.code, dict(remark.facts))]),
        )
        for picture, remark in plan.dropped
    ]


def _other(name: str, entry: Receipt | Twin) -> Other:
    if isinstance(entry, Twin):
        return Other(name, Outcome.DUPLICATE, _t("The same file came twice; it is taken once."))
    return Other(name, entry.outcome, entry.message, entry.case.code if entry.case else "")


def _told(name: str, receipt: Receipt) -> Told:
    case = receipt.case.code if receipt.case else ""
    notices = [str(notice) for notice in receipt.notices]
    return Told(name, receipt.outcome, receipt.code, str(receipt.message), notices, case, receipt.position)
