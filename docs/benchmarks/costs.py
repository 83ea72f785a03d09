"""What an act costs: milliseconds by the clock, and of the processor, which other programs lengthen less."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image as PillowImage
from scipy.ndimage import gaussian_filter

from docs.benchmarks.figures import Figure

SIDE = 512
SMOOTH = 6.0
# What prototype.py hands over; named here for those who do without TensorFlow.
MAPS, OVERLAYS = "the prototype's way to the maps, an image", "the prototype's way to overlays, an image"


@dataclass
class Cost:
    """Milliseconds, round by round. processor: of this process, all of its threads together."""

    clock: list[float] = field(default_factory=list)
    processor: list[float] = field(default_factory=list)

    @contextmanager
    def round(self, share: int = 1) -> Iterator[None]:
        """Time the block. share: how many it was done for; each is told its part."""
        began, worked = time.perf_counter(), time.process_time()
        yield
        self.clock.append((time.perf_counter() - began) * 1000 / share)
        self.processor.append((time.process_time() - worked) * 1000 / share)

    @property
    def clock_ms(self) -> float:
        """The median by the clock."""
        return median(self.clock)

    @property
    def processor_ms(self) -> float:
        """The median of the processor."""
        return median(self.processor)

    def figures(self, what: str) -> list[Figure]:
        """Both, as lines of the table."""
        n = len(self.clock)
        return [
            Figure(f"{what}, processor", self.processor_ms, "ms", n),
            Figure(f"{what}, clock", self.clock_ms, "ms", n),
        ]


def in_turns(ways: Mapping[str, tuple[Callable[[], object], int]], rounds: int) -> dict[str, Cost]:
    """Time the ways in turns, so that what else the machine does meets all. A first round warms up.

    ways: by name, what to do, and for how many it is done at once.
    """
    spent = {name: Cost() for name in ways}
    for number in range(rounds + 1):
        for name, (act, share) in ways.items():
            with (spent[name] if number else Cost()).round(share):
                act()
    return spent


def picture(rng: np.random.Generator) -> bytes:
    """Return a PNG of smooth noise, which compresses about as well as a slice."""
    noise = gaussian_filter(rng.normal(size=(SIDE, SIDE)), SMOOTH)
    grey = (noise - noise.min()) / (noise.max() - noise.min()) * 255
    stream = io.BytesIO()
    PillowImage.fromarray(grey.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def percentile(values: Iterable[float], share: float) -> float:
    """Return the value that this share of all does not exceed."""
    return float(np.quantile(list(values), share))


class Peak:
    """How many megabytes a process comes to hold at the most, over what it holds when this is made."""

    def __init__(self, process: int) -> None:
        self._process = process
        # The peak counts from here (proc(5), clear_refs).
        Path(f"/proc/{process}/clear_refs").write_text("5")
        self._before = memory(process, "VmRSS")

    @property
    def grown(self) -> float:
        """Until now."""
        return memory(self._process, "VmHWM") - self._before


def memory(process: int, name: str) -> float:
    """Megabytes, of /proc: VmRSS as it is now, VmHWM at the most."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024
