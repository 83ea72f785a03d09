"""How the databases find the rows of what everybody asks for: by an index, however many cases there are.

SQLite keeps no statistics here, so that its plans are those of a study of 100,000 cases. PostgreSQL's are of
an almost empty database: told to take an index wherever there is one, it shows where there is none.
"""

from __future__ import annotations

import re

import pytest
from django.apps import apps
from django.db import connection, models
from django.test.utils import CaptureQueriesContext

from cases.models import Adjudication, Cohort, ModelVersion, Prediction, Protocol
from cases.worklist.sorting import Sort
from portal.accounts.models import User

# Tables of a row a case, or of several.
LARGE = {
    "cases_case",
    "cases_image",
    "cases_job",
    "cases_prediction",
    "cases_review",
    "cases_firstread",
    "cases_draft",
    "cases_disclosure",
    "cases_auditevent",
}
# An index that is walked in its order, up to as many rows as a page has.
WALKED = ("review_export_order", "case_newest")
FILTERS = (
    "state=open",
    "priority=1",
    "age=-30",
    "assigned=me",
    "assigned=nobody",
    "claimed=me",
    "found=glioma",
    "gate=refused",
    "uncertain=60",
    "awaits=me",
    "analysis=succeeded",
    "analysis=failed",
)


def plan_of(sql: str) -> list[str]:
    """The steps that the database would take."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET enable_seqscan = off")
            cursor.execute("SET enable_bitmapscan = off")
            cursor.execute(f"EXPLAIN {sql}")
            return [row[0] for row in cursor.fetchall()]
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return [row[3] for row in cursor.fetchall()]


def scans_of(sql: str) -> list[str]:
    """The steps that look through a large table."""
    # A name may stand for several tables, in queries within each other.
    tables: dict[str, set[str]] = {}
    for table, alias in re.findall(r'"(cases_\w+)" ([A-Z]+\d+)\b', sql):
        tables.setdefault(alias, set()).add(table)
    found = []
    for step in plan_of(sql):
        match = re.search(r"^SCAN (\w+)|Seq Scan on (\w+)", step)
        table = match and (match[1] or match[2])
        if table and tables.get(table, {table}) <= LARGE and not any(walk in step for walk in WALKED):
            found.append(step)
    return found


def scans_within(queries: CaptureQueriesContext) -> list[str]:
    """What looks through a large table, each with its query."""
    asked = [query["sql"] for query in queries.captured_queries]
    plannable = [sql for sql in asked if sql.startswith(("SELECT", "UPDATE", "DELETE"))]
    return [f"{step}: {sql}" for sql in plannable for step in scans_of(sql)]


@pytest.mark.slow
@pytest.mark.both_databases
@pytest.mark.parametrize("who", ["colleague", "administrator"])
def test_pages_and_rest_look_through_no_large_table(who, ready_case, request, client_of) -> None:
    client = client_of(request.getfixturevalue(who))
    addresses = [
        *(f"/cases/?sort={sort}" for sort in Sort),
        *(f"/cases/?{narrowed}" for narrowed in FILTERS),
        f"/cases/?after={ready_case.code}",
        f"/cases/live/?c={ready_case.code}",
        f"/cases/{ready_case.code}/",
        "/api/v1/cases/",
        "/api/v1/cases/?state=open",
        "/api/v1/cases/?job_status=failed",
        f"/api/v1/cases/{ready_case.code}/",
    ]
    # PostgreSQL gathers what was amended of so few reviews.
    if who == "administrator" and connection.vendor == "sqlite":
        addresses += [f"/api/v1/reviewed-cases/?format={name}" for name in ("json", "csv", "ndjson")]
    for address in addresses:
        with CaptureQueriesContext(connection) as queries:
            answer = client.get(address)
            assert answer.status_code == 200, address
            if answer.streaming:
                list(answer.streaming_content)
        assert scans_within(queries) == [], address


@pytest.mark.both_databases
def test_reader_who_reads_on_looks_through_no_large_table(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    page = f"/cases/{ready_case.code}/"
    said = {"prediction": str(Prediction.objects.get().pk), "verdict": "agree", "confidence": "4"}
    with CaptureQueriesContext(connection) as queries:
        assert client.get("/cases/next/").status_code == 302
        assert client.get(page).status_code == 200
        assert client.post(page, said).status_code == 302
        assert client.post(f"{page}finish/").status_code == 302
        assert client.post("/cases/next/", {"after": ready_case.code}).status_code == 302
    assert ready_case.reviews.count() == 1
    assert scans_within(queries) == []


@pytest.mark.both_databases
def test_review_over_rest_looks_through_no_large_table(ready_case, colleague, api_of) -> None:
    said = {"prediction": str(Prediction.objects.get().pk), "verdict": "agree", "confidence": 4}
    with CaptureQueriesContext(connection) as queries:
        answer = api_of(colleague).post(f"/api/v1/cases/{ready_case.code}/reviews/", said, format="json")
    assert answer.status_code == 201
    assert scans_within(queries) == []


def test_search_that_scans_is_seen(ready_case) -> None:
    """The text of a query that has no index is told as one; else the tests above would hold nothing."""
    assert scans_of('SELECT U0."id" FROM "cases_job" U0 WHERE U0."attempts" = 3') != []


def test_no_large_table_has_an_index_of_few_values_alone() -> None:
    """SQLite would take it for as good as one that leads to a single row (cases/models/__init__.py)."""
    few = (Cohort, ModelVersion, Protocol)
    tables = [model for model in apps.get_app_config("cases").get_models() if model._meta.db_table in LARGE]
    alone = {
        f"{model.__name__}.{field.name}"
        for model in tables
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.db_index and issubclass(field.related_model, few)
    }
    assert alone == {"AuditEvent.cohort"}  # which only the admin's page looks for
    assert not Adjudication._meta.get_field("protocol").db_index
    assert all(
        not model._meta.get_field(name).db_index
        for model in tables
        for name in ("reader", "created_by", "user")
        if name in {field.name for field in model._meta.concrete_fields}
        and issubclass(model._meta.get_field(name).related_model, User)
        and model.__name__ != "Draft"  # of which there are few: they end as reviews
    )
