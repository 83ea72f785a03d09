"""`manage.py seed_demo`: the accounts, the cohort and the cases that `make run` starts with."""

from __future__ import annotations

import os
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from cases.lifecycle import JobStatus, Verdict
from cases.models import Case, Cohort, Job
from cases.permissions import Role
from cases.results import current_result
from cases.services import reviews
from cases.services.cohorts import add_member
from cases.services.imports import import_files, labelled_files
from cases.services.model_versions import active_version
from portal.accounts.models import User
from portal.demo import DEMO_ACCOUNTS, DEMO_COHORT, DEMO_DESCRIPTION, DEMO_DIR, DemoAccount

# So many of the demo cases come already read, so that the dashboard and the export show something.
READ_BEFOREHAND = 6


class Command(BaseCommand):
    help = "Make the demo accounts and the simulated demo cases; what is there already stays."

    def handle(self, **options: Any) -> None:
        if os.environ.get("DJANGO_SETTINGS_MODULE") == "portal.settings.production":
            raise CommandError("The demo accounts have known passwords; they are not for production.")
        with transaction.atomic():
            cohort, _ = Cohort.objects.get_or_create(
                name=DEMO_COHORT, defaults={"description": DEMO_DESCRIPTION}
            )
            people = {account.role: self._person(account, cohort) for account in DEMO_ACCOUNTS}
        files = labelled_files(DEMO_DIR, known=set(active_version().class_labels))
        if cohort.cases.count() < len(files):
            importer = people[Role.TECHNOLOGIST]
            for number, _ in enumerate(
                import_files(by=importer, cohort=cohort, files=files, is_simulated=True), start=1
            ):
                self.stdout.write(f"Demo case {number} of {len(files)}")
        self._analyse_waiting(cohort)
        self._read_some(cohort, people[Role.RADIOLOGIST])

    def _person(self, account: DemoAccount, cohort: Cohort) -> User:
        person = User.objects.filter(email=account.email).first()
        if person is None:
            make = User.objects.create_user if account.role else User.objects.create_superuser
            person = make(account.email, account.password, full_name=account.full_name)
        if account.role and not cohort.memberships.filter(user=person).exists():
            add_member(by=None, cohort=cohort, user=person, role=account.role)
        return person

    def _analyse_waiting(self, cohort: Cohort) -> None:
        """Run the waiting analyses here, by the worker's own function, before anybody looks."""
        waiting = Job.objects.filter(image__cohort=cohort, status=JobStatus.QUEUED)
        if not waiting.exists():
            return
        from inference.tasks import analyse

        self.stdout.write(f"Analysing {waiting.count()} demo cases")
        for job_id in list(waiting.values_list("pk", flat=True)):
            analyse(str(job_id))

    def _read_some(self, cohort: Cohort, reader: User) -> None:
        """Let the demo reader read some cases, with the simulated truth as the opinion."""
        if cohort.cases.filter(reviews__isnull=False).exists():
            return
        for case in cohort.cases.order_by("created_at", "id")[:READ_BEFOREHAND]:
            if opinion := self._opinion(case, reader):
                prediction = current_result(reader, case)
                assert prediction is not None  # noqa: S101 - _opinion saw it
                reviews.submit_review(by=reader, case=case, prediction=prediction, opinion=opinion)

    def _opinion(self, case: Case, reader: User) -> reviews.Opinion | None:
        prediction = current_result(reader, case)
        if prediction is None:
            return None
        agrees = prediction.predicted_class == case.ground_truth
        return reviews.Opinion(
            verdict=Verdict.AGREE if agrees else Verdict.DISAGREE,
            corrected_class="" if agrees else case.ground_truth,
            confidence=4,
            comment="Simulated reading for the demonstration.",
        )
