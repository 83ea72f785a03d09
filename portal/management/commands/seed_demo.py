"""`manage.py seed_demo`: the accounts, the cohort and the cases that `make run` starts with."""

from __future__ import annotations

import os
from typing import Any

from django.core.files.base import File
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cases.analysis.model_versions import active_version, register
from cases.analysis.results import current_result
from cases.intake.archives import Unpacked
from cases.intake.folder_import import LabelledFile, cases_of, import_files, labelled_files
from cases.intake.uploads import submit_series
from cases.lifecycle import JobStatus, Reading, ReadingOrder, Verdict
from cases.models import Case, Cohort, FirstRead, Job, ModelVersion, Prediction
from cases.people.memberships import add_member
from cases.permissions import require_reader
from cases.reading import reviews
from cases.reading.first_reads import commit_first_read
from cases.reading.read_input import ReadInput
from cases.roles import Role
from inference.manifest import MANIFEST_DIR, load_manifest
from portal.accounts.models import User
from portal.demo import (
    BLINDED_CASES,
    BLINDED_COHORT,
    BLINDED_DESCRIPTION,
    DEMO_ACCOUNTS,
    DEMO_COHORT,
    DEMO_DESCRIPTION,
    DEMO_DIR,
    HOSPITAL_ARCHIVE,
    HOSPITAL_CLASS,
    SERIES_OF,
    TEACHING_CASES,
    TEACHING_COHORT,
    TEACHING_DESCRIPTION,
    DemoAccount,
)
from portal.demo_study import freeze_first_weeks, simulate_study

# So many of the demo cases come already read, so that the dashboard and the export show something.
READ_BEFOREHAND = 6
# The network before the one that is active.
OLDER_NETWORK = "prototype-cnn-1"
WORDS = "Simulated reading for the demonstration."


class Command(BaseCommand):
    help = "Make the demo accounts, cohorts and simulated cases; what is there already stays."

    def handle(self, **options: Any) -> None:
        if os.environ.get("DJANGO_SETTINGS_MODULE") == "portal.settings.production":
            raise CommandError("The demo accounts have known passwords; they are not for production.")
        with transaction.atomic():
            people = {account.email.partition("@")[0]: self._person(account) for account in DEMO_ACCOUNTS}
            cohort = self._cohort(DEMO_COHORT, description=DEMO_DESCRIPTION)
            blinded = self._cohort(
                BLINDED_COHORT,
                description=BLINDED_DESCRIPTION,
                reading=Reading.BLINDED,
                readers_required=2,
                reading_order=ReadingOrder.RANDOM,
                adjudicator=people["adjudicator"],
            )
            practice = self._cohort(
                TEACHING_COHORT, description=TEACHING_DESCRIPTION, reading=Reading.TEACHING
            )
            for account in DEMO_ACCOUNTS:
                for joined in (cohort, blinded, practice) if account.everywhere else (blinded,):
                    self._join(account, people[account.email.partition("@")[0]], joined)
        # The one before is known before the one in use: the newest is the one that figures are about.
        older = register(by=None, manifest=load_manifest(MANIFEST_DIR / f"{OLDER_NETWORK}.json"))
        files = labelled_files(DEMO_DIR, known=set(active_version().class_labels))
        importer = people["technologist"]
        single = [file for file in files if not file.case]
        # No picture of the blinded cohort stands in the first one: its result would be held back there.
        for into, few in (
            (cohort, single[BLINDED_CASES:]),
            (blinded, single[:BLINDED_CASES]),
            (practice, single[-TEACHING_CASES:]),
        ):
            slices = [file for file in files if file.case and file.case == SERIES_OF.get(into.name)]
            self._import(importer, into, few + slices)
            self._analyse_waiting(into)
        self._import_hospital_series(importer, cohort)
        self._analyse_waiting(cohort)
        self._read_some(cohort, people["radiologist"])
        self._dispute_one(blinded, people["radiologist"], people["second"])
        self._finish_study(cohort, older)

    def _person(self, account: DemoAccount) -> User:
        person = User.objects.filter(email=account.email).first()
        if person is None:
            make = User.objects.create_user if account.role else User.objects.create_superuser
            person = make(account.email, account.password, full_name=account.full_name)
        return person

    def _cohort(self, name: str, **fields: Any) -> Cohort:
        return Cohort.objects.get_or_create(name=name, defaults=fields)[0]

    def _join(self, account: DemoAccount, person: User, cohort: Cohort) -> None:
        if account.role and not cohort.memberships.filter(user=person).exists():
            add_member(by=None, cohort=cohort, user=person, role=account.role)

    def _import(self, importer: User, cohort: Cohort, files: list[LabelledFile]) -> None:
        if cohort.cases.filter(series=None).count() >= len(cases_of(files)):
            return
        taken_in = import_files(by=importer, cohort=cohort, files=files, is_simulated=True)
        for number, _ in enumerate(taken_in, start=1):
            self.stdout.write(f"{cohort.name}: image {number} of {len(files)}")

    def _import_hospital_series(self, importer: User, cohort: Cohort) -> None:
        """Take the DICOM series in as the upload page does: unpacked, sorted, without its names."""
        if cohort.cases.exclude(series=None).exists():
            return
        with (DEMO_DIR / HOSPITAL_ARCHIVE).open("rb") as stream:
            receipts = submit_series(
                by=importer,
                cohort=cohort,
                files=Unpacked([(HOSPITAL_ARCHIVE, File(stream))]),
                ground_truth=HOSPITAL_CLASS,
                is_simulated=True,
            )
        self.stdout.write(f"{cohort.name}: a DICOM series of {len(receipts)} slices")

    def _analyse_waiting(self, cohort: Cohort) -> None:
        """Run the waiting analyses here, by the worker's own function, before anybody looks."""
        waiting = Job.objects.filter(image__cohort=cohort, status=JobStatus.QUEUED)
        if not waiting.exists():
            return
        from cases.analysis.worker import analyse

        self.stdout.write(f"Analysing {waiting.count()} demo images")
        for job_id in list(waiting.values_list("pk", flat=True)):
            analyse(str(job_id))

    def _read_some(self, cohort: Cohort, reader: User) -> None:
        """Let the demo reader read some cases, with the simulated truth as the opinion."""
        if cohort.cases.filter(reviews__isnull=False).exists():
            return
        for case in cohort.cases.order_by("created_at", "id")[:READ_BEFOREHAND]:
            if prediction := current_result(reader, case):
                read = _judged(prediction, case.ground_truth, confidence=4)
                reviews.submit_review(reader=require_reader(reader, case), prediction=prediction, read=read)

    def _dispute_one(self, cohort: Cohort, *readers: User) -> None:
        """Let two readers differ about one blinded case, so that there is something to adjudicate."""
        case = cohort.cases.order_by("created_at", "id").first()
        if case is None or FirstRead.objects.filter(case__cohort=cohort).exists():
            return
        for reader, seen in zip(readers, ("glioma", "meningioma"), strict=True):
            # Fetched anew: the first read freezes the protocol for the case.
            case = Case.objects.select_related("cohort", "protocol").get(pk=case.pk)
            who = require_reader(reader, case)
            commit_first_read(reader=who, read=ReadInput(seen, 3, WORDS))
            prediction = current_result(reader, case)
            if prediction is None:
                return
            reviews.submit_review(
                reader=who, prediction=prediction, read=_judged(prediction, seen, confidence=3)
            )

    def _finish_study(self, cohort: Cohort, older: ModelVersion) -> None:
        """A simulated study that is over, for those who look at figures. The exporter's script goes on
        finding on its first page what was read here, not a thousand simulated reads.
        """
        study = simulate_study(cohort, [older, active_version()])
        if study is None:
            return
        for account in DEMO_ACCOUNTS:
            if account.role == Role.ADMINISTRATOR:
                person = User.objects.get(email=account.email)
                self._join(account, person, study)
                freeze_first_weeks(study, person)
        self.stdout.write(f"{study.name}: {study.cases.count()} cases")


def _judged(prediction: Prediction, seen: str, *, confidence: int) -> ReadInput:
    """What a reader who sees this class says of the result."""
    verdict = Verdict.AGREE if prediction.predicted_class == seen else Verdict.DISAGREE
    return ReadInput(seen, confidence, WORDS, verdict=verdict)
