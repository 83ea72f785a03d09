"""Frozen snapshots: one set of rows, the same in every format, whatever is said meanwhile."""

import csv
import io
import json
from datetime import datetime, timedelta

import pyarrow.parquet
import pytest
from django.db import connection, connections
from django.utils import timezone

from cases.export.snapshots import building, formats, parquet
from cases.export.snapshots.reading import frozen_rows
from cases.export.snapshots.tables import TABLES, Kind, codebook
from cases.models import AuditEvent, Disclosure, Prediction, Review, Snapshot
from cases.spreadsheets import safe_cell, text_of
from tests.cast import UNKNOWN_ID

pytestmark = pytest.mark.both_databases

# Formulas, also behind spaces and breaks; ends of lines for some reader; what escapes; quotes; an emoji.
HOSTILE = [
    "=1+1",
    " \n=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "'quoted",
    "two\nlines\r\nand\x0bmore\x85\u2028\u2029.",
    "back\\slash \\n \\u2028",
    'a "word", and a comma; größer 🧠',
]


@pytest.fixture
def said(submit, analyse_as, colleague, administrator):
    """A case for each hostile comment."""
    for seed, comment in enumerate(HOSTILE):
        case = submit(seed=seed, ground_truth="meningioma" if seed % 2 else "")
        analyse_as(case)
        # Stored as it is: what comes in by a form loses the space around it.
        Review.objects.create(
            case=case,
            prediction=Prediction.objects.get(image__case=case),
            reader=colleague,
            verdict="disagree",
            final_class="meningioma",
            confidence=4,
            comment=comment,
            region={"kind": "rectangle", "x0": 1, "y0": 1} if seed == 3 else None,
            active_seconds=1.5 * seed,
        )
    return administrator


@pytest.fixture
def ready(said, cohort) -> Snapshot:
    snapshot = building.ask_for_snapshot(by=said, cohort=cohort)
    assert building.build_waiting() == 1
    snapshot.refresh_from_db()
    return snapshot


def read_csv(data: bytes, table: str) -> list[dict]:
    lines = list(csv.reader(io.StringIO(data.decode(), newline="")))
    kinds = {column.name: column.kind for column in TABLES[table]}
    assert lines[0] == list(kinds)
    return [
        {name: from_cell(cell, kinds[name]) for name, cell in zip(lines[0], line, strict=True)}
        for line in lines[1:]
    ]


def from_cell(cell: str, kind: Kind):
    if cell == "":
        return None
    if kind is Kind.FLAG:
        return cell == "true"
    if kind is Kind.MAP:
        return json.loads(text_of(cell))
    if kind in (Kind.WHOLE, Kind.NUMBER):
        return int(cell) if kind is Kind.WHOLE else float(cell)
    return text_of(cell)


def read_parquet(data: bytes, table: str) -> list[dict]:
    rows = pyarrow.parquet.read_table(io.BytesIO(data)).to_pylist()
    for row in rows:
        for column in TABLES[table]:
            value = row[column.name]
            if column.kind is Kind.MAP and value is not None:
                row[column.name] = dict(value)
            if isinstance(value, datetime):
                row[column.name] = value.isoformat()
    return rows


def written(snapshot, table, name) -> bytes:
    return b"".join(formats.stream(name, snapshot, table, frozen_rows(snapshot, table)))


def test_every_format_holds_the_same_rows(ready) -> None:
    for table in TABLES:
        rows = list(frozen_rows(ready, table))
        assert len(rows) == ready.counts[table]
        assert all(list(row) == [column.name for column in TABLES[table]] for row in rows)
        lines = written(ready, table, "ndjson").decode()
        assert [json.loads(line) for line in lines.splitlines()] == rows
        whole = json.loads(written(ready, table, "json"))
        assert whole["rows"] == rows
        assert (whole["snapshot"], whole["digest"]) == (str(ready.pk), ready.digest)
        assert read_csv(written(ready, table, "csv"), table) == rows
        assert read_parquet(written(ready, table, "parquet"), table) == rows
    assert ready.counts["cases"] == ready.counts["results"] == ready.counts["statements"] == len(HOSTILE)
    assert ready.counts["figures"] > 5
    assert [row["comment"] for row in frozen_rows(ready, "statements")] == HOSTILE


def test_line_is_a_line_and_text_stays_text(ready) -> None:
    data = written(ready, "statements", "csv").decode()
    assert len(data.splitlines()) == len(HOSTILE) + 1
    cells = [line["comment"] for line in csv.DictReader(io.StringIO(data, newline=""))]
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in cells)
    for text in [*HOSTILE, "", "plain", "''", "\\", " x"]:
        assert text_of(safe_cell(text)) == text
    assert safe_cell(-1.5) == -1.5
    assert safe_cell(None) == ""


def test_parquet_says_what_it_is(ready) -> None:
    file = pyarrow.parquet.ParquetFile(io.BytesIO(written(ready, "results", "parquet")))
    told = {key.decode(): value.decode() for key, value in file.schema_arrow.metadata.items()}
    assert (told["digest"], told["schema_version"]) == (ready.digest, "1")
    assert "research and study use" in told["notice"]
    assert str(file.schema_arrow.field("predicted_class").type).startswith("dictionary")
    assert str(file.schema_arrow.field("at").type) == "timestamp[us, tz=UTC]"


def test_snapshot_stays_what_it_was_and_the_next_one_differs(
    ready, submit, analyse_as, review_as, colleague, cohort, said
) -> None:
    before = {table: written(ready, table, "ndjson") for table in TABLES}
    same = building.ask_for_snapshot(by=said, cohort=cohort)
    building.build_waiting()
    same.refresh_from_db()
    assert (same.digest, same.files) == (ready.digest, ready.files)
    case = submit(seed=99)
    analyse_as(case)
    review_as(colleague, case)
    later = building.ask_for_snapshot(by=said, cohort=cohort)
    building.build_waiting()
    later.refresh_from_db()
    assert later.digest != ready.digest
    assert later.counts["statements"] == len(HOSTILE) + 1
    assert {table: written(ready, table, "ndjson") for table in TABLES} == before


def test_patient_key_clusters_and_is_never_in_clear(submit, administrator, cohort) -> None:
    for seed in (1, 2):
        case = submit(seed=seed)
        case.patient = "f" * 32
        case.save()
    lone = submit(seed=3)
    snapshot = building.ask_for_snapshot(by=administrator, cohort=cohort)
    building.build_waiting()
    snapshot.refresh_from_db()
    assert [row["cluster"] for row in frozen_rows(snapshot, "cases")] == ["f" * 32, "f" * 32, lone.code]


def test_asking_twice_while_one_waits_gives_the_same(said, cohort, exporter) -> None:
    first = building.ask_for_snapshot(by=said, cohort=cohort)
    assert building.ask_for_snapshot(by=said, cohort=cohort) == first
    assert building.ask_for_snapshot(by=exporter, cohort=cohort) != first
    assert AuditEvent.objects.filter(action="snapshot.asked").count() == 2
    assert building.build_waiting() == 2
    assert building.build_waiting() == 0


def test_snapshot_that_fails_says_so(said, cohort, monkeypatch) -> None:
    snapshot = building.ask_for_snapshot(by=said, cohort=cohort)
    monkeypatch.setattr(building, "rows_of", lambda *_: 1 / 0)
    assert building.build_waiting() == 0
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.digest, snapshot.files) == ("failed", "", {})


def test_page_asks_again_until_the_snapshot_is_written(said, cohort, client_of) -> None:
    def asks() -> bool:
        page = client_of(said).get("/dashboard/snapshots/", {"cohort": cohort.pk}).content.decode()
        assert 'id="snapshots"' in page
        return f'hx-get="/dashboard/snapshots/?cohort={cohort.pk}" hx-trigger="every 3s"' in page

    building.ask_for_snapshot(by=said, cohort=cohort)
    assert asks()
    building.build_waiting()
    assert not asks()


def test_snapshot_that_every_worker_dies_over_fails(said, cohort) -> None:
    snapshot = building.ask_for_snapshot(by=said, cohort=cohort)
    left = {"state": "building", "token": UNKNOWN_ID, "attempts": 2}
    Snapshot.objects.update(**left, next_at=timezone.now() + timedelta(minutes=1))
    assert building.build_waiting() == 0  # somebody is at it
    Snapshot.objects.update(attempts=3, next_at=timezone.now() - timedelta(seconds=1))
    assert building.build_waiting() == 0
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.token) == ("failed", None)


def test_snapshot_that_somebody_else_writes_meanwhile_is_left_to_them(said, cohort, monkeypatch) -> None:
    snapshot = building.ask_for_snapshot(by=said, cohort=cohort)

    def slow(*_args: object) -> list[dict[str, object]]:
        Snapshot.objects.update(token=UNKNOWN_ID)
        return []

    monkeypatch.setattr(building, "rows_of", slow)
    assert building.build_waiting() == 0
    snapshot.refresh_from_db()
    assert (snapshot.state, snapshot.digest, str(snapshot.token)) == ("building", "", UNKNOWN_ID)


def test_figures_of_a_running_blinded_study_are_not_in_it(
    blinded, submit, analyse_as, colleague, commit_as, review_as, administrator
) -> None:
    read, _unread = (submit(seed=seed, ground_truth="glioma") for seed in (1, 2))
    analyse_as(read)
    commit_as(colleague, read)
    review_as(colleague, read)
    snapshot = building.ask_for_snapshot(by=administrator, cohort=blinded)
    building.build_waiting()
    snapshot.refresh_from_db()
    assert (snapshot.counts["figures"], snapshot.counts["statements"]) == (0, 2)


def test_codebook_names_every_column() -> None:
    lines = codebook()
    assert {(line["table"], line["column"]) for line in lines} == {
        (table, column.name) for table, columns in TABLES.items() for column in columns
    }
    assert all(line["meaning"].endswith(".") for line in lines)


PAGE = "/dashboard/snapshots/"


def test_page_asks_shows_and_sends(said, cohort, client_of) -> None:
    client = client_of(said)
    response = client.post(PAGE, {"cohort": str(cohort.pk)}, follow=True)
    assert "is being written" in response.content.decode()
    snapshot = Snapshot.objects.get()
    unready = f"{PAGE}{snapshot.pk}/cases.csv"
    assert client.get(unready).status_code == 404
    building.build_waiting()
    page = client.get(PAGE).content.decode()
    snapshot.refresh_from_db()
    assert snapshot.digest in page
    sent = client.get(f"{PAGE}{snapshot.pk}/statements.csv")
    assert sent["X-Snapshot-Digest"] == snapshot.digest
    assert read_csv(b"".join(sent.streaming_content), "statements") == list(
        frozen_rows(snapshot, "statements")
    )
    shown = Disclosure.objects.filter(user=said, kind="peers")
    assert shown.count() == len(HOSTILE)
    event = AuditEvent.objects.get(action="snapshot.fetched")
    assert event.details == {"table": "statements", "format": "csv"}
    for wrong in ("nothing.csv", "cases.xls"):
        assert client.get(f"{PAGE}{snapshot.pk}/{wrong}").status_code == 404


def test_readers_are_named_to_administrators_alone(said, colleague, exporter, cohort, client_of) -> None:
    sent = client_of(said).get(f"{PAGE}readers.csv").content.decode()
    assert f"{colleague.pk},Colleague,{colleague.email}" in sent
    assert client_of(exporter).get(f"{PAGE}readers.csv").status_code == 403
    assert AuditEvent.objects.get(action="readers.named").actor == said
    assert "statements,reader,text," in client_of(said).get(f"{PAGE}codebook.csv").content.decode()


def test_other_cohorts_snapshots_are_not_there(ready, stranger, colleague, client_of) -> None:
    path = f"{PAGE}{ready.pk}/cases.csv"
    assert client_of(stranger).get(path).status_code == 404
    assert client_of(colleague).get(path).status_code == 403


API = "/api/v1/snapshots/"


def test_rest_asks_waits_and_fetches(said, cohort, exporter, api_of) -> None:
    client = api_of(exporter)
    asked = client.post(API, {"cohort": "North"}, format="json")
    assert (asked.status_code, asked.json()["state"]) == (202, "queued")
    address = f"{API}{asked.json()['id']}/"
    early = client.get(f"{address}cases/")
    assert (early.status_code, early.json()["code"]) == (409, "wrong_state")
    building.build_waiting()
    told = client.get(address).json()
    assert (told["state"], told["counts"]["cases"]) == ("ready", len(HOSTILE))
    for name in formats.MEDIA_TYPES:
        sent = client.get(told["tables"]["cases"], {"format": name})
        assert sent.status_code == 200
        assert sent["Content-Type"] == formats.MEDIA_TYPES[name]
        assert b"".join(sent.streaming_content)
    assert [each["id"] for each in client.get(API).json()] == [told["id"]]
    assert len(client.get("/api/v1/codebook/").json()) == len(codebook())


BAD = [
    ({}, 400, "invalid"),
    ({"cohort": "Nowhere"}, 400, "invalid"),
    ({"cohort": "North", "format": "csv"}, 400, "invalid"),
]


def test_rest_refuses_with_words(ready, exporter, colleague, stranger, api_of, monkeypatch) -> None:
    client = api_of(exporter)
    for body, status, code in BAD:
        response = client.post(API, body, format="json")
        assert (response.status_code, response.json()["code"]) == (status, code), body
    assert client.get(f"{API}{UNKNOWN_ID}/").json()["code"] == "not_found"
    assert client.get(f"{API}{ready.pk}/nothing/").json()["detail"].startswith("There is no such table")
    assert client.get(f"{API}{ready.pk}/cases/", {"format": "xml"}).json()["code"] == "invalid"
    assert client.get(f"{API}{ready.pk}/cases/", {"since": "2026"}).json()["code"] == "invalid"
    assert api_of(colleague).post(API, {"cohort": "North"}, format="json").status_code == 403
    assert api_of(stranger).get(f"{API}{ready.pk}/").status_code == 404
    monkeypatch.setattr(parquet, "is_installed", lambda: False)
    refused = client.get(f"{API}{ready.pk}/cases/", {"format": "parquet"})
    assert (refused.status_code, refused.json()["code"]) == (406, "not_acceptable")
    assert Snapshot.objects.count() == 1


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite's memory is no second connection's")
@pytest.mark.django_db(transaction=True)
def test_progress_is_seen_while_the_rows_are_still_read(said, cohort, monkeypatch) -> None:
    """On a connection of its own, beside the transaction that reads and writes nothing."""
    monkeypatch.setattr(building, "AT_ONCE", 4)
    snapshot, seen = building.ask_for_snapshot(by=said, cohort=cohort), []
    real = building.rows_of

    def watched(table, of_cohort):
        aside = connections.create_connection("default")
        with aside.cursor() as cursor:
            cursor.execute("SELECT rows_written, state FROM cases_snapshot")
            seen.append(cursor.fetchone())
        aside.close()
        return real(table, of_cohort)

    monkeypatch.setattr(building, "rows_of", watched)
    assert building.build_waiting() == 1
    snapshot.refresh_from_db()
    n = len(HOSTILE)
    assert seen == [(0, "building"), (n, "building"), (2 * n, "building"), (3 * n, "building")]
    assert snapshot.rows_written == 3 * n + snapshot.counts["figures"]
