"""What every template may use."""

from __future__ import annotations

import functools
from typing import Any

from django.http import HttpRequest

from cases.notice import RESEARCH_NOTICE_SHOWN
from cases.permissions import Action, actions_anywhere
from cases.teaching import teaching_cohorts
from portal.theme import chosen_theme


def site(request: HttpRequest) -> dict[str, Any]:
    """The research notice, the theme, and which rooms of the navigation the user may enter.

    The rights are looked up when a template asks, so a partial that shows no
    navigation costs no query.
    """
    user = request.user
    actions = functools.cache(lambda: actions_anywhere(user))
    return {
        "research_notice": RESEARCH_NOTICE_SHOWN,
        "theme": chosen_theme(request),
        "may_upload_somewhere": lambda: Action.UPLOAD in actions(),
        "may_review_somewhere": lambda: Action.REVIEW in actions(),
        "may_practise_somewhere": lambda: teaching_cohorts(user).exists(),
        "may_manage_somewhere": lambda: Action.MANAGE in actions(),
        "may_export_somewhere": lambda: Action.EXPORT in actions(),
    }
