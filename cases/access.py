"""Who is let in: the signed-in request, and the case that it may open."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, cast
from urllib.parse import urlsplit, urlunsplit

from django.contrib.auth.views import redirect_to_login
from django.db.models import Prefetch, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect
from django.urls import resolve, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext as _t

from cases.models import Case, Cohort, Image
from cases.permissions import Action, visible_to, within
from cases.request_context import looks_at

if TYPE_CHECKING:
    from django_htmx.middleware import HtmxDetails

    from cases.permissions import Person
    from portal.accounts.models import User

PageView: TypeAlias = Callable[..., HttpResponseBase]


class CaseDeleted(Case.DoesNotExist):
    """The case was deleted: its row is a tombstone, which says when."""

    def __init__(self, case: Case) -> None:
        day = formats.date_format(timezone.localtime(case.deleted_at), "Y-m-d")
        super().__init__(
            _t(
                "Case %(code)s was deleted on %(day)s, with its pictures and heat maps. What was typed and "
                "not stored is gone with it; what was read of it still counts."
            )
            % {"code": case.code, "day": day}
        )
        self.code, self.deleted_at = case.code, case.deleted_at


class PageRequest(HttpRequest):
    """A request of somebody who is signed in, with what django-htmx adds."""

    user: User
    htmx: HtmxDetails


def sent_by_script(request: HttpRequest) -> bool:
    """Whether a script waits for the answer: htmx, or the upload page's own requests."""
    return "HX-Request" in request.headers or has_more_to_do(request)


def has_more_to_do(request: HttpRequest) -> bool:
    """Whether the script that waits has a page in sight that goes on, whatever the answer is."""
    return request.headers.get("X-Requested-With") == "XMLHttpRequest"


def lead_to(request: PageRequest, address: str) -> HttpResponseBase:
    """Lead to the page at `address`, which has no query string, by a redirect.

    A script that swaps pages has it at once, with its address in `Content-Location`: a second request, and a
    second look at who asks, would hold up the next picture. The request is that page's from here on.
    A HEAD asks for no page.
    """
    if request.method == "HEAD" or not has_more_to_do(request):
        return redirect(address)
    request.resolver_match = match = resolve(address)
    request.method, request.path, request.path_info = "GET", address, address
    request.META |= {"REQUEST_METHOD": "GET", "PATH_INFO": address, "QUERY_STRING": ""}
    request.GET = request.POST = QueryDict()
    answer: HttpResponseBase = match.func(request, *match.args, **match.kwargs)
    answer.headers.setdefault("Content-Location", address)
    return answer


def signed_in(view: PageView) -> PageView:
    """Let only people through who are signed in.

    A page leads to the sign-in and back. A script gets 401 and no other page's
    markup; htmx then reloads the page, which leads to the sign-in, unless the page
    has said by X-Requested-With that it holds something to lose, as the upload page does.
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated:
            return view(cast(PageRequest, request), *args, **kwargs)
        if sent_by_script(request):
            return HttpResponse(status=401, headers={} if has_more_to_do(request) else {"HX-Refresh": "true"})
        return redirect_to_login(way_back(request, kwargs.get("code")))

    return wrapped


def not_ahead(view: PageView) -> PageView:
    """Refuse a page that a browser fetches before anybody asks for it, since opening it does something.

    503 is what makes a browser forget such a fetch, and ask anew when the reader does
    (https://www.w3.org/TR/resource-hints/, https://wicg.github.io/nav-speculation/prefetch.html).
    """

    @functools.wraps(view)
    def wrapped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        asked = {request.headers.get(name, "") for name in ("Sec-Purpose", "Purpose", "X-Moz")}
        if any(purpose.partition(";")[0].strip() in ("prefetch", "preview") for purpose in asked):
            return HttpResponse(status=503)
        return view(request, *args, **kwargs)

    return wrapped


def way_back(request: HttpRequest, code: str | None) -> str:
    """Where to go after the sign-in. A redirect posts nothing again: it leads to the page on which the form
    stands, with what this browser has kept of it.
    """
    if request.method in ("GET", "HEAD"):
        return request.get_full_path()
    from_page = urlsplit(request.headers.get("Referer", ""))
    if from_page.netloc == request.get_host() and from_page.path.startswith("/"):
        return urlunsplit(("", "", from_page.path, from_page.query, ""))
    return request.get_full_path() if code is None else reverse("cases:case", args=[code])


def case_or_404(request: PageRequest, code: str) -> Case:
    """The case of this code; 404 where there is none, or it is not the user's to know of, and CaseDeleted."""
    try:
        return case_visible_to(request.user, code)
    except CaseDeleted:
        raise
    except Case.DoesNotExist:
        raise Http404 from None


def case_visible_to(user: Person, code: str) -> Case:
    """The case of this code with the images that it has; Case.DoesNotExist where the user may not see it, as
    CaseDeleted where they could until it was deleted.
    """
    case = (
        visible_to(user)
        .select_related("cohort", "protocol", "created_by")
        .prefetch_related(Prefetch("images", existing_images().order_by("position")))
        .filter(code=code.upper())
        .first()
    )
    if case is None:
        raise _missing(user, code.upper())
    looks_at(case.cohort_id, case.code)
    return case


def existing_images() -> QuerySet[Image]:
    """The images that are not deleted."""
    return Image.objects.filter(deleted_at__isnull=True)


def images_for_networks(cohort: Cohort) -> QuerySet[Image]:
    """Those of the cohort that a network may see: none that is deleted, and none in quarantine
    (cases/intake/quarantine.py).
    """
    return existing_images().filter(cohort=cohort, case__is_quarantined=False)


def _missing(user: Person, code: str) -> Case.DoesNotExist:
    deleted = Case.objects.filter(within(user, Action.VIEW), code=code, deleted_at__isnull=False).first()
    return CaseDeleted(deleted) if deleted else Case.DoesNotExist(code)
