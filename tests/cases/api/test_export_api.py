"""The export: who gets what, in which format, and that nothing is lost or doubled."""

import csv
import gc
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.disclaimer import DISCLAIMER
from cases.export import rows
from cases.models import Review
from tests.cases.api.support import API, problem_of, streamed

pytestmark = pytest.mark.both_databases

URL = f"{API}reviewed-cases/"
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)


def codes(response) -> list[str]:
    return [row["case"] for row in response.json()["results"]]


def walk(client, url: str, link: str = "next") -> list[list[str]]:
    """The review ids of all pages from `url` on."""
    pages = []
    while url:
        body = client.get(url).json()
        pages.append([row["review_id"] for row in body["results"]])
        url = body[link]
    return pages


def test_exporter_gets_exactly_what_the_reader_said(reviewed_case, colleague, exporter, api_of) -> None:
    response = api_of(exporter).get(URL)
    review, image = Review.objects.get(), reviewed_case.images.get()
    assert response.status_code == 200
    assert response["X-Research-Use"] == DISCLAIMER
    body = response.json()
    assert (body["next"], body["previous"], body["notice"]) == (None, None, DISCLAIMER)
    probabilities = body["results"][0].pop("probabilities")
    assert probabilities == pytest.approx(
        {"glioma": 0.7, "meningioma": 0.1, "notumor": 0.1, "pituitary": 0.1}
    )
    assert body["results"] == [
        {
            "review_id": str(review.pk),
            "case": reviewed_case.code,
            "cohort": "North",
            "simulated": False,
            "ground_truth": None,
            "reading": "ai_first",
            "protocol_version": 1,
            "case_images": 1,
            "image_position": 0,
            "image_sha256": image.source_sha256,
            "image_width": 64,
            "image_height": 64,
            "model_version": "test-cnn-1",
            "predicted_class": "glioma",
            "predicted_probability": 0.7,
            "gate_verdict": None,
            "gate_distance": None,
            "trained_on": None,
            "first_read_class": None,
            "first_read_confidence": None,
            "first_read_at": None,
            "verdict": "disagree",
            "final_class": "meningioma",
            "corrected_class": "meningioma",
            "changed_after_reveal": None,
            "other_finding": None,
            "reader_confidence": 4,
            "comment": "",
            "region": None,
            "heat_in_region": None,
            "active_seconds": None,
            "reader": str(colleague.pk),
            "reviewed_at": review.created_at.isoformat(),
            "amendment": False,
            "amends": None,
            "amendment_reason": None,
            "adjudicated_class": None,
            "adjudicated_at": None,
            "notice": DISCLAIMER,
            "remark": False,
            "seen_network_at": None,
            "seen_truth_at": None,
            "seen_peers_at": None,
            "first_read_blind": None,
            "picture_deleted_at": None,
        }
    ]


def test_blinded_case_is_exported_with_both_reads_and_the_heat_in_the_region(
    ready_case, blinded, colleague, exporter, commit_as, review_as, api_of
) -> None:
    whole = {"image": 0, "kind": "rectangle", "x0": 0, "y0": 0, "x1": 64, "y1": 64}
    first = commit_as(colleague, ready_case, "meningioma", confidence=2, region=whole)
    review_as(colleague, ready_case, region=whole, active_seconds=41.5)
    (row,) = api_of(exporter).get(URL).json()["results"]
    said = {"reading": "blinded", "protocol_version": 1, "first_read_class": "meningioma"}
    said |= {"first_read_confidence": 2, "first_read_at": first.created_at.isoformat()}
    said |= {"final_class": "glioma", "changed_after_reveal": True, "region": whole}
    said |= {"heat_in_region": 1.0, "active_seconds": 41.5}
    assert {name: row[name] for name in said} == said


@pytest.mark.parametrize("role", ["owner", "colleague", "stranger"])
def test_export_without_the_right_is_refused(role, reviewed_case, api_of, request) -> None:
    client = api_of(request.getfixturevalue(role))
    for format_ in ("json", "csv", "ndjson"):
        body = problem_of(client.get(URL, {"format": format_}), "permission_denied")
        assert reviewed_case.code not in json.dumps(body)


def test_exporter_of_another_cohort_gets_none_of_these(
    reviewed_case, other_cohort, make_person, api_of
) -> None:
    client = api_of(make_person("elsewhere", other_cohort, "exporter"))
    assert client.get(URL).json()["results"] == []
    assert streamed(client.get(URL, {"format": "ndjson"})) == ""
    body = problem_of(client.get(URL, {"cohort": "North"}), "invalid")
    unknown = problem_of(client.get(URL, {"cohort": "Nowhere"}), "invalid")
    assert body["errors"]["cohort"][0].replace("North", "Nowhere") == unknown["errors"]["cohort"][0]


def test_exporter_reaches_nothing_but_the_export(reviewed_case, exporter, api_of) -> None:
    client = api_of(exporter)
    review, before = Review.objects.get(), Review.objects.count()
    problem_of(client.get(f"{API}cases/"), "permission_denied")
    problem_of(client.get(f"{API}cases/{reviewed_case.code}/"), "not_found")
    problem_of(client.post(f"{API}cases/{reviewed_case.code}/retry/"), "not_found")
    problem_of(client.post(f"{API}cases/{reviewed_case.code}/reviews/", {}, format="json"), "not_found")
    problem_of(client.post(f"{API}reviews/{review.pk}/amend/", {}, format="json"), "not_found")
    assert Review.objects.count() == before
    assert client.get(f"{API}cohorts/").json()[0]["rights"] == ["export"]


@pytest.mark.parametrize(
    ("query", "accept", "media_type"),
    [
        ({}, "*/*", "application/json"),
        ({}, "application/json", "application/json"),
        ({}, "text/csv", "text/csv; charset=utf-8"),
        ({}, "application/x-ndjson", "application/x-ndjson; charset=utf-8"),
        ({}, "application/json;q=0.5, text/csv", "text/csv; charset=utf-8"),
        ({}, "text/html, */*;q=0.8", "application/json"),
        ({"format": "csv"}, "application/json", "text/csv; charset=utf-8"),
        ({"format": "ndjson"}, "*/*", "application/x-ndjson; charset=utf-8"),
        ({"format": "json"}, "text/csv", "application/json"),
    ],
)
def test_format_follows_the_parameter_then_the_accept_header(
    query, accept, media_type, exporter, api_of
) -> None:
    response = api_of(exporter).get(URL, query, headers={"Accept": accept})
    assert (response.status_code, response["Content-Type"]) == (200, media_type)
    assert response["X-Research-Use"] == DISCLAIMER


@pytest.mark.parametrize(("format_", "extension"), [("csv", "csv"), ("ndjson", "ndjson")])
def test_stream_comes_under_a_file_name(format_, extension, exporter, api_of, monkeypatch) -> None:
    monkeypatch.setattr("django.utils.timezone.now", lambda: NOON)
    response = api_of(exporter).get(URL, {"format": format_})
    expected = f'attachment; filename="secondread-reviewed-cases-20260131T120000Z.{extension}"'
    assert response["Content-Disposition"] == expected


def test_csv_ndjson_and_json_hold_the_same_rows(add_reviews, exporter, api_of) -> None:
    add_reviews(3, comment="a, “b”\nand c")
    client = api_of(exporter)
    pages = client.get(URL).json()["results"]
    lines = [json.loads(line) for line in streamed(client.get(URL, {"format": "ndjson"})).splitlines()]
    table = list(csv.DictReader(io.StringIO(streamed(client.get(URL, {"format": "csv"})), newline="")))
    assert lines == pages
    assert [list(row) for row in pages] == [list(rows.COLUMNS)] * 3
    assert list(table[0]) == list(rows.COLUMNS)
    assert [row["review_id"] for row in table] == [row["review_id"] for row in pages]
    assert {row["comment"] for row in table} == {"a, “b”\nand c"}
    assert {row["notice"] for row in table} == {DISCLAIMER}


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_comment_that_a_spreadsheet_would_run_is_defused(start, add_reviews, exporter, api_of) -> None:
    add_reviews(1, comment=f"{start}HYPERLINK(1)")
    text = streamed(api_of(exporter).get(URL, {"format": "csv"}))
    row = next(csv.DictReader(io.StringIO(text, newline="")))
    assert row["comment"] == f"'{start}HYPERLINK(1)"


KEPT: list[tuple[dict[str, str], set[str]]] = [
    ({"since": "2026-01-31T12:00:00Z"}, {"noon", "later"}),
    ({"until": "2026-01-31T12:00:00Z"}, {"early"}),
    ({"since": "2026-01-31T13:00:00+01:00", "until": "2026-01-31T12:00:00.000001+00:00"}, {"noon"}),
    ({"since": "2026-01-31"}, {"noon", "later"}),
    ({"until": "2026-01-31"}, {"early"}),
    ({"since": "2026-02-01"}, {"later"}),
    ({"class": "meningioma"}, {"later"}),
    ({"verdict": "agree"}, {"early", "noon"}),
    ({"verdict": "disagree", "class": "glioma"}, set()),
    ({"cohort": "North"}, {"early", "noon", "later"}),
]


def test_filters_keep_exactly_what_they_say(add_reviews, exporter, api_of) -> None:
    add_reviews(1, at=NOON - timedelta(days=1), comment="early")
    add_reviews(1, at=NOON, comment="noon")
    add_reviews(1, at=NOON + timedelta(days=1), comment="later", verdict="disagree", final_class="meningioma")
    client = api_of(exporter)
    for query, found in KEPT:
        paged = client.get(URL, query | {"format": "json"}).json()["results"]
        lines = streamed(client.get(URL, query | {"format": "ndjson"})).splitlines()
        assert {row["comment"] for row in paged} == found, query
        assert {json.loads(line)["comment"] for line in lines} == found, query


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("since", "yesterday"),
        ("since", "2026-01-31T12:00:00"),
        ("since", "2026-01-31T12:00:00 01:00"),
        ("since", "0001-01-01T00:00:00+14:00"),
        ("until", "2026-02-30"),
        ("until", "1767225600"),
        ("verdict", "maybe"),
        ("class", "lymphoma"),
        ("cohort", "Nowhere"),
        ("format", "xml"),
        ("page_size", "0"),
        ("page_size", "1001"),
        ("page_size", "many"),
        ("cursor", "nonsense"),
        ("cursor", "Znx4fHk"),
        ("clas", "glioma"),
    ],
)
def test_parameter_that_is_not_understood_is_named_with_what_was_received(
    name, value, cohort, model_version, exporter, api_of
) -> None:
    body = problem_of(api_of(exporter).get(URL, {name: value}), "invalid")
    assert list(body["errors"]) == [name]
    assert value in body["errors"][name][0]
    assert name in body["detail"]


def test_parameter_given_twice_is_refused(exporter, api_of) -> None:
    body = problem_of(api_of(exporter).get(f"{URL}?verdict=agree&verdict=disagree"), "invalid")
    assert body["errors"] == {"verdict": ["Give this parameter once. Received: “agree”, “disagree”."]}


def test_until_before_since_is_refused(exporter, api_of) -> None:
    query = {"since": "2026-02-01", "until": "2026-01-01"}
    body = problem_of(api_of(exporter).get(URL, query), "invalid")
    assert list(body["errors"]) == ["until"]


def test_wrong_parameter_is_refused_before_a_stream_begins(exporter, api_of) -> None:
    problem_of(api_of(exporter).get(URL, {"format": "csv", "since": "soon"}), "invalid")


@pytest.mark.parametrize("page_size", [1, 2, 3, 7])
def test_pages_of_equal_moments_hold_each_row_once_in_both_directions(
    page_size, add_reviews, exporter, api_of
) -> None:
    earlier = add_reviews(2, at=NOON - timedelta(hours=1))
    same = add_reviews(5, at=NOON)
    expected = [str(review.pk) for review in [*earlier, *same]]
    client = api_of(exporter)
    pages = walk(client, f"{URL}?page_size={page_size}")
    assert [row for page in pages for row in page] == expected
    assert [len(page) for page in pages[:-1]] == [page_size] * (len(pages) - 1)
    last = f"{URL}?page_size={page_size}"
    while following := client.get(last).json()["next"]:
        last = following
    back = walk(client, last, "previous")
    assert [row for page in reversed(back) for row in page] == expected


def test_rows_that_come_in_between_two_pages_are_neither_lost_nor_doubled(
    add_reviews, exporter, api_of
) -> None:
    first = add_reviews(4, at=NOON)
    client = api_of(exporter)
    page = client.get(URL, {"page_size": 2, "verdict": "agree"}).json()
    later = add_reviews(3, at=NOON + timedelta(microseconds=1))
    add_reviews(1, at=NOON + timedelta(seconds=1), verdict="disagree", final_class="pituitary")
    seen = [row["review_id"] for row in page["results"]]
    seen += [row for ids in walk(client, page["next"]) for row in ids]
    assert seen == [str(review.pk) for review in [*first, *later]]


def test_amended_review_is_exported_once_with_its_reason(reviewed_case, colleague, exporter, api_of) -> None:
    first = Review.objects.get()
    response = api_of(colleague).post(
        f"{API}reviews/{first.pk}/amend/",
        {"verdict": "agree", "confidence": 2, "reason": "Second look."},
        format="json",
    )
    assert response.status_code == 201
    (row,) = api_of(exporter).get(URL).json()["results"]
    assert (row["review_id"], row["amends"]) == (response.json()["id"], str(first.pk))
    assert (row["amendment"], row["amendment_reason"]) == (True, "Second look.")
    assert (row["verdict"], row["final_class"], row["corrected_class"]) == ("agree", "glioma", None)


@pytest.mark.slow
@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_stream_takes_few_queries_more_a_chunk_and_holds_one_chunk(
    format_, add_reviews, exporter, api_of, monkeypatch
) -> None:
    monkeypatch.setattr(rows, "CHUNK", 50)
    client = api_of(exporter)

    def queries_and_lines() -> tuple[int, int, int]:
        most, lines = 0, 0
        with CaptureQueriesContext(connection) as queries:
            for line in client.get(URL, {"format": format_}).streaming_content:
                lines += line.count(b"\r\n" if format_ == "csv" else b"\n")
                if lines % 75 == 0:
                    most = max(most, sum(type(thing) is Review for thing in gc.get_objects()))
        return len(queries), lines, most

    header = 1 if format_ == "csv" else 0
    add_reviews(3)
    few, lines, _ = queries_and_lines()
    assert lines == 3 + header
    add_reviews(597)
    many, lines, most = queries_and_lines()
    assert lines == 600 + header
    # The reviews, the networks' manifests, and the first reads and the images of the cases; what was shown
    # before, and what is shown now.
    assert many == few + 6 * (600 // 50 - 1)
    assert most <= 2 * 50 + 1  # the chunk in hand, and the one that is being fetched


def test_page_takes_no_more_queries_for_more_rows(add_reviews, exporter, api_of) -> None:
    client = api_of(exporter)

    def queries() -> int:
        with CaptureQueriesContext(connection) as found:
            client.get(URL)
        return len(found)

    add_reviews(2)
    few = queries()
    add_reviews(50)
    assert queries() == few


@pytest.mark.parametrize("format_", ["csv", "ndjson"])
def test_stream_that_fails_on_the_way_raises_instead_of_ending(
    format_, add_reviews, exporter, api_of, monkeypatch
) -> None:
    add_reviews(3)
    reviews = iter(range(3))

    def fail_at_the_second(review: Review) -> dict[str, object]:
        if next(reviews) == 1:
            raise ConnectionError("the database went away")
        return whole(review)

    whole = rows.review_row
    monkeypatch.setattr(rows, "review_row", fail_at_the_second)
    response = api_of(exporter).get(URL, {"format": format_})
    with pytest.raises(ConnectionError):
        streamed(response)


def test_export_carries_the_gate_and_whether_the_image_was_trained_on(
    submitted_case, analyse_as, review_as, colleague, exporter, api_of
) -> None:
    analyse_as(submitted_case, gate_verdict="uncertain", gate_distance=2.5, in_training=True)
    review_as(colleague, submitted_case)
    (row,) = api_of(exporter).get(URL).json()["results"]
    assert (row["gate_verdict"], row["gate_distance"], row["trained_on"]) == ("uncertain", 2.5, True)
    result = api_of(colleague).get(f"{API}cases/{submitted_case.code}/").json()["prediction"]
    assert (result["gate_verdict"], result["gate_distance"], result["trained_on"]) == ("uncertain", 2.5, True)
