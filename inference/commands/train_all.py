"""`train-all`: every training of a packed plan; goes on where it was interrupted."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from inference.commands.common import tell
from inference.errors import DataError

_BACKENDS = ("jax", "tensorflow")
_PRECISIONS = ("float32", "mixed_bfloat16")


def add(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Declare the command."""
    parser = commands.add_parser(
        "train-all", help="train what a pack plans; goes on where an interrupted call stopped"
    )
    parser.add_argument("pack", type=Path, metavar="DIR", help="what `pack` wrote")
    parser.add_argument(
        "--jobs", type=int, default=1, help="trainings at a time, each in a process; a GPU takes a dozen"
    )
    parser.add_argument("--threads", type=int, default=1, help="of each job, on a CPU")
    parser.add_argument(
        "--backend", choices=_BACKENDS, help="default: jax where it finds a GPU, else tensorflow"
    )
    parser.add_argument(
        "--precision",
        choices=_PRECISIONS,
        default=_PRECISIONS[0],
        help="of what is computed; weights are kept in single precision",
    )
    parser.add_argument(
        "--results",
        type=Path,
        metavar="OUT",
        help="gets what is complete, in half the size, to be put into the `runs` of the pack at home",
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Train, or let several processes train."""
    backend = options.backend or _backend_here()
    # Keras reads it when it is first imported. Each job takes what it needs of a GPU's memory, no more.
    os.environ |= {"KERAS_BACKEND": backend, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(options.pack.absolute() / "jax-cache"))
    if options.jobs > 1:
        _share_out(options, backend)
    elif backend == "tensorflow":
        from inference.engines.tensorflow import configure

        configure(options.threads)
    from keras.config import set_dtype_policy

    from inference.training.train_all import hand_over, open_pack, train_all

    if options.jobs == 1:
        set_dtype_policy(options.precision)
        train_all(options.pack, tell)
    pack = open_pack(options.pack)
    left = [recipe.id for recipe in pack.runs if not pack.is_complete(recipe)]
    if options.results:
        hand_over(pack, options.results)
    tell(f"Not complete: {', '.join(left)}." if left else "All trainings are complete.")


def _share_out(options: argparse.Namespace, backend: str) -> None:
    """Start the jobs, which find work by themselves, and stop them when this process is stopped."""
    command = [sys.executable, "-m", "inference", "train-all", str(options.pack)]
    command += ["--threads", str(options.threads), "--backend", backend]
    command += ["--precision", options.precision]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    jobs = [
        subprocess.Popen(command)  # noqa: S603 - the command is our own
        for _ in range(options.jobs)
    ]
    try:
        for job in jobs:
            job.wait()
    finally:
        for job in jobs:
            job.terminate()


def _backend_here() -> str:
    """JAX where it finds a GPU or TensorFlow is not there. Raises DataError packages_missing."""
    found = [name for name in _BACKENDS if find_spec(name)]
    if not found:
        raise DataError("packages_missing", "A training needs JAX or TensorFlow. Received neither.")
    if found == list(_BACKENDS):
        return "jax" if _gpu_by_jax() else "tensorflow"
    return found[0]


def _gpu_by_jax() -> bool:
    # Not among what is installed for the portal.
    jax = import_module("jax")
    return any(device.platform == "gpu" for device in jax.devices())
