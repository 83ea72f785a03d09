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

from cases import storage
from cases.analysis import jobs, model_files, model_versions
from cases.analysis.jobs import Failure, Lease, Result
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
        # The process must come up all the same: the job will say why it failed.
        logger.exception("The active network could not be loaded.")


@shared_task(name=jobs.ANALYSE_TASK)
def analyse(job_id: str) -> None:
    """Analyse one image. Called twice for the same job, the second call does nothing."""
    lease = jobs.lease(uuid.UUID(job_id))
    if lease is None:
        return
    try:
        # To store it can fail too. Whatever the reason: where it is stored all the same, the token no longer
        # holds, and the failure changes nothing.
        is_stored = jobs.complete(lease, _infer(lease))
    except Exception as error:  # noqa: BLE001 - every job ends with a reason that the page can show
        jobs.fail(lease, _failure_of(error, job_id))
        return
    if not is_stored:
        logger.warning("Job %s was taken back meanwhile; this result is dropped.", job_id)


def _infer(lease: Lease) -> Result:
    predictor = predictor_for(lease.model_name, lease.weights_sha256, lease.compiled_sha256)
    known = training_images_of(predictor)
    pixels = decode_canonical(storage.load(lease.image_file))
    started = time.perf_counter()
    found = predictor.predict([pixels])[0]
    return Result(
        predicted_class=found.predicted,
        probabilities=dict(zip(found.class_codes, found.probabilities, strict=True)),
        packed_maps=pack(found.maps),
        seconds=time.perf_counter() - started,
        gate_verdict=found.gate.verdict if found.gate else "",
        gate_distance=found.gate.distance if found.gate else None,
        in_training=known.contains(pixels) if known else None,
    )


def _failure_of(error: Exception, job_id: str) -> Failure:
    """What the clinician is told; what the operator needs goes to the log."""
    if isinstance(error, ManifestError):
        logger.error("Job %s failed: %s", job_id, error.message)
        return Failure(
            error.code,
            "The files of this network are missing on a worker, or are not those that were registered. "
            "Tell your administrator.",
            retryable=error.retryable,
        )
    if isinstance(error, InferenceError):
        return Failure(error.code, error.message, error.retryable)
    if isinstance(error, SoftTimeLimitExceeded):
        return Failure("time_limit", "The analysis took too long and was stopped.", retryable=True)
    if storage.is_full(error):
        logger.error("Job %s failed: the disk is full.", job_id)
        return Failure(
            "disk_full",
            "The result could not be stored, because the disk is full. Tell your administrator; "
            "once there is room, try again.",
            retryable=True,
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
    revived, sent = jobs.take_back_expired(), jobs.enqueue_waiting()
    if revived or sent:
        logger.info("Took back %d jobs, sent %d.", revived, sent)
