"""Rows for scripts: exact values, no formula, constant memory."""

import csv
import io
import json

import pytest

from cases.analysis import jobs
from cases.disclaimer import DISCLAIMER
from cases.export import rows
from cases.export.selection import ReviewFilter, current_reviews
from cases.models import Case, Review
from cases.viewer.heat import heat_in_region
from inference.heatmaps import pack
from tests.cast import CLASSES, make_maps

pytestmark = pytest.mark.both_databases


def test_row_has_exactly_the_columns_and_the_stored_values(reviewed_case, colleague) -> None:
    review = Review.objects.get()
    row = rows.review_row(review)
    assert tuple(row) == rows.COLUMNS
    assert row["case"] == reviewed_case.code
    assert (row["predicted_class"], row["predicted_probability"]) == ("glioma", 0.7)
    assert (row["verdict"], row["final_class"], row["corrected_class"]) == (
        "disagree",
        "meningioma",
        "meningioma",
    )
    assert (row["reader"], row["reader_confidence"]) == (str(colleague.pk), 4)
    assert row["notice"] == DISCLAIMER


def test_row_names_no_person(reviewed_case, colleague) -> None:
    text = json.dumps(rows.review_row(Review.objects.get()))
    assert colleague.email not in text
    assert colleague.full_name not in text


def test_ndjson_line_is_the_row(reviewed_case) -> None:
    row = rows.review_row(Review.objects.get())
    assert [json.loads(line) for line in rows.ndjson_lines([row])] == [row]


@pytest.mark.parametrize("comment", ["=HYPERLINK(1)", "+1", "-1", "@SUM(A1)", "\t=1"])
def test_csv_cell_that_looks_like_a_formula_is_defused(comment, ready_case, colleague, review_as) -> None:
    row = rows.review_row(review_as(colleague, ready_case)) | {"comment": comment}
    (line,) = csv.DictReader(io.StringIO("".join(rows.csv_lines([row]))))
    assert line["comment"] == "'" + comment


def test_csv_keeps_line_breaks_quotes_and_umlauts(ready_case, colleague, review_as) -> None:
    comment = 'first "line",\nsecond; größer'
    row = rows.review_row(review_as(colleague, ready_case, comment=comment))
    (line,) = csv.DictReader(io.StringIO("".join(rows.csv_lines([row]))))
    assert line["comment"] == comment
    assert json.loads(line["probabilities"]) == row["probabilities"]
    assert line["simulated"] == "false"


def test_rows_come_in_chunks_not_one_query_each(
    submit, analyse_as, colleague, exporter, review_as, django_assert_num_queries
) -> None:
    """One query for the roles, one for the keys of the reads, one for the reads, one for the first reads, one
    for the number of images, one for the networks, whose manifests are too large to stand beside each; two to
    write down what is shown, one the next time.
    """
    for seed in range(3):
        case = submit(seed=seed)
        analyse_as(case)
        review_as(colleague, case)
    with django_assert_num_queries(6 + 2) as queries:
        assert len(list(rows.rows(current_reviews(exporter, ReviewFilter()), to=exporter))) == 3
    with django_assert_num_queries(6 + 1):
        list(rows.rows(current_reviews(exporter, ReviewFilter()), to=exporter))
    assert "manifest" not in queries[2]["sql"]


def test_row_says_which_of_how_many_images_was_judged(submit_many, analyse_as, colleague, review_as) -> None:
    case = submit_many(3)
    for position, predicted in enumerate(("notumor", "notumor", "glioma")):
        analyse_as(case, predicted, position=position)
    row = rows.review_row(review_as(colleague, case))
    assert (row["case_images"], row["image_position"]) == (3, 2)
    assert row["image_sha256"] == case.images.get(position=2).source_sha256


def test_heat_is_that_of_the_image_on_which_the_region_is_marked(submit_many, colleague, review_as) -> None:
    case = submit_many(3)
    # All heat in the upper left quarter of the key image, and in the lower right one of the image before it.
    for position, (predicted, row, column) in enumerate(
        (("notumor", 0, 0), ("notumor", 7, 7), ("glioma", 0, 0))
    ):
        finish_with_heat(case, position, predicted, row, column)
    corner = {"kind": "rectangle", "x0": 32, "y0": 32, "x1": 64, "y1": 64}
    review = review_as(colleague, case, region=corner | {"image": 1})
    assert rows.review_row(review)["heat_in_region"] == 1.0
    assert heat_in_region(review.prediction, corner | {"image": 2}) == 0.0
    assert heat_in_region(review.prediction, corner | {"image": 0}) == 0.0


def test_heat_on_an_image_without_a_result_is_not_known(
    submit_many, analyse_as, fail_as, colleague, review_as
) -> None:
    case = submit_many(2)
    analyse_as(case, position=0)
    fail_as(case, position=1)
    whole = {"image": 1, "kind": "rectangle", "x0": 0, "y0": 0, "x1": 64, "y1": 64}
    assert rows.review_row(review_as(colleague, case, region=whole))["heat_in_region"] is None


def finish_with_heat(case: Case, position: int, predicted: str, row: int, column: int) -> None:
    """Finish the image's analysis; the deepest layer's glioma map has one hot field."""
    maps = make_maps()
    maps.values["conv_3"][0] = 0
    maps.values["conv_3"][0, row, column] = 255
    claim = jobs.lease(case.images.get(position=position).jobs.get().pk)
    assert claim is not None
    shares = dict.fromkeys(CLASSES, 0.1) | {predicted: 0.7}
    assert jobs.complete(claim, jobs.Result(predicted, shares, pack(maps), 0.05))
