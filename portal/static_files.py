"""Static files by hashed names, kept by a browser for ever: a changed file has another name."""

from __future__ import annotations

from collections.abc import Callable
from re import Match

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Our modules name each other by their hashed names too, else a browser asks for each of them again.

    Only ours: those of packages, htmx's extensions among them, import by names that are no files here.
    """

    support_js_module_import_aggregation = True

    def url_converter(
        self, name: str, hashed_files: dict[str, str], template: str | None = None
    ) -> Callable[[Match[str]], str]:
        """As Django's, which puts the hashed name in the place of each address in the file `name`."""
        if name.endswith(".js") and not name.startswith("js/"):
            return lambda found: found[0]
        converter: Callable[[Match[str]], str] = super().url_converter(name, hashed_files, template)
        return converter
