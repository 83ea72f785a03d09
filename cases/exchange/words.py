"""What became of a sending, in words: ours, by codes; of the peer's answer numbers alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import Promise

WORDS: Mapping[str, Promise] = {
    "stored": _("The archive has stored it."),
    "unreachable": _("Nobody answers at the archive's address. It is tried again."),
    "broken_off": _("The connection broke off. It is tried again."),
    "busy": _("The archive cannot take it now. It is tried again."),
    "failed": _("Something failed here. It is tried again; if that goes on, tell the operator."),
    "settings": _("The settings of the destinations cannot be used. Tell the operator."),
    "key_missing": _("The key of what names the originals is not in the settings. Tell the operator."),
    "instances_failed": _("The archive did not store all of the files."),
    "refused": _("The archive refuses it. Ask those who run it."),
    "redirected": _("The archive sends us to another address, which is not followed. Tell the operator."),
    "not_authorised": _("The archive does not let us in. Tell the operator: the token may have run out."),
    "certificate": _("The archive's certificate is not trusted. Tell the operator."),
    "association_refused": _("The archive does not know us, or not by this AE title. Tell the operator."),
    "kinds_refused": _(
        "The archive takes no Secondary Captures or no Enhanced Structured Reports. Ask those who run it."
    ),
    "unknown_destination": _("The operator has taken this destination out of the settings."),
    "withheld": _("The case may not be sent as it is now: it is in quarantine, or not over."),
    "deleted": _("The case was deleted before it was sent."),
    "not_chosen": _("The cohort sends nothing there any more."),
}


def answer_in_words(answer: Mapping[str, Any]) -> str:
    """One sentence, and the numbers of the peer's answer; empty where there was none yet."""
    if not answer:
        return ""
    parts = [str(WORDS[answer["code"]]) if answer.get("code") in WORDS else ""]
    numbers = [f"{count} x {reason}H" for reason, count in sorted(answer.get("reasons", {}).items())]
    if answer.get("status"):
        numbers.insert(0, f"HTTP {answer['status']}")
    if numbers:
        parts.append(_t("Answer: %(numbers)s.") % {"numbers": ", ".join(numbers)})
    return " ".join(parts)
