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
    ("comment", _("To the comment")),
    ("save", _("Save, or commit")),
    ("undo", _("Undo")),
    ("next", _("Next case")),
    ("slice-before", _("Previous picture of the case")),
    ("slice-after", _("Next picture of the case")),
    ("heat", _("Heat map on or off")),
    ("layer", _("Next layer of the network")),
    ("shown-class", _("Heat map of the next class")),
    ("invert", _("Invert the picture")),
    ("mark", _("Mark a rectangle")),
    ("zoom-in", _("Larger")),
    ("zoom-out", _("Smaller")),
    ("reset", _("Reset the view")),
    ("keys", _("This list")),
)
