"""DICOM images: every transfer syntax that pydicom and its permissive plug-ins decode, one frame or many."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from inference.formats.base import DecodedImage, ImageFormat, Limits, Notice
from inference.formats.dicom.recognition import has_preamble, is_dicom
from inference.formats.pillow import every_failure_is_an_image_error, several_frames

__all__ = ["FORMAT", "has_preamble"]


def _decode(data: bytes, limits: Limits) -> DecodedImage:
    return next(_decode_all(data, replace(limits, max_images=1)))


def _decode_all(data: bytes, limits: Limits) -> Iterator[DecodedImage]:
    from inference.formats.dicom import frames, reading  # pydicom: for those who send one

    notices: list[Notice] = []
    with every_failure_is_an_image_error("DICOM", notices):
        dataset = reading.dataset_of(data, limits)
        count = reading.checked_frames(dataset, limits)
        if limits.max_images == 1 and count > 1:
            raise several_frames("DICOM")
        decoding = frames.decoded(dataset, count, limits)
    while True:
        # Whoever takes the images may take long over each: the lock is not held meanwhile.
        with every_failure_is_an_image_error("DICOM", notices):
            image = next(decoding, None)
        if image is None:
            return
        yield replace(image, notices=(*image.notices, *dict.fromkeys(notices)))


FORMAT = ImageFormat("dicom", "DICOM", is_dicom, _decode, _decode_all)
