"""What the figures say where there is little or nothing to compute from."""

import numpy as np
import pytest

from cases.evidence.measures import auc, calibration, drift, kappa, ledger, mrmc, paired, per_class, raters
from cases.evidence.measures.bootstrap import cluster_bootstrap, ratio_of
from cases.evidence.measures.proportions import clustered_share, exact_interval, share


def test_share_of_nothing_is_no_share() -> None:
    assert (share(0, 0).value, clustered_share([]).value) == (None, None)
    assert clustered_share([(0, 0)]).clusters == 0
    assert exact_interval(0, 0) == (0, 1)


def test_cluster_of_one_case_each_is_the_plain_interval() -> None:
    found, plain = clustered_share([(1, 1)] * 3 + [(0, 1)] * 2), share(3, 5)
    assert (found.hits, found.n, found.clusters) == (3, 5, 5)
    assert (found.design_effect, found.low, found.high) == (1, plain.low, plain.high)


def test_one_cluster_or_no_spread_counts_as_that_many_units() -> None:
    alone = clustered_share([(3, 4)])
    assert alone.design_effect == 4
    assert alone.low == pytest.approx(0.1179, abs=1e-4)
    all_right = clustered_share([(4, 4), (4, 4)])
    assert (all_right.low, all_right.high) == (share(2, 2).low, 1.0)


def test_clusters_that_seem_to_sharpen_are_not_believed() -> None:
    assert clustered_share([(1, 2), (1, 2), (1, 2)]).design_effect == 1


@pytest.mark.parametrize(
    ("counts", "value"),
    [
        ({}, None),
        ({("a", "a"): 9}, None),
        ({("a", "b"): 3, ("b", "a"): 3}, -1),
        ({("a", "a"): 5, ("b", "b"): 5}, 1),
        ({("a", "a"): 5, ("a", "b"): 0, ("b", "b"): 5}, 1),
    ],
)
def test_kappa_of_few(counts, value) -> None:
    found = kappa.cohen_kappa(counts)
    assert found.value == value
    assert found.n == sum(counts.values())
    if value == 1:
        assert (found.se, found.low, found.high) == (0, 1, 1)


def test_raters_without_a_pair_agree_in_nothing() -> None:
    for units in ([], [["a"], ["b"]], [[None, None]], [["a", None], [None, "b"]]):
        counts = raters.counts_of(units, ["a", "b"])
        assert raters.percent_agreement(counts) is None
        for figure in (raters.fleiss_kappa, raters.ac1, raters.krippendorff_alpha):
            assert figure(counts).value is None


def test_one_class_alone_leaves_kappa_undefined_and_ac1_at_one() -> None:
    counts = raters.counts_of([["a", "a"], ["a", "a"]], ["a", "b"])
    assert raters.percent_agreement(counts) == 1
    assert raters.fleiss_kappa(counts).value is None
    assert raters.krippendorff_alpha(counts).value is None
    assert raters.ac1(counts).value == 1
    assert raters.ac1(counts[:, :1]).value is None


def test_dominant_class_pulls_kappa_down_and_leaves_ac1() -> None:
    counts = raters.counts_of([["a", "a"]] * 95 + [["a", "b"]] * 5)
    assert raters.percent_agreement(counts) == pytest.approx(0.95)
    assert raters.fleiss_kappa(counts).value == pytest.approx(-0.0256, abs=1e-4)
    assert raters.ac1(counts).value == pytest.approx(0.9474, abs=1e-4)


def test_one_unit_has_no_interval() -> None:
    found = raters.ac1(raters.counts_of([["a", "a"]], ["a", "b"]))
    assert (found.value, found.se, found.low) == (1, None, None)


def test_mcnemar_of_those_who_never_differ_is_none() -> None:
    assert paired.mcnemar(0, 0).exact is None
    even = paired.mcnemar(3, 3)
    assert (even.exact, even.asymptotic) == (1, 1)
    assert even.mid == pytest.approx(1 - 0.3125 / 2)
    only = paired.mcnemar(4, 0)
    assert (only.exact, only.odds_ratio, only.odds_ratio_high) == (0.125, np.inf, np.inf)
    assert only.mid == pytest.approx(0.0625)


@pytest.mark.parametrize("interval", [paired.newcombe_interval, paired.tango_interval, paired.wald_interval])
def test_interval_of_a_difference_holds_it(interval) -> None:
    assert interval(paired.Pairs(0, 0, 0, 0)) is None
    for pairs in [(0, 0, 0, 5), (5, 0, 0, 0), (0, 5, 0, 0), (0, 0, 5, 0), (1, 1, 1, 1), (20, 9, 2, 10)]:
        found = paired.Pairs(*pairs)
        low, high = interval(found)
        assert -1 <= round(low, 9) <= found.difference <= round(high, 9) <= 1
    assert paired.tango_interval(paired.Pairs(5, 0, 0, 5)) == pytest.approx((-0.2775, 0.2775), abs=1e-4)


def test_class_without_a_case_or_call_has_no_figure() -> None:
    (found,) = per_class.class_figures({("a", "a"): 4}, ["b"])
    assert (found.sensitivity.value, found.ppv.value, found.f1) == (None, None, None)
    assert found.specificity.value == 1
    assert per_class.class_figures({}, ["a"])[0].specificity.n == 0
    assert per_class.balanced_accuracy({}) is None


def test_call_outside_the_classes_misses_and_alarms_for_none() -> None:
    first, second = per_class.class_figures(
        {("a", "a"): 3, ("a", "unreadable"): 1, ("b", "b"): 2}, ["a", "b"]
    )
    assert (first.sensitivity.hits, first.sensitivity.n, first.ppv.n) == (3, 4, 3)
    assert (second.specificity.hits, second.specificity.n) == (4, 4)
    assert first.f1 == pytest.approx(6 / 7)
    assert per_class.balanced_accuracy({("a", "a"): 3, ("a", "b"): 1, ("b", "b"): 2}) == 0.875


def test_auc_counts_ties_one_half_and_needs_both_sides() -> None:
    assert auc.auc([1, 0], [0.5, 0.5]) == 0.5
    assert auc.auc([1, 1], [0.1, 0.2]) is None
    assert auc.delong([], []).value is None
    alone = auc.delong([1, 0], [2, 1])
    assert (alone.value, alone.se) == (1, None)
    assert auc.compare_aucs([1, 0], [2, 1], [1, 2]) is None
    same = auc.compare_aucs([1, 1, 0, 0], [4, 2, 3, 1], [4, 2, 3, 1])
    assert (same.difference.value, same.difference.se, same.p) == (0, 0, None)


def test_hand_and_till_of_probabilities_is_scikit_learns() -> None:
    # Here, since each process reads every file.
    from sklearn.metrics import roc_auc_score

    generator = np.random.default_rng(3)
    truth = generator.integers(0, 3, 60)
    scores = generator.dirichlet([1, 1, 1], 60)
    scores[np.arange(60), truth] += 0.3
    scores /= scores.sum(axis=1, keepdims=True)
    found = auc.hand_till(list(truth), scores, [0, 1, 2])
    assert found.m == pytest.approx(roc_auc_score(truth, scores, multi_class="ovo"), abs=1e-12)
    assert auc.hand_till([1, 1], [0.2, 0.3], [0, 1]) is None


def test_calibration_of_nothing() -> None:
    assert calibration.equal_width_bins([], [], 10) == []
    assert calibration.equal_count_bins([], [], 10) == []
    assert calibration.calibration_error([]) is None
    assert calibration.brier_sum(np.empty((0, 3)), []) is None
    assert calibration.brier_binary([], []) is None
    assert calibration.coverage_curve([], []) == []
    assert calibration.area_under_coverage([], []) is None


def test_bins_of_equal_count_keep_ties_together() -> None:
    confidences = [0.2, 0.4, 0.4, 0.4, 0.9, 1.0]
    bins = calibration.equal_count_bins(confidences, [0, 1, 0, 1, 1, 1], 3)
    assert [(each.right.hits, each.right.n) for each in bins] == [(0, 1), (2, 3), (2, 2)]
    assert len(calibration.equal_count_bins([0.5] * 7, [1] * 7, 3)) == 1
    assert len(calibration.equal_count_bins([0.1, 0.2], [1, 0], 10)) == 2


def test_edges_of_bins_belong_to_the_lower_one() -> None:
    bins = calibration.equal_width_bins([0.0, 0.1, 0.10001, 0.3, 1.0], [1] * 5, 10)
    assert [(each.index, each.right.n) for each in bins] == [(0, 2), (1, 1), (2, 1), (9, 1)]


def test_coverage_takes_the_surest_first_and_ties_together() -> None:
    curve = calibration.coverage_curve([0.9, 0.6, 0.6, 0.5], [1, 1, 0, 0], points=4)
    told = [(point.threshold, point.coverage, point.right.hits, point.right.n) for point in curve]
    assert told == [(0.9, 0.25, 1, 1), (0.6, 0.75, 2, 3), (0.5, 1.0, 2, 4)]


def test_ledger_counts_each_kind_of_change() -> None:
    def read(*told):
        return ledger.SequentialRead(*told)

    found = ledger.ledger(
        [
            read("1", "a", "b", "a", "a"),  # to right
            read("1", "a", "b", "b", "a"),  # network right, not followed
            read("2", "a", "b", "a", "b"),  # to wrong
            read("2", "a", "b", "b", "b"),  # network wrong, resisted
            read("3", "a", "b", "a", "c"),  # wrong to other wrong
            read("4", "a", "b", "a"),  # no known class
            read("5", "a", "a", "a", "a"),
        ]
    )
    assert (found.n, found.changed.hits, found.changed.clusters) == (7, 4, 5)
    assert (found.known, found.to_right, found.to_wrong, found.other_wrong, found.unknown) == (6, 1, 1, 1, 1)
    assert (found.rair.hits, found.rair.n, found.rsr.hits, found.rsr.n) == (1, 2, 1, 2)
    assert found.table[False, False, False] == 1
    assert sum(found.table.values()) == found.known
    nothing = ledger.ledger([])
    assert (nothing.changed.value, nothing.rair.value, nothing.table) == (None, None, {})


def test_bootstrap_by_drawing_comes_near_the_exact_one() -> None:
    figure = ratio_of([3, 2, 1, 1], [4, 2, 3, 5])
    exact = cluster_bootstrap(figure, 4)
    drawn = cluster_bootstrap(figure, 4, resamples=255, seed=1)
    assert (exact.exact, drawn.exact, drawn.seed) == (True, False, 1)
    many = np.random.default_rng(5).integers(0, 4, (20_000, 4))
    assert np.std([figure(each) for each in many]) == pytest.approx(exact.se, rel=0.02)
    assert drawn == cluster_bootstrap(figure, 4, resamples=255, seed=1)
    assert cluster_bootstrap(figure, 0) is None
    assert cluster_bootstrap(ratio_of([0], [0]), 1) is None
    assert cluster_bootstrap(ratio_of([1, 0], [1, 0]), 2).undefined == 1


def crossed(readers=3, conditions=2, seed=0):
    generator = np.random.default_rng(seed)
    truth = np.repeat([0, 1], 12)
    return truth, generator.integers(1, 6, (conditions, readers, 24)) + 2 * truth


def test_mrmc_of_one_reader_or_one_condition_keeps_what_is_defined() -> None:
    truth, ratings = crossed(readers=1)
    one_reader = mrmc.mrmc(truth, ratings)
    assert (one_reader.random, one_reader.fixed_cases) == (None, None)
    assert one_reader.fixed_readers.p == pytest.approx(
        auc.compare_aucs(truth, ratings[0, 0], ratings[1, 0]).p, rel=0.2
    )
    one_condition = mrmc.mrmc(*crossed(conditions=1))
    assert (one_condition.random, one_condition.fixed_readers, one_condition.fixed_cases) == (
        None,
        None,
        None,
    )
    (mean,) = one_condition.means
    assert np.mean([mean.low, mean.high]) == pytest.approx(mean.value)
    assert mrmc.dbm(*crossed(readers=1)) is None


def test_mrmc_of_three_conditions_compares_each_pair() -> None:
    found = mrmc.mrmc(*crossed(conditions=3))
    assert list(found.random.differences) == [(0, 1), (0, 2), (1, 2)]
    assert found.random.df1 == 2


def test_mrmc_without_any_change_has_no_statistic() -> None:
    truth, ratings = crossed()
    ratings[1] = ratings[0]
    found = mrmc.mrmc(truth, ratings)
    assert found.components.ms_t == 0
    assert found.fixed_cases is None


def test_mrmc_refuses_what_is_not_crossed() -> None:
    truth, ratings = crossed()
    missing = ratings.astype(float)
    missing[0, 1, 3] = np.nan
    with pytest.raises(mrmc.Uncrossed, match="ratings are missing"):
        mrmc.mrmc(truth, missing)
    with pytest.raises(mrmc.Uncrossed, match="received 1 on one"):
        mrmc.mrmc(np.arange(24) == 0, ratings)
    with pytest.raises(mrmc.Uncrossed, match="received 2 dimensions"):
        mrmc.mrmc(truth, ratings[0])
    with pytest.raises(ValueError, match="need the rating"):
        mrmc.mrmc(truth, ratings, mrmc.Figure.SENSITIVITY)


def test_p_chart_marks_weeks_outside_its_limits() -> None:
    quiet, odd, empty = drift.p_chart(0.1, [(10, 100), (25, 100), (0, 0)])
    assert (quiet.warning, quiet.alarm, odd.alarm, empty.alarm, empty.value) == (
        False,
        False,
        True,
        False,
        None,
    )
    assert (quiet.warn_low, quiet.warn_high, quiet.alarm_low, quiet.alarm_high) == (0.05, 0.16, 0.02, 0.2)
    (never,) = drift.p_chart(0.0, [(1, 5)])
    assert never.alarm


def test_population_stability_of_the_same_mix_is_zero() -> None:
    assert drift.population_stability({"a": 10, "b": 30}, {"a": 1, "b": 3}) == 0
    moved = drift.population_stability({"a": 50, "b": 50}, {"a": 80, "b": 20})
    assert moved == pytest.approx(0.3 * np.log(1.6) - 0.3 * np.log(0.4))
    assert drift.population_stability({}, {"a": 1}) is None
    new_class = drift.population_stability({"a": 10}, {"a": 9, "b": 1})
    assert new_class == pytest.approx((9.5 - 10.5) / 11 * np.log(9.5 / 10.5) + 1 / 11 * np.log(3))
