"""The acts that keys stand for on the page of a case; static/js/keys.js has their keys."""

from django.utils.translation import gettext_lazy as _

KEY_ACTS = (
    ("agree", _("Agree with the network")),
    ("disagree", _("Disagree")),
    ("class-1", _("First class of the list")),
    ("class-2", _("Second class of the list")),
    ("class-3", _("Third class of the list")),
    ("class-4", _("Fourth class of the list")),
    ("class-5", _("Fifth class of the list")),
    ("class-6", _("Sixth class of the list")),
    ("confidence-1", _("Very unsure")),
    ("confidence-2", _("Unsure")),
    ("confidence-3", _("Fairly sure")),
    ("confidence-4", _("Sure")),
    ("confidence-5", _("Certain")),
    ("finding", _("To the words of another finding")),
    ("comment", _("To the comment")),
    ("reason", _("To the reason of an amendment")),
    ("save", _("Save, or commit")),
    ("undo", _("Undo")),
    ("amend", _("Amend a final review")),
    ("next", _("Next case")),
    ("keys", _("This list")),
)
