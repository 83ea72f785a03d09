"""Words from outside the reach of Django's translation: of manifests, of the core, and of stored errors.

The core speaks English and knows no translation. Its fixed sentences are in the catalogue all the same, and
are looked up here as they stand; what is in no catalogue is shown as it is.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from django.utils.formats import number_format
from django.utils.translation import get_language, gettext_noop
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from inference.series import REMARKS

if TYPE_CHECKING:
    from django.utils.functional import Promise

    from inference.errors import Fact, InferenceError

NEARLY_CERTAIN = 0.99

# What the shipped manifests call classes and layers.
LABELS = (
    gettext_noop("Glioma"),
    gettext_noop("Meningioma"),
    gettext_noop("No tumour"),
    gettext_noop("Pituitary tumour"),
    gettext_noop("Convolution 1 (227 x 227)"),
    gettext_noop("Convolution 2 (113 x 113)"),
    gettext_noop("Convolution 3 (56 x 56)"),
    gettext_noop("Context (5 x 5)"),
    gettext_noop("Edges (40 x 40)"),
    gettext_noop("Textures (20 x 20)"),
    gettext_noop("Lesion (20 x 20)"),
)
NOTICES = {
    "alpha_removed": _("Transparency was removed; transparent parts are shown black."),
    "blacked_out": _(
        "Regions of this picture were blacked out, since they showed writing; what is black there is no "
        "finding."
    ),
    "cmyk_converted": _("The picture was stored in print colours (CMYK) and was converted to RGB."),
    "colours_not_shown": _("The file wants some of its values shown in colours; all are shown grey."),
    "depth_reduced": _("The colour picture was reduced to 8 bits a channel."),
    "exif_rotated": _("The picture was turned upright, as the orientation stored in the file told."),
    "file_irregular": _("The file did not follow its format exactly; check that the picture is complete."),
    "floats_scaled": _("The file stored floating-point values; they were scaled to 16 bits."),
    "palette_expanded": _("The picture was stored with a colour table, which was expanded."),
    "range_limited": _(
        "Some values lay far outside of all others; they are shown as the darkest or brightest grey."
    ),
    "overlays_dropped": _("The file has overlays, which may hold writing; they are not part of the picture."),
    "padding_blanked": _("The file marks some pixels as padding; they are shown black."),
    "pixels_squared": _("The file's pixels are not square; the picture was drawn anew with square ones."),
    "not_numbers_blanked": _("Some values are not numbers; they are shown black."),
    "turned_radiological": _(
        "The picture was turned as radiologists look at it, by the position that the file told."
    ),
    "voi_applied": _("The file's own curve from values to greys is not a straight line; it was applied."),
    "volume_sheared": _(
        "The volume's directions are not at right angles; its slices are shown as they were stored."
    ),
    "values_scaled": _("The file stored values that 16 bits cannot hold; they were scaled to 16 bits."),
    "values_shifted": _("The file had negative values; all values were raised above zero."),
}


def sentences(codes: Iterable[str]) -> list[str | Promise]:
    """The sentences of the codes; a code that no sentence is known for stands for itself."""
    return [NOTICES.get(code, code) for code in codes]


def label_of(entry: Mapping[str, Any]) -> str:
    """What a manifest calls a class or a layer in the reader's language: by its own words for it, if it has
    some, or by the catalogue.
    """
    own = (entry.get("labels") or {}).get((get_language() or "")[:2])
    return own or shown(entry["label"])


def remarks_in_words(remarks: Iterable[Sequence[Any]]) -> list[str]:
    """The sentences of how a series was put together: of each remark's code and facts, as they are stored."""
    return [
        shown(REMARKS[code].template) % {name: _fact(fact) for name, fact in facts.items()}
        if facts
        else shown(REMARKS[code].template)
        for code, facts in remarks
        if code in REMARKS
    ]


def shown(words: str) -> str:
    """Words of a manifest, or a sentence that a worker stored; as they are where the catalogue lacks them."""
    return _t(words) if words else words


def sentence_of(error: InferenceError) -> str:
    """What the core refuses, with its facts as this language writes numbers."""
    said = shown(error.template)
    return said % {name: _fact(fact) for name, fact in error.facts.items()} if error.facts else said


def _fact(fact: Fact) -> str:
    if isinstance(fact, str):
        return fact
    # Grouped in English as in_english() does; without, other languages' sentences would hide their thousands.
    return number_format(fact, decimal_pos=0 if isinstance(fact, int) else 1, force_grouping=True)


def tenths_of_percent(probabilities: Sequence[float]) -> list[float]:
    """Shares of a whole as percent with one decimal, which add up to what they are together.

    Largest remainder: each is rounded down to tenths, and the tenths that are missing go to those that lost
    most by it, of equal ones to the first. Rounded each for itself, four classes may show 99.9 or 100.2 %.
    """
    exact = [probability * 1000 for probability in probabilities]
    # What binary fractions lack (0.7 * 1000 may be a hair under 700) is no remainder.
    tenths = [math.floor(each + 1e-9) for each in exact]
    missing = round(sum(exact)) - sum(tenths)
    by_loss = sorted(range(len(exact)), key=lambda place: round(tenths[place] - exact[place], 9))
    for place in by_loss[:missing]:
        tenths[place] += 1
    return [each / 10 for each in tenths]


def percent_of(probability: float) -> str:
    """A probability as whole percent; what is nearly certain is not rounded up to certain."""
    if probability > NEARLY_CERTAIN:
        return _t("> 99 %")
    return _t("%(percent)d %%") % {"percent": round(probability * 100)}
