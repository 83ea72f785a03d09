"""`python -m docs.benchmarks [--only NAME,NAME] [--cases N] [--docs]`: measure part by part, as `make bench`.

Each part is a script of this folder in a process of its own. Its figures take the place of its earlier ones
in var/bench/figures.json, and the table of that is printed and kept beside it. 1 where a part came to no
figures; an aim that is missed stands below the table, and is no failure.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from docs.benchmarks.figures import Taken, handed_over, read, table, take, write

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
KEPT = ROOT / "var" / "bench" / "figures.json"
PUBLISHED, PAGE = HERE / "figures.json", HERE / "README.md"
BEGINS, ENDS = "<!-- figures -->", "<!-- end of figures -->"


@dataclass(frozen=True)
class Part:
    """One script. options: what it is always given. beside: smaller numbers of cases that it measures too.
    has_size: whether its size can be chosen.
    """

    name: str
    title: str
    script: str
    options: tuple[str, ...] = ()
    beside: tuple[int, ...] = ()
    has_size: bool = True

    def command(self, cases: int | None, told: Path) -> list[str]:
        """What is run. cases: its size; by itself where None."""
        sizes = [*(few for few in self.beside if few < cases), cases] if cases and self.has_size else []
        return [sys.executable, str(HERE / self.script), *self.options, f"--json={told}", *map(str, sizes)]


ON_POSTGRESQL = ("--on=postgresql",)
PARTS = (
    Part("network", "The network and its maps", "network.py"),
    Part("engines", "The engines, and the usual ways", "explain.py", has_size=False),
    Part("pictures", "Stored pictures", "stored_pictures.py", has_size=False),
    Part("steps", "An upload and its analysis, by step", "analysis_steps.py"),
    Part("portal", "The running portal: starts, memory, upload to ready, throughput", "running_portal.py"),
    Part("backlog", "A job while others wait", "backlog.py"),
    Part("readers", "Readers at once", "readers.py"),
    Part("start", "`make run`", "start.py"),
    Part("worklist", "Pages and acts, by the number of cases", "worklist.py", ON_POSTGRESQL, (100, 10_000)),
    Part("evidence", "Evidence and snapshots", "evidence.py", ON_POSTGRESQL, (1_000, 10_000)),
    Part("next", "From the key to the next case", "next_case.py"),
    Part("series", "A series of many slices", "upload.py"),
    Part("queue", "Workers for a promised wait, simulated", "queue_simulation.py", has_size=False),
)


def main(arguments: Sequence[str] | None = None, parts: Sequence[Part] = PARTS) -> int:
    """Run those that are asked for, or all. 0 where each came to its figures."""
    asked, chosen = _asked(arguments, parts)
    failed = []
    for part in chosen:
        print(f"==> {part.name}: {part.title}", flush=True)
        taken = _run(part, asked.cases)
        if taken is None:
            failed.append(part.name)
            continue
        _keep(taken, asked.kept, parts)
        if asked.docs:
            _publish(taken, parts)
    if taken_so_far := read(asked.kept):
        kept = table(taken_so_far)
        asked.kept.with_suffix(".md").write_text(kept + "\n", "utf-8")
        print(f"\n{kept}", flush=True)
    if failed:
        print(f"\nWithout figures: {', '.join(failed)}; their last words are above.", file=sys.stderr)
    return 1 if failed else 0


def _asked(arguments: Sequence[str] | None, parts: Sequence[Part]) -> tuple[argparse.Namespace, list[Part]]:
    names = ", ".join(part.name for part in parts)
    parser = argparse.ArgumentParser(prog="python -m docs.benchmarks", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", default="", metavar="NAMES", help=f"with commas between, of: {names}")
    parser.add_argument("--cases", type=int, help="the size of each part, in its own measure")
    parser.add_argument("--docs", action="store_true", help="renew docs/benchmarks/README.md too")
    parser.add_argument("--kept", type=Path, default=KEPT, metavar="FILE", help="another JSON")
    asked = parser.parse_args(arguments)
    only = {name.strip() for name in asked.only.split(",") if name.strip()}
    if unknown := only - {part.name for part in parts}:
        parser.error(f"no such part: {', '.join(sorted(unknown))}; there are {names}")
    if asked.cases is not None and asked.cases < 1:
        parser.error(f"--cases is at least 1, not {asked.cases}")
    return asked, [part for part in parts if not only or part.name in only]


def _run(part: Part, cases: int | None) -> Taken | None:
    """Its figures; None where it came to none."""
    with tempfile.TemporaryDirectory(prefix="secondread-bench-") as folder:
        told, load = Path(folder) / "figures.json", os.getloadavg()[0]
        with subprocess.Popen(part.command(cases, told), cwd=ROOT) as run:  # noqa: S603 - our own
            try:
                run.wait()
            except SystemExit:
                run.send_signal(signal.SIGINT)
                raise
        if not told.exists():
            return None
        size = cases if part.has_size else None
        return take(part.name, part.title, handed_over(told), load, size)


def _keep(taken: Taken, path: Path, parts: Sequence[Part]) -> None:
    """Put it in the place of its earlier figures."""
    kept = {each.part: each for each in read(path)} | {taken.part: taken}
    write([kept[part.name] for part in parts if part.name in kept], path)


def _publish(taken: Taken, parts: Sequence[Part]) -> None:
    """The same for the documentation."""
    _keep(taken, PUBLISHED, parts)
    PAGE.write_text(with_table(PAGE.read_text("utf-8"), read(PUBLISHED)), "utf-8")


def with_table(page: str, parts: Sequence[Taken]) -> str:
    """The page with the table of these parts between its two marks."""
    before, _, rest = page.partition(BEGINS)
    _, _, after = rest.partition(ENDS)
    return f"{before}{BEGINS}\n\n{table(parts)}\n\n{ENDS}{after}"


if __name__ == "__main__":
    # A plain SystemExit lets the part that runs end what it has started.
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    sys.exit(main())
