"""What the first person of an installation sees: all rights, and nothing yet to use them on."""

import pytest
from django.urls import reverse

from portal.accounts.models import User
from tests.cast import PASSWORD

WORKLIST, NEW_COHORT = "/cases/", "/admin/cases/cohort/add/"


@pytest.fixture
def superuser(db):
    return User.objects.create_superuser("super@example.org", PASSWORD, full_name="Super")


def page(client):
    response = client.get(WORKLIST)
    assert response.status_code == 200
    return response.content.decode()


def test_superuser_of_an_empty_portal_is_led_to_making_a_cohort(client_of, superuser):
    shown = page(client_of(superuser))
    assert "study administrator" not in shown
    assert f'href="{NEW_COHORT}"' in shown
    assert 'href="/admin/"' in shown
    assert 'href="/people/"' not in shown  # there is nobody to invite into anything


def test_way_to_the_first_cohort_ends_at_people_and_uploads(client_of, superuser):
    client = client_of(superuser)
    offered = client.get(NEW_COHORT).context["adminform"].form
    given = {field.name: field.value() or "" for field in offered} | {"name": "North"}
    nobody = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    assert client.post(NEW_COHORT, given | nobody).status_code == 302
    shown = page(client)
    for name in ("people:list", "cases:upload"):
        address = reverse(name)
        assert f'href="{address}"' in shown.partition("No cases yet")[2]
        assert client.get(address).status_code == 200


def test_member_of_no_cohort_is_told_whom_to_ask_and_not_shown_the_admin(client_of, make_person):
    shown = page(client_of(make_person("newcomer")))
    assert "Ask a study administrator" in shown
    assert "/admin/" not in shown


def test_reader_of_an_empty_cohort_is_not_sent_to_invite_people(client_of, colleague):
    shown = page(client_of(colleague))
    assert 'href="/cases/upload/"' in shown
    assert 'href="/people/"' not in shown


@pytest.mark.django_db
@pytest.mark.parametrize("verb", ["get", "head"])
def test_icon_is_shown_to_everybody_under_the_name_that_browsers_guess(client, verb):
    response = getattr(client, verb)("/favicon.ico")
    assert response.status_code == 302
    assert response.url.startswith("/static/img/favicon")
    assert response.url.endswith(".svg")
    assert "max-age=86400" in response["Cache-Control"]


def test_icon_takes_nothing(client):
    assert client.post("/favicon.ico").status_code == 405
