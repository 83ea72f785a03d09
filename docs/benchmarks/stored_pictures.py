"""What a stored picture costs to read: through the decoder that guards against strangers, and as our own.

    python docs/benchmarks/stored_pictures.py [SIDE] [OTHERS]

For pictures of SIDE (512) pixels a side: `decode_canonical` against the upload's decoder, which it went
through before, with one thread, with two (which gain where two processors are idle), and with one while
OTHERS (2) uploads are decoded beside it; and `base.png` from the stored bytes against decoding and encoding
them again. Milliseconds a picture (median of the rounds, ways taken in turns) and the ratio of the old way
to ours.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np
from PIL import Image

from docs.benchmarks.figures import Figure, arguments, hand_over
from inference.canonical import decode_canonical, encode_canonical, verify_canonical
from inference.formats import DecodedImage, Limits, Pixels, png, read_image
from inference.heatmaps import base_png

SLICE = Path(__file__).resolve().parents[2] / "cases" / "demo" / "series-1-06.jpg"
PICTURES, ROUNDS = 8, 15
NO_LIMITS = Limits(max_bytes=sys.maxsize, max_pixels=sys.maxsize, min_side=1)

Way = Callable[[bytes], object]


def as_a_strangers(data: bytes) -> Pixels:
    """The way until now."""
    return png.FORMAT.decode(data, NO_LIMITS).pixels


def drawn_again(data: bytes) -> bytes:
    """`base.png` until now."""
    return base_png(as_a_strangers(data), "rgb")


def as_stored(data: bytes) -> bytes:
    """`base.png` of 8 bits."""
    verify_canonical(data)
    return data


def pictures(side: int) -> dict[str, bytes]:
    """A slice in each kind that is stored. The last bits of 16 are noise, as a scanner's are."""
    grey = Image.fromarray(read_image(SLICE.read_bytes()).pixels).resize(
        (side, side), Image.Resampling.BICUBIC
    )
    values, noise = np.asarray(grey), np.random.default_rng(0).integers(0, 16, (side, side), np.uint16)
    kinds: dict[str, Pixels] = {
        "grey, 8 bits": values,
        "grey, 16 bits": values.astype(np.uint16) * np.uint16(16) + noise,
        "RGB": np.stack([values, values, 255 - values], axis=-1),
    }
    return {kind: encode_canonical(DecodedImage(pixels, "png")) for kind, pixels in kinds.items()}


@contextmanager
def uploads(data: bytes, count: int) -> Iterator[None]:
    """`count` threads that decode uploads, one after the other."""
    over = threading.Event()

    def decode() -> None:
        while not over.is_set():
            read_image(data)

    with ThreadPoolExecutor(max(1, count)) as threads:
        for _ in range(count):
            threads.submit(decode)
        try:
            yield
        finally:
            over.set()


def compared(old: Way, ours: Way, data: bytes, threads: int, others: int = 0) -> tuple[float, float]:
    """Milliseconds a picture of both ways."""
    spent: dict[Way, list[float]] = {old: [], ours: []}
    with ThreadPoolExecutor(threads) as pool, uploads(data, others):
        for round_ in range(ROUNDS + 1):
            for way, times in spent.items():
                started = time.perf_counter()
                list(pool.map(way, [data] * PICTURES))
                if round_:
                    times.append((time.perf_counter() - started) / PICTURES * 1000)
    return median(spent[old]), median(spent[ours])


def main() -> None:
    """Measure and print."""
    parser = arguments(__doc__)
    parser.add_argument("side", nargs="?", type=int, default=512)
    parser.add_argument("others", nargs="?", type=int, default=2)
    asked = parser.parse_args()
    figures = []
    for kind, data in pictures(asked.side).items():
        lines = {
            "one thread": compared(as_a_strangers, decode_canonical, data, 1),
            "two threads": compared(as_a_strangers, decode_canonical, data, 2),
            f"beside {asked.others} uploads": compared(
                as_a_strangers, decode_canonical, data, 1, asked.others
            ),
        }
        if "16" not in kind:
            lines["base.png"] = compared(drawn_again, as_stored, data, 1)
        for what, (old, ours) in lines.items():
            figures += [
                Figure(f"{kind}, {what}: a picture", ours, "ms", ROUNDS),
                Figure(f"{kind}, {what}: the old way over ours", old / ours, "times", ROUNDS),
            ]
    hand_over(figures, asked.json)


if __name__ == "__main__":
    main()
