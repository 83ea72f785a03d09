"""The Python client of docs/examples, as it lies there, against the portal's own WSGI application."""

from __future__ import annotations

import csv
import runpy
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from django.test import Client
from requests.adapters import BaseAdapter

from cases.export.snapshots.building import build_waiting
from cases.models import Case, Job, Review
from tests.cast import make_png_bytes, token_of

EXAMPLE = Path(__file__).resolve().parents[3] / "docs" / "examples" / "client.py"


class InProcess(BaseAdapter):
    """Hands to Django what `requests` would send; the first answer from `breaks_at` is lost."""

    def __init__(self, breaks_at: str = "") -> None:
        super().__init__()
        self.breaks_at = breaks_at
        self.asked: list[str] = []

    def send(self, request: Any, *_: Any, **__: Any) -> requests.Response:
        parts = urlsplit(request.url)
        headers = {name: value for name, value in request.headers.items() if name != "Content-Length"}
        body = request.body or b""
        made = Client().generic(
            request.method,
            f"{parts.path}?{parts.query}" if parts.query else parts.path,
            body if isinstance(body, bytes) else body.encode(),
            headers.pop("Content-Type", "application/octet-stream"),
            headers=headers,
        )
        self.asked.append(f"{request.method} {parts.path}")
        if self.breaks_at and parts.path.endswith(self.breaks_at) and self.asked.count(self.asked[-1]) == 1:
            raise requests.ConnectionError("The answer was lost on its way.")
        answer = requests.Response()
        answer.status_code, answer.url, answer.request = made.status_code, request.url, request
        answer.headers.update(dict(made.items()))
        answer._content = made.getvalue() if made.streaming else made.content
        return answer

    def close(self) -> None:
        pass


@pytest.fixture
def example(monkeypatch, administrator) -> dict[str, Any]:
    monkeypatch.setenv("SECONDREAD", "http://testserver")
    monkeypatch.setenv("TOKEN", token_of(administrator))
    return runpy.run_path(str(EXAMPLE))


@pytest.fixture
def line(monkeypatch, example) -> InProcess:
    adapter = InProcess()
    monkeypatch.setattr(requests.Session, "get_adapter", lambda *_, **__: adapter)
    return adapter


def test_one_file_goes_from_its_upload_to_the_table_of_a_snapshot(
    example, line, monkeypatch, tmp_path, capsys, cohort, model_version, analyse_as
) -> None:
    def meanwhile(_seconds: float) -> None:
        """What workers do while the example waits."""
        if Job.objects.filter(status="queued").exists():
            analyse_as(Case.objects.get())
        else:
            build_waiting()

    monkeypatch.setattr(example["time"], "sleep", meanwhile)
    (tmp_path / "slice.png").write_bytes(make_png_bytes())
    line.breaks_at = "/snapshots/"
    assert example["main"]("North", tmp_path / "slice.png", tmp_path) == 0
    case = Case.objects.get()
    assert Review.objects.get().comment == "As expected."
    told = capsys.readouterr().out.splitlines()
    assert told[:4] == [
        "received Received and queued.",
        f"{case.code} glioma 0.70",
        "reviewed as glioma",
        "exported 1 row of this case",
    ]
    with (tmp_path / "statements.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["case"], row["class"], row["comment"]) == (case.code, "glioma", "As expected.")
    # Its first answer was lost: asked again with the same key, no second snapshot was made.
    assert line.asked.count("POST /api/v1/snapshots/") == 2
    assert cohort.snapshots.count() == 1


def test_problem_is_raised_with_its_words(example, line, tmp_path, model_version) -> None:
    portal = example["SecondRead"]("http://testserver", "no-token")
    with pytest.raises(RuntimeError, match="401 authentication_failed"):
        portal.ask("GET", "cases/")
    (tmp_path / "slice.png").write_bytes(make_png_bytes())
    with pytest.raises(RuntimeError, match="404 not_found: There is no such cohort"):
        example["main"]("West", tmp_path / "slice.png", tmp_path)


def test_example_needs_nothing_but_requests() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    imported = {line.split()[1].partition(".")[0] for line in lines if line.startswith(("import ", "from "))}
    assert imported - set(sys.stdlib_module_names) == {"requests"}
