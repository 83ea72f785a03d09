"""REST asked by a machine: schemathesis makes requests of the OpenAPI document, valid ones and wrong ones.

No answer may be a fault of ours, or one that the document does not have. Bounded, and the same in each run;
to look further, raise EXAMPLES.
"""

from __future__ import annotations

import copy
import json
import logging
import random
from collections import Counter
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import pytest
import schemathesis
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import close_old_connections, transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from rest_framework.test import APIClient
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cases.exchange.webhooks.hooks import create_webhook, send_test
from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.models import Prediction
from tests.cases.api.support import API
from tests.cast import token_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = [pytest.mark.slow, pytest.mark.long]

# Of each operation, valid ones and wrong ones.
EXAMPLES = 3
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
# Their bodies are DICOM instances and pieces of a file, which nobody makes up.
LEFT_OUT = ["store_instances", "send_piece"]
# So many of the parameters of addresses lead to something that there is.
SHARE_KNOWN = 0.8


@pytest.fixture
def known(reviewed_case, administrator, cohort) -> dict[str, Any]:
    """What there is behind the parameters of addresses."""
    snapshot = ask_for_snapshot(by=administrator, cohort=cohort)
    build_waiting()
    hook = create_webhook(
        by=administrator, cohort=cohort, url="https://hooks.example.org/", events=["case.ready"]
    )
    prediction = Prediction.objects.get(image__case=reviewed_case)
    return {
        "code": reviewed_case.code,
        "cohort_id": str(cohort.pk),
        "webhook_id": str(hook.pk),
        "delivery_id": str(send_test(by=administrator, hook=hook).pk),
        "snapshot_id": str(snapshot.pk),
        "review_id": str(prediction.reviews.get().pk),
        "prediction_id": str(prediction.pk),
        "position": 0,
        "layer": "conv_1",
        "shown_class": "glioma",
        "table": "statements",
        "release": "r5",
    }


@contextmanager
def one_connection() -> Iterator[None]:
    """As Django's own test client has it: a request does not end the connection that the test is in."""
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)
    for signal in (request_started, request_finished):
        signal.connect(close_old_connections)


@pytest.fixture
def document(db) -> dict[str, Any]:
    return json.loads(APIClient().get(f"{API}schema/", headers={"Accept": "application/json"}).content)


def asked(
    document: dict[str, Any], known: dict[str, Any], token: str, only: str | None = None
) -> tuple[Counter[int], list[str]]:
    """How often each status was answered, and what was wrong; whatever a request did is undone."""
    statuses: Counter[int] = Counter()
    wrong: list[str] = []
    chance = random.Random(7)

    def ask(case: Any) -> None:
        for name in case.path_parameters or {}:
            if name in known and chance.random() < SHARE_KNOWN:
                case.path_parameters[name] = known[name]
        with transaction.atomic():
            response = case.call(headers={"Authorization": f"Token {token}"})
            transaction.set_rollback(True)
        statuses[response.status_code] += 1
        try:
            case.validate_response(response, checks=CHECKS)
        except FailureGroup as found:
            wrong.extend(f"{case.operation.label}: {each.message} {each}" for each in found.exceptions)

    with one_connection():
        _ask_all(document, ask, only)
    return statuses, wrong


def _ask_all(document: dict[str, Any], ask: Callable[[Any], None], only: str | None) -> None:
    schema = schemathesis.openapi.from_dict(document).exclude(operation_id=LEFT_OUT)
    schema.app = get_wsgi_application()
    bounded = settings(
        max_examples=EXAMPLES,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    for found in (schema.include(operation_id=only) if only else schema).get_all_operations():
        for mode in GenerationMode:
            strategy = found.ok().as_strategy(generation_mode=mode)
            # Nothing can be wrong where nothing is asked for.
            with suppress(Unsatisfiable):
                bounded(given(case=strategy)(ask))()


def test_no_request_finds_a_fault_or_an_answer_that_the_document_does_not_have(
    document, known, administrator
) -> None:
    statuses, wrong = asked(document, known, token_of(administrator))
    assert wrong == []
    assert {200, 201, 202, 400, 404, 409, 412} <= set(statuses)
    assert statuses[200] > 100


def test_document_that_promises_more_is_found_out(document, known, administrator) -> None:
    token = token_of(administrator)
    assert asked(document, known, token, only="cohorts")[1] == []
    promising = copy.deepcopy(document)
    promising["components"]["schemas"]["Cohort"]["required"].append("colour")
    wrong = asked(promising, known, token, only="cohorts")[1]
    assert "colour" in wrong[0]
