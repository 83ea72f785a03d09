"""Sending reviewed cases: to whom, when, how often, and what is written down of it."""

from __future__ import annotations

import logging
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta

import pytest
from django.utils import timezone
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from cases.exchange import deadline, delivery, tasks
from cases.exchange.delivery import due, queue_final, send_to
from cases.exchange.sendings import choose_rules, send_case
from cases.lifecycle import SendingMoment, SendingState, Verdict
from cases.models import AuditEvent, Case, Review, Sending, SendingRule
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from portal.accounts.models import User
from tests.cases.exchange.archives import Archive, dcmtks, dicomweb, receiver, self_signed
from tests.support.ports import free_port

pytestmark = pytest.mark.both_databases
TOKEN = "Bearer not-for-any-eyes"
KINDS = ["Secondary Capture", "Secondary Capture", "Enhanced SR", "Enhanced SR"]


@pytest.fixture
def archive(settings):
    """An archive by STOW-RS, named in the settings as “archive”."""
    with dicomweb() as found:
        settings.DICOM_DESTINATIONS = [f"archive=http://127.0.0.1:{found.port}/dicom-web/"]
        settings.DICOM_DESTINATION_TOKENS = [f"archive={TOKEN}"]
        settings.DICOM_DESTINATION_TIMEOUT_SECONDS = 5
        yield found


@pytest.fixture
def pacs(settings):
    """An archive by C-STORE, named in the settings as “mrpacs”."""
    with receiver() as found:
        _settings_of(settings, found)
        yield found


def _settings_of(settings, found: Archive) -> None:
    settings.DICOM_DESTINATIONS = [f"mrpacs=dicom://MRPACS@127.0.0.1:{found.port}"]
    settings.DICOM_DESTINATION_TIMEOUT_SECONDS = 5


@pytest.fixture
def rule(administrator, cohort):
    def set_rule(name: str = "archive", moment: SendingMoment = SendingMoment.FINAL) -> SendingRule:
        choose_rules(by=administrator, cohort=cohort, moments={name: moment})
        return SendingRule.objects.get(cohort=cohort, destination=name)

    return set_rule


@pytest.fixture
def another_reviewed(submit, analyse_as, review_as, colleague) -> Case:
    case: Case = submit(seed=3)
    analyse_as(case)
    review_as(colleague, case)
    return Case.objects.select_related("cohort").get(pk=case.pk)


def told(sending: Sending) -> tuple:
    sending.refresh_from_db()
    return sending.state, sending.attempts, sending.instances, sending.answer


def put_ahead() -> None:
    """Make due what waits."""
    Sending.objects.filter(state="waiting").update(next_at=timezone.now() - timedelta(seconds=1))


def kinds_of(archive: Archive) -> list[str]:
    return [" ".join(each.SOPClassUID.name.split()[:2]) for each in archive.instances]


def predecessors(report: Dataset) -> list[str]:
    return [
        instance.ReferencedSOPInstanceUID
        for study in report.get("PredecessorDocumentsSequence", [])
        for series in study.ReferencedSeriesSequence
        for instance in series.ReferencedSOPSequence
    ]


def amend(reader: User, case: Case, final_class: str) -> Review:
    review = Review.objects.get(case=case, reader=reader, amended_by__isnull=True)
    read = ReadInput(final_class, 5, "", verdict=Verdict.DISAGREE)
    return amend_review(by=reader, review=review, read=read, reason="Second look")


# --- When ----------------------------------------------------------------------------------------


def test_final_review_is_sent_by_itself_once_and_written_down(
    archive, rule, ready_case, colleague, review_as
) -> None:
    rule()
    assert (queue_final(), due()) == (0, [])
    review_as(colleague, ready_case, corrected="meningioma")
    assert (queue_final(), queue_final()) == (1, 0)
    assert due() == ["archive"]
    assert send_to("archive") == 1
    sending = Sending.objects.get()
    assert told(sending) == ("sent", 1, 4, {"code": "stored", "status": 200})
    assert (sending.asked_by, sending.ended_at is not None, sending.token) == (None, True, None)
    assert kinds_of(archive) == KINDS
    ((path, headers),) = archive.requests
    assert (path, headers["Authorization"]) == ("/dicom-web/studies", TOKEN)
    events = AuditEvent.objects.filter(action__startswith="case.sending").order_by("at")
    assert [(each.action, each.actor, each.subject) for each in events] == [
        ("case.sending_asked", None, str(ready_case.pk)),
        ("case.sending_sent", None, str(ready_case.pk)),
    ]
    assert events[1].details == {"destination": "archive", "attempts": 1, "instances": 4, "code": "stored"}
    assert (queue_final(), due(), send_to("archive")) == (0, [], 0)


def test_amendment_is_sent_as_a_new_version_of_the_report(archive, rule, reviewed_case, colleague) -> None:
    rule()
    amend(colleague, reviewed_case, "pituitary")
    assert queue_final() == 1
    send_to("archive")
    amend(colleague, reviewed_case, "notumor")
    assert queue_final() == 1
    send_to("archive")
    assert [told(each)[0] for each in Sending.objects.all()] == ["sent", "sent"]
    first, second = archive.instances[:4], archive.instances[4:]
    same = [one.SOPInstanceUID == other.SOPInstanceUID for one, other in zip(first, second, strict=True)]
    assert same == [True, True, True, False]
    assert predecessors(second[3]) == [first[3].SOPInstanceUID]


@pytest.mark.parametrize("change", [{"state": "closed"}, {"is_simulated": True}, {"is_quarantined": True}])
def test_case_that_is_no_plain_reviewed_one_is_not_sent_by_itself(
    change, archive, rule, ready_case, colleague, review_as
) -> None:
    rule()
    review_as(colleague, ready_case)
    Case.objects.filter(pk=ready_case.pk).update(**change)
    assert queue_final() == 0


def test_what_was_final_before_the_rule_or_in_a_cohort_without_one_is_not_sent_by_itself(
    archive, rule, reviewed_case, another_reviewed
) -> None:
    assert queue_final() == 0
    rule()
    assert queue_final() == 0
    rule(moment=SendingMoment.BY_HAND)
    SendingRule.objects.update(since=timezone.now() - timedelta(days=1))
    assert queue_final() == 0
    assert Sending.objects.count() == 0


def test_statement_that_was_on_its_way_while_one_looked_is_found_by_the_next_look(
    archive, rule, ready_case, colleague, review_as
) -> None:
    found = rule()
    SendingRule.objects.filter(pk=found.pk).update(since=timezone.now() - timedelta(hours=1))
    review_as(colleague, ready_case)
    SendingRule.objects.filter(pk=found.pk).update(looked_at=timezone.now() + timedelta(minutes=5))
    assert queue_final() == 1


# --- By C-STORE ----------------------------------------------------------------------------------


def test_case_is_sent_by_c_store_in_one_association(pacs, rule, reviewed_case, administrator) -> None:
    rule("mrpacs", SendingMoment.BY_HAND)
    (sending,) = send_case(by=administrator, case=reviewed_case)
    assert send_to("mrpacs") == 1
    assert told(sending) == ("sent", 1, 4, {"code": "stored", "status": 0})
    assert {title for title, _ in pacs.requests} == {"SECONDREAD"}
    assert [each.PatientID for each in pacs.instances] == [reviewed_case.code] * 4
    assert AuditEvent.objects.get(action="case.sending_sent").actor == administrator


def test_receiver_that_takes_no_reports_or_another_title_refuses(
    settings, rule, reviewed_case, administrator
) -> None:
    with receiver(kinds=(SecondaryCaptureImageStorage,)) as found:
        _settings_of(settings, found)
        rule("mrpacs")
        (sending,) = send_case(by=administrator, case=reviewed_case)
        send_to("mrpacs")
        assert told(sending) == ("refused", 1, 0, {"code": "kinds_refused"})
        assert found.instances == []
        settings.DICOM_DESTINATIONS = [f"mrpacs=dicom://OTHER@127.0.0.1:{found.port}"]
        (sending,) = send_case(by=administrator, case=reviewed_case)
        send_to("mrpacs")
        assert told(sending) == ("refused", 1, 0, {"code": "association_refused"})


# --- What an archive by STOW-RS answers ----------------------------------------------------------


def test_redirect_is_not_followed_and_the_token_goes_nowhere_else(
    archive, rule, reviewed_case, administrator
) -> None:
    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    with dicomweb() as elsewhere:
        archive.status = 307
        archive.headers = {"Location": f"http://127.0.0.1:{elsewhere.port}/studies"}
        send_to("archive")
        assert elsewhere.requests == []
    assert told(sending) == ("refused", 1, 0, {"code": "redirected", "status": 307})


@pytest.mark.parametrize("body", [b"", b"<html>Mrs Miller</html>", b"[1]", b'{"00081198": {"Value": [7]}}'])
def test_words_of_an_archive_are_kept_nowhere(
    body, archive, rule, reviewed_case, administrator, caplog
) -> None:
    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    archive.body = body
    with caplog.at_level(logging.DEBUG):
        send_to("archive")
    assert told(sending) == ("sent", 1, 4, {"code": "stored", "status": 200})
    assert "Miller" not in caplog.text
    assert "not-for-any-eyes" not in caplog.text


# --- Retries -------------------------------------------------------------------------------------


def test_archive_that_does_not_answer_is_tried_again_after_ever_longer_and_given_up(
    settings, rule, reviewed_case, administrator
) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        settings.DICOM_DESTINATIONS = [
            f"archive=http://127.0.0.1:{nobody.getsockname()[1]}",
            f"mrpacs=dicom://MRPACS@127.0.0.1:{nobody.getsockname()[1]}",
        ]
        for name in ("archive", "mrpacs"):
            rule(name)
        for sending in send_case(by=administrator, case=reviewed_case):
            pauses = []
            for _ in range(8):
                put_ahead()
                began = timezone.now()
                assert send_to(sending.destination) == 0
                sending.refresh_from_db()
                assert sending.next_at is not None
                pauses.append(round((sending.next_at - began).total_seconds() / 60))
            assert pauses == [1, 2, 4, 8, 16, 32, 60, 60]
            assert told(sending)[:2] == ("waiting", 8)
            assert sending.answer == {"code": "unreachable"}
            Sending.objects.filter(pk=sending.pk).update(created_at=timezone.now() - timedelta(hours=73))
            put_ahead()
            send_to(sending.destination)
            assert told(sending)[:2] == ("given_up", 9)
            assert (
                AuditEvent.objects.filter(action="case.sending_given_up").latest("at").details["attempts"]
                == 9
            )


def test_dead_archive_is_asked_once_a_round_and_holds_up_no_other(
    settings, archive, rule, reviewed_case, another_reviewed, administrator
) -> None:
    settings.DICOM_DESTINATIONS = [*settings.DICOM_DESTINATIONS, "dead=http://127.0.0.1:9"]
    rule()
    rule("dead")
    for case in (reviewed_case, another_reviewed):
        send_case(by=administrator, case=case)
    assert due() == ["archive", "dead"]
    assert (send_to("dead"), send_to("archive")) == (0, 2)
    dead = Sending.objects.filter(destination="dead").order_by("attempts")
    # The second one waits as long as the first, though it was not tried.
    assert [each.attempts for each in dead] == [0, 1]
    assert dead[0].next_at == dead[1].next_at
    assert due() == []


def test_case_that_an_archive_cannot_take_keeps_no_other_waiting(
    archive, rule, reviewed_case, another_reviewed, administrator
) -> None:
    rule()
    (first,) = send_case(by=administrator, case=reviewed_case)
    archive.status = 500
    assert send_to("archive") == 1
    (second,) = send_case(by=administrator, case=another_reviewed)
    put_ahead()
    archive.status = 200
    assert send_to("archive") == 2
    # The newer one went first.
    assert list(Sending.objects.order_by("ended_at")) == [second, first]
    assert [told(each)[:2] for each in (second, first)] == [("sent", 1), ("sent", 2)]


def test_sending_left_by_a_dead_worker_is_taken_again_when_its_time_is_over(
    archive, rule, reviewed_case, administrator
) -> None:
    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    left = delivery._take("archive")
    assert left is not None
    assert (due(), send_to("archive")) == ([], 0)
    put_ahead()
    assert send_to("archive") == 1
    assert told(sending)[:2] == ("sent", 2)
    # Should the other one live after all: what it says changes nothing any more.
    delivery._end(left, SendingState.REFUSED, delivery.Answer("refused"))
    assert told(sending)[0] == "sent"


def test_failure_of_ours_is_tried_again_and_its_words_are_not_logged(
    archive, rule, reviewed_case, administrator, monkeypatch, caplog
) -> None:
    def fail(*_arguments):
        raise ValueError("Mrs Miller")

    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    monkeypatch.setattr("cases.exchange.stow_client.store", fail)
    assert send_to("archive") == 1
    assert told(sending) == ("waiting", 1, 0, {"code": "failed"})
    assert f"Sending {sending.pk} failed: ValueError" in caplog.text
    assert "Miller" not in caplog.text


@pytest.mark.parametrize("change", [{"is_quarantined": True}, {"state": "open"}])
def test_case_that_may_not_be_sent_any_more_is_not(
    change, archive, rule, reviewed_case, administrator
) -> None:
    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    Case.objects.filter(pk=reviewed_case.pk).update(**change)
    send_to("archive")
    assert told(sending) == ("refused", 1, 0, {"code": "withheld"})
    assert archive.requests == []


def test_destination_that_is_gone_refuses_and_settings_that_cannot_be_used_wait(
    archive, rule, reviewed_case, administrator, settings, caplog
) -> None:
    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    settings.DICOM_DESTINATION_CA = "/nowhere/ca.pem"
    settings.DICOM_DESTINATIONS = ["archive=https://127.0.0.1:9"]
    assert send_to("archive") == 0
    assert told(sending) == ("waiting", 1, 0, {"code": "settings"})
    put_ahead()
    settings.DICOM_DESTINATIONS = ["archive"]
    assert send_to("archive") == 0
    assert told(sending)[:2] == ("waiting", 1)
    assert "Write each as NAME=https://HOST" in caplog.text
    settings.DICOM_DESTINATIONS, settings.DICOM_DESTINATION_TOKENS = [], []
    assert send_to("archive") == 1
    assert told(sending) == ("refused", 2, 0, {"code": "unknown_destination"})


def test_beat_wakes_a_task_up_for_each_destination(
    archive, rule, reviewed_case, administrator, monkeypatch
) -> None:
    woken: list[tuple[str, ...]] = []
    monkeypatch.setattr(tasks.send_to, "apply_async", lambda args, **_options: woken.append(args))
    rule()
    send_case(by=administrator, case=reviewed_case)
    tasks.send_waiting()
    assert woken == [("archive",)]
    tasks.send_to(*woken[0])
    assert Sending.objects.get().state == "sent"


# --- Other archives ------------------------------------------------------------------------------


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_archive_with_a_certificate_is_believed_where_its_ca_is_named(
    settings, rule, reviewed_case, administrator, tmp_path
) -> None:
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with dicomweb(context) as web, receiver(ssl_context=context) as pacs:
        settings.DICOM_DESTINATIONS = [
            f"archive=https://localhost:{web.port}",
            f"mrpacs=dicoms://MRPACS@localhost:{pacs.port}",
        ]
        settings.DICOM_DESTINATION_TIMEOUT_SECONDS = 5
        rule()
        rule("mrpacs")
        by_name = {each.destination: each for each in send_case(by=administrator, case=reviewed_case)}
        assert (send_to("archive"), send_to("mrpacs")) == (1, 0)
        assert told(by_name["archive"]) == ("refused", 1, 0, {"code": "certificate"})
        assert told(by_name["mrpacs"]) == ("waiting", 1, 0, {"code": "unreachable"})
        assert (web.requests, pacs.requests) == ([], [])
        settings.DICOM_DESTINATION_CA = str(certificate)
        put_ahead()
        send_case(by=administrator, case=reviewed_case)
        assert (send_to("archive"), send_to("mrpacs")) == (1, 1)
        assert (len(web.instances), len(pacs.instances)) == (4, 4)


def test_archive_that_says_a_byte_now_and_then_is_ended(
    settings, rule, reviewed_case, administrator, monkeypatch
) -> None:
    monkeypatch.setattr(deadline, "MOST_SECONDS", 0.3)
    with dripping() as port:
        settings.DICOM_DESTINATIONS = [f"archive=http://127.0.0.1:{port}"]
        rule()
        (sending,) = send_case(by=administrator, case=reviewed_case)
        assert send_to("archive") == 0
    assert told(sending) == ("waiting", 1, 0, {"code": "unreachable"})


def test_answer_that_breaks_off_counts_for_nothing(archive, rule, reviewed_case, administrator) -> None:
    rule()
    (sending,) = send_case(by=administrator, case=reviewed_case)
    archive.headers = {"Content-Length": "1000"}
    send_to("archive")
    assert told(sending) == ("waiting", 1, 0, {"code": "broken_off"})


@contextmanager
def dripping() -> Iterator[int]:
    """A server whose answer never comes to an end, though no byte of it is late."""
    over = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip() -> None:
            line, _ = server.accept()
            with line, suppress(OSError):
                line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
                while not over.wait(0.05):
                    line.sendall(b"x")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            yield server.getsockname()[1]
        finally:
            over.set()
            thread.join()


def wait_until_open(port: int, server: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + 10
    while server.poll() is None and time.monotonic() < until:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
            return
        time.sleep(0.05)


@pytest.mark.skipif(dcmtks("storescp") is None, reason="needs storescp of dcmtk")
def test_storescp_of_dcmtk_takes_a_case(settings, rule, reviewed_case, administrator, tmp_path) -> None:
    port = free_port()
    command = [str(dcmtks("storescp")), "-aet", "MRPACS", "-od", str(tmp_path), str(port)]
    with subprocess.Popen(command) as server:
        try:
            wait_until_open(port, server)
            settings.DICOM_DESTINATIONS = [f"mrpacs=dicom://MRPACS@127.0.0.1:{port}"]
            rule("mrpacs")
            send_case(by=administrator, case=reviewed_case)
            assert send_to("mrpacs") == 1
        finally:
            server.terminate()
    assert len(list(tmp_path.iterdir())) == 4
