"""The simulated queue behind docs/scaling.md, held against what is known of M/M/c (Erlang, 1917)."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
ALWAYS_ALIKE = np.ones(1)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / "docs" / "benchmarks")
    return importlib.import_module("queue_simulation")


@pytest.mark.parametrize(
    ("load", "processes", "probability"),
    # Of one server its load; of more as in the tables.
    [(0.5, 1, 0.5), (0.9, 1, 0.9), (1.0, 2, 1 / 3), (2.0, 3, 4 / 9), (8.0, 10, 0.409180)],
)
def test_probability_of_a_wait_is_erlangs(
    queue: ModuleType, load: float, processes: int, probability: float
) -> None:
    assert queue.erlang_c(load, processes) == pytest.approx(probability, abs=1e-6)


@pytest.mark.parametrize(("load", "processes"), [(0.7, 1), (2.0, 3), (8.0, 10)])
def test_simulated_waits_are_those_of_an_even_stream_with_exponential_services(
    queue: ModuleType, load: float, processes: int
) -> None:
    rng = np.random.default_rng(7)
    images = 200_000
    service = load * queue.DAY / images
    came = queue.arrivals(images, rng, hours=ALWAYS_ALIKE)
    waited = queue.waits(came, queue.services(len(came), service, 1.0, rng), processes)
    has_to_wait = queue.erlang_c(load, processes)
    assert np.mean(waited > 0) == pytest.approx(has_to_wait, abs=0.01)
    assert waited.mean() == pytest.approx(has_to_wait * service / (processes - load), rel=0.05)


def test_images_of_one_exam_wait_for_each_other(queue: ModuleType) -> None:
    came = np.zeros(6)
    waited = queue.waits(came, np.full(6, 2.0), 2)
    assert waited.tolist() == [0, 0, 2, 2, 4, 4]
    assert queue.fewest(came, np.full(6, 2.0), promised=2.0).processes == 3


def test_day_has_its_images_its_hours_and_the_same_numbers_each_time(queue: ModuleType) -> None:
    came = queue.arrivals(240_000, np.random.default_rng(3), burst=4)
    assert len(came) == pytest.approx(240_000, rel=0.02)
    assert len(np.unique(came)) == len(came) // 4
    hours = np.bincount((came // 3600).astype(int), minlength=24) / len(came)
    assert hours == pytest.approx(queue.HOURS / queue.HOURS.sum(), abs=0.005)
    assert np.array_equal(came, queue.arrivals(240_000, np.random.default_rng(3), burst=4))


@pytest.mark.parametrize("spread", [0.0, 0.5, 1.0])
def test_services_have_the_mean_and_the_spread_that_were_asked_for(queue: ModuleType, spread: float) -> None:
    took = queue.services(200_000, 0.04, spread, np.random.default_rng(5))
    assert took.mean() == pytest.approx(0.04, rel=0.01)
    assert took.std() / took.mean() == pytest.approx(spread, abs=0.01)
