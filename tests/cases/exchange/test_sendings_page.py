"""The page of what was sent, and its buttons: for study administrators alone."""

from __future__ import annotations

import uuid

import pytest
from django.utils import timezone

from cases.models import AuditEvent, Case, Sending, SendingRule

pytestmark = pytest.mark.both_databases
PAGE = "/dashboard/sendings/"
TOKEN = "not-for-any-eyes"


@pytest.fixture(autouse=True)
def archives(settings) -> None:
    settings.DICOM_DESTINATIONS = ["archive=https://pacs.example.org/dicom-web", "mrpacs=dicom://MR@10.0.0.5"]
    settings.DICOM_DESTINATION_TOKENS = [f"archive=Bearer {TOKEN}"]


@pytest.fixture
def by_hand(cohort) -> SendingRule:
    now = timezone.now()
    return SendingRule.objects.create(
        cohort=cohort, destination="archive", moment="by_hand", since=now, looked_at=now
    )


def page_of(client, cohort, query: str = "") -> str:
    response = client.get(f"{PAGE}?cohort={cohort.pk}{query}")
    assert response.status_code == 200
    text: str = response.content.decode()
    assert TOKEN not in text
    return text


def set_rules(client, cohort, **moments: str):
    given = {f"moment-{name}": moment for name, moment in moments.items()}
    return client.post(f"{PAGE}rules/", {"cohort": str(cohort.pk), **given})


def test_administrator_chooses_where_cases_go_and_it_is_written_down(
    administrator, cohort, client_of
) -> None:
    client = client_of(administrator)
    text = page_of(client, cohort)
    for words in (
        "archive (STOW-RS, TLS, pacs.example.org)",
        "mrpacs (C-STORE, MR, 10.0.0.5)",
        "Nothing yet.",
    ):
        assert words in text
    answer = set_rules(client, cohort, archive="final", mrpacs="never")
    assert answer["Location"] == f"{PAGE}?cohort={cohort.pk}"
    assert list(SendingRule.objects.values_list("destination", "moment")) == [("archive", "final")]
    (event,) = AuditEvent.objects.filter(action="sending.rule")
    assert (event.actor, event.cohort, event.details) == (
        administrator,
        cohort,
        {"destination": "archive", "moment": "final"},
    )
    set_rules(client, cohort, archive="final")
    assert AuditEvent.objects.filter(action="sending.rule").count() == 1
    set_rules(client, cohort, archive="whenever")
    set_rules(client, cohort, elsewhere="final")
    assert list(SendingRule.objects.values_list("destination", "moment")) == [("archive", "final")]


def test_what_waits_for_a_destination_that_is_chosen_no_more_is_not_sent(
    by_hand, administrator, cohort, client_of, reviewed_case
) -> None:
    client = client_of(administrator)
    client.post(f"{PAGE}case/", {"case": reviewed_case.code})
    assert Sending.objects.get().state == "waiting"
    set_rules(client, cohort, archive="never")
    sending = Sending.objects.get()
    assert (sending.state, sending.answer) == ("given_up", {"code": "not_chosen"})
    assert "The cohort sends nothing there any more." in page_of(client, cohort)
    client.post(f"{PAGE}{sending.pk}/again/")
    assert Sending.objects.count() == 1


def test_case_is_sent_by_a_button_on_its_page(by_hand, administrator, client_of, reviewed_case) -> None:
    client = client_of(administrator)
    assert f'action="{PAGE}case/"' in client.get(f"/cases/{reviewed_case.code}/").content.decode()
    answer = client.post(f"{PAGE}case/", {"case": reviewed_case.code.lower()})
    assert answer["Location"] == f"{PAGE}?cohort={reviewed_case.cohort_id}&case={reviewed_case.code}"
    sending = Sending.objects.get()
    assert (sending.case, sending.destination, sending.asked_by) == (reviewed_case, "archive", administrator)
    assert "It is being sent to archive." in client.get(answer["Location"]).content.decode()
    # Twice is once, while it waits.
    client.post(f"{PAGE}case/", {"case": reviewed_case.code})
    assert Sending.objects.count() == 1
    assert AuditEvent.objects.filter(action="case.sending_asked").count() == 1


def test_button_is_there_for_administrators_where_the_cohort_sends_alone(
    reviewed_case, administrator, colleague, client_of, cohort
) -> None:
    address = f"/cases/{reviewed_case.code}/"
    assert f"{PAGE}case/" not in client_of(administrator).get(address).content.decode()
    SendingRule.objects.create(
        cohort=cohort, destination="archive", moment="final", since=timezone.now(), looked_at=timezone.now()
    )
    assert f"{PAGE}case/" not in client_of(colleague).get(address).content.decode()
    Case.objects.filter(pk=reviewed_case.pk).update(state="in_review")
    assert f"{PAGE}case/" not in client_of(administrator).get(address).content.decode()


def test_ended_sending_is_listed_with_its_answer_and_sent_again(
    by_hand, administrator, cohort, client_of, reviewed_case
) -> None:
    client = client_of(administrator)
    client.post(f"{PAGE}case/", {"case": reviewed_case.code})
    answer = {"code": "instances_failed", "status": 409, "reasons": {"A900": 3, "0122": 1}}
    Sending.objects.update(state="refused", ended_at=timezone.now(), attempts=2, answer=answer)
    text = page_of(client, cohort, f"&case={reviewed_case.code.lower()}")
    assert "The archive did not store all of the files. Answer: HTTP 409, 1 x 0122H, 3 x A900H." in text
    assert f"Sendings of {reviewed_case.code}" in " ".join(text.split())
    client.post(f"{PAGE}{Sending.objects.get().pk}/again/")
    assert list(Sending.objects.values_list("state", "attempts")) == [("waiting", 0), ("refused", 2)]
    assert "Nothing yet." in page_of(client, cohort, "&case=0000-0000")


def test_case_that_is_not_over_is_not_sent(by_hand, administrator, client_of, ready_case) -> None:
    client = client_of(administrator)
    answer = client.post(f"{PAGE}case/", {"case": ready_case.code})
    assert "There is nothing to send" in client.get(answer["Location"]).content.decode()
    assert Sending.objects.count() == 0


def test_nobody_but_administrators_sees_or_changes_anything(
    by_hand, reviewed_case, colleague, exporter, stranger, client, client_of, cohort
) -> None:
    now = timezone.now()
    sending = Sending.objects.create(
        case=reviewed_case, cohort=cohort, destination="archive", state="sent", next_at=now, ended_at=now
    )
    for person, status in ((colleague, 403), (exporter, 403), (stranger, 403)):
        theirs = client_of(person)
        assert theirs.get(f"{PAGE}?cohort={cohort.pk}").status_code == status
        assert set_rules(theirs, cohort, archive="never").status_code == status
        again = theirs.post(f"{PAGE}{sending.pk}/again/").status_code
        assert again == (404 if person == stranger else 403)
        case = theirs.post(f"{PAGE}case/", {"case": reviewed_case.code}).status_code
        assert case == (403 if person == colleague else 404)
    assert client.get(PAGE)["Location"].startswith("/accounts/sign-in/")
    assert client_of(colleague).get(f"{PAGE}rules/").status_code == 405
    assert client_of(colleague).post(f"{PAGE}{uuid.uuid4()}/again/").status_code == 404
    assert (Sending.objects.count(), SendingRule.objects.get().moment) == (1, "by_hand")


def test_settings_that_cannot_be_used_do_not_break_the_page(
    by_hand, administrator, cohort, client_of, settings
) -> None:
    settings.DICOM_DESTINATIONS = ["archive=nowhere"]
    text = page_of(client_of(administrator), cohort)
    assert "The operator has taken this destination out of the settings." in text
