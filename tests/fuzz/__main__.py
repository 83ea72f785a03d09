"""`python -m tests.fuzz [--seed N] [--files N] [--only NUMBER]`: damage files, say what has no words for it.

A crash, more than 2 s of work, more than 200 MB, an exception or a refusal without words is a finding; its
file is kept in var/fuzz. A number and the seed give the same file again. 1 where something was found.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

import django

KEPT = Path("var/fuzz")
A_LINE_EVERY = 2000


def main() -> int:
    """Run as the command line says. 0 where every file was read or refused in words."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--seed", type=int, default=1, help="what the damage is drawn from (1)")
    parser.add_argument("--files", type=int, default=20_000, help="how many (20000)")
    parser.add_argument("--only", type=int, help="the one file of this number")
    asked = parser.parse_args()
    # No database is asked.
    os.environ |= {"DJANGO_SETTINGS_MODULE": "portal.settings.test", "DATABASE_URL": "sqlite://:memory:"}
    django.setup()
    numbers = range(asked.files) if asked.only is None else range(asked.only, asked.only + 1)
    return 1 if run(asked.seed, numbers, KEPT) else 0


def run(seed: int, numbers: range, kept: Path) -> int:
    """Damage and decode the files of these numbers; how many findings there were, which lie in `kept`."""
    from tests.fuzz import door, mutator
    from tests.fuzz.seeds import seeds

    names, whole = zip(*seeds().items(), strict=True)
    outcomes: defaultdict[str, Counter[str]] = defaultdict(Counter)
    began = time.monotonic()
    print(f"{len(numbers)} files of {len(whole)} kinds, SEED={seed}", flush=True)
    with door.opened() as opened:
        for number in numbers:
            kind, data = mutator.mutated(whole, seed, number)
            outcome, more = opened.outcome(data)
            if door.is_contained(names[kind], outcome):
                outcome = "contained"
            outcomes[names[kind].split()[0]][outcome] += 1
            if outcome in door.FINDINGS:
                _keep(kept, f"{outcome}-{seed}-{number}".replace(" ", "-"), data, f"{names[kind]}\n{more}")
            if number % A_LINE_EVERY == A_LINE_EVERY - 1:
                print(f"  {number + 1} files, {time.monotonic() - began:.0f} s", flush=True)
    print(table(outcomes, door.SEVERITY))
    found = sum(count[finding] for count in outcomes.values() for finding in door.FINDINGS)
    print(
        f"{found} findings in {len(numbers)} files, {time.monotonic() - began:.0f} s, SEED={seed}", flush=True
    )
    return found


def table(outcomes: Mapping[str, Counter[str]], columns: Sequence[str]) -> str:
    """A line a format, and their sum."""
    total = sum(outcomes.values(), Counter[str]())
    width = max(map(len, outcomes), default=0)
    lines = [" " * width + "".join(f"{column:>11}" for column in columns)]
    for name, count in [*outcomes.items(), ("all", total)]:
        lines.append(f"{name:<{width}}" + "".join(f"{count[column]:>11}" for column in columns))
    return "\n".join(lines)


def _keep(folder: Path, name: str, data: bytes, words: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}.bin").write_bytes(data)
    (folder / f"{name}.txt").write_text(words, encoding="utf-8")
    print(f"  found: {folder / name}.bin: {words.splitlines()[0]}: {words.splitlines()[-1]}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
