"""Registering, activating and rolling back network versions: services, files and the command."""

import json
from io import StringIO
from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.core.management import CommandError, call_command

from cases.analysis import model_files, model_versions
from cases.analysis.model_figures import figures_of
from cases.analysis.model_versions import ManifestChanged, NoWayBack
from cases.models import AuditEvent, ModelVersion
from inference.errors import ManifestError
from inference.manifest import default_manifest
from tests.models import write_files

pytestmark = [pytest.mark.django_db, pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def models(tmp_path, settings) -> Path:
    """An empty MODEL_DIR."""
    settings.MODEL_DIR = str(tmp_path / "models")
    return tmp_path / "models"


@pytest.fixture
def superuser(make_person):
    person = make_person("super")
    person.is_superuser = True
    person.save()
    return person


@pytest.fixture
def three(models) -> list[ModelVersion]:
    """The versions a, b and c, activated in this order."""
    found = [model_versions.register_file(by=None, path=write_files(models, name)) for name in "abc"]
    for version in found:
        assert model_versions.activate(by=None, version=version)
    return found


def active() -> str:
    return ModelVersion.objects.get(is_active=True).name


def turns() -> list[tuple[str, str]]:
    events = AuditEvent.objects.filter(subject_type="modelversion").order_by("at")
    return [(event.action, event.details["name"]) for event in events]


def run(*arguments: str) -> str:
    out = StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


# --- Files ---------------------------------------------------------------------


def test_model_from_elsewhere_is_copied_with_its_weights(tmp_path, models) -> None:
    version = model_versions.register_file(by=None, path=write_files(tmp_path / "elsewhere", "a"))
    assert sorted(path.name for path in models.iterdir()) == ["a.json", "a.npz"]
    assert (models / "a.npz").read_bytes() == b"weights of a"
    assert version.manifest["title"] == "Model a"
    assert turns() == [("model.registered", "a")]


def test_row_keeps_the_manifest_without_the_hashes_of_the_training_images(db) -> None:
    manifest = default_manifest()
    stored = model_versions.register(by=None, manifest=manifest).manifest
    whole = manifest.as_dict()
    assert "hashes" in whole["training_images"]
    assert stored["training_images"] == {
        key: value for key, value in whole["training_images"].items() if key != "hashes"
    }
    assert {**stored, "training_images": None} == {**whole, "training_images": None}


def test_model_that_lies_in_the_folder_is_used_where_it_is(models) -> None:
    path = write_files(models, "a")
    before = path.stat().st_mtime_ns
    model_versions.register_file(by=None, path=path)
    assert path.stat().st_mtime_ns == before


def test_second_registration_changes_nothing(models) -> None:
    first = model_versions.register_file(by=None, path=write_files(models, "a"))
    assert model_versions.register_file(by=None, path=models / "a.json") == first
    assert turns() == [("model.registered", "a")]


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda home: (home / "a.npz").unlink(), "weights_missing"),
        (lambda home: (home / "a.npz").write_bytes(b"others"), "weights_mismatch"),
        (lambda home: (home / "a.json").write_text("{"), "manifest_invalid"),
        (lambda home: (home / "a.json").write_text("{}"), "manifest_invalid"),
        (lambda home: (home / "a.json").unlink(), "manifest_missing"),
    ],
)
def test_model_that_does_not_load_is_not_registered_and_leaves_nothing(spoil, code, tmp_path, models) -> None:
    path = write_files(tmp_path / "elsewhere", "a")
    spoil(path.parent)
    with pytest.raises(ManifestError) as refused:
        model_versions.register_file(by=None, path=path)
    assert refused.value.code == code
    assert not models.exists()
    assert not ModelVersion.objects.exists()
    assert turns() == []


def test_manifest_in_the_folder_under_another_name_is_refused(models) -> None:
    path = write_files(models, "a").rename(models / "b.json")
    with pytest.raises(ManifestError) as refused:
        model_versions.register_file(by=None, path=path)
    assert refused.value.code == "manifest_misnamed"
    assert not ModelVersion.objects.exists()


def test_shipped_model_is_not_replaced_by_another_of_its_id(tmp_path) -> None:
    with pytest.raises(ManifestError) as refused:
        model_versions.register_file(by=None, path=write_files(tmp_path / "elsewhere", "prototype-cnn-1"))
    assert refused.value.code == "model_differs"
    assert not ModelVersion.objects.exists()


def test_other_weights_under_a_taken_file_name_are_refused_and_stay_unchanged(tmp_path, models) -> None:
    write_files(models, "a", weights_file="weights.npz")
    with pytest.raises(ManifestError) as refused:
        model_files.take_in(write_files(tmp_path / "elsewhere", "b", weights_file="weights.npz"))
    assert refused.value.code == "weights_taken"
    assert (models / "weights.npz").read_bytes() == b"weights of a"
    assert not (models / "b.json").exists()


def test_folder_that_cannot_be_written_is_said_with_what_to_do(tmp_path, settings) -> None:
    (tmp_path / "file").write_text("no folder")
    settings.MODEL_DIR = str(tmp_path / "file")
    with pytest.raises(ManifestError, match="Put its files there yourself") as refused:
        model_versions.register_file(by=None, path=write_files(tmp_path / "elsewhere", "a"))
    assert refused.value.code == "model_dir_unwritable"


def test_other_weights_under_a_registered_name_are_refused(models) -> None:
    model_versions.register_file(by=None, path=write_files(models, "a"))
    write_files(models, "a", weights=b"retrained")
    with pytest.raises(ManifestChanged, match="give the new ones a new id"):
        model_versions.register_file(by=None, path=models / "a.json")


# --- Activating and going back ------------------------------------------------------


def test_activation_of_the_active_version_is_no_act(three) -> None:
    before = turns()
    assert not model_versions.activate(by=None, version=three[2])
    assert (active(), turns()) == ("c", before)


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (lambda home: (home / "a.npz").unlink(), "weights_missing"),
        (lambda home: (home / "a.npz").write_bytes(b"others"), "weights_mismatch"),
        (lambda home: (home / "a.json").unlink(), "manifest_missing"),
        (lambda home: write_files(home, "a", weights=b"retrained"), "model_differs"),
    ],
)
def test_activation_without_the_registered_files_is_refused(spoil, code, three, models) -> None:
    spoil(models)
    before = turns()
    with pytest.raises(ManifestError) as refused:
        model_versions.activate(by=None, version=three[0])
    assert refused.value.code == code
    assert (active(), turns()) == ("c", before)


def test_rolling_back_goes_one_step_further_each_time_and_then_says_so(three) -> None:
    a, b, c = three
    assert model_versions.roll_back(by=None, version=c) == b
    assert model_versions.roll_back(by=None, version=b) == a
    with pytest.raises(NoWayBack, match="No other version was active before “a”"):
        model_versions.roll_back(by=None, version=a)
    assert active() == "a"
    assert turns()[-2:] == [("model.rolled_back", "b"), ("model.rolled_back", "a")]
    event = AuditEvent.objects.filter(action="model.rolled_back").order_by("at").first()
    assert (event.actor, event.details) == (None, {"name": "b", "before": "c"})


def test_rolling_back_after_a_detour_leads_to_what_was_active_then(three) -> None:
    a, b, c = three
    model_versions.roll_back(by=None, version=c)
    model_versions.activate(by=None, version=a)
    assert model_versions.roll_back(by=None, version=a) == b


def test_rolling_back_of_a_version_that_is_not_active_is_refused(three) -> None:
    with pytest.raises(NoWayBack, match="not the active version"):
        model_versions.roll_back(by=None, version=three[1])
    assert active() == "c"


def test_rolling_back_to_missing_files_is_refused(three, models) -> None:
    (models / "b.npz").unlink()
    with pytest.raises(ManifestError):
        model_versions.roll_back(by=None, version=three[2])
    assert active() == "c"


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger", "administrator"])
def test_only_the_sites_administrator_changes_the_network(who, three, models, request) -> None:
    person, before = request.getfixturevalue(who), turns()
    path = write_files(models, "d")
    for act in (
        lambda: model_versions.register_file(by=person, path=path),
        lambda: model_versions.activate(by=person, version=three[0]),
        lambda: model_versions.roll_back(by=person, version=three[2]),
    ):
        with pytest.raises(PermissionDenied):
            act()
    assert (active(), turns()) == ("c", before)


def test_superuser_is_named_in_the_audit_trail(three, superuser) -> None:
    model_versions.activate(by=superuser, version=three[0])
    event = AuditEvent.objects.filter(action="model.activated").order_by("at").last()
    assert (event.actor, event.details) == (superuser, {"name": "a", "before": "c"})


# --- The command --------------------------------------------------------------------


def test_command_registers_activates_and_rolls_back(models) -> None:
    for name in ("a", "b"):
        assert f"{name} is registered." in run("register", str(write_files(models, name)))
        assert run("activate", name) == f"{name} is active.\n"
    assert run("activate", "b") == "b was the active one already.\n"
    assert run("rollback") == "a is active again, in the place of b.\n"
    assert active() == "a"


def test_list_marks_the_active_one_and_says_which_files_fail(three, models) -> None:
    (models / "b.npz").write_bytes(b"others")
    write_files(models, "d")
    lines = run("list").splitlines()
    assert [line for line in lines if line.startswith("*")] == [lines[0]]
    assert lines[0].startswith("* c  registered")
    assert lines[0].endswith("0 results, files verified")
    assert "  validation: macro F1 0.900 (95 % interval 0.850 to 0.950), accuracy 0.910" in lines[1]
    assert any(
        line.startswith("  b ") and line.endswith("not usable here: weights_mismatch") for line in lines
    )
    assert "  d  not registered" in lines


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("activate", "nowhere"), "No network of this name is registered; known: none. Received 'nowhere'."),
        (("rollback",), "No network is active"),
        (("register", "nowhere.json"), "There is no manifest"),
    ],
)
def test_command_says_in_a_sentence_what_does_not_work(arguments, sentence, db) -> None:
    with pytest.raises(CommandError, match=sentence):
        run(*arguments)
    assert not ModelVersion.objects.exists()


def test_rollback_without_a_version_before_is_a_sentence(models) -> None:
    run("register", str(write_files(models, "a")))
    run("activate", "a")
    with pytest.raises(CommandError, match="No other version was active before “a”"):
        run("rollback")


# --- Figures --------------------------------------------------------------------------


def test_figures_are_found_in_every_set_and_not_inside_them() -> None:
    inner = {"n": 10, "macro_f1": 0.5, "accuracy": 0.6}
    folds = {"n": 20, "macro_f1": 0.8, "accuracy": 0.9, "ece": 0.012, "distinct": inner, "per_class": inner}
    found = figures_of({"training": {"figures": {"cross_validation": folds, "draws": 1000}}})
    assert [str(each) for each in found] == [
        "cross_validation: macro F1 0.800, accuracy 0.900, calibration error 0.012, 20 images",
        "cross_validation distinct: macro F1 0.500, accuracy 0.600, 10 images",
    ]
    assert figures_of({}) == []


def test_manifest_of_every_shipped_model_has_figures() -> None:
    for path in model_files.MANIFEST_DIR.glob("*.json"):
        assert figures_of(json.loads(path.read_text())), path.name
