"""Views of one's own: saved, opened, overwritten, renamed, deleted, and nobody else's."""

from __future__ import annotations

import pytest
from django.contrib.messages import get_messages

from cases.models import SavedView
from cases.worklist import saved_views

pytestmark = pytest.mark.both_databases

SAVE = "/cases/views/save/"


def told(response) -> list[str]:
    return [str(message) for message in get_messages(response.wsgi_request)]


@pytest.fixture
def view(colleague) -> SavedView:
    return saved_views.save_view(by=colleague, name="Unsure", query="uncertain=60&sort=certainty")[0]


def test_filters_are_saved_as_they_hold_and_opened_again(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    query = "sort=-priority&uncertain=80&state=open&cohort=nonsense&after=0000-0000&evil=1"
    response = client.post(SAVE, {"name": "  Mine   to do ", "query": query})
    kept = SavedView.objects.get()
    assert (kept.user, kept.name, kept.query) == (
        colleague,
        "Mine to do",
        "state=open&uncertain=80&sort=-priority",
    )
    assert response["Location"] == f"/cases/?{kept.query}"
    assert told(response) == ["View “Mine to do” is saved."]
    page = client.get(response["Location"]).content.decode()
    assert 'aria-current="true">Mine to do</a>' in page


def test_same_name_overwrites(view, colleague, client_of) -> None:
    response = client_of(colleague).post(SAVE, {"name": "Unsure", "query": "gate=uncertain"})
    assert told(response) == ["View “Unsure” now holds these filters."]
    assert SavedView.objects.get().query == "gate=uncertain"


@pytest.mark.parametrize(
    ("name", "said"),
    [("  ", "Give the view a name."), ("x" * 61, "At most 60 characters.")],
)
def test_name_that_does_not_do_is_refused(name, said, colleague, client_of) -> None:
    assert told(client_of(colleague).post(SAVE, {"name": name, "query": ""})) == [said]
    assert not SavedView.objects.exists()


def test_views_end_somewhere(view, colleague, client_of, monkeypatch) -> None:
    monkeypatch.setattr(saved_views, "MOST_VIEWS", 1)
    client = client_of(colleague)
    assert told(client.post(SAVE, {"name": "Another", "query": ""})) == [
        "You have 1 views already. Delete one of them first."
    ]
    client.post(SAVE, {"name": "Unsure", "query": ""})
    assert SavedView.objects.get().query == ""


def test_view_is_renamed_but_not_to_a_name_that_is_taken(view, colleague, client_of) -> None:
    saved_views.save_view(by=colleague, name="Other", query="")
    client = client_of(colleague)
    assert told(client.post(f"/cases/views/{view.pk}/rename/", {"name": "Other"})) == [
        "Another one of your views has this name."
    ]
    client.post(f"/cases/views/{view.pk}/rename/", {"name": "Doubtful"})
    assert set(SavedView.objects.values_list("name", flat=True)) == {"Doubtful", "Other"}


def test_view_is_deleted(view, colleague, client_of) -> None:
    response = client_of(colleague).post(f"/cases/views/{view.pk}/delete/")
    assert (response["Location"], SavedView.objects.count()) == ("/cases/views/", 0)


@pytest.mark.parametrize("act", ["rename", "delete"])
def test_views_of_others_are_not_there(act, view, second, client_of) -> None:
    client = client_of(second)
    assert client.post(f"/cases/views/{view.pk}/{act}/", {"name": "Mine"}).status_code == 404
    assert view.name not in client.get("/cases/views/").content.decode()
    assert view.name not in client.get("/cases/").content.decode()
    assert SavedView.objects.get().name == "Unsure"


@pytest.mark.parametrize("path", ["save/", "1/rename/", "1/delete/"])
def test_acts_are_posted_and_by_people_who_are_signed_in(path, client, colleague, client_of) -> None:
    assert client_of(colleague).get(f"/cases/views/{path}").status_code == 405
    assert client.post(f"/cases/views/{path}")["Location"].startswith("/accounts/sign-in/")


def test_page_lists_the_own_views(view, colleague, client_of) -> None:
    page = client_of(colleague).get("/cases/views/").content.decode()
    assert 'href="/cases/?uncertain=60&amp;sort=certainty"' in page
