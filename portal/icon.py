"""The sign of the site, for whoever asks under the name that every browser guesses."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.templatetags.static import static
from django.views.decorators.cache import cache_control
from django.views.decorators.http import require_safe


@require_safe
@cache_control(max_age=86_400, public=True)
def icon(request: HttpRequest) -> HttpResponse:
    """Point to the file. Our pages name it themselves; a picture or an export in a tab of its own does not.

    Its address is asked for anew each time: the names with digests exist only once the files are collected.
    """
    return HttpResponseRedirect(static("img/favicon.svg"))
