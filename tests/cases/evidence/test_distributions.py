"""Tails and quantiles are those of scipy.stats, which nothing that runs loads."""

from pathlib import Path

import pytest

from cases.evidence.measures import distributions

CASES = Path(distributions.__file__).parents[2]


@pytest.mark.parametrize("share", [0.001, 0.025, 0.975, 0.999])
def test_binomial_limits_are_those_of_scipy(share) -> None:
    from scipy.stats import binom

    asked = [(n, p) for n in (1, 7, 30, 1000, 17_000) for p in (0.0, 0.0005, 0.1, 0.5, 0.93, 1.0)]
    found = [distributions.binomial_quantile(share, n, p) for n, p in asked]
    assert found == [int(binom.ppf(share, n, p)) for n, p in asked]


@pytest.mark.parametrize("share", [0.001, 0.025, 0.975, 0.999])
def test_limits_around_a_share_that_is_not_sure_are_those_of_scipy(share) -> None:
    from scipy.stats import betabinom

    asked = [
        (n, a, b) for n in (1, 7, 30, 1000) for a, b in ((0.5, 30.5), (15.5, 15.5), (400.5, 0.5), (3.2, 97))
    ]
    found = [distributions.beta_binomial_quantile(share, n, a, b) for n, a, b in asked]
    assert found == [int(betabinom.ppf(share, n, a, b)) for n, a, b in asked]


def test_tails_and_quantiles_are_those_of_scipy() -> None:
    from scipy.stats import binom, chi2, f

    for value in (0.1, 1.0, 3.84, 40.0):
        assert distributions.f_tail(value, 1, 7.3) == pytest.approx(float(f.sf(value, 1, 7.3)), rel=1e-9)
        assert distributions.chi_squared_tail(value, 3) == pytest.approx(float(chi2.sf(value, 3)), rel=1e-9)
    for df in (1, 2, 9):
        quantile = distributions.chi_squared_quantile(0.998, df)
        assert quantile == pytest.approx(float(chi2.ppf(0.998, df)), rel=1e-9)
    for hits, n in ((0, 1), (2, 5), (200, 400), (33_333, 100_000)):
        expected = (float(binom.pmf(hits, n, 0.5)), float(binom.cdf(hits, n, 0.5)))
        assert distributions.half_chance(hits, n) == pytest.approx(expected, rel=1e-9, abs=1e-300)


def test_no_page_waits_for_scipy_stats() -> None:
    sources = {path: path.read_text("utf-8") for path in CASES.rglob("*.py")}
    assert sources
    assert [path.name for path, text in sources.items() if "import scipy.stats" in text] == []
    assert [path.name for path, text in sources.items() if "from scipy.stats" in text] == []
