"""Taking images in."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, cast

from django.core.files.uploadedfile import UploadedFile
from django.http import Http404, HttpResponseBase
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.inputs import UploadInput
from cases.api.problems import problem
from cases.api.serializers import receipt_bodies
from cases.api.views.base import ApiView, user_of
from cases.models import Cohort
from cases.permissions import Action, require
from cases.selectors import cohorts_of
from cases.services.uploads import Outcome, Receipt, refusal_of_oversized, submit_file
from cases.uploadhandlers import oversized_positions

if TYPE_CHECKING:
    from django.utils.datastructures import MultiValueDict

    Parts = MultiValueDict[str, str | UploadedFile[bytes]]


class UploadsView(ApiView):
    """One or many images for one cohort, each with its own receipt."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="upload",
        tags=["cases"],
        summary="Upload images",
        description=schema.UPLOAD_DESCRIPTION,
        request={"multipart/form-data": UploadInput},
        responses=schema.UPLOAD_RESPONSES | schema.problems(400, 401, 403, 404, 413, 415),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Take the files in, one after the other; a bad one does not stop the others."""
        cohort = _cohort(request)
        require(request.user, Action.UPLOAD, cohort)
        receipts = [_take_in(request, cohort, file) for file in _files(request)]
        body = {"receipts": receipt_bodies(receipts, {"request": request})}
        outcomes = {receipt.outcome for receipt in receipts}
        if outcomes == {Outcome.REFUSED}:
            return problem("all_refused", _t("Each file's receipt says why."), **body)
        return Response(body, status=201 if Outcome.RECEIVED in outcomes else 200)


def _cohort(request: Request) -> Cohort:
    """The cohort that the form names, if the user has any role in it."""
    form = cast("Parts", request.data)
    names = form.getlist("cohort")
    if unknown := sorted(set(form) - {"cohort", "file"}):
        raise ValidationError({name: [_t("This field is not known.")] for name in unknown})
    if len(names) != 1 or not isinstance(names[0], str) or not names[0]:
        raise ValidationError({"cohort": [_t("Give one name or id of a cohort.")]})
    for entry in cohorts_of(request.user):
        if names[0] in (entry.cohort.name, str(entry.cohort.pk)):
            return entry.cohort
    raise Http404(_t("There is no such cohort, or you are not in it."))


def _files(request: Request) -> Iterator[UploadedFile[bytes] | None]:
    """The files in the order of the form; None for one that was too large to keep."""
    parts = cast("Parts", request.data).getlist("file")
    kept = request.FILES.getlist("file")
    dropped = set(oversized_positions(request._request))  # noqa: SLF001 - Django's own request
    if len(parts) != len(kept) or not (kept or dropped):
        raise ValidationError({"file": [_t("Send at least one part named “file”, with a file name.")]})
    waiting = iter(kept)
    return (None if place in dropped else next(waiting) for place in range(len(kept) + len(dropped)))


def _take_in(request: Request, cohort: Cohort, file: UploadedFile[bytes] | None) -> Receipt:
    if file is None:
        return refusal_of_oversized()
    return submit_file(by=user_of(request), cohort=cohort, file=file)
