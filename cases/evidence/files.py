"""A card as files: its table as CSV, its drawing as SVG."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.template.loader import render_to_string

from cases.downloads import named
from cases.spreadsheets import safe_cell

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card


def table_text(card: Card) -> str:
    """The table behind a card as CSV; empty where it has none."""
    if card.table is None:
        return ""
    file = io.StringIO()
    writer = csv.writer(file)
    writer.writerow([column for column, _shown in card.table.columns])
    writer.writerows([safe_cell(cell.raw) for cell in row] for row in card.table.rows)
    return file.getvalue()


def drawing_text(card: Card) -> str:
    """The drawing of a card as SVG, with its colours, on white; empty where it has none."""
    if card.drawing is None:
        return ""
    context = {"drawing": card.drawing, "name": card.name, "is_file": True}
    return render_to_string("evidence/parts/drawing.svg", context)


def table_file(card: Card) -> HttpResponse:
    """The table behind a card, to keep; Http404 where it has none."""
    return kept_table(card.name, table_text(card))


def drawing_file(card: Card) -> HttpResponse:
    """The drawing of a card, to keep; Http404 where it has none."""
    return kept_drawing(card.name, drawing_text(card))


def kept_table(name: str, text: str) -> HttpResponse:
    """A table that was put together before; Http404 where it is empty."""
    return _file(f"{name}.csv", "text/csv; charset=utf-8", text)


def kept_drawing(name: str, text: str) -> HttpResponse:
    """A drawing that was made before; Http404 where it is empty."""
    return _file(f"{name}.svg", "image/svg+xml", text)


def _file(name: str, content_type: str, text: str) -> HttpResponse:
    if not text:
        raise Http404
    return HttpResponse(text, content_type=content_type, headers=named(f"secondread-{name}"))
