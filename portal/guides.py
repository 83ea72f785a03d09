"""The guides of docs/ as pages: one text for who reads the repository and for who reads in the portal.

They are written in a little of Markdown, which is turned into HTML here: headings, paragraphs, lists, strong
words, keys, and links from one guide to the other. The pictures are left out: the pages are at hand.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from cases.access import PageRequest, signed_in
from cases.permissions import Action, actions_anywhere
from portal.settings.env import BASE_DIR

# By the name in the address, and in the name of the file.
GUIDES = {"radiologist": _("For radiologists"), "administrator": _("For study administrators")}
FOLDER = BASE_DIR / "docs"


@dataclass(frozen=True)
class Guide:
    """One guide in one language."""

    title: str
    body: SafeString


@require_safe
@signed_in
def guides(request: PageRequest) -> HttpResponse:
    """On to the guide of whoever asks."""
    manages = any(action == Action.MANAGE for action, _reading in actions_anywhere(request.user))
    return redirect("guide", name="administrator" if manages else "radiologist")


@require_safe
@signed_in
def guide(request: PageRequest, name: str) -> HttpResponse:
    """One guide, in the language of the pages."""
    if name not in GUIDES:
        raise Http404
    context = {"guide": read_guide(name, get_language() or "en"), "name": name, "guides": GUIDES.items()}
    return render(request, "guide.html", context)


@functools.cache
def read_guide(name: str, language: str) -> Guide:
    """The guide, in English where there is none in this language."""
    path = FOLDER / f"guide-{name}.{language}.md"
    text = (path if path.is_file() else FOLDER / f"guide-{name}.md").read_text(encoding="utf-8")
    first, *rest = (block.strip() for block in text.split("\n\n") if block.strip())
    html = "\n".join(_block(block) for block in rest if not block.startswith("!["))
    return Guide(first.removeprefix("# "), mark_safe(html))  # noqa: S308 - made of escaped text alone


def _block(text: str) -> str:
    if text.startswith("## "):
        return f"<h2>{_inline(text.removeprefix('## '))}</h2>"
    if text.startswith("- "):
        items = "".join(f"<li>{_inline(item)}</li>" for item in text.removeprefix("- ").split("\n- "))
        return f"<ul>{items}</ul>"
    return f"<p>{_inline(text)}</p>"


def _inline(text: str) -> str:
    html = str(escape(text))
    html = re.sub(r"`([^`]+)`", r"<kbd>\1</kbd>", html)
    html = re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", html)
    return re.sub(r"\[([^\]]+)\]\(guide-(\w+)(?:\.\w+)?\.md\)", _link, html)


def _link(found: re.Match[str]) -> str:
    return f'<a href="{reverse("guide", args=[found[2]])}">{found[1]}</a>'
