"""The pictures of a case: the base, the small heat maps, and the two laid over each other; as PNG for every
browser, and as NIfTI for the viewer, which keeps their bit depth.

All of them are made when asked for, from the stored image and the stored maps,
and kept by the reader's own browser only.
"""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Callable, Iterable
from typing import get_args
from uuid import UUID

import numpy as np
from django.http import Http404, HttpResponse, HttpResponseBadRequest, HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.translation import gettext as _t
from django.views.decorators.http import require_safe
from numpy.typing import NDArray

from cases import disclosures, storage
from cases.access import PageRequest, case_or_404, signed_in
from cases.analysis.results import prediction_visible_to
from cases.lifecycle import Shown
from cases.models import Case, Image, Prediction
from cases.permissions import Action, require
from cases.viewer import by_proxy
from cases.viewer.placing import window_of
from inference.canonical import decode_canonical, verify_canonical
from inference.colour_maps import DEFAULT_COLOUR_MAP
from inference.errors import InferenceError
from inference.formats import Pixels
from inference.heatmaps import (
    COLOUR_MAPS,
    Channel,
    MapSet,
    base_png,
    colour_png,
    map_over_image,
    overlay_png,
    unpack,
)
from inference.preprocessing import Letterbox
from inference.volumes import MAX_SIDE, base_volume, map_volume

logger = logging.getLogger(__name__)

CHANNELS: tuple[Channel, ...] = get_args(Channel)
# How a map is drawn: interpolated between the fields of its layer, or as these fields.
INTERPOLATIONS = ("linear", "nearest")
GZIP = "application/gzip"
# A channel of a picture on a screen; deeper ones are seen through a window.
SHOWN_BITS = 8
# Of a picture in a list; twice what a row shows, for fine screens.
THUMBNAIL_SIDE = 96
PERCENTS = frozenset(str(percent) for percent in range(101))
# Kept in the browser's own cache, and shown from there only after the portal was asked whether this reader
# may see it (304): not after a sign-out, nor to who signs in next.
CACHE_CONTROL = "private, no-cache"
# A picture of the largest size costs some 100 MB while it is read and drawn, and a web process has
# eight threads.
drawings_at_once = threading.BoundedSemaphore(2)


@require_safe
@signed_in
def base(request: PageRequest, code: str) -> HttpResponseBase:
    """The picture itself, with MAX_SIDE pixels at the most on its longer side; the page gives its place in
    pixels of the original.
    """
    return _picture(request, code, "", picture_png, "image/png")


@require_safe
@signed_in
def thumbnail(request: PageRequest, code: str) -> HttpResponseBase:
    """The picture for a row of a list. Of many the middle one: which stands for the case would tell the
    result.
    """
    case = case_or_404(request, code)
    images = list(case.images.all())
    if not images:
        raise Http404
    image = images[len(images) // 2]
    response = drawn(
        request,
        f"{image.file}:{window_of(image)}:rgb:thumbnail",
        lambda: base_png(pixels_of(image), "rgb", THUMBNAIL_SIDE, window=window_of(image)),
    )
    return as_kept(response, case)


@require_safe
@signed_in
def base_nifti(request: PageRequest, code: str) -> HttpResponseBase:
    """The picture with its full bit depth, for the viewer."""
    return _picture(request, code, ":nifti", picture_nifti, GZIP)


def picture_nifti(image: Image, channel: Channel) -> bytes:
    """One channel of the picture with its full bit depth."""
    return base_volume(pixels_of(image), channel, window_of(image))


def _picture(
    request: PageRequest, code: str, kind: str, draw: Callable[[Image, Channel], bytes], content_type: str
) -> HttpResponseBase:
    """One channel of the picture that the query string names, as `draw` makes it."""
    case = case_or_404(request, code)
    image = image_at(case, request.GET.get("image", ""))
    channel = request.GET.get("channel", "grey")
    if channel not in CHANNELS:
        return _bad_value("channel", CHANNELS)
    key = f"{image.file}:{window_of(image)}:{channel}{kind}"
    stored = "" if kind else stored_name(image, channel)
    response = drawn(request, key, lambda: draw(image, channel), content_type, stored)
    return as_kept(response, case)


def as_kept(response: HttpResponseBase, case: Case) -> HttpResponseBase:
    """The answer with a picture of the case. What may show a name stays in no browser's cache: it may be
    blacked out or deleted next.
    """
    if case.is_quarantined:
        response["Cache-Control"] = "no-store"
    return response


def picture_png(image: Image, channel: Channel) -> bytes:
    """What is stored where it is what is shown, as of most uploads; else drawn from it."""
    if name := stored_name(image, channel):
        stored = storage.load(name)
        verify_canonical(stored)
        return stored
    return base_png(pixels_of(image), channel, MAX_SIDE, window=window_of(image))


def stored_name(image: Image, channel: Channel) -> str:
    """The name of the stored PNG where a browser shows it as we would: no window, no channel to take out, not
    large. Empty where the picture is drawn.
    """
    has_the_channels = image.colour == "grey" or channel == "rgb"
    is_plain = image.bit_depth == SHOWN_BITS and window_of(image) is None
    as_stored = is_plain and has_the_channels and max(image.width, image.height) <= MAX_SIDE
    return image.file if as_stored else ""


@require_safe
@signed_in
def heat_map(
    request: PageRequest, code: str, prediction_id: UUID, layer: str, shown_class: str
) -> HttpResponseBase:
    """One map as it lies over the picture, coloured."""
    prediction = _prediction_or_404(request, code, prediction_id)
    colours, interpolation = request.GET.get("colours", DEFAULT_COLOUR_MAP), _interpolation(request)
    if colours not in COLOUR_MAPS:
        return _bad_value("colours", COLOUR_MAPS)
    if interpolation not in INTERPOLATIONS:
        return _bad_value("interpolation", INTERPOLATIONS)
    image = prediction.image
    return drawn(
        request,
        f"{prediction.maps_file}:{layer}:{shown_class}:{colours}:{interpolation}:{image.width}:{image.height}",
        lambda: colour_png(
            map_over_image(
                *one_map(prediction, layer, shown_class),
                image.width,
                image.height,
                smooth=interpolation == "linear",
            ),
            colours,
        ),
    )


@require_safe
@signed_in
def heat_map_nifti(
    request: PageRequest, code: str, prediction_id: UUID, layer: str, shown_class: str
) -> HttpResponseBase:
    """One map without colour, for the viewer: smooth between its fields, or as the fields themselves."""
    prediction = _prediction_or_404(request, code, prediction_id)
    interpolation = _interpolation(request)
    if interpolation not in INTERPOLATIONS:
        return _bad_value("interpolation", INTERPOLATIONS)
    image = prediction.image
    return drawn(
        request,
        f"{prediction.maps_file}:{layer}:{shown_class}:{interpolation}:{image.width}:{image.height}:nifti",
        lambda: map_volume(
            *one_map(prediction, layer, shown_class),
            image.width,
            image.height,
            smooth=interpolation == "linear",
        ),
        GZIP,
    )


@require_safe
@signed_in
def overlay(
    request: PageRequest, code: str, prediction_id: UUID, layer: str, shown_class: str
) -> HttpResponseBase:
    """The picture under one map as a single PNG: for print, for keeping, and without SVG."""
    prediction = _prediction_or_404(request, code, prediction_id)
    colours, percent = request.GET.get("colours", DEFAULT_COLOUR_MAP), request.GET.get("opacity", "50")
    if colours not in COLOUR_MAPS:
        return _bad_value("colours", COLOUR_MAPS)
    if percent not in PERCENTS:
        return _bad_value("opacity", ("0", "...", "100"))
    interpolation = _interpolation(request)
    if interpolation not in INTERPOLATIONS:
        return _bad_value("interpolation", INTERPOLATIONS)
    image = prediction.image
    return drawn(
        request,
        f"{image.file}:{window_of(image)}:{prediction.maps_file}:{layer}:{shown_class}:{colours}:{percent}"
        f":{interpolation}",
        lambda: overlay_png(
            pixels_of(image),
            *one_map(prediction, layer, shown_class),
            int(percent) / 100,
            colours,
            smooth=interpolation == "linear",
            window=window_of(image),
        ),
    )


def image_at(case: Case, position: str, key: Prediction | None = None) -> Image:
    """The picture of the case at the position that a query string names; without one, that of the result that
    stands for the case (`key`, where it may be shown), or else the first.

    404 where there is none, or the case has no pictures.
    """
    images = list(case.images.all())
    if not position and key:
        return next(image for image in images if image.pk == key.image_id)
    if position:
        images = [image for image in images if str(image.position) == position]
    if not images:
        raise Http404
    return images[0]


def pixels_of(image: Image) -> Pixels:
    """The stored pixels. Raises FileNotFoundError or InferenceError where they cannot be read."""
    return decode_canonical(storage.load(image.file))


def maps_of(prediction: Prediction) -> MapSet:
    """The stored maps. Raises FileNotFoundError or InferenceError where they cannot be read."""
    return unpack(storage.load(prediction.maps_file))


def one_map(prediction: Prediction, layer: str, shown_class: str) -> tuple[NDArray[np.uint8], Letterbox]:
    """The fields of one map, uint8 (rows, columns), and the square on the picture that they cover.

    Raises Http404 where the network has no such map.
    """
    maps = maps_of(prediction)
    if layer not in maps.layers or shown_class not in maps.class_codes:
        raise Http404
    values: NDArray[np.uint8] = maps.values[layer][maps.class_codes.index(shown_class)]
    return values, maps.square_on(prediction.image.width, prediction.image.height)


def _prediction_or_404(request: PageRequest, code: str, prediction_id: UUID) -> Prediction:
    """The result, where the user may read results; the case's own 404 or 403 otherwise."""
    case = case_or_404(request, code)
    require(request.user, Action.READ, case.cohort)
    try:
        found = prediction_visible_to(request.user, case, str(prediction_id))
    except Prediction.DoesNotExist:
        raise Http404 from None
    disclosures.record(to=request.user, cases=[case.pk], kinds=[Shown.NETWORK])
    return found


def _interpolation(request: PageRequest) -> str:
    return str(request.GET.get("interpolation", INTERPOLATIONS[0]))


def _bad_value(name: str, allowed: Iterable[str]) -> HttpResponse:
    sentence = _t("“%(name)s” takes one of: %(allowed)s.") % {"name": name, "allowed": ", ".join(allowed)}
    return HttpResponseBadRequest(sentence, content_type="text/plain; charset=utf-8")


def drawn(
    request: PageRequest,
    content_key: str,
    draw: Callable[[], bytes],
    content_type: str = "image/png",
    stored: str = "",
) -> HttpResponseBase:
    """Answer with the picture that `draw` makes, or 304 where the browser has what the key stands for.

    stored: the name of the file where `draw` gives its bytes as they are. The proxy may send it then; it is
    read all the same, since a damaged one shall not be seen.
    The key is made of names by content, so that the same key is always the same picture.
    """
    etag = f'"{hashlib.sha256(content_key.encode()).hexdigest()[:32]}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        try:
            with drawings_at_once:
                picture = draw()
            handed_over = by_proxy.answer(stored, content_type) if stored else None
            response = handed_over or HttpResponse(picture, content_type=content_type)
        except (FileNotFoundError, InferenceError) as error:
            logger.error("A stored picture or heat map cannot be read: %s", type(error).__name__)  # noqa: TRY400
            return HttpResponse(status=503, headers={"Cache-Control": "no-store"})
    response["ETag"] = etag
    response["Cache-Control"] = CACHE_CONTROL
    response["X-Content-Type-Options"] = "nosniff"
    return response
