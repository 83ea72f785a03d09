"""What the OpenAPI document says beyond what the serializers say."""

from __future__ import annotations

from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from cases.api.problems import KINDS, MEDIA_TYPE
from cases.api.reviewed_case import ReviewedCaseSerializer
from cases.api.serializers import (
    CaseSerializer,
    FirstReadSerializer,
    ReceiptSerializer,
    ReviewSerializer,
)
from cases.disclaimer import DISCLAIMER

Responses = dict[Any, Any]


class ProblemSerializer(serializers.Serializer[Any]):
    """An error (RFC 9457)."""

    type = serializers.CharField(help_text="An address that says what the code means.")
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField(help_text="What happened, and what to do.")
    code = serializers.ChoiceField(sorted(KINDS))
    errors = serializers.DictField(  # type: ignore[assignment]  # a name that Serializer has too
        child=serializers.ListField(child=serializers.CharField()),
        required=False,
        help_text="Sentences by parameter or field.",
    )


class ConflictSerializer(ProblemSerializer):
    """The state does not allow this; `current` is the newer review, where that is the reason."""

    current = ReviewSerializer(required=False)
    current_first_read = FirstReadSerializer(required=False)


class AllRefusedSerializer(ProblemSerializer):
    """None of the files was taken in."""

    receipts = ReceiptSerializer(many=True)


class ReceiptsSerializer(serializers.Serializer[Any]):
    """What became of each file."""

    receipts = ReceiptSerializer(many=True)


class KindSerializer(serializers.Serializer[Any]):
    """What all problems of one code have in common."""

    code = serializers.CharField()
    status = serializers.IntegerField()
    title = serializers.CharField()


class IndexSerializer(serializers.Serializer[Any]):
    """Where to begin."""

    title = serializers.CharField()
    notice = serializers.CharField()
    links = serializers.DictField(child=serializers.URLField())


class PageSerializer(serializers.Serializer[Any]):
    """Some rows, and the addresses of the pages beside them."""

    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class CasePageSerializer(PageSerializer):
    """Some cases."""

    results = CaseSerializer(many=True)


class ReviewedCasePageSerializer(PageSerializer):
    """Some rows of the export."""

    results = ReviewedCaseSerializer(many=True)
    notice = serializers.CharField()


def problems(*statuses: int, conflict: type[ProblemSerializer] = ConflictSerializer) -> Responses:
    """The problem responses of these statuses, and those that every address may give. conflict: the shape of
    a 409.
    """
    shapes = {409: conflict}
    return {
        (status, MEDIA_TYPE): OpenApiResponse(
            shapes.get(status, ProblemSerializer),
            description=" / ".join(str(kind.title) for kind in KINDS.values() if kind.status == status),
        )
        for status in (*statuses, 429, 500, 503)
    }


CASE_PAGE = CasePageSerializer
CODE = OpenApiParameter(
    "code", str, OpenApiParameter.PATH, description="Code of the case, such as K7QF-2M9D."
)
REVIEW_ID = OpenApiParameter(
    "review_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the review."
)

COHORT_ID = OpenApiParameter(
    "cohort_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the cohort."
)
WEBHOOK_ID = OpenApiParameter(
    "webhook_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the webhook."
)
DELIVERY_ID = OpenApiParameter(
    "delivery_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the delivery."
)
IF_MATCH = OpenApiParameter(
    "If-Match",
    str,
    OpenApiParameter.HEADER,
    required=True,
    description="The ETag that was answered last: what was changed since is not overwritten.",
)
KEY_ONCE = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    pattern=r"^[\x21-\x7e]{1,200}$",
    description=(
        "Sent again with the same key within a day, the request does nothing more and is answered as before."
    ),
)
ETAG = OpenApiParameter(
    "ETag", str, OpenApiParameter.HEADER, response=[200, 201], description="For If-Match."
)

MAP_SQUARE = OpenApiParameter(
    "Map-Square",
    str,
    OpenApiParameter.HEADER,
    response=[200],
    description="With NPY: side, left and top of the square that the fields cover, in pixels of the picture.",
)

SNAPSHOT_ID = OpenApiParameter(
    "snapshot_id", OpenApiTypes.UUID, OpenApiParameter.PATH, description="Id of the snapshot."
)

EXPORT_DESCRIPTION = f"""\
Every review as last amended, of the cohorts in which you may export, in the order in which they
were given. The format follows `?format=` (`json`, `csv`, `ndjson`), else the `Accept` header.

JSON comes in pages: follow `next` until it is null. A review that comes in meanwhile stands on a
later page; no row is lost or doubled. CSV and NDJSON are streamed whole. They have no length; if
the server fails on the way, it cuts the connection without the closing chunk, and the client
reports an incomplete answer. Drop such a file.

A text cell of the CSV that a spreadsheet would run as a formula has an apostrophe before it.

{DISCLAIMER}"""

UPLOAD_DESCRIPTION = """\
Content decides what a file is, not its name; names are neither stored nor logged. Each file has
its own receipt, in the order of the form: 201 if at least one was received, 200 if none was but
some were here already, 422 if all were refused. The same file twice in a cohort leads to the
first case.

Each file is a case of its own. With `together=true` all files of the request are the images
(slices) of one case, in the order of the form; one that is refused or here already is left out, and
the others close up. DICOM and NIfTI go by what they say themselves: each series becomes one case,
sorted by where its slices lie. Of a zip each file has a receipt of its own, with the `index` of the
archive. A NIfTI file of several volumes is refused, with their number, unless `volume` says which one
is to be read. With `case` instead of `cohort` the files become further images of a case that
nobody has begun to read; otherwise the answer is 409."""

RESUMABLE_DESCRIPTION = """\
tus 1.0 (https://tus.io/protocols/resumable-upload) with creation, checksum, termination and
expiration, for one file: a zip or a tar of a series, a volume. Upload-Metadata names `cohort` (name or
id), and may name `filename`, `grouping` (`separate` or `one_case`, as on the upload page), `volume` (of
a NIfTI file of several), `sha256` of the whole in hexadecimal digits, and `direct`.

When the last piece is here, a worker looks at the files and proposes cases: GET says which, and a POST
to `create/` makes them. With `direct=true` they are made without that. What nobody goes on with or
confirms is thrown away; so is what arrived, once its cases are made. Until then it lies encrypted, and
nothing of it can be fetched."""

STOW_DESCRIPTION = """\
DICOMweb's Store Transaction (PS3.18, 10.5). The body is multipart/related with
type="application/dicom"; each series becomes one case, as by every other door. Nothing that names
a patient is stored, and no file is kept: what is retrieved is made anew and has other UIDs, so that
the Retrieve URL is empty. An instance that was here already counts as stored."""
STOW_STATUS = {
    200: "All instances were stored.",
    202: "Some were stored; the Failed SOP Sequence (0008,1198) names the others, each with its reason.",
    409: "None was stored.",
}

QIDO: dict[str, Any] = {
    "description": (
        "DICOMweb's Search Transaction (PS3.18, 10.6), over what you may see. Patients, studies, series and "
        "instances stand under keys of the cohort, which name nobody; dates are shifted. Search by "
        "StudyInstanceUID, SeriesInstanceUID, PatientID or Modality, with limit (100; at most 1,000) and "
        "offset."
    ),
    "responses": {
        (200, "application/dicom+json"): OpenApiResponse({"type": "array", "items": {"type": "object"}}),
        **problems(400, 401, 403, 404),
    },
}

_WADO_DESCRIPTION = (
    "DICOMweb's Retrieve Transaction (PS3.18, 10.4), of what you may see. Instances are made anew from the "
    "stored picture, under keys of the cohort: UIDs are those that the search tells, dates are shifted, no "
    "name and no result is in them. Each has one frame."
)
WADO: dict[str, Any] = {
    "tags": ["cases"],
    "description": f"{_WADO_DESCRIPTION} Explicit VR, little endian, uncompressed.",
    "responses": {
        (200, "multipart/related"): OpenApiResponse(OpenApiTypes.BINARY, description="An instance a part."),
        **problems(401, 403, 404, 406),
    },
}
WADO_JSON: dict[str, Any] = {
    "tags": ["cases"],
    "description": _WADO_DESCRIPTION,
    "responses": {
        (200, "application/dicom+json"): OpenApiResponse({"type": "array", "items": {"type": "object"}}),
        **problems(401, 403, 404, 406),
    },
}
WADO_RENDERED: dict[str, Any] = {
    "tags": ["cases"],
    "description": f"{_WADO_DESCRIPTION} In its file's window at full size, or as "
    "the query wants it (PS3.18, 8.3.5); JPEG unless PNG is asked for.",
    "responses": {
        (200, "image/jpeg"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture."),
        (200, "image/png"): OpenApiResponse(OpenApiTypes.BINARY, description="The picture."),
        **problems(400, 401, 403, 404, 406),
    },
}
WADO_FRAMES: dict[str, Any] = {
    "tags": ["cases"],
    "description": _WADO_DESCRIPTION,
    "responses": {
        (200, "multipart/related"): OpenApiResponse(
            OpenApiTypes.BINARY, description="The pixels, uncompressed and little endian, as one part."
        ),
        **problems(401, 403, 404, 406),
    },
}

_ROW = {
    "review_id": "0b6e0c7e-6f0f-4a53-9d3c-5a3f3c6f1d11",
    "case": "K7QF-2M9D",
    "cohort": "North",
    "simulated": False,
    "ground_truth": None,
    "reading": "blinded",
    "protocol_version": 1,
    "case_images": 20,
    "image_position": 11,
    "image_sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    "image_width": 512,
    "image_height": 512,
    "model_version": "secondread-4",
    "predicted_class": "glioma",
    "predicted_probability": 0.7,
    "probabilities": {"glioma": 0.7, "meningioma": 0.2, "notumor": 0.05, "pituitary": 0.05},
    "gate_verdict": "accepted",
    "gate_distance": 0.41,
    "trained_on": False,
    "first_read_class": "meningioma",
    "first_read_confidence": 4,
    "first_read_at": "2026-01-31T07:59:00+00:00",
    "verdict": "disagree",
    "final_class": "meningioma",
    "corrected_class": "meningioma",
    "changed_after_reveal": False,
    "other_finding": None,
    "reader_confidence": 4,
    "comment": "",
    "region": {"image": 11, "kind": "rectangle", "x0": 190, "y0": 204.5, "x1": 260, "y1": 281},
    "heat_in_region": 0.62,
    "active_seconds": 41.5,
    "reader": "4c0c9d5e-1a55-4bd5-8b7c-0f6b7a6f2f10",
    "reviewed_at": "2026-01-31T08:00:00+00:00",
    "amendment": False,
    "amends": None,
    "amendment_reason": None,
    "adjudicated_class": None,
    "adjudicated_at": None,
    "notice": DISCLAIMER,
    "remark": False,
    "seen_network_at": "2026-01-31T07:59:10+00:00",
    "seen_truth_at": None,
    "seen_peers_at": None,
    "first_read_blind": True,
    "picture_deleted_at": None,
}

EXPORT_PARAMETERS = [
    OpenApiParameter(
        "X-Research-Use",
        str,
        OpenApiParameter.HEADER,
        response=[200],
        description="The notice of every export.",
    ),
    OpenApiParameter(
        "Content-Disposition",
        str,
        OpenApiParameter.HEADER,
        response=[200],
        description="A file name, for CSV and NDJSON.",
    ),
]
EXPORT_RESPONSES: Responses = {
    (200, "application/json"): OpenApiResponse(
        ReviewedCasePageSerializer,
        examples=[
            OpenApiExample(
                "One page", {"next": None, "previous": None, "results": [_ROW], "notice": DISCLAIMER}
            )
        ],
    ),
    (200, "text/csv"): OpenApiResponse(
        OpenApiTypes.STR, description="A header line, then one line a review."
    ),
    (200, "application/x-ndjson"): OpenApiResponse(
        OpenApiTypes.STR, description="One object a line, with the members of a JSON result."
    ),
}

_RECEIPT = {
    "index": 0,
    "outcome": "received",
    "case": "K7QF-2M9D",
    "url": "https://portal.example/api/v1/cases/K7QF-2M9D/",
    "position": 0,
    "code": "received",
    "message": "Received and queued.",
    "notices": [],
}
UPLOAD_RESPONSES: Responses = {
    201: OpenApiResponse(
        ReceiptsSerializer,
        description="At least one file was received.",
        examples=[OpenApiExample("One file", {"receipts": [_RECEIPT]})],
    ),
    200: OpenApiResponse(ReceiptsSerializer, description="No new file; at least one was here already."),
    (422, MEDIA_TYPE): OpenApiResponse(AllRefusedSerializer, description=str(KINDS["all_refused"].title)),
    (507, MEDIA_TYPE): OpenApiResponse(AllRefusedSerializer, description=str(KINDS["disk_full"].title)),
}

_OPINION = {
    "verdict": "disagree",
    "corrected_class": "meningioma",
    "confidence": 4,
    "comment": "Broad dural base.",
}
REVIEW_EXAMPLES = [
    OpenApiExample(
        "Disagree",
        _OPINION | {"prediction": "5f2c1c80-3f5e-4b8e-9f53-3f1f0e0c9a77"},
        request_only=True,
    )
]
FIRST_READ_EXAMPLES = [
    OpenApiExample(
        "Commit",
        {"read_class": "meningioma", "confidence": 4, "comment": "Broad dural base."},
        request_only=True,
    )
]
AMENDMENT_EXAMPLES = [
    OpenApiExample("Amend", _OPINION | {"reason": "Second look at the contrast series."}, request_only=True)
]
