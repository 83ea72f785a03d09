"""Fifty readers at once beside one alone: how long a page takes each of them.

    python docs/benchmarks/readers.py [CASES] [--readers N] [--pages N] [--think SECONDS]

The web server of `make run` on PostgreSQL, with so many cases (many_cases.py). Every reader is signed in and
asks for one page after the other, worklist, case and what is filtered, and looks at each for a time that is
drawn from an exponential distribution. First one reads alone, then all at once. Readers are threads of this
process, on the same machine.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
import psutil
import requests

from docs.benchmarks.costs import memory, percentile
from docs.benchmarks.figures import Figure, arguments, hand_over
from docs.benchmarks.upload import serving
from tests.support import postgres

CASES, READERS, PAGES, THINK_SECONDS = 1_000, 50, 12, 5.0
# Of the median of one alone.
MOST_TIMES = 3.0
ADDRESSES = ("/cases/", "/cases/{code}/", "/cases/?state=open", "/cases/{code}/", "/cases/?priority=1")


@dataclass(frozen=True)
class Reader:
    """Somebody with a session, and the cases that they look at. number: draws their pauses."""

    number: int
    cookies: dict[str, str]
    codes: Sequence[str]

    def read(self, address: str, pages: int, think: float) -> list[float]:
        """Milliseconds of each page; infinite for one that was not answered as it should be."""
        drawn = np.random.default_rng(self.number)
        with requests.Session() as session:
            session.cookies.update(self.cookies)
            spent = []
            for place in range(pages):
                time.sleep(drawn.exponential(think))
                page = ADDRESSES[place % len(ADDRESSES)].format(code=self.codes[place % len(self.codes)])
                spent.append(_taken(session, address + page))
        return spent


def _taken(session: requests.Session, address: str) -> float:
    began = time.perf_counter()
    try:
        answer = session.get(address, timeout=60, allow_redirects=False)
    except requests.RequestException:
        return float("inf")
    spent = (time.perf_counter() - began) * 1000
    return spent if answer.status_code == HTTPStatus.OK else float("inf")


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=CASES)
    parser.add_argument("--readers", type=int, default=READERS)
    parser.add_argument("--pages", type=int, default=PAGES)
    parser.add_argument("--think", type=float, default=THINK_SECONDS, help="seconds that one looks at a page")
    asked = parser.parse_args()
    with ExitStack() as held:
        folder = held.enter_context(tempfile.TemporaryDirectory(prefix="secondread-bench-"))
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "SECONDREAD_VAR": folder,
            "DATABASE_URL": held.enter_context(postgres.serving()),
            "CELERY_BROKER_URL": "memory://",
        }
        import django

        django.setup()
        readers = signed_in(asked.cases, asked.readers)
        address, web = held.enter_context(serving())
        readers[0].read(address, len(ADDRESSES), 0.0)
        alone = readers[0].read(address, asked.pages, asked.think)
        worked = psutil.Process(web).cpu_times()
        with ThreadPoolExecutor(len(readers)) as pool:
            read = pool.map(lambda reader: reader.read(address, asked.pages, asked.think), readers)
            together = [page for each in read for page in each]
        spent = sum(psutil.Process(web).cpu_times()[:2]) - sum(worked[:2])
        costs = [
            Figure("web's processor, a page", spent / len(together) * 1000, "ms", len(together)),
            Figure("web's memory, at the most", memory(web, "VmHWM"), "MiB"),
        ]
        hand_over([*figures_of(alone, together, len(readers)), *costs], asked.json)


def signed_in(cases: int, number: int) -> list[Reader]:
    """So many readers of a study of so many cases."""
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connection
    from django.test import Client

    from cases.models import Case, Membership
    from docs.benchmarks.many_cases import BLINDED, fill
    from portal.accounts.models import User

    call_command("collectstatic", verbosity=0, interactive=False)
    study = fill(cases)
    codes = list(Case.objects.exclude(cohort=study.cohorts[BLINDED]).values_list("code", flat=True))
    found = []
    for place in range(number):
        user = User.objects.create_user(f"reader-{place}@example.org", None, full_name=f"Reader {place}")
        Membership.objects.bulk_create(
            Membership(user=user, cohort=cohort, role="radiologist") for cohort in study.cohorts
        )
        client = Client()
        client.force_login(user)
        name = settings.SESSION_COOKIE_NAME
        # Each with cases of their own, as the queue gives them.
        found.append(Reader(place, {name: client.cookies[name].value}, codes[place::number]))
    connection.close()
    return found


def figures_of(alone: list[float], together: list[float], readers: int) -> list[Figure]:
    """The figures and their ratio."""
    answered = [spent for spent in together if np.isfinite(spent)]
    errors = len(together) - len(answered) + int(np.isinf(alone).sum())
    one, n = median(alone), len(answered)
    late = percentile(answered, 0.95)
    return [
        Figure("one reader alone, a page: p50", one, "ms", len(alone)),
        Figure(f"{readers} readers at once, a page: p50", median(answered), "ms", n),
        Figure(f"{readers} readers at once, a page: p95", late, "ms", n),
        Figure(f"p95 of {readers} over p50 of one", late / one, "times", n, at_most=MOST_TIMES),
        Figure("pages that were not answered", errors, "", len(together) + len(alone), at_most=0),
    ]


if __name__ == "__main__":
    main()
