"""Figures against values that others printed, each with its source, beside those of the worked examples."""

import json
from pathlib import Path

import numpy as np
import pytest

from cases.evidence.measures import auc, mrmc, paired, raters
from cases.evidence.measures.estimate import normal_p
from cases.evidence.measures.kappa import Weights, kappa_of_table
from cases.evidence.measures.proportions import exact_interval, share

NONE, LINEAR = Weights.NONE, Weights.LINEAR
SKIN = [[10, 4, 1, 0], [5, 10, 12, 2], [2, 4, 12, 5], [0, 2, 6, 13]]
WINNIPEG = [[38, 5, 0, 1], [33, 11, 3, 0], [10, 14, 5, 6], [3, 7, 3, 10]]
ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
# Fleiss 1971, Psychol Bull 76:378, Table 1: 30 patients, 6 psychiatrists, 5 diagnoses.
PSYCHIATRISTS = """
00060 03003 01401 00006 03030 20400 00402 20310 20040 00006 10050 11040 03300 10050 02031
00501 30012 51000 02040 10203 00006 01050 02013 20040 10041 05010 40002 02040 10500 00006
"""


def counts_from(digits):
    """A unit a word, a class a digit."""
    return np.array([[int(n) for n in unit] for unit in digits.split()], float)


@pytest.mark.parametrize(
    ("table", "weights", "value", "se", "interval"),
    [
        # Cohen 1960, Educ Psychol Meas 20:37, Table 1.
        pytest.param([[88, 14, 18], [10, 40, 10], [2, 6, 12]], NONE, 0.492, None, None, id="cohen"),
        # Fleiss, Cohen & Everitt 1969, Psychol Bull 72:323: 200 cases.
        pytest.param([[106, 10, 4], [22, 28, 10], [2, 12, 6]], NONE, 0.429, 0.0537, None, id="fleiss"),
        # SAS/STAT, PROC FREQ, "Agreement Study".
        pytest.param(SKIN, NONE, 0.3449, 0.0724, (0.2030, 0.4868), id="sas"),
        pytest.param(SKIN, LINEAR, 0.5082, 0.0655, (0.3798, 0.6366), id="sas-weighted"),
        # Landis & Koch 1977, Biometrics 33:159, the Winnipeg patients; weighted as vcd::Kappa has it.
        pytest.param(WINNIPEG, NONE, 0.208, None, None, id="landis"),
        pytest.param(WINNIPEG, LINEAR, 0.380, 0.0517, None, id="landis-weighted"),
        # Agresti 2002, Categorical Data Analysis, 10.5: two pathologists.
        pytest.param(
            [[22, 2, 2, 0], [5, 7, 14, 0], [0, 2, 36, 0], [0, 1, 17, 10]],
            *(NONE, 0.493, 0.057, None),
            id="agresti",
        ),
        # irrCAC, README: kappa2.table(cont3x3abstractors).
        pytest.param(ABSTRACTORS, NONE, 0.7964094, 0.05891072, (0.681, 0.912), id="abstractors"),
    ],
)
def test_cohens_kappa_is_the_printed_one(table, weights, value, se, interval) -> None:
    found = kappa_of_table(np.array(table, float), weights)
    assert found.value == pytest.approx(value, abs=5e-4)
    if se is not None:
        assert found.se == pytest.approx(se, abs=5e-4)
    if interval is not None:
        assert (found.low, found.high) == pytest.approx(interval, abs=5e-4)


def test_kappa_of_fleiss_psychiatrists_is_the_printed_one() -> None:
    counts = counts_from(PSYCHIATRISTS)
    assert counts.sum(axis=0) / 180 == pytest.approx([0.144, 0.144, 0.167, 0.306, 0.239], abs=5e-4)
    assert raters.percent_agreement(counts) == pytest.approx(0.556, abs=5e-4)
    assert raters.fleiss_kappa(counts).value == pytest.approx(0.430, abs=5e-4)


def test_two_abstractors_agree_as_gwet_prints_it() -> None:
    """irrCAC, README, cont3x3abstractors; its errors of tables divide by n instead of n - 1."""
    units = [
        [row, column]
        for row, counts in enumerate(ABSTRACTORS)
        for column, n in enumerate(counts)
        for _ in range(n)
    ]
    counts, of_table = raters.counts_of(units), np.sqrt(99 / 100)
    for figure, value, se in (
        (raters.ac1, 0.8493305, 0.04321747),
        (raters.fleiss_kappa, 0.7962397, 0.05905473),
        (raters.krippendorff_alpha, 0.7972585, 0.05905473),
    ):
        found = figure(counts)
        assert (found.value, found.se * of_table) == pytest.approx((value, se), abs=1e-7)
    assert raters.percent_agreement(counts) == pytest.approx(0.89)


def test_ac1_of_four_raters_and_three_classes_is_gwets() -> None:
    """irrCAC, README: gwet.ac1.dist(cac.dist4cat[, 2:4])."""
    counts = "301 211 211 202 310 310 040 031 004 310 040 031 022 004 310"
    found = raters.ac1(counts_from(counts))
    assert found.value == pytest.approx(0.3518903, abs=5e-8)


@pytest.mark.parametrize(
    ("hits", "n", "wilson", "exact"),
    [
        (81, 263, (0.2553, 0.3662), (0.2527, 0.3676)),
        (15, 148, (0.0624, 0.1605), (0.0578, 0.1617)),
        (0, 20, (0, 0.1611), (0, 0.1684)),
        (1, 29, (0.0061, 0.1718), (0.0009, 0.1776)),
    ],
)
def test_intervals_of_a_share_are_newcombes(hits, n, wilson, exact) -> None:
    """Newcombe 1998, Stat Med 17:857, Table I: methods 3 and 5."""
    found = share(hits, n)
    assert (found.low, found.high) == pytest.approx(wilson, abs=5e-5)
    assert exact_interval(hits, n) == pytest.approx(exact, abs=5e-5)


def test_paired_difference_is_fagerlands() -> None:
    """Fagerland, Lydersen & Laake 2014, Stat Med 33:2850: airway responsiveness of Bentur et al. 2009."""
    pairs = paired.Pairs(1, 1, 7, 12)
    assert paired.wald_interval(pairs) == pytest.approx((-0.520, -0.052), abs=5e-4)
    assert paired.newcombe_interval(pairs) == pytest.approx((-0.507, -0.026), abs=5e-4)
    assert paired.tango_interval(pairs) == pytest.approx((-0.517, -0.026), abs=5e-4)
    found = paired.mcnemar(1, 7)
    assert (found.exact, found.mid) == pytest.approx((0.0703, 0.0391), abs=5e-5)
    assert (found.asymptotic, found.corrected) == pytest.approx((0.0339, 0.0771), abs=5e-5)


def test_auc_of_ratings_with_ties_is_hanleys() -> None:
    """Hanley & McNeil 1982, Radiology 143:29, Table I: 58 normal and 51 abnormal images in five classes."""
    sides = ((0, (33, 6, 6, 11, 2)), (1, (3, 2, 2, 11, 33)))
    told = [(side, rating) for side, counts in sides for rating, n in enumerate(counts) for _ in range(n)]
    truth, ratings = zip(*told, strict=True)
    assert auc.auc(truth, ratings) == pytest.approx(0.893, abs=5e-4)


def test_one_reader_of_two_conditions_is_or_dbms() -> None:
    """OR-DBM MRMC 2.51, printout for reader 1 of Van Dyke et al. 1993 (RJafroc, inst/Iowa/VanDyke1R.txt)."""
    example = Path(__file__).parent / "worked_examples" / "mrmc-01.json"
    given = json.loads(example.read_text(encoding="utf-8"))["input"]
    found = mrmc.mrmc(given["truth"], np.array(given["ratings"])[:, :1])
    told = found.fixed_readers
    difference = told.differences[0, 1]
    assert (told.statistic, told.df1, told.p) == pytest.approx((1.22011, 1, 0.2693), abs=5e-5)
    assert (difference.value, difference.se) == pytest.approx((-0.02818, 0.02551), abs=5e-6)
    assert (difference.low, difference.high) == pytest.approx((-0.07818, 0.02182), abs=5e-6)
    assert (found.components.var_error, found.components.cov1) == pytest.approx(
        (0.00069890, 0.00037347), abs=5e-9
    )
    printed = [
        (0.91964573, 0.03012552, 0.86060081, 0.97869066),
        (0.94782609, 0.02214169, 0.90442917, 0.99122300),
    ]
    for mean, wanted in zip(found.means, printed, strict=True):
        assert (mean.value, mean.se, mean.low, mean.high) == pytest.approx(wanted, abs=5e-9)
    assert (found.random, found.fixed_cases) == (None, None)


@pytest.mark.parametrize(
    ("z", "p"), [(1.96, 0.049996), (5, 5.733031e-07), (8.1, 5.495919e-16), (10, 1.523971e-23)]
)
def test_p_of_a_normal_deviate_holds_far_out(z, p) -> None:
    """Abramowitz & Stegun 1964, Tables 26.1 and 26.2: twice the upper tail."""
    assert normal_p(z) == pytest.approx(p, rel=1e-5, abs=0)
    assert normal_p(-z) == normal_p(z)
