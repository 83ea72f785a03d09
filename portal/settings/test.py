"""Tests: a quick password hasher, mail in memory, strict templates, plain static files."""

import atexit
import os
import shutil
import tempfile
from pathlib import Path

from portal.settings.base import *  # noqa: F403
from portal.settings.base import CELERY_BROKER_URL, DATABASES, STORAGES

SECRET_KEY = "only-for-tests-" + "x" * 40
ALLOWED_HOSTS = ["*"]
# All tests come from one address.
API_RATE = API_UPLOAD_RATE = None
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
# A row a request would be counted in every test of queries; tests of the record itself say "now".
ACCESS_RECORD = "off"
VAR_DIR = Path(tempfile.mkdtemp(prefix="secondread-test-"))
MODEL_DIR = str(VAR_DIR / "models")
DELETION_LEDGER = str(VAR_DIR / "deletions.jsonl")
atexit.register(shutil.rmtree, VAR_DIR, ignore_errors=True)
STORAGES = {
    "default": STORAGES["default"]
    | {"OPTIONS": STORAGES["default"]["OPTIONS"] | {"location": str(VAR_DIR / "media")}},
    "incoming": STORAGES["incoming"]
    | {"OPTIONS": STORAGES["incoming"]["OPTIONS"] | {"location": str(VAR_DIR / "incoming")}},
    "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
}
# Nobody collects static files for these tests; this mode asks for no such folder.
WHITENOISE_AUTOREFRESH = True
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["TEST"] = {"NAME": str(VAR_DIR / "test.sqlite3")}
elif template := os.environ.get("TEST_DATABASE_TEMPLATE"):
    # A database with every migration, of which each process of a run takes a copy.
    DATABASES["default"]["TEST"] = {"TEMPLATE": template}
# Each process of a run has a numbered database of the broker to itself, as it has one of the database server.
process = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if process and CELERY_BROKER_URL.startswith("redis"):
    server, _, number = CELERY_BROKER_URL.rpartition("/")
    CELERY_BROKER_URL = f"{server}/{int(number) + int(process)}"
    # Celery asks the environment before its own settings.
    os.environ["CELERY_BROKER_URL"] = CELERY_BROKER_URL
