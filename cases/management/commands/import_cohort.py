"""`manage.py import_cohort DIR --name NAME`: a labelled folder becomes a cohort."""

from __future__ import annotations

from argparse import ArgumentParser
from collections import Counter
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError

from cases.analysis.model_versions import active_version
from cases.intake.folder_import import FolderError, import_files, labelled_files, refuse_contradictions
from cases.intake.receipts import Outcome
from cases.models import Cohort
from cases.people.memberships import add_member
from cases.roles import Role
from inference.files import readable

PROGRESS_EVERY = 50


class Command(BaseCommand):
    help = (
        "Load a folder with one sub-folder a class, or with a manifest.csv (path,label), "
        "as a cohort with ground truth. A third column, case, groups rows to the images of one case, in "
        "the order of the rows. Pictures that are there already are passed over, or stored anew where the "
        "stored one is missing. An image under two labels is refused before anything is stored."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR")
        parser.add_argument("--name", required=True, help="name of the cohort, new or existing")
        parser.add_argument(
            "--by",
            metavar="EMAIL",
            help="who imports; becomes study administrator of a new cohort (default: a superuser)",
        )

    def handle(self, *, folder: Path, name: str, by: str | None, **options: Any) -> None:
        importer = self._importer(by)
        try:
            files = labelled_files(folder, known=set(active_version().class_labels), tell=self.stdout.write)
            refuse_contradictions(files, folder, Cohort.objects.filter(name=name).first())
        except FolderError as error:
            raise CommandError(str(error)) from error
        cohort, created = Cohort.objects.get_or_create(name=name)
        if created:
            add_member(by=None, cohort=cohort, user=importer, role=Role.ADMINISTRATOR)
        outcomes: Counter[str] = Counter()
        restored = 0
        for entry, receipt in import_files(by=importer, cohort=cohort, files=files):
            outcomes[receipt.outcome] += 1
            restored += receipt.code == "restored"
            if receipt.outcome == Outcome.REFUSED:
                self.stderr.write(f"{readable(entry.path)}: {receipt.message}")
            if outcomes.total() % PROGRESS_EVERY == 0:
                self.stdout.write(f"{outcomes.total()} of {len(files)} files")
        self.stdout.write(
            f"“{name}”: {outcomes[Outcome.RECEIVED]} received and queued, "
            f"{outcomes[Outcome.DUPLICATE]} already there, {outcomes[Outcome.REFUSED]} refused."
        )
        if restored:
            self.stdout.write(f"Stored anew, because the stored picture was missing or damaged: {restored}.")

    def _importer(self, email: str | None) -> Any:
        people = get_user_model().objects.filter(is_active=True)
        found = (people.filter(email=email.lower()) if email else people.filter(is_superuser=True)).first()
        if found is None:
            raise CommandError(
                f"Nobody here has the e-mail address {email}."
                if email
                else "There is no superuser; name somebody with --by EMAIL."
            )
        return found
