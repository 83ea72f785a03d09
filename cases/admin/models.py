"""Model versions in the Django admin: what each is, how well it did, and which one is used.

Activating and going back ask once more before they act; everything else is to look at.
"""

# Django's admin classes are generic for the type checker only.
# mypy: disable-error-code="type-arg"

from __future__ import annotations

import json
from collections.abc import Callable

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from cases.admin.parts import ReadOnlyAdmin, who
from cases.analysis import model_versions
from cases.analysis.model_figures import figures_of
from cases.models import ModelVersion
from inference.errors import ManifestError


class ModelVersionAdmin(ReadOnlyAdmin):
    """Registered networks; which of them is active is changed by the two actions alone."""

    list_display = ("name", "is_active", "registered_at", "main_figure", "weights_sha256")
    list_filter = ("is_active",)
    search_fields = ("name", "weights_sha256")
    actions = ("activate", "roll_back")
    fields = (
        *("name", "title", "is_active", "registered_at", "weights_sha256", "class_names"),
        *("figures", "gate", "training_images", "whole_manifest"),
    )
    readonly_fields = fields

    @admin.display(description=_("title"))
    def title(self, version: ModelVersion) -> str:
        """What the manifest calls it."""
        return str(version.manifest["title"])

    @admin.display(description=_("classes"))
    def class_names(self, version: ModelVersion) -> str:
        """The labels, in the network's order."""
        return ", ".join(version.class_labels.values())

    @admin.display(description=_("figures"))
    def main_figure(self, version: ModelVersion) -> str:
        """The first set of figures."""
        found = figures_of(version.manifest)
        return str(found[0]) if found else _t("None")

    @admin.display(description=_("figures"))
    def figures(self, version: ModelVersion) -> SafeString | str:
        """Every set of figures in the manifest, one a line."""
        lines = [(str(each),) for each in figures_of(version.manifest)]
        return format_html_join("", "<p>{}</p>", lines) or _t("The manifest has none.")

    @admin.display(description=_("input gate"))
    def gate(self, version: ModelVersion) -> str:
        """The thresholds of the input gate."""
        gate = version.manifest.get("gate")
        return ", ".join(f"{name}: {value}" for name, value in gate.items()) if gate else _t("None")

    @admin.display(description=_("fingerprints of training images"))
    def training_images(self, version: ModelVersion) -> str:
        """How many images an upload is compared with."""
        prints = version.manifest.get("training_images")
        return str(prints["count"]) if prints else _t("None")

    @admin.display(description=_("manifest"))
    def whole_manifest(self, version: ModelVersion) -> SafeString:
        """The manifest as it was registered."""
        text = json.dumps(version.manifest, indent=1)
        return format_html("<details><summary>JSON</summary><pre>{}</pre></details>", text)

    @admin.action(description=_("Activate"))
    def activate(self, request: HttpRequest, chosen: QuerySet[ModelVersion]) -> HttpResponse | None:
        """Use the chosen one for every case that is uploaded from now on."""
        warning = _t(
            "Every image that is uploaded from now on is analysed by “%(name)s”. "
            "Results that are stored stay as they are."
        )
        return self._act(request, chosen, "activate", warning, self._activate)

    @admin.action(description=_("Roll back (leave the active version)"))
    def roll_back(self, request: HttpRequest, chosen: QuerySet[ModelVersion]) -> HttpResponse | None:
        """Go back to the version that was active before the chosen one."""
        warning = _t(
            "“%(name)s” ceases to be the active version; “%(before)s”, which was active before it, "
            "is used again. Results that are stored stay as they are."
        )
        return self._act(request, chosen, "roll_back", warning, self._roll_back)

    def _act(
        self,
        request: HttpRequest,
        chosen: QuerySet[ModelVersion],
        action: str,
        warning: str,
        do: Callable[[HttpRequest, ModelVersion], str],
    ) -> HttpResponse | None:
        """Ask, and do it once the question is answered."""
        if chosen.count() != 1:
            self.message_user(request, _t("Choose exactly one model version."), messages.ERROR)
            return None
        version = chosen.get()
        if "confirmed" not in request.POST:
            before = model_versions.version_before(version)
            names = {"name": version.name, "before": before.name if before else _t("none")}
            coming = before if action == "roll_back" else version
            return self._question(request, version, action, warning % names, coming)
        try:
            self.message_user(request, do(request, version), messages.SUCCESS)
        except (ManifestError, model_versions.NoWayBack) as error:
            self.message_user(request, str(error), messages.ERROR)
        return None

    def _question(
        self,
        request: HttpRequest,
        version: ModelVersion,
        action: str,
        warning: str,
        coming: ModelVersion | None,
    ) -> HttpResponse:
        """coming: the version that will be active, whose figures stand beside the question."""
        context = self.admin_site.each_context(request) | {
            "title": _t("Are you sure?"),
            "opts": self.model._meta,
            "version": version,
            "action": action,
            "warning": warning,
            "coming": coming,
            "figures": [str(each) for each in figures_of(coming.manifest)] if coming else [],
        }
        return TemplateResponse(request, "admin/cases/modelversion/confirm.html", context)

    def _activate(self, request: HttpRequest, version: ModelVersion) -> str:
        changed = model_versions.activate(by=who(request), version=version)
        sentence = _t("“%(name)s” is active.") if changed else _t("“%(name)s” was the active one already.")
        return sentence % {"name": version.name}

    def _roll_back(self, request: HttpRequest, version: ModelVersion) -> str:
        before = model_versions.roll_back(by=who(request), version=version)
        return _t("“%(name)s” is active again.") % {"name": before.name}
