"""The page on which a cohort's protocol is seen and changed."""

import pytest

from cases.models import AuditEvent

PAGE = "/dashboard/protocol/"


def terms(cohort, **changes) -> dict[str, str]:
    given = {
        "cohort": str(cohort.pk),
        "reading": "blinded",
        "readers_required": "2",
        "reading_order": "random",
        "adjudicator": "",
        "reveals_ground_truth": "on",
    }
    return given | changes


def test_terms_are_changed_and_lead_there_from_the_dashboard(
    cohort, administrator, referee, client_of
) -> None:
    client = client_of(administrator)
    assert f'href="{PAGE}?cohort={cohort.pk}"' in client.get("/dashboard/").content.decode()
    page = client.get(PAGE, {"cohort": cohort.pk}).content.decode()
    assert "No case was read under this version yet." in page
    assert "Why does the protocol change?" not in page
    response = client.post(PAGE, terms(cohort, adjudicator=str(referee.pk)), follow=True)
    assert "The protocol is settled: version 1." in response.content.decode()
    cohort.refresh_from_db()
    assert (cohort.reading, cohort.readers_required, cohort.reading_order, cohort.adjudicator) == (
        "blinded",
        2,
        "random",
        referee,
    )
    assert [str(reader) for reader in response.context["readers"]] == []


def test_change_after_a_read_asks_for_a_reason_and_shows_the_frozen_version(
    reviewed_case, cohort, administrator, client_of
) -> None:
    client = client_of(administrator)
    response = client.post(PAGE, terms(cohort))
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {"reason"}
    cohort.refresh_from_db()
    assert cohort.reading == "ai_first"
    response = client.post(PAGE, terms(cohort, reason="The pilot is over."), follow=True)
    page = response.content.decode()
    assert "The protocol is settled: version 2." in page
    assert [(row.version, row.reading, row.n) for row in response.context["versions"]] == [(1, "ai_first", 1)]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"readers_required": "0"}, "readers_required"),
        ({"readers_required": "21"}, "readers_required"),
        ({"reading": "aloud"}, "reading"),
        ({"reading_order": ""}, "reading_order"),
        ({"adjudicator": "nobody"}, "adjudicator"),
    ],
)
def test_terms_that_do_not_hold_are_refused_at_their_field(
    changes, field, cohort, administrator, client_of
) -> None:
    response = client_of(administrator).post(PAGE, terms(cohort, **changes))
    assert response.status_code == 422
    assert set(response.context["form"].errors) == {field}
    assert not AuditEvent.objects.filter(action="protocol.changed").exists()


def test_only_administrators_of_the_cohort_come_here(
    cohort, colleague, stranger, administrator, client_of, client
) -> None:
    assert client.get(PAGE).status_code == 302
    for user, status in ((colleague, 403), (stranger, 403)):
        assert client_of(user).get(PAGE, {"cohort": cohort.pk}).status_code == status
        assert client_of(user).post(PAGE, terms(cohort)).status_code == status
    assert client_of(administrator).put(PAGE).status_code == 405
    assert client_of(administrator).get(PAGE, {"cohort": "nonsense"}).status_code == 404
    cohort.refresh_from_db()
    assert cohort.reading == "ai_first"
