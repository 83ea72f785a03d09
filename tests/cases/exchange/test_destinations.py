"""Which archives the settings may name, and that no secret of theirs is told."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from django.core.management import call_command
from django.core.management.base import SystemCheckError

from cases.exchange import tasks
from cases.exchange.destinations import Destination, DestinationError, destinations_of
from portal.celery import app
from portal.standalone.commands import processes
from portal.standalone.options import Options

ROOT = Path(__file__).resolve().parents[3]


def test_addresses_are_read_with_the_ports_of_their_protocols() -> None:
    entries = [
        " archive = https://pacs.example.org/dicom-web/ ",
        "plain=http://orthanc:8042/dicom-web",
        "mr-pacs=dicom://MR PACS@10.20.0.5",
        "tls=dicoms://TLSPACS@[fd00::5]:2763",
    ]
    found = destinations_of(entries, ["archive=Bearer abc=="])
    assert list(found.values()) == [
        Destination(
            "archive",
            "stow",
            "pacs.example.org",
            443,
            True,
            path="/dicom-web",
            authorisation="Bearer abc==",
        ),
        Destination("plain", "stow", "orthanc", 8042, False, path="/dicom-web"),
        Destination("mr-pacs", "cstore", "10.20.0.5", 104, False, title="MR PACS"),
        Destination("tls", "cstore", "fd00::5", 2763, True, title="TLSPACS"),
    ]
    assert [each.words for each in found.values()] == [
        "archive (STOW-RS, TLS, pacs.example.org)",
        "plain (STOW-RS, orthanc)",
        "mr-pacs (C-STORE, MR PACS, 10.20.0.5)",
        "tls (C-STORE, TLSPACS, TLS, fd00::5)",
    ]
    assert "abc" not in repr(found)


@pytest.mark.parametrize(
    ("entries", "tokens", "words"),
    [
        (["archive"], [], "the address of archive cannot be used"),
        (["Archive=https://a"], [], "a name has 1 to 32 small letters"),
        (["=https://a"], [], "a name has 1 to 32 small letters"),
        (["a=ftp://a"], [], "the address of a cannot be used"),
        (["a=https://"], [], "the address of a cannot be used"),
        (["a=https://h:70000"], [], "the address of a cannot be used"),
        (["a=https://h/?x=1"], [], "the address of a cannot be used"),
        (["a=https://me:secret-word@h"], [], "the address of a cannot be used"),
        (["a=https://secret-word@h"], [], "has an account in its address"),
        (["a=dicom://h:104"], [], "needs an AE title"),
        (["a=dicom://ABCDEFGHIJKLMNOPQ@h"], [], "needs an AE title"),
        (["a=dicom://A@h/path"], [], "needs an AE title of 1 to 16 letters, and no path"),
        (["a=https://h", "a=https://i"], [], "names a twice"),
        (["a=https://h"], ["b=Bearer secret-word"], "has a token for b, which DICOM_DESTINATIONS lacks"),
        (["a=dicom://A@h"], ["a=Bearer secret-word"], "a is reached by C-STORE, which has no tokens"),
        (["a=https://h"], ["a=secret-word"], "write each as NAME=Bearer TOKEN"),
        (["a=https://h"], ["a=Bearer secret-word\r\nX: y"], "write each as NAME=Bearer TOKEN"),
    ],
)
def test_setting_that_cannot_be_used_is_refused_with_what_to_write_and_without_a_secret(
    entries, tokens, words
) -> None:
    with pytest.raises(DestinationError, match=words) as refused:
        destinations_of(entries, tokens)
    assert "secret-word" not in str(refused.value)


def test_setting_that_cannot_be_used_is_said_by_djangos_checks(settings) -> None:
    settings.DICOM_DESTINATIONS = ["archive"]
    with pytest.raises(SystemCheckError, match="the address of archive cannot be used"):
        call_command("check")
    settings.DICOM_DESTINATIONS = ["archive=https://pacs.example.org"]
    call_command("check")


def test_tasks_go_to_a_queue_of_their_own_that_a_worker_listens_to() -> None:
    for task in (tasks.send_waiting, tasks.send_to):
        assert app.amqp.router.route({}, task.name)["queue"].name == "sending"
    command = processes(Options("127.0.0.1", 8000, ROOT, "memory://"))["maintenance"]
    (queues,) = (each for each in command if each.startswith("--queues="))
    assert queues == "--queues=maintenance,sending"
    compose = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    assert "--queues=sending " in compose["services"]["sending"]["command"]
