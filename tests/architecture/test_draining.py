"""A web container that is told to stop ends what it was asked: the image's own command."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
COMMAND: list[str] = json.loads(DOCKERFILE[DOCKERFILE.rindex("CMD [") + 4 :].replace("\\\n", ""))
SERVICES = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"]
# A slow answer: it says that it has begun, and ends when the test says so.
APPLICATION = """
import os

def application(environ, start_response):
    with open(os.environ["BEGUN"], "w") as begun:
        begun.write("x")
    with open(os.environ["GOES_ON"]) as goes_on:
        goes_on.read()
    start_response("200 OK", [("Content-Length", "5")])
    return [b"whole"]
"""
PATIENCE = 60


@dataclass(frozen=True)
class Web:
    process: subprocess.Popen[bytes]
    port: int
    folder: Path

    def waits_for(self, said: bytes) -> None:
        """Read its log up to the line that says so."""
        assert self.process.stderr is not None
        assert any(said in line for line in self.process.stderr)


@pytest.fixture
def web(tmp_path: Path) -> Iterator[Web]:
    (tmp_path / "slow.py").write_text(APPLICATION, encoding="utf-8")
    for name in ("begun", "goes-on"):
        os.mkfifo(tmp_path / name)
    port = free_port()
    told = [word for word in COMMAND[2:] if not word.startswith("--bind=")]
    environment = {
        "PATH": os.environ["PATH"],
        "BEGUN": str(tmp_path / "begun"),
        "GOES_ON": str(tmp_path / "goes-on"),
    }
    command = [sys.executable, "-m", "gunicorn", "slow:application", *told, f"--bind=127.0.0.1:{port}"]
    with subprocess.Popen(command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE) as process:
        running = Web(process, port, tmp_path)
        running.waits_for(b"Booting worker")
        try:
            yield running
        finally:
            process.kill()


def test_request_that_has_begun_is_answered_after_the_word_to_stop(web: Web) -> None:
    asked = http.client.HTTPConnection("127.0.0.1", web.port, timeout=PATIENCE)
    asked.request("GET", "/")
    # Until it has begun.
    assert (web.folder / "begun").read_text(encoding="utf-8") == "x"
    web.process.send_signal(signal.SIGTERM)
    web.waits_for(b"Handling signal: term")
    (web.folder / "goes-on").write_text("on", encoding="utf-8")
    answer = asked.getresponse()
    assert (answer.status, answer.read()) == (200, b"whole")
    asked.close()
    assert web.process.wait(PATIENCE) == 0


def test_containers_are_given_longer_than_what_they_run_takes_to_end() -> None:
    (graceful,) = (int(word.partition("=")[2]) for word in COMMAND if word.startswith("--graceful-timeout"))
    assert seconds(SERVICES["web"]["stop_grace_period"]) > graceful
    manifest = (ROOT / "docs/kubernetes/portal/web.yaml").read_text(encoding="utf-8")
    (given,) = re.findall(r"terminationGracePeriodSeconds: (\d+)", manifest)
    (slept,) = re.findall(r'command: \[sleep, "(\d+)"\]', manifest)
    assert int(given) > graceful + int(slept)
    # A job may take so long; what is cut off is analysed again.
    for name in ("analysis", "maintenance", "sending"):
        assert seconds(SERVICES[name]["stop_grace_period"]) >= 60


def seconds(text: str) -> int:
    return int(text.removesuffix("s"))
