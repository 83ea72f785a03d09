"""The model card says what the manifest measured, to the digit."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from inference.manifest import Manifest, default_manifest

CARD = (Path(__file__).parents[2] / "docs" / "model-card.md").read_text("utf-8")
FIGURES = {
    "Accuracy": "accuracy",
    "Macro precision": "macro_precision",
    "Macro recall": "macro_recall",
    "Macro F1": "macro_f1",
    "Expected calibration error": "ece",
    "Brier score": "brier",
    "Negative log likelihood": "nll",
}
MAPS = {"First convolution": "conv1", "Second convolution": "conv2", "Third convolution": "conv3"}


@pytest.fixture(scope="module")
def manifest() -> Manifest:
    return default_manifest()


@pytest.fixture(scope="module")
def distinct(manifest: Manifest) -> dict[str, Any]:
    figures: dict[str, Any] = manifest.training["figures"]["validation"]["distinct"]
    return figures


def span(interval: list[float]) -> str:
    return f"{interval[0]:.3f} to {interval[1]:.3f}"


@pytest.mark.parametrize(("label", "key"), FIGURES.items())
def test_figure_in_the_card_is_the_manifests(distinct: dict[str, Any], label: str, key: str) -> None:
    assert f"| {label} | {distinct[key]:.3f} | {span(distinct['interval'][key])} |" in CARD


def test_classes_and_confusion_in_the_card_are_the_manifests(
    manifest: Manifest, distinct: dict[str, Any]
) -> None:
    for index, each in enumerate(manifest.classes):
        of_class = distinct["per_class"][each.code]
        interval = span(distinct["interval"]["per_class"][each.code]["f1"])
        figures = (
            f"{of_class['precision']:.3f} | {of_class['recall']:.3f} | {of_class['f1']:.3f} ({interval})"
        )
        assert f"| {each.label} | {figures} | {of_class['support']} |" in CARD
        counts = " | ".join(str(count) for count in distinct["confusion"][index])
        assert f"| {each.label} | {counts} |" in CARD


def test_localisation_in_the_card_is_the_manifests(distinct: dict[str, Any]) -> None:
    for label, layer in MAPS.items():
        lesion, random = (distinct["localisation"][layer], distinct["localisation"][layer]["random_box"])
        figures = (lesion["pointing"], lesion["heat_inside"], random["pointing"], random["heat_inside"])
        assert f"| {label} | {' | '.join(f'{figure:.3f}' for figure in figures)} |" in CARD
    prior = distinct["localisation"]["centre_prior"]
    assert f"| Centre of the image | {prior['pointing']:.3f} | {prior['heat_inside']:.3f} |" in CARD


def test_split_and_attributions_in_the_card_are_the_manifests(manifest: Manifest) -> None:
    for side in manifest.training["split"].values():
        counts = f"{side['images']:,} images, {side['slices']:,} distinct slices, {side['groups']} groups"
        assert counts in " ".join(CARD.split())
    everything = manifest.training["figures"]["validation"]
    accuracy = f"accuracy {everything['accuracy']:.3f} ({span(everything['interval']['accuracy'])})"
    assert accuracy in " ".join(CARD.split())
    for name in (
        "Masoud Nickparvar",
        "10.6084/m9.figshare.1512427",
        "SARTAJ",
        "Br35H",
        "not a medical device",
    ):
        assert name in CARD
