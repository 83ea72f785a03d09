"""The export of reviewed cases."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from django.http import HttpResponseBase, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.pagination import linked_page
from cases.api.parameters import ReviewedCasesParameters
from cases.api.renderers import EXPORT_RENDERERS, CsvRenderer, ExportNegotiation, NdjsonRenderer
from cases.api.views.base import ApiView, require_somewhere, user_of
from cases.disclaimer import DISCLAIMER
from cases.downloads import named
from cases.export import rows
from cases.export.selection import current_reviews, with_all
from cases.permissions import Action
from cases.snapshot import one_snapshot
from cases.worklist import keyset

LINES = {CsvRenderer.format: rows.csv_lines, NdjsonRenderer.format: rows.ndjson_lines}


class ReviewedCasesView(ApiView):
    """Reviews as last amended, of the cohorts in which the user may export, oldest first."""

    renderer_classes = EXPORT_RENDERERS
    content_negotiation_class = ExportNegotiation

    @extend_schema(
        operation_id="reviewed_cases",
        tags=["export"],
        summary="Reviewed cases as JSON, CSV or NDJSON",
        description=schema.EXPORT_DESCRIPTION,
        parameters=[ReviewedCasesParameters, *schema.EXPORT_PARAMETERS],
        responses=schema.EXPORT_RESPONSES | schema.problems(400, 401, 403, 406),
    )
    def get(self, request: Request) -> HttpResponseBase:
        """A page as JSON, or everything as a stream."""
        require_somewhere(request, Action.EXPORT)
        parameters = ReviewedCasesParameters.of(request)
        reviews = current_reviews(request.user, parameters.filters())
        renderer = request.accepted_renderer
        headers = {"X-Research-Use": DISCLAIMER}
        if renderer.format in LINES:
            lines = LINES[renderer.format](rows.rows(reviews, to=user_of(request)))
            return _stream(lines, renderer.media_type, renderer.format, headers)
        oldest_first = functools.partial(
            keyset.page_of, reviews, keyset.BY_AGE, descending=False, dressed=with_all
        )
        with one_snapshot():
            page = linked_page(oldest_first, request, **parameters.paging)
            body = page.body([rows.review_row(review) for review in page.rows])
        rows.write_down(page.rows, to=user_of(request))
        return Response(body | {"notice": DISCLAIMER}, headers=headers)


def _stream(
    lines: Iterator[str], media_type: str, extension: str, headers: dict[str, str]
) -> StreamingHttpResponse:
    """Lines as they come from the database.

    An error on the way is raised out of the iterator, so the server cuts the connection
    without the closing chunk and the client knows that the file is not complete.
    """
    name = f"secondread-reviewed-cases-{timezone.now():%Y%m%dT%H%M%SZ}.{extension}"
    return StreamingHttpResponse(
        lines,
        content_type=f"{media_type}; charset=utf-8",
        headers=headers | named(name),
    )
