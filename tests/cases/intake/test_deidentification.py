"""Names planted everywhere: none is found in database, storage, logs, audit, pages or REST afterwards."""

from __future__ import annotations

import gzip
import io
import logging

import nibabel as nib
import numpy as np
import pytest
from django.apps import apps
from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.core.files.uploadedfile import SimpleUploadedFile
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import UID

from cases.intake.deidentification import identity_of
from cases.intake.uploads import submit_file
from cases.models import Case, Image, Series
from cases.viewer.images import pixels_of
from inference.formats import Source
from tests.cases.intake.hospital import files, slice_file, slice_pixels, zipped
from tests.cases.intake.test_uploads import stored_files
from tests.inference.dicoms import dataset, in_space, written

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]
NAME, DIGITS, JAPANESE = "ZWACKELMANN", "8675309", "山田"
UPLOAD = "/cases/upload/"


@pytest.fixture(autouse=True)
def own_storage(settings, tmp_path) -> None:
    default = settings.STORAGES["default"]
    own = default | {"OPTIONS": default["OPTIONS"] | {"location": str(tmp_path)}}
    settings.STORAGES = settings.STORAGES | {"default": own}


def planted(z: float = 0) -> bytes:
    """A slice with the name in every kind of element, in unused bits, overlay, preamble, meta, tail."""
    values = slice_pixels(int(z * 10) + 7)
    bits = np.unpackbits(np.frombuffer(NAME.encode() * 200, np.uint8))[: values.size].reshape(values.shape)
    made = dataset(
        (values | (bits.astype(np.uint16) << 14)).astype(np.uint16),
        **in_space((1, 0, 0), (0, 1, 0), (0, 0, z)),
        BitsStored=12,
        HighBit=11,
    )
    made.SpecificCharacterSet = ["", "ISO 2022 IR 87", "ISO 2022 IR 100"]
    for keyword in [
        "PatientName",
        "PatientComments",
        "AccessionNumber",
        "InstitutionName",
        "ReferringPhysicianName",
        "StudyDescription",
        "SeriesDescription",
        "ProtocolName",
        "OperatorsName",
        "StationName",
        "ImageComments",
        "PatientAddress",
        "OtherPatientNames",
        "PhysiciansOfRecord",
        "RequestedProcedureDescription",
        "DerivationDescription",
        "StudyID",
        "DeviceSerialNumber",
    ]:
        setattr(made, keyword, NAME)
    made.OtherPatientNames = [f"{NAME}^{JAPANESE}"]
    made.PatientID, made.PatientBirthDate, made.StudyDate = f"{NAME}-{DIGITS}", "19500203", "20240517"
    made.StudyInstanceUID = f"1.2.3.{DIGITS}.1"
    made.SeriesInstanceUID, made.SOPInstanceUID = f"1.2.3.{DIGITS}.2", f"1.2.3.{DIGITS}.3.{int(z)}"
    made.ImageType = ["ORIGINAL", "PRIMARY", NAME]
    made.BodyPartExamined = NAME
    made.WindowCenter, made.WindowWidth = 1000, 400
    made.WindowCenterWidthExplanation = NAME
    made.EchoTime = int(DIGITS)
    inner = Dataset()
    inner.PatientName = NAME
    made.ReferencedPatientSequence = Sequence([inner])
    block = made.private_block(0x0011, NAME, create=True)
    block.add_new(1, "LO", NAME)
    block.add_new(2, "OB", NAME.encode())
    made.add_new(0x60003000, "OW", NAME.encode() + b"\0")
    made.add_new(0x60000022, "LO", NAME)
    made.add_new(0xFFFCFFFC, "OB", NAME.encode() + b"\0")
    made.file_meta.SourceApplicationEntityTitle = NAME
    made.file_meta.PrivateInformationCreatorUID = UID("1.2.3")
    made.file_meta.PrivateInformation = NAME.encode() + b"\0"
    whole = written(made)
    return NAME.encode().ljust(128, b"\0") + whole[128:] + NAME.encode()


def volume() -> bytes:
    """A packed NIfTI with the name in its description, an extension and the head of the gzip."""
    image = nib.Nifti1Image(np.arange(40 * 44 * 33, dtype=np.uint16).reshape(40, 44, 33), np.eye(4))
    image.header["descrip"], image.header["db_name"] = NAME, NAME[:9]
    image.header.extensions.append(nib.nifti1.Nifti1Extension("comment", NAME.encode()))
    stream = io.BytesIO()
    with gzip.GzipFile(f"{NAME}.nii", "wb", fileobj=stream) as packed:
        packed.write(image.to_bytes())
    return stream.getvalue()


def everything_kept() -> str:
    """Every value of every row of every table, and every stored byte, as text."""
    rows = [str(row) for model in apps.get_models() for row in model._base_manager.values_list()]
    for name in stored_files():
        with default_storage.open(name) as stream:
            rows.append(stream.read().decode("latin-1"))
        rows.append(name)
    return "\n".join(rows)


def assert_names_nobody(text: str) -> None:
    for secret in (NAME, NAME.lower(), DIGITS, JAPANESE, "19500203", "1950-02-03", "20240517", "2024-05-17"):
        assert secret not in text
        assert secret.title() not in text


def test_no_name_is_kept_wherever_it_stood(owner, administrator, cohort, client_of, api_of, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    archive = zipped(
        {
            f"{NAME}/{NAME}_1.dcm": planted(0),
            f"{NAME}/{NAME}_2.dcm": planted(3),
            f"{NAME}/cut.dcm": planted(6)[:-2000],
            f"{NAME}/report.dcm": slice_file(0, Modality="SR", PatientName=NAME),
            f"{NAME}/{NAME}.nii.gz": volume(),
            f"{NAME}/{NAME}.txt": NAME.encode(),
        }
    )
    client_of(owner).post(
        UPLOAD,
        {"cohort": cohort.pk, "grouping": "separate", "files": [SimpleUploadedFile(f"{NAME}.zip", archive)]},
    )
    assert Case.objects.count() == 2
    assert Image.objects.count() == 2 + 33
    assert_names_nobody(everything_kept())
    assert_names_nobody(caplog.text)
    for case in Case.objects.all():
        for address in (f"/cases/{case.code}/", "/cases/", "/dashboard/", f"/cases/{case.code}/base.nii.gz"):
            answer = client_of(administrator).get(address)
            assert answer.status_code == 200
            assert_names_nobody(answer.content.decode("latin-1"))
        assert_names_nobody(api_of(owner).get(f"/api/v1/cases/{case.code}/").content.decode())


def test_refusals_quote_nothing_of_the_file(owner, cohort) -> None:
    for data in (planted()[:3000], slice_file(0, Modality="KO", PatientName=NAME), planted()[:-3500]):
        receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(data))
        assert_names_nobody(f"{receipt.code} {receipt.message}")
    assert stored_files() == set()


def test_pixels_are_those_of_the_bits_that_count(owner, cohort) -> None:
    image = submit_file(by=owner, cohort=cohort, file=ContentFile(planted())).case.images.get()
    assert np.array_equal(pixels_of(image), slice_pixels(7))


def test_what_was_done_is_recorded_with_the_image(owner, cohort) -> None:
    case = submit_file(
        by=owner, cohort=cohort, file=files(slice_file(0, EchoTime=90, StudyDescription="x"))[0]
    ).case
    record = case.images.get().deidentification
    assert record["profile"] == ["113100", "113107"]
    assert record["kept"]["EchoTime"] == 90
    assert record["kept"]["Modality"] == "MR"
    assert record["burned_in"] == "no"
    assert record["removed"] > 10


def test_keys_are_the_same_in_a_cohort_and_others_elsewhere(cohort, other_cohort, settings) -> None:
    source = Source(patient="P1", person="P1 Doe", study="1.2", series="1.3", instance="1.4", date="20240517")
    here = identity_of(source, cohort)
    assert here == identity_of(source, cohort)
    elsewhere = identity_of(source, other_cohort)
    for one, other in ((here.patient, elsewhere.patient), (here.study, elsewhere.study)):
        assert one != other
        assert len(one) == 32
    settings.PSEUDONYM_KEY = "another"
    assert identity_of(source, cohort).patient != here.patient


def test_dates_of_one_patient_move_together_and_of_others_otherwise(cohort) -> None:
    def moved(patient: str, date: str):
        return identity_of(Source(patient=patient, date=date), cohort).acquired_on

    assert (moved("a", "20240517") - moved("a", "20240510")).days == 7
    assert moved("a", "20240517") != moved("b", "20240517")
    assert moved("a", "20240517").year < 2025
    assert moved("a", "") is None
    assert moved("a", "yesterday") is None


def test_series_has_keys_and_a_moved_date(owner, cohort) -> None:
    submit_file(by=owner, cohort=cohort, file=files(slice_file(0, StudyDate="20240517"))[0])
    series = Series.objects.get()
    assert len(series.patient_key) == len(series.study_key) == len(series.series_key) == 32
    assert series.acquired_on.isoformat() != "2024-05-17"
    assert series.modality == "MR"
