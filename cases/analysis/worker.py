"""Where the queue meets the network: claim a job, call the core, hand the result back.

No transaction is open while the network runs. The engine is loaded in the pool
process, after the fork: a process that forks with TensorFlow loaded hangs.
"""

from __future__ import annotations

import functools
import logging
import time
import uuid
from typing import TYPE_CHECKING, Any

from celery import shared_task
from celery.exceptions import SoftTimeLimitExceeded
from celery.signals import worker_process_init
from django.conf import settings
from django.utils.translation import gettext_noop

from cases import storage
from cases.analysis import heartbeat, jobs, model_files, model_versions, step_times, sweep
from cases.analysis.jobs import Failure, Lease, Result
from cases.analysis.network import Network
from inference.canonical import decode_canonical
from inference.errors import InferenceError, ManifestError
from inference.fingerprints import FingerprintSet
from inference.heatmaps import pack

if TYPE_CHECKING:
    from inference.predictor import Predictor

logger = logging.getLogger(__name__)

UNEXPECTED = Failure(
    "unexpected",
    "The analysis failed for a reason that we did not foresee. Try again; if it fails again, "
    "give the case code to your administrator.",
    retryable=True,
)


# Why jobs wait where this process cannot use their network. What it lacks in detail stands in the log.
ENGINE_MISSING = gettext_noop(
    "The analysis waits: what runs this network is not installed on a worker. Nothing is lost. "
    "Tell your administrator."
)
NEWER_NETWORK = gettext_noop(
    "The analysis waits: a worker cannot read this network, which was made for another version of the "
    "portal. Nothing is lost. Tell your administrator."
)
FILES_MISSING = gettext_noop(
    "The analysis waits: the files of this network are missing on a worker, or are not those that were "
    "registered. Nothing is lost. Tell your administrator."
)
_REASONS = {
    "engine_missing": ENGINE_MISSING,
    "engine_unfit": ENGINE_MISSING,
    "manifest_invalid": NEWER_NETWORK,
    "compiled_unfit": NEWER_NETWORK,
}


@functools.lru_cache(maxsize=2)
def predictor_for(model_name: str, weights_sha256: str, compiled_sha256: str) -> Predictor:
    """The loaded network of this name; kept, since loading takes a while.

    Raises ManifestError where this machine's files are not those of the registered version, or where what
    runs them is not installed.
    """
    from inference.predictor import Predictor

    manifest = model_files.verified(model_name, weights_sha256, compiled_sha256)
    return Predictor.load(manifest, threads=settings.INFERENCE_THREADS)


@functools.lru_cache(maxsize=2)
def training_images_of(predictor: Predictor) -> FingerprintSet | None:
    """What the network was trained on; None where its manifest does not say. Kept as the network is."""
    known = predictor.manifest.training_images
    return FingerprintSet.from_manifest(dict(known)) if known is not None else None


@worker_process_init.connect
def load_active_network(**kwargs: Any) -> None:
    """Load the active network in a fresh pool process, so that the first job need not wait."""
    try:
        active = model_versions.active_version()
        predictor_for(active.name, active.weights_sha256, active.compiled_sha256)
    except Exception:
        # The process must come up all the same: the job will say why it waits.
        logger.exception("The active network could not be loaded.")


@shared_task(name=jobs.ANALYSE_TASK)
def analyse(job_id: str) -> None:
    """Analyse one image. Called twice for the same job, the second call does nothing."""
    reason = _reason_to_wait(uuid.UUID(job_id))
    if reason:
        jobs.let_wait(uuid.UUID(job_id), reason)
        return
    with step_times.of_a_job() as timed:
        with step_times.step("database"):
            lease = jobs.lease(uuid.UUID(job_id))
        if lease is not None:
            timed.is_over = _finish(lease)


def _finish(lease: Lease) -> bool:
    """Bring the job that was taken to its end, whichever; whether it has a result now."""
    job_id = str(lease.job_id)
    try:
        # To store it can fail too. Whatever the reason: where it is stored all the same, the token no longer
        # holds, and the failure changes nothing.
        with heartbeat.renewing(lease):
            is_stored = jobs.complete(lease, infer(lease.network, lease.image_file))
    except Exception as error:  # noqa: BLE001 - every job ends with a reason that the page can show
        jobs.fail(lease, _failure_of(error, job_id))
        return False
    if not is_stored:
        logger.warning("Job %s was taken back meanwhile; this result is dropped.", job_id)
    return is_stored


def _reason_to_wait(job_id: uuid.UUID) -> str:
    """Why no job of this network can be taken here; empty where one can, or where the job is not queued."""
    network = jobs.network_of(job_id)
    if network is None:
        return ""
    try:
        _loaded(network)
    except ManifestError as error:
        logger.error("Job %s waits for its network (%s): %s", job_id, error.code, error.message)  # noqa: TRY400
        return _REASONS.get(error.code, FILES_MISSING)
    except Exception:  # noqa: BLE001 - what else goes wrong does so again in the attempt, which says it
        return ""
    return ""


def _loaded(network: Network) -> tuple[Predictor, FingerprintSet | None]:
    predictor = predictor_for(network.name, network.weights_sha256, network.compiled_sha256)
    return predictor, training_images_of(predictor)


def infer(network: Network, image_file: str) -> Result:
    """What the network says of one stored picture; no transaction may be open. Raises ManifestError where
    this process cannot use the network, and InferenceError.
    """
    predictor, known = _loaded(network)
    with step_times.step("decode"):
        pixels = decode_canonical(storage.load(image_file))
    started = time.perf_counter()
    found = predictor.predict([pixels], step_times.step)[0]
    with step_times.step("maps"):
        packed = pack(found.maps)
    return Result(
        predicted_class=found.predicted,
        probabilities=dict(zip(found.class_codes, found.probabilities, strict=True)),
        packed_maps=packed,
        seconds=time.perf_counter() - started,
        gate_verdict=found.gate.verdict if found.gate else "",
        gate_distance=found.gate.distance if found.gate else None,
        in_training=known.contains(pixels) if known else None,
    )


def _failure_of(error: Exception, job_id: str) -> Failure:
    """What the clinician is told; what the operator needs goes to the log."""
    if isinstance(error, InferenceError):
        return Failure(error.code, error.message, error.retryable)
    if isinstance(error, SoftTimeLimitExceeded):
        return Failure("time_limit", "The analysis took too long and was stopped.", retryable=True)
    if storage.is_full(error):
        logger.error("Job %s failed: the disk is full.", job_id)
        return Failure(
            jobs.DISK_FULL,
            "The result could not be stored, because the disk is full. Nothing is lost: the analysis goes on "
            "once there is room. Tell your administrator.",
            retryable=True,
            is_postponed=True,
        )
    if isinstance(error, FileNotFoundError):
        return Failure(
            "image_missing",
            "The stored image is missing. Ask your administrator to restore it.",
            retryable=False,
        )
    logger.error("Job %s failed.", job_id, exc_info=error)
    return UNEXPECTED


@shared_task(name="cases.analysis.worker.sweep_jobs")
def sweep_jobs() -> None:
    """Take expired leases back and send what waits; beat calls it."""
    revived, sent = sweep.take_back_expired(), sweep.enqueue_waiting()
    if revived or sent:
        logger.info("Took back %d jobs, sent %d.", revived, sent)
