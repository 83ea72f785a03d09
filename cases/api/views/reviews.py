"""What readers say of cases."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from cases.analysis.results import prediction_visible_to
from cases.api import schema
from cases.api.inputs import AmendmentInput, FirstReadInput, ReviewInput
from cases.api.serializers import FirstReadSerializer, ReviewSerializer
from cases.api.views.base import ApiView, case_or_404, user_of
from cases.models import Prediction, Review
from cases.permissions import Action, require, require_reader
from cases.reading.first_reads import commit_first_read
from cases.reading.queries import review_visible_to
from cases.reading.reviews import amend_review, submit_review


class ReviewsView(ApiView):
    """The first review of a reader."""

    @extend_schema(
        operation_id="review",
        tags=["reviews"],
        summary="Agree or disagree with a result",
        parameters=[schema.CODE],
        request=ReviewInput,
        responses={201: ReviewSerializer} | schema.problems(400, 401, 403, 404, 409, 413, 415),
        examples=schema.REVIEW_EXAMPLES,
    )
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


class FirstReadView(ApiView):
    """The own read of a blinded case."""

    @extend_schema(
        operation_id="first_read",
        tags=["reviews"],
        summary="Commit your own read of a blinded case; then its result is shown",
        parameters=[schema.CODE],
        request=FirstReadInput,
        responses={201: FirstReadSerializer} | schema.problems(400, 401, 403, 404, 409, 413, 415),
        examples=schema.FIRST_READ_EXAMPLES,
    )
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
        parameters=[schema.REVIEW_ID],
        request=AmendmentInput,
        responses={201: ReviewSerializer} | schema.problems(400, 401, 403, 404, 409, 413, 415),
        examples=schema.AMENDMENT_EXAMPLES,
    )
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
