"""Candidates set beside each other: differences, ranking, choice, tables and plots, on made-up answers."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
import pytest
from PIL import Image

from inference.training.comparison import Candidate, Comparison, FoldModel, Scored, compare
from inference.training.comparison_table import comparison_as_dict, comparison_as_markdown
from inference.training.plots import as_png, comparison_figure, history_figure
from tests.inference.tiny import CODES


def candidate(name: str, parameters: int, predicted: Sequence[int], sure: float = 0.91) -> Candidate:
    probabilities = np.full((len(predicted), 4), (1 - sure) / 3)
    probabilities[np.arange(len(predicted)), predicted] = sure
    return Candidate(
        name, name, parameters, 1, (FoldModel(0, f"{name}-fold0", "0" * 64, (1,), (), 0),), probabilities
    )


def hundred(distinct: Sequence[bool] | None = None) -> Scored:
    """400 images, 100 of each class, each class in 25 groups."""
    truth = np.arange(400) % 4
    groups = [f"{index % 4}-{index // 16}" for index in range(400)]
    return Scored(truth, groups, None if distinct is None else np.array(distinct), CODES)


def with_errors(count: int) -> list[int]:
    """The truth, but for `count` images that are called something else, spread over classes and groups."""
    truth = np.arange(400) % 4
    wrong = np.linspace(0, 399, count, dtype=int) if count else np.array([], int)
    truth[wrong] = (truth[wrong] + 1) % 4
    return truth.tolist()


def compared(*candidates: Candidate) -> Comparison:
    return compare(candidates, hundred(), draws=200)


def test_difference_of_a_candidate_to_its_twin_is_exactly_none() -> None:
    rows = compared(candidate("one", 10, with_errors(30)), candidate("twin", 10, with_errors(30), 0.7)).rows
    assert [(row.difference.macro_f1, row.difference.interval) for row in rows] == [(0.0, (0.0, 0.0))] * 2


def test_difference_is_paired_and_so_narrower_than_the_intervals_apart() -> None:
    """31 errors of which 30 are the other's too: the shared ones cancel out in every draw."""
    fewer, more = with_errors(30), with_errors(30)
    more[5] = (more[5] + 2) % 4
    best, other = compared(candidate("more", 10, more), candidate("fewer", 10, fewer)).rows
    assert best.candidate.recipe == "fewer"
    low, high = other.difference.interval
    assert low < other.difference.macro_f1 < high <= 0.0
    apart = best.ranked.interval["macro_f1"]
    assert high - low < (apart[1] - apart[0]) / 4


def test_rows_are_sorted_by_macro_f1_and_then_by_size() -> None:
    comparison = compared(
        candidate("worst", 1, with_errors(90)),
        candidate("large", 30, with_errors(10)),
        candidate("medium", 20, with_errors(10)),
        candidate("middling", 1, with_errors(60)),
    )
    assert [row.candidate.recipe for row in comparison.rows] == ["medium", "large", "middling", "worst"]


@pytest.mark.parametrize(
    ("errors", "parameters", "chosen"),
    [
        # As good and smaller: chosen. A hair worse: still. Clearly worse: not. As good and larger: not.
        ({"best": 20, "other": 20}, {"best": 9, "other": 8}, "other"),
        ({"best": 20, "other": 22}, {"best": 9, "other": 8}, "other"),
        ({"best": 20, "other": 60}, {"best": 9, "other": 8}, "best"),
        ({"best": 20, "other": 22}, {"best": 8, "other": 9}, "best"),
        ({"best": 20, "other": 22}, {"best": 8, "other": 8}, "best"),
    ],
)
def test_smallest_of_those_as_good_as_the_best_is_chosen(
    errors: dict[str, int], parameters: dict[str, int], chosen: str
) -> None:
    comparison = compared(*(candidate(name, parameters[name], with_errors(errors[name])) for name in errors))
    assert comparison.chosen == chosen


def test_visible_loss_is_not_excused_by_a_wide_interval() -> None:
    """With few patients every interval includes 0; a network that loses 0.03 is not taken for its size."""
    few = Scored(np.arange(400) % 4, [str(index // 100) for index in range(400)], None, CODES)
    better, worse = with_errors(20), with_errors(20)
    for index in range(150, 162):
        worse[index] = (worse[index] + 2) % 4
    for index in range(250, 253):
        better[index] = (better[index] + 2) % 4
    comparison = compare([candidate("better", 9, better), candidate("worse", 1, worse)], few, draws=200)
    difference = comparison.rows[1].difference
    assert difference.interval[0] < -0.01 < 0.0 <= difference.interval[1]
    assert difference.macro_f1 < -0.01
    assert comparison.chosen == "better"


def test_ranking_is_over_one_image_a_slice_where_the_data_tell() -> None:
    """`copies` is right on the many copies, `slices` on the slices themselves."""
    distinct = [index % 40 < 4 for index in range(400)]
    truth = np.arange(400) % 4
    on_copies = np.where(distinct, (truth + 1) % 4, truth)
    on_slices = np.where(distinct, truth, (truth + 1) % 4)
    pair = [candidate("copies", 1, on_copies.tolist()), candidate("slices", 1, on_slices.tolist())]
    told = compare(pair, hundred(distinct), draws=50)
    assert (told.best, told.on_distinct, told.rows[0].ranked.figures.n) == ("slices", True, 40)
    untold = compare(pair, hundred(), draws=50)
    assert (untold.best, untold.on_distinct, untold.rows[0].ranked.figures.n) == ("copies", False, 400)
    assert "distinct" not in comparison_as_dict(untold)["candidates"][0]
    assert "Candidates compared on 400 images" in comparison_as_markdown(untold, "made")


def test_history_figure_draws_every_recorded_curve() -> None:
    rows = [
        {"epoch": 0.0, "loss": 1.2, "val_loss": 1.3, "recall": 0.4, "val_recall": 0.3, "accuracy": 0.9},
        {"epoch": 1.0, "loss": 0.8, "val_loss": 1.1, "recall": 0.6, "val_recall": 0.5, "accuracy": 0.9},
    ]
    loss, recall = history_figure("Tiny", {0: rows, 1: rows[:1]}).axes
    assert [tuple(line.get_ydata()) for line in loss.lines] == [(1.2, 0.8), (1.3, 1.1), (1.2,), (1.3,)]
    assert [tuple(line.get_ydata()) for line in recall.lines] == [(0.4, 0.6), (0.3, 0.5), (0.4,), (0.3,)]
    assert tuple(loss.lines[0].get_xdata()) == (1.0, 2.0)
    assert recall.get_ylabel() == "macro recall"
    without = history_figure("Tiny", {0: [{"epoch": 0.0, "loss": 1.2, "accuracy": 0.7}]})
    assert without.axes[1].get_ylabel() == "accuracy"


def test_comparison_figure_marks_the_chosen_one() -> None:
    comparison = compared(candidate("one", 9, with_errors(10)), candidate("two", 8, with_errors(11)))
    figure = comparison_figure(comparison)
    assert [label.get_text() for label in figure.axes[0].get_yticklabels()] == ["one", "two (chosen)"]
    with Image.open(io.BytesIO(as_png(figure))) as plot:
        assert plot.format == "PNG"
