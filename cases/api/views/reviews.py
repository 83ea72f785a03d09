"""What readers say of cases."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cases import disclosures
from cases.analysis.results import prediction_visible_to
from cases.api import schema
from cases.api.inputs import AmendmentInput, DecisionInput, FirstReadInput, ReviewInput
from cases.api.once import once
from cases.api.parameters import Parameters
from cases.api.problems import problem
from cases.api.serializers import (
    AdjudicationSerializer,
    CaseAdjudicationSerializer,
    FirstReadSerializer,
    ReviewSerializer,
)
from cases.api.views.base import ApiView, case_or_404, user_of
from cases.blinding import may_see_statements
from cases.lifecycle import CaseState, Shown
from cases.models import Case, Prediction, Review
from cases.permissions import Action, require, require_reader
from cases.reading.adjudication_views import sides_of
from cases.reading.adjudications import adjudicate, is_adjudicator, require_adjudicator
from cases.reading.first_reads import commit_first_read
from cases.reading.queries import adjudication_of, first_reads_of, review_visible_to, reviews_of
from cases.reading.reviews import amend_review, submit_review


class ReviewsView(ApiView):
    """What readers said of a result."""

    @extend_schema(
        operation_id="reviews",
        tags=["reviews"],
        summary="The reviews of a case: your own, and those of others once they lie open; newest first",
        parameters=[schema.CODE],
        responses={200: ReviewSerializer(many=True)} | schema.problems(400, 401, 403, 404, 410),
    )
    def get(self, request: Request, code: str) -> Response:
        """Amended ones too."""
        Parameters.of(request)
        case = case_or_404(request, code)
        require(request.user, Action.READ, case.cohort)
        said = list(reviews_of(request.user, case))
        _write_down_peers(request, case, [review.reader_id for review in said])
        return Response(ReviewSerializer(said, many=True).data)

    @extend_schema(
        operation_id="review",
        tags=["reviews"],
        summary="Agree or disagree with a result",
        parameters=[schema.CODE, schema.KEY_ONCE],
        request=ReviewInput,
        responses={201: ReviewSerializer} | schema.problems(400, 401, 403, 404, 409, 410, 413, 415, 422),
        examples=schema.REVIEW_EXAMPLES,
    )
    @once()
    def post(self, request: Request, code: str) -> Response:
        """Once a reader and case; afterwards a review is amended."""
        case = case_or_404(request, code)
        reader = require_reader(user_of(request), case)
        given = ReviewInput(data=request.data)
        given.is_valid(raise_exception=True)
        wanted = given.validated_data["prediction"]
        try:
            prediction = prediction_visible_to(request.user, case, str(wanted))
        except Prediction.DoesNotExist:
            message = _t("This case has no such result. Received: “%(received)s”.")
            raise ValidationError({"prediction": [message % {"received": wanted}]}) from None
        review = submit_review(reader=reader, prediction=prediction, read=given.read_input())
        return Response(ReviewSerializer(review).data, status=201)


def _write_down_peers(request: Request, case: Case, readers: list[UUID]) -> None:
    """That others were shown, and with their verdicts the network, before it leaves."""
    if set(readers) - {user_of(request).pk}:
        kinds = [Shown.PEERS, Shown.NETWORK]
        disclosures.record(to=user_of(request), cases=[case.pk], kinds=kinds)


class FirstReadsView(ApiView):
    """What was read blind."""

    @extend_schema(
        operation_id="first_reads",
        tags=["reviews"],
        summary="The first reads of a case: your own, and those of others once they lie open",
        parameters=[schema.CODE],
        responses={200: FirstReadSerializer(many=True)} | schema.problems(400, 401, 403, 404, 410),
    )
    def get(self, request: Request, code: str) -> Response:
        """The newest first."""
        Parameters.of(request)
        case = case_or_404(request, code)
        require(request.user, Action.READ, case.cohort)
        said = list(first_reads_of(user_of(request), case))
        if any(first.reader_id != user_of(request).pk for first in said):
            disclosures.record(to=user_of(request), cases=[case.pk], kinds=[Shown.PEERS])
        return Response(FirstReadSerializer(said, many=True).data)


class AdjudicationView(ApiView):
    """Where readers differ."""

    @extend_schema(
        operation_id="adjudication",
        tags=["reviews"],
        summary="A dispute: its sides for its adjudicator, and its decision once that lies open",
        parameters=[schema.CODE],
        responses={200: CaseAdjudicationSerializer} | schema.problems(400, 401, 403, 404, 410),
    )
    def get(self, request: Request, code: str) -> Response:
        """Sides have letters and no verdicts: of a class and an “agree” the network's class follows."""
        Parameters.of(request)
        case, user = case_or_404(request, code), user_of(request)
        require(user, Action.READ, case.cohort)
        waits = case.state == CaseState.DISPUTED and is_adjudicator(user, case)
        sides = sides_of(case) if waits else None
        decision = adjudication_of(case) if may_see_statements(user, case) else None
        if sides or (decision and decision.adjudicator_id != user.pk):
            disclosures.record(to=user, cases=[case.pk], kinds=[Shown.PEERS])
        told = {"state": case.state, "sides": sides, "decision": decision}
        return Response(CaseAdjudicationSerializer(told).data)

    @extend_schema(
        operation_id="adjudicate",
        tags=["reviews"],
        summary="Decide a disputed case, for good",
        parameters=[schema.CODE, schema.KEY_ONCE],
        request=DecisionInput,
        responses={201: AdjudicationSerializer}
        | schema.problems(400, 401, 403, 404, 409, 410, 413, 415, 422),
        examples=schema.FIRST_READ_EXAMPLES,
    )
    @once()
    def post(self, request: Request, code: str) -> HttpResponseBase:
        """For the adjudicator that the protocol names."""
        case = case_or_404(request, code)
        require_adjudicator(user_of(request), case)
        if case.state != CaseState.DISPUTED:
            return problem("wrong_state", _t("This case waits for no adjudication."))
        given = DecisionInput(data=request.data)
        given.is_valid(raise_exception=True)
        decision = adjudicate(by=user_of(request), case=case, read=given.read_input())
        return Response(AdjudicationSerializer(decision).data, status=201)


class FirstReadView(ApiView):
    """The own read of a blinded case."""

    @extend_schema(
        operation_id="first_read",
        tags=["reviews"],
        summary="Commit your own read of a blinded case; then its result is shown",
        parameters=[schema.CODE, schema.KEY_ONCE],
        request=FirstReadInput,
        responses={201: FirstReadSerializer} | schema.problems(400, 401, 403, 404, 409, 410, 413, 415, 422),
        examples=schema.FIRST_READ_EXAMPLES,
    )
    @once()
    def post(self, request: Request, code: str) -> Response:
        """Once a reader and case; it is locked."""
        case = case_or_404(request, code)
        reader = require_reader(user_of(request), case)
        given = FirstReadInput(data=request.data)
        given.is_valid(raise_exception=True)
        first = commit_first_read(reader=reader, read=given.read_input())
        return Response(FirstReadSerializer(first).data, status=201)


class AmendmentView(ApiView):
    """A review in the place of an earlier one."""

    @extend_schema(
        operation_id="amend",
        tags=["reviews"],
        summary="Amend your own review, with the reason",
        parameters=[schema.REVIEW_ID, schema.KEY_ONCE],
        request=AmendmentInput,
        responses={201: ReviewSerializer} | schema.problems(400, 401, 403, 404, 409, 410, 413, 415, 422),
        examples=schema.AMENDMENT_EXAMPLES,
    )
    @once()
    def post(self, request: Request, review_id: UUID) -> Response:
        """The earlier review stays, and the new one names it."""
        try:
            review = review_visible_to(request.user, review_id)
        except Review.DoesNotExist:
            raise Http404(_t("There is no review of this id, or you may not see it.")) from None
        require(request.user, Action.REVIEW, review.case.cohort)
        given = AmendmentInput(data=request.data)
        given.is_valid(raise_exception=True)
        amendment = amend_review(
            by=user_of(request),
            review=review,
            read=given.read_input(),
            reason=given.validated_data["reason"],
        )
        return Response(ReviewSerializer(amendment).data, status=201)
