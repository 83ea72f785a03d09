"""The page on which an administrator blacks out what is burned into the pictures of a quarantined case."""

from __future__ import annotations

import re
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from cases.access import PageRequest, case_or_404, signed_in
from cases.intake.blackout import (
    BlackedOut,
    NotInQuarantine,
    Reason,
    Scope,
    black_out,
    in_lines,
    pictures_in,
)
from cases.models import Case, Image
from cases.permissions import Action, require
from cases.translation import sentence_of
from cases.viewer.images import image_at
from inference.blackout import Box, BoxError, checked_boxes
from inference.errors import ImageError

_LINE = re.compile(r"\s*(\d{1,6})[ ,;]+(\d{1,6})[ ,;]+(\d{1,6})[ ,;]+(\d{1,6})\s*", re.ASCII)


class BlackoutForm(forms.Form):
    """Boxes on one picture, and what becomes of them."""

    boxes = forms.CharField(
        label=_("Rectangles, one a line"),
        help_text=_("Left, top, right and bottom edge in pixels from the upper left, such as 0 0 120 24."),
        widget=forms.Textarea(attrs={"rows": 4, "spellcheck": "false", "autocomplete": "off"}),
        error_messages={"required": _("Draw a rectangle around the text first.")},
    )
    scope = forms.ChoiceField(
        label=_("Where is it blacked out?"),
        choices=Scope.choices,
        initial=Scope.ONE,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say in which pictures.")},
    )
    reason = forms.ChoiceField(
        label=_("What is it?"),
        choices=Reason.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Say what is blacked out; it stays in the record.")},
    )

    def __init__(self, data: Any = None, *, image: Image, count: int) -> None:
        super().__init__(data)
        self.image = image
        if count == 1:
            self.fields["scope"].widget = forms.HiddenInput()

    def clean_boxes(self) -> tuple[Box, ...]:
        lines = [line for line in self.cleaned_data["boxes"].splitlines() if line.strip()]
        found = [_LINE.fullmatch(line) for line in lines]
        if not all(found):
            raise ValidationError(
                _t("Each line has four whole numbers: left, top, right, bottom. Received “%(line)s”.")
                % {"line": lines[found.index(None)][:40]}
            )
        boxes: list[Box] = [
            (int(match[1]), int(match[2]), int(match[3]), int(match[4])) for match in found if match
        ]
        try:
            return checked_boxes(boxes, self.image.width, self.image.height)
        except BoxError as error:
            raise ValidationError(sentence_of(error)) from None


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
@signed_in
def blackout(request: PageRequest, code: str) -> HttpResponse:
    """Rectangles are drawn, then looked at over the picture (a POST without `confirm`), then blacked out."""
    case = case_or_404(request, code)
    require(request.user, Action.MANAGE, case.cohort)
    if not case.is_quarantined:
        return _refused(request, case, str(NotInQuarantine()))
    given = request.POST if request.method == "POST" else request.GET
    image = image_at(case, given.get("turn") or given.get("image", ""))
    images = list(case.images.all())
    if request.method != "POST" or "draw" in given or ("turn" in given and "preview" not in given):
        form = BlackoutForm(image=image, count=len(images))
        form.initial = {"scope": Scope.ONE, **request.POST.dict()}
        return _page(request, case, image, images, form)
    form = BlackoutForm(request.POST, image=image, count=len(images))
    if not form.is_valid():
        return _page(request, case, image, images, form, status=400)
    if "confirm" not in request.POST:
        return _page(request, case, image, images, form, boxes=form.cleaned_data["boxes"])
    try:
        done = black_out(by=request.user, image=image, **form.cleaned_data)
    except NotInQuarantine as refused:
        return _refused(request, case, str(refused))
    except (FileNotFoundError, ImageError):
        return _refused(request, case, _t("A picture cannot be read just now; nothing was blacked out."))
    _say(request, done)
    return redirect(f"{reverse('cases:case', args=[case.code])}?image={image.position}")


def _refused(request: HttpRequest, case: Case, reason: str) -> HttpResponse:
    messages.error(request, reason)
    return redirect("cases:case", code=case.code)


def _say(request: HttpRequest, done: BlackedOut) -> None:
    said = ngettext(
        "Blacked out in %(n)d picture. Look at every picture of the case before you let it out.",
        "Blacked out in %(n)d pictures. Look at every picture of the case before you let it out.",
        done.pictures,
    )
    messages.success(request, said % {"n": done.pictures})
    if done.kept_elsewhere:
        also = ngettext(
            "%(n)d of the former pictures stays, since another case has the same one.",
            "%(n)d of the former pictures stay, since other cases have the same ones.",
            done.kept_elsewhere,
        )
        messages.warning(request, also % {"n": done.kept_elsewhere})


def _page(
    request: HttpRequest,
    case: Case,
    image: Image,
    images: list[Image],
    form: BlackoutForm,
    *,
    boxes: tuple[Box, ...] = (),
    status: int = 200,
) -> HttpResponse:
    """`boxes`: those that wait for the confirmation, and lie black over the picture."""
    scope = form.cleaned_data["scope"] if boxes else Scope.ONE
    # What can be turned to: while they are drawn all pictures, and then those that they are for.
    turned = pictures_in(image, scope) if boxes else images
    at = [each.pk for each in turned].index(image.pk)
    context = {
        "case": case,
        "image": image,
        "form": form,
        "boxes": [{"x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0} for x0, y0, x1, y1 in boxes],
        "lines": in_lines(boxes),
        "number": at + 1,
        "count": len(turned),
        "before": turned[at - 1] if at else None,
        "after": turned[at + 1] if at + 1 < len(turned) else None,
    }
    return render(request, "intake/blackout.html", context, status=status)
