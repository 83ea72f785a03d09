"""Taking images in."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from django.http import Http404, HttpResponseBase, QueryDict
from django.utils.translation import gettext as _t
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from cases.api import schema
from cases.api.inputs import UploadInput
from cases.api.problems import DISK_FULL, problem
from cases.api.serializers import receipt_bodies
from cases.api.views.base import ApiView, case_or_404, user_of
from cases.cohorts import cohort_named
from cases.input_values import is_storable
from cases.intake.archives import Unpacked
from cases.intake.form_files import files_of
from cases.intake.forms import volume_of
from cases.intake.receipts import Given, Outcome, Receipt, is_disk_full
from cases.intake.uploads import add_images, submit_series
from cases.models import Case, Cohort
from cases.permissions import Action, require

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile
    from django.utils.datastructures import MultiValueDict

    Parts = MultiValueDict[str, str | UploadedFile[bytes]]


class UploadsView(ApiView):
    """One or many images for one cohort, or for one case, each with its own receipt."""

    parser_classes = (MultiPartParser,)

    @extend_schema(
        operation_id="upload",
        tags=["cases"],
        summary="Upload images",
        description=schema.UPLOAD_DESCRIPTION,
        request={"multipart/form-data": UploadInput},
        responses=schema.UPLOAD_RESPONSES | schema.problems(400, 401, 403, 404, 409, 413, 415),
    )
    def post(self, request: Request) -> HttpResponseBase:
        """Take the files in, one after the other; a bad one does not stop the others."""
        receipts, places = _take_in(request)
        body = {"receipts": receipt_bodies(receipts, places, {"request": request})}
        if is_disk_full(receipts):
            return problem("disk_full", str(DISK_FULL), **body)
        outcomes = {receipt.outcome for receipt in receipts}
        if outcomes == {Outcome.REFUSED}:
            return problem("all_refused", _t("Each file's receipt says why."), **body)
        return Response(body, status=201 if Outcome.RECEIVED in outcomes else 200)


def _take_in(request: Request) -> tuple[list[Receipt], list[int]]:
    """The receipts of the request's files, in the order of the form, and the place of each file there: of an
    archive each file in it has one.
    """
    # Of a request with no body at all REST framework makes a plain dict.
    form, by = cast("Parts", request.data or QueryDict()), user_of(request)
    if unknown := sorted(set(form) - {"cohort", "case", "together", "volume", "file"}):
        raise ValidationError({name: [_t("This field is not known.")] for name in unknown})
    if "case" in form:
        case = _case(request, form)
        require(by, Action.UPLOAD, case.cohort)
        files = Unpacked(_files(request))
        return add_images(by=by, case=case, files=files), files.places
    cohort, together, volume = _cohort(request, form), _together(form), _volume(form)
    require(by, Action.UPLOAD, cohort)
    files = Unpacked(_files(request))
    receipts = submit_series(by=by, cohort=cohort, files=files, is_one_case=together, volume=volume)
    return receipts, files.places


def _case(request: Request, form: Parts) -> Case:
    """The case that the form names, if the user may see it."""
    if given := sorted({"cohort", "together", "volume"} & set(form)):
        message = _t("This is for new cases; leave it out, or leave out “case”.")
        raise ValidationError({name: [message] for name in given})
    code = _only(form, "case", _t("Give one code of a case."))
    return case_or_404(request, code)


def _together(form: Parts) -> bool:
    if "together" not in form:
        return False
    words = {"true": True, "false": False}
    sentence = _t("Choose one of true, false.")
    value = _only(form, "together", sentence).lower()
    if value not in words:
        raise ValidationError({"together": [sentence]})
    return words[value]


def _volume(form: Parts) -> int:
    """Which volume is wanted of files that hold several; 0 where the form does not say."""
    if "volume" not in form:
        return 0
    try:
        return volume_of(_only(form, "volume", _t("Give one number.")))
    except ValueError as refused:
        raise ValidationError({"volume": [str(refused)]}) from None


def _only(form: Parts, name: str, sentence: str) -> str:
    """The one text that the form gives under `name`."""
    values = form.getlist(name)
    if len(values) != 1 or not isinstance(values[0], str) or not values[0] or not is_storable(values[0]):
        raise ValidationError({name: [sentence]})
    return values[0]


def _cohort(request: Request, form: Parts) -> Cohort:
    """The cohort that the form names, if the user has any role in it."""
    wanted = _only(form, "cohort", _t("Give one name or id of a cohort."))
    if cohort := cohort_named(request.user, wanted):
        return cohort
    raise Http404(_t("There is no such cohort, or you are not in it."))


def _files(request: Request) -> list[tuple[str, Given]]:
    """One for each part named “file”, in the order of the form: the file, or the receipt of what is none."""
    if files := files_of(request, "file"):
        return files
    raise ValidationError({"file": [_t("Send at least one part named “file”, with a file name.")]})
