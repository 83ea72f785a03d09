"""The rule by which Kubernetes adds workers asks the table of jobs what waits, and how long."""

from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from django.db import connection
from django.utils import timezone

from cases.analysis import jobs
from cases.lifecycle import JobStatus
from cases.models import Job

ROOT = Path(__file__).resolve().parents[3]
RULES = yaml.safe_load_all((ROOT / "docs/kubernetes/portal/scaling.yaml").read_text(encoding="utf-8"))
(SCALED,) = (each for each in RULES if each["kind"] == "ScaledObject")
DEPTH, AGE = (trigger["metadata"]["query"] for trigger in SCALED["spec"]["triggers"])


def asked(query: str) -> float:
    with connection.cursor() as cursor:
        cursor.execute(query)
        return float(cursor.fetchone()[0])


def test_depth_is_what_a_worker_could_take(submit_many) -> None:
    submit_many(3)
    assert asked(DEPTH) == 3
    running, stuck, _ = Job.objects.order_by("pk")
    assert jobs.lease(running.pk)
    Job.objects.filter(pk=stuck.pk).update(error_code=Job.NETWORK_UNUSABLE)
    assert asked(DEPTH) == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="the rule is for PostgreSQL")
def test_age_is_that_of_the_oldest_which_waits_and_nothing_where_none_does(submit_many) -> None:
    submit_many(2)
    first, _ = Job.objects.order_by("pk")
    Job.objects.filter(pk=first.pk).update(queued_at=timezone.now() - timedelta(hours=1))
    # PostgreSQL's now() is the beginning of the test.
    assert asked(AGE) == pytest.approx(3600, abs=600)
    Job.objects.filter(pk=first.pk).update(error_code=Job.NETWORK_UNUSABLE)
    assert asked(AGE) == pytest.approx(0, abs=600)
    Job.objects.update(status=JobStatus.SUCCEEDED)
    assert asked(AGE) == 0
