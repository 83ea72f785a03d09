"""Figures over REST: those of the page, closed when it is."""

import pytest

from cases.interim import open_early
from cases.models import Case
from tests.cases.api.support import API, problem_of
from tests.cases.api.test_schema import assert_conforms, document  # noqa: F401 - a fixture

URL = f"{API}figures/"


@pytest.fixture
def read(submit, analyse_as, blinded, colleague, commit_as, review_as):
    """One case read from wrong to right, and one that is open."""
    read, _open = (submit(seed=seed, ground_truth="glioma") for seed in (1, 2))
    analyse_as(read)
    commit_as(colleague, read, "meningioma")
    review_as(colleague, Case.objects.get(pk=read.pk))
    return blinded


def test_figures_are_closed_until_they_are_opened(
    read,
    exporter,
    administrator,
    api_of,
    document,  # noqa: F811
) -> None:
    client = api_of(exporter)
    refused = client.get(URL, {"cohort": "North"})
    assert problem_of(refused, "wrong_state")["detail"].startswith("The figures of a running blinded study")
    assert_conforms(document, refused, "figures")
    open_early(by=administrator, cohort=read, reason="The board asks.")
    answer = client.get(URL, {"cohort": "North"})
    assert_conforms(document, answer, "figures")
    found = {each["name"]: each for each in answer.json()["figures"]}
    assert (found["influence:to_right"]["value"], found["influence:changed"]["value"]) == (1.0, 1.0)
    assert (found["accuracy:readers:before"]["value"], found["accuracy:readers:after"]["value"]) == (0.0, 1.0)
    assert found["agreement:ac1"]["value"] is None


def test_bad_questions_are_refused(read, exporter, colleague, api_of) -> None:
    client = api_of(exporter)
    for query in ({}, {"cohort": "Nowhere"}, {"cohort": "North", "since": "2026-01-01"}):
        problem_of(client.get(URL, query), "invalid")
    problem_of(api_of(colleague).get(URL, {"cohort": "North"}), "permission_denied")
