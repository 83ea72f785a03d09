"""`manage.py models list|register|activate|rollback`: which network the portal uses."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count

from cases.analysis import model_check, model_files, model_versions
from cases.analysis.model_figures import figures_of
from cases.models import ModelVersion
from inference.errors import ManifestError


class Command(BaseCommand):
    help = "List, register and activate networks, and go back to the one before."

    def add_arguments(self, parser: ArgumentParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True, metavar="list|register|activate|rollback")
        acts.add_parser("list", help="registered networks, newest first; * marks the active one")
        register = acts.add_parser("register", help="make a network known, with its files checked")
        register.add_argument(
            "manifest",
            type=Path,
            metavar="DIR|MANIFEST.json",
            help="a manifest whose files lie beside it, or the folder of one; all are copied to MODEL_DIR "
            "unless they are there",
        )
        activate = acts.add_parser("activate", help="use a network for all uploads from now on")
        activate.add_argument("name", metavar="NAME")
        acts.add_parser("rollback", help="back to the network that was active before this one")

    def handle(self, *, act: str, **options: Any) -> None:
        try:
            getattr(self, f"_{act}")(**options)
        except ManifestError as error:
            raise CommandError(f"{error.message} ({error.code})") from error
        except (
            model_versions.ManifestChanged,
            model_versions.ClassesCollide,
            model_versions.NoWayBack,
        ) as error:
            raise CommandError(str(error)) from error

    def _list(self, **options: Any) -> None:
        versions = ModelVersion.objects.annotate(results=Count("predictions")).order_by("-registered_at")
        for version in versions:
            mark = "*" if version.is_active else " "
            self.stdout.write(
                f"{mark} {version.name}  registered {version.registered_at:%Y-%m-%d}, "
                f"{version.results} results, {_state_of_files(version)}"
            )
            for figures in figures_of(version.manifest):
                self.stdout.write(f"    {figures}")
        known = {version.name for version in versions}
        for name in model_files.found_names():
            if name not in known:
                self.stdout.write(f"  {name}  not registered")

    def _register(self, *, manifest: Path, **options: Any) -> None:
        manifest = model_files.manifest_in(manifest)
        self._compare(manifest)
        version = model_versions.register_file(by=None, path=manifest)
        self.stdout.write(
            f"{version.name} is registered. `manage.py models activate {version.name}` uses it."
        )

    def _compare(self, path: Path) -> None:
        found = model_check.compare(path)
        if found is not None:
            self.stdout.write(
                f"Both engines agree on {found.pictures} pictures: probabilities within "
                f"{found.probability:.1g}, maps within {found.map_value:.1g}."
            )

    def _activate(self, *, name: str, **options: Any) -> None:
        version = ModelVersion.objects.filter(name=name).first()
        if version is None:
            known = ", ".join(ModelVersion.objects.values_list("name", flat=True)) or "none"
            raise CommandError(f"No network of this name is registered; known: {known}. Received {name!r}.")
        changed = model_versions.activate(by=None, version=version)
        self.stdout.write(f"{name} is active." if changed else f"{name} was the active one already.")

    def _rollback(self, **options: Any) -> None:
        active = ModelVersion.objects.filter(is_active=True).first()
        if active is None:
            raise CommandError("No network is active, so there is no way back.")
        before = model_versions.roll_back(by=None, version=active)
        self.stdout.write(f"{before.name} is active again, in the place of {active.name}.")


def _state_of_files(version: ModelVersion) -> str:
    try:
        model_files.verified(version.name, version.weights_sha256, version.compiled_sha256)
    except ManifestError as error:
        return f"not usable here: {error.code}"
    return "files verified"
