"""Forms in which somebody writes: each has a key for the browser, and answers say what became of it."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

from cases.models import Draft, Membership, Prediction
from cases.permissions import require_reader
from cases.reading import drafts
from portal.settings.env import BASE_DIR

WRITTEN = {"text", "email"}


class Forms(HTMLParser):
    """The key of each form that is posted and has a field for words; "" where it has none."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.keys: list[str] = []
        self._form: dict[str, str | None] = {}
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form":
            self._form = given
        writes = tag == "textarea" or (tag == "input" and given.get("type", "text") in WRITTEN)
        if writes and self._form.get("method") == "post":
            self.keys.append(self._form.get("data-draft") or "")


def keys_on(client, address: str) -> set[str]:
    return set(Forms(client.get(address).content.decode()).keys)


@pytest.fixture
def disputed(ready_case, under_protocol, colleague, second, referee, review_as):
    under_protocol(readers_required=2, adjudicator=referee)
    review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    return ready_case


def test_each_form_in_which_somebody_writes_has_its_key(
    disputed, submit, analyse_as, client_of, colleague, referee, administrator, cohort
) -> None:
    fresh = submit(seed=5)
    analyse_as(fresh)
    reader, office = client_of(colleague), client_of(administrator)
    code = disputed.code
    assert keys_on(reader, f"/cases/{fresh.code}/") == {f"review:{fresh.code}"}
    assert keys_on(reader, f"/cases/{code}/amend/") == {f"amend:{code}"}
    assert keys_on(client_of(referee), f"/cases/{code}/adjudicate/") == {f"adjudicate:{code}"}
    assert keys_on(office, "/dashboard/protocol/") == {f"protocol:{cohort.pk}"}
    assert keys_on(office, "/people/") == {f"invite:{cohort.pk}"}
    assert keys_on(reader, "/cases/") == {"view"}
    page = reader.post("/cases/views/save/", {"name": "Mine"}, follow=True).content.decode()
    assert 'data-drafts="saved:view"' in page
    [key] = keys_on(reader, "/cases/views/")
    assert re.fullmatch(r"view:\d+", key)


def test_form_of_a_blinded_read_has_a_key_of_its_own_and_the_next_step_settles_it(
    ready_case, blinded, colleague, client_of
) -> None:
    client, address = client_of(colleague), f"/cases/{ready_case.code}/"
    assert keys_on(client, address) == {f"first:{ready_case.code}"}
    said = {"read_class": "glioma", "confidence": "4"}
    page = client.post(address, said, follow=True).content.decode()
    assert f'data-drafts="saved:first:{ready_case.code}"' in page
    late = said | {"read_class": "other", "other_finding": "an abscess", "comment": "with a rim"}
    response = client.post(address, late)
    assert response.status_code == 409
    page = response.content.decode()
    assert f'data-drafts="unsaved:first:{ready_case.code} unsaved:review:{ready_case.code}"' in page
    assert re.findall(r'review-comment">\s*(.+?)\s*</blockquote>', page) == ["an abscess", "with a rim"]


def test_stored_answers_say_which_form_they_are_of(
    disputed, client_of, colleague, referee, administrator, cohort
) -> None:
    code = disputed.code
    reader, judge, office = client_of(colleague), client_of(referee), client_of(administrator)
    form = reader.get(f"/cases/{code}/amend/").context["form"]
    amended = {name: form.initial[name] for name in ("prediction", "amends", "confidence")}
    amended |= {"verdict": "agree", "reason": "seen again"}
    page = reader.post(f"/cases/{code}/amend/", amended, follow=True).content.decode()
    assert f'data-drafts="saved:amend:{code}"' in page
    assert f'data-drafts="saved:first:{code} saved:review:{code}"' in page
    decided = {"read_class": "glioma", "confidence": "5"}
    page = judge.post(f"/cases/{code}/adjudicate/", decided, follow=True).content.decode()
    assert f'data-drafts="saved:adjudicate:{code}"' in page
    page = judge.post(f"/cases/{code}/adjudicate/", decided, follow=True).content.decode()
    assert f'data-drafts="unsaved:adjudicate:{code}"' in page
    terms = {"reading": "ai_first", "readers_required": "2", "reading_order": "newest"}
    terms = office.get("/dashboard/protocol/").context["form"].initial | {"reason": "why", "adjudicator": ""}
    page = office.post("/dashboard/protocol/", terms | {"cohort": cohort.pk}, follow=True).content.decode()
    assert f'data-drafts="saved:protocol:{cohort.pk}"' in page
    invited = {"email": "new@example.org", "role": "radiologist"}
    page = office.post(f"/people/?cohort={cohort.pk}", invited).content.decode()
    assert f'data-drafts="saved:invite:{cohort.pk}"' in page


def save(reader, case, **fields) -> None:
    drafts.save_draft(reader=require_reader(reader, case), fields=fields, revision=0)


def test_words_of_a_draft_for_a_case_that_others_have_filled_are_to_copy(
    ready_case, blinded, colleague, second, client_of, commit_as
) -> None:
    save(colleague, ready_case, comment="too late", read_class="glioma", other_finding=" ")
    commit_as(second, ready_case)
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").content.decode()
    assert 'id="review-form"' not in page
    assert re.findall(r'review-comment">\s*(.+?)\s*</blockquote>', page) == ["too late"]
    assert "too late" not in client_of(second).get(f"/cases/{ready_case.code}/").content.decode()


def test_words_of_a_draft_are_to_copy_for_who_reads_no_more_and_show_nothing_else(
    ready_case, blinded, colleague, client_of
) -> None:
    save(colleague, ready_case, comment="mine", verdict="agree")
    Membership.objects.filter(user=colleague).update(role="technologist")
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").content.decode()
    assert re.findall(r'review-comment">\s*(.+?)\s*</blockquote>', page) == ["mine"]
    assert [value for value in (str(Prediction.objects.get().pk), "70.0", "/maps/") if value in page] == []
    assert Draft.objects.get().fields["comment"] == "mine"


def test_forms_of_an_address_show_what_it_says_and_not_what_a_browser_remembers() -> None:
    """Back brings the page of an address; a browser would fill in what was chosen when one left it."""
    forms = [
        (path.name, form)
        for path in sorted((BASE_DIR / "templates").rglob("*.html"))
        for form in re.findall(r'<form[^>]*method="get"[^>]*', path.read_text())
    ]
    assert len(forms) >= 6
    assert [name for name, form in forms if 'autocomplete="off"' not in form] == []
