"""What a request of a reader costs: a right is asked for once, and the checked thing is handed on."""

import pytest

from cases.models import Prediction

COMMIT = {"read_class": "glioma", "confidence": "4"}


def address(case) -> str:
    return f"/cases/{case.code}/"


def test_commit_asks_the_database_at_most_27_times(
    blinded, ready_case, colleague, client_of, django_assert_max_num_queries
) -> None:
    client = client_of(colleague)
    client.get(address(ready_case))
    # One of them copies into the read what had been shown to its reader.
    with django_assert_max_num_queries(27) as asked:
        assert client.post(address(ready_case), COMMIT).status_code == 302
    assert memberships_asked(asked) == 1


def test_review_asks_the_database_at_most_24_times(
    ready_case, colleague, client_of, django_assert_max_num_queries
) -> None:
    client = client_of(colleague)
    client.get(address(ready_case))
    said = {"prediction": str(Prediction.objects.get().pk), "verdict": "agree", "confidence": "4"}
    with django_assert_max_num_queries(24):
        assert client.post(address(ready_case), said).status_code == 302


@pytest.mark.parametrize("stage", ["first", "again"])
def test_page_asks_the_database_at_most_32_times(
    stage, ready_case, colleague, client_of, django_assert_max_num_queries
) -> None:
    client = client_of(colleague)
    if stage == "again":
        client.get(address(ready_case))
    # Two of them write down what is shown for the first time.
    with django_assert_max_num_queries(32):
        client.get(address(ready_case))


def memberships_asked(asked) -> int:
    """How many queries look up the role that the reader holds."""
    return sum(query["sql"].startswith('SELECT "cases_membership"') for query in asked.captured_queries)
