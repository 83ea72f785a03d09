"""The classes that a reader can name: those of the registered networks, and those that no network knows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from django.utils.translation import gettext as _t

from cases.lifecycle import READER_ONLY_CLASSES
from cases.models import ModelVersion
from cases.translation import label_of


def known_classes() -> dict[str, str]:
    """Label by code of every class that a registered network knows, newest network first."""
    newest_first = ModelVersion.objects.order_by("-is_active", "-registered_at")
    return labels_in(newest_first.values_list("manifest__classes", flat=True))


def said_of_unknown(code: str, known: Mapping[str, str]) -> str:
    """What is said of the code of a class that is none of those known; empty where it is, or says nothing."""
    if not code or code in known:
        return ""
    said = _t("There is no class %(given)s; known are %(known)s.")
    return said % {"given": code[:40], "known": ", ".join(known)}


def labels_in(networks: Iterable[Sequence[Mapping[str, Any]]]) -> dict[str, str]:
    """Label by code, from the classes of each network as its manifest has them; the first word counts."""
    labels: dict[str, str] = {}
    for classes in networks:
        labels |= {each["code"]: label_of(each) for each in classes if each["code"] not in labels}
    return labels


def own_colours() -> dict[str, dict[str, str]]:
    """Colours, `light` and `dark`, by code of the classes whose network brings its own, newest first."""
    colours: dict[str, dict[str, str]] = {}
    newest_first = ModelVersion.objects.order_by("-is_active", "-registered_at")
    for classes in newest_first.values_list("manifest__classes", flat=True):
        own = {each["code"]: each["colour"] for each in classes if each.get("colour")}
        colours = own | colours
    return colours


def class_label(code: str) -> str:
    """A class as pages word it, those that no network knows too."""
    return str(READER_ONLY_CLASSES.get(code) or known_classes().get(code, code))
