"""How many worker processes keep a promised wait, over the arrivals of a day: a queue, simulated.

    python docs/benchmarks/queue_simulation.py                       # a million images a day
    python docs/benchmarks/queue_simulation.py --images 20000 --burst 300 --wait 5

Exams arrive as a Poisson process whose rate follows the hours of a hospital's day, each with all of its
images at once; each image takes the first process
that is free, in the order of arrival, for a time of the measured mean and spread. What is printed is the wait
from the upload to the beginning of the analysis, for the fewest processes that keep the promise to 95 of 100.
Plain numpy, seeded: the same numbers each time.
"""

from __future__ import annotations

import heapq
import math
import sys
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from numpy.typing import NDArray

from docs.benchmarks.figures import Figure, arguments, hand_over

DAY = 24 * 3600.0
# The share of a day's images in each hour: little at night, two waves, as scanners work in a hospital.
_NIGHT_TO_NOON = (0.8, 0.6, 0.5, 0.5, 0.6, 1.0, 2.2, 5.0, 8.2, 9.4, 9.2, 8.0)
_NOON_TO_NIGHT = (6.0, 7.4, 8.6, 8.4, 7.0, 5.0, 3.6, 2.6, 2.0, 1.5, 1.1, 0.8)
HOURS = np.array((*_NIGHT_TO_NOON, *_NOON_TO_NIGHT))


@dataclass(frozen=True)
class Waits:
    """Seconds that jobs waited."""

    processes: int
    mean: float
    median: float
    p95: float
    longest: float


def arrivals(
    images: float, rng: np.random.Generator, burst: int = 1, hours: NDArray[np.float64] = HOURS
) -> NDArray[np.float64]:
    """Return the moments of a day's arrivals, float64 (N,), seconds, in their order.

    images: how many a day, in the mean. burst: so many come at once, as the slices of an exam do. hours:
    float64 (H,), what share of the day falls into each H-th of it; scaled to 1.
    """
    each = rng.poisson(images / burst * hours / hours.sum())
    width = DAY / len(hours)
    moments = [rng.uniform(hour * width, (hour + 1) * width, number) for hour, number in enumerate(each)]
    return np.repeat(np.sort(np.concatenate(moments)), burst)


def services(number: int, mean: float, spread: float, rng: np.random.Generator) -> NDArray[np.float64]:
    """Return times of service, float64 (number,), seconds: log-normal of this mean and coefficient of
    variation; exponential where the spread is 1, constant where it is 0.
    """
    if spread == 0.0:
        return np.full(number, mean)
    if spread == 1.0:
        return rng.exponential(mean, number)
    sigma = math.sqrt(math.log1p(spread**2))
    return rng.lognormal(math.log(mean) - sigma**2 / 2, sigma, number)


def waits(came: NDArray[np.float64], took: NDArray[np.float64], processes: int) -> NDArray[np.float64]:
    """Return how long each waited, float64 (N,): first come, first served, by whoever is free first."""
    free = [0.0] * processes
    waited = np.empty(len(came))
    for place, (moment, seconds) in enumerate(zip(came.tolist(), took.tolist(), strict=True)):
        begin = max(moment, free[0])
        heapq.heapreplace(free, begin + seconds)
        waited[place] = begin - moment
    return waited


def erlang_c(load: float, processes: int) -> float:
    """Return the probability that a job has to wait in M/M/c; `load` is rate times mean service, below c."""
    blocked = 1.0
    for number in range(1, processes + 1):
        blocked = load * blocked / (number + load * blocked)
    return processes * blocked / (processes - load * (1.0 - blocked))


def summary(waited: NDArray[np.float64], processes: int) -> Waits:
    """Return the figures of one run."""
    median, p95 = np.quantile(waited, (0.5, 0.95))
    return Waits(processes, float(waited.mean()), float(median), float(p95), float(waited.max()))


def fewest(came: NDArray[np.float64], took: NDArray[np.float64], promised: float) -> Waits:
    """Return the fewest processes with which 95 of 100 wait at most so many seconds, and what they wait."""
    low, high = 1, 1
    while summary(waits(came, took, high), high).p95 > promised:
        low, high = high + 1, high * 2
    while low < high:
        middle = (low + high) // 2
        if summary(waits(came, took, middle), middle).p95 > promised:
            low = middle + 1
        else:
            high = middle
    return summary(waits(came, took, low), low)


def main() -> None:
    """Print a table: a promise a line."""
    parser = arguments(__doc__)
    parser.add_argument("--images", type=float, default=1_000_000, help="a day")
    parser.add_argument("--burst", type=int, default=200, help="images of one exam, which come at once")
    parser.add_argument(
        "--service", type=float, default=0.04, help="seconds of one analysis, on its own core"
    )
    parser.add_argument("--spread", type=float, default=0.5, help="standard deviation of that, by its mean")
    parser.add_argument("--wait", type=float, nargs="+", default=[1.0, 2.0, 5.0, 10.0, 30.0, 60.0])
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    came = arrivals(given.images, rng, given.burst)
    took = services(len(came), given.service, given.spread, rng)
    peak = given.images * HOURS.max() / HOURS.sum() / 3600
    print(f"{len(came):,} images, {given.burst} at once, {peak:.1f} a second in the busiest hour")
    print(
        f"{given.service * 1000:.0f} ms each: work for {took.sum() / DAY:.2f} processes over the day, "
        f"{peak * given.service:.2f} in that hour"
    )
    print("promised, s   processes    mean   median     95 %   longest")
    figures = []
    for promised in given.wait:
        found = fewest(came, took, promised)
        print(
            f"{promised:11.1f} {found.processes:11d} {found.mean:7.2f} {found.median:8.2f}"
            f" {found.p95:8.2f} {found.longest:9.2f}"
        )
        what = f"{len(came):,} images a day, 95 of 100 begin within {promised:g} s"
        figures.append(Figure(what, found.processes, "processes"))
    hand_over(figures, given.json)


if __name__ == "__main__":
    main()
