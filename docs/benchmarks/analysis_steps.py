"""What one picture costs: its upload, and its analysis step by step, in one process without Celery.

    python docs/benchmarks/analysis_steps.py [PICTURES]

On SQLite in a folder of its own, with the network that ships, on one thread; grey pictures of 512 x 512.
The processor's time is told beside the clock's, which other work on the machine makes longer.
"""

from __future__ import annotations

import io
import os
import resource
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image as PillowImage
from scipy.ndimage import gaussian_filter

SIDE = 512
SMOOTH = 6.0
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def picture(rng: np.random.Generator) -> bytes:
    """Return a PNG of smooth noise, which compresses about as well as a slice."""
    noise = gaussian_filter(rng.normal(size=(SIDE, SIDE)), SMOOTH)
    grey = (noise - noise.min()) / (noise.max() - noise.min()) * 255
    stream = io.BytesIO()
    PillowImage.fromarray(grey.astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


@contextmanager
def timed(wall: list[float], processor: list[float]) -> Iterator[None]:
    """Add the milliseconds of the block to both."""
    began, worked = time.perf_counter(), time.process_time()
    yield
    wall.append((time.perf_counter() - began) * 1000)
    processor.append((time.process_time() - worked) * 1000)


def main(pictures: int) -> None:
    """Upload so many, analyse them, and print the medians."""
    from django.core.files.base import ContentFile
    from django.core.management import call_command

    from cases import storage
    from cases.analysis import model_versions, step_times, worker
    from cases.intake.uploads import submit_file
    from cases.models import Cohort, Job, Membership, Prediction
    from cases.roles import Role
    from portal.accounts.models import User

    call_command("migrate", verbosity=0)
    name = model_versions.active_version().name
    reader = User.objects.create_user(email="a@example.org", password=os.urandom(20).hex(), full_name="A")
    cohort = Cohort.objects.create(name="Measured")
    Membership.objects.create(user=reader, cohort=cohort, role=Role.ADMINISTRATOR)
    rng = np.random.default_rng(1)
    uploads: tuple[list[float], list[float]] = ([], [])
    for _ in range(pictures):
        file = ContentFile(picture(rng))
        with timed(*uploads):
            submit_file(by=reader, cohort=cohort, file=file)
    steps: list[dict[str, float]] = []
    step_times.measured.connect(lambda seconds, **_others: steps.append(seconds), weak=False)
    first, *others = Job.objects.values_list("pk", flat=True)
    # It loads the network.
    worker.analyse(str(first))
    steps.clear()
    jobs: tuple[list[float], list[float]] = ([], [])
    for key in others:
        with timed(*jobs):
            worker.analyse(str(key))
    maps = len(storage.load(Prediction.objects.all()[0].maps_file))
    print(f"{name}, {len(steps)} analyses, medians; load of the machine {os.getloadavg()[0]:.1f}")
    print(f"upload      {median(uploads[0]):7.1f} ms, of the processor {median(uploads[1]):7.1f} ms")
    print(f"analysis    {median(jobs[0]):7.1f} ms, of the processor {median(jobs[1]):7.1f} ms")
    for step in step_times.STEPS:
        print(f"  {step:<10}{median(each[step] for each in steps) * 1000:7.1f} ms")
    print(f"heat maps   {maps / 1000:7.1f} kB")
    print(f"process     {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:7.0f} MiB at the most")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory(prefix="secondread-steps-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "SECONDREAD_VAR": folder,
            "DATABASE_URL": f"sqlite:///{folder}/steps.sqlite3",
            "CELERY_BROKER_URL": "memory://",
            "LOG_LEVEL": "ERROR",
        }
        import django

        django.setup()
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
