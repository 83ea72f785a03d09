"""What docker-compose.yml promises: one way in, no root of ours, nothing to write on."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import redis
import yaml
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from tests.portal.test_env_example import knobs_of_source
from tests.support import postgres, valkey
from tests.support.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name for name, service in SERVICES.items() if service.get("image", "").startswith("secondread")}


def test_only_the_proxy_is_published_and_where_it_is_wanted_the_dicom_listener() -> None:
    published = {name: service.get("profiles") for name, service in SERVICES.items() if "ports" in service}
    assert published == {"proxy": None, "dicom": ["dicom"]}


def test_services_are_the_ones_that_the_operations_page_describes() -> None:
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    described = re.findall(r"^\| (\w+)(?: \(\w+\))? \|", page, re.MULTILINE)
    assert set(SERVICES) <= set(described)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_service_has_a_read_only_file_system_and_a_health_check(name: str) -> None:
    assert SERVICES[name]["read_only"] is True
    assert "healthcheck" in SERVICES[name]


@pytest.mark.parametrize("name", sorted(OURS | {"proxy"}))
def test_service_has_no_capabilities_and_gains_none(name: str) -> None:
    assert SERVICES[name]["cap_drop"] == ["ALL"]
    assert SERVICES[name]["security_opt"] == ["no-new-privileges:true"]


def test_database_and_queue_have_no_way_out() -> None:
    assert COMPOSE["networks"]["inside"] == {"internal": True}
    assert {name for name, service in SERVICES.items() if "outside" in service["networks"]} == {
        "proxy",
        "web",
        "dicom",
        "sending",
    }


def test_image_runs_as_nobody_in_particular() -> None:
    lines = (ROOT / "Dockerfile").read_text(encoding="utf-8").splitlines()
    users = [line.split()[1] for line in lines if line.startswith("USER ")]
    assert users == ["secondread"]
    assert lines.index("USER secondread") > max(n for n, line in enumerate(lines) if line.startswith("RUN "))


@pytest.mark.parametrize(
    "header",
    ["X-Forwarded-Proto https;", "X-Forwarded-For $remote_addr;", 'X-Forwarded-Host "";', 'Forwarded "";'],
)
def test_proxy_overwrites_what_a_client_claims(header: str) -> None:
    assert f"proxy_set_header {header}" in (ROOT / ".docker" / "nginx.conf.template").read_text(
        encoding="utf-8"
    )


def test_analysis_runs_in_an_image_of_its_own_and_the_others_in_the_portals() -> None:
    stages = re.findall(r"^FROM \S+ AS (\S+)$", (ROOT / "Dockerfile").read_text("utf-8"), re.MULTILINE)
    targets = {name: SERVICES[name]["build"]["target"] for name in OURS}
    assert targets.pop("analysis") == "${ANALYSIS_IMAGE:-analysis}"
    assert set(targets.values()) == {"portal"}
    assert {"analysis", "analysis-tensorflow"} <= set(stages)
    # What `docker build` makes where no target is named.
    assert stages[-1] == "portal"


def test_database_logs_no_words_of_what_it_refuses() -> None:
    """A statement that fails, what its error says of a wrong value, and its DETAIL hold readers' words."""
    settings = SERVICES["postgres"]["command"][1:]
    assert settings[::2] == ["-c"] * 3
    assert set(settings[1::2]) == {
        "log_min_messages=log",
        "log_min_error_statement=panic",
        "log_error_verbosity=terse",
    }
    # What tests/portal/test_server_log.py reads is the log of a server that is set up alike.
    assert set(settings[1::2]) <= set(postgres.SETTINGS)


def test_database_is_healthy_only_where_the_others_reach_it() -> None:
    """The image's temporary server, while it makes the database, listens on the socket alone."""
    assert "--host=127.0.0.1" in SERVICES["postgres"]["healthcheck"]["test"]
    assert SERVICES["migrate"]["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def environment_of(name: str) -> dict[str, Any]:
    return SERVICES[name].get("environment", {})


def told(secret: str) -> set[str]:
    """The services into whose environment the secret goes, under its own name or within an address."""
    return {
        name
        for name in SERVICES
        for key, value in environment_of(name).items()
        if f"${{{secret}:" in str(value) or (key == secret and value is None)
    }


@pytest.mark.parametrize(
    ("secret", "services"),
    [
        ("SECRET_KEY", {"web", "maintenance", "dicom", "sending"}),
        ("PSEUDONYM_KEY", {"web", "maintenance", "dicom", "sending"}),
        ("ORIGINALS_KEYS", {"web", "maintenance", "dicom", "sending"}),
        ("POSTGRES_PASSWORD", {"migrate", "postgres"}),
        ("APPLICATION_DATABASE_PASSWORD", OURS - {"beat"}),
        ("REDIS_PASSWORD", (OURS - {"migrate"}) | {"redis"}),
        ("EMAIL_URL", {"web", "sending"}),
        ("OIDC_CLIENT_SECRET", {"web"}),
        ("METRICS_TOKEN", {"web"}),
        ("DICOM_DESTINATION_TOKENS", {"sending"}),
        ("AWS_SECRET_ACCESS_KEY", OURS - {"beat", "migrate"}),
    ],
)
def test_secret_is_told_to_those_alone_that_use_it(secret: str, services: set[str]) -> None:
    assert told(secret) == services


def test_whoever_takes_pictures_in_stores_them_as_the_proxy_can_read_them() -> None:
    """One folder that is open to its owner alone keeps the proxy from all that comes into it later."""
    decoding = {name for name in OURS if "UPLOAD_MAX_PIXELS" in environment_of(name)}
    assert decoding == {"web", "maintenance", "dicom"}
    assert {environment_of(name).get("X_ACCEL_LOCATION") for name in decoding} == {"/stored/"}


@pytest.mark.parametrize("setting", ["JOB_LEASE_SECONDS", "JOB_MAX_ATTEMPTS"])
def test_who_takes_leases_back_knows_how_long_who_gives_them_makes_them(setting: str) -> None:
    """A lease that is longer than any that is given counts as that of a clock that has gone back."""
    assert {name for name in OURS if setting in environment_of(name)} == {"analysis", "maintenance"}


def test_no_service_is_handed_the_whole_file_of_settings() -> None:
    assert [name for name, service in SERVICES.items() if "env_file" in service] == []


def test_each_setting_reaches_a_container_and_no_variable_is_unknown() -> None:
    """What is set in the .env and reaches nobody would be passed over without a word."""
    files = set((ROOT / "portal" / "settings").glob("*.py")) - {ROOT / "portal" / "settings" / "test.py"}
    read = set[str]().union(*(knobs_of_source(path.read_text(encoding="utf-8")) for path in files))
    passed = set[str]().union(*(environment_of(name) for name in OURS))
    # Of a developer.
    assert read - passed == {"DEBUG"}
    assert passed - read == {
        "APPLICATION_DATABASE_PASSWORD",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "DJANGO_SETTINGS_MODULE",
        "OTEL_EXPORTER_OTLP_HEADERS",
        "PROMETHEUS_MULTIPROC_DIR",
        "WEB_CONCURRENCY",
    }


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_service_has_an_end_of_memory_processors_and_processes(name: str) -> None:
    assert {"mem_limit", "cpus", "pids_limit"} <= set(SERVICES[name])


def test_each_queue_that_tasks_go_to_has_a_service_that_always_runs() -> None:
    """What waits in a queue that nobody reads stays in Redis for ever."""
    served = {
        queue
        for service in SERVICES.values()
        if "profiles" not in service
        for queue in re.findall(r"--queues=(\S+)", str(service.get("command", "")))
    }
    routed = {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()}
    assert served == routed | {settings.CELERY_TASK_DEFAULT_QUEUE}


def test_inner_container_has_no_secret_key_and_says_so_where_one_is_asked_for(tmp_path: Path) -> None:
    given = {name: str(value) for name, value in environment_of("analysis").items() if value is not None}
    given |= {
        "DATABASE_URL": "postgres://user:password@postgres/secondread",
        "CELERY_BROKER_URL": "redis://:password@redis:6379/0",
        "SECONDREAD_VAR": str(tmp_path),
        "PATH": os.environ["PATH"],
    }
    script = (
        "from django.conf import settings; print(settings.DATABASES['default']['HOST']); settings.SECRET_KEY"
    )
    asked = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, env=given, capture_output=True, text=True, check=False
    )
    assert asked.stdout == "postgres\n", asked.stderr
    assert asked.stderr.endswith("ImproperlyConfigured: The SECRET_KEY setting must not be empty.\n")


def test_queue_refuses_whoever_has_not_its_password_which_stands_in_no_command(tmp_path: Path) -> None:
    """The service's own command, with the tests' Valkey in the place of its Redis."""
    port = free_port()
    server = tmp_path / "redis-server"
    server.write_text(f'#!/bin/sh\nexec {valkey.program()} "$@" --bind 127.0.0.1 --port {port}\n', "utf-8")
    server.chmod(0o755)
    command = [word.replace("$$", "$") for word in SERVICES["redis"]["command"]]
    environment = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "REDISCLI_AUTH": "right"}
    with subprocess.Popen(
        command, env=environment, cwd=tmp_path, stdout=subprocess.PIPE, text=True
    ) as running:
        try:
            assert any("Ready to accept connections" in line for line in running.stdout)
            assert "right" not in Path(f"/proc/{running.pid}/cmdline").read_text(encoding="utf-8")
            once = Retry(NoBackoff(), 0)
            with redis.Redis(port=port, password="right", retry=once) as known:
                assert known.ping() is True
            with redis.Redis(port=port, retry=once) as unknown, pytest.raises(redis.AuthenticationError):
                unknown.ping()
        finally:
            running.terminate()


def test_health_of_the_queue_is_an_answer_and_no_refusal() -> None:
    """redis-cli ends with 0 where it is refused."""
    assert SERVICES["redis"]["healthcheck"]["test"] == ["CMD-SHELL", "redis-cli ping | grep -qx PONG"]
