"""Acts on many cases in the browser: said first, done after, and only with what was confirmed."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from cases.models import Assignment, Case, Membership

BULK = "/cases/bulk/"


@pytest.fixture
def three(submit, analyse_as) -> list[Case]:
    cases = [submit(seed=seed) for seed in range(3)]
    for case in cases:
        analyse_as(case)
    return cases


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


def test_worklist_offers_the_acts_to_administrators_only(three, administrator, colleague, client_of) -> None:
    page = client_of(administrator).get("/cases/").content.decode()
    assert page.count('name="case"') == 3
    assert 'id="bulk"' in page
    page = client_of(colleague).get("/cases/").content.decode()
    assert 'name="case"' not in page
    assert 'id="bulk"' not in page


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger", "exporter"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_others_are_denied_and_nothing_changes(who, method, three, client_of, request) -> None:
    client = client_of(request.getfixturevalue(who))
    response = getattr(client, method)(BULK, {"act": "close", "case": three[0].code, "codes": three[0].code})
    assert response.status_code == 403
    assert set(Case.objects.values_list("state", flat=True)) == {"open"}


def test_visitor_is_led_to_the_sign_in(three, client) -> None:
    response = client.post(BULK, {"act": "close", "codes": three[0].code})
    assert (response.status_code, response["Location"]) == (302, f"{reverse('accounts:sign-in')}?next={BULK}")
    assert Case.objects.filter(state="open").count() == 3


def test_page_says_what_will_happen_and_changes_nothing(
    three, administrator, colleague, review_as, client_of
) -> None:
    review_as(colleague, three[0])
    query = {"act": "close", "case": [case.code for case in three]}
    response = client_of(administrator).get(BULK, query)
    page = response.content.decode()
    assert "<strong>2 cases</strong>" in page
    assert "They are read or closed already." in page
    assert f'value="{" ".join(sorted(case.code for case in three[1:]))} "' in page
    assert Case.objects.filter(state="closed").count() == 0


def test_act_with_a_target_asks_for_it_first(three, administrator, second, client_of) -> None:
    client = client_of(administrator)
    query = {"act": "assign", "case": three[0].code, "state": "open"}
    first = client.get(BULK, query)
    assert first.context["plan"] is None
    assert [str(person) for person in first.context["form"].fields["target"].queryset] == [
        "Administrator",
        "Second",
    ]
    planned = client.get(BULK, query | {"target": str(second.pk)})
    assert [case.code for case in planned.context["plan"].cases] == [three[0].code]
    done = client.post(
        BULK,
        {
            "act": "assign",
            "target": str(second.pk),
            "codes": three[0].code,
            "back": planned.wsgi_request.GET.urlencode(),
        },
    )
    assert (done.status_code, done["Location"]) == (302, "/cases/?state=open")
    assert told(done) == ["Give to a reader: done with 1 case."]
    assert Assignment.objects.get().reader == second


def offered(response) -> list[str]:
    return [str(person) for person in response.context["form"].fields["target"].queryset]


def test_give_and_take_away_offer_only_whom_they_can_concern(
    three, administrator, colleague, second, review_as, client_of
) -> None:
    client, first, both = client_of(administrator), three[0].code, [case.code for case in three[:2]]
    Assignment.objects.create(case=three[0], reader=second, assigned_by=administrator)
    review_as(colleague, three[1])
    everybody = ["Administrator", "Colleague", "Second"]
    assert offered(client.get(BULK, {"act": "assign", "case": three[2].code})) == everybody
    assert offered(client.get(BULK, {"act": "assign", "case": first})) == ["Administrator", "Colleague"]
    # Of two the second is read: what is left is the first, which one of them has.
    assert offered(client.get(BULK, {"act": "assign", "case": both})) == ["Administrator", "Colleague"]
    assert offered(client.get(BULK, {"act": "take-away", "case": both})) == ["Second"]
    refused = client.get(BULK, {"act": "assign", "case": first, "target": str(second.pk)})
    assert refused.context["plan"] is None
    nobody = client.get(BULK, {"act": "assign", "case": three[1].code})
    assert offered(nobody) == []
    assert "Nobody can be given these cases" in nobody.content.decode()
    assert "Show what will happen" not in nobody.content.decode()


def test_all_that_fit_are_those_of_the_filters_and_of_the_own_cohorts(
    three, administrator, other_cohort, owner, client_of
) -> None:
    Membership.objects.create(user=administrator, cohort=other_cohort, role="radiologist")
    Case.objects.create(cohort=other_cohort, created_by=owner)
    Case.objects.filter(pk=three[0].pk).update(priority=1)
    client = client_of(administrator)
    assert len(client.get(BULK, {"act": "close", "all": "1"}).context["codes"]) == 3
    assert client.get(BULK, {"act": "close", "all": "1", "priority": "1"}).context["codes"] == [three[0].code]


def test_more_than_can_be_looked_at_are_not_planned(three, administrator, client_of, monkeypatch) -> None:
    monkeypatch.setattr("cases.worklist.bulk_pages.MOST", 2)
    response = client_of(administrator).get(BULK, {"act": "close", "all": "1"})
    assert response.context["plan"] is None
    assert "Too many at once" in response.content.decode()


def test_case_that_came_after_the_confirmation_is_not_touched(
    three, administrator, submit, client_of
) -> None:
    client = client_of(administrator)
    page = client.get(BULK, {"act": "close", "all": "1"})
    confirmed = " ".join(case.code for case in page.context["plan"].cases)
    late = submit(seed=9)
    client.post(BULK, {"act": "close", "codes": confirmed})
    late.refresh_from_db()
    assert late.state == "open"
    assert Case.objects.filter(state="closed").count() == 3


def test_stale_confirmation_does_what_still_fits_and_says_what_does_not(
    three, administrator, colleague, review_as, client_of
) -> None:
    review_as(colleague, three[0])
    response = client_of(administrator).post(
        BULK, {"act": "close", "codes": " ".join(case.code for case in three)}
    )
    assert told(response) == [
        "Close: done with 2 cases.",
        "1 case left as it is: They are read or closed already.",
    ]


@pytest.mark.parametrize(
    "sent", [{"act": "assign"}, {"act": "assign", "target": "x"}, {"act": "move", "target": "1"}]
)
def test_confirmation_without_a_target_changes_nothing(sent, three, administrator, client_of) -> None:
    response = client_of(administrator).post(BULK, sent | {"codes": three[0].code})
    assert told(response) == ["What was chosen is not there any more. Nothing was changed."]
    assert Assignment.objects.count() == 0


@pytest.mark.parametrize("act", ["", "delete"])
def test_unknown_act_leads_back(act, three, administrator, client_of) -> None:
    response = client_of(administrator).get(BULK, {"act": act, "case": three[0].code})
    assert (response.status_code, response["Location"]) == (302, "/cases/")


def test_no_ticked_case_is_said(administrator, client_of) -> None:
    page = client_of(administrator).get(BULK, {"act": "close"}).content.decode()
    assert "No case is chosen" in page


def test_case_that_the_administrator_does_not_see_is_not_there(
    three, other_cohort, make_person, client_of
) -> None:
    foreign = make_person("foreign", other_cohort, "administrator")
    client = client_of(foreign)
    client.post(BULK, {"act": "close", "codes": three[0].code})
    assert Case.objects.filter(state="open").count() == 3
    assert three[0].code not in client.get(BULK, {"act": "close", "case": "0000-0000"}).content.decode()
