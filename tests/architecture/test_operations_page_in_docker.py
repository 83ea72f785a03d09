"""docs/operations.md, pasted block by block from its first line to its last, where Docker is there."""

from __future__ import annotations

import http.client
import os
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cast import PASSWORD
from tests.support.ports import free_port
from tests.support.shellblocks import OPERATIONS, PLACEHOLDER, ROOT, shell_blocks

FIRST = "docker compose exec web python manage.py createsuperuser"
# The same without questions.
ANSWERED = (
    "docker compose exec -T -e DJANGO_SUPERUSER_EMAIL=first@example.org -e DJANGO_SUPERUSER_FULL_NAME=First"
    f" -e DJANGO_SUPERUSER_PASSWORD={PASSWORD} web python manage.py createsuperuser --no-input"
)
LOOK = "docker compose exec -T postgres psql --username=secondread --tuples-only --no-align --command="


def reason_against() -> str:
    """Why the page cannot be tried here; nothing where it can."""
    if not (ROOT / ".git").exists() or shutil.which("script") is None:
        return "a checkout of git and script(1) are needed"
    if shutil.which("docker") is None:
        return "docker is not installed"
    if subprocess.run(["docker", "info"], capture_output=True, check=False).returncode:
        return "no Docker daemon answers"
    plugin = (
        subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode == 0
    )
    return "" if plugin or shutil.which("docker-compose") else "Compose is not installed"


REASON = reason_against()
pytestmark = [
    pytest.mark.skipif(bool(REASON), reason=REASON or "all is there"),
    # Images are fetched and built.
    pytest.mark.timeout(2400),
]


@dataclass(frozen=True)
class Trial:
    """A checkout of its own, as a Compose project of its own, on ports of its own."""

    folder: Path
    https: int

    def paste(self, block: str) -> str:
        """Run a block on a terminal, as a person does; first the step for Compose 1.29, as in each shell."""
        script = f"{shell_blocks(OPERATIONS)[0]}\nset -e\n{block.replace(FIRST, ANSWERED)}"
        (self.folder.parent / "block.sh").write_text(script, encoding="utf-8")
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", str(self.folder.parent)),
            "COMPOSE_PROJECT_NAME": f"secondread-page-{self.https}",
            "HTTP_PORT": f"127.0.0.1:{free_port()}",
            "HTTPS_PORT": f"127.0.0.1:{self.https}",
            **{name: value for name, value in os.environ.items() if name.startswith("DOCKER_")},
        }
        command = ["script", "--quiet", "--return", "--command", "bash ../block.sh", "/dev/null"]
        ran = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert ran.returncode == 0, f"{block}\n{ran.stdout}{ran.stderr}"
        return ran.stdout.replace("\r", "")

    def accounts(self) -> list[str]:
        return self.paste(f'{LOOK}"SELECT email FROM accounts_user"').split()

    def signs_in(self) -> int:
        """What the sign-in page answers, through the proxy, with the certificate of the page."""
        context = ssl.create_default_context(cafile=str(self.folder / "tls" / "certificate.pem"))
        asked = http.client.HTTPSConnection("localhost", self.https, timeout=30, context=context)
        asked.request("GET", "/accounts/sign-in/")
        answer = asked.getresponse()
        answer.read()
        asked.close()
        return answer.status


@pytest.fixture
def trial(tmp_path: Path) -> Iterator[Trial]:
    """A clone of what is committed; nothing of the project is left in Docker but its image."""
    folder = tmp_path / "secondread"
    subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
    made = Trial(folder, free_port())
    try:
        yield made
    finally:
        made.paste("[ ! -e .env ] || docker compose down --volumes")


def test_page_works_as_it_is_pasted(trial: Trial) -> None:
    for block in shell_blocks(OPERATIONS)[1:]:
        if PLACEHOLDER.search(block):
            continue
        said = trial.paste(block)
        if "/health/ready/" in block:
            assert '"status": "ok"' in said
        if ".docker/restore" in block:
            assert "every row is back" in said
            assert trial.accounts() == ["first@example.org"]
    assert trial.accounts() == ["first@example.org"]
    assert trial.signs_in() == http.client.OK
    # Everything gone but .env, the certificate and the backups: into nothing, before anything else is up.
    trial.paste("docker compose down --volumes")
    (restore,) = (block for block in shell_blocks(OPERATIONS) if ".docker/restore" in block)
    trial.paste(restore)
    assert trial.accounts() == ["first@example.org"]
    assert trial.signs_in() == http.client.OK
