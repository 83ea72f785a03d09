"""Saved views: a worklist's filters and order under a name of one's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _t

from cases.models import SavedView
from cases.models.saved_view import MAX_NAME, MAX_QUERY

if TYPE_CHECKING:
    from portal.accounts.models import User

# More tabs than these are no help to anybody.
MOST_VIEWS = 30


def save_view(*, by: User, name: str, query: str) -> tuple[SavedView, bool]:
    """Keep the filters under the name, in the place of those that have it; whether the name is new.

    Raises ValidationError.
    """
    name = _checked_name(name)
    if len(query) > MAX_QUERY:
        raise ValidationError({"name": _t("These filters are too long to be kept.")})
    with transaction.atomic():
        own = by.saved_views.select_for_update()
        if name not in set(own.values_list("name", flat=True)) and own.count() >= MOST_VIEWS:
            raise ValidationError(
                {
                    "name": _t("You have %(most)d views already. Delete one of them first.")
                    % {"most": MOST_VIEWS}
                }
            )
        return SavedView.objects.update_or_create(user=by, name=name, defaults={"query": query})


def rename_view(*, by: User, view: SavedView, name: str) -> None:
    """Give an own view another name. Raises ValidationError where another one has it."""
    name = _checked_name(name)
    try:
        with transaction.atomic():
            by.saved_views.filter(pk=view.pk).update(name=name)
    except IntegrityError:
        raise ValidationError({"name": _t("Another one of your views has this name.")}) from None


def delete_view(*, by: User, view: SavedView) -> None:
    """Forget an own view."""
    by.saved_views.filter(pk=view.pk).delete()


def _checked_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise ValidationError({"name": _t("Give the view a name.")})
    if len(name) > MAX_NAME:
        raise ValidationError({"name": _t("At most %(most)d characters.") % {"most": MAX_NAME}})
    return name


def saved_views_of(user: User) -> QuerySet[SavedView]:
    """The user's own views of the worklist, by name."""
    return SavedView.objects.filter(user=user.pk).order_by("name")
