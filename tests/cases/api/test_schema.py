"""The OpenAPI document: complete, without a warning, and true of what the API answers."""

import io
import json
import re
from pathlib import Path

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from drf_spectacular.generators import SchemaGenerator
from jsonschema import Draft202012Validator, FormatChecker
from rest_framework.test import APIClient

from cases.api import urls
from cases.api.reviewed_case import ReviewedCaseSerializer
from cases.api.views.document import _document
from cases.export.rows import COLUMNS
from cases.models import Prediction
from tests.cases.api.support import API
from tests.cast import make_png_bytes

CHECKED_IN = Path(__file__).resolve().parents[3] / "docs" / "openapi.yaml"


@pytest.fixture
def document(db) -> dict:
    response = APIClient().get(f"{API}schema/", headers={"Accept": "application/json"})
    assert response.status_code == 200
    return json.loads(response.content)


def assert_conforms(document: dict, response, operation_id: str) -> None:
    """Status, media type and body of `response` stand in the document for this operation."""
    (operation,) = (
        operation
        for path in document["paths"].values()
        for operation in path.values()
        if operation["operationId"] == operation_id
    )
    media_type = response["Content-Type"].split(";")[0]
    shape = operation["responses"][str(response.status_code)]["content"][media_type]["schema"]
    validator = Draft202012Validator(
        shape | {"components": document["components"]}, format_checker=FormatChecker()
    )
    body = json.loads(response.content)
    validator.validate(body)
    target = shape.get("$ref") or shape["items"]["$ref"]
    described = document["components"]["schemas"][target.rsplit("/", 1)[1]]["properties"]
    for entry in body if isinstance(body, list) else [body]:
        assert set(entry) <= set(described), "the answer has members that the document does not know"


def test_document_is_valid_and_made_without_a_warning() -> None:
    out = io.StringIO()
    call_command("spectacular", "--validate", "--fail-on-warn", stdout=out)
    assert out.getvalue().startswith("openapi: 3.1.0")


def test_document_is_put_together_once_whoever_asks_for_whatever_version(db, monkeypatch) -> None:
    made: list[object] = []
    build = SchemaGenerator.get_schema

    def counted(self, *asked, **named):
        made.append(self)
        return build(self, *asked, **named)

    monkeypatch.setattr(SchemaGenerator, "get_schema", counted)
    _document.cache_clear()
    for kind, form in (("application/json", "json"), ("application/vnd.oai.openapi", "yaml")):
        answers = [
            APIClient().get(f"{API}schema/{query}", headers={"Accept": kind})
            for query in ("", "?version=9", "?lang=en", "?lang=xx")
        ]
        assert {answer.content for answer in answers} == {answers[0].content}
        assert answers[0]["Content-Type"].partition(";")[0] == kind
        assert answers[0]["Content-Disposition"] == f'inline; filename="SecondRead REST API.{form}"'
    assert len(made) == 2
    APIClient().get(f"{API}schema/?lang=de", headers={"Accept": "application/json"})
    assert len(made) == 3


def test_document_that_is_checked_in_is_that_of_the_code(tmp_path) -> None:
    """`python manage.py spectacular --file docs/openapi.yaml` renews it: see what changed for clients."""
    made = tmp_path / "openapi.yaml"
    call_command("spectacular", file=str(made))
    assert made.read_text(encoding="utf-8") == CHECKED_IN.read_text(encoding="utf-8")


def test_document_is_public_and_has_every_address_but_its_own(document) -> None:
    served = {
        "/api/v1/" + re.sub(r"<\w+:(\w+)>", r"{\1}", str(entry.pattern))
        for entry in urls.urlpatterns
        if entry.name not in ("schema", "docs", "unknown")
    }
    assert set(document["paths"]) == served


def test_document_says_how_to_sign_in(document) -> None:
    schemes = document["components"]["securitySchemes"]
    assert schemes["knoxApiToken"]["name"] == "Authorization"
    assert "Token" in schemes["knoxApiToken"]["description"]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            public = path in ("/api/v1/", "/api/v1/problems/")
            assert ({"knoxApiToken": []} in operation.get("security", [])) is not public
            assert ("401" in operation["responses"]) is not public


def test_document_knows_all_formats_and_filters_of_the_export(document) -> None:
    operation = document["paths"]["/api/v1/reviewed-cases/"]["get"]
    assert set(operation["responses"]["200"]["content"]) == {
        "application/json",
        "text/csv",
        "application/x-ndjson",
    }
    assert {entry["name"] for entry in operation["parameters"] if entry["in"] == "query"} == {
        "format",
        "since",
        "until",
        "class",
        "verdict",
        "cohort",
        "cursor",
        "page_size",
    }
    assert set(operation["responses"]["200"]["headers"]) == {"X-Research-Use", "Content-Disposition"}
    assert tuple(ReviewedCaseSerializer().fields) == COLUMNS


def test_answers_to_readers_conform_to_the_document(document, reviewed_case, colleague, api_of) -> None:
    client = api_of(colleague)
    assert_conforms(document, client.get(API), "index")
    assert_conforms(document, client.get(f"{API}problems/"), "problems")
    assert_conforms(document, client.get(f"{API}cohorts/"), "cohorts")
    assert_conforms(document, client.get(f"{API}cases/"), "cases")
    assert_conforms(document, client.get(f"{API}cases/", {"state": "lost"}), "cases")
    assert_conforms(document, client.get(f"{API}cases/{reviewed_case.code}/"), "case")
    assert_conforms(document, client.post(f"{API}cases/{reviewed_case.code}/retry/"), "retry")
    said = {"prediction": str(Prediction.objects.get().pk), "verdict": "agree", "confidence": 3}
    conflict = client.post(f"{API}cases/{reviewed_case.code}/reviews/", said, format="json")
    assert conflict.status_code == 409
    assert_conforms(document, conflict, "review")
    assert_conforms(
        document, client.post(f"{API}cases/{reviewed_case.code}/reviews/", {}, format="json"), "review"
    )
    amended = {"verdict": "agree", "confidence": 3, "reason": "Second look."}
    url = f"{API}reviews/{conflict.json()['current']['id']}/amend/"
    assert_conforms(document, client.post(url, amended, format="json"), "amend")
    assert_conforms(document, client.post(url, amended, format="json"), "amend")
    assert_conforms(document, client.get(f"{API}reviewed-cases/"), "reviewed_cases")


def test_answers_to_others_conform_to_the_document(
    document, reviewed_case, owner, stranger, exporter, api_of
) -> None:
    page = api_of(exporter).get(f"{API}reviewed-cases/")
    assert len(page.json()["results"]) == 1
    assert_conforms(document, page, "reviewed_cases")
    assert_conforms(document, api_of(owner).get(f"{API}cases/{reviewed_case.code}/"), "case")
    assert_conforms(document, api_of(stranger).get(f"{API}cases/{reviewed_case.code}/"), "case")
    assert_conforms(document, APIClient().get(f"{API}cases/"), "cases")


def test_receipts_conform_to_the_document(document, cohort, model_version, owner, api_of) -> None:
    client = api_of(owner)

    def send(data: bytes):
        form = {"cohort": "North", "file": SimpleUploadedFile("a.png", data)}
        return client.post(f"{API}uploads/", form)

    statuses = []
    for data in (make_png_bytes(), make_png_bytes(), b"nonsense"):
        response = send(data)
        statuses.append(response.status_code)
        assert_conforms(document, response, "upload")
    assert statuses == [201, 200, 422]


def test_examples_conform_to_their_own_shapes(document) -> None:
    checked = 0
    for path in document["paths"].values():
        for operation in path.values():
            for holder in [operation.get("requestBody", {}), *operation["responses"].values()]:
                for content in holder.get("content", {}).values():
                    for example in content.get("examples", {}).values():
                        shape = content["schema"] | {"components": document["components"]}
                        Draft202012Validator(shape, format_checker=FormatChecker()).validate(example["value"])
                        checked += 1
    assert checked == 11
