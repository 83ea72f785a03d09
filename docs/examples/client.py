"""A whole round over REST with nothing but `requests`: upload, wait, review, export, snapshot.

    pip install requests
    export SECONDREAD=http://127.0.0.1:8000 TOKEN=…
    python docs/examples/client.py "Demo (simulated)" slice.png

The account behind the token uploads, reads and exports: that of a study administrator. docs/api.md says more.
"""

from __future__ import annotations

import os
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import requests

SECONDS_BETWEEN = 1.0
TRIES = 3
AT_WORK = ("queued", "running")


class SecondRead:
    """A thin client: a session with a token, and an error that says what the portal said."""

    def __init__(self, address: str, token: str) -> None:
        self.base = address.rstrip("/") + "/api/v1/"
        self.http = requests.Session()
        self.http.headers["Authorization"] = f"Token {token}"

    def ask(self, method: str, address: str, **more: Any) -> requests.Response:
        """One request; what is below /api/v1/ may be named without it."""
        url = address if address.startswith("http") else self.base + address
        answer = self.http.request(method, url, timeout=60, **more)
        if answer.headers.get("Content-Type") == "application/problem+json":
            problem = answer.json()
            raise RuntimeError(f"{problem['status']} {problem['code']}: {problem['detail']}")
        answer.raise_for_status()
        return answer

    def create(self, address: str, body: dict[str, Any]) -> Any:
        """Post it once: sent again with the same key after a lost answer, it creates nothing more."""
        key = {"Idempotency-Key": str(uuid.uuid4())}
        for _attempt in range(TRIES - 1):
            try:
                return self.ask("POST", address, json=body, headers=key).json()
            except requests.ConnectionError:
                time.sleep(SECONDS_BETWEEN)
        return self.ask("POST", address, json=body, headers=key).json()

    def upload(self, cohort: str, path: Path) -> dict[str, Any]:
        """Send one file; its receipt."""
        with path.open("rb") as file:
            answer = self.ask("POST", "uploads/", data={"cohort": cohort}, files={"file": file})
        receipt: dict[str, Any] = answer.json()["receipts"][0]
        return receipt

    def wait_for_result(self, case_url: str) -> dict[str, Any]:
        """Look at the case until its analysis has ended."""
        while True:
            case: dict[str, Any] = self.ask("GET", case_url).json()
            if case["job"]["status"] not in AT_WORK:
                return case
            time.sleep(SECONDS_BETWEEN)

    def rows(self, address: str) -> Iterator[dict[str, Any]]:
        """Every row of a paged list."""
        url: str | None = address
        while url:
            page = self.ask("GET", url).json()
            yield from page["results"]
            url = page["next"]

    def snapshot(self, cohort: str) -> dict[str, Any]:
        """Freeze what was reviewed, and wait until it can be fetched."""
        snapshot = self.create("snapshots/", {"cohort": cohort})
        while snapshot["state"] in ("queued", "building"):
            time.sleep(SECONDS_BETWEEN)
            snapshot = self.ask("GET", f"snapshots/{snapshot['id']}/").json()
        if snapshot["state"] != "ready":
            raise RuntimeError("The snapshot could not be written.")
        frozen: dict[str, Any] = snapshot
        return frozen


def main(cohort: str, path: Path, into: Path) -> int:
    """One file from its upload to a line in a table."""
    portal = SecondRead(os.environ["SECONDREAD"], os.environ["TOKEN"])

    receipt = portal.upload(cohort, path)
    print(receipt["outcome"], receipt["message"])
    if receipt["case"] is None:
        return 1

    case = portal.wait_for_result(receipt["url"])
    if case["prediction"] is None:
        print("No result:", case["job"]["error"])
        return 1
    result = case["prediction"]
    print(case["code"], result["predicted_class"], f"{result['predicted_probability']:.2f}")

    review = portal.create(
        f"cases/{case['code']}/reviews/",
        {"prediction": result["id"], "verdict": "agree", "confidence": 4, "comment": "As expected."},
    )
    print("reviewed as", review["final_class"])

    exported = [row for row in portal.rows("reviewed-cases/") if row["case"] == case["code"]]
    print("exported", len(exported), "row of this case")

    snapshot = portal.snapshot(cohort)
    for table, address in snapshot["tables"].items():
        file = into / f"{table}.csv"
        file.write_bytes(portal.ask("GET", address, params={"format": "csv"}).content)
        print(file.name, snapshot["counts"][table], "rows")
    print("digest", snapshot["digest"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2]), Path.cwd()))
