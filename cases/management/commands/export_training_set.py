"""`manage.py export_training_set DIR --name NAME`: what was reviewed becomes what a network is trained on."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from cases import audit
from cases.export.training_set import Chosen, TrainingSetError, export_training_set
from cases.models import Cohort

LEAST_FOLDS = 2


class Command(BaseCommand):
    help = (
        "Write the pictures of a cohort and a manifest.csv with classes, groups and folds, as "
        "`python -m inference train RECIPE --data DIR` takes them. The class is the known one, else the "
        "adjudicator's, else that on which all readers agree."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("folder", type=Path, metavar="DIR", help="new or empty")
        parser.add_argument("--name", required=True, help="name of the cohort")
        parser.add_argument(
            "--folds", type=int, default=5, help="groups are spread over so many (default: 5)"
        )
        parser.add_argument(
            "--disagreements",
            action="store_true",
            help="only cases on which the network names another class than the one that stands",
        )
        parser.add_argument("--simulated", action="store_true", help="take simulated cases too")

    def handle(
        self, *, folder: Path, name: str, folds: int, disagreements: bool, simulated: bool, **options: Any
    ) -> None:
        cohort = Cohort.objects.filter(name=name).first()
        if cohort is None:
            raise CommandError(f"There is no cohort of this name. Received {name!r}.")
        if folds < LEAST_FOLDS:
            raise CommandError(f"Training needs two folds at the least. Received {folds}.")
        chosen = Chosen.DISAGREEMENTS if disagreements else Chosen.ALL
        try:
            written = export_training_set(
                cohort, folder, folds=folds, chosen=chosen, with_simulated=simulated
            )
        except TrainingSetError as error:
            raise CommandError(str(error)) from error
        total = written.by_class.total()
        audit.record(by=None, action="training_set.exported", subject=cohort, cohort=cohort, images=total)
        shares = ", ".join(f"{n} {code}" for code, n in sorted(written.by_class.items()))
        self.stdout.write(f"{total} images in {written.groups} groups: {shares}.")
        for why, n in sorted(written.left_out.items()):
            self.stdout.write(f"Left out, {why}: {n}.")
