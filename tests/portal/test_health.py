"""Health, and what everybody else is told, while the database or the disk is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import Client

from portal import health


@pytest.fixture(autouse=True)
def broker(monkeypatch) -> None:
    monkeypatch.setattr(health, "_broker_answers", lambda: True)


@contextmanager
def database_gone() -> Iterator[None]:
    def refuse(execute: Any, *query: Any) -> None:
        raise OperationalError("could not connect to server: a secret of the operator")

    with connection.execute_wrapper(refuse):
        yield


@pytest.fixture
def browser(client_of, colleague) -> Client:
    client = client_of(colleague)
    client.raise_request_exception = False
    return client


def test_ready_where_all_is_there(browser) -> None:
    answer = browser.get("/health/ready/")
    assert (answer.status_code, answer.json()["status"]) == (200, "ok")
    assert set(answer.json()["checks"].values()) == {"ok"}


def test_browser_with_a_session_is_told_that_the_database_is_gone(browser) -> None:
    with database_gone():
        live, ready = browser.get("/health/live/"), browser.get("/health/ready/")
    assert live.status_code == 200
    assert (ready.status_code, ready.json()["checks"]) == (
        503,
        {"database": "unavailable", "broker": "ok", "disk": "ok"},
    )


@pytest.mark.parametrize("free", [0, health.LEAST_FREE_BYTES - 1])
def test_full_disk_is_not_ready(free, browser, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    answer = browser.get("/health/ready/")
    assert (answer.status_code, answer.json()["checks"]["disk"]) == (503, "unavailable")


@pytest.mark.parametrize("path", ["/cases/", "/accounts/sign-in/", "/cases/AAAA-AAAA/", "/dashboard/"])
def test_page_without_a_database_is_a_503_that_says_when_to_come_again(path, browser) -> None:
    with database_gone():
        page = browser.get(path)
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "The database does not answer" in page.content.decode()
    assert "secret" not in page.content.decode()


@pytest.mark.parametrize("method", ["get", "post"])
def test_rest_without_a_database_is_a_problem_that_says_when_to_come_again(method, browser, db) -> None:
    clients = [browser, Client(raise_request_exception=False, headers={"Authorization": "Token abc"})]
    with database_gone():
        answers = [getattr(client, method)("/api/v1/cases/") for client in clients]
    for answer in answers:
        assert (answer.status_code, answer["Retry-After"]) == (503, "5")
        assert answer.json()["code"] == "unavailable"
