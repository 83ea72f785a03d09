"""Cases: which there are, how far they are, and another try."""

from __future__ import annotations

import functools

from django.http import HttpResponseBase
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cases import disclosures
from cases.analysis import jobs, results
from cases.analysis.results import Progress
from cases.api import schema
from cases.api.pagination import linked_page
from cases.api.parameters import CasesParameters, Parameters
from cases.api.problems import problem
from cases.api.serializers import (
    CaseDetail,
    CaseDetailSerializer,
    CaseSerializer,
    JobSerializer,
)
from cases.api.views.base import ApiView, case_or_404, require_somewhere, user_of
from cases.blinding import may_see_results
from cases.lifecycle import Shown
from cases.models import Case, Prediction
from cases.permissions import Action, cohorts_where, may, require
from cases.reading.protocols import terms_for
from cases.reading.queries import own_first_read, reviews_of
from cases.worklist.listing import with_analysis
from cases.worklist.sorting import Sort, page_of


def may_name_network(request: Request, case: Case) -> bool:
    """Whether the answer may say which network looks at the case: a blinded reader is told nothing of it."""
    return not may(request.user, Action.READ, case.cohort) or may_see_results(request.user, case)


def _image_results(request: Request, case: Case, shown: Prediction | None) -> list[Prediction]:
    """What the network whose result stands for the case says of each of its images."""
    if shown is None:
        return []
    return list(results.results_by_image(request.user, case, shown.model_version).values())


def _write_down(request: Request, detail: CaseDetail) -> None:
    """What the answer shows (cases/disclosures.py), before it leaves."""
    kinds = [Shown.NETWORK] if detail.prediction else []
    if any(review.reader_id != user_of(request).pk for review in detail.reviews or ()):
        kinds.append(Shown.PEERS)
    disclosures.record(to=user_of(request), cases=[detail.case.pk], kinds=kinds)


class CasesView(ApiView):
    """The user's worklist."""

    @extend_schema(
        operation_id="cases",
        tags=["cases"],
        summary="Cases, newest first",
        parameters=[CasesParameters],
        responses={200: schema.CASE_PAGE} | schema.problems(400, 401, 403),
    )
    def get(self, request: Request) -> Response:
        """One page."""
        require_somewhere(request, Action.VIEW)
        parameters = CasesParameters.of(request)
        newest_first = functools.partial(
            page_of,
            request.user,
            parameters.filters(),
            Sort.NEWEST,
            cohorts=list(cohorts_where(request.user, Action.VIEW).values_list("pk", flat=True)),
            dressed=functools.partial(with_analysis, request.user),
        )
        page = linked_page(newest_first, request, **parameters.paging)
        results = CaseSerializer(page.rows, many=True, context={"request": request}).data
        return Response(page.body(list(results)))


class CaseView(ApiView):
    """One case."""

    @extend_schema(
        operation_id="case",
        tags=["cases"],
        summary="One case: states, image facts, and for readers the result and the reviews",
        parameters=[schema.CODE],
        responses={200: CaseDetailSerializer} | schema.problems(400, 401, 404, 410),
    )
    def get(self, request: Request, code: str) -> Response:
        """Result and reviews only with the right to read them."""
        Parameters.of(request)
        case = case_or_404(request, code)
        detail = _detail(request, case)
        _write_down(request, detail)
        context = {"request": request, "names_network": may_name_network(request, case)}
        return Response(CaseDetailSerializer(detail, context=context).data)


def _detail(request: Request, case: Case) -> CaseDetail:
    """What causes is read before what follows from it, each in a query of its own.

    So whatever is stored between two of them, an answer that says "succeeded" has its result, one that has
    the own first read has what that opens, and one that says "reviewed" has the reviews.
    """
    reads = may(request.user, Action.READ, case.cohort)
    job = results.current_job(case)
    progress = results.progress_of([case.pk]).get(case.pk, Progress())
    first_read = own_first_read(user_of(request), case) if reads else None
    shown = results.current_result(request.user, case)
    return CaseDetail(
        case=case,
        job=job,
        progress=progress,
        prediction=shown,
        results=_image_results(request, case, shown),
        reviews=list(reviews_of(request.user, case)) if reads else None,
        terms=terms_for(case),
        first_read=first_read,
    )


class RetryView(ApiView):
    """Another try at a failed analysis."""

    @extend_schema(
        operation_id="retry",
        tags=["cases"],
        summary="Queue a failed analysis again",
        parameters=[schema.CODE],
        request=None,
        responses={202: JobSerializer} | schema.problems(401, 403, 404, 409, 410),
    )
    def post(self, request: Request, code: str) -> HttpResponseBase:
        """Only from “failed” or “cancelled”; of a case of many images all that ended so."""
        case = case_or_404(request, code)
        require(request.user, Action.RETRY, case.cohort)
        if results.current_job(case) is None:
            return problem("wrong_state", _t("This case has no analysis to try again."))
        jobs.retry_case(by=user_of(request), case=case)
        job = results.current_job(case)
        context = {"names_network": may_name_network(request, case)}
        return Response(JobSerializer(job, context=context).data, status=202)
