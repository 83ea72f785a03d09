"""A card as files: its table as CSV, its drawing as SVG."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING

from django.http import Http404, HttpResponse
from django.template.loader import render_to_string

from cases.spreadsheets import safe_cell

if TYPE_CHECKING:
    from cases.evidence.cards.card import Card


def table_file(card: Card) -> HttpResponse:
    """The table behind a card; Http404 where it has none."""
    if card.table is None:
        raise Http404
    response = _file(f"{card.name}.csv", "text/csv; charset=utf-8")
    writer = csv.writer(response)
    writer.writerow([column for column, _shown in card.table.columns])
    writer.writerows([safe_cell(cell.raw) for cell in row] for row in card.table.rows)
    return response


def drawing_file(card: Card) -> HttpResponse:
    """The drawing of a card, with its colours, on white; Http404 where it has none."""
    if card.drawing is None:
        raise Http404
    response = _file(f"{card.name}.svg", "image/svg+xml")
    context = {"drawing": card.drawing, "name": card.name, "is_file": True}
    response.write(render_to_string("evidence/parts/drawing.svg", context))
    return response


def _file(name: str, content_type: str) -> HttpResponse:
    headers = {"Content-Disposition": f'attachment; filename="secondread-{name}"'}
    return HttpResponse(content_type=content_type, headers=headers)
