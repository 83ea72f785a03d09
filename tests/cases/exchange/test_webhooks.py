"""Webhooks: written with the fact, signed, sent to allowed machines alone, tried again, kept apart, and sent
once more.
"""

from __future__ import annotations

import json
import re
import shutil
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils import timezone

from cases.exchange.webhooks import addresses, delivering, hooks, sending
from cases.exchange.webhooks.delivering import TRIES, WAITS, deliver_due, forget_old
from cases.exchange.webhooks.signing import secret_of
from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.lifecycle import HookEvent, Verdict
from cases.models import AuditEvent, Membership, Webhook, WebhookDelivery
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from tests.cases.exchange.test_listener import self_signed

ROOT = Path(__file__).resolve().parents[3]
PAGE = "/dashboard/webhooks/"
ALL = list(HookEvent.values)


class Receiver(ThreadingHTTPServer):
    """The other side: keeps what came, and answers as told."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.location = ""
        self.silence: threading.Event | None = None
        self.url = f"http://127.0.0.1:{self.server_port}/hook"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """The other end hung up, as it may."""


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        if self.server.silence:
            self.server.silence.wait(5)
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@contextmanager
def receiving(secured: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    server = Receiver()
    if secured:
        server.socket = secured.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield server
    finally:
        if server.silence:
            server.silence.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    settings.WEBHOOK_PRIVATE_NETWORKS, settings.WEBHOOK_ALLOW_HTTP = ["127.0.0.0/8"], True
    with receiving() as server:
        yield server


@pytest.fixture
def hook(receiver, administrator, cohort) -> Webhook:
    return hooks.create_webhook(by=administrator, cohort=cohort, url=receiver.url, events=ALL)


def told(hook: Webhook) -> list[tuple[str, dict[str, Any]]]:
    rows = hook.deliveries.order_by("created_at")
    return [(row.event, {key: row.data[key] for key in row.data if key != "cohort"}) for row in rows]


def make_due(hook: Webhook, delivery: WebhookDelivery | None = None) -> None:
    """As if the next try's time had come."""
    now = timezone.now()
    Webhook.objects.filter(pk=hook.pk).update(not_before=None)
    hook.deliveries.filter(**({"pk": delivery.pk} if delivery else {})).update(due_at=now)


# --- What is told --------------------------------------------------------------------------------


@pytest.mark.both_databases
def test_events_are_written_with_their_facts_and_say_nothing_that_was_found(
    hook, cohort, submit_many, submit, analyse_as, fail_as, review_as, colleague
) -> None:
    series = submit_many(2)
    analyse_as(series, position=0)
    assert told(hook) == []  # the other image is still to be analysed
    analyse_as(series, position=1)
    broken = submit(seed=9)
    fail_as(broken)
    review = review_as(colleague, series, corrected="meningioma", comment="Broad base.")
    read = ReadInput("pituitary", 5, verdict=Verdict.DISAGREE)
    amended = amend_review(by=colleague, review=review, read=read, reason="Again.")
    snapshot = ask_for_snapshot(by=hook.created_by, cohort=cohort)
    build_waiting()
    assert told(hook) == [
        ("case.ready", {"case": series.code}),
        ("case.failed", {"case": broken.code}),
        ("review.final", {"case": series.code, "review": str(review.pk), "remark": False}),
        ("review.amended", {"case": series.code, "review": str(amended.pk), "remark": amended.is_remark}),
        ("snapshot.ready", {"snapshot": str(snapshot.pk)}),
    ]
    assert {row.data["cohort"] for row in hook.deliveries.all()} == {str(cohort.pk)}


def test_event_whose_fact_is_undone_is_not_there(hook, ready_case, colleague, review_as) -> None:
    before = hook.deliveries.count()
    with transaction.atomic():
        review_as(colleague, ready_case)
        assert hook.deliveries.count() == before + 1
        transaction.set_rollback(True)
    assert hook.deliveries.count() == before


def test_events_of_a_blinded_case_name_no_class_no_verdict_and_no_network(
    hook, receiver, blinded, submitted_case, analyse_as, commit_as, review_as, colleague
) -> None:
    analyse_as(submitted_case, predicted="glioma", probability=0.7331)
    commit_as(colleague, submitted_case, "pituitary")
    review_as(colleague, submitted_case, corrected="meningioma")
    assert deliver_due() == 2
    sent = b" ".join(body for _, _, body in receiver.got).decode()
    assert [json.loads(body)["type"] for _, _, body in receiver.got] == ["case.ready", "review.final"]
    for word in ("glioma", "pituitary", "meningioma", "disagree", "0.73", "test-cnn", "colleague"):
        assert word not in sent


def test_only_the_chosen_events_of_the_own_cohort_are_written(
    hook, administrator, other_cohort, ready_case, cohort
) -> None:
    Webhook.objects.filter(pk=hook.pk).update(cohort=other_cohort)
    chosen = hooks.create_webhook(
        by=administrator, cohort=cohort, url="https://a.example.org/", events=["case.failed"]
    )
    assert told(chosen) == []
    assert Webhook.objects.get(pk=hook.pk).deliveries.exclude(data__case=ready_case.code).count() == 0


# --- How it is sent ------------------------------------------------------------------------------


def documented_check() -> Any:
    page = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"^```python\n(import base64.*?)^```$", page, re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {}
    exec(block, names)
    return names["is_from_secondread"]


def test_request_is_signed_as_the_documented_check_wants_it(hook, receiver) -> None:
    hooks.send_test(by=hook.created_by, hook=hook)
    assert deliver_due() == 1
    ((path, headers, body),) = receiver.got
    delivery = hook.deliveries.get()
    assert (path, headers["webhook-id"]) == ("/hook", str(delivery.pk))
    assert json.loads(body) == {
        "type": "test",
        "timestamp": delivery.created_at.isoformat(),
        "data": {"cohort": str(hook.cohort_id)},
    }
    lower = {name.lower(): value for name, value in headers.items()}
    check, secret = documented_check(), secret_of(hook)
    assert check(secret, lower, body)
    assert not check(secret, lower, body + b" ")
    assert not check(secret, lower | {"webhook-timestamp": str(int(lower["webhook-timestamp"]) - 1)}, body)
    assert not check(secret, lower, body, tolerance=-1)
    assert (delivery.state, delivery.attempts, delivery.answer_status) == ("delivered", 1, 204)
    assert deliver_due() == 0


def test_renewed_secret_signs_beside_the_one_before_for_a_day(hook, receiver, administrator) -> None:
    old = secret_of(hook)
    hook = hooks.renew_secret(by=administrator, hook=hook)
    check, new = documented_check(), secret_of(hook)
    assert new != old

    def sent() -> tuple[dict[str, str], bytes]:
        hooks.send_test(by=administrator, hook=hook)
        deliver_due()
        _, headers, body = receiver.got[-1]
        return {name.lower(): value for name, value in headers.items()}, body

    assert [check(secret, *sent()) for secret in (old, new)] == [True, True]
    Webhook.objects.update(secret_since=timezone.now() - timedelta(days=1, seconds=1))
    assert [check(secret, *sent()) for secret in (old, new)] == [False, True]


def test_failing_address_is_tried_eight_times_over_a_day_then_paused_and_its_owner_told(
    hook, receiver, administrator, django_capture_on_commit_callbacks
) -> None:
    receiver.status = 500
    delivery = hooks.send_test(by=administrator, hook=hook)
    began = timezone.now()
    assert TRIES == 8
    assert timedelta(hours=24) <= sum(WAITS, timedelta()) <= timedelta(hours=25)
    for attempt, wait in enumerate(WAITS, start=1):
        assert deliver_due() == 1
        delivery.refresh_from_db()
        assert (delivery.attempts, delivery.state, delivery.answer_status) == (attempt, "waiting", 500)
        assert wait <= delivery.due_at - began <= wait + timedelta(seconds=60)
        assert deliver_due() == 0
        make_due(hook)
    hook.refresh_from_db()
    assert hook.paused_at is None
    Webhook.objects.update(failing_since=began - timedelta(hours=24))
    with django_capture_on_commit_callbacks(execute=True):
        assert deliver_due() == 1
    delivery.refresh_from_db()
    hook.refresh_from_db()
    assert (delivery.state, delivery.attempts) == ("failed", 8)
    assert hook.paused_at is not None
    (sent,) = mail.outbox
    assert sent.to == [administrator.email]
    assert sent.subject == "A webhook of “North” is paused"
    assert receiver.url in sent.body
    assert AuditEvent.objects.get(action="webhook.paused").actor is None


def test_paused_address_is_left_alone_and_gets_what_waited_when_it_goes_on(
    hook, receiver, administrator, submit, analyse_as
) -> None:
    hooks.pause(by=administrator, hook=hook)
    case = submit(seed=3)
    analyse_as(case)
    assert (deliver_due(), receiver.got) == (0, [])
    hooks.resume(by=administrator, hook=hook)
    assert deliver_due() == 1
    assert json.loads(receiver.got[0][2])["data"]["case"] == case.code


def test_address_that_is_gone_is_paused_at_once_and_tells_who_administers_now(
    hook, receiver, administrator, make_person, cohort, django_capture_on_commit_callbacks
) -> None:
    heir = make_person("heir", cohort, "administrator")
    Membership.objects.filter(user=administrator).delete()
    receiver.status = 410
    WebhookDelivery.objects.create(webhook=hook, event="test")
    with django_capture_on_commit_callbacks(execute=True):
        deliver_due()
    hook.refresh_from_db()
    assert hook.paused_at is not None
    assert [sent.to for sent in mail.outbox] == [[heir.email]]


def test_success_after_failures_forgets_them(hook, receiver, administrator) -> None:
    hooks.send_test(by=administrator, hook=hook)
    receiver.status = 503
    deliver_due()
    hook.refresh_from_db()
    assert hook.failing_since is not None
    receiver.status = 200
    make_due(hook)
    deliver_due()
    hook.refresh_from_db()
    assert (hook.failing_since, hook.not_before) == (None, None)


def test_failure_leaves_the_rest_of_the_address_for_later_and_in_order(hook, receiver, administrator) -> None:
    first, second = (hooks.send_test(by=administrator, hook=hook) for _ in range(2))
    receiver.status = 500
    assert deliver_due() == 1
    receiver.status = 200
    make_due(hook)
    assert deliver_due() == 2
    ids = [headers["webhook-id"] for _, headers, _ in receiver.got]
    assert ids == [str(first.pk), str(first.pk), str(second.pk)]


def test_slow_address_keeps_no_other_waiting_and_is_ended_in_time(
    hook, receiver, administrator, cohort, monkeypatch
) -> None:
    monkeypatch.setattr("cases.exchange.webhooks.delivering.ROUND_SECONDS", 0.3)
    receiver.silence = threading.Event()
    hooks.send_test(by=administrator, hook=hook)
    with receiving() as quick:
        other = hooks.create_webhook(by=administrator, cohort=cohort, url=quick.url, events=ALL)
        hooks.send_test(by=administrator, hook=other)
        began = timezone.now()
        assert deliver_due() == 2
        assert timezone.now() - began < timedelta(seconds=3)
    assert (other.deliveries.get().state, hook.deliveries.get().failure) == ("delivered", "timeout")


def test_replay_sends_the_same_event_under_its_id(hook, receiver, administrator) -> None:
    delivery = hooks.send_test(by=administrator, hook=hook)
    deliver_due()
    hooks.send_again(by=administrator, hook=hook, delivery_id=delivery.pk)
    assert deliver_due() == 1
    (_, first, one), (_, again, two) = receiver.got
    assert (first["webhook-id"], one) == (again["webhook-id"], two)
    assert AuditEvent.objects.get(action="webhook.replayed").details == {"delivery": str(delivery.pk)}


def test_long_queue_of_one_address_keeps_no_other_waiting(
    hook, receiver, administrator, cohort, monkeypatch
) -> None:
    monkeypatch.setattr(delivering, "BATCH", 1)
    waiting = [hooks.send_test(by=administrator, hook=hook) for _ in range(3)]
    other = hooks.create_webhook(by=administrator, cohort=cohort, url=f"{receiver.url}/b", events=ALL)
    hooks.send_test(by=administrator, hook=other)
    assert deliver_due() == 2
    assert sorted(path for path, _, _ in receiver.got) == ["/hook", "/hook/b"]
    assert [deliver_due() for _ in range(3)] == [1, 1, 0]
    sent = [headers["webhook-id"] for path, headers, _ in receiver.got if path == "/hook"]
    assert sent == [str(each.pk) for each in waiting]


def test_event_whose_sender_broke_down_holds_no_other_up_and_is_sent_by_a_later_round(
    hook, receiver, administrator, cohort, monkeypatch
) -> None:
    other = hooks.create_webhook(by=administrator, cohort=cohort, url=f"{receiver.url}/b", events=ALL)
    deliveries = [hooks.send_test(by=administrator, hook=each) for each in (hook, other)]
    well = delivering._send
    with monkeypatch.context() as broken:
        broken.setattr(
            delivering, "_send", lambda url, *rest: 1 / 0 if url == receiver.url else well(url, *rest)
        )
        assert deliver_due() == 1
    assert [path for path, _, _ in receiver.got] == ["/hook/b"]
    assert deliver_due() == 0
    make_due(hook, deliveries[0])
    assert deliver_due() == 1


def test_old_deliveries_are_forgotten_and_new_ones_kept(hook, administrator) -> None:
    old, new = (hooks.send_test(by=administrator, hook=hook) for _ in range(2))
    WebhookDelivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(days=31))
    assert forget_old() == 1
    assert list(hook.deliveries.all()) == [new]


# --- Where it may lead ---------------------------------------------------------------------------

PRIVATE = (
    "127.0.0.1",
    "10.1.2.3",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "0.0.0.0",
    "224.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "fe80::1",
    "fec0::1",
    "fc00::1",
    "ff02::1",
    "::ffff:10.0.0.1",
    "64:ff9b::a00:1",
    "2002:a00:1::",
)


@pytest.mark.parametrize("text", PRIVATE)
def test_machine_that_is_not_on_the_internet_is_refused(text) -> None:
    assert not addresses.is_allowed(ip_address(text))


def test_machines_of_the_internet_and_of_allowed_networks_are_not(settings) -> None:
    assert addresses.is_allowed(ip_address("93.184.216.34"))
    assert addresses.is_allowed(ip_address("2606:2800:220:1::1"))
    settings.WEBHOOK_PRIVATE_NETWORKS = ["10.0.0.0/8", "fd00::/8"]
    assert addresses.is_allowed(ip_address("10.9.9.9"))
    assert addresses.is_allowed(ip_address("::ffff:10.9.9.9"))
    assert addresses.is_allowed(ip_address("fd00::7"))
    assert not addresses.is_allowed(ip_address("192.168.1.1"))


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://hooks.example.org/", "must begin with https://"),
        ("ftp://hooks.example.org/", "must begin with https://"),
        ("hooks.example.org", "Give an address such as"),
        ("https://", "Give an address such as"),
        ("https://a b.example.org/", "Give an address such as"),
        ("https://hooks.example.org:99999/", "Give an address such as"),
        ("https://[::1/", "Give an address such as"),
        ("https://a..b/", "Give an address such as"),
        ("https://name:word@hooks.example.org/", "Leave out names"),
        ("https://public.example\\@10.0.0.1/", "Leave out names"),
        ("https://hooks.example.org/#a", "Leave out names"),
        ("https://10.0.0.1/", "not allowed here"),
        ("https://[::ffff:127.0.0.1]/", "not allowed here"),
        ("https://hooks.example.org/" + "a" * 500, "Give an address such as"),
    ],
)
def test_address_that_cannot_be_is_refused_with_what_to_do(url, words) -> None:
    with pytest.raises(ValidationError, match=re.escape(words)):
        addresses.checked_url(url)


def test_address_is_stored_in_ascii() -> None:
    assert addresses.checked_url(" https://Klinik-Süd.example/ä?b=ü ") == (
        "https://xn--klinik-sd-x9a.example/%C3%A4?b=%C3%BC"
    )
    assert addresses.checked_url("https://a.example:8443") == "https://a.example:8443/"


def test_name_that_leads_into_the_house_is_refused_after_it_was_looked_up(monkeypatch) -> None:
    asked = []

    def answer(host: str, port: int, **_: Any) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    monkeypatch.setattr(socket.socket, "connect", lambda *_: pytest.fail("connected"))
    assert sending.post("https://hooks.example.org/", b"", {}).failure == "address_refused"
    assert asked == ["hooks.example.org"]


def test_name_that_means_another_machine_a_moment_later_changes_nothing(receiver, monkeypatch) -> None:
    """Rebinding: the first answer is allowed, all others lead elsewhere."""
    answers = iter(["127.0.0.1"])

    def answer(host: str, port: int, **_: Any) -> list[Any]:
        place = next(answers, "169.254.169.254")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (place, port))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    url = receiver.url.replace("127.0.0.1", "hooks.example.org")
    assert sending.post(url, b"{}", {}) == sending.Answer(204)
    assert receiver.got[0][1]["Host"] == f"hooks.example.org:{receiver.server_port}"
    assert sending.post(url, b"{}", {}).failure == "address_refused"
    assert len(receiver.got) == 1


def test_redirect_is_not_followed(receiver) -> None:
    receiver.status, receiver.location = 302, receiver.url
    answer = sending.post(receiver.url, b"{}", {})
    assert (answer.status, answer.is_taken, len(receiver.got)) == (302, False, 1)


def test_what_goes_wrong_on_the_way_has_a_code(receiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    assert sending.post(f"http://127.0.0.1:{port}/", b"", {}).failure == "no_answer"
    assert sending.post("http://nowhere.invalid/", b"", {}).failure == "unknown_host"
    assert sending.post(receiver.url.replace("http:", "https:"), b"", {}).failure in ("tls", "no_answer")


def test_answer_that_drips_is_ended_in_time(settings) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1"]
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            line, _ = listening.accept()
            with line:
                line.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.02):
                    try:
                        line.sendall(b"X-A: b\r\n")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        answer = sending.post(f"http://127.0.0.1:{listening.getsockname()[1]}/", b"", {}, seconds=0.2)
        stop.set()
        thread.join()
    assert answer.failure == "timeout"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl for a certificate")
def test_certificate_has_to_be_known_and_of_that_name(settings, tmp_path, monkeypatch) -> None:
    settings.WEBHOOK_PRIVATE_NETWORKS = ["127.0.0.1"]
    certificate, key = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with receiving(context) as server:
        url = f"https://localhost:{server.server_port}/hook"
        assert sending.post(url, b"{}", {}).failure == "tls"
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert sending.post(url, b"{}", {}) == sending.Answer(204)
        assert sending.post(url.replace("localhost", "127.0.0.1"), b"{}", {}).failure == "tls"


# --- The pages -----------------------------------------------------------------------------------


def test_administrator_makes_changes_tries_and_removes_a_webhook(
    administrator, cohort, receiver, client_of
) -> None:
    client = client_of(administrator)
    assert "Nobody yet." in client.get(PAGE).content.decode()
    given = {"cohort": str(cohort.pk), "url": receiver.url, "events": ["case.ready"]}
    made = client.post(PAGE, given)
    hook = Webhook.objects.get()
    assert (made.status_code, hook.events, hook.created_by) == (200, ["case.ready"], administrator)
    assert secret_of(hook) in made.content.decode()
    page = f"{PAGE}{hook.pk}/"
    assert secret_of(hook) not in client.get(page).content.decode()
    assert receiver.url in client.get(PAGE).content.decode()
    assert client.post(page, given | {"events": ["review.final"]}).status_code == 302
    assert client.post(f"{page}test/").status_code == 302
    deliver_due()
    assert "204" in client.get(page).content.decode()
    delivery = hook.deliveries.get()
    assert client.post(f"{page}again/", {"delivery": str(delivery.pk)}).status_code == 302
    assert deliver_due() == 1
    renewed = client.post(f"{page}secret/").content.decode()
    hook.refresh_from_db()
    assert (hook.events, secret_of(hook) in renewed) == (["review.final"], True)
    client.post(f"{page}pause/")
    assert "Nothing is sent while it is paused" in client.get(page).content.decode()
    client.post(f"{page}resume/")
    assert client.post(f"{page}remove/")["Location"] == f"{PAGE}?cohort={cohort.pk}"
    assert Webhook.objects.count() == 0
    acts = AuditEvent.objects.filter(action__startswith="webhook.").order_by("at")
    assert [event.action.removeprefix("webhook.") for event in acts] == [
        *("created", "changed", "tested", "replayed", "secret_renewed", "paused", "resumed", "removed")
    ]


def test_form_that_cannot_be_says_why_and_changes_nothing(hook, administrator, cohort, client_of) -> None:
    client = client_of(administrator)
    good = {"cohort": str(cohort.pk), "url": "https://b.example.org/", "events": ["case.ready"]}
    for wrong, words in (
        ({"url": hook.url}, "This address has a webhook already."),
        ({"url": "https://10.0.0.1/"}, "not allowed here"),
        ({"events": []}, "Choose at least one event."),
        ({"events": ["case.lost"]}, "case.lost"),
    ):
        answer = client.post(PAGE, good | wrong)
        assert (answer.status_code, words in answer.content.decode()) == (422, True), words
    taken = hooks.create_webhook(by=administrator, cohort=cohort, url="https://c.example.org/", events=ALL)
    answer = client.post(f"{PAGE}{taken.pk}/", good | {"url": hook.url})
    assert (answer.status_code, Webhook.objects.count()) == (422, 2)
    assert client.post(f"{PAGE}{hook.pk}/again/", {"delivery": "x"}).status_code == 404
    assert client.post(f"{PAGE}{hook.pk}/dance/").status_code == 404


def test_nobody_else_sees_or_touches_a_webhook(hook, colleague, exporter, stranger, client_of) -> None:
    page = f"{PAGE}{hook.pk}/"
    for person, status in ((colleague, 403), (exporter, 403), (stranger, 404)):
        client = client_of(person)
        assert client.get(page).status_code == status
        assert client.post(f"{page}remove/").status_code == status
        assert client.post(f"{page}secret/").status_code == status
    hook.refresh_from_db()
    assert hook.secret_number == 1


def test_cohort_has_only_so_many_webhooks(administrator, cohort, monkeypatch) -> None:
    monkeypatch.setattr(hooks, "MOST", 1)
    hooks.create_webhook(by=administrator, cohort=cohort, url="https://a.example.org/", events=ALL)
    with pytest.raises(ValidationError, match="at most 1 webhooks"):
        hooks.create_webhook(by=administrator, cohort=cohort, url="https://b.example.org/", events=ALL)
