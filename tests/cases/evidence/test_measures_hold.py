"""What a statistician would try on the figures: exact enumeration, other ways to the same number, and what
must change nothing.
"""

import tracemalloc
from itertools import permutations, product
from math import comb

import numpy as np
import pytest
from scipy.stats import binom

from cases.evidence import words
from cases.evidence.measures import (
    auc,
    calibration,
    drift,
    kappa,
    ledger,
    mrmc,
    paired,
    per_class,
    raters,
)
from cases.evidence.measures.estimate import Estimate
from cases.evidence.measures.proportions import clustered_share, exact_interval, share, wilson


def chances(n, p):
    return np.array([comb(n, hits) * p**hits * (1 - p) ** (n - hits) for hits in range(n + 1)])


@pytest.mark.parametrize("p", [0.02, 0.1, 0.5, 0.83])
def test_exact_interval_never_covers_less_than_it_says(p) -> None:
    for n in (1, 5, 20):
        held = [low <= p <= high for low, high in (exact_interval(hits, n) for hits in range(n + 1))]
        assert chances(n, p)[held].sum() >= 0.95


def test_wilson_covers_what_it_says_on_average() -> None:
    intervals = [share(hits, 20) for hits in range(21)]
    covered = [
        chances(20, p)[[each.low <= p <= each.high for each in intervals]].sum()
        for p in np.linspace(0.005, 0.995, 199)
    ]
    assert np.mean(covered) == pytest.approx(0.95327, abs=5e-6)


@pytest.mark.parametrize("interval", [paired.newcombe_interval, paired.tango_interval])
@pytest.mark.parametrize("b", [0.05, 0.2])
def test_interval_of_a_paired_difference_covers_what_it_says(interval, b) -> None:
    """All tables of ten cases, of which neither is right in the rest: by the chance of each."""
    n, c = 10, 0.1
    covered = 0.0
    for first, second in product(range(n + 1), repeat=2):
        rest = n - first - second
        if rest >= 0:
            chance = comb(n, first) * comb(n - first, second) * b**first * c**second * (1 - b - c) ** rest
            low, high = interval(paired.Pairs(rest, first, second, 0))
            covered += chance * (low <= b - c <= high)
    assert covered >= 0.94


def test_tango_limits_are_where_the_score_is_196() -> None:
    """The likeliest shares under a difference found by a search instead of the formula."""
    for a, b, c, d in [(1, 1, 7, 12), (36, 12, 2, 0), (43, 0, 1, 0)]:
        n = a + b + c + d
        for delta in paired.tango_interval(paired.Pairs(a, b, c, d)):
            q = np.linspace(max(0.0, -delta), (1 - delta) / 2, 200_001)[1:-1]
            likelihood = b * np.log(q + delta) + c * np.log(q) + (a + d) * np.log1p(-2 * q - delta)
            likeliest = q[likelihood.argmax()]
            score = (b - c - n * delta) / np.sqrt(n * (2 * likeliest + delta * (1 - delta)))
            assert abs(score) == pytest.approx(1.96, abs=2e-3)


@pytest.mark.parametrize("counts", [(1, 7), (3, 3), (0, 5), (150, 86)])
def test_swapping_cases_of_their_own_is_mcnemars_test(counts) -> None:
    only_first, only_second = counts
    plain, found = paired.mcnemar(*counts), paired.swapped_clusters([1] * only_first + [-1] * only_second)
    assert (found.exact, found.mid) == pytest.approx((plain.exact, plain.mid), abs=1e-12)
    assert found.asymptotic == pytest.approx(plain.asymptotic)


def test_swapping_whole_patients_counts_all_ways_there_are() -> None:
    gains = [3, -1, 2, 2, -1, 4, 0]
    sums = [abs(np.dot(way, gains)) for way in product((1, -1), repeat=len(gains))]
    found, seen = paired.swapped_clusters(gains), abs(sum(gains))
    more, same = np.mean([each >= seen for each in sums]), np.mean([each == seen for each in sums])
    assert (found.exact, found.mid) == pytest.approx((more, more - same / 2), abs=1e-12)
    # Yang, Sun & Hardin 2010: (Σ(b - c))² / Σ(b - c)² = 81 / 35.
    assert found.asymptotic == pytest.approx(paired.normal_p(9 / np.sqrt(35)))
    assert paired.swapped_clusters([0, 0]).exact is None
    assert paired.swapped_clusters([]).exact is None


def test_reads_of_one_case_prove_no_more_than_the_case() -> None:
    """Five cases that three readers each decide the same way are no fifteen of McNemar's."""
    assert paired.mcnemar(15, 0).exact == pytest.approx(2 / 2**15)
    assert paired.swapped_clusters([3] * 5).exact == pytest.approx(2 / 2**5)


def test_every_case_twice_leaves_the_interval_of_the_cases() -> None:
    once = [paired.Pairs(1, 0, 0, 0)] * 30 + [paired.Pairs(0, 1, 0, 0)] * 6 + [paired.Pairs(0, 0, 1, 0)] * 4
    twice = [paired.Pairs(2 * each.both, 2 * each.only_first, 2 * each.only_second, 0) for each in once]
    assert paired.effect_on_difference(once) == 1
    # Twice the variance, and k/(k-1), which the error of independent cases lacks.
    assert paired.effect_on_difference(twice) == pytest.approx(2 * 40 / 39)
    for interval in (paired.newcombe_interval, paired.tango_interval):
        plain, doubled = interval(paired.Pairs(30, 6, 4, 0)), interval(paired.Pairs(60, 12, 8, 0), 2.0)
        assert doubled == pytest.approx(plain, abs=1e-9)
    assert paired.effect_on_difference([paired.Pairs(3, 0, 0, 0)] * 4) == 3
    assert paired.effect_on_difference([paired.Pairs(3, 1, 0, 0)]) == 4
    assert paired.effect_on_difference([]) == 1


def test_candidate_at_the_margin_is_seldom_called_no_worse() -> None:
    """Twenty patients of two cases, each lost with a chance of 5 points: one in forty may be called no worse
    by 5 points. Drawing patients with replacement calls more than a third so, whenever none is lost.
    """
    wrongly = 0.0
    for lost, chance in enumerate(chances(20, 0.05)):
        clusters = [paired.Pairs(2, 0, 0, 0)] * (20 - lost) + [paired.Pairs(0, 0, 2, 0)] * lost
        pairs = paired.Pairs(40 - 2 * lost, 0, 2 * lost, 0)
        interval = paired.newcombe_interval(pairs, paired.effect_on_difference(clusters))
        wrongly += chance * (interval is not None and interval[0] >= -0.05)
    assert wrongly <= 0.025


def test_each_read_twice_leaves_the_interval_of_a_share() -> None:
    twice = clustered_share([(2, 2)] * 30 + [(0, 2)] * 10)
    assert twice.design_effect == pytest.approx(2 * 40 / 39)
    assert (twice.low, twice.high) == pytest.approx(wilson(0.75, 39))


def test_figures_of_a_class_are_the_plain_ones_where_every_call_is_of_its_own() -> None:
    table = {("a", "a"): 21, ("a", "b"): 12, ("b", "a"): 4, ("b", "b"): 17, ("b", "c"): 1}
    calls = [(truth, call) for (truth, call), n in table.items() for _ in range(n)]
    of_their_own = [(str(case), *call) for case, call in enumerate(calls)]
    every = per_class.Calls(of_their_own)
    assert (len(every), every.counts, every.right.hits) == (len(calls), table, 38)
    found = [every.of_class(code) for code in ("a", "b", "c")]
    for clustered, plain in zip(found, per_class.class_figures(table, ["a", "b", "c"]), strict=True):
        for name in ("sensitivity", "specificity", "ppv"):
            one, other = getattr(clustered, name), getattr(plain, name)
            assert (one.hits, one.n, one.low, one.high) == (other.hits, other.n, other.low, other.high)
        assert clustered.f1.value == pytest.approx(plain.f1)
    # Of the 37 cases that have to do with class a: (2 - F1) k/(k-1), by the delta method.
    assert (found[0].f1.hits, found[0].f1.n, found[0].f1.clusters) == (42, 58, 37)
    assert found[0].f1.design_effect == pytest.approx((2 - 42 / 58) * 37 / 36)
    assert found[2].f1.value == 0
    together = per_class.Calls(("one", *call) for call in calls).of_class("a")
    assert (together.ppv.clusters, together.ppv.design_effect) == (1, 25)
    nobody = per_class.Calls([])
    assert (len(nobody), nobody.counts, nobody.right.value, nobody.of_class("a").f1.value) == (
        0,
        {},
        None,
        None,
    )


def test_calls_by_the_hundred_thousand_are_kept_as_numbers() -> None:
    tracemalloc.start()
    try:
        kept = per_class.Calls((f"patient {n % 100}", "glioma", "meningioma") for n in range(20_000))
        assert tracemalloc.get_traced_memory()[0] / len(kept) < 30
    finally:
        tracemalloc.stop()


def test_reliance_widens_where_readers_read_the_same_cases() -> None:
    """Ten cases that four readers each follow all or not at all: five of each."""
    reads = [
        ledger.SequentialRead(str(case), "right", "wrong", "right" if case < 5 else "wrong", "right")
        for case in range(10)
        for _reader in range(4)
    ]
    found = ledger.ledger(reads).rair
    assert (found.hits, found.n, found.clusters) == (20, 40, 10)
    assert found.design_effect == pytest.approx(4 * 10 / 9)
    assert (found.low, found.high) == pytest.approx(wilson(0.5, 9))
    turned = [ledger.SequentialRead(r.cluster, "wrong", "right", r.after, "right") for r in reads]
    assert ledger.ledger(turned).rsr == found


@pytest.mark.parametrize("p", [0.05, 0.2, 0.4])
def test_chart_of_a_small_baseline_alarms_no_more_than_it_says(p) -> None:
    """Every baseline of 30 and every week of 100, by their chances."""
    alarms = {None: 0.0, 30: 0.0}
    for before, chance in enumerate(chances(30, p)):
        for baseline_n in alarms:
            (point,) = drift.p_chart(before / 30, [(0, 100)], baseline_n=baseline_n)
            low, high = round(100 * point.alarm_low), round(100 * point.alarm_high)
            alarms[baseline_n] += chance * (binom.cdf(low - 1, 100, p) + binom.sf(high, 100, p))
    assert alarms[30] < 0.003
    assert alarms[None] > 0.05


def test_chart_of_a_baseline_without_end_has_binomial_limits() -> None:
    assert drift.p_chart(0.1, [(9, 100)], baseline_n=10**8) == drift.p_chart(0.1, [(9, 100)])
    (point,) = drift.p_chart(0.0, [(1, 40)], baseline_n=100)
    assert not point.alarm


@pytest.mark.parametrize("right", [[1, 1, 0, 0], [1, 0, 0, 0], [0, 1, 1, 0]])
def test_area_under_coverage_is_the_mean_over_all_orders_of_ties(right) -> None:
    confidences, areas = [0.9, 0.6, 0.6, 0.5], []
    for order in permutations(range(4)):
        if sorted(order, key=lambda place: -confidences[place]) == list(order):
            wrong = np.cumsum([1 - right[place] for place in order])
            areas.append((wrong / np.arange(1, 5)).mean())
    assert len(areas) == 2
    assert calibration.area_under_coverage(confidences, right) == pytest.approx(np.mean(areas))


def test_calibration_error_of_two_bins_by_hand() -> None:
    bins = calibration.equal_width_bins([0.2, 0.4, 0.9, 0.7], [0, 1, 1, 0], 2)
    error = calibration.calibration_error(bins)
    assert (error.ece, error.mce) == pytest.approx((0.5 * 0.2 + 0.5 * 0.3, 0.3))


def drawn_table():
    return np.random.default_rng(11).integers(0, 12, (4, 4)).astype(float)


def test_error_of_kappa_is_the_delta_methods() -> None:
    table = drawn_table()
    n, p, step = table.sum(), table / table.sum(), 1e-6

    def value(shares):
        rows, columns = shares.sum(axis=1), shares.sum(axis=0)
        expected = rows @ columns / shares.sum() ** 2
        return (shares.trace() / shares.sum() - expected) / (1 - expected)

    slopes = np.zeros_like(p)
    for cell in np.ndindex(p.shape):
        moved = p.copy()
        moved[cell] += step
        slopes[cell] = (value(moved) - value(p)) / step
    variance = ((p * slopes**2).sum() - (p * slopes).sum() ** 2) / n
    assert kappa.kappa_of_table(table).se == pytest.approx(np.sqrt(variance), rel=1e-4)


def test_kappa_does_not_mind_who_is_first_nor_what_classes_are_called() -> None:
    table = drawn_table()
    found = kappa.kappa_of_table(table)
    turned, renamed = kappa.kappa_of_table(table.T), kappa.kappa_of_table(table[::-1, ::-1])
    wider = kappa.kappa_of_table(np.pad(table, (0, 1)))
    for other in (turned, renamed, wider):
        assert (other.value, other.se, other.n) == pytest.approx((found.value, found.se, found.n))


@pytest.mark.parametrize("figure", [raters.fleiss_kappa, raters.ac1, raters.krippendorff_alpha])
def test_error_of_many_raters_is_near_the_jackknifes(figure) -> None:
    generator = np.random.default_rng(8)
    truth = generator.integers(0, 3, 150)
    said = np.where(generator.random((150, 4)) < 0.7, truth[:, None], generator.integers(0, 3, (150, 4)))
    counts = (said[:, :, None] == np.arange(3)).sum(axis=1).astype(float)
    without = np.array([figure(np.delete(counts, unit, axis=0)).value for unit in range(150)])
    jackknife = np.sqrt(149 / 150 * ((without - without.mean()) ** 2).sum())
    found = figure(counts)
    assert found.se == pytest.approx(jackknife, rel=0.02)
    renamed = figure(counts[::-1, ::-1])
    assert (renamed.value, renamed.se) == pytest.approx((found.value, found.se))


def test_class_that_nobody_names_moves_ac1_alone() -> None:
    counts = raters.counts_of([["a", "a"], ["a", "b"], ["b", "b"], ["a", "a"]])
    wider = np.pad(counts, ((0, 0), (0, 1)))
    for figure in (raters.fleiss_kappa, raters.krippendorff_alpha):
        assert figure(wider).value == pytest.approx(figure(counts).value)
    # Chance is 2 · ⅝ · ⅜ / (q - 1).
    assert raters.ac1(counts).value == pytest.approx((0.75 - 15 / 32) / (17 / 32))
    assert raters.ac1(wider).value == pytest.approx((0.75 - 15 / 64) / (49 / 64))


def ratings():
    generator = np.random.default_rng(4)
    truth = np.repeat([0, 1], 9)
    return truth, generator.integers(1, 6, (2, 3, 18)) + truth


def test_mrmc_jackknife_is_that_of_leaving_each_case_out() -> None:
    truth, given = ratings()
    flat = given.reshape(6, 18)
    left_out = np.array(
        [[auc.auc(np.delete(truth, k), np.delete(row, k)) for k in range(18)] for row in flat]
    )
    found, wanted = mrmc.mrmc(truth, given).components, mrmc.jackknife_covariance(left_out)
    assert found.var_error == pytest.approx(wanted.diagonal().mean())
    assert found.cov1 == pytest.approx(np.mean([wanted[reader, 3 + reader] for reader in range(3)]))


def test_mrmc_does_not_mind_the_order_of_readers_nor_the_scale_of_ratings() -> None:
    truth, given = ratings()
    found = mrmc.mrmc(truth, given).random
    for known, other in ((truth, given[:, ::-1]), (truth, np.exp(given)), (truth[::-1], given[:, :, ::-1])):
        assert mrmc.mrmc(known, other).random.p == pytest.approx(found.p)
    swapped = mrmc.mrmc(truth, given[::-1]).random
    assert (swapped.p, swapped.df2) == pytest.approx((found.p, found.df2))
    # The AUC of the other class is that of the ratings turned round.
    assert mrmc.mrmc(1 - truth, -given).random.p == pytest.approx(found.p)


def test_all_alike_has_no_interval_in_words() -> None:
    alike = raters.ac1(raters.counts_of([["a", "a"]] * 40, ["a", "b"]))
    assert (alike.value, alike.se, alike.has_interval) == (1, 0, False)
    assert words.estimate_in_words(alike) == "1.00 (no interval: all are alike)"
    assert words.estimate_in_words(Estimate(0.5, 0.1, 0.3, 0.7, 40)) == "0.50 (0.30 to 0.70)"
