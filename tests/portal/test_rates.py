"""How often the REST API may be asked, by token and by address; uploads have a count of their own."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.core.exceptions import ImproperlyConfigured
from django.core.files.base import ContentFile
from redis import RedisError
from rest_framework.test import APIClient

from portal.accounts import rates
from portal.settings.env import rate
from tests.cases.api.support import API, problem_of
from tests.cast import make_png_bytes, token_of

HOME, AWAY = "192.0.2.7", "203.0.113.9"


@pytest.fixture(autouse=True)
def three_a_minute(settings, monkeypatch):
    """The time stands still, twenty seconds before the next minute."""
    settings.API_RATE, settings.API_UPLOAD_RATE = rate("3/minute"), rate("2/minute")
    cache.clear()
    clock = [60.0 * 1000 + 40]
    monkeypatch.setattr(rates.time, "time", lambda: clock[0])
    yield clock
    cache.clear()


def with_token(text: str, address: str = HOME) -> APIClient:
    client = APIClient(REMOTE_ADDR=address)
    client.credentials(HTTP_AUTHORIZATION=f"Token {text}")
    return client


def told(client: APIClient, times: int) -> list[int]:
    return [client.get(f"{API}cases/").status_code for _ in range(times)]


def test_token_that_asks_too_often_is_told_when_to_come_again(owner, colleague, three_a_minute) -> None:
    script, other = with_token(token_of(owner)), with_token(token_of(colleague))
    assert told(script, 3) == [200] * 3
    refused = script.get(f"{API}cases/")
    assert "wait as Retry-After says" in problem_of(refused, "rate_limited")["detail"]
    assert refused["Retry-After"] == "20"
    assert told(other, 1) == [200]
    three_a_minute[0] += 20
    assert told(script, 4) == [200, 200, 200, 429]


def test_token_is_counted_wherever_it_comes_from(owner) -> None:
    text = token_of(owner)
    assert told(with_token(text), 2) + told(with_token(text, AWAY), 2) == [200, 200, 200, 429]


def test_without_a_token_the_address_is_counted(db) -> None:
    def ask(address: str) -> int:
        return APIClient(REMOTE_ADDR=address).get(API).status_code

    assert [ask(HOME) for _ in range(4)] == [200, 200, 200, 429]
    assert ask(AWAY) == 200


def test_address_is_the_one_that_the_trusted_proxy_saw(db, settings) -> None:
    settings.TRUSTED_PROXIES = ["10.0.0.0/8"]

    def ask(seen: str) -> int:
        return APIClient(REMOTE_ADDR="10.0.0.2").get(API, HTTP_X_FORWARDED_FOR=seen).status_code

    assert [ask(HOME) for _ in range(4)] == [200, 200, 200, 429]
    assert ask(AWAY) == 200
    # What the client claims itself changes nothing.
    assert ask(f"{AWAY}, {HOME}") == 429


def test_uploads_have_a_count_of_their_own(owner, cohort, model_version) -> None:
    script = with_token(token_of(owner))

    def upload(seed: int) -> int:
        file = ContentFile(make_png_bytes(seed=seed), name="a.png")
        return script.post(f"{API}uploads/", {"cohort": cohort.name, "file": file}).status_code

    assert [upload(seed) for seed in range(3)] == [201, 201, 429]
    assert told(script, 1) == [200]
    assert cohort.cases.count() == 2


def test_empty_rate_is_no_limit(owner, settings) -> None:
    settings.API_RATE = rate("")
    assert told(with_token(token_of(owner)), 5) == [200] * 5


@pytest.mark.parametrize("error", [RedisError("gone"), OSError("gone"), ValueError("thrown out")])
def test_cache_that_is_away_refuses_nobody(owner, monkeypatch, error) -> None:
    def away(*args: object) -> int:
        raise error

    monkeypatch.setattr(rates.cache, "incr", away)
    assert told(with_token(token_of(owner)), 5) == [200] * 5


@pytest.mark.parametrize("text", ["3", "3/", "3/fortnight", "x/minute", "-1/minute", "/minute"])
def test_rate_that_is_none_is_refused_in_words(text) -> None:
    with pytest.raises(ImproperlyConfigured, match="such as 1200/minute"):
        rate(text)


def test_counting_asks_no_database(colleague, django_assert_num_queries) -> None:
    script = with_token(token_of(colleague))
    script.get(f"{API}codebook/")
    with django_assert_num_queries(1):  # the token with its owner
        assert script.get(f"{API}codebook/").status_code == 200
