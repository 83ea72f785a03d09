"""Numbers as people read them."""

import numpy as np
import pytest

from cases.translation import tenths_of_percent


@pytest.mark.parametrize(
    ("shares", "percents"),
    [
        ([0.98183, 0.00375, 0.00547, 0.00895], [98.2, 0.4, 0.5, 0.9]),
        ([0.7, 0.1, 0.1, 0.1], [70.0, 10.0, 10.0, 10.0]),
        ([1 / 3, 1 / 3, 1 / 3], [33.4, 33.3, 33.3]),
        ([0.25025, 0.25025, 0.25025, 0.24925], [25.1, 25.0, 25.0, 24.9]),
        ([0.9996, 0.0002, 0.0001, 0.0001], [100.0, 0.0, 0.0, 0.0]),
        ([1.0, 0.0], [100.0, 0.0]),
        ([0.0], [0.0]),
        ([], []),
        # Of classes that are not all there, the whole is what they are together.
        ([0.5, 0.1234], [50.0, 12.3]),
    ],
)
def test_percents_are_rounded_by_largest_remainder(shares: list[float], percents: list[float]) -> None:
    assert tenths_of_percent(shares) == percents


def test_percents_add_up_and_are_within_a_tenth_of_what_they_stand_for() -> None:
    rng = np.random.default_rng(11)
    for count in (2, 3, 4, 7, 15):
        for sharpness in (0.05, 1.0, 20.0):
            for shares in rng.dirichlet(np.full(count, sharpness), 200).astype(np.float32):
                given = [float(share) for share in shares]
                percents = tenths_of_percent(given)
                assert round(sum(percents), 6) == 100.0
                worst = max(
                    abs(100 * share - percent) for share, percent in zip(given, percents, strict=True)
                )
                assert worst < 0.1 + 1e-4
