"""Figures of whole exams: what is said of a case of many slices by what its slices get.

A slice alone is what a network is scored on; a case is what people read. Its key image is the most suspicious
one, so that one slice called a tumour makes the case one: the more slices, the more chances. Beside that rule
stand means of the most suspicious few.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from inference.predictor import Predictor
from inference.training.crossvalidation import OutOfFold, probabilities_of
from inference.training.means import known_groups, mean_of

KEY_IMAGE = "key_image"
# The other rules: so many of the most suspicious slices, and the mean probability of any tumour from which
# the alarm is raised.
_FEW = (2, 3, 5)
_ALARM = 0.5
# Exams by their number of slices: the least of each range.
_SIZES = (1, 2, 5, 10)
# Of the template's axial slices those that this share of is brain.
_BRAIN_SHARE = 0.1


@dataclass(frozen=True, eq=False)
class Exam:
    """One group's slices. probabilities: float64 (N, C), the columns those of the network's classes."""

    name: str
    labels: tuple[str, ...]
    probabilities: NDArray[np.float64]


def exam_report(
    found: OutOfFold, temperatures: Mapping[int, float], *, seed: int = 0
) -> dict[str, Any] | None:
    """Return the figures by group, ready for JSON; None where groups or the negative class are not known.

    One image a slice counts, each by the network that did not learn from its patient. An exam is a tumour's
    where one of its slices is.
    """
    manifest = found.models[0].manifest
    rows = np.flatnonzero(found.first_of_slice)
    groups = known_groups([found.samples[row].group for row in rows])
    if groups is None or manifest.negative_class is None:
        return None
    probabilities = probabilities_of(found, temperatures)
    of_group: dict[str, list[int]] = defaultdict(list)
    for row, group in zip(rows, groups, strict=True):
        of_group[group].append(int(row))
    exams = [
        Exam(name, tuple(found.samples[row].label for row in own), probabilities[own])
        for name, own in of_group.items()
    ]
    negative = found.class_codes.index(manifest.negative_class)
    tumours, normal = _sides(exams, manifest.negative_class)
    return {
        "exams": len(exams),
        "tumours": len(tumours),
        "normal": len(normal),
        "rules": {name: _of_rule(rule, tumours, normal, negative, seed) for name, rule in _RULES.items()},
        "by_size": _by_size(tumours, normal, negative),
        "key_class": _key_class(tumours, found.class_codes, negative, seed),
    }


def template_report(predictor: Predictor) -> dict[str, Any]:
    """Return what the network and its gate say of a healthy brain without skull, slice by slice (MNI152).

    It is no exam as they come: no slice of the training has lost its skull, so that to refuse it, or to be
    unsure, is right. What is accepted and called a tumour is a false alarm.
    """
    results = predictor.predict(template_slices())
    negative = predictor.manifest.negative_class
    verdicts = [result.gate.verdict if result.gate else "accepted" for result in results]
    called = [
        verdict
        for verdict, result in zip(verdicts, results, strict=True)
        if result.predicted not in (negative, None)
    ]
    return {
        "n": len(results),
        **{name: verdicts.count(name) for name in ("accepted", "uncertain", "refused")},
        "called_a_tumour": len(called),
        "accepted_as_a_tumour": called.count("accepted"),
    }


def template_slices() -> list[NDArray[np.uint8]]:
    """Return the axial slices of the MNI152 template that show enough brain, uint8 (H, W), front up."""
    from inference.demo.anatomy import load_brain

    grey = np.rint(np.clip(load_brain()[0], 0.0, 1.0) * 255).astype(np.uint8)
    slices = [np.ascontiguousarray(np.rot90(grey[:, :, place])) for place in range(grey.shape[2])]
    return [each for each in slices if (each > 0).mean() >= _BRAIN_SHARE]


# Whether an exam is called a tumour's, with the negative class's column.
Rule = Callable[[Exam, int], bool]


def _key_image(exam: Exam, negative: int) -> bool:
    return _key_place(exam, negative)[1] != negative


def _mean_of(few: int) -> Rule:
    def rule(exam: Exam, negative: int) -> bool:
        suspicions = np.sort(1 - exam.probabilities[:, negative])[::-1]
        return bool(suspicions[:few].mean() >= _ALARM)

    return rule


_RULES: Mapping[str, Rule] = {KEY_IMAGE: _key_image, **{f"mean_of_{few}": _mean_of(few) for few in _FEW}}


def _of_rule(
    rule: Rule, tumours: Sequence[Exam], normal: Sequence[Exam], negative: int, seed: int
) -> dict[str, Any]:
    figures = {}
    for name, exams in (("sensitivity", tumours), ("false_alarms", normal)):
        if exams:
            alarms = [rule(exam, negative) for exam in exams]
            figures[name] = {"n": len(exams), **mean_of(alarms, [exam.name for exam in exams], seed=seed)}
    return figures


def _by_size(tumours: Sequence[Exam], normal: Sequence[Exam], negative: int) -> list[dict[str, Any]]:
    """How often each rule raises the alarm, by the number of slices."""
    found = []
    for least, beyond in zip(_SIZES, (*_SIZES[1:], None), strict=True):
        sizes = {"least": least, "most": beyond - 1 if beyond else None}
        for side, exams in (("tumours", tumours), ("normal", normal)):
            own = [exam for exam in exams if least <= len(exam.labels) < (beyond or np.inf)]
            if own:
                alarms = {name: sum(rule(exam, negative) for exam in own) for name, rule in _RULES.items()}
                found.append({**sizes, "side": side, "exams": len(own), "alarms": alarms})
    return found


def _key_class(
    tumours: Sequence[Exam], codes: Sequence[str], negative: int, seed: int
) -> dict[str, Any] | None:
    """Of exams with one kind of tumour: how often the key image's class is that kind."""
    right, names = [], []
    for exam in tumours:
        kinds = set(exam.labels) - {codes[negative]}
        if len(kinds) == 1:
            right.append(codes[_key_place(exam, negative)[1]] in kinds)
            names.append(exam.name)
    return {"n": len(right), **mean_of(right, names, seed=seed)} if right else None


def _key_place(exam: Exam, negative: int) -> tuple[int, int]:
    """The slice that stands for the exam, and its class: as cases take it, by the class's probability, which
    counts below zero where the class is the negative one.
    """
    classes = exam.probabilities.argmax(axis=1)
    confidence = exam.probabilities.max(axis=1)
    place = int(np.where(classes == negative, -confidence, confidence).argmax())
    return place, int(classes[place])


def _sides(exams: Sequence[Exam], negative: str) -> tuple[list[Exam], list[Exam]]:
    normal = [exam for exam in exams if set(exam.labels) == {negative}]
    return [exam for exam in exams if set(exam.labels) != {negative}], normal
