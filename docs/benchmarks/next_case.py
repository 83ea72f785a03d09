"""From the key to the next case's picture, in a real Chromium, with many waiting cases.

    python docs/benchmarks/next_case.py [CASES] [ROUNDS]

Starts the web process of `make run` on an SQLite database of its own, with CASES (1,000) analysed cases in
one cohort, opens one and presses `n` ROUNDS (30) times with the next case swapped into the open page, as
often without what is fetched ahead, and as often as a whole page, by turns. The clock runs from the key's
event to the second frame after each of: the picture in its pane; picture and heat map, whoever draws them;
both in full depth. Its exit status says whether the medians of the first way are within 150 ms and 300 ms.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING
from unittest import mock

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from docs.benchmarks.costs import percentile
from docs.benchmarks.figures import Figure, arguments, hand_over
from tests.support import chromium
from tests.support.ports import free_port

if TYPE_CHECKING:
    from playwright.sync_api import Browser

CASES, ROUNDS, SIDE = 1_000, 30, 512
# As long as nobody reads a picture shorter.
PAUSE_MS = 700
WATCH = """
const now = () => performance.timeOrigin + performance.now();
window.seen = {};
let before = null;
addEventListener("keydown", ({ key, timeStamp }) => {
  if (key !== "n") return;
  sessionStorage.setItem("pressed", performance.timeOrigin + timeStamp);
  before = document.getElementById("viewer");
  window.seen = {};
}, true);
const after = (how) => {
  const { seen } = window;
  requestAnimationFrame(() => requestAnimationFrame(() => { seen[how] ??= now(); }));
};
const viewer = () => {
  const found = document.getElementById("viewer");
  return found === before ? null : found;
};
new MutationObserver((changes) => {
  // The picture once it is there: the viewer puts it in the place of the element that the page came with.
  const isPut = (node) => node.matches?.("[data-part=base]") && viewer()?.contains(node);
  if (changes.some(({ addedNodes }) => [...addedNodes].some(isPut))) after("picture");
  const drawn = viewer()?.dataset.drawn;
  if (drawn) { after("picture"); after("drawing"); }
  if (drawn === "depth") after("depth");
}).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-drawn"] });
"""
# Each way as the attributes that it takes away before anybody looks at them.
WAYS = {"swapped": [], "not ahead": ["data-ahead"], "whole page": ["data-swap"]}
WITHOUT = """
for (const name of %s) {
  const strip = () => document.querySelectorAll(`[${name}]`).forEach((each) => each.removeAttribute(name));
  new MutationObserver(strip).observe(document, { subtree: true, childList: true });
}
"""
STEPS = ("picture", "drawing", "depth")
IS_DRAWN = "(before) => location.href !== before && window.seen?.depth"
TOOK = """() => {
  const { picture, drawing, depth } = window.seen;
  return [picture, drawing, depth].map((at) => at - Number(sessionStorage.getItem("pressed")));
}"""
PICTURE_MS, DEPTH_MS = 150, 300


def fill(count: int) -> tuple[str, str]:
    """Make a cohort of `count` analysed cases, and its reader; the reader's address and password."""
    import django

    django.setup()
    from django.core.files.base import ContentFile
    from django.core.management import call_command

    from cases.analysis import jobs
    from cases.intake.uploads import submit_file
    from cases.models import Cohort, Image, Membership, ModelVersion
    from inference.heatmaps import pack
    from portal.accounts.models import User
    from tests.cast import CLASSES, MANIFEST, make_maps, make_png_bytes

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    ModelVersion.objects.create(
        name=MANIFEST["id"], weights_sha256=MANIFEST["weights_sha256"], manifest=MANIFEST, is_active=True
    )
    cohort = Cohort.objects.create(name="Benchmark")
    reader = User.objects.create_user("reader@example.org", "a-long-pass-phrase", full_name="Reader")
    Membership.objects.create(user=reader, cohort=cohort, role="radiologist")
    maps, shares = pack(make_maps()), dict.fromkeys(CLASSES, 0.1) | {"glioma": 0.7}
    with mock.patch.object(jobs, "enqueue", return_value=True):
        for seed in range(count):
            file = ContentFile(make_png_bytes(SIDE, SIDE, seed=seed))
            case = submit_file(by=reader, cohort=cohort, file=file).case
            lease = jobs.lease(Image.objects.get(case=case).jobs.get().pk)
            if lease is None:
                raise RuntimeError("A fresh job could not be leased.")
            result = jobs.Result(
                predicted_class="glioma", probabilities=shares, packed_maps=maps, seconds=0.05,
                gate_verdict="", gate_distance=None, in_training=None,
            )  # fmt: skip
            jobs.complete(lease, result)
    return reader.email, "a-long-pass-phrase"


def answers(url: str) -> None:
    """Wait for the server."""
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{url}/health/live/", timeout=1).close()  # noqa: S310 - our own server
        except OSError:
            time.sleep(0.2)
        else:
            return
    raise RuntimeError("The web process does not answer.")


def measured(
    browser: Browser, url: str, reader: tuple[str, str], rounds: int
) -> dict[str, list[list[float]]]:
    """Milliseconds from the key to each of STEPS, round by round, in each of WAYS, by turns."""
    found: dict[str, list[list[float]]] = {way: [] for way in WAYS}
    pages = {}
    for way, without in WAYS.items():
        # A profile each: what one has fetched is not in the other's cache.
        page = pages[way] = browser.new_context(viewport={"width": 1440, "height": 900}).new_page()
        page.add_init_script(WATCH + WITHOUT % without)
        page.goto(f"{url}/accounts/sign-in/")
        page.get_by_label("E-mail address").fill(reader[0])
        page.get_by_label("Password").fill(reader[1])
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/cases/")
        page.goto(f"{url}/cases/next/")
        page.wait_for_selector("#viewer[data-rests]", timeout=60_000)
    for _ in range(rounds):
        for way, page in pages.items():
            page.bring_to_front()
            page.wait_for_load_state("networkidle")
            page.wait_for_timeout(PAUSE_MS)
            before = page.url
            page.keyboard.press("n")
            page.wait_for_function(IS_DRAWN, arg=before, polling=100)
            found[way].append([float(each) for each in page.evaluate(TOOK)])
    return found


def figures_of(found: dict[str, list[list[float]]]) -> list[Figure]:
    """Of each way the median and the 90th of 100; what is aimed at is the first way's."""
    aims = {("swapped", "picture"): PICTURE_MS, ("swapped", "depth"): DEPTH_MS}
    figures = []
    for way, rounds in found.items():
        for name, times in zip(STEPS, zip(*rounds, strict=True), strict=True):
            what, n = f"{way}: key to {name}", len(rounds)
            figures += [
                Figure(f"{what}, p50", median(times), "ms", n, at_most=aims.get((way, name))),
                Figure(f"{what}, p90", percentile(times, 0.9), "ms", n),
            ]
    return figures


def main() -> int:
    """Measure and print; 1 where it took too long."""
    parser = arguments(__doc__)
    parser.add_argument("cases", nargs="?", type=int, default=CASES)
    parser.add_argument("rounds", nargs="?", type=int, default=ROUNDS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="secondread-benchmark-") as var:
        port = free_port()
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "portal.settings.base",
            "SECONDREAD_VAR": var,
            "SECRET_KEY": "only-for-the-benchmark-" + "x" * 40,
            "CELERY_BROKER_URL": "memory://",
            "HOST": "127.0.0.1",
            "PORT": str(port),
            "PLAYWRIGHT_NODEJS_PATH": str(chromium.NODE),
        }
        os.environ.pop("DATABASE_URL", None)
        reader = fill(asked.cases)
        from playwright.sync_api import sync_playwright

        from portal.standalone import commands, options

        chosen = options.from_environment()
        with (Path(var) / "web.log").open("wb") as log:
            web = subprocess.Popen(  # noqa: S603 - the command is our own
                commands.processes(chosen)["web"],
                cwd=ROOT, env=commands.environment(chosen, "memory://"), stdout=log, stderr=log,
            )  # fmt: skip
        try:
            answers(chosen.url)
            with sync_playwright() as playwright:
                binary = chromium.find()
                browser = playwright.chromium.launch(
                    executable_path=binary.executable,
                    args=list(binary.arguments),
                    env={**os.environ, **binary.environment},
                )
                found = measured(browser, chosen.url, reader, asked.rounds)
                browser.close()
        finally:
            web.terminate()
            web.wait()
    figures = figures_of(found)
    hand_over(figures, asked.json)
    return 1 if any(figure.falls_short for figure in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
