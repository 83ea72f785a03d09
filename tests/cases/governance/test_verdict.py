"""A candidate held against bounds: figures and verdicts, worked out by hand."""

from __future__ import annotations

import json

import pytest

from cases.governance.frozen import FrozenSet, Pair
from cases.governance.verdict import Comparison, Verdict, compare


def pairs(truth: str, both: int, first: int, second: int, neither: int, patients: str = "") -> list[Pair]:
    """Cases of one class, each of a patient of its own, or all of one."""
    said = [(True, True)] * both + [(True, False)] * first + [(False, True)] * second
    said += [(False, False)] * neither
    return [Pair(patients or f"{truth}-{place}", truth, *right) for place, right in enumerate(said)]


def held(found: list[Pair], margin: float = 0.1, least_n: int = 10, **recalls: float) -> Comparison:
    return compare(FrozenSet(found, {}, 0), margin=margin, least_recall=recalls, least_n=least_n)


def test_figures_are_exact_and_newcombes_where_no_patient_has_two_cases() -> None:
    found = held(pairs("glioma", 36, 2, 12, 0))
    assert found.difference.value == pytest.approx(0.2)
    assert (found.difference.low, found.difference.high) == pytest.approx((0.0569, 0.3404), abs=5e-5)
    assert found.difference.method.startswith("Newcombe")
    assert (found.first.hits, found.second.hits, found.pairs.n, found.clusters) == (38, 48, 50, 50)
    assert found.verdict == Verdict.MET


def test_patients_with_several_cases_count_as_fewer_cases() -> None:
    one = pairs("glioma", 10, 0, 10, 0, patients="one")
    other = pairs("glioma", 10, 5, 0, 5, patients="other")
    found = held(one + other)
    # Gains of 10 and -5 of 20 cases each: their variance 2 (7.5² + 7.5²) / 40² is 15.65 times that of forty
    # independent cases, (15 - 5²/40) / 40².
    assert found.difference.value == pytest.approx(0.125)
    assert (found.difference.low, found.difference.high) == pytest.approx((-0.4772, 0.6317), abs=5e-5)
    assert found.difference.method == "Newcombe 1998, paired, method 10, on the effective n by patient"
    assert found.verdict == Verdict.NOT_MET


def test_patients_who_never_differ_prove_no_more_than_as_many_cases() -> None:
    """Ten patients drawn again and again, among whom nothing differs, leave an interval of no width."""
    of_two = held([pair for place in range(10) for pair in pairs("glioma", 2, 0, 0, 0, patients=str(place))])
    alone = held(pairs("glioma", 10, 0, 0, 0))
    assert (of_two.pairs.n, of_two.clusters, of_two.difference.value) == (20, 10, 0)
    assert of_two.difference.low == pytest.approx(alone.difference.low) == pytest.approx(-0.2775, abs=5e-5)
    assert of_two.verdict == Verdict.NOT_MET


@pytest.mark.parametrize(("margin", "verdict"), [(0.05, Verdict.NOT_MET), (0.07, Verdict.MET)])
def test_margin_is_met_where_the_whole_interval_is(margin, verdict) -> None:
    found = held(pairs("glioma", 90, 3, 3, 4), margin=margin)
    assert found.difference.low == pytest.approx(-0.0600, abs=5e-5)
    assert found.margin_verdict == found.verdict == verdict


def test_recall_of_a_class_is_met_by_its_lower_limit() -> None:
    cases = pairs("glioma", 50, 0, 0, 0) + pairs("meningioma", 45, 0, 0, 5)
    found = held(cases, glioma=0.92, meningioma=0.85)
    by_class = {each.code: (each.second.hits, each.second.n, each.verdict) for each in found.classes}
    # Wilson: 50 of 50 has 0.929 as its lower limit, 45 of 50 has 0.786.
    assert by_class == {"glioma": (50, 50, Verdict.MET), "meningioma": (45, 50, Verdict.NOT_MET)}
    assert found.verdict == Verdict.NOT_MET


def test_too_few_cases_say_nothing_unless_a_bound_is_missed() -> None:
    few = pairs("glioma", 40, 0, 0, 0) + pairs("meningioma", 9, 0, 0, 0)
    assert held(few, glioma=0.8, meningioma=0.5).verdict == Verdict.TOO_FEW
    assert held(few, glioma=0.99, meningioma=0.5).verdict == Verdict.NOT_MET
    assert held(few, glioma=0.8, pituitary=0.5).verdict == Verdict.TOO_FEW
    assert held([]).verdict == Verdict.TOO_FEW


def test_comparison_is_the_same_once_it_was_kept() -> None:
    found = held(pairs("glioma", 36, 2, 12, 0) + pairs("notumor", 1, 0, 0, 0), glioma=0.5)
    assert Comparison.from_dict(json.loads(json.dumps(found.as_dict()))) == found
