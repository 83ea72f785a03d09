"""Orthanc as the archive: it takes what is sent, by both protocols, and has it in the patient's own study."""

from __future__ import annotations

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.fernet import Fernet
from django.core.wsgi import get_wsgi_application
from django.db import connection, connections
from waitress.server import create_server

from cases.exchange.delivery import send_to
from cases.exchange.sendings import choose_rules, send_case
from cases.intake.originals import choose_originals
from cases.intake.uploads import submit_series
from cases.lifecycle import SendingMoment
from cases.models import Case, Sending
from tests.cases.intake.hospital import files, slice_file
from tests.cast import token_of
from tests.support.ports import free_port

ORTHANC = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
PLUG_IN = Path(ORTHANC or "/").parent.parent / "share/orthanc/plugins/libOrthancDicomWeb.so"
pytestmark = [
    pytest.mark.skipif(not PLUG_IN.is_file(), reason="needs Orthanc with its DICOMweb plug-in"),
    pytest.mark.usefixtures("model_version"),
]
STUDY = "1.2.826.0.1.3680043.8.498.7"
ACCOUNT = ("portal", "a-pass-phrase")
BASIC = "Basic cG9ydGFsOmEtcGFzcy1waHJhc2U="
RECTANGLE = {"image": 0, "kind": "rectangle", "x0": 4, "y0": 8, "x1": 20, "y1": 30}


@pytest.fixture
def orthanc(tmp_path, settings) -> Iterator[str]:
    """A running one, named in the settings by both protocols; the address of its own interface."""
    web, dimse = free_port(), free_port()
    setup = {
        "StorageDirectory": str(tmp_path / "db"),
        "IndexDirectory": str(tmp_path / "db"),
        "HttpPort": web,
        "DicomPort": dimse,
        "DicomAet": "ORTHANC",
        "DicomCheckCalledAet": True,
        "AuthenticationEnabled": True,
        "RegisteredUsers": dict([ACCOUNT]),
        "Plugins": [str(PLUG_IN)],
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
    (tmp_path / "setup.json").write_text(json.dumps(setup))
    settings.DICOM_DESTINATIONS = [
        f"web=http://127.0.0.1:{web}/dicom-web",
        f"dimse=dicom://ORTHANC@127.0.0.1:{dimse}",
    ]
    settings.DICOM_DESTINATION_TOKENS = [f"web={BASIC}"]
    settings.ORIGINALS_KEYS = [Fernet.generate_key().decode()]
    with (
        (tmp_path / "log").open("wb") as log,
        subprocess.Popen([str(ORTHANC), str(tmp_path / "setup.json")], stdout=log, stderr=log) as server,
    ):
        try:
            yield started(server, f"http://127.0.0.1:{web}")
        finally:
            server.terminate()


def started(server: subprocess.Popen[bytes], address: str) -> str:
    """Wait until it answers."""
    until = time.monotonic() + 30
    while time.monotonic() < until and server.poll() is None:
        try:
            requests.get(f"{address}/system", auth=ACCOUNT, timeout=2).raise_for_status()
        except requests.RequestException:
            time.sleep(0.1)
        else:
            return address
    raise AssertionError("Orthanc does not answer")


def asked(address: str, path: str) -> Any:
    answer = requests.get(f"{address}{path}", auth=ACCOUNT, timeout=10)
    answer.raise_for_status()
    return answer.json()


def series_by_kind(address: str, study: dict[str, Any]) -> list[str]:
    found = [asked(address, f"/series/{each}")["MainDicomTags"] for each in study["Series"]]
    return sorted(each["Modality"] for each in found)


@pytest.fixture
def reviewed(owner, cohort, colleague, administrator, analyse_as, review_as, orthanc):
    """Have a slice that the archive holds read in a cohort that keeps what names it, or not."""

    def make(*, keeps: bool) -> Case:
        choose_originals(by=administrator, cohort=cohort, keeps=keeps)
        choose_rules(
            by=administrator,
            cohort=cohort,
            moments=dict.fromkeys(("web", "dimse"), SendingMoment.BY_HAND),
        )
        cohort.refresh_from_db()
        data = slice_file(0, StudyInstanceUID=STUDY, PatientID="MRN-90210", PatientName="Doe^Jane")
        requests.post(f"{orthanc}/instances", data=data, auth=ACCOUNT, timeout=10).raise_for_status()
        case = submit_series(by=owner, cohort=cohort, files=files(data))[0].case
        assert case is not None
        analyse_as(case)
        review_as(colleague, case, region=RECTANGLE)
        return Case.objects.select_related("cohort").get(pk=case.pk)

    return make


@pytest.mark.parametrize("first", ["web", "dimse"])
def test_reports_stand_in_the_study_that_the_picture_came_from(
    first, orthanc, reviewed, administrator
) -> None:
    send_case(by=administrator, case=reviewed(keeps=True))
    assert send_to(first) == 1
    (study,) = asked(orthanc, "/studies?expand")
    assert study["MainDicomTags"]["StudyInstanceUID"] == STUDY
    assert study["PatientMainDicomTags"]["PatientID"] == "MRN-90210"
    assert study["PatientMainDicomTags"]["PatientName"] == "Doe^Jane"
    # The picture, its capture, the heat map; the network's report and the reader's.
    assert series_by_kind(orthanc, study) == ["MR", "OT", "OT", "SR", "SR"]
    # The same files by the other way are there already.
    assert send_to("dimse" if first == "web" else "web") == 1
    assert set(Sending.objects.values_list("state", "instances")) == {("sent", 4)}
    assert len(asked(orthanc, "/instances")) == 5
    assert len(asked(orthanc, "/patients")) == 1


def test_cohort_that_keeps_nothing_makes_a_patient_of_the_cases_code(
    orthanc, reviewed, administrator
) -> None:
    case = reviewed(keeps=False)
    send_case(by=administrator, case=case)
    assert (send_to("web"), send_to("dimse")) == (1, 1)
    patients = {each["MainDicomTags"]["PatientID"] for each in asked(orthanc, "/patients?expand")}
    assert patients == {"MRN-90210", case.code}
    assert len(asked(orthanc, "/instances")) == 5


def test_archive_that_does_not_let_us_in_or_knows_another_title_refuses(
    orthanc, reviewed, administrator, settings
) -> None:
    case = reviewed(keeps=False)
    settings.DICOM_DESTINATION_TOKENS = []
    settings.DICOM_DESTINATIONS = [each.replace("ORTHANC@", "OTHER@") for each in settings.DICOM_DESTINATIONS]
    send_case(by=administrator, case=case)
    assert (send_to("web"), send_to("dimse")) == (1, 1)
    told = {each.destination: (each.state, each.answer["code"]) for each in Sending.objects.all()}
    assert told == {"web": ("refused", "not_authorised"), "dimse": ("refused", "association_refused")}


# --- The other way round -------------------------------------------------------------------------


@contextmanager
def served() -> Iterator[str]:
    """The portal at a port of its own, behind the web server of `make run`."""
    portal = get_wsgi_application()

    def one_answer(environ: dict[str, Any], start_response: Any) -> list[bytes]:
        try:
            return list(portal(environ, start_response))
        finally:
            connections.close_all()

    server = create_server(one_answer, host="127.0.0.1", port=free_port(), threads=2)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.effective_port}"
    finally:
        server.trigger.pull_trigger(server.close)
        server.task_dispatcher.shutdown()
        thread.join(10)


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="threads of their own need PostgreSQL")
def test_orthanc_stores_a_series_here_finds_it_and_retrieves_it(orthanc, owner, cohort) -> None:
    for z in (0, 3, 6):
        data = slice_file(z, StudyInstanceUID=STUDY, SeriesInstanceUID=f"{STUDY}.1")
        requests.post(f"{orthanc}/instances", data=data, auth=ACCOUNT, timeout=10).raise_for_status()
    (series,) = asked(orthanc, "/series")
    token = token_of(owner)
    with served() as portal:
        here = {
            "Url": f"{portal}/api/v1/dicomweb/{cohort.pk}/",
            "HttpHeaders": {"Authorization": f"Token {token}"},
        }
        server = f"{orthanc}/dicom-web/servers/portal"
        requests.put(server, json=here, auth=ACCOUNT, timeout=10).raise_for_status()

        def told(act: str, **given: Any) -> Any:
            answer = requests.post(f"{server}/{act}", json=given, auth=ACCOUNT, timeout=30)
            assert answer.status_code == 200, answer.text
            return answer.json()

        assert told("stow", Resources=[series], Synchronous=True)["InstancesCount"] == "3"
        assert Case.objects.get().images.count() == 3
        (study,) = told("qido", Uri="/studies")
        uid = study["0020000D"]["Value"]
        assert told("retrieve", Resources=[{"Study": uid}])["ReceivedInstancesCount"] == "3"
    found = {each["MainDicomTags"]["StudyInstanceUID"] for each in asked(orthanc, "/studies?expand")}
    assert found == {STUDY, uid}
