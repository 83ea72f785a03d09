"""`python -m tests.faults [--only NAME] [--cases N]`: break things, and count what comes of it.

Each fault runs on the same PostgreSQL, broker, web, workers and sweep, which are started once; those of the
embedded portal on one of its own. 1 where anything is lost or doubled, or takes longer than its aim.
"""

from __future__ import annotations

import argparse
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.faults import embedded, servers, stack, surroundings, workers
from tests.faults.fault import Fault, measured
from tests.faults.portal import Portal
from tests.faults.table import Row, table

ON_THE_STACK = (*workers.FAULTS, *servers.FAULTS, *surroundings.FAULTS)
FAULTS = (*ON_THE_STACK, *embedded.FAULTS)
# The kills of workers, which are a matter of chance, are tried on more.
CASES, CASES_OF_KILLS = 20, 200
KILLS = ("worker-child", "worker-parent")


def main() -> int:
    """Run those that are asked for, or all. 0 where all is well."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__.partition("\n")[0])
    names = ", ".join(fault.name for fault in FAULTS)
    parser.add_argument("--only", action="append", metavar="NAME", help=f"one of: {names}")
    parser.add_argument("--cases", type=int, help=f"of a fault; {CASES} or {CASES_OF_KILLS}")
    asked = parser.parse_args()
    unknown = set(asked.only or ()) - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}; there are {names}")
    # A plain SystemExit unwinds what was started, so that none of it is left behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    chosen = [fault for fault in FAULTS if not asked.only or fault.name in asked.only]
    rows = _run(chosen, asked.cases)
    print(f"\n{table(rows)}", flush=True)
    return 0 if all(row.is_well for row in rows) else 1


def _run(chosen: Sequence[Fault], cases: int | None) -> list[Row]:
    rows: list[Row] = []
    for title, faults, running in (
        ("PostgreSQL, Valkey, web, workers, sweep", ON_THE_STACK, stack.running),
        ("make run", embedded.FAULTS, embedded.running),
    ):
        if wanted := [fault for fault in faults if fault in chosen]:
            print(f"==> {title}", flush=True)
            with _folder() as folder, running(folder) as portal:
                rows += [_one(fault, portal, cases or _cases_of(fault)) for fault in wanted]
    return rows


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="secondread-faults-", ignore_cleanup_errors=True) as name:
        yield Path(name)


def _one(fault: Fault, portal: Portal, cases: int) -> Row:
    print(f"==> {fault.name}: {fault.words}", flush=True)
    began = time.monotonic()
    row = measured(fault, portal, cases)
    print(f"    {row.summary}, {time.monotonic() - began:.0f} s in all", flush=True)
    return row


def _cases_of(fault: Fault) -> int:
    return CASES_OF_KILLS if fault.name in KILLS else CASES


if __name__ == "__main__":
    sys.exit(main())
