"""The figures that a manifest carries, for people to read: the command, the admin and the pages share it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# Parts of a figure, not figures of their own.
INSIDE = frozenset({"interval", "per_class", "localisation", "recipe"})


@dataclass(frozen=True)
class ModelFigures:
    """How well a network did on one set of images, with the 95 % interval where the manifest has one.

    where: the set, as the manifest calls it, such as "validation" or "cross_validation distinct".
    """

    where: str
    n: int
    macro_f1: float
    interval: tuple[float, float] | None
    accuracy: float
    ece: float | None

    def __str__(self) -> str:
        between = (
            f" (95 % interval {self.interval[0]:.3f} to {self.interval[1]:.3f})" if self.interval else ""
        )
        error = f", calibration error {self.ece:.3f}" if self.ece is not None else ""
        return (
            f"{self.where}: macro F1 {self.macro_f1:.3f}{between}, accuracy {self.accuracy:.3f}{error}, "
            f"{self.n} images"
        )


def figures_of(manifest: Mapping[str, Any]) -> list[ModelFigures]:
    """Every set of figures under `training.figures`, in the manifest's order; none where it has none."""
    return list(_walk(manifest.get("training", {}).get("figures", {}), ()))


def _walk(node: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[ModelFigures]:
    if path and {"macro_f1", "accuracy", "n"} <= set(node):
        yield _figures(node, " ".join(path))
    for name, child in node.items():
        if isinstance(child, Mapping) and name not in INSIDE:
            yield from _walk(child, (*path, name))


def _figures(node: Mapping[str, Any], where: str) -> ModelFigures:
    interval = node.get("interval", {}).get("macro_f1")
    ece = node.get("ece")
    return ModelFigures(
        where=where,
        n=int(node["n"]),
        macro_f1=float(node["macro_f1"]),
        interval=(float(interval[0]), float(interval[1])) if interval else None,
        accuracy=float(node["accuracy"]),
        ece=float(ece) if ece is not None else None,
    )
