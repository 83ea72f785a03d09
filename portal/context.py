"""What every template may use."""

from __future__ import annotations

import functools
from typing import Any

from django.conf import settings
from django.http import HttpRequest

from cases.disclaimer import DISCLAIMER_SHOWN
from cases.lifecycle import Reading
from cases.permissions import Action, actions_anywhere
from portal.theme import chosen_theme


def site(request: HttpRequest) -> dict[str, Any]:
    """The research notice, the theme, and which rooms of the navigation the user may enter.

    The rights are looked up when a template asks, so a partial that shows no
    navigation costs no query.
    """
    user = request.user
    held = functools.cache(lambda: actions_anywhere(user))

    def may(action: Action) -> bool:
        return any(action == each for each, _reading in held())

    return {
        "disclaimer": DISCLAIMER_SHOWN,
        "theme": chosen_theme(request),
        "may_upload_somewhere": lambda: may(Action.UPLOAD),
        "may_review_somewhere": lambda: may(Action.REVIEW),
        "may_practise_somewhere": lambda: (Action.REVIEW, Reading.TEACHING) in held(),
        "may_manage_somewhere": lambda: may(Action.MANAGE),
        "has_archives": bool(settings.DICOM_DESTINATIONS),
        "may_export_somewhere": lambda: may(Action.EXPORT),
    }
