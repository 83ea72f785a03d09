"""`make bench` in small: its JSON, its table and how it ends, without measuring anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from docs.benchmarks import __main__ as bench
from docs.benchmarks.figures import Figure, Taken, hand_over, handed_over, read, table, write

HERE = Path(bench.__file__).parent
# Helpers of the scripts, and what measures nothing by itself.
NO_PARTS = {
    "__main__.py",
    "costs.py",
    "figures.py",
    "many_cases.py",
    "prototype.py",
    "reviewed_study.py",
    "worklist_acts.py",
}
COST = Figure("an analysis, processor", 38.84, "ms", 79)
SHORT = Figure("prototype over ours", 6.79, "times", 9, at_least=12)
WELL = Figure("a page", 1234.5, "ms", 9, at_most=2000)
TAKEN = Taken("steps", "By step", "2026-11-27 15:30", 2, 12.84, "3.11.9", (COST, SHORT, WELL), 80)
WHERE = (
    "`make bench ONLY=steps CASES=80`, 2026-11-27 15:30 UTC, Python 3.11.9, load 12.8 on 2 cores; "
    "others wanted them at the same time."
)
# A part that does what the scripts do.
TELLS = """
import sys
sys.path.insert(0, {root!r})
from docs.benchmarks.figures import Figure, arguments, hand_over
parser = arguments("A part.")
parser.add_argument("sizes", nargs="*", type=int)
asked = parser.parse_args()
hand_over([Figure("largest size", max(asked.sizes, default=7), "")], asked.json)
"""


def test_table_says_where_it_was_taken_and_what_falls_short() -> None:
    assert table([TAKEN]).splitlines() == [
        "### By step",
        "",
        WHERE,
        "",
        "| what                   | figure | unit  |  n | aim                 |",
        "| --- | ---: | --- | ---: | --- |",
        "| an analysis, processor |   38.8 | ms    | 79 |                     |",
        "| prototype over ours    |   6.79 | times |  9 | at least 12: missed |",
        "| a page                 |  1,234 | ms    |  9 | at most 2,000       |",
        "",
        "### What falls short of its aim",
        "",
        "- steps: prototype over ours: 6.79 times, at least 12 is aimed at",
    ]


@pytest.mark.parametrize(
    ("value", "aims", "short"),
    [
        (3.0, {"at_most": 3}, False),
        (3.01, {"at_most": 3}, True),
        (12, {"at_least": 12}, False),
        (11.9, {"at_least": 12}, True),
        (99, {}, False),
        (1, {"at_most": 0}, True),
    ],
)
def test_figure_falls_short_where_it_misses_its_aim(
    value: float, aims: dict[str, float], short: bool
) -> None:
    assert Figure("it", value, "ms", **aims).falls_short is short


def test_figures_come_back_as_they_were_written(tmp_path: Path) -> None:
    hand_over([COST, SHORT], tmp_path / "part.json")
    assert handed_over(tmp_path / "part.json") == [COST, SHORT]
    write([TAKEN], tmp_path / "bench" / "figures.json")
    assert read(tmp_path / "bench" / "figures.json") == [TAKEN]
    assert read(tmp_path / "nowhere.json") == []
    (part,) = json.loads((tmp_path / "bench" / "figures.json").read_text())["parts"]
    assert part["figures"][1] == {
        "what": "prototype over ours",
        "value": 6.79,
        "unit": "times",
        "n": 9,
        "at_most": None,
        "at_least": 12,
    }


def test_parts_that_are_chosen_take_the_place_of_their_earlier_figures(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bench, "HERE", tmp_path)
    (tmp_path / "tells.py").write_text(TELLS.format(root=str(bench.ROOT)))
    (tmp_path / "fails.py").write_text("raise SystemExit('no room for it')")
    parts = (
        bench.Part("steps", "By step", "tells.py", beside=(2, 10)),
        bench.Part("network", "Network", "tells.py", has_size=False),
        bench.Part("broken", "Broken", "fails.py"),
    )
    kept = tmp_path / "kept" / "figures.json"
    assert bench.main(["--only=broken", f"--kept={kept}"], parts) == 1
    assert not kept.exists()
    write([TAKEN], kept)

    assert bench.main(["--only", "steps,network", "--cases", "5", "--kept", str(kept)], parts) == 0
    steps, network = read(kept)
    assert steps.figures == (Figure("largest size", 5, ""),)
    assert network.figures == (Figure("largest size", 7, ""),)
    assert (steps.cases, network.cases) == (5, None)
    assert kept.with_suffix(".md").read_text() == table([steps, network]) + "\n"

    assert bench.main(["--only=broken", f"--kept={kept}"], parts) == 1
    assert read(kept) == [steps, network]
    said = capfd.readouterr()
    assert "no room for it" in said.err
    assert "Without figures: broken" in said.err


def test_smaller_numbers_are_measured_beside_the_one_that_is_asked_for() -> None:
    part = bench.Part("worklist", "Pages", "worklist.py", ("--on=postgresql",), (100, 10_000))
    told = Path("told.json")
    first = [sys.executable, str(HERE / "worklist.py"), "--on=postgresql", "--json=told.json"]
    assert part.command(None, told) == first
    assert part.command(1000, told) == [*first, "100", "1000"]
    assert part.command(100, told) == [*first, "100"]


@pytest.mark.parametrize("wrong", [["--only=nothing"], ["--cases=0"], ["--cases=many"]])
def test_what_there_is_not_is_refused_before_anything_runs(wrong: list[str]) -> None:
    with pytest.raises(SystemExit) as refused:
        bench.main(wrong)
    assert refused.value.code == 2


def test_each_script_is_a_part_or_helps_one() -> None:
    assert {part.script for part in bench.PARTS} == {path.name for path in HERE.glob("*.py")} - NO_PARTS
    assert len({part.name for part in bench.PARTS}) == len(bench.PARTS)


def test_page_has_each_part_and_the_table_of_its_json() -> None:
    page = bench.PAGE.read_text("utf-8")
    assert bench.with_table(page, read(bench.PUBLISHED)) == page
    missing = [part.name for part in bench.PARTS if f"\n| {part.name} | " not in page]
    assert missing == []
