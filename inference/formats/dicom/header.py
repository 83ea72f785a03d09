"""Reading values of a dataset, frame by frame where functional groups hold them (PS3.3, C.7.6.16)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from pydicom.dataset import Dataset


@dataclass(frozen=True)
class Header:
    """The header of one frame: its own functional groups, those that all share, then the dataset."""

    dataset: Dataset
    frame: int

    def get(self, keyword: str, group: str = "") -> Any:
        """The value; None where there is none, or none that can be read."""
        value = self.in_group(keyword, group) if group else None
        return _value(self.dataset, keyword) if value is None else value

    def in_group(self, keyword: str, group: str) -> Any:
        """The value in a functional group, of the frame or shared; None where there is none."""
        for item in self._groups():
            inside = _value(item, group)
            if inside and (value := _value(inside[0], keyword)) is not None:
                return value
        return None

    def number(self, keyword: str, group: str = "") -> float | None:
        """The first number; None where there is none."""
        numbers = self.numbers(keyword, group)
        return numbers[0] if numbers else None

    def numbers(self, keyword: str, group: str = "") -> list[float]:
        """All of the value, where each is a number."""
        value = self.get(keyword, group)
        if value is None or value == "" or isinstance(value, bytes):
            return []
        try:
            values = (
                [float(value)] if isinstance(value, str | int | float) else [float(each) for each in value]
            )
        except (TypeError, ValueError, OverflowError):
            return []
        return values if all(map(math.isfinite, values)) else []

    def text(self, keyword: str, group: str = "") -> str:
        """The value as one line of text."""
        value = self.get(keyword, group)
        return "" if value is None else str(value).strip()

    def words(self, keyword: str, group: str = "") -> list[str]:
        """The value as upper-case words, as coded strings are."""
        value = self.get(keyword, group)
        if value is None or value == "":
            return []
        values = [value] if isinstance(value, str) else value
        try:
            return [str(each).strip().upper() for each in values]
        except TypeError:
            return []

    def _groups(self) -> list[Dataset]:
        own = _value(self.dataset, "PerFrameFunctionalGroupsSequence") or []
        shared = _value(self.dataset, "SharedFunctionalGroupsSequence") or []
        return [*own[self.frame : self.frame + 1], *shared[:1]]


def _value(dataset: Dataset, keyword: str) -> Any:
    try:
        return dataset.get(keyword)
    except Exception:  # noqa: BLE001 - on broken values pydicom raises whatever its conversions raise
        return None
