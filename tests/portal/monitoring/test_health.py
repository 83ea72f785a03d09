"""Health, and what everybody else is told, while the database or the disk is gone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from django.db import InterfaceError, OperationalError, connection
from django.test import Client

from portal.monitoring import health


@pytest.fixture(autouse=True)
def broker(monkeypatch) -> None:
    monkeypatch.setattr(health, "_broker_answers", lambda: True)


# As the drivers say it.
GONE = OperationalError("could not connect to server: a secret of the operator")
CLOSED = InterfaceError("connection already closed: a secret of the operator")
LOCKED = OperationalError("database is locked: a secret of the operator")


@contextmanager
def database_gone(error: Exception = GONE) -> Iterator[None]:
    def refuse(execute: Any, *query: Any) -> None:
        raise error

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


@pytest.mark.django_db(transaction=True)
def test_database_that_another_has_locked_is_told_as_such(browser) -> None:
    """A second connection holds what a sign-in has to write; the first gives up by itself."""
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("BEGIN; LOCK TABLE accounts_failedattempts IN ACCESS EXCLUSIVE MODE")
            with connection.cursor() as impatient:
                impatient.execute("SET lock_timeout = 50")
            page = browser.post("/accounts/password/reset/", {"email": "a@example.org"})
            assert browser.get("/health/ready/").status_code == 200
    finally:
        other.close()
        connection.close()
    assert (page.status_code, page["Retry-After"]) == (503, "5")
    assert "The database does not answer" in page.content.decode()


def test_browser_with_a_session_is_told_that_the_database_is_gone(browser) -> None:
    with database_gone():
        live, ready = browser.get("/health/live/"), browser.get("/health/ready/")
    assert live.status_code == 200
    assert (ready.status_code, ready.json()["checks"]) == (
        503,
        {"database": "unavailable", "broker": "ok", "disk": "ok"},
    )
    assert ready.json()["analysis"] == "unknown"


@pytest.mark.parametrize("free", [0, health.LEAST_FREE_BYTES - 1])
def test_full_disk_is_not_ready(free, browser, monkeypatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=free))
    answer = browser.get("/health/ready/")
    assert (answer.status_code, answer.json()["checks"]["disk"]) == (503, "unavailable")


@pytest.mark.parametrize("error", [GONE, CLOSED, LOCKED], ids=["gone", "closed", "locked"])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("get", "/cases/"),
        ("get", "/accounts/sign-in/"),
        ("get", "/cases/AAAA-AAAA/"),
        ("get", "/dashboard/"),
        ("get", "/admin/"),
        ("post", "/cases/AAAA-AAAA/"),
        ("post", "/cases/AAAA-AAAA/draft/"),
        ("post", "/cases/upload/"),
        ("post", "/accounts/sign-in/"),
        ("post", "/accounts/password/reset/"),
        ("post", "/accounts/sign-out/"),
    ],
)
def test_page_without_a_database_is_a_503_that_says_when_to_come_again(method, path, error, browser) -> None:
    given = {"username": "a@example.org", "password": "word", "email": "a@example.org"}
    with database_gone(error):
        page = getattr(browser, method)(path, given if method == "post" else None)
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
