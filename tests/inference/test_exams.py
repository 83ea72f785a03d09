from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from inference.manifest import load_manifest
from inference.training.card import exam_tables
from inference.training.crossvalidation import OutOfFold
from inference.training.data import Sample
from inference.training.evaluation import Outcome
from inference.training.exams import exam_report, template_report, template_slices
from inference.training.folds import HeldOut, held_out

# By group: each slice's label and its probabilities of glioma, meningioma, no tumour and pituitary tumour.
SLICES = {
    "found-by-one": [("glioma", (0.6, 0.1, 0.2, 0.1)), ("glioma", (0.1, 0.1, 0.7, 0.1))],
    "of-another-kind": [("pituitary", (0.1, 0.8, 0.05, 0.05))],
    "missed": [("meningioma", (0.1, 0.2, 0.6, 0.1)), ("notumor", (0.1, 0.1, 0.7, 0.1))],
    "false-alarm": [("notumor", (0.55, 0.0, 0.4, 0.05)), *[("notumor", (0.05, 0.0, 0.9, 0.05))] * 4],
    "quiet": [("notumor", (0.0, 0.1, 0.9, 0.0))],
}


def held(models: list[Path], negative: str | None = "notumor") -> list[HeldOut]:
    manifests = [replace(load_manifest(path), negative_class=negative) for path in models]
    return held_out(manifests)


def found_of(models: list[Path], negative: str | None = "notumor", groups: bool = True) -> OutOfFold:
    rows = [(name, *each) for name, of_group in SLICES.items() for each in of_group]
    # A copy of a slice, which does not count.
    rows.append(("quiet", "notumor", (0.9, 0.05, 0.05, 0.0)))
    samples = tuple(
        Sample(Path("x"), label, group=name if groups else None, fold=0, first_of_slice=place < len(rows) - 1)
        for place, (name, label, _) in enumerate(rows)
    )
    logits = np.log(np.maximum([shares for *_, shares in rows], 1e-9)).astype(np.float32)
    empty = np.zeros((len(rows), 0), np.float32)
    outcome = Outcome(np.exp(logits), logits, empty, [None] * len(rows))
    return OutOfFold(tuple(held(models, negative)), samples, np.zeros(len(rows), np.int64), outcome)


def test_rules_are_scored_by_exam(models: list[Path]) -> None:
    found = exam_report(found_of(models), {})
    assert found is not None
    assert (found["exams"], found["tumours"], found["normal"]) == (5, 3, 2)
    key, two = found["rules"]["key_image"], found["rules"]["mean_of_2"]
    assert (key["sensitivity"]["n"], key["sensitivity"]["mean"]) == (3, pytest.approx(2 / 3))
    assert (key["false_alarms"]["n"], key["false_alarms"]["mean"]) == (2, 0.5)
    # 0.8 and 0.3 of the first exam; of the false alarm 0.6 and 0.1.
    assert two["sensitivity"]["mean"] == pytest.approx(2 / 3)
    assert two["false_alarms"]["mean"] == 0.0
    assert found["key_class"]["n"] == 3
    assert found["key_class"]["mean"] == pytest.approx(1 / 3)


def test_alarms_are_told_by_the_number_of_slices(models: list[Path]) -> None:
    found = exam_report(found_of(models), {})
    assert found is not None
    rows = [(row["least"], row["most"], row["side"], row["exams"]) for row in found["by_size"]]
    assert rows == [(1, 1, "tumours", 1), (1, 1, "normal", 1), (2, 4, "tumours", 2), (5, 9, "normal", 1)]
    assert [row["alarms"]["key_image"] for row in found["by_size"]] == [1, 0, 1, 1]
    assert [row["alarms"]["mean_of_5"] for row in found["by_size"]] == [1, 0, 1, 0]
    words = exam_tables.sizes(found)
    assert "| Normal | 5 to 9 | 1 | 1 | 0 | 0 | 0 |" in words
    assert "Mean of the 3 most suspicious" in exam_tables.rules(found)


def test_without_groups_or_a_negative_class_there_are_no_exams(models: list[Path]) -> None:
    assert exam_report(found_of(models, groups=False), {}) is None
    assert exam_report(found_of(models, negative=None), {}) is None


def test_template_is_counted_by_verdict_and_by_what_it_is_called() -> None:
    answers = iter([("glioma", "accepted"), ("glioma", "refused"), ("notumor", "accepted")] * 200)

    def predict(slices: list[np.ndarray]) -> list[SimpleNamespace]:
        return [
            SimpleNamespace(predicted=predicted, gate=SimpleNamespace(verdict=verdict))
            for predicted, verdict in (next(answers) for _ in slices[:6])
        ]

    predictor = SimpleNamespace(predict=predict, manifest=SimpleNamespace(negative_class="notumor"))
    assert template_report(predictor) == {
        "n": 6,
        "accepted": 4,
        "uncertain": 0,
        "refused": 2,
        "called_a_tumour": 4,
        "accepted_as_a_tumour": 2,
    }


def test_template_slices_show_a_brain() -> None:
    slices = template_slices()
    assert 80 < len(slices) < 160
    assert slices[0].dtype == np.uint8
    assert {each.shape for each in slices} == {slices[0].shape}
    assert min(float((each > 0).mean()) for each in slices) >= 0.1
