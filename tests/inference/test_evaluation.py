from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from inference.heatmaps import MapSet
from inference.training.intervals import bootstrap, bootstrap_intervals, interval_of
from inference.training.localisation import localise, point, summarise
from inference.training.means import known_groups, mean_of
from inference.training.metrics import calibration_error, confidence_bins, score

CODES = ("a", "b", "c")


def test_figures_of_a_worked_example() -> None:
    truth = np.array([0, 0, 1, 1])
    probabilities = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.1, 0.9, 0.0]])
    figures = score(truth, probabilities, CODES)
    assert (figures.n, figures.accuracy) == (4, 0.75)
    assert figures.confusion == [[1, 1, 0], [0, 2, 0], [0, 0, 0]]
    assert figures.per_class["a"].recall == 0.5
    assert figures.per_class["b"].precision == pytest.approx(2 / 3)
    assert figures.per_class["c"].support == 0
    assert figures.macro_recall == 0.75
    assert figures.macro_f1 == pytest.approx((2 / 3 + 0.8) / 2)
    assert figures.brier == pytest.approx((0.06 + 0.86 + 0.14 + 0.02) / 4)
    assert figures.nll == pytest.approx(-np.log([0.8, 0.3, 0.7, 0.9]).mean())
    assert figures.as_dict()["labels"] == ["a", "b", "c"]


def test_macro_f1_is_that_of_scikit_learn_where_all_classes_occur() -> None:
    rng = np.random.default_rng(0)
    truth = rng.integers(0, 3, 200)
    probabilities = rng.dirichlet((1, 1, 1), 200)
    expected = f1_score(truth, probabilities.argmax(axis=1), average="macro")
    assert score(truth, probabilities, CODES).macro_f1 == pytest.approx(expected)


def test_calibration_error_is_the_gap_of_confidence_and_accuracy() -> None:
    truth = np.zeros(10, np.int64)
    sure = np.tile([0.9, 0.1], (10, 1))
    assert calibration_error(truth, sure) == pytest.approx(0.1)
    half_right = np.where(np.arange(10) % 2 == 0, 0, 1)
    assert calibration_error(half_right, sure) == pytest.approx(0.4)


def test_edge_of_a_calibration_bin_belongs_to_the_lower_one() -> None:
    """Guo et al. 2017 have bins ((m-1)/M, m/M]; 0.6 is the ninth's upper end, and 1 the fifteenth's."""
    probabilities = np.array([[0.6, 0.4], [0.601, 0.399], [1.0, 0.0], [0.2, 0.8]])
    assert confidence_bins(probabilities).tolist() == [8, 9, 14, 11]


def test_one_group_alone_has_no_interval() -> None:
    assert known_groups(["a", "a"]) is None
    assert known_groups(["a", None]) is None
    assert known_groups(["a", "b"]) == ["a", "b"]
    assert mean_of([1, 0], ["a", "a"]) == {"mean": 0.5}
    assert mean_of([1, 0], ["a", "b"])["interval"] == [0.0, 1.0]


def test_intervals_hold_the_figure_and_widen_with_fewer_groups() -> None:
    rng = np.random.default_rng(1)
    truth = rng.integers(0, 3, 240)
    probabilities = np.eye(3)[np.where(rng.random(240) < 0.8, truth, rng.integers(0, 3, 240))] * 0.94 + 0.02
    many = bootstrap_intervals(truth, probabilities, [str(i) for i in range(240)], CODES, draws=200)
    few = bootstrap_intervals(truth, probabilities, [str(i % 6) for i in range(240)], CODES, draws=200)
    accuracy = score(truth, probabilities, CODES).accuracy
    for interval in (many, few):
        assert interval["accuracy"][0] <= accuracy <= interval["accuracy"][1]
    assert (many["groups"], few["groups"], many["draws"]) == (240, 6, 200)
    assert set(many["per_class"]) == set(CODES)


def test_figures_of_a_draw_are_those_of_the_images_that_it_holds() -> None:
    """Drawn again image by image, with the figures of scikit-learn; class c is of one group only."""
    rng = np.random.default_rng(3)
    groups = np.array([str(number) for number in rng.integers(0, 9, 80)])
    truth = np.where(groups == "8", 2, rng.integers(0, 2, 80))
    probabilities = rng.dirichlet((1, 1, 1), 80)
    probabilities[:3] = np.eye(3)[(truth[:3] + np.array([0, 1, 1])) % 3]
    drawn = bootstrap(truth, probabilities, groups.tolist(), CODES, draws=20, seed=7)
    names, again = np.unique(groups), np.random.default_rng(7)
    without = 0
    for draw in range(20):
        picks = again.integers(0, len(names), len(names))
        chosen = np.concatenate([np.flatnonzero(groups == names[pick]) for pick in picks])
        figures = score(truth[chosen], probabilities[chosen], CODES)
        for name in ("accuracy", "macro_precision", "macro_recall", "macro_f1", "ece", "brier", "nll"):
            assert drawn[name][draw] == pytest.approx(getattr(figures, name)), name
        for code, of_class in figures.per_class.items():
            without += of_class.support == 0
            expected = of_class.f1 if of_class.support else np.nan
            assert drawn[f"{code}/f1"][draw] == pytest.approx(expected, nan_ok=True)
    assert 0 < without < 20


def test_interval_leaves_out_draws_without_the_class() -> None:
    assert interval_of(np.array([np.nan, *range(101)], np.float64)) == [2.5, 97.5]


def test_identical_images_of_one_patient_do_not_narrow_the_interval() -> None:
    """Ten copies of every image, in their patient's group, tell nothing new."""
    rng = np.random.default_rng(2)
    truth = rng.integers(0, 3, 60)
    probabilities = rng.dirichlet((1, 1, 1), 60)
    groups = [str(index // 2) for index in range(60)]
    once = bootstrap_intervals(truth, probabilities, groups, CODES, draws=300)
    copied = bootstrap_intervals(
        np.tile(truth, 10), np.tile(probabilities, (10, 1)), groups * 10, CODES, draws=300
    )
    assert copied["accuracy"] == pytest.approx(once["accuracy"])


def test_peak_inside_the_box_is_a_hit_and_outside_a_miss() -> None:
    values = np.zeros((10, 10), np.uint8)
    values[2, 7] = 255
    assert point(values, (0.7, 0.2, 0.8, 0.3)).hit
    assert point(values, (0.7, 0.2, 0.8, 0.3)).share == pytest.approx(1.0)
    assert not point(values, (0.2, 0.7, 0.3, 0.8)).hit
    assert point(values, (0.2, 0.7, 0.3, 0.8)).share == 0.0


def test_cell_that_the_box_covers_in_part_counts_in_part() -> None:
    assert point(np.ones((4, 4)), (0.0, 0.0, 0.5, 0.5)).share == pytest.approx(0.25)
    assert point(np.ones((4, 4)), (0.1, 0.1, 0.2, 0.2)).share == pytest.approx(0.01)


def test_empty_map_misses_without_nan() -> None:
    measured = point(np.zeros((4, 4), np.uint8), (0.0, 0.0, 1.0, 1.0))
    assert (measured.hit, measured.share) == (False, 0.0)


def test_box_of_a_wide_image_is_found_through_its_letterbox() -> None:
    """Lesion in the top left corner of a 300 x 500 image: in the square it begins a fifth down."""
    values = np.zeros((2, 10, 10), np.uint8)
    values[1, 2, 0] = 255
    maps = MapSet(("conv1",), ("a", "b"), {"conv1": values}, {"conv1": np.array([0.0, 2.0], np.float32)})
    box = (0.0, 0.0, 0.1, 1 / 6)
    measured = localise(maps, "b", box, (300, 500), np.random.default_rng(0))
    assert measured.lesion["conv1"].hit
    assert measured.lesion["conv1"].share == pytest.approx(1.0)
    assert not measured.centre_prior.hit
    other = localise(maps, "a", box, (300, 500), np.random.default_rng(0))
    assert not other.lesion["conv1"].hit
    summary = summarise([measured, other])
    assert summary["conv1"]["pointing"] == 0.5
    assert summary["conv1"]["per_class"]["b"]["pointing"] == 1.0
    assert summary["centre_prior"]["per_class"]["a"]["n"] == 1
