"""One simulated series as a hospital would send it: DICOM, 12 bits, compressed, in a zip, in no order.

The names in it are made up as well, so that the demonstration shows what becomes of them.
"""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import JPEGLSLossless, MRImageStorage, generate_uid

from inference.demo.anatomy import Head, cut
from inference.demo.lesions import Lesion, draw
from inference.demo.scanner import Scanner, acquire, twelve_bit
from inference.demo.script import Script, Series
from inference.formats import Pixels

SERIES = Series("axial", 8, 4, 12, Lesion("meningioma", -54, 12, 15), 30)
NAME = "series-dicom.zip"
# In mm, of every plane of it.
_FIELD = next(SERIES.scripts()).plane.field_of_view
_SIZE, _SEED = 160, 1520
# Zip's own first day, so that the same script makes the same file.
_DATE = (1980, 1, 1, 0, 0, 0)


def write(out: Path, head: Head) -> None:
    """Write the series as one archive."""
    slices = [
        (script.plane.offset, slice_of(head, script, place))
        for place, script in enumerate(SERIES.scripts(), start=1)
    ]
    order = np.random.default_rng(_SEED).permutation(len(slices))
    with zipfile.ZipFile(out / NAME, "w") as archive:
        for number, at in enumerate(order, start=1):
            height, pixels = slices[at]
            entry = zipfile.ZipInfo(f"DICOM/IM{number:04d}", _DATE)
            archive.writestr(entry, _dicom(pixels, height, number))


def slice_of(head: Head, script: Script, place: int) -> Pixels:
    """uint16 (160, 160): one slice with the patient's right on the left; one head, one scanner, own noise."""
    of_head, of_lesion, of_coil = (np.random.default_rng([_SEED, part]) for part in range(3))
    noise = np.random.default_rng([_SEED, 3, place])
    image = draw(cut(head, script.plane, _SIZE, of_head), script.lesion, of_lesion)
    # The cut is seen from above: its columns grow to the patient's right.
    return twelve_bit(np.ascontiguousarray(acquire(image, Scanner(1.1, 0.1, 0.015), of_coil, noise)[:, ::-1]))


def _dicom(pixels: Pixels, height: float, number: int) -> bytes:
    made = FileDataset("", {}, file_meta=FileMetaDataset(), preamble=bytes(128))
    made.SOPClassUID = MRImageStorage
    made.SOPInstanceUID = generate_uid(entropy_srcs=["secondread", "demo", str(height)])
    made.StudyInstanceUID = generate_uid(entropy_srcs=["secondread", "demo", "study"])
    made.SeriesInstanceUID = generate_uid(entropy_srcs=["secondread", "demo", "series"])
    made.PatientName, made.PatientID = "Simulated^Head", "SIM-0152"
    made.PatientBirthDate, made.StudyDate = "19520101", "20240229"
    made.Modality, made.BodyPartExamined, made.BurnedInAnnotation = "MR", "BRAIN", "NO"
    made.ImageType = ["DERIVED", "PRIMARY", "M"]
    made.InstanceNumber = number
    made.PixelSpacing = [_FIELD / (_SIZE - 1)] * 2
    made.SliceThickness, made.SpacingBetweenSlices = SERIES.spacing, SERIES.spacing
    made.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    made.ImagePositionPatient = [-_FIELD / 2, -(_FIELD / 2 - 18), height]
    made.EchoTime, made.RepetitionTime, made.MagneticFieldStrength = 10, 600, 3
    made.Rows, made.Columns = pixels.shape
    made.SamplesPerPixel, made.PhotometricInterpretation = 1, "MONOCHROME2"
    made.BitsAllocated, made.BitsStored, made.HighBit, made.PixelRepresentation = 16, 12, 11, 0
    made.WindowCenter, made.WindowWidth = 1800, 3200
    made.compress(JPEGLSLossless, pixels, generate_instance_uid=False)
    stream = io.BytesIO()
    made.save_as(stream, enforce_file_format=True)
    return stream.getvalue()
