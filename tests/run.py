"""`python -m tests.run [PART...] [--quick] [-- PYTEST ARGUMENTS]`: every test, part by part, on real servers.

Django chooses its database when the settings are read, so the servers are started here and each part runs in
processes of its own: several at a time (pytest-xdist), each with a database, a queue and files to itself.
The browser's tests, which wait much, run beside the other parts.
`-- -n 0` keeps a part in one process, as a debugger needs it. `--quick` is what a developer asks between two
edits: no servers, no browser, nothing slow. In a whole run, few tests that failed are run once more, alone,
and named with what they did. At the end stand the slowest files, and what failed; the last line counts what
all parts did. SECONDREAD_REPORTS names a folder in which the parts' JUnit reports are kept.
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit
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
SLOWEST = 10
END_SECONDS = 15
# The broker's first database of a part beside others, whose processes each count on from their own.
BESIDE = 8
# More failures than these in a part are no accident of a busy machine.
FEW = 3
# Of the lines and branches of cases, portal and inference, in per cent.
LEAST_COVERED = 92


@dataclass(frozen=True)
class Part:
    """Some of the tests, and what they run on.

    marked: pytest's expression for those that are meant. covers: the packages of which a whole run counts
    what these tests reach; to prepare one for it takes each process seconds. beside: it waits more than it
    works, so that it begins with the first of several parts; what it says is printed at its turn.
    """

    title: str
    folders: tuple[str, ...]
    servers: bool = False
    marked: str = ""
    covers: tuple[str, ...] = ()
    beside: bool = False


PORTAL = ("cases", "portal", "integration")
BOTH = "both_databases"
PARTS = {
    "unit": Part(
        "Unit tests: the image science, the walls", ("architecture", "inference"), covers=("inference",)
    ),
    "portal": Part("The portal (PostgreSQL, Valkey)", PORTAL, servers=True, covers=("cases", "portal")),
    "sqlite": Part("What depends on the database, again (SQLite)", PORTAL, marked=BOTH),
    "browser": Part(
        "Browser tests (Chromium, PostgreSQL, Valkey, worker)", ("browser",), servers=True, beside=True
    ),
    "js": Part("JavaScript tests (node)", ("js",)),
}
# What needs no server, in one run, whose processes start once and wait for each other once.
UNIT_AND_SQLITE = Part(
    "Unit tests, and what depends on the database (SQLite)",
    (*PARTS["unit"].folders, *PORTAL),
    marked=f"unit or {BOTH}",
    covers=PARTS["unit"].covers,
)
WHOLE = [UNIT_AND_SQLITE, PARTS["portal"], PARTS["js"], PARTS["browser"]]
QUICK = [replace(UNIT_AND_SQLITE, marked=f"({UNIT_AND_SQLITE.marked}) and not slow"), PARTS["js"]]


def main() -> int:
    """Run the parts asked for, or all. 0 where everything passed, 1 otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.run", description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"one of {', '.join(PARTS)}; all by default")
    parser.add_argument("--quick", action="store_true", help="without servers, the browser and what is slow")
    ours, theirs = _split(sys.argv[1:])
    asked = parser.parse_args(ours)
    unknown = set(asked.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    if asked.quick and asked.parts:
        parser.error("--quick chooses the parts itself")
    # A plain SystemExit unwinds the servers' contexts, so that none of them is left behind.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="secondread-tests-") as folder:
        named = [PARTS[name] for name in asked.parts]
        parts = QUICK if asked.quick else named or WHOLE
        is_whole = parts == WHOLE and not theirs
        results = _run_all(parts, theirs, Path(folder), is_whole)
        if is_whole and not _is_covered(Path(folder)):
            results["broken parts"] += 1
        reports = sorted(Path(folder).glob("*.xml"))
        _tell_slowest(reports, time.monotonic() - started)
        _tell_failed(reports)
        if kept := os.environ.get("SECONDREAD_REPORTS"):
            shutil.copytree(folder, kept, dirs_exist_ok=True)
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


def _run_all(parts: list[Part], arguments: list[str], folder: Path, is_whole: bool) -> Counter[str]:
    """Run the parts; their JUnit reports, and of a whole run what they cover, are written to the folder."""
    results: Counter[str] = Counter()
    with ExitStack() as until_the_end:
        run = Run(parts, arguments, folder, is_whole)
        begun: dict[Part, subprocess.Popen[bytes]] = {}

        def begin(part: Part, log: Path | None = None) -> None:
            begun[part] = until_the_end.enter_context(run.begun(part, log))

        for part in parts:
            print(f"\n==> {part.title}", flush=True)
            # What needs no server does not wait for them to start.
            if not part.servers:
                begin(part)
            if not run.served and any(each.servers for each in parts):
                run.served.update(_serve(until_the_end))
                for other in parts[1:]:
                    if other.beside:
                        begin(other, run.log(other))
            if part not in begun:
                begin(part)
            status = begun[part].wait()
            if run.log(part).is_file():
                print(run.log(part).read_text("utf-8", errors="replace"), flush=True)
            if status and run.may_try_again(part):
                status = until_the_end.enter_context(run.begun(part, again=True)).wait()
                _take_over(run.report(part), run.report(part, again=True))
            results["broken parts"] += bool(status)
            results += _counted(run.report(part))
    return results


@dataclass(frozen=True)
class Run:
    """The parts, and what they have in common: pytest's arguments, the folder of reports, the servers."""

    parts: list[Part]
    arguments: list[str]
    folder: Path
    is_whole: bool
    served: dict[str, str] = field(default_factory=dict)

    def report(self, part: Part, again: bool = False) -> Path:
        return self.folder / f"{self.parts.index(part)}.{'again' if again else 'xml'}"

    def log(self, part: Part) -> Path:
        return self.report(part).with_suffix(".log")

    def may_try_again(self, part: Part) -> bool:
        """Whether so little failed that a machine which was busy elsewhere may be why."""
        failed = _counted(self.report(part))["failed"]
        return self.is_whole and part.folders != ("js",) and 0 < failed <= FEW

    def begun(
        self, part: Part, log: Path | None = None, again: bool = False
    ) -> AbstractContextManager[subprocess.Popen[bytes]]:
        """The process that runs the part; or, again, those of its tests that failed, one after the other."""
        report = self.report(part, again)
        kept = ["-o", f"cache_dir={self.report(part).with_suffix('.cache')}"]
        theirs = [*self.arguments, *kept, *(["--last-failed", "--numprocesses=0"] if again else [])]
        command = _node(report) if part.folders == ("js",) else _pytest(part, report, theirs)
        servers = _named(part, self.served) if part.servers else UNSERVED
        environment = {**ONE_THREAD, **os.environ, **servers}
        # Who installs without compiling, and forbids it here too, compiles TensorFlow in every process.
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        if self.is_whole and part.covers and not again:
            environment |= {
                "PYTEST_PLUGINS": "tests.support.covering",
                "COVERED": str(self.folder),
                "COVERS": " ".join(part.covers),
            }
        return _running(command, environment, log)


@contextmanager
def _running(
    command: list[str], environment: dict[str, str], log: Path | None
) -> Iterator[subprocess.Popen[bytes]]:
    """The process, which speaks to the terminal, or into `log`; it ends with the block at the latest."""
    with log.open("wb") if log else nullcontext() as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=subprocess.STDOUT if output else None
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _named(part: Part, served: dict[str, str]) -> dict[str, str]:
    """The servers, as the part names them: what runs beside others has databases of its own."""
    if not part.beside:
        return served
    database = urlsplit(served["DATABASE_URL"])._replace(path="/beside").geturl()
    broker, _, number = served["CELERY_BROKER_URL"].rpartition("/")
    return served | {"DATABASE_URL": database, "CELERY_BROKER_URL": f"{broker}/{int(number) + BESIDE}"}


def _serve(servers: ExitStack) -> dict[str, str]:
    """Start PostgreSQL and Valkey, or find those that are named; the environment that points at them."""
    served = {
        "DATABASE_URL": servers.enter_context(postgres.serving()),
        "CELERY_BROKER_URL": servers.enter_context(valkey.serving()),
    }
    print("    PostgreSQL and Valkey answer", flush=True)
    template = servers.enter_context(postgres.migrated(served["DATABASE_URL"]))
    return served | {"TEST_DATABASE_TEMPLATE": template}


def _pytest(part: Part, report: Path, arguments: list[str]) -> list[str]:
    folders = [str(path) for folder in part.folders for path in _places(part, ROOT / "tests" / folder)]
    if any(Path(argument.partition("::")[0]).exists() for argument in arguments):
        # Files that are named stand for the part's folders.
        folders = []
    # Each process begins with one half of the files, in their order, so that a file's tests mostly share its
    # fixtures; who is done first takes over what the other has not begun.
    shared = [f"--numprocesses={PROCESSES}", "--dist=worksteal"]
    return [
        sys.executable,
        "-m",
        "pytest",
        "--quiet",
        f"--junitxml={report}",
        *shared,
        *(["-m", part.marked] if part.marked else []),
        *arguments,
        *folders,
    ]


def _places(part: Part, folder: Path) -> list[Path]:
    """The folder, or its files that have the mark which is meant, so that the others are not even read."""
    if not part.marked or folder.name not in PORTAL:
        return [folder]
    return [path for path in sorted(folder.rglob("test_*.py")) if BOTH in path.read_text("utf-8")]


def _is_covered(folder: Path) -> bool:
    """Tell what no test of the covering parts reaches, and whether enough is reached."""
    found = sorted(str(path) for path in folder.glob("*.json"))
    print(f"\n==> Covered, in per cent; at least {LEAST_COVERED} of all are asked for", flush=True)
    command = [sys.executable, "-m", "slipcover", "--skip-covered", f"--fail-under={LEAST_COVERED}"]
    merging = [*command, f"--out={folder / 'covered.json'}", "--merge", *found]
    return subprocess.run(merging, cwd=ROOT, check=False).returncode == 0


def _node(report: Path) -> list[str]:
    """The command for node's own runner: words for the terminal, a report for the count."""
    spec = ["--test-reporter=spec", "--test-reporter-destination=stdout"]
    junit = ["--test-reporter=junit", f"--test-reporter-destination={report}"]
    files = sorted(str(path) for path in (ROOT / "tests" / "js").rglob("*.test.*js"))
    return [str(NODE), "--test", *spec, *junit, *(files or ["tests/js"])]


def _cases(report: Path) -> list[ElementTree.Element]:
    """What a JUnit report lists; a part that wrote none counts as nothing, its exit status as broken."""
    if not report.is_file() or not report.stat().st_size:
        return []
    return list(ElementTree.parse(report).iter("testcase"))


def _counted(report: Path) -> Counter[str]:
    return Counter(_outcome(case) for case in _cases(report))


def _take_over(report: Path, second: Path) -> None:
    """Put what the tests did at their second try where the report says that they failed, and name them."""
    first = ElementTree.parse(report)
    outcomes = {_name_of(case): case for case in _cases(second)}
    print("\nAt the second try, alone:")
    for suite in first.iter("testsuite"):
        for number, case in enumerate(list(suite)):
            if case.tag == "testcase" and _outcome(case) == "failed" and _name_of(case) in outcomes:
                suite[number] = outcomes[_name_of(case)]
                print(f"  {_outcome(suite[number])}  {_name_of(case)}", flush=True)
    first.write(report)


def _outcome(case: ElementTree.Element) -> str:
    if case.find("failure") is not None or case.find("error") is not None:
        return "failed"
    return "passed" if case.find("skipped") is None else "skipped"


def _tell_slowest(reports: list[Path], seconds: float) -> None:
    """The files that take longest, in all parts together, and how long the run took."""
    taken: defaultdict[str, float] = defaultdict(float)
    for report in reports:
        for case in _cases(report):
            taken[_file_of(case)] += float(case.get("time", 0))
    print("\nThe slowest files, in seconds:")
    for name, took in sorted(taken.items(), key=lambda each: -each[1])[:SLOWEST]:
        print(f"  {took:7.1f}  {name}")
    minutes, rest = divmod(round(seconds), 60)
    print(
        f"All {len(taken)} files: {sum(taken.values()):.0f} s of tests, {minutes} min {rest} s by the clock"
    )


def _tell_failed(reports: list[Path]) -> None:
    """The names of what failed, beside the last line, where somebody who sees only the end finds them."""
    failed = [_name_of(case) for report in reports for case in _cases(report) if _outcome(case) == "failed"]
    if failed:
        print("\nFailed:", *failed, sep="\n  ")


def _name_of(case: ElementTree.Element) -> str:
    return f"{_file_of(case)}::{case.get('name', '')}"


def _file_of(case: ElementTree.Element) -> str:
    """The module that pytest names, as a path; node names the path, or nothing."""
    name = case.get("classname", "")
    return case.get("file", "tests/js") if name == "test" else f"{name.replace('.', '/')}.py"


if __name__ == "__main__":
    sys.exit(main())
