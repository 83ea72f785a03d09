"""The guides: whole in both languages, true to their files, and linked from every page."""

from __future__ import annotations

import re

import pytest

from portal.accounts.models import User
from portal.guides import FOLDER, GUIDES, read_guide

FILES = sorted(FOLDER.glob("guide-*.md"))


def test_each_guide_is_there_in_both_languages_with_the_same_parts() -> None:
    assert [path.name for path in FILES] == sorted(
        f"guide-{name}{ending}" for name in GUIDES for ending in (".md", ".de.md")
    )
    for name in GUIDES:
        english, german = (read_guide(name, language) for language in ("en", "de"))
        assert english.title != german.title
        for tag in ("<h2>", "<li>", "<kbd>", "<a "):
            assert english.body.count(tag) == german.body.count(tag), tag
        assert read_guide(name, "fr") == english


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_guide_names_pictures_and_pages_that_are_there(path) -> None:
    text = path.read_text()
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", text)
    assert pictures
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert all((FOLDER / link).is_file() for link in links), links
    # Nothing of the little Markdown is left over where it is shown.
    _, name, *language = path.name.removesuffix(".md").replace("-", ".").split(".")
    body = read_guide(name, language[0] if language else "en").body
    assert re.search(r"\*\*|`|\]\(|^#|!\[", body) is None
    assert "<h2>" in body


def test_every_page_leads_to_the_guide_of_its_reader(colleague, administrator, client_of) -> None:
    reader = client_of(colleague)
    assert 'href="/help/"' in reader.get("/cases/").text
    page = reader.get("/help/", follow=True)
    assert page.redirect_chain == [("/help/radiologist/", 302)]
    assert "<h1>Guide for radiologists</h1>" in page.text
    assert client_of(administrator).get("/help/")["Location"] == "/help/administrator/"
    User.objects.filter(pk=colleague.pk).update(language="de")
    assert "<h1>Anleitung für die Radiologie</h1>" in reader.get("/help/radiologist/").text
    assert reader.get("/help/nobody/").status_code == 404
