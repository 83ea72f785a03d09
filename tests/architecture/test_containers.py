"""What docker-compose.yml promises: one way in, no root of ours, nothing to write on."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support import postgres

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
