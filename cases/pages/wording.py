"""What was changed on the way in, as a sentence by the code that is stored with the image."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from django.utils.functional import Promise

NOTICES = {
    "alpha_removed": _("Transparency was removed; transparent parts are shown black."),
    "cmyk_converted": _("The picture was stored in print colours (CMYK) and was converted to RGB."),
    "depth_reduced": _("The colour picture was reduced to 8 bits a channel."),
    "exif_rotated": _("The picture was turned upright, as the orientation stored in the file told."),
    "file_irregular": _("The file did not follow its format exactly; check that the picture is complete."),
    "floats_scaled": _("The file stored floating-point values; they were scaled to 16 bits."),
    "palette_expanded": _("The picture was stored with a colour table, which was expanded."),
    "values_shifted": _("The file had negative values; all values were raised above zero."),
}


def sentences(codes: Iterable[str]) -> list[str | Promise]:
    """The sentences of the codes; a code that no sentence is known for stands for itself."""
    return [NOTICES.get(code, code) for code in codes]
