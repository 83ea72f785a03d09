"""The catalogues of translated strings, with Babel instead of GNU gettext, which few machines have.

Babel is a tool of development, and so is this module; the web process reads the compiled catalogues with the
standard library. `make messages` runs it: it brings the catalogues up to the sources, and says what is left
to translate.
"""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.conf import settings
from django.utils.translation.template import templatize

from portal.settings.env import BASE_DIR

SOURCES = (
    "cases",
    "inference/blackout.py",
    "inference/canonical.py",
    "inference/formats",
    "inference/rendering.py",
    "inference/series.py",
    "cases/analysis/worker.py",
    "portal",
    "templates",
)
HEADER = "# The words of SecondRead. The German ones are explained in docs/glossary-de.md."
TEMPLATES = frozenset({".html", ".txt"})
# What of a call is a message, as Babel writes it: nothing for the first argument, else which ones.
# The core's sentences are looked up as they stand (cases/translation.py).
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "_t": None,
    "gettext_lazy": None,
    "gettext_noop": None,
    "ngettext_lazy": (1, 2),
    "pgettext_lazy": ((1, "c"), 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "ImageError": (2,),
    "BoxError": (2,),
    "RenderingError": (2,),
    "Failure": (2,),
    "Remark": (2,),
}


def po_path(language: str) -> Path:
    """Where the catalogue of a language lies."""
    return Path(settings.LOCALE_PATHS[0]) / language / "LC_MESSAGES" / "django.po"


def translated_languages() -> list[str]:
    """Every language but the one that the sources are written in."""
    return [code for code, _ in settings.LANGUAGES if code != settings.LANGUAGE_CODE]


def extracted() -> Catalog:
    """Every string of the sources that is to be translated, in the order of the files."""
    found = Catalog()
    for path in _source_files():
        place = path.relative_to(BASE_DIR).as_posix()
        for line, ids, comments, context in _messages_of(path):
            found.add(ids, locations=[(place, line)], auto_comments=comments, context=context)
    return found


def _source_files() -> Iterator[Path]:
    for source in SOURCES:
        root = BASE_DIR / source
        paths = [root] if root.is_file() else sorted(root.rglob("*"))
        yield from (path for path in paths if path.suffix == ".py" or path.suffix in TEMPLATES)


def _messages_of(path: Path) -> Iterator[tuple[int, str | tuple[str, ...], list[str], str | None]]:
    """Line, words (singular and plural as a pair), comments to translators, and context of each message."""
    text = path.read_text(encoding="utf-8")
    if path.suffix in TEMPLATES:
        # Python's tokenizer, which Babel uses, takes the indentation of markup for that of code.
        text = "\n".join(line.lstrip() for line in templatize(text).splitlines())
    yield from extract("python", io.BytesIO(text.encode()), KEYWORDS, ["Translators:"])


def read(language: str) -> Catalog:
    """The catalogue as it lies there; an empty one where there is none yet."""
    path = po_path(language)
    if not path.is_file():
        return Catalog(
            locale=language,
            project="SecondRead",
            version="1",
            header_comment=HEADER,
            msgid_bugs_address="none",
            last_translator="SecondRead",
            language_team=language,
            fuzzy=False,
        )
    with path.open("rb") as file:
        return read_po(file, locale=language, abort_invalid=True)


def merged(language: str) -> Catalog:
    """The catalogue brought up to the sources: translations stay, a changed string's is marked fuzzy."""
    catalogue = read(language)
    catalogue.update(extracted(), update_creation_date=False)
    catalogue.obsolete.clear()
    return catalogue


def written(catalogue: Catalog) -> bytes:
    """The catalogue as a .po file; without line numbers, so that it changes only where words do."""
    stream = io.BytesIO()
    write_po(stream, catalogue, width=100, include_lineno=False, include_previous=True)
    return stream.getvalue()


def compiled(catalogue: Catalog) -> bytes:
    """The catalogue as a .mo file; without what is fuzzy."""
    stream = io.BytesIO()
    write_mo(stream, catalogue)
    return stream.getvalue()


def renew(language: str) -> Catalog:
    """Bring both files of a language up to the sources."""
    catalogue = merged(language)
    path = po_path(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(written(catalogue))
    path.with_suffix(".mo").write_bytes(compiled(catalogue))
    return catalogue


def main() -> int:
    """Renew both files of each language; list what has no translation."""
    for language in translated_languages():
        messages = [message for message in renew(language) if message.id]
        missing = [message for message in messages if message.fuzzy or not _all_said(message.string)]
        sys.stdout.write(f"{language}: {len(messages)} messages, {len(missing)} to translate\n")
        for message in missing:
            words = message.id if isinstance(message.id, str) else message.id[0]
            sys.stdout.write(f"  {'fuzzy: ' if message.fuzzy else ''}{words}\n")
    return 0


def _all_said(translation: str | tuple[str, ...] | list[str] | None) -> bool:
    """Whether every form of a translation has words."""
    forms = [translation] if isinstance(translation, str) else list(translation or [""])
    return all(forms)


if __name__ == "__main__":
    sys.exit(main())
