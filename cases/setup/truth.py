"""Known classes, and the pseudonymous keys of patients: by a file that is tried before it is written, or by
hand.

Who says a known class, or is told one here, knows it from then on: that is written down
(cases/disclosures.py).

A patient key is stored as a digest alone, keyed by the portal's secret and the cohort, so that it names
nobody, here or in an export, and links nobody from one cohort to another.
"""

from __future__ import annotations

import csv
import hmac
import io
import json
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _t

from cases import audit, disclosures, storage
from cases.classes import known_classes
from cases.input_values import is_storable
from cases.lifecycle import Shown
from cases.models import Case, Cohort
from cases.models.statement import MAX_REASON
from cases.permissions import Action, require

if TYPE_CHECKING:
    from collections.abc import Iterable

    from cases.models import AuditEvent
    from portal.accounts.models import User

COLUMNS = ("case", "known_class", "patient")
MAX_BYTES = 5 * 2**20
MAX_ROWS = 100_000
CHUNK = 500


@dataclass(frozen=True)
class Entry:
    """One line of a file: patient is a digest already; empty fields say nothing."""

    line: int
    case: str
    known_class: str
    patient: str


@dataclass(frozen=True)
class Trial:
    """What a file would do. new, same: entries that fit; contradicting: of another known class or patient,
    each with what is known. wrong: lines that cannot be taken, each with why.
    """

    new: list[Entry]
    same: int
    contradicting: list[tuple[Entry, str]]
    wrong: list[tuple[int, str]]
    unknown_left: int

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
    """The entries of a CSV file with the columns case, known_class and, where there is one, patient; and what
    is wrong with its lines. Raises ValidationError where it is no such file.
    """
    if len(data) > MAX_BYTES:
        raise ValidationError(_t("The file is larger than 5 MB: send it in parts."))
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ValidationError(
            _t("The file is not UTF-8 text. Save it as CSV (UTF-8) and send it again.")
        ) from None
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=_delimiter(text))
    names = [name.strip() for name in reader.fieldnames or ()]
    if not {"case"} < set(names) or not set(names) <= set(COLUMNS) or len(set(names)) != len(names):
        raise ValidationError(
            _t(
                "The first line names the columns: case, and known_class or patient or both. Received: "
                "%(names)s"
            )
            % {"names": ", ".join(names)[:80] or "–"}  # noqa: RUF001 - a dash for nothing
        )
    reader.fieldnames = names
    try:
        return entries_of(cohort, reader)
    except csv.Error:
        raise ValidationError(
            _t("A line of the file is longer than a cell may be, as where a quotation mark is never closed.")
        ) from None


def _delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return ";" if first.count(";") > first.count(",") else ","


def entries_of(cohort: Cohort, rows: Iterable[dict[str, str]]) -> tuple[list[Entry], list[tuple[int, str]]]:
    """The entries of rows with the members of COLUMNS, counted from line 2, and what is wrong with which."""
    entries, wrong, seen = [], [], set()
    classes = known_classes()
    for line, row in enumerate(rows, start=2):
        if line > MAX_ROWS + 1:
            raise ValidationError(_t("The file has more than 100,000 lines: send it in parts."))
        given = {name: (row.get(name) or "").strip() for name in COLUMNS}
        code = given["case"].upper()
        if None in row or not is_storable("".join(given.values())):
            wrong.append(
                (line, _t("The line has more cells than columns, or characters that cannot be stored."))
            )
        elif code in seen:
            wrong.append((line, _t("The case %(case)s stands in the file twice.") % {"case": code[:20]}))
        elif given["known_class"] and given["known_class"] not in classes:
            said = _t("There is no class %(given)s; known are %(known)s.")
            told = {"given": given["known_class"][:40], "known": ", ".join(classes)}
            wrong.append((line, said % told))
        else:
            patient = patient_digest(cohort, given["patient"])
            entries.append(Entry(line, code, given["known_class"], patient))
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
        truth, patient = known[entry.case]
        against = _against(entry, truth, patient)
        if against:
            contradicting.append((entry, against))
        elif entry.known_class in ("", truth) and entry.patient in ("", patient):
            same += 1
        else:
            new.append(entry)
    _write_down((entry.case for entry, _said in contradicting), to)
    without = cohort.cases.filter(ground_truth="").count()
    given = sum(bool(entry.known_class) and not known[entry.case][0] for entry in new)
    return Trial(new, same, contradicting, sorted(wrong), without - given)


def _against(entry: Entry, truth: str, patient: str) -> str:
    told = []
    if truth and entry.known_class and entry.known_class != truth:
        told.append(
            _t("known as %(truth)s, in the file %(given)s") % {"truth": truth, "given": entry.known_class}
        )
    if patient and entry.patient and entry.patient != patient:
        told.append(_t("another patient key is known"))
    return "; ".join(told)


def _known(cohort: Cohort, entries: list[Entry]) -> dict[str, tuple[str, str]]:
    """Known class and patient of the cases named, by code."""
    codes = [entry.case for entry in entries]
    found: dict[str, tuple[str, str]] = {}
    for start in range(0, len(codes), CHUNK):
        cases = cohort.cases.filter(code__in=codes[start : start + CHUNK])
        rows = cases.values_list("code", "ground_truth", "patient")
        found |= {code: (truth, patient) for code, truth, patient in rows}
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
        for entry in chosen:
            _write(by, cohort, entry, reason)
        _write_down((entry.case for entry in entries if entry.known_class), by)
    return len(chosen)


def _write_down(codes: Iterable[str], to: User) -> None:
    told = sorted(set(codes))
    for start in range(0, len(told), CHUNK):
        disclosures.record_of_codes(to=to, codes=told[start : start + CHUNK], kinds=[Shown.TRUTH])


def _write(by: User, cohort: Cohort, entry: Entry, reason: str) -> None:
    case = Case.objects.select_for_update().get(cohort=cohort, code=entry.case)
    before = case.ground_truth
    case.ground_truth, case.patient = entry.known_class or before, entry.patient or case.patient
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
    cases = list(cohort.cases.order_by("created_at", "id").values_list("code", "ground_truth"))
    _write_down((code for code, known in cases if known), to)
    lines = [f"{code},{known}," for code, known in cases]
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
