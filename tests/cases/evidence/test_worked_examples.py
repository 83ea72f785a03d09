"""Every figure against worked examples with published values; each file names its source."""

import json
from pathlib import Path

import numpy as np
import pytest

from cases.evidence.measures import auc, calibration, kappa, mrmc, paired, per_class, proportions, raters
from cases.evidence.measures.bootstrap import cluster_bootstrap, ratio_of

EXAMPLES = Path(__file__).parent / "worked_examples"


def example(name):
    """The input, what is expected, and how near it must come."""
    told = json.loads((EXAMPLES / f"{name}.json").read_text(encoding="utf-8"))
    return told["input"], told["expect"], told["tolerance"]


def near(found, expected, tolerance):
    assert found == pytest.approx(expected, abs=tolerance, rel=0)


def holds(found, expected, tolerance):
    near(found.value, expected["value"], tolerance)
    if "se" in expected:
        near(found.se, expected["se"], tolerance)
        near([found.low, found.high], expected["ci"], tolerance)


def test_all_examples_are_tried() -> None:
    tried = Path(__file__).read_text(encoding="utf-8")
    assert [path.stem for path in EXAMPLES.glob("*.json") if f'"{path.stem}"' not in tried] == []
    assert len(list(EXAMPLES.glob("*.json"))) == 19


def test_wilson() -> None:
    given, expected, tolerance = example("wilson-01")
    for told, wanted in zip(given, expected, strict=True):
        found = proportions.share(told["hits"], told["n"])
        near(found.value, wanted["value"], tolerance)
        near([found.low, found.high], wanted["ci"], tolerance)
    assert proportions.share(0, 20).low == 0
    assert proportions.share(20, 20).high == 1


@pytest.mark.parametrize("name", ["kappa-01", "kappa-02"])
def test_cohens_kappa(name) -> None:
    given, expected, tolerance = example(name)
    for weights, wanted in expected.items():
        found = kappa.kappa_of_table(np.array(given["table"], float), kappa.Weights(weights))
        near(found.value, wanted["kappa"], tolerance)
        near([found.se, found.se0], [wanted["se"], wanted["se0"]], tolerance)
        near([found.low, found.high], wanted["ci"], tolerance)


@pytest.mark.parametrize("name", ["fleiss-01", "fleiss-02", "ac1-01"])
def test_agreement_of_many_raters(name) -> None:
    given, expected, tolerance = example(name)
    units = given.get("units_by_rater")
    counts = raters.counts_of(units) if units else np.array(given["counts"], float)
    found = {
        "fleiss": raters.fleiss_kappa(counts),
        "ac1": raters.ac1(counts),
        "alpha": raters.krippendorff_alpha(counts),
    }
    for figure, wanted in expected.items():
        holds(found[figure], wanted, tolerance)


def test_krippendorffs_alpha() -> None:
    given, expected, tolerance = example("alpha-01")
    counts = raters.counts_of(given["units_by_rater"])
    for metric, wanted in expected.items():
        near(raters.krippendorff_alpha(counts, raters.Metric(metric)).value, wanted, tolerance)


def test_mcnemar() -> None:
    given, expected, tolerance = example("mcnemar-01")
    found = paired.mcnemar(given["only_first"], given["only_second"])
    near(found.exact, expected["exact_p"], tolerance)
    near(found.mid, expected["mid_p"], tolerance)
    near(found.asymptotic, expected["asymptotic_p"], tolerance)
    near(found.odds_ratio, expected["odds_ratio"], tolerance)
    near([found.odds_ratio_low, found.odds_ratio_high], expected["odds_ratio_ci"], tolerance)


def test_two_models() -> None:
    given, expected, tolerance = example("paired-models-01")
    pairs = paired.Pairs(given["both_right"], given["only_first"], given["only_second"], given["both_wrong"])
    assert pairs.n == given["n"]
    near(pairs.difference, expected["difference"], tolerance)
    near(paired.wald_interval(pairs), expected["wald_ci"], tolerance)
    near(paired.newcombe_interval(pairs), expected["newcombe_ci"], tolerance)
    near(paired.tango_interval(pairs), expected["tango_ci"], tolerance)
    found = paired.mcnemar(pairs.only_first, pairs.only_second)
    wanted = [expected[name] for name in ("exact_p", "mid_p", "asymptotic_p", "cc_p")]
    near([found.exact, found.mid, found.asymptotic, found.corrected], wanted, tolerance)


@pytest.mark.parametrize("name", ["per-class-01", "per-class-02"])
def test_figures_of_each_class(name) -> None:
    given, expected, tolerance = example(name)
    codes = given["categories"]
    counts = {
        (truth, call): n
        for truth, row in zip(codes, given["table"], strict=True)
        for call, n in zip(codes, row, strict=True)
    }
    for found in per_class.class_figures(counts, codes):
        for figure, wanted in expected.get(found.code, {}).items():
            share = getattr(found, figure)
            assert (share.hits, share.n) == (wanted["hits"], wanted["n"])
            near(share.value, wanted["value"], tolerance)
            near([share.low, share.high], wanted["wilson"], tolerance)
            near(proportions.exact_interval(share.hits, share.n), wanted["exact"], tolerance)


def test_delong() -> None:
    given, expected, tolerance = example("delong-01")
    for pair, wanted in expected.items():
        scores = [{"kg": "kg_score"}.get(name, name) for name in pair.split("_vs_")]
        found = auc.compare_aucs(given["truth"], *(given[name] for name in scores))
        for each, area, se, ci in zip(
            (found.first, found.second), wanted["auc"], wanted["auc_se"], wanted["auc_ci"], strict=True
        ):
            holds(each, {"value": area, "se": se, "ci": ci}, tolerance)
        holds(found.difference, wanted | {"value": wanted["difference"]}, tolerance)
        near([found.z, found.p], [wanted["z"], wanted["p"]], tolerance)


def test_hand_and_till() -> None:
    given, expected, tolerance = example("handtill-01")
    found = auc.hand_till(given["truth"], given["score"], [1, 2, 3, 4, 5])
    near(found.m, expected["m"], tolerance)
    assert {"-".join(pair) for pair in found.pairs} == set(expected["pairs"])
    for pair, area in found.pairs.items():
        near(area, expected["pairs"]["-".join(pair)], tolerance)


def test_calibration() -> None:
    given, expected, tolerance = example("calibration-01")
    probabilities = np.array(given["probabilities"])
    right = probabilities.argmax(axis=1) == given["truth"]
    bins = calibration.equal_width_bins(probabilities.max(axis=1), right, given["n_bins"])
    told = [[each.index, each.right.n, each.confidence, each.right.value] for each in bins]
    for found, wanted in zip(told, expected["bins"], strict=True):
        near(found, wanted, tolerance)
    error = calibration.calibration_error(bins)
    wanted = [expected[name] for name in ("ece", "rmsce", "mce")]
    near([error.ece, error.rmsce, error.mce], wanted, tolerance)
    brier = calibration.brier_sum(probabilities, given["truth"])
    near(brier, expected["brier_sum"], tolerance)
    near(brier, 2 * expected["brier_half"], tolerance)


def test_brier_of_two_classes() -> None:
    given, expected, tolerance = example("calibration-02")
    positive = np.array(given["probability_of_positive"])
    near(calibration.brier_binary(positive, given["truth"]), expected["brier"], tolerance)
    both = np.stack([1 - positive, positive], axis=1)
    near(calibration.brier_sum(both, given["truth"]), expected["brier_sum"], tolerance)


def test_clusters() -> None:
    given, expected, tolerance = example("cluster-01")
    clusters = [(sum(images), len(images)) for images in given["images_right_by_patient"]]
    hits, totals = zip(*clusters, strict=True)
    found = cluster_bootstrap(ratio_of(hits, totals), len(clusters))
    assert found.exact
    assert found.resamples == expected["resamples"]
    near(
        [found.estimate, found.mean, found.se],
        [expected["estimate"], expected["bootstrap_mean"], expected["bootstrap_se"]],
        tolerance,
    )
    near([found.low, found.high], expected["percentile_ci"], tolerance)
    near(proportions.linearised_se(clusters), expected["linearised_se"], tolerance)
    near(proportions.naive_se(0.5, sum(totals)), expected["naive_se"], tolerance)
    share = proportions.clustered_share(clusters)
    near(share.design_effect, expected["design_effect"], tolerance)
    near([share.low, share.high], proportions.wilson(0.5, 14 / expected["design_effect"]), tolerance)


def holds_alone(found, expected, tolerance):
    for estimate, wanted in zip(found.means, expected, strict=True):
        holds(estimate, wanted | {"value": wanted["auc"]}, tolerance)


def holds_test(found, expected, tolerance):
    near(found.statistic, expected.get("F", expected.get("X2")), tolerance)
    assert found.df1 == expected.get("df1", expected.get("df"))
    if "df2" in expected:
        near(found.df2, expected["df2"], tolerance)
    near(found.p, expected["p"], tolerance)
    holds(found.differences[0, 1], expected | {"value": expected["diff"]}, tolerance)


def holds_components(found, expected, tolerance):
    for name in ("ms_t", "ms_r", "ms_tr", "var_error", "cov1", "cov2", "cov3", "var_r", "var_tr"):
        if name in expected:
            near(getattr(found.components, name), expected[name], tolerance)


def test_mrmc_by_the_jackknife() -> None:
    given, expected, tolerance = example("mrmc-01")
    found = mrmc.mrmc(given["truth"], given["ratings"])
    near(np.ravel(found.values), np.ravel(expected["reader_auc"]), tolerance)
    near([mean.value for mean in found.means], expected["mean_auc"], tolerance)
    holds_components(found, expected, tolerance)
    holds_test(found.random, expected["rrrc"], tolerance)
    holds_test(found.fixed_readers, expected["frrc"], tolerance)
    holds_test(found.fixed_cases, expected["rrfc"], tolerance)
    holds_alone(found, expected["single"], tolerance)
    pseudo, wanted = mrmc.dbm(given["truth"], given["ratings"]), expected["dbm"]
    names = {"ms_t", "ms_tr", "ms_tc", "ms_trc", "df1", "df2", "p"}
    for name in names:
        near(getattr(pseudo, name), wanted[name], tolerance)
    near(pseudo.f, wanted["F"], tolerance)


def test_mrmc_by_delong() -> None:
    _, expected, tolerance = example("mrmc-02")
    given, _, _ = example("mrmc-01")
    found = mrmc.mrmc(given["truth"], given["ratings"], use_delong=True)
    holds_components(found, expected, tolerance)
    holds_test(found.random, expected["rrrc"], tolerance)


def test_mrmc_of_sensitivity() -> None:
    told, expected, tolerance = example("mrmc-04")
    given, _, _ = example("mrmc-01")
    figure = mrmc.Figure(told["figure"])
    found = mrmc.mrmc(given["truth"], given["ratings"], figure, positive_from=told["positive_from"])
    near(np.ravel(found.values), np.ravel(expected["reader_auc"]), tolerance)
    holds_components(found, expected, tolerance)
    holds_test(found.random, expected["rrrc"], tolerance)
    holds_alone(found, expected["single"], tolerance)
