"""The guides of docs/ as pages: one text for who reads the repository and for who reads in the portal.

They are written in Markdown. The pictures are left out: the pages themselves are at hand.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from cases.access import PageRequest, signed_in
from cases.permissions import Action, actions_anywhere
from portal.settings.env import BASE_DIR

# By the name in the address, and in the name of the file.
GUIDES = {"radiologist": _("For radiologists"), "administrator": _("For study administrators")}
FOLDER = BASE_DIR / "docs"
_GUIDE = re.compile(r"guide-(\w+)(?:\.\w+)?\.md")


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
    title, _gap, body = text.partition("\n")
    return Guide(title.removeprefix("# "), mark_safe(_markdown().render(body)))  # noqa: S308 - HTML is escaped


@functools.cache
def _markdown() -> MarkdownIt:
    """Renders no HTML of the text's own, and what stands for a key as one."""
    markdown = MarkdownIt("commonmark", {"html": False})
    markdown.core.ruler.push("for_the_portal", _for_the_portal)
    markdown.add_render_rule("code_inline", _key)
    return markdown


def _for_the_portal(state: StateCore) -> None:
    """Leave out paragraphs that are a picture; lead from guide to guide by the portal's own address."""
    kept: list[Token] = []
    for token in state.tokens:
        children = token.children or []
        if kept and len(children) == 1 and children[0].type == "image":
            kept.pop()
            continue
        if kept and token.type == "paragraph_close" and kept[-1].type != "inline":
            continue
        for child in children:
            if found := _GUIDE.fullmatch(str(child.attrGet("href") or "")):
                child.attrSet("href", reverse("guide", args=[found[1]]))
        kept.append(token)
    state.tokens = kept


def _key(renderer: RendererHTML, tokens: Sequence[Token], index: int, *options: Any) -> str:
    return f"<kbd>{escape(tokens[index].content)}</kbd>"
