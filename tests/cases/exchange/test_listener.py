"""The receiver of C-STORE, over loopback, with a sender in the same process."""

from __future__ import annotations

import io
import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pydicom
import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import connection
from pydicom.uid import CTImageStorage, MRImageStorage, RTPlanStorage
from pynetdicom import AE, build_context
from pynetdicom.sop_class import Verification

from cases.exchange.listener import BoundedSocket, Listener, listener
from cases.exchange.peers import PeerError, is_from, networks_of, peers_of
from cases.exchange.reception import WORDS
from cases.models import Case, Image
from tests.cases.exchange.archives import dcmtks, self_signed
from tests.cases.intake.hospital import slice_file

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("model_version"),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="threads of their own need PostgreSQL"),
    # Of identifiers that are none; the command keeps them out of its log.
    pytest.mark.filterwarnings("ignore:Invalid value for VR"),
]
TITLE = "SCANNER1"
SUCCESS, NOT_SUPPORTED, DUPLICATE, NO_ROOM, NOT_UNDERSTOOD = 0, 0x0122, 0x0111, 0xA700, 0xC000
CONTEXTS = [build_context(uid) for uid in (Verification, MRImageStorage, CTImageStorage, RTPlanStorage)]


@pytest.fixture
def peer_settings(settings, owner, cohort, tmp_path) -> None:
    media = settings.STORAGES["default"]
    own = media | {"OPTIONS": media.get("OPTIONS", {}) | {"location": str(tmp_path / "media")}}
    settings.STORAGES = settings.STORAGES | {"default": own}
    settings.DICOM_PORT = 0
    settings.DICOM_PEERS = [f"{TITLE}={cohort.pk}={owner.email}"]
    settings.DICOM_PEER_NETWORKS = ["127.0.0.1"]
    settings.DICOM_TIMEOUT_SECONDS = 5


@contextmanager
def serving() -> Iterator[Listener]:
    server = listener()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stop()
        thread.join()


@pytest.fixture
def server(peer_settings: None) -> Iterator[Listener]:
    with serving() as found:
        yield found


def associate(server: Listener, title: str = TITLE, called: str = "SECONDREAD", **options: Any) -> Any:
    sender = AE(ae_title=title)
    sender.acse_timeout = sender.dimse_timeout = 10
    return sender.associate(
        "127.0.0.1", server.server_address[1], contexts=CONTEXTS, ae_title=called, **options
    )


def dataset(data: bytes) -> pydicom.FileDataset:
    return pydicom.dcmread(io.BytesIO(data))


def end(server: Listener) -> None:
    """Wait until every association has ended."""
    for association in server.active_associations:
        association.join(10)
        assert not association.is_alive()


def send(server: Listener, *files: bytes, wait: bool = True) -> list[int]:
    """The statuses of the files, sent in one association that is released."""
    association = associate(server)
    assert association.is_established
    answers = [association.send_c_store(dataset(data)) for data in files]
    association.release()
    if wait:
        end(server)
    assert all(answer.get("ErrorComment", "") == WORDS.get(answer.Status, "") for answer in answers)
    return [answer.Status for answer in answers]


def stored() -> list[Path]:
    return [path for path in Path(default_storage.location, "images").rglob("*") if path.is_file()]


# --- What is taken -------------------------------------------------------------------------------


def test_series_of_one_association_is_one_case_sorted_by_place(server, owner) -> None:
    assert send(server, *(slice_file(z) for z in (6, 0, 3))) == [SUCCESS] * 3
    case = Case.objects.get()
    assert case.created_by == owner
    heights = [image.geometry["position"][2] for image in case.images.order_by("position")]
    assert heights == [0, 3, 6]


def test_echo_is_answered_and_leaves_nothing(server) -> None:
    association = associate(server)
    assert association.send_c_echo().Status == SUCCESS
    association.release()
    end(server)
    assert Case.objects.count() == 0


def test_repeat_succeeds_and_other_pixels_under_its_uid_are_refused(server) -> None:
    first = slice_file(0, SOPInstanceUID="1.2.3")
    other = slice_file(0, seed=99, SOPInstanceUID="1.2.3")
    # In one association, and again in the next.
    assert send(server, first, first, other) == [SUCCESS, SUCCESS, DUPLICATE]
    assert send(server, other, first) == [DUPLICATE, SUCCESS]
    assert Image.objects.count() == 1
    assert len(stored()) == 1


def test_what_is_no_mr_picture_is_refused_and_the_rest_goes_on(server) -> None:
    plan = slice_file(0, SOPClassUID=RTPlanStorage, Modality="RTPLAN", PixelData=None)
    ct = slice_file(0, SOPClassUID=CTImageStorage, Modality="CT")
    cut = slice_file(0, PixelData=b"\0\0")
    assert send(server, plan, ct, cut, slice_file(3)) == [
        NOT_SUPPORTED,
        NOT_SUPPORTED,
        NOT_UNDERSTOOD,
        SUCCESS,
    ]
    assert Image.objects.get().geometry["position"] == [0, 0, 3]


@pytest.mark.parametrize("uid", ["../../etc/passwd", "Doe^Jane", "1..2", "$(id)"])
def test_evil_uid_names_no_file_and_breaks_nothing(server, uid) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        evil = slice_file(0, SOPInstanceUID=uid)
    association = associate(server)
    answer = association.send_c_store(dataset(evil))
    association.release()
    end(server)
    assert answer.Status in (SUCCESS, NOT_UNDERSTOOD)
    assert all(uid not in str(path) for path in stored())
    assert send(server, slice_file(3)) == [SUCCESS]


def test_instances_beyond_the_limits_are_refused_in_words(server, settings) -> None:
    settings.DICOM_MAX_INSTANCES = 2
    settings.UPLOAD_MAX_BYTES = 8000
    big = slice_file(0, ImageComments="x" * 9000)
    assert send(server, big, slice_file(3), slice_file(6)) == [NO_ROOM, SUCCESS, NO_ROOM]
    assert Image.objects.count() == 1


def test_account_without_the_right_stores_nothing(server, owner) -> None:
    owner.memberships.all().delete()
    assert send(server, slice_file(0)) == [0x0124]
    owner.is_active = False
    owner.save()
    assert send(server, slice_file(0)) == [0x0124]
    assert stored() == []


# --- Who is let in -------------------------------------------------------------------------------


@pytest.mark.parametrize(("title", "called", "reason"), [("STRANGER", "SECONDREAD", 3), (TITLE, "OTHER", 7)])
def test_unknown_title_is_rejected(server, title, called, reason) -> None:
    association = associate(server, title, called)
    answer = association.acceptor.primitive
    assert association.is_rejected
    assert (answer.result, answer.result_source, answer.diagnostic) == (1, 1, reason)


def test_wrong_address_is_closed_unheard(peer_settings, settings) -> None:
    settings.DICOM_PEER_NETWORKS = ["10.20.0.0/16"]
    with serving() as server, socket.create_connection(server.server_address, 5) as line:
        assert line.recv(1) == b""


def test_one_association_too_many_is_rejected_for_now(server) -> None:
    server.ae.maximum_associations = 1
    first = associate(server)
    second = associate(server)
    assert second.is_rejected
    assert second.acceptor.primitive.result == 2
    first.release()


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_tls_with_client_certificates_takes_who_has_one_and_waits_for_nobody(
    peer_settings, settings, tmp_path
) -> None:
    certificate, key = self_signed(tmp_path)
    settings.DICOM_TLS_CERTIFICATE, settings.DICOM_TLS_KEY = str(certificate), str(key)
    settings.DICOM_TLS_CA = str(certificate)
    settings.DICOM_TIMEOUT_SECONDS = 2
    known = ssl.create_default_context(cafile=str(certificate))
    unknown = ssl.create_default_context(cafile=str(certificate))
    known.load_cert_chain(certificate, key)
    with serving() as server, socket.create_connection(server.server_address, 5):
        # The silent one has not shaken hands, and the next one need not wait for it.
        association = associate(server, tls_args=(known, "localhost"))
        assert association.send_c_echo().Status == SUCCESS
        association.release()
        assert not associate(server, tls_args=(unknown, "localhost")).is_established


# --- What goes wrong -----------------------------------------------------------------------------


def test_aborted_association_leaves_nothing(server) -> None:
    association = associate(server)
    assert association.send_c_store(dataset(slice_file(0))).Status == SUCCESS
    assert len(stored()) == 1
    association.abort()
    end(server)
    assert (Case.objects.count(), stored()) == (0, [])
    assert send(server, slice_file(0)) == [SUCCESS]


def test_abort_takes_nothing_from_another_association_with_the_same_slices(server) -> None:
    first, second = associate(server), associate(server)
    for association in (first, second):
        assert association.send_c_store(dataset(slice_file(0))).Status == SUCCESS
    first.abort()
    second.release()
    end(server)
    assert default_storage.exists(Image.objects.get().file)


def test_lost_line_leaves_nothing(server) -> None:
    association = associate(server)
    association.send_c_store(dataset(slice_file(0)))
    association.dul.socket.socket.shutdown(socket.SHUT_RDWR)
    end(server)
    assert (Case.objects.count(), stored()) == (0, [])


def test_slow_peer_stops_nobody_and_is_let_go(peer_settings, settings) -> None:
    settings.DICOM_TIMEOUT_SECONDS = 1
    with serving() as server, socket.create_connection(server.server_address, 5) as slow:
        slow.sendall(b"\x01\x00\x00\x00\x10\x00half")
        assert send(server, slice_file(0), wait=False) == [SUCCESS]
        assert slow.recv(100) == b""
        end(server)
        assert Case.objects.count() == 1


def test_stop_cuts_the_line_of_who_has_asked_for_nothing_and_keeps_nobody_waiting(peer_settings) -> None:
    with serving() as server, socket.create_connection(server.server_address, 5) as silent:
        deadline = time.monotonic() + 10
        while not [each for each in server.active_associations if is_awaiting_a_request(each)]:
            assert time.monotonic() < deadline
            time.sleep(0.01)
        server.stop()
        assert silent.recv(100) == b""
        assert server.active_associations == []


def is_awaiting_a_request(association: Any) -> bool:
    return bool(association.dul.state_machine.current_state == "Sta2")


def test_single_bytes_do_not_hold_a_connection(peer_settings, settings) -> None:
    settings.DICOM_TIMEOUT_SECONDS = 0.2
    ours, theirs = socket.socketpair()
    with ours, theirs:
        bounded = BoundedSocket.__new__(BoundedSocket)
        bounded.socket = ours
        theirs.sendall(b"abc")
        assert bounded.recv(3) == b"abc"
        stop = threading.Event()

        def drip() -> None:
            while not stop.wait(0.02):
                theirs.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        with pytest.raises(TimeoutError):
            bounded.recv(1000)
        stop.set()
        thread.join()


def test_peer_that_announces_too_much_is_let_go_before_it_sends(peer_settings, settings) -> None:
    settings.DICOM_TIMEOUT_SECONDS = 0.5
    with serving() as server, socket.create_connection(server.server_address, 5) as line:
        line.sendall(b"\x01\x00\xff\xff\xff\xff")
        assert line.recv(100) == b""
        end(server)


def test_endless_instance_is_cut_off(server, settings) -> None:
    settings.UPLOAD_MAX_BYTES = 1000
    association = associate(server)
    big = dataset(slice_file(0))
    big.PixelData = bytes(3_000_000)
    assert "Status" not in association.send_c_store(big)
    end(server)
    assert stored() == []


def test_name_in_the_header_is_in_no_log(server, capfd) -> None:
    heard = io.StringIO()
    handler = logging.StreamHandler(heard)
    names = ("Zyxwv^Quentin", "QUENTIN-77")
    logging.getLogger().addHandler(handler)
    logging.getLogger("cases").setLevel(logging.DEBUG)
    try:
        named = {"PatientName": names[0], "PatientID": names[1], "SeriesDescription": names[0]}
        sent = [
            slice_file(0, **named),
            slice_file(3, Modality="CT", **named),
            slice_file(6, PixelData=b"", **named),
        ]
        send(server, *sent)
    finally:
        logging.getLogger().removeHandler(handler)
        logging.getLogger("cases").setLevel(logging.NOTSET)
    assert f"{TITLE} sent 3 instances: 1 cases, 2 refused" in heard.getvalue()
    out, err = capfd.readouterr()
    text = (heard.getvalue() + out + err).lower()
    assert all(part.lower() not in text for name in names for part in (name, *name.split("^")))


# --- Settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("entries", "words"),
    [
        (["A=B"], "three parts"),
        (["A=B=C=D"], "three parts"),
        (["A=no-id=x@example.org"], "no id of a cohort"),
        (["A" * 17 + "=6f1c0f5e-9d0b-4b52-a7bb-3b4d0f5e9d0b=x@example.org"], "no AE title"),
        (["A=6f1c0f5e-9d0b-4b52-a7bb-3b4d0f5e9d0b=x@example.org"] * 2, "twice"),
    ],
)
def test_wrong_peer_is_told_with_what_to_write(entries, words) -> None:
    with pytest.raises(PeerError, match=words):
        peers_of(entries)


def test_networks_hold_addresses_of_both_families() -> None:
    networks = networks_of(["10.20.0.0/16", "fd00::/8"])
    assert is_from("10.20.3.4", networks)
    assert is_from("::ffff:10.20.3.4", networks)
    assert is_from("fd00::1", networks)
    assert not is_from("10.21.0.1", networks)
    with pytest.raises(PeerError, match="DICOM_PEER_NETWORKS"):
        networks_of(["10.20.0.1/16"])


def test_command_says_what_is_missing_before_it_listens(peer_settings, settings, monkeypatch) -> None:
    monkeypatch.setattr("cases.management.commands.dicom_listener.be_discreet", lambda: None)
    peers = settings.DICOM_PEERS
    settings.DICOM_PEERS = []
    with pytest.raises(CommandError, match="Nobody may send yet"):
        call_command("dicom_listener")
    settings.DICOM_PEERS = [peers[0].replace("owner", "nobody")]
    with pytest.raises(CommandError, match="no open account"):
        call_command("dicom_listener")
    settings.DICOM_PEERS, settings.DICOM_TLS_CERTIFICATE = peers, "/nowhere.pem"
    with pytest.raises(CommandError, match="DICOM_TLS_CERTIFICATE"):
        call_command("dicom_listener")
    settings.DICOM_TLS_CERTIFICATE = ""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings.DICOM_PORT = taken.getsockname()[1]
        with pytest.raises(CommandError, match="Cannot listen"):
            call_command("dicom_listener")


# --- Another sender ------------------------------------------------------------------------------


@pytest.mark.skipif(dcmtks("storescu") is None, reason="needs storescu of dcmtk")
def test_storescu_of_dcmtk_stores_a_series(server, tmp_path) -> None:
    for z in range(3):
        (tmp_path / f"{z}.dcm").write_bytes(slice_file(z))
    port = str(server.server_address[1])
    command = [
        dcmtks("storescu"),
        "-aet",
        TITLE,
        "-aec",
        "SECONDREAD",
        "+sd",
        "127.0.0.1",
        port,
        str(tmp_path),
    ]
    subprocess.run(command, check=True, timeout=30)
    end(server)
    assert Case.objects.get().images.count() == 3
