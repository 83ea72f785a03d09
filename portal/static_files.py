"""Static files by hashed names, kept by a browser for ever: a changed file has another name."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class ModuleStaticFilesStorage(CompressedManifestStaticFilesStorage):
    """Our modules name each other by their hashed names too, else a browser asks for each of them again.

    Only ours: what is vendored is one file each, and holds strings that look like imports.
    """

    support_js_module_import_aggregation = True
    _js_module_import_aggregation_patterns = (
        "js/*.js",
        *CompressedManifestStaticFilesStorage._js_module_import_aggregation_patterns[1:],  # noqa: SLF001
    )
