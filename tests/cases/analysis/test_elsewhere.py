"""A classifier that was made elsewhere, with classes of its own, from its folder to pages and exports."""

from __future__ import annotations

import csv
import importlib
import io
import json
import shutil
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from django.core.files.base import ContentFile
from django.core.management import CommandError, call_command
from PIL import Image as PillowImage

from cases import storage
from cases.analysis import model_versions, worker
from cases.evidence.figures import confusion
from cases.export import rows
from cases.intake.uploads import submit_file
from cases.models import Case, Job, ModelVersion, Prediction, Review, TeachingRead
from cases.teaching.views import class_label
from inference.heatmaps import unpack

pytestmark = [pytest.mark.django_db, pytest.mark.slow]


TWO = [{"code": "disc", "label": "Disc"}, {"code": "ring", "label": "Ring"}]


@pytest.fixture(scope="module")
def elsewhere() -> ModuleType:
    """The example, with TensorFlow, which only the process that comes to these tests loads."""
    return importlib.import_module("docs.examples.elsewhere")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, elsewhere: ModuleType) -> Path:
    """What the example writes; to be read only."""
    return elsewhere.write(elsewhere.train(), tmp_path_factory.mktemp("shapes")).parent


@pytest.fixture
def folder(trained: Path, tmp_path: Path, settings: Any) -> Path:
    """A copy of it, and an empty MODEL_DIR."""
    settings.MODEL_DIR = str(tmp_path / "models")
    worker.predictor_for.cache_clear()
    return Path(shutil.copytree(trained, tmp_path / "shapes"))


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("models", *arguments, stdout=out)
    return out.getvalue()


def rewrite(folder: Path, **changes: Any) -> None:
    path = folder / "shapes-1.json"
    path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | changes), "utf-8")


@pytest.fixture
def version(folder: Path) -> ModelVersion:
    """The network, registered from its folder and active."""
    run("register", str(folder))
    run("activate", "shapes-1")
    return ModelVersion.objects.get(name="shapes-1")


@pytest.fixture
def analysed(version: ModelVersion, owner: Any, cohort: Any, elsewhere: ModuleType) -> Any:
    """Take in a drawn shape and analyse it; returns its case."""

    def take(code: str, seed: int = 9_001) -> Case:
        file = io.BytesIO()
        PillowImage.fromarray(elsewhere.picture(code, seed, 96)).save(file, "PNG")
        receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(file.getvalue()), ground_truth=code)
        assert receipt.case is not None, receipt
        worker.analyse(str(Job.objects.get(image__case=receipt.case).pk))
        return receipt.case

    return take


def test_network_is_registered_from_its_folder_and_classifies_what_is_uploaded(analysed: Any) -> None:
    for code in ("disc", "ring", "bar"):
        case = analysed(code)
        found = Prediction.objects.get(image__case=case)
        assert found.predicted_class == code
        assert list(found.probability_by_class) == ["disc", "ring", "bar"]
        assert sum(found.probabilities.values()) == pytest.approx(1.0)
        assert (found.gate_verdict, found.in_training, found.suspicion) == ("", None, found.confidence)
        maps = unpack(storage.load(found.maps_file))
        assert (maps.layers, maps.class_codes) == ((), ("disc", "ring", "bar"))


def test_case_page_follows_its_classes_in_both_languages_and_says_that_there_is_no_map(
    analysed: Any, colleague: Any, client_of: Any
) -> None:
    case, client = analysed("bar"), client_of(colleague)
    page = client.get(f"/cases/{case.code}/").content.decode()
    assert 'data-class="bar">Bar</span>' in page
    assert "No heat map: this network gives none." in page
    assert "cannot be read just now" not in page
    assert [label for label in ("Disc", "Ring", "Bar") if f">{label}</span>" not in page] == []
    assert "Glioma" not in page.split('id="review-form"')[1].split("</form>")[0]
    german = client.get(f"/cases/{case.code}/", headers={"Accept-Language": "de"}).content.decode()
    assert ">Balken</span>" in german
    assert "Keine Heatmap" in german
    prediction = Prediction.objects.get()
    assert client.get(f"/cases/{case.code}/maps/{prediction.pk}/lesion/bar.png").status_code == 404


def test_classes_have_the_colours_that_their_network_brings(
    version: ModelVersion, colleague: Any, client_of: Any
) -> None:
    answer = client_of(colleague).get("/cases/classes.css")
    assert answer["Content-Type"] == "text/css; charset=utf-8"
    assert answer.content.decode().splitlines() == [
        '[data-class="disc"] { --class-colour: light-dark(#7a4fb5, #b79af0); }',
        '[data-class="ring"] { --class-colour: light-dark(#8a5a00, #f0c05a); }',
        '[data-class="bar"] { --class-colour: light-dark(#0b6e6e, #5cd0d0); }',
    ]
    assert 'href="/cases/classes.css"' in client_of(colleague).get("/cases/").content.decode()


def test_review_export_and_figures_follow_its_classes(
    analysed: Any, colleague: Any, administrator: Any, cohort: Any, client_of: Any, review_as: Any
) -> None:
    case = analysed("disc")
    review_as(colleague, case, corrected="ring")
    row = rows.review_row(Review.objects.get())
    assert (row["predicted_class"], row["final_class"]) == ("disc", "ring")
    (line,) = csv.DictReader(io.StringIO("".join(rows.csv_lines([row]))))
    assert list(json.loads(line["probabilities"])) == ["disc", "ring", "bar"]
    assert row["heat_in_region"] is None
    assert confusion(cohort) == {("disc", "ring"): 1}
    page = client_of(administrator).get("/dashboard/").content.decode()
    assert 'data-class="ring">Ring</span>' in page


def test_rest_gives_its_classes_and_no_layer(analysed: Any, colleague: Any, api_of: Any) -> None:
    case = analysed("ring")
    found = api_of(colleague).get(f"/api/v1/cases/{case.code}/").json()["prediction"]
    assert [each["label"] for each in found["classes"]] == ["Disc", "Ring", "Bar"]
    assert found["layers"] == []


def test_teaching_asks_for_its_classes(
    analysed: Any, under_protocol: Any, colleague: Any, client_of: Any
) -> None:
    under_protocol(reading="teaching")
    case, client = analysed("bar"), client_of(colleague)
    address = f"/cases/teaching/{case.code}/"
    assert ">Balken</span>" in client.get(address, headers={"Accept-Language": "de"}).content.decode()
    answer = client.post(address, {"read_class": "bar", "confidence": "3"}, follow=True)
    assert TeachingRead.objects.get().read_class == "bar"
    assert "You were right" in answer.content.decode()
    assert class_label("bar") == "Bar"


# --- Bad input --------------------------------------------------------------------


def test_class_whose_code_means_something_else_already_is_refused(
    folder: Path, elsewhere: ModuleType
) -> None:
    model_versions.active_version()
    classes = [{"code": "glioma", "label": "Glass"}, *elsewhere.CLASSES[1:]]
    rewrite(folder, classes=classes)
    with pytest.raises(CommandError, match="stands for “Glioma” in “secondread-4” and for “Glass” here"):
        run("register", str(folder))
    rewrite(folder, classes=[{"code": "other", "label": "Other"}, *elsewhere.CLASSES[1:]])
    with pytest.raises(CommandError, match="kept for what a reader alone can say"):
        run("register", str(folder))
    assert ModelVersion.objects.count() == 1
    assert not Path(folder.parent / "models").exists()


def test_class_that_means_the_same_is_shared(folder: Path, elsewhere: ModuleType) -> None:
    model_versions.active_version()
    rewrite(folder, classes=[{"code": "glioma", "label": "Glioma"}, *elsewhere.CLASSES[1:]])
    assert "shapes-1 is registered" in run("register", str(folder))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"input_size": 48}, "of shape"),
        ({"classes": TWO}, "of shape"),
        ({"preprocessing": "grey3-letterbox-v1"}, "of shape"),
        ({"preprocessing": "whatever"}, "preprocessing"),
        ({"weights_sha256": "0" * 64}, "weights_mismatch"),
        ({"weights_file": "nowhere.tflite"}, "weights_missing"),
        ({"layers": [{"name": "last", "label": "Last", "grid": [4, 4], "channels": 8}]}, "of shape"),
        ({"network": {"kind": "external", "output": "votes"}}, "manifest_invalid"),
        (
            {"gate": {"method": "mahalanobis", "refuse_above": 1, "uncertain_above": 1,
                      "uncertain_below_confidence": 0}},
            "gate",
        ),
    ],
)  # fmt: skip
def test_manifest_that_does_not_fit_its_file_is_refused_in_words_and_leaves_nothing(
    changes: dict[str, Any], said: str, folder: Path
) -> None:
    rewrite(folder, **changes)
    with pytest.raises(CommandError, match=said):
        run("register", str(folder))
    assert not ModelVersion.objects.exists()
    assert not Path(folder.parent / "models").exists()


@pytest.mark.parametrize("more", [0, 2])
def test_folder_without_exactly_one_manifest_is_refused(more: int, folder: Path) -> None:
    if more:
        shutil.copyfile(folder / "shapes-1.json", folder / "again.json")
    else:
        (folder / "shapes-1.json").unlink()
    with pytest.raises(CommandError, match=f"Received a folder with {more}"):
        run("register", str(folder))


def test_picture_is_the_same_for_a_seed_and_no_two_shapes_are_alike(elsewhere: ModuleType) -> None:
    assert np.array_equal(elsewhere.picture("ring", 3), elsewhere.picture("ring", 3))
    assert not np.array_equal(elsewhere.picture("ring", 3), elsewhere.picture("disc", 3))
