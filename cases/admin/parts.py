"""What the pages of the Django admin share."""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin
from django.http import HttpRequest, HttpResponse

from cases import disclosures
from cases.lifecycle import Shown

if TYPE_CHECKING:
    from uuid import UUID

    from portal.accounts.models import User


def who(request: HttpRequest) -> User:
    """The superuser at the admin."""
    return cast("User", request.user)


class ReadOnlyAdmin(admin.ModelAdmin):
    """Rows to look at; none is made, changed or deleted by hand."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class DisclosingAdmin(ReadOnlyAdmin):
    """Rows that tell something of cases: that they were shown, and to whom, is written down before they are.

    `told` gives, of a row, the case and what is told of it to whoever looks. list_tells: whether its line in
    the list tells that too.
    """

    list_tells = True

    def told(self, row: Any, to: User) -> Iterator[tuple[UUID, Shown]]:
        raise NotImplementedError

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        response = super().changelist_view(request, extra_context)
        listed = getattr(response, "context_data", None) or {}
        if "cl" in listed and self.list_tells:
            self._write_down(request, listed["cl"].result_list)
        return response

    def render_change_form(
        self,
        request: HttpRequest,
        context: Any,
        add: bool = False,
        change: bool = False,
        form_url: str = "",
        obj: Any = None,
    ) -> HttpResponse:
        self._write_down(request, [obj] if obj else [])
        return super().render_change_form(request, context, add, change, form_url, obj)

    def _write_down(self, request: HttpRequest, rows: Iterable[Any]) -> None:
        user = who(request)
        disclosures.record_some(to=user, shown={told for row in rows for told in self.told(row, user)})


class ReadOnlyInline(admin.TabularInline):
    """Rows beside what they belong to, to look at."""

    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
