"""Known classes, the pseudonymous keys of patients, and which cases are sentinels: by a file that is tried
before it is written, or by hand.

Who says a known class, or is told one here, knows it from then on: that is written down
(cases/disclosures.py).

A patient key is stored as a digest alone, keyed by the portal's secret and the cohort, so that it names
nobody, here or in an export, and links nobody from one cohort to another.
"""

from __future__ import annotations

import hmac
import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit, csv_files, disclosures, storage
from cases.classes import known_classes, said_of_unknown
from cases.lifecycle import Shown
from cases.models import Case, Cohort
from cases.models.statement import MAX_REASON
from cases.permissions import Action, require
from cases.setup.sentinels import MOST_AT_ONCE, has_begun, mark

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from cases.models import AuditEvent
    from portal.accounts.models import User

COLUMNS = ("case", "known_class", "patient", "sentinel")
# What a cell of the last column says; an empty one says nothing.
SENTINEL = {"yes": True, "no": False, "": None}
CHUNK = 500


@dataclass(frozen=True)
class Entry:
    """One line of a file: patient is a digest already; fields that are empty or None say nothing."""

    line: int
    case: str
    known_class: str
    patient: str
    sentinel: bool | None = None


@dataclass(frozen=True)
class _Known:
    """What is known of a case. is_begun: its reading has begun, or its pictures are deleted."""

    truth: str
    patient: str
    is_sentinel: bool
    is_begun: bool


@dataclass(frozen=True)
class Trial:
    """What a file would do. new, same: entries that fit; contradicting: of another known class or patient,
    each with what is known. wrong: lines that cannot be taken, each with why. marked, unmarked: cases that
    become sentinels, or ordinary ones again, where what contradicts is replaced too.
    """

    new: list[Entry]
    same: int
    contradicting: list[tuple[Entry, str]]
    wrong: list[tuple[int, str]]
    unknown_left: int
    marked: int = 0
    unmarked: int = 0

    @property
    def is_writable(self) -> bool:
        """Whether there is anything to write, and nothing that stands against the file as a whole."""
        return not self.wrong and bool(self.new or self.contradicting)


def patient_digest(cohort: Cohort, key: str) -> str:
    """What is stored of a patient's pseudonym; empty for an empty one."""
    key = key.strip()
    if not key:
        return ""
    secret = f"secondread.patient:{settings.SECRET_KEY}".encode()
    return hmac.new(secret, f"{cohort.pk}:{key}".encode(), sha256).hexdigest()[:32]


def read_entries(cohort: Cohort, data: bytes) -> tuple[list[Entry], list[tuple[int, str]]]:
    """The entries of a CSV file with the column case and others of COLUMNS, and what is wrong with its lines.
    Raises ValidationError where it is no such file.
    """
    return entries_of(cohort, csv_files.rows_of(data, _names_wrong))


def _names_wrong(names: Sequence[str]) -> str:
    if {"case"} < set(names) <= set(COLUMNS) and len(set(names)) == len(names):
        return ""
    said = _t(
        "The first line names the columns: case, and one or more of known_class, patient and "
        "sentinel. Received: %(names)s"
    )
    return said % {"names": csv_files.said_of_names(names)}


def entries_of(cohort: Cohort, rows: Iterable[dict[str, str]]) -> tuple[list[Entry], list[tuple[int, str]]]:
    """The entries of rows with the members of COLUMNS, counted from line 2, and what is wrong with which."""
    entries, wrong, seen = [], [], set()
    classes = known_classes()
    for line, row in csv_files.numbered(rows):
        try:
            given = csv_files.cells_of(row, COLUMNS)
        except ValidationError as error:
            wrong.append((line, str(error.message)))
            continue
        code = given["case"].upper()
        if code in seen:
            wrong.append((line, _t("The case %(case)s stands in the file twice.") % {"case": code[:20]}))
        elif said := said_of_unknown(given["known_class"], classes):
            wrong.append((line, said))
        elif given["sentinel"].lower() not in SENTINEL:
            said = _t("Say yes or no under sentinel, or leave it empty. Received: %(given)s")
            wrong.append((line, said % {"given": given["sentinel"][:40]}))
        else:
            patient, sentinel = patient_digest(cohort, given["patient"]), SENTINEL[given["sentinel"].lower()]
            entries.append(Entry(line, code, given["known_class"], patient, sentinel))
        seen.add(code)
    return entries, wrong


def try_entries(cohort: Cohort, entries: list[Entry], wrong: list[tuple[int, str]], *, to: User) -> Trial:
    """What the entries would do to the cohort as it is now. to: who is told, also what else is known."""
    known = _known(cohort, entries)
    new, contradicting, same, wrong = [], [], 0, list(wrong)
    for entry in entries:
        if entry.case not in known:
            said = _t("There is no case %(case)s in this cohort.")
            wrong.append((entry.line, said % {"case": entry.case[:20] or "–"}))  # noqa: RUF001
            continue
        of_case = known[entry.case]
        unfit = _unfit_for_sentinel(cohort, entry, of_case) if _marks(entry, of_case) else ""
        against = _against(entry, of_case)
        if unfit:
            wrong.append((entry.line, unfit))
        elif against:
            contradicting.append((entry, against))
        elif _says_nothing_new(entry, of_case):
            same += 1
        else:
            new.append(entry)
    _write_down((entry.case for entry, _said in contradicting), to)
    without = cohort.cases.filter(ground_truth="").count()
    given = sum(bool(entry.known_class) and not known[entry.case].truth for entry in new)
    chosen = [*new, *(entry for entry, _said in contradicting)]
    marks = [entry.sentinel for entry in chosen if _marks(entry, known[entry.case])]
    counts = {"marked": marks.count(True), "unmarked": marks.count(False)}
    return Trial(new, same, contradicting, sorted(wrong), without - given, **counts)


def _marks(entry: Entry, known: _Known) -> bool:
    """Whether it makes a sentinel of the case, or an ordinary one."""
    return entry.sentinel is not None and entry.sentinel != known.is_sentinel


def _says_nothing_new(entry: Entry, known: _Known) -> bool:
    is_known = entry.known_class in ("", known.truth) and entry.patient in ("", known.patient)
    return is_known and not _marks(entry, known)


def _unfit_for_sentinel(cohort: Cohort, entry: Entry, known: _Known) -> str:
    """Why the case cannot be marked or unmarked (sentinels.mark holds to the same); empty where it can."""
    if entry.sentinel and not cohort.has_sentinels:
        return _t("The protocol has no sentinels: say in it that they may be mixed in.")
    if known.is_begun:
        told = {"case": entry.case}
        return _t("The reading of %(case)s has begun, so that it stays sentinel or ordinary.") % told
    if entry.sentinel and not (entry.known_class or known.truth):
        return _t("%(case)s is to be a sentinel and has no known class: say it.") % {"case": entry.case}
    return ""


def _against(entry: Entry, known: _Known) -> str:
    told = []
    if known.truth and entry.known_class and entry.known_class != known.truth:
        said = _t("known as %(truth)s, in the file %(given)s")
        told.append(said % {"truth": known.truth, "given": entry.known_class})
    if known.patient and entry.patient and entry.patient != known.patient:
        told.append(_t("another patient key is known"))
    return "; ".join(told)


def _known(cohort: Cohort, entries: list[Entry]) -> dict[str, _Known]:
    """What is known of the cases named, by code."""
    codes = [entry.case for entry in entries]
    found: dict[str, _Known] = {}
    for start in range(0, len(codes), CHUNK):
        cases = cohort.cases.filter(code__in=codes[start : start + CHUNK])
        told = ("code", "ground_truth", "patient", "is_sentinel", "state", "protocol", "deleted_at")
        for code, truth, patient, is_sentinel, state, protocol, deleted in cases.values_list(*told):
            is_begun = deleted is not None or has_begun(state, protocol)
            found[code] = _Known(truth, patient, is_sentinel, is_begun)
    return found


def keep_entries(entries: list[Entry]) -> str:
    """Keep the entries until somebody confirms them; what to confirm. No patient key is in clear."""
    data = json.dumps([asdict(entry) for entry in entries]).encode()
    return storage.store("truth", data, ".json")


def kept_entries(name: str) -> list[Entry]:
    """What was kept under this name. Raises ValidationError where there is nothing."""
    if not name.startswith("truth/") or ".." in name or not storage.is_whole(name):
        raise ValidationError(_t("What was tried is not there any more. Send the file again."))
    return [Entry(**each) for each in json.loads(storage.load(name))]


def forget_entries(name: str) -> None:
    """Delete what was kept, once it is written."""
    storage.discard(name)


def set_truth(*, by: User, cohort: Cohort, entries: list[Entry], reason: str, replace: bool = False) -> int:
    """Write what the entries say; with `replace` also where something else is known. How many cases changed.

    Raises ValidationError without a reason, and where the file no longer fits.
    """
    require(by, Action.MANAGE, cohort)
    reason = reason.strip()[:MAX_REASON]
    if not reason:
        raise ValidationError({"reason": _t("Say where the known classes are from.")})
    with transaction.atomic():
        Cohort.objects.select_for_update().get(pk=cohort.pk)
        trial = try_entries(cohort, entries, [], to=by)
        if trial.wrong:
            raise ValidationError(_t("The cohort has changed meanwhile. Try the file again."))
        chosen = trial.new + [entry for entry, _said in trial.contradicting if replace]
        known = _known(cohort, chosen)
        marking = [entry for entry in chosen if _marks(entry, known[entry.case])]
        for entry in chosen:
            _write(by, cohort, entry, reason)
        for is_sentinel in (True, False):
            codes = [entry.case for entry in marking if entry.sentinel is is_sentinel]
            for start in range(0, len(codes), MOST_AT_ONCE):
                some = codes[start : start + MOST_AT_ONCE]
                mark(by=by, cohort=cohort, codes=some, is_sentinel=is_sentinel, reason=reason)
        _write_down((entry.case for entry in entries if entry.known_class), by)
    return len(chosen)


def _write_down(codes: Iterable[str], to: User) -> None:
    told = sorted(set(codes))
    for start in range(0, len(told), CHUNK):
        disclosures.record_of_codes(to=to, codes=told[start : start + CHUNK], kinds=[Shown.TRUTH])


def _write(by: User, cohort: Cohort, entry: Entry, reason: str) -> None:
    case = Case.objects.select_for_update().get(cohort=cohort, code=entry.case)
    before, patient = case.ground_truth, case.patient
    case.ground_truth, case.patient = entry.known_class or before, entry.patient or patient
    if (case.ground_truth, case.patient) == (before, patient):
        return
    case.save(update_fields=["ground_truth", "patient"])
    audit.record(
        by=by,
        action=audit.TRUTH_SET,
        subject=case,
        cohort=cohort,
        before=before,
        after=case.ground_truth,
        reason=reason,
    )


def set_by_hand(*, by: User, cohort: Cohort, code: str, known_class: str, reason: str) -> None:
    """Give one case its known class, or another one. Raises ValidationError."""
    code = code.strip().upper()
    if not cohort.cases.filter(code=code).exists():
        raise ValidationError({"case": _t("There is no case %(case)s in this cohort.") % {"case": code[:20]}})
    set_truth(by=by, cohort=cohort, entries=[Entry(0, code, known_class, "")], reason=reason, replace=True)


def template_lines(cohort: Cohort, *, to: User) -> list[str]:
    """The cohort's cases as a file of known classes, to be filled in; none where there are none."""
    told = ("code", "ground_truth", "is_sentinel")
    cases = list(cohort.cases.order_by("created_at", "id").values_list(*told))
    _write_down((code for code, known, _marked in cases if known), to)
    lines = [f"{code},{known},,{'yes' if marked else ''}" for code, known, marked in cases]
    return [",".join(COLUMNS), *lines] if lines else []


def newest_changes(cohort: Cohort, *, to: User, most: int = 20) -> list[tuple[str, AuditEvent]]:
    """The code of the case and the event of the newest changes of known classes, by whom and why."""
    from cases.models import AuditEvent

    events = list(
        AuditEvent.objects.filter(cohort=cohort, action=audit.TRUTH_SET)
        .select_related("actor")
        .order_by("-at")[:most]
    )
    disclosures.record_of_audit(to=to, events=events)
    codes = dict(Case.objects.filter(pk__in=[event.subject for event in events]).values_list("pk", "code"))
    by_text = {str(key): code for key, code in codes.items()}
    return [(by_text.get(event.subject, ""), event) for event in events]
