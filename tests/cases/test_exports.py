"""Rows for scripts: exact values, no formula, constant memory."""

import csv
import io
import json

import pytest

from cases import exports
from cases.models import Review
from cases.notice import RESEARCH_NOTICE
from cases.selectors import ReviewFilter, current_reviews


def test_row_has_exactly_the_columns_and_the_stored_values(reviewed_case, colleague) -> None:
    review = Review.objects.get()
    row = exports.review_row(review)
    assert tuple(row) == exports.COLUMNS
    assert row["case"] == reviewed_case.code
    assert (row["predicted_class"], row["predicted_probability"]) == ("glioma", 0.7)
    assert (row["verdict"], row["final_class"], row["corrected_class"]) == (
        "disagree",
        "meningioma",
        "meningioma",
    )
    assert (row["reader"], row["reader_confidence"]) == (str(colleague.pk), 4)
    assert row["notice"] == RESEARCH_NOTICE


def test_row_names_no_person(reviewed_case, colleague) -> None:
    text = json.dumps(exports.review_row(Review.objects.get()))
    assert colleague.email not in text
    assert colleague.full_name not in text


def test_ndjson_line_is_the_row(reviewed_case) -> None:
    row = exports.review_row(Review.objects.get())
    assert [json.loads(line) for line in exports.ndjson_lines([row])] == [row]


@pytest.mark.parametrize("comment", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_cell_that_looks_like_a_formula_is_defused(comment, ready_case, colleague, review_as) -> None:
    row = exports.review_row(review_as(colleague, ready_case)) | {"comment": comment}
    (line,) = csv.DictReader(io.StringIO("".join(exports.csv_lines([row]))))
    assert line["comment"] == "'" + comment


def test_csv_keeps_line_breaks_quotes_and_umlauts(ready_case, colleague, review_as) -> None:
    comment = 'first "line",\nsecond; größer'
    row = exports.review_row(review_as(colleague, ready_case, comment=comment))
    (line,) = csv.DictReader(io.StringIO("".join(exports.csv_lines([row]))))
    assert line["comment"] == comment
    assert json.loads(line["probabilities"]) == row["probabilities"]
    assert line["simulated"] == "false"


def test_rows_come_in_chunks_not_one_query_each(
    submit, analyse_as, colleague, exporter, review_as, django_assert_num_queries
) -> None:
    """One query for the reads, one for the first reads, one for the networks, whose manifests are too large
    to stand beside each.
    """
    for seed in range(3):
        case = submit(seed=seed)
        analyse_as(case)
        review_as(colleague, case)
    with django_assert_num_queries(3) as queries:
        assert len(list(exports.rows(current_reviews(exporter, ReviewFilter())))) == 3
    assert "manifest" not in queries[0]["sql"]
