"""What every template may use."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from cases.notice import RESEARCH_NOTICE_SHOWN
from cases.permissions import Action, may_anywhere
from cases.teaching import teaching_cohorts
from portal.theme import chosen_theme


def site(request: HttpRequest) -> dict[str, Any]:
    """The research notice, the theme, and which rooms of the navigation the user may enter.

    The rights are looked up when a template asks, so a partial that shows no
    navigation costs no query.
    """
    user = request.user
    return {
        "research_notice": RESEARCH_NOTICE_SHOWN,
        "theme": chosen_theme(request),
        "may_upload_somewhere": lambda: may_anywhere(user, Action.UPLOAD),
        "may_review_somewhere": lambda: may_anywhere(user, Action.REVIEW),
        "may_practise_somewhere": lambda: teaching_cohorts(user).exists(),
        "may_manage_somewhere": lambda: may_anywhere(user, Action.MANAGE),
        "may_export_somewhere": lambda: may_anywhere(user, Action.EXPORT),
    }
