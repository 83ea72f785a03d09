"""What one picture costs: its upload, and its analysis step by step, in one process without Celery.

    python docs/benchmarks/analysis_steps.py [PICTURES]

On SQLite in a folder of its own, with the network that ships, on one thread; grey pictures of 512 x 512. The
prototype's way (prototype.py) takes the same pictures afterwards, in a process of its own. For the same
outputs the three overlays that it draws are drawn of ours too, which the portal leaves until somebody looks.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import numpy as np

from docs.benchmarks.costs import MAPS, OVERLAYS, Cost, memory, picture
from docs.benchmarks.figures import Figure, arguments, hand_over, handed_over

PICTURES = 100
# What is aimed at, of the processor's time of the prototype.
TIMES_LESS = 12


def prototypes_way(pictures: int, folder: Path) -> list[Figure]:
    """What the prototype's way takes, in a process of its own."""
    told = folder / "prototype.json"
    script = Path(__file__).with_name("prototype.py")
    command = [sys.executable, str(script), str(pictures), f"--json={told}"]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)  # noqa: S603 - our own
    return handed_over(told)


def main(pictures: int, folder: Path, json: Path | None) -> None:
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
    uploads, analyses, drawings = Cost(), Cost(), Cost()
    for _ in range(pictures):
        file = ContentFile(picture(rng))
        with uploads.round():
            submit_file(by=reader, cohort=cohort, file=file)
    steps: list[dict[str, float]] = []
    step_times.measured.connect(lambda seconds, **_others: steps.append(seconds), weak=False)
    first, *others = Job.objects.values_list("pk", flat=True)
    # It loads the network.
    worker.analyse(str(first))
    steps.clear()
    for key in others:
        with analyses.round():
            worker.analyse(str(key))
    for result in Prediction.objects.select_related("image"):
        with drawings.round():
            draw(result.image.file, result.maps_file, result.predicted_class)
    maps = len(storage.load(Prediction.objects.all()[0].maps_file))
    peak = memory(os.getpid(), "VmHWM")
    print(name)
    figures = [
        *uploads.figures("upload"),
        *analyses.figures("analysis"),
        *(
            Figure(f"of that, {step}, clock", median(each[step] for each in steps) * 1000, "ms", len(steps))
            for step in step_times.STEPS
        ),
        Figure("heat maps of an image", maps / 1000, "kB"),
        Figure("memory of the process, at the most", peak, "MiB"),
        *drawings.figures("three overlays drawn"),
    ]
    hand_over([*figures, *beside(prototypes_way(pictures, folder), analyses, drawings)], json)


def beside(prototype: list[Figure], analyses: Cost, drawings: Cost) -> list[Figure]:
    """The prototype's figures, and their ratio to ours."""
    took = {figure.what: figure.value for figure in prototype}
    ours, n = analyses.processor_ms, len(analyses.clock)
    same = ours + drawings.processor_ms
    return [
        *prototype,
        Figure(
            f"{MAPS}, over an analysis, processor",
            took[f"{MAPS}, processor"] / ours,
            "times",
            n,
            at_least=TIMES_LESS,
        ),
        Figure(
            f"{OVERLAYS}, over an analysis and its overlays, processor",
            took[f"{OVERLAYS}, processor"] / same,
            "times",
            n,
            at_least=TIMES_LESS,
        ),
    ]


def draw(picture_file: str, maps_file: str, class_code: str) -> None:
    """The overlays of one class, one a layer, as the viewer's download gives them."""
    from cases import storage
    from inference.canonical import decode_canonical
    from inference.heatmaps import overlay_png, unpack
    from inference.preprocessing import letterbox

    pixels = decode_canonical(storage.load(picture_file))
    maps = unpack(storage.load(maps_file))
    for layer in maps.layers:
        values = maps.values[layer][maps.class_codes.index(class_code)]
        overlay_png(pixels, values, letterbox(pixels.shape[1], pixels.shape[0]))


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument("pictures", nargs="?", type=int, default=PICTURES)
    asked = parser.parse_args()
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
        main(asked.pictures, Path(folder), asked.json)
