"""A job's steps are timed, added up in the broker, and told to Prometheus."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import redis
from celery import current_app

from cases.analysis import step_times, worker
from cases.models import Job, ModelVersion
from inference.manifest import default_manifest
from portal.monitoring.state import StateCollector
from tests.support import valkey


@pytest.fixture
def model_version(db) -> ModelVersion:
    """Stands in for the cast's version: the one that ships, which LiteRT runs."""
    shipped = default_manifest()
    return ModelVersion.objects.create(
        name=shipped.id,
        weights_sha256=shipped.weights_sha256,
        manifest=shipped.as_dict(),
        is_active=True,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with valkey.serving() as address:
        yield address


@pytest.fixture
def broker(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A broker of these tests' own, empty."""
    with redis.Redis.from_url(server) as client:
        client.delete(step_times.KEY)
    connect = current_app.connection_for_write
    monkeypatch.setattr(current_app, "connection_for_write", lambda: connect(server))


@pytest.fixture
def told() -> Iterator[list[dict[str, float]]]:
    """The steps of each job that came to a result."""
    found: list[dict[str, float]] = []

    def note(seconds: dict[str, float], **_others: object) -> None:
        found.append(seconds)

    step_times.measured.connect(note)
    yield found
    step_times.measured.disconnect(note)


def samples() -> dict[tuple[str, ...], float]:
    metrics = [each for each in StateCollector().collect() if each.name == "secondread_job_step_seconds"]
    return {
        (sample.name.removeprefix("secondread_job_step_seconds_"), *sample.labels.values()): sample.value
        for metric in metrics
        for sample in metric.samples
    }


def test_every_step_of_a_job_that_has_a_result_is_told(submit, told) -> None:
    submit()
    worker.analyse(str(Job.objects.get().pk))
    (steps,) = told
    assert set(steps) == set(step_times.STEPS)
    assert all(seconds > 0 for seconds in steps.values())


def test_nothing_is_told_of_a_job_that_failed_or_that_somebody_else_has(submit, told, monkeypatch) -> None:
    submit()
    key = str(Job.objects.get().pk)
    monkeypatch.setattr(worker, "decode_canonical", lambda _data: 1 / 0)
    worker.analyse(key)
    monkeypatch.setattr(worker.jobs, "lease", lambda _key: None)
    worker.analyse(key)
    assert told == []


def test_steps_of_all_jobs_are_added_up_within_their_bounds(broker) -> None:
    step_times.add({"network": 0.004, "store": 0.001})
    step_times.add({"network": 0.0051})
    step_times.add({"network": 60.0})
    network = step_times.read()["network"]
    assert network.counts == (0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1)
    assert network.seconds == pytest.approx(60.0091)
    # A bound belongs to what is below it, as Prometheus has it.
    assert step_times.read()["store"].counts[0] == 1
    assert set(step_times.read()) == {"network", "store"}


def test_connection_to_the_broker_is_kept_from_job_to_job(broker, server) -> None:
    step_times.add({"network": 0.004})
    with redis.Redis.from_url(server) as client:
        before = client.info("stats")["total_connections_received"]
        step_times.add({"network": 0.004})
        assert client.info("stats")["total_connections_received"] == before


def test_prometheus_is_told_a_histogram_of_each_step(broker, db) -> None:
    step_times.add({"decode": 0.004})
    step_times.add({"decode": 0.2})
    found = samples()
    assert (found["bucket", "decode", "0.0025"], found["bucket", "decode", "0.005"]) == (0, 1)
    assert (found["bucket", "decode", "+Inf"], found["count", "decode"]) == (2, 2)
    assert found["sum", "decode"] == pytest.approx(0.204)


@pytest.mark.parametrize("address", ["memory://", "redis://127.0.0.1:1/0"])
def test_broker_that_is_away_or_another_costs_the_job_nothing(address, submit, monkeypatch) -> None:
    connect = current_app.connection_for_write
    monkeypatch.setattr(current_app, "connection_for_write", lambda: connect(address))
    submit()
    assert step_times.read() == {}
    worker.analyse(str(Job.objects.get().pk))
    assert Job.objects.get().status == "succeeded"


def test_step_within_another_counts_alone(monkeypatch) -> None:
    clock = iter([0.0, 1.0, 4.0, 9.0])
    monkeypatch.setattr(step_times.time, "perf_counter", lambda: next(clock))
    with step_times.of_a_job() as job, step_times.step("database"), step_times.step("store"):
        pass
    assert job.seconds == {"store": 3.0, "database": 6.0}
