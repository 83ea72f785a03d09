"""`manage.py reanalyse --cohort NAME`: queue a cohort for the active network version."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from cases.analysis.model_versions import active_version
from cases.analysis.reanalysis import ReanalysisPlan, plan, reanalyse
from cases.models import Cohort


class Command(BaseCommand):
    help = (
        "Queue every image of a cohort that has no result of the active network version. "
        "Results of other versions and all reviews stay. A second call queues nothing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--cohort", required=True, metavar="COHORT", help="its name, or its id")
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would be queued, and queue nothing"
        )

    def handle(self, *, cohort: str, dry_run: bool, **options: Any) -> None:
        found = self._cohort(cohort)
        done = plan(found, active_version()) if dry_run else reanalyse(by=None, cohort=found)
        self.stdout.write(_sentence(found, done, "would be queued" if dry_run else "queued"))

    def _cohort(self, wanted: str) -> Cohort:
        found = Cohort.objects.filter(name=wanted).first() or _by_id(wanted)
        if found is None:
            known = ", ".join(f"“{name}”" for name in Cohort.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"There is no such cohort; there are: {known}. Received {wanted!r}.")
        return found


def _by_id(wanted: str) -> Cohort | None:
    try:
        return Cohort.objects.filter(pk=UUID(wanted)).first()
    except ValueError:
        return None


def _sentence(cohort: Cohort, done: ReanalysisPlan, verb: str) -> str:
    return (
        f"“{cohort.name}”, {done.version.name}: {done.to_queue} {verb}, {done.analysed} had a result, "
        f"{done.in_work} still in work."
    )
