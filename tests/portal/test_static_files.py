"""The static files as they are built: every module that a page asks for has a name of its own content."""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

import pytest
from django.contrib.staticfiles.finders import get_finders
from django.http import HttpResponse
from django.test import override_settings
from whitenoise.middleware import WhiteNoiseMiddleware

from portal.settings.base import STATICFILES_DIRS, STORAGES
from portal.static_files import ModuleStaticFilesStorage

IMPORTED = re.compile(r"""(?:from|import)\s*\(?\s*["'](?P<address>\.[^"']*)["']""")
HASHED = re.compile(r"\.[0-9a-f]{12}\.js$")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Our modules, NiiVue and htmx as `collectstatic` builds them, in a folder of their own."""
    folder = tmp_path_factory.mktemp("static")
    storage = ModuleStaticFilesStorage(location=str(folder), base_url="/static/")
    paths = {}
    for path, source in (found for finder in get_finders() for found in finder.list([])):
        if path.startswith(("js/", "vendor/niivue/", "django_htmx/")):
            with source.open(path) as file:
                storage.save(path, file)
            paths[path] = (storage, path)
    for _, _, processed in storage.post_process(paths):
        if isinstance(processed, Exception):
            raise processed
    return folder


def pages_modules(folder: Path) -> list[Path]:
    return [path for path in (folder / "js").rglob("*.js") if HASHED.search(path.name)]


def test_every_imported_module_has_the_hashed_name_of_a_file_that_is_there(built: Path) -> None:
    imports = 0
    for module in pages_modules(built):
        for found in IMPORTED.finditer(module.read_text()):
            address = found["address"]
            assert HASHED.search(address), f"{module.name} asks for {address}"
            assert Path(posixpath.normpath(module.parent / address)).is_file()
            imports += 1
    assert imports > 40


def test_vendored_viewer_is_built_as_it_came(built: Path) -> None:
    (hashed,) = (built / "vendor" / "niivue").glob("niivue.????????????.js")
    assert hashed.read_bytes() == (STATICFILES_DIRS[0] / "vendor" / "niivue" / "niivue.js").read_bytes()


def test_hashed_module_is_kept_for_ever_and_its_plain_name_is_not(built: Path) -> None:
    with override_settings(STATIC_ROOT=str(built), STORAGES=STORAGES, WHITENOISE_AUTOREFRESH=False):
        served = WhiteNoiseMiddleware(lambda _: HttpResponse())
    (hashed,) = (built / "js" / "viewer").glob("viewer.????????????.js")
    kept = {}
    for name in ("viewer.js", hashed.name):
        headers = dict(served.files[f"/static/js/viewer/{name}"].alternatives[-1][2])
        kept[name] = headers["Cache-Control"]
    assert kept == {"viewer.js": "max-age=60, public", hashed.name: "max-age=315360000, public, immutable"}
