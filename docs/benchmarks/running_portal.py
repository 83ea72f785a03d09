"""The portal as several processes: how it starts, what it holds, how long an upload takes until it is ready.

    python docs/benchmarks/running_portal.py [CASES]

PostgreSQL, Valkey, web, analysis and maintenance as `make faults` brings them up, first with one process for
analyses and then with two; pictures of 512 x 512. An upload's clock runs from the moment at which it was to
be sent until its job has its result. Under load 20 are sent a second, whether or not those before are done:
what waits then is told in the figures. Whoever sends them works on the same machine.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from docs.benchmarks.costs import percentile, picture
from docs.benchmarks.figures import Figure, arguments, hand_over
from tests.faults.process import Process
from tests.faults.stack import Stack, running

CASES, A_SECOND, SENDERS, STARTS = 200, 20, 64, 3
# What is aimed at from upload to ready, in milliseconds: the median and the 95th of 100.
P50_MS, P95_MS = 150, 300
FINISHED = """
    SELECT cases_case.code, extract(epoch FROM cases_job.finished_at) FROM cases_job
    JOIN cases_image ON cases_image.id = cases_job.image_id
    JOIN cases_case ON cases_case.id = cases_image.case_id
    WHERE cases_job.status = 'succeeded'
"""
SPAN = """
    SELECT extract(epoch FROM max(finished_at) - min(started_at)) FROM cases_job
    WHERE id = ANY(%s::uuid[]) AND status = 'succeeded'
"""


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=CASES)
    asked = parser.parse_args()
    rng = np.random.default_rng(1)
    figures: list[Figure] = []
    rates = []
    for workers in (1, 2):
        with (
            tempfile.TemporaryDirectory(prefix="secondread-bench-", ignore_cleanup_errors=True) as folder,
            running(Path(folder), workers) as stack,
        ):
            if workers == 1:
                figures += [*starts(stack), *idle(stack, asked.cases, rng)]
            figures += loaded(stack, workers, asked.cases, rng)
            throughput = drained(stack, workers, asked.cases, rng)
            rates.append(throughput[0].value)
            figures += throughput
    figures.append(Figure("a second process for analyses: cases a minute", rates[1] / rates[0], "times"))
    hand_over(figures, asked.json)


def starts(stack: Stack) -> list[Figure]:
    """How long web and workers take from the command until they serve, and their memory then."""
    return [
        figure
        for name, process, until in (
            ("web", stack.web, "the first answer"),
            ("analysis, one process", stack.analysis, "it takes jobs"),
            ("maintenance", stack.maintenance, "it takes jobs"),
        )
        for figure in _started(name, process, until)
    ]


def _started(name: str, process: Process, until: str) -> list[Figure]:
    seconds = []
    for _ in range(STARTS):
        process.stop()
        began = time.perf_counter()
        process.start()
        seconds.append(time.perf_counter() - began)
    held = sum(each.memory_full_info().pss for each in process.family()) / 2**20
    return [
        Figure(f"{name}: from the command until {until}", median(seconds), "s", STARTS),
        Figure(f"{name}: memory, shared pages by their share", held, "MiB"),
    ]


def idle(stack: Stack, cases: int, rng: np.random.Generator) -> list[Figure]:
    """Uploads of which each is sent once the one before is ready."""
    sent = {}
    for _ in range(cases + 1):
        data = picture(rng)
        began = time.time()
        sent[stack.client.upload(data)] = began
        stack.settle()
    # The first one finds a process that has done nothing yet.
    first = next(iter(sent))
    del sent[first]
    return _until_ready("idle", _waited(stack, sent))


def loaded(stack: Stack, workers: int, cases: int, rng: np.random.Generator) -> list[Figure]:
    """So many uploads a second, each at its time."""
    files = [picture(rng) for _ in range(cases)]
    began = time.time() + 0.5

    def send(place: int) -> tuple[str, float]:
        at = began + place / A_SECOND
        time.sleep(max(0.0, at - time.time()))
        return stack.client.upload(files[place]), at

    with ThreadPoolExecutor(SENDERS) as senders:
        sent = dict(senders.map(send, range(cases)))
    stack.settle()
    rate = cases / (max(_finished(stack)[code] for code in sent) - began)
    words = f"{A_SECOND} a second, {workers} for analyses"
    return [
        *_until_ready(words, _waited(stack, sent)),
        Figure(f"{words}: became ready", rate, "a second", cases),
    ]


def drained(stack: Stack, workers: int, cases: int, rng: np.random.Generator) -> list[Figure]:
    """Cases that waited while no worker ran: how many a minute are analysed, and what a case costs."""
    stack.analysis.stop()
    for _ in range(cases):
        stack.client.upload(picture(rng))
    waiting = stack.unfinished()
    stack.analysis.start()
    before = _worked(stack.analysis)
    left = len(stack.unfinished())
    stack.settle()
    spent = _worked(stack.analysis) - before
    (seconds,) = stack.ask(SPAN, list(waiting))[0]
    rate = len(waiting) / float(seconds) * 60
    figures = [
        Figure(f"{workers} for analyses: cases a minute", rate, "", cases),
        Figure(f"{workers} for analyses: cases a minute and process", rate / workers, "", cases),
    ]
    if left:
        cost = spent / left * 1000
        figures.append(Figure(f"{workers} for analyses: processor of the workers, a case", cost, "ms", left))
    return figures


def _worked(process: Process) -> float:
    """Seconds of the processor."""
    return sum(sum(each.cpu_times()[:2]) for each in process.family())


def _finished(stack: Stack) -> dict[str, float]:
    """When each case got its result, by its code."""
    return {code: float(at) for code, at in stack.ask(FINISHED)}


def _waited(stack: Stack, sent: dict[str, float]) -> list[float]:
    """Milliseconds from `sent` until ready; of every one, or the run says nothing."""
    finished = _finished(stack)
    if missing := sent.keys() - finished.keys():
        raise RuntimeError(f"{len(missing)} of {len(sent)} cases have no result")
    return [(finished[code] - at) * 1000 for code, at in sent.items()]


def _until_ready(when: str, waited: Sequence[float]) -> list[Figure]:
    n = len(waited)
    return [
        Figure(f"upload to ready, {when}: p50", median(waited), "ms", n, at_most=P50_MS),
        Figure(f"upload to ready, {when}: p95", percentile(waited, 0.95), "ms", n, at_most=P95_MS),
    ]


if __name__ == "__main__":
    main()
