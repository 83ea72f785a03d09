"""WebP of every kind: our pixels against the values that were written, or those that imagecodecs reads."""

from __future__ import annotations

import io
import itertools
import struct

import imagecodecs
import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from inference.errors import ImageError
from inference.formats import DecodedImage, read_image
from tests.inference.images import grey8

H, W = 40, 48
Picture = NDArray[np.uint8]


def pictures() -> dict[str, Picture]:
    """(H, W, 3): the kinds for which the format has ways of its own."""
    grey = grey8(H, W)
    noise = np.random.default_rng(3).integers(0, 256, (H, W, 3)).astype(np.uint8)
    few = np.array([[9, 8, 200], [250, 3, 40], [0, 0, 0], [255, 255, 255]], np.uint8)
    return {
        "grey": np.stack([grey] * 3, axis=-1),
        "colours": np.stack([grey, grey[::-1], grey[:, ::-1]], axis=-1),
        "few colours": few[grey // 64],
        "noise": noise,
        "black": np.zeros((H, W, 3), np.uint8),
    }


def alphas() -> dict[str, Picture | None]:
    half = np.full((H, W), 255, np.uint8)
    half[:10] = 0
    half[10:20] = 100
    return {"none": None, "half": half, "nothing": np.zeros((H, W), np.uint8)}


def written(colours: Picture, alpha: Picture | None, **options: object) -> bytes:
    values = colours if alpha is None else np.dstack([colours, alpha])
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, "WEBP", **options)
    return stream.getvalue()


def over_black(colours: Picture, alpha: Picture | None) -> Picture:
    if alpha is None or not alpha.any():
        return colours
    return ((colours.astype(int) * alpha[..., None] + 127) // 255).astype(np.uint8)


def shown(data: bytes) -> Picture:
    pixels = np.asarray(read_image(data).pixels, np.uint8)
    return np.stack([pixels] * 3, axis=-1) if pixels.ndim == 2 else pixels


def codes(image: DecodedImage) -> list[str]:
    return [notice.code for notice in image.notices]


def refusal(data: bytes) -> ImageError:
    with pytest.raises(ImageError) as caught:
        read_image(data)
    return caught.value


@pytest.mark.parametrize("name", pictures())
def test_lossless_picture_is_what_was_written(name) -> None:
    colours = pictures()[name]
    for (kind, alpha), (method, quality) in itertools.product(alphas().items(), [(0, 0), (4, 75)]):
        data = written(colours, alpha, lossless=True, method=method, quality=quality, exact=True)
        assert np.array_equal(shown(data), over_black(colours, alpha)), (kind, method, quality)
        assert codes(read_image(data)) == ([] if alpha is None else ["alpha_removed"])


@pytest.mark.parametrize("name", pictures())
def test_lossy_picture_is_what_imagecodecs_reads(name) -> None:
    for (kind, alpha), quality in itertools.product(alphas().items(), (0, 50, 100)):
        data = written(pictures()[name], alpha, quality=quality)
        read = imagecodecs.webp_decode(data)
        expected = over_black(read[..., :3], read[..., 3] if read.shape[-1] == 4 else None)
        assert np.array_equal(shown(data), expected), (kind, quality)


def test_grey_is_read_as_grey() -> None:
    image = read_image(written(pictures()["grey"], None, lossless=True))
    assert (image.colour, image.bit_depth) == ("grey", 8)


def chunk(kind: bytes, content: bytes) -> bytes:
    return kind + struct.pack("<I", len(content)) + content + bytes(len(content) % 2)


def riff(*chunks: bytes) -> bytes:
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


def canvas(flags: int, width: int = W, height: int = H) -> bytes:
    return chunk(b"VP8X", bytes([flags, 0, 0, 0]) + _three(width - 1) + _three(height - 1))


def _three(number: int) -> bytes:
    return number.to_bytes(3, "little")


ANIMATION, EXIF, ALPHA = 0x02, 0x08, 0x10


def frame(colours: Picture, left: int = 0, top: int = 0) -> bytes:
    height, width = colours.shape[:2]
    place = _three(left // 2) + _three(top // 2) + _three(width - 1) + _three(height - 1)
    return chunk(b"ANMF", place + _three(100) + b"\0" + written(colours, None, lossless=True)[12:])


def animation(*frames: bytes) -> bytes:
    return riff(canvas(ANIMATION | ALPHA), chunk(b"ANIM", b"\xff\xff\xff\xff\0\0"), *frames)


def test_animation_is_refused() -> None:
    colours = pictures()["colours"]
    assert refusal(animation(frame(colours), frame(colours[::-1]))).code == "several_frames"


def test_animation_of_one_picture_is_that_picture() -> None:
    colours = pictures()["colours"]
    assert np.array_equal(shown(animation(frame(colours))), colours)


def test_animation_of_one_picture_smaller_than_its_canvas_is_black_around_it() -> None:
    colours = pictures()["colours"]
    expected = np.zeros_like(colours)
    expected[4:36, 2:42] = colours[4:36, 2:42]
    image = read_image(animation(frame(colours[4:36, 2:42].copy(), left=2, top=4)))
    assert np.array_equal(image.pixels, expected)
    assert codes(image) == ["alpha_removed"]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_orientation_turns_the_picture(orientation) -> None:
    turns = [np.fliplr, lambda a: np.rot90(a, 2), np.flipud, lambda a: a.swapaxes(0, 1)]
    turns += [lambda a: np.rot90(a, -1), lambda a: np.rot90(a, 2).swapaxes(0, 1), np.rot90]
    colours, exif = pictures()["colours"], Image.Exif()
    exif[0x0112] = orientation
    image = read_image(written(colours, None, lossless=True, exif=exif))
    assert np.array_equal(image.pixels, turns[orientation - 2](colours))
    assert codes(image) == ["exif_rotated"]


def test_what_stands_beside_the_picture_is_thrown_away() -> None:
    colours = pictures()["colours"]
    data = written(colours, None, lossless=True, icc_profile=b"p" * 3000, xmp=b"x" * 100_000)
    assert np.array_equal(shown(data), colours)
    picture = written(colours, None, lossless=True)[12:]
    assert np.array_equal(shown(riff(canvas(0), chunk(b"JUNK", b"j" * 99), picture)), colours)


def test_canvas_of_another_size_than_its_picture_is_refused() -> None:
    picture = written(pictures()["colours"], None, lossless=True)[12:]
    assert refusal(riff(canvas(0, W + 2, H), picture)).code == "truncated"


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 80}])
def test_picture_that_is_cut_off_is_refused_wherever(options) -> None:
    data = written(pictures()["noise"], None, **options)
    for length in range(12, len(data) - 1, max(1, len(data) // 40)):
        assert refusal(data[:length]).code in ("truncated", "too_small"), length
