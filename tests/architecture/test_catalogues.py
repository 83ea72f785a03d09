"""The catalogues are complete, agree with the sources, and keep what a sentence names."""

from __future__ import annotations

import ast
import re

import pytest
from babel.messages.catalog import Catalog, Message
from django.utils import translation

from portal.settings.env import BASE_DIR
from tests.support import catalogues

LANGUAGES = catalogues.translated_languages()
# What a translation must name as well: places of values, markup, and the parts of the page that scripts fill.
KEPT = re.compile(r"%\(\w+\)[a-z]|%[sd]|\{\w+\}|<[^>]+>")
SENTENCE = re.compile(r"""["'`][A-Z][a-z]+ [a-z]+ [^"'`]*["'`]""")


def messages_of(language: str) -> list[Message]:
    return [message for message in catalogues.read(language) if message.id]


def forms(words: str | tuple[str, ...] | list[str]) -> list[str]:
    return [words] if isinstance(words, str) else list(words)


def test_there_is_a_second_language() -> None:
    assert LANGUAGES == ["de"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogue_is_what_the_sources_say(language) -> None:
    """Where this fails: `make messages`, translate what it lists, and again."""
    expected = catalogues.written(catalogues.merged(language))
    assert catalogues.po_path(language).read_bytes() == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_compiled_catalogue_is_fresh(language) -> None:
    expected = catalogues.compiled(catalogues.read(language))
    assert catalogues.po_path(language).with_suffix(".mo").read_bytes() == expected


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_has_every_form_and_none_is_fuzzy(language) -> None:
    messages = messages_of(language)
    assert len(messages) > 800
    plural_forms = catalogues.read(language).num_plurals
    left = [
        message.id
        for message in messages
        if message.fuzzy
        or not all(forms(message.string))
        or len(forms(message.string)) != (1 if isinstance(message.id, str) else plural_forms)
    ]
    assert left == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_name_what_their_sentence_names(language) -> None:
    wrong = []
    for message in messages_of(language):
        singular, *plural = forms(message.id)
        for number, said in enumerate(forms(message.string)):
            original = plural[0] if number and plural else singular
            if set(KEPT.findall(said)) != set(KEPT.findall(original)):
                wrong.append((message.id, said))
    assert wrong == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_translations_begin_and_end_as_their_sentence(language) -> None:
    """Space at an edge joins words, and a full stop tells a sentence from a label."""
    wrong = []
    for message in messages_of(language):
        for original, said in zip(forms(message.id), forms(message.string), strict=False):
            edges = [words[: len(words) - len(words.lstrip())] for words in (original, said)]
            ends = [words[len(words.rstrip()) :] for words in (original, said)]
            stops = [words.rstrip()[-1] in ".:?" for words in (original, said)]
            if edges[0] != edges[1] or ends[0] != ends[1] or stops[0] != stops[1]:
                wrong.append((original, said))
    assert wrong == []


def test_german_speaks_of_no_diagnosis() -> None:
    with translation.override("de"):
        from cases.disclaimer import DISCLAIMER_SHOWN

        assert str(DISCLAIMER_SHOWN) == (
            "Nur zur Verwendung in Forschung und Studien. Entscheidungsunterstützung, keine Diagnose; "
            "links und rechts sind nicht gesichert."
        )


def test_new_and_changed_strings_are_left_to_translate(monkeypatch) -> None:
    sources = catalogues.extracted()
    changed = Catalog()
    for message in sources:
        if message.id and message.id != "Worklist":
            changed.add(message.id, context=message.context)
    changed.add("Worklists")
    changed.add("Nothing in this house is called anything like this, ever")
    monkeypatch.setattr(catalogues, "extracted", lambda: changed)
    merged = catalogues.merged("de")
    found = {message.id: message for message in merged if message.id}
    assert "Worklist" not in found
    assert (found["Worklists"].string, found["Worklists"].fuzzy) == ("Arbeitsliste", True)
    assert not found["Nothing in this house is called anything like this, ever"].string
    assert b"Worklists" not in catalogues.compiled(merged)


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [
        ("a.py", 'x = _t("One")\ny = _("Two")\n', ["One", "Two"]),
        ("a.py", 'ngettext("%(n)d day", "%(n)d days", n)\n', [("%(n)d day", "%(n)d days")]),
        ("a.py", 'raise ImageError("too_small", "Only %(n)s " "pixels.", n=3)\n', ["Only %(n)s pixels."]),
        ("a.py", "_t(words)\n", []),
        (
            "a.html",
            '    <p>\n  {% translate "It\'s" %}\n      <b title="{% translate "Two" %}">',
            ["It's", "Two"],
        ),
        ("a.html", '{% include "a.html" with label=_("Three") %}', ["Three"]),
        (
            "a.html",
            (
                "{% blocktranslate count n=n trimmed %}\n  {{ n }} day\n{% plural %}\n  {{ n }} days\n"
                "{% endblocktranslate %}"
            ),
            [("%(n)s day", "%(n)s days")],
        ),
    ],
)
def test_strings_are_found(name, text, expected, tmp_path, monkeypatch) -> None:
    (tmp_path / name).write_text(text)
    monkeypatch.setattr(catalogues, "BASE_DIR", tmp_path)
    monkeypatch.setattr(catalogues, "SOURCES", (".",))
    assert [message.id for message in catalogues.extracted() if message.id] == expected


def test_refusals_of_the_formats_are_sentences_that_can_be_looked_up() -> None:
    """One that is put together where it is raised is in no catalogue."""
    unknown = []
    for path in sorted((BASE_DIR / "inference" / "formats").glob("*.py")):
        if path.name == "guarded.py":
            continue  # it hands on what another process has refused, in that process's sentence
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) == "ImageError":
                said = node.args[1]
                if not (isinstance(said, ast.Constant) and isinstance(said.value, str)):
                    unknown.append(f"{path.name}:{node.lineno}")
    assert unknown == []


def test_scripts_speak_only_what_the_page_gives_them() -> None:
    said = {
        f"{path.name}: {found}"
        for path in sorted((BASE_DIR / "static" / "js").rglob("*.js"))
        for found in SENTENCE.findall(path.read_text())
    }
    assert said == set()
