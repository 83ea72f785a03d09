"""`python -m tests.run [PART...] [-- PYTEST ARGUMENTS]`: every test, part by part, on real servers.

Django chooses its database when the settings are read, so the servers are started here and each part runs in
processes of its own: several at a time (pytest-xdist), each with a database, a queue and files to itself.
`-- -n 0` keeps a part in one process, as a debugger needs it. The last line counts what all parts did.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from tests.support import postgres, valkey
from tests.support.chromium import NODE, ROOT

# The standalone default's database, in memory; messages go nowhere.
UNSERVED = {"DATABASE_URL": "sqlite://:memory:", "CELERY_BROKER_URL": "memory://"}
# More of them would wait for one another's memory and disk.
PROCESSES = min(os.cpu_count() or 1, 4)
# Tiny networks gain nothing from threads; processes that each take all processors stand in each other's way.
# With one thread between operations as well, a data set that Python feeds would wait for itself.
ONE_THREAD = {"OMP_NUM_THREADS": "1", "TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "2"}


@dataclass(frozen=True)
class Part:
    """Some of the tests, without those marked `but`, and what they run on."""

    title: str
    folders: tuple[str, ...]
    servers: bool = False
    but: str = ""


PARTS = {
    "unit": Part("Unit tests (SQLite)", ("architecture", "inference", "cases", "portal")),
    "integration": Part(
        "Integration tests (PostgreSQL, Valkey)",
        ("cases", "portal", "integration"),
        servers=True,
        but="any_database",
    ),
    "browser": Part("Browser tests (Chromium, PostgreSQL, Valkey, worker)", ("browser",), servers=True),
    "js": Part("JavaScript tests (node)", ("js",)),
}


def main() -> int:
    """Run the parts asked for, or all. 0 where everything passed, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; all by default")
    ours, theirs = _split(sys.argv[1:])
    chosen = parser.parse_args(ours).parts or list(PARTS)
    unknown = set(chosen) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    # A plain SystemExit unwinds the servers' contexts, so that none of them is left behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    results = _run_all([PARTS[name] for name in chosen], theirs)
    print(
        f"\n{results['passed']} passed, {results['failed']} failed, {results['skipped']} skipped", flush=True
    )
    return 1 if results["failed"] or results["broken parts"] else 0


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Ours, and what stands behind `--` for pytest."""
    if "--" not in arguments:
        return arguments, []
    cut = arguments.index("--")
    return arguments[:cut], arguments[cut + 1 :]


def _run_all(parts: list[Part], arguments: list[str]) -> Counter[str]:
    results: Counter[str] = Counter()
    served: dict[str, str] = {}
    with tempfile.TemporaryDirectory(prefix="secondread-tests-") as folder, ExitStack() as servers:
        for number, part in enumerate(parts):
            print(f"\n==> {part.title}", flush=True)
            if part.servers and not served:
                served = _serve(servers)
            report = Path(folder) / f"{number}.xml"
            command = _node(report) if part.folders == ("js",) else _pytest(part, report, arguments)
            environment = {**ONE_THREAD, **os.environ, **(served if part.servers else UNSERVED)}
            if subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode:
                results["broken parts"] += 1
            results += _counted(report)
    return results


def _serve(servers: ExitStack) -> dict[str, str]:
    """Start PostgreSQL and Valkey, or find those that are named; the environment that points at them."""
    served = {
        "DATABASE_URL": servers.enter_context(postgres.serving()),
        "CELERY_BROKER_URL": servers.enter_context(valkey.serving()),
    }
    print("    PostgreSQL and Valkey answer", flush=True)
    return served


def _pytest(part: Part, report: Path, arguments: list[str]) -> list[str]:
    folders = [str(ROOT / "tests" / folder) for folder in part.folders]
    rest = ["-m", f"not {part.but}"] if part.but else []
    # A file's tests stay together, since they share its fixtures.
    together = [f"--numprocesses={PROCESSES}", "--dist=loadfile"]
    return [
        sys.executable,
        "-m",
        "pytest",
        "--quiet",
        f"--junitxml={report}",
        *together,
        *rest,
        *arguments,
        *folders,
    ]


def _node(report: Path) -> list[str]:
    """The command for node's own runner: words for the terminal, a report for the count."""
    spec = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    junit = ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    files = sorted(str(path) for path in (ROOT / "tests" / "js").rglob("*.test.*js"))
    return [str(NODE), "--test", *spec, *junit, *(files or ["tests/js"])]


def _counted(report: Path) -> Counter[str]:
    """What a JUnit report says; a part that wrote none counts as nothing, and its exit status as broken."""
    if not report.is_file() or not report.stat().st_size:
        return Counter()
    cases = ElementTree.parse(report).iter("testcase")
    return Counter(_outcome(case) for case in cases)


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "passed" if case.find("skipped") is None else "skipped"


if __name__ == "__main__":
    sys.exit(main())
