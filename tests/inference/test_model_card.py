"""The cards in docs/ are what the generator makes of the shipped manifests, and say what was measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from inference.__main__ import main
from inference.manifest import DEFAULT_MODEL, MANIFEST_DIR, Manifest, default_manifest, load_manifest
from inference.training.card import model_card
from inference.training.markdown import around, number, table
from tests.inference.figures import gate, interval, scaled, speed

DOCS = Path(__file__).parents[2] / "docs"
SHIPPED = sorted(MANIFEST_DIR.glob("*.json"))
PROTOTYPE = MANIFEST_DIR / "prototype-cnn-1.json"


def rate(value: float) -> dict[str, Any]:
    return {"n": 9, "flip_rate": value, "interval": interval(0.0, 0.25)}


def falls(mean: float) -> dict[str, Any]:
    share = {"mean": 0.75, "interval": interval(0.5, 1.0)}
    return {
        "n": 9,
        "mean": mean,
        "interval": interval(0.125, 0.5),
        "median": 0.25,
        "falling": share,
        "changed_class": {"mean": 0.5, "interval": interval(0.25, 0.75)},
    }


def blanked() -> dict[str, Any]:
    difference = {"n": 8, "mean": 0.25, "interval": interval(0.125, 0.375), "larger": {"mean": 0.875}}
    return {"lesion": falls(0.375), "elsewhere": falls(0.125), "difference": difference}


def candidate(recipe: str, n: int, difference: float) -> dict[str, Any]:
    figures = {"n": n, "macro_f1": 0.75, "macro_precision": 0.7, "macro_recall": 0.8, "accuracy": 0.5}
    return {
        "recipe": recipe,
        "parameters": 1234567,
        "difference_to_best": {"macro_f1": difference, "interval": interval(-0.125, 0.0)},
        "distinct": {**figures, "interval": {"macro_f1": interval(0.5, 0.875)}},
    }


@pytest.fixture(scope="module")
def prototype() -> Manifest:
    return load_manifest(PROTOTYPE)


@pytest.fixture
def complete(prototype: Manifest) -> Manifest:
    """A manifest with every kind of figures; the pooled report is the prototype's."""
    pooled = {**prototype.training["figures"]["validation"], "folds": [0, 1]}
    fold = {
        "fold": 1,
        "n": 321,
        "accuracy": 0.875,
        "macro_f1": 0.8125,
        "ece": 0.0625,
        "f1": {"glioma": 0.5},
        "interval": {"macro_f1": interval(0.75, 0.875)},
    }
    robustness = {
        "n": 9,
        "folds": [0, 1],
        "changes": {"mirrored": {"label": "Mirrored", **rate(0.125), "probability_change": 0.0625}},
        "mean": {**rate(0.0625), "probability_change": 0.0625},
        "any": rate(0.1875),
        "blanking": {**blanked(), "per_class": {"glioma": blanked()}},
    }
    figures = {
        "cross_validation": pooled,
        "per_fold": [{**fold, "fold": 0}, fold],
        "calibration": {"temperature": 1.25, "n": 9, "before": scaled(0.0625), "after": scaled(0.015625)},
        "gate": gate(),
        "robustness": robustness,
        "candidates": [candidate("ours", 2967, 0.0), candidate("theirs", 2967, -0.0625)],
        "speed": speed(),
    }
    return replace(prototype, training={**prototype.training, "figures": figures})


def lines_of(card: str) -> set[str]:
    return set(card.splitlines())


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_card_in_the_documentation_is_what_the_manifest_gives(path: Path) -> None:
    place = "model-card.md" if path.stem == DEFAULT_MODEL else f"model-cards/{path.stem}.md"
    assert (DOCS / place).read_text("utf-8") == model_card(load_manifest(path)), (
        f"python -m inference card --model inference/manifests/{path.name} --out docs/{place}"
    )


def test_prototypes_card_says_what_was_measured(prototype: Manifest) -> None:
    card = model_card(prototype)
    lines = lines_of(card)
    assert "| Macro F1 | 0.844 (0.765 to 0.893) | 0.854 (0.793 to 0.887) |" in lines
    assert "| Glioma | 196 | 15 | 10 | 17 |" in lines
    meningioma = "0.796 (0.612 to 0.908) | 0.790 (0.659 to 0.867) | 0.793 (0.640 to 0.872)"
    assert f"| Meningioma | {meningioma} | 138 |" in lines
    assert "| Convolution 3 (56 x 56) | 0.008 | 0.017 | 0.018 | 0.024 |" in lines
    assert "| Centre of the image | 0.219 | 0.099 | - | - |" in lines
    side = "4,689 images, 2,371 distinct slices, 462 groups."
    assert f"- Training: folds 1, 2, 3, 4; {side}" in lines
    assert "The same images also chose the epoch" in card
    assert "Do not read these maps as a lesion's place" in card
    for name in ("Masoud Nickparvar", "10.6084/m9.figshare.1512427", "SARTAJ", "Br35H"):
        assert name in card
    for failure in prototype.training["known_failures"]:
        assert f"- {failure}" in lines


@pytest.mark.parametrize("path", SHIPPED, ids=[path.stem for path in SHIPPED])
def test_every_card_names_limits_and_calls_the_public_split_leaky(path: Path) -> None:
    card = model_card(load_manifest(path))
    assert "not a medical device and no basis for a diagnosis" in card
    assert card.count("public split") == card.count("public split, leaky") == 1
    assert "telling left from right" in card
    assert "\n\n\n" not in card


def test_every_kind_of_figures_has_its_section(complete: Manifest) -> None:
    card = model_card(complete)
    lines = lines_of(card)
    assert "| 1 | 321 | 0.875 | 0.812 (0.750 to 0.875) | 0.062 | 0.500 | - | - | - |" in lines
    assert "| Expected calibration error | 0.062 (0.031 to 0.125) | 0.016 (0.031 to 0.125) |" in lines
    assert "lies farther than a slice: **0.992 (0.984 to 1.000)**." in card
    assert "*Refused*: farther than 99.5 % of slices." in card
    assert "| Uncertain | 0.250 (0.125 to 0.375) | 0.750 | 0.125 |" in lines
    assert "| Refused | 0.250 (0.125 to 0.375) | - | 0.125 |" in lines
    assert "| Pages of text | 3 | 2 | 0.992 | 0.000 | 0.250 | 0.750 |" in lines
    assert "Of the 3 out-of-domain pictures it refuses\n2, calls 1 uncertain and accepts 0." in card
    assert "| 90 % | 8 | 0.625 | 1.000 |" in lines
    assert "| 4 | 9 | 0.992 | 0.000 | 0.125 | 2.500 | 1.500 | 0.875 |" in lines
    assert "| Mirrored | 9 | 0.125 (0.000 to 0.250) | 0.062 |" in lines
    assert "| **Any of them** | 9 | 0.188 (0.000 to 0.250) | - |" in lines
    shares = "0.750 (0.500 to 1.000) | 0.500 (0.250 to 0.750)"
    assert f"| Glioma | Lesion | 9 | +0.375 (+0.125 to +0.500) | +0.250 | {shares} |" in lines
    assert "| All | Lesion less elsewhere | 8 | +0.250 (+0.125 to +0.375) | - | 0.875 | - |" in lines
    paired = "0.750 (0.500 to 0.875) | -0.062 (-0.125 to +0.000) | 0.700 | 0.800 | 0.500 | 2,967"
    assert f"| `theirs` | 1,234,567 | {paired} |" in lines
    assert "| one by one | 5.5 | 1.25 |" in lines
    assert "The same images also chose the epoch" not in card
    models = "--models $RUNS/prototype-cnn-1-fold?.json"
    parts = "--robustness $RUNS/robustness.json --candidates $RUNS/candidates.json --speed $RUNS/speed.json"
    assert f"--gate $RUNS/gate.json {parts} --known-failures FAILURES.txt --out inference/manifests" in card
    for command in ("crossvalidate", "robustness", "gate"):
        assert (
            f"    python -m inference {command} $DATA --manifest $DATA/manifest.csv {models} --json" in card
        )


@pytest.mark.parametrize(
    ("absent", "heading"),
    [
        ("calibration", "## Calibration"),
        ("cross_validation", "## Figures: cross-validation"),
        ("robustness", "## Short cuts"),
        ("gate", "## Input gate"),
        ("candidates", "## Candidates"),
        ("speed", "## Speed"),
    ],
)
def test_section_without_figures_is_left_out(complete: Manifest, absent: str, heading: str) -> None:
    assert heading in model_card(complete)
    figures = {name: each for name, each in complete.training["figures"].items() if name != absent}
    assert heading not in model_card(replace(complete, training={**complete.training, "figures": figures}))


def test_manifest_without_any_figures_still_has_a_card(prototype: Manifest) -> None:
    bare = replace(prototype, training={"recipe": {}, "split": {}, "figures": {}})
    assert "## Known failures" in model_card(bare)


def test_card_of_another_model_names_the_default_one(prototype: Manifest) -> None:
    sentence = f"which is `{DEFAULT_MODEL}`; it stays so that one can roll back"
    assert sentence in model_card(replace(prototype, id="another-1"))
    assert sentence not in model_card(default_manifest())


def test_candidates_may_come_with_what_select_says_of_them(complete: Manifest) -> None:
    rows = complete.training["figures"]["candidates"]
    said = {"chosen": "ours", "rule": "The best one.", "notes": ["Scored on fold 0."], "folds": [0, 2]}
    whole = {"candidates": rows, **said}
    figures = {**complete.training["figures"], "candidates": whole}
    lines = lines_of(model_card(replace(complete, training={**complete.training, "figures": figures})))
    assert {"Chosen: `ours`. The best one.", "- Scored on fold 0."} <= lines
    again = "--recipes ours theirs --folds 0,2 --runs $RUNS --json $RUNS/candidates.json"
    assert f"    python -m inference select $DATA {again}" in lines


def test_command_writes_the_card_of_a_manifest(tmp_path: Path) -> None:
    out = tmp_path / "card.md"
    assert main(["card", "--model", str(PROTOTYPE), "--out", str(out)]) == 0
    assert out.read_text("utf-8") == model_card(load_manifest(PROTOTYPE))


def test_figures_are_rounded_and_stand_beside_their_interval() -> None:
    assert around(0.97049, [0.9505, 0.98]) == "0.970 (0.951 to 0.980)"
    assert around(-0.01, [-0.5, 0.25], signed=True) == "-0.010 (-0.500 to +0.250)"
    assert around(0.5, None) == "0.500"
    assert (number(1234567), number(None)) == ("1,234,567", "-")
    assert table(("A", "B"), [("x", "1")]) == "| A | B |\n| --- | ---: |\n| x | 1 |"
