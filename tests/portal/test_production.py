"""Production starts with what keeps it safe, or says in a sentence what is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
WHOLE = {
    "PATH": os.environ["PATH"],
    "DJANGO_SETTINGS_MODULE": "portal.settings.production",
    "SECRET_KEY": "0123456789abcdef" * 4,
    "ALLOWED_HOSTS": "portal.example.org",
    "DATABASE_URL": "postgres://user:password@database.example.org/secondread",
    "CELERY_BROKER_URL": "redis://queue.example.org:6379/0",
    "EMAIL_URL": "smtp+tls://mail.example.org:587",
}


def started(tmp_path: Path, **changed: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from django.conf import settings; print(settings.EMAIL_BACKEND)"]
    environment = WHOLE | {"SECONDREAD_VAR": str(tmp_path)} | changed
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"SECRET_KEY": ""}, "at least 50 random characters"),
        ({"SECRET_KEY": "a"}, "at least 50 random characters"),
        ({"SECRET_KEY": "a" * 64}, "at least 50 random characters"),
        ({"SECRET_KEY": "secret" * 10}, "at least 50 random characters"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS lists the names"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS lists the names"),
        ({"ALLOWED_HOSTS": "portal.example.org, *"}, "ALLOWED_HOSTS lists the names"),
        ({"EMAIL_URL": ""}, "EMAIL_URL names the mail server"),
    ],
)
def test_half_of_what_is_needed_is_refused_in_a_sentence(changed, sentence, tmp_path) -> None:
    refused = started(tmp_path, **changed)
    assert refused.returncode != 0
    assert f"ImproperlyConfigured: {changed and next(iter(changed))}" in refused.stderr
    assert sentence in refused.stderr


@pytest.mark.parametrize(
    ("url", "backend"),
    [
        ("smtp+tls://mail.example.org:587", "smtp"),
        ("filemail:////tmp/mail", "filebased"),
        ("consolemail://", "console"),
    ],
)
def test_mail_goes_where_it_is_said_to(url, backend, tmp_path) -> None:
    run = started(tmp_path, EMAIL_URL=url)
    assert run.stdout.strip() == f"django.core.mail.backends.{backend}.EmailBackend", run.stderr


def test_mail_of_the_standalone_portal_goes_to_files_and_no_log(tmp_path) -> None:
    run = started(tmp_path, DJANGO_SETTINGS_MODULE="portal.settings.base", EMAIL_URL="")
    assert run.stdout.strip() == "django.core.mail.backends.filebased.EmailBackend", run.stderr
