"""What an archive's answer means, by STOW-RS and by C-STORE: stored, refused, or to be tried again."""

from __future__ import annotations

import numpy as np
import pytest
from pydicom import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from cases.exchange import cstore_client, stow_client
from cases.exchange.answers import Answer, NotSent, Refused, TryLater
from cases.exchange.destinations import Destination
from tests.cases.exchange.archives import dicomweb, receiver
from tests.inference.dicoms import dataset

STORED, REFUSED, LATER = None, Refused, TryLater


@pytest.fixture(scope="module")
def instances() -> list[Dataset]:
    kind = {"SOPClassUID": SecondaryCaptureImageStorage}
    return [dataset(np.zeros((4, 4), np.uint8), **kind) for _ in range(2)]


def ended(store) -> tuple[type[NotSent] | None, Answer]:
    try:
        return STORED, store()
    except NotSent as failure:
        return type(failure), failure.answer


def test_status_of_dicomweb_says_whether_it_is_tried_again(instances) -> None:
    expected = [
        (200, [], STORED, Answer("stored", 200, instances=2)),
        (202, [], STORED, Answer("stored", 202, instances=2)),
        (202, [0xA900], REFUSED, Answer("instances_failed", 202, {"A900": 1})),
        (202, [0xA700], LATER, Answer("instances_failed", 202, {"A700": 1})),
        (200, [272, 0xA700], LATER, Answer("instances_failed", 200, {"0110": 1, "A700": 1})),
        (202, [0xA700, 0xA900], REFUSED, Answer("instances_failed", 202, {"A700": 1, "A900": 1})),
        (409, [0x0122] * 2, REFUSED, Answer("instances_failed", 409, {"0122": 2})),
        (409, [], REFUSED, Answer("refused", 409)),
        (400, [], REFUSED, Answer("refused", 400)),
        (401, [], REFUSED, Answer("not_authorised", 401)),
        (403, [], REFUSED, Answer("not_authorised", 403)),
        (404, [], REFUSED, Answer("refused", 404)),
        (302, [], REFUSED, Answer("redirected", 302)),
        (408, [], LATER, Answer("busy", 408)),
        (429, [], LATER, Answer("busy", 429)),
        (500, [], LATER, Answer("busy", 500)),
        (503, [], LATER, Answer("busy", 503)),
    ]
    with dicomweb() as archive:
        destination = Destination("archive", "stow", "127.0.0.1", archive.port, is_tls=False)
        for status, failed, kind, answer in expected:
            archive.status, archive.failed = status, failed
            assert ended(lambda: stow_client.store(destination, instances)) == (kind, answer)


def test_status_of_c_store_says_whether_it_is_tried_again(instances) -> None:
    expected = [
        (0x0000, STORED, Answer("stored", 0, instances=2)),
        (0xB000, STORED, Answer("stored", 0, instances=2)),
        (0xA900, REFUSED, Answer("instances_failed", None, {"A900": 2})),
        (0x0122, REFUSED, Answer("instances_failed", None, {"0122": 2})),
        (0xC000, REFUSED, Answer("instances_failed", None, {"C000": 2})),
        (0xA700, LATER, Answer("instances_failed", None, {"A700": 2})),
        (0x0110, LATER, Answer("instances_failed", None, {"0110": 2})),
    ]
    with receiver() as archive:
        destination = Destination("mrpacs", "cstore", "127.0.0.1", archive.port, is_tls=False, title="MRPACS")
        for status, kind, answer in expected:
            archive.status = status
            assert ended(lambda: cstore_client.store(destination, instances)) == (kind, answer)
