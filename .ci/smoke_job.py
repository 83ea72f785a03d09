"""The main job over HTTP, for `make smoke`: one case from upload to export, by people and by a script."""

from __future__ import annotations

import csv
import http.cookiejar
import io
import json
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from smoke_command import SmokeError, output

ANALYSED_SECONDS = 180
# So many simulated slices are drawn at most until the input gate lets one pass.
TRIES = 6
PASSWORD = "read-the-demo-twice"  # noqa: S105 - the demonstration's, known to everybody
COHORT = "Demo (simulated)"
# Another slice than any demo case, and still one: moved by two pixels, a little darker, in eight bits.
DRAW = """
import sys
from PIL import Image, ImageChops
picture = ImageChops.offset(Image.open(sys.argv[1]).convert("L"), 2, 1)
picture.point([round(value * 0.97) for value in range(256)]).save(sys.argv[2])
"""


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
