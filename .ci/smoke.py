"""`make smoke`: what a stranger does, on a machine where nothing of this project was ever installed.

Clones HEAD into an empty folder whose name has a space and an umlaut, with an empty HOME, and types `make
run` there, which makes an environment from requirements.txt alone. Then one case goes from upload to export
over HTTP, `make run` is told to stop, and nothing of it may be left. At last the container image's list of
packages is tried in the same environment. The standard library alone; the only thing that is shared with
this machine is how it reaches a package registry.
"""

from __future__ import annotations

import contextlib
import csv
import http.cookiejar
import io
import json
import os
import queue
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
# Generous: a registry may be slow and the machine be busy, but nothing may hang.
READY_SECONDS = 900
ANALYSED_SECONDS = 180
STOP_SECONDS = 30
STEP_SECONDS = 180
# So many simulated slices are drawn at most until the input gate lets one pass.
TRIES = 6
# Of this machine's environment only what says how it reaches a registry, and which Python it has.
KEPT = re.compile(
    r"(?i)(PATH|LANG|LC_\w+|PIP_\w+|\w+_PROXY|SSL_CERT_\w+|REQUESTS_CA_BUNDLE|PYTHON|PYENV_\w+)"
)
PASSWORD = "read-the-demo-twice"  # noqa: S105 - the demonstration's, known to everybody
COHORT = "Demo (simulated)"
# Another slice than any demo case, and still one: moved by two pixels, a little darker, in eight bits.
DRAW = """
import sys
from PIL import Image, ImageChops
picture = ImageChops.offset(Image.open(sys.argv[1]).convert("L"), 2, 1)
picture.point([round(value * 0.97) for value in range(256)]).save(sys.argv[2])
"""
# Takes more away, for the workers.
LATER_STAGE = "FROM without-training AS"
# As the image's worker does at its start: the app, its settings, and every task with the network's engine.
WORKER = """
from portal.celery import app
app.loader.import_default_modules()
ours = sorted(name for name in app.tasks if not name.startswith("celery."))
assert ours, "the worker knows no task"
print(len(ours), "tasks")
"""


class SmokeError(Exception):
    """What a stranger would have met."""


def main() -> int:
    """Take the whole way. 0 where every step did what it should."""
    clock = Clock()
    home = Path(tempfile.mkdtemp(prefix="secondread smoke ü "))
    failure = ""
    try:
        take_the_way(home, clock)
    except SmokeError as error:
        failure = str(error)
    finally:
        with clock.phase("clean up"):
            shutil.rmtree(home, ignore_errors=True)
    clock.report()
    if failure:
        print(f"make smoke: failed: {failure}", file=sys.stderr, flush=True)
        return 1
    print("make smoke: a fresh clone runs, does its work and leaves nothing", flush=True)
    return 0


def take_the_way(home: Path, clock: Clock) -> None:
    """Every phase in its order. Raises SmokeError at the first that fails."""
    folder, port, mark = home / "clone", free_port(), uuid.uuid4().hex
    environment = strangers_environment(home, mark)
    with clock.phase("clone"):
        clone(folder)
    with contextlib.ExitStack() as stack:
        run = stack.enter_context(Running(folder, environment, port))
        with clock.phase("make run: environment"):
            run.wait_for("==> Database")
        with clock.phase("make run: database, demo cases"):
            run.wait_for("==> Web and workers")
        with clock.phase("make run: web and workers"):
            run.wait_for(f"SecondRead is ready at http://127.0.0.1:{port}")
        with clock.phase("upload to export"):
            main_job(folder, environment, f"http://127.0.0.1:{port}")
        with clock.phase("stop"):
            run.stop(mark, port)
    with clock.phase("container image's packages"):
        try_image(folder, environment)
    if made := output(["git", "status", "--porcelain"], folder, environment):
        raise SmokeError(f"`make run` left files that git does not ignore:\n{made}")


class Clock:
    """Seconds by phase."""

    def __init__(self) -> None:
        self._spent: list[tuple[str, float]] = []

    @contextlib.contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Time what is in the block."""
        print(f"==> smoke: {name}", flush=True)
        began = time.monotonic()
        try:
            yield
        finally:
            self._spent.append((name, time.monotonic() - began))

    def report(self) -> None:
        """Print them."""
        total = ("together", sum(seconds for _, seconds in self._spent))
        print("\nmake smoke, seconds by phase:")
        for name, seconds in [*self._spent, total]:
            print(f"  {seconds:7.1f}  {name}", flush=True)


# --- The clone -------------------------------------------------------------------


def strangers_environment(home: Path, mark: str) -> dict[str, str]:
    """An empty home, and how this machine reaches a registry; `mark` tells our processes from others."""
    (home / "home").mkdir()
    kept = {name: value for name, value in os.environ.items() if KEPT.fullmatch(name)}
    own = str(ROOT / ".venv")
    kept["PATH"] = os.pathsep.join(
        part for part in kept["PATH"].split(os.pathsep) if not part.startswith(own)
    )
    config = next((path for path in pip_configs() if path.is_file()), None)
    if config and "PIP_CONFIG_FILE" not in kept:
        kept["PIP_CONFIG_FILE"] = str(config)
    return kept | {"HOME": str(home / "home"), "SECONDREAD_SMOKE": mark}


def pip_configs() -> list[Path]:
    """Where a person may have named a mirror; HOME moves, and it must not be lost."""
    return [Path("~/.config/pip/pip.conf").expanduser(), Path("~/.pip/pip.conf").expanduser()]


def clone(folder: Path) -> None:
    """What is committed, and nothing else of this folder."""
    head = output(["git", "rev-parse", "HEAD"], ROOT).strip()
    output(["git", "clone", "--quiet", "--no-checkout", "--no-hardlinks", str(ROOT), str(folder)], ROOT)
    output(["git", "checkout", "--quiet", "--detach", head], folder)


def output(command: list[str], folder: Path, environment: dict[str, str] | None = None) -> str:
    """What the command says. Raises SmokeError with its last words where it fails."""
    try:
        done = subprocess.run(
            command,
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=STEP_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        raise SmokeError(f"`{' '.join(command)}` took more than {STEP_SECONDS} s") from error
    if done.returncode:
        raise SmokeError(f"`{' '.join(command)[:200]}` failed:\n{last_lines(done.stdout)}")
    return done.stdout


def last_lines(text: str) -> str:
    """As much as one reads."""
    return "\n".join(text.splitlines()[-15:])


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


# --- make run ----------------------------------------------------------------------


class Running:
    """`make run` in the clone; whatever happens, it is ended with the block."""

    def __init__(self, folder: Path, environment: dict[str, str], port: int) -> None:
        self._process = subprocess.Popen(
            ["make", "run", f"PORT={port}"],  # noqa: S607 - whichever make this machine has
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        self._said: list[str] = []
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._deadline = time.monotonic() + READY_SECONDS
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> Running:
        return self

    def __exit__(self, *reason: object) -> None:
        if self._process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGTERM)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(STOP_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def wait_for(self, begin: str) -> None:
        """Read on, aloud, until a line begins so."""
        while (line := self._next_line()) is not None:
            print(f"    | {line}", flush=True)
            if line.startswith(begin):
                return
        raise SmokeError(f"`make run` ended before {begin!r}:\n{last_lines(chr(10).join(self._said))}")

    def stop(self, mark: str, port: int) -> None:
        """SIGTERM to `make`, as a service manager sends it; then nothing may be left."""
        sockets = unix_sockets(marked(mark))
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired as error:
            raise SmokeError(f"`make run` did not end within {STOP_SECONDS} s of SIGTERM") from error
        while (line := self._next_line()) is not None:
            print(f"    | {line}", flush=True)
        if "SecondRead has stopped." not in self._said:
            raise SmokeError(f"`make run` did not end in order:\n{last_lines(chr(10).join(self._said))}")
        if left := list(marked(mark)):
            raise SmokeError(f"processes are left: {', '.join(map(name_of, left))}")
        if kept := [path for path in sockets if Path(path).exists()]:
            raise SmokeError(f"sockets are left: {', '.join(kept)}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                raise SmokeError(f"something still listens on port {port}")

    def _read(self) -> None:
        for line in self._process.stdout or ():
            self._lines.put(line.rstrip("\n"))
        self._lines.put(None)

    def _next_line(self) -> str | None:
        try:
            line = self._lines.get(timeout=max(self._deadline - time.monotonic(), 1))
        except queue.Empty:
            raise SmokeError(f"`make run` said nothing more within {READY_SECONDS} s of its start") from None
        if line is not None:
            self._said.append(line)
        return line


def marked(mark: str) -> Iterator[int]:
    """The ids of the running processes that have our mark in their environment (Linux)."""
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark.encode() in (folder / "environ").read_bytes():
                yield int(folder.name)


def name_of(number: int) -> str:
    """What a process is, for a person."""
    with contextlib.suppress(OSError):
        words = Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
        return f"{number} {words[:120]}"
    return str(number)


def unix_sockets(processes: Iterator[int]) -> set[str]:
    """The paths of the sockets that these processes hold (Linux)."""
    inodes = set()
    for number in processes:
        with contextlib.suppress(OSError):
            for handle in Path(f"/proc/{number}/fd").iterdir():
                inodes |= set(re.findall(r"socket:\[(\d+)\]", str(handle.readlink())))
    table = Path("/proc/net/unix")
    found = set()
    for line in table.read_text().splitlines()[1:] if table.exists() else ():
        *_, inode, path = line.split(maxsplit=7)
        if inode in inodes and path.startswith("/"):
            found.add(path)
    return found


# --- The main job ------------------------------------------------------------------


class Person:
    """A browser without pictures: signs in by the form, keeps cookies, and asks the REST addresses."""

    def __init__(self, base: str, name: str) -> None:
        self._base = base
        self._cookies = http.cookiejar.CookieJar()
        self._opener = urllib.request.build_opener(
            # Never by a proxy: the portal is on this machine.
            urllib.request.ProxyHandler({}),
            urllib.request.HTTPCookieProcessor(self._cookies),
        )
        self.get("/accounts/sign-in/")
        form = {"username": f"{name}@demo.example", "password": PASSWORD, "csrfmiddlewaretoken": self._csrf()}
        page = self.ask("/accounts/sign-in/", urllib.parse.urlencode(form).encode())
        if "/accounts/sign-in/" in page[0]:
            raise SmokeError(f"{name}@demo.example cannot sign in")

    def get(self, path: str) -> str:
        """The text of a page."""
        return self.ask(path)[1]

    def json(self, path: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """The object at a REST address, or the answer to one that is posted."""
        body = json.dumps(data).encode() if data is not None else None
        found: dict[str, Any] = json.loads(self.ask(path, body, "application/json")[1])
        return found

    def upload(self, picture: Path) -> dict[str, Any]:
        """Post one picture; its receipt."""
        limit = uuid.uuid4().hex
        parts = [
            f'--{limit}\r\nContent-Disposition: form-data; name="cohort"\r\n\r\n{COHORT}\r\n'.encode(),
            f'--{limit}\r\nContent-Disposition: form-data; name="file"; filename="slice.png"\r\n'.encode(),
            b"Content-Type: image/png\r\n\r\n" + picture.read_bytes() + f"\r\n--{limit}--\r\n".encode(),
        ]
        kind = f"multipart/form-data; boundary={limit}"
        receipt: dict[str, Any] = json.loads(self.ask("/api/v1/uploads/", b"".join(parts), kind)[1])[
            "receipts"
        ][0]
        if receipt["outcome"] != "received":
            raise SmokeError(f"the picture was not taken in: {receipt['message']}")
        return receipt

    def ask(self, path: str, body: bytes | None = None, kind: str = "") -> tuple[str, str]:
        """Where the answer came from in the end, and its text. Raises SmokeError for anything but 2xx."""
        address = urllib.parse.urljoin(self._base, path)
        headers = {"Referer": address}
        if body is not None:
            headers["X-CSRFToken"] = self._csrf()
        if kind:
            headers |= {"Content-Type": kind, "Accept": "application/json"}
        request = urllib.request.Request(address, body, headers)  # noqa: S310 - our own address
        return text_of(self._opener, request)

    def _csrf(self) -> str:
        return next((cookie.value or "" for cookie in self._cookies if "csrf" in cookie.name), "")


class Script:
    """The demonstration's exporter, which has no pages: a token, made on the server."""

    def __init__(self, base: str, folder: Path, environment: dict[str, str]) -> None:
        self._base = base
        make = ["manage.py", "create_token", "exporter@demo.example", "--days", "1"]
        said = output([str(folder / ".venv/bin/python"), *make], folder, environment)
        self._token = max(said.split(), key=len)

    def get(self, path: str) -> str:
        """The text at a REST address. Raises SmokeError for anything but 2xx."""
        address = urllib.parse.urljoin(self._base, path)
        headers = {"Authorization": f"Token {self._token}"}
        request = urllib.request.Request(address, headers=headers)  # noqa: S310 - our own address
        return text_of(urllib.request.build_opener(urllib.request.ProxyHandler({})), request)[1]


def text_of(opener: urllib.request.OpenerDirector, request: urllib.request.Request) -> tuple[str, str]:
    """Where the answer came from in the end, and its text. Raises SmokeError for anything but 2xx."""
    try:
        with opener.open(request, timeout=60) as answer:
            return answer.geturl(), answer.read().decode()
    except urllib.error.HTTPError as error:
        said = error.read().decode(errors="replace")[:500]
        raise SmokeError(f"{request.full_url} answers {error.code}: {said}") from error
    except OSError as error:
        raise SmokeError(f"{request.full_url} does not answer: {error}") from error


def main_job(folder: Path, environment: dict[str, str], base: str) -> None:
    """Upload, wait, review, export; and the pages that a person would have seen on the way."""
    technologist, reader = Person(base, "technologist"), Person(base, "radiologist")
    technologist.get("/cases/upload/")
    for picture in draw(folder, environment):
        receipt = technologist.upload(picture)
        case = urllib.parse.urlparse(receipt["url"]).path
        result = wait_for_result(reader, case)
        # The gate knows no simulated slice, and refuses some.
        if result["gate_verdict"] != "refused":
            break
    else:
        raise SmokeError("the input gate refused every simulated slice, so that there is none to review")
    if receipt["case"] not in reader.get(f"/cases/{receipt['case']}/"):
        raise SmokeError("the page of the case does not name it")
    other = next(entry["code"] for entry in result["classes"] if entry["code"] != result["predicted_class"])
    comment = f"smoke {uuid.uuid4().hex}"
    opinion = {"prediction": result["id"], "verdict": "disagree", "corrected_class": other, "confidence": 4}
    review = reader.json(f"{case}reviews/", opinion | {"comment": comment})
    exporter = Script(base, folder, environment)
    found = list(all_pages(exporter, "/api/v1/reviewed-cases/?page_size=1000"))
    rows = csv.DictReader(io.StringIO(exporter.get("/api/v1/reviewed-cases/?format=csv")))
    expected = (str(review["id"]), receipt["case"], "disagree")
    for title, kept in (("JSON", found), ("CSV", list(rows))):
        ours = [row for row in kept if row["comment"] == comment]
        if [(str(row["review_id"]), row["case"], row["verdict"]) for row in ours] != [expected]:
            raise SmokeError(
                f"the export as {title} does not have the review once: {ours} of {len(kept)} rows"
            )
    print(
        f"    | {receipt['case']}: {result['predicted_class']}, read as {other}, exported as JSON and CSV",
        flush=True,
    )


def all_pages(script: Script, address: str) -> Iterator[dict[str, Any]]:
    """Every row of a list that comes by pages."""
    while address:
        page = json.loads(script.get(address))
        yield from page["results"]
        address = page["next"] or ""


def draw(folder: Path, environment: dict[str, str]) -> Iterator[Path]:
    """Simulated slices that are not among the demo cases, made with the portal's own Pillow."""
    demo = sorted(folder.glob("*/**/demo/simulated-*.png"))[:TRIES]
    if not demo:
        raise SmokeError("no demo picture was found to draw another one from")
    for number, origin in enumerate(demo):
        picture = folder.parent / f"slice-{number}.png"
        output([str(folder / ".venv/bin/python"), "-c", DRAW, str(origin), str(picture)], folder, environment)
        yield picture


def wait_for_result(reader: Person, case: str) -> dict[str, Any]:
    """The network's result of the case, once it is there."""
    deadline = time.monotonic() + ANALYSED_SECONDS
    while (state := reader.json(case))["job"]["status"] in {"queued", "running"}:
        if time.monotonic() > deadline:
            raise SmokeError(f"the analysis is still {state['job']['status']} after {ANALYSED_SECONDS} s")
        time.sleep(0.5)
    if state["job"]["status"] != "succeeded" or not state["prediction"]:
        raise SmokeError(f"the analysis ended as {state['job']}")
    result: dict[str, Any] = state["prediction"]
    return result


# --- The container image's list ----------------------------------------------------


def try_image(folder: Path, environment: dict[str, str]) -> None:
    """What the portal's image has: requirements.txt less what its Dockerfile takes away up to there, and
    production settings.
    """
    python = str(folder / ".venv/bin/python")
    before = (folder / "Dockerfile").read_text().partition(LATER_STAGE)[0]
    taken_away = re.findall(r"pip uninstall --yes --quiet ([\w -]+)", before)
    output(
        [python, "-m", "pip", "uninstall", "--yes", "--quiet", *" ".join(taken_away).split()],
        folder,
        environment,
    )
    static = {"SECONDREAD_VAR": str(folder.parent / "build"), "STATIC_ROOT": str(folder.parent / "static")}
    base = {"DJANGO_SETTINGS_MODULE": "portal.settings.base"}
    output([python, "manage.py", "collectstatic", "--no-input"], folder, environment | static | base)
    production = (
        environment
        | static
        | {
            "DJANGO_SETTINGS_MODULE": "portal.settings.production",
            "SECRET_KEY": f"smoke-only-{uuid.uuid4().hex}{uuid.uuid4().hex}-aB3-xY9",
            "ALLOWED_HOSTS": "portal.example.org",
            "EMAIL_URL": "smtp+tls://mail.example.org:587",
            "DATABASE_URL": "postgres://user:password@database.example.org/secondread",
            "CELERY_BROKER_URL": "redis://queue.example.org:6379/0",
        }
    )
    for command in (
        ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        ["-m", "gunicorn", "--check-config", "portal.wsgi:application"],
        ["-c", WORKER],
    ):
        output([python, *command], folder, production)


if __name__ == "__main__":
    sys.exit(main())
