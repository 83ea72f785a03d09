"""Intensities by class, and how surely and how strongly the classes differ in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import kruskal, mannwhitneyu

from inference.training.description.collect import MEASURES, Reading

# Class to the values of one measure, float64 (n,).
ByClass = Mapping[str, NDArray[np.float64]]

IMAGES_NOTE = (
    "Slices of one patient, and copies of one slice, are not independent, so these p-values are descriptive: "
    "they are far too small. Look at the effect sizes."
)
GROUPS_NOTE = (
    "One value a group and class, the mean of its images: groups are independent as far as they are known, "
    "so these p-values may be read as such."
)


def by_class(readings: Sequence[Reading], measure: str) -> dict[str, NDArray[np.float64]]:
    """Return the measure of every image, by class; classes in alphabetical order, empty ones left out."""
    values = defaultdict[str, list[float]](list)
    for reading in readings:
        values[reading.entry.label].append(reading.intensity[measure])
    return {code: np.array(values[code]) for code in sorted(values)}


def by_class_and_group(readings: Sequence[Reading], measure: str) -> dict[str, NDArray[np.float64]]:
    """Return the mean of the measure over each group's images of a class, by class; images without a group
    are left out.
    """
    values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for reading in readings:
        if reading.entry.group is not None:
            values[reading.entry.label][reading.entry.group].append(reading.intensity[measure])
    return {
        code: np.array([float(np.mean(images)) for images in values[code].values()])
        for code in sorted(values)
    }


def summarise(readings: Sequence[Reading]) -> dict[str, dict[str, dict[str, float]]]:
    """Return class to measure to mean, sd (of the sample; 0 for one image), min, median and max over the
    class's images, in grey levels from 0 to 255.
    """
    summary: dict[str, dict[str, dict[str, float]]] = defaultdict(dict)
    for measure in MEASURES:
        for code, values in by_class(readings, measure).items():
            summary[code][measure] = {
                "mean": float(values.mean()),
                "sd": float(values.std(ddof=1)) if len(values) > 1 else 0.0,
                "min": float(values.min()),
                "median": float(np.median(values)),
                "max": float(values.max()),
            }
    return dict(summary)


def compare_classes(readings: Sequence[Reading]) -> dict[str, Any]:
    """Return the tests over images and, where groups are known, over groups; each with its note."""
    tests: dict[str, Any] = {
        "images": {"note": IMAGES_NOTE, **_tests({name: by_class(readings, name) for name in MEASURES})},
        "groups": None,
    }
    if any(reading.entry.group is not None for reading in readings):
        grouped = {name: by_class_and_group(readings, name) for name in MEASURES}
        tests["groups"] = {"note": GROUPS_NOTE, **_tests(grouped)}
    return tests


def holm(p_values: Sequence[float]) -> list[float]:
    """Return the p-values adjusted for their number, in the same order.

    Holm, A simple sequentially rejective multiple test procedure, Scandinavian Journal of Statistics 6
    (1979): the k-th smallest of m is multiplied by m - k + 1, and none is below a smaller one's.
    """
    p = np.asarray(p_values, np.float64)
    order = np.argsort(p)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1)), 1.0)
    return [float(value) for value in adjusted]


def _tests(values: Mapping[str, ByClass]) -> dict[str, Any]:
    """measures: name to Kruskal-Wallis and its pairs. Holm's correction covers all pairs of all measures."""
    overall: dict[str, dict[str, float] | None] = {}
    pairs: dict[str, list[dict[str, Any]]] = {}
    for name, by_code in values.items():
        usable = {code: each for code, each in by_code.items() if len(each) > 1}
        overall[name] = _kruskal_wallis(usable)
        pairs[name] = _pairs(usable)
    every = [pair for of_measure in pairs.values() for pair in of_measure]
    for pair, adjusted in zip(every, holm([pair["p"] for pair in every]), strict=True):
        pair["p_holm"] = adjusted
    return {
        "n": {code: len(each) for code, each in next(iter(values.values())).items()},
        "measures": {name: {"kruskal_wallis": overall[name], "pairs": pairs[name]} for name in values},
    }


def _kruskal_wallis(values: ByClass) -> dict[str, float] | None:
    """H, p and epsilon squared, H / (n - 1): 0 where the class tells nothing, 1 where it tells everything
    (Tomczak and Tomczak, The need to report effect size estimates revisited, 2014). None where there is
    nothing to compare.
    """
    if len(values) < 2:
        return None
    together = np.concatenate(list(values.values()))
    if (together == together[0]).all():
        return None
    result = kruskal(*values.values())
    return {
        "h": float(result.statistic),
        "p": float(result.pvalue),
        "epsilon_squared": float(result.statistic) / (len(together) - 1),
    }


def _pairs(values: ByClass) -> list[dict[str, Any]]:
    """U, p and the rank-biserial correlation, 2 U / (n m) - 1, of each pair: 1 where every image of the first
    class lies above every one of the second, -1 where below.
    """
    pairs = []
    for one, other in combinations(values, 2):
        result = mannwhitneyu(values[one], values[other])
        size = len(values[one]) * len(values[other])
        pairs.append(
            {
                "classes": [one, other],
                "u": float(result.statistic),
                "p": float(result.pvalue),
                "rank_biserial": 2 * float(result.statistic) / size - 1,
            }
        )
    return pairs
