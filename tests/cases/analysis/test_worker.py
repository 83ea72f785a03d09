"""The thin room between queue and network, with a tiny real network."""

import errno
import io
import json
import logging
import re
import shutil
import uuid
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from celery.exceptions import SoftTimeLimitExceeded
from django.conf import settings
from django.core.files.storage import FileSystemStorage
from django.utils import translation
from PIL import Image as PillowImage

from cases import storage
from cases.analysis import jobs, worker
from cases.analysis.network import Network
from cases.models import Job, ModelVersion, Prediction
from cases.translation import shown
from inference.engines import choice
from inference.errors import InferenceError
from inference.fingerprints import FingerprintSet, fingerprint
from inference.heatmaps import unpack
from inference.manifest import Manifest, load_manifest
from portal.monitoring import health
from tests.cast import CLASSES, make_png_bytes

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module")
def tiny_network(tmp_path_factory):
    """Folder with the tiny network, as shipped ones lie."""
    # Late: only the process that comes to these tests loads TensorFlow.
    from tests.inference.tiny import tiny_model, write_model

    folder = tmp_path_factory.mktemp("manifests")
    return load_manifest(write_model(folder, tiny_model()))


@pytest.fixture
def model_version(db, tiny_network, settings) -> ModelVersion:
    """Stands in for the cast's version: this one can be loaded."""
    settings.MODEL_DIR = str(tiny_network.directory)
    worker.predictor_for.cache_clear()
    return ModelVersion.objects.create(
        name="tiny",
        weights_sha256=tiny_network.weights_sha256,
        manifest=tiny_network.as_dict(),
        is_active=True,
    )


@pytest.fixture
def job(submitted_case) -> Job:
    return Job.objects.get(image__case=submitted_case)


# The manifest as a column that is asked for, and not for one of its fields.
WHOLE_MANIFEST = re.compile(r'[ ]"cases_modelversion"\."manifest"(?! #>)')


def test_analysis_reads_no_whole_manifest_and_knows_the_class_that_finds_nothing(
    job, django_assert_max_num_queries
) -> None:
    version = job.model_version
    found = worker.infer(Network.of(version), job.image.file)
    ModelVersion.objects.update(manifest=version.manifest | {"negative_class": found.predicted_class})
    with django_assert_max_num_queries(30) as asked:
        worker.analyse(str(job.pk))
    assert [each["sql"] for each in asked if WHOLE_MANIFEST.search(each["sql"])] == []
    assert Prediction.objects.get().suspicion == pytest.approx(-found.confidence)


def test_analysis_stores_probabilities_and_maps_of_every_layer_and_class(job, tiny_network) -> None:
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    prediction = Prediction.objects.get()
    maps = unpack(storage.load(prediction.maps_file))
    assert (job.status, job.error_code) == ("succeeded", "")
    # PostgreSQL keeps no order of keys.
    assert tuple(prediction.probability_by_class) == CLASSES == tuple(sorted(prediction.probabilities))
    assert sum(prediction.probabilities.values()) == pytest.approx(1, abs=1e-5)
    assert prediction.predicted_class == max(prediction.probabilities, key=prediction.probabilities.get)
    assert maps.layers == tiny_network.layer_names
    assert [len(maps.values[layer]) for layer in maps.layers] == [4, 4]


def test_network_without_gate_and_fingerprints_says_nothing_of_either(job) -> None:
    worker.analyse(str(job.pk))
    prediction = Prediction.objects.get()
    assert (prediction.gate_verdict, prediction.gate_distance, prediction.in_training) == ("", None, None)


@pytest.mark.parametrize(("trained_on", "expected"), [(0, True), (1, False)])
def test_upload_is_compared_with_the_training_images(
    trained_on, expected, job, tiny_network, monkeypatch
) -> None:
    """The upload is the picture of seed 0."""
    picture = np.asarray(PillowImage.open(io.BytesIO(make_png_bytes(seed=trained_on))))
    known = FingerprintSet.of([fingerprint(picture)]).as_manifest()
    predictor = worker.predictor_for("tiny", tiny_network.weights_sha256, "")
    monkeypatch.setattr(predictor, "manifest", replace(tiny_network, training_images=known))
    worker.analyse(str(job.pk))
    assert Prediction.objects.get().in_training is expected


def test_verdict_of_the_gate_is_kept(job, tiny_network, monkeypatch) -> None:
    predictor = worker.predictor_for("tiny", tiny_network.weights_sha256, "")
    whole = predictor.predict
    verdict = SimpleNamespace(verdict="refused", distance=9.5, confidence=0.4)
    monkeypatch.setattr(predictor, "predict", lambda batch, _step: [replace(whole(batch)[0], gate=verdict)])
    worker.analyse(str(job.pk))
    prediction = Prediction.objects.get()
    assert (prediction.gate_verdict, prediction.gate_distance) == ("refused", 9.5)
    assert prediction.is_refused


@pytest.fixture
def models(tiny_network, settings, tmp_path) -> tuple[Path, Manifest]:
    """A folder of models that may be damaged, and what it holds."""
    home = tmp_path / "models"
    shutil.copytree(tiny_network.directory, home)
    settings.MODEL_DIR = str(home)
    return home, tiny_network


def missing_package(monkeypatch, home: Path) -> None:
    monkeypatch.setattr(choice, "find_spec", lambda _name: None)


def missing_weights(monkeypatch, home: Path) -> None:
    (home / "tiny.npz").rename(home / "elsewhere.npz")


def other_weights(monkeypatch, home: Path) -> None:
    (home / "tiny.npz").write_bytes((home / "tiny.npz").read_bytes()[:-1])


def missing_manifest(monkeypatch, home: Path) -> None:
    (home / "tiny.json").unlink()


def newer_manifest(monkeypatch, home: Path) -> None:
    fields = json.loads((home / "tiny.json").read_text("utf-8"))
    (home / "tiny.json").write_text(json.dumps({**fields, "of_a_later_version": 1}), "utf-8")


def other_registration(monkeypatch, home: Path) -> None:
    ModelVersion.objects.update(weights_sha256="f" * 64)


@pytest.mark.parametrize(
    ("lacking", "said", "logged"),
    [
        (missing_package, worker.ENGINE_MISSING, "engine_missing"),
        (missing_weights, worker.FILES_MISSING, "weights_missing"),
        (other_weights, worker.FILES_MISSING, "weights_mismatch"),
        (missing_manifest, worker.FILES_MISSING, "manifest_missing"),
        (newer_manifest, worker.NEWER_NETWORK, "manifest_invalid"),
        (other_registration, worker.FILES_MISSING, "model_differs"),
    ],
)
def test_job_whose_network_cannot_be_used_here_waits_says_so_and_is_taken_once_it_can(
    lacking, said, logged, job, models, monkeypatch, caplog, client
) -> None:
    home, tiny_network = models
    with monkeypatch.context() as broken:
        lacking(broken, home)
        for _ in range(settings.JOB_MAX_ATTEMPTS + 1):
            worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.attempts, job.token) == ("queued", 0, None)
    assert (job.error_code, job.error_message) == ("network_unusable", said)
    assert logged in caplog.text
    assert job.image.case.code not in caplog.text
    with translation.override("de"):
        assert job.error_shown.startswith("Die Analyse wartet")
    monkeypatch.setattr(health, "_broker_answers", lambda: True)
    answer = client.get("/health/ready/")
    assert (answer.status_code, answer.json()["analysis"]) == (200, "waits_for_network")
    shutil.rmtree(home)
    shutil.copytree(tiny_network.directory, home)
    ModelVersion.objects.update(weights_sha256=tiny_network.weights_sha256)
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_code) == ("succeeded", 1, "")
    assert client.get("/health/ready/").json()["analysis"] == "ok"


def test_page_of_a_case_that_waits_for_its_network_says_so(job, client_of, owner) -> None:
    jobs.let_wait(job.pk, worker.ENGINE_MISSING)
    page = client_of(owner).get(f"/cases/{job.image.case.code}/")
    assert "what runs this network is not installed on a worker" in page.content.decode()
    assert "The last try did not succeed" not in page.content.decode()


def test_job_that_is_not_queued_any_more_is_not_marked_as_waiting(job) -> None:
    Job.objects.update(status="cancelled")
    jobs.let_wait(job.pk, worker.ENGINE_MISSING)
    job.refresh_from_db()
    assert (job.status, job.error_code) == ("cancelled", "")
    assert jobs.network_of(job.pk) is None
    assert not jobs.are_waiting_for_a_network()


def test_analysis_called_twice_does_nothing_the_second_time(job) -> None:
    worker.analyse(str(job.pk))
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (Prediction.objects.count(), job.attempts) == (1, 1)


def test_analysis_of_unknown_job_does_nothing(db) -> None:
    worker.analyse(str(uuid.uuid4()))
    assert not Prediction.objects.exists()


def test_missing_picture_fails_the_job_for_good_with_a_sentence(job) -> None:
    storage.discard(job.image.file)
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_code) == ("failed", 1, "image_missing")
    assert "Ask your administrator" in job.error_message


def test_damaged_picture_fails_the_job_for_good_with_a_sentence(job, monkeypatch) -> None:
    stored = storage.load(job.image.file)
    monkeypatch.setattr(storage, "load", lambda _name: stored[:-1])
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.attempts, job.error_code) == ("failed", 1, "stored_damaged")
    assert "Ask your administrator" in job.error_message


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (SoftTimeLimitExceeded(), "time_limit", "queued"),
        (InferenceError("busy", "Try later.", retryable=True), "busy", "queued"),
        (InferenceError("broken", "Never.", retryable=False), "broken", "failed"),
        (ZeroDivisionError("secret detail"), "unexpected", "queued"),
    ],
)
def test_failure_decides_whether_the_job_is_tried_again(error, code, status, job, monkeypatch) -> None:
    def break_down(network: Network, image_file: str) -> None:
        raise error

    monkeypatch.setattr(worker, "infer", break_down)
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code) == (status, code)
    assert "secret" not in job.error_message


def test_unexpected_failure_is_logged_with_the_job_and_no_patient(job, monkeypatch, caplog) -> None:
    monkeypatch.setattr(worker, "infer", lambda *_asked: 1 / 0)
    with caplog.at_level(logging.ERROR):
        worker.analyse(str(job.pk))
    (record,) = caplog.records
    assert (record.getMessage(), record.exc_info[0]) == (f"Job {job.pk} failed.", ZeroDivisionError)


def test_result_that_comes_too_late_is_dropped(job, monkeypatch) -> None:
    infer = worker.infer

    def slowly(network: Network, image_file: str) -> jobs.Result:
        result = infer(network, image_file)
        Job.objects.update(status="queued", token=None, lease_until=None)
        return result

    monkeypatch.setattr(worker, "infer", slowly)
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, Prediction.objects.count()) == ("queued", 0)


def test_tending_announces_what_waits(job, enqueued) -> None:
    enqueued.clear()
    worker.sweep_jobs()
    assert enqueued == [job.pk]


def test_times_of_a_job_hang_together() -> None:
    times = (
        settings.CELERY_TASK_SOFT_TIME_LIMIT,
        settings.CELERY_TASK_TIME_LIMIT,
        settings.JOB_VISIBILITY_SECONDS,
    )
    assert list(times) == sorted(set(times))
    assert settings.CELERY_TASK_ACKS_LATE


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_heat_maps_that_find_no_room_are_no_attempt_and_leave_nothing(number, job, monkeypatch) -> None:
    def write(self: object, *args: object) -> str:
        real_save(self, *args)
        raise OSError(number, "No space left on device")

    # Equal maps of another test would need no room.
    maps = Path(settings.VAR_DIR) / "media" / "maps"
    shutil.rmtree(maps, ignore_errors=True)
    real_save = FileSystemStorage._save
    monkeypatch.setattr(FileSystemStorage, "_save", write)
    for _ in range(settings.JOB_MAX_ATTEMPTS + 1):
        worker.analyse(str(job.pk))
        job.refresh_from_db()
        assert (job.status, job.attempts, job.error_code) == ("queued", 0, "disk_full")
    assert job.waits_for_an_operator
    assert "disk is full" in job.error_message
    assert not Prediction.objects.exists()
    assert not [path for path in maps.rglob("*") if path.is_file()]
    with translation.override("de"):
        assert "Platte voll" in shown(job.error_message)


def test_maps_are_stored_once_there_is_room_again(job, monkeypatch) -> None:
    def store(*args: object) -> str:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(storage, "store", store)
        worker.analyse(str(job.pk))
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.attempts, Prediction.objects.count()) == ("succeeded", 1, 1)


def test_failure_after_the_result_is_stored_changes_nothing(job, monkeypatch) -> None:
    complete = jobs.complete

    def stumble(*args: object) -> bool:
        complete(*args)
        raise SoftTimeLimitExceeded

    monkeypatch.setattr(jobs, "complete", stumble)
    worker.analyse(str(job.pk))
    job.refresh_from_db()
    assert (job.status, job.error_code, Prediction.objects.count()) == ("succeeded", "", 1)
