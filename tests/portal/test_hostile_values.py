"""Whatever a client sends, no route answers with a fault of ours: every route of the URLconf is driven with
text that no database holds, numbers beyond every column, and JSON without bounds.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from itertools import cycle

import pytest
from django.db import DataError, transaction
from django.test import Client, RequestFactory
from django.urls import get_resolver

from cases.api.views import cases as rest
from cases.models import Draft, FirstRead, Prediction, Review
from portal.wsgi import application
from tests.cases.test_nothing_leaks import filled, routes

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("walking")]

# The admin's pages have parameters by the hundred; those that anybody can reach are driven.
ADMIN = ("admin/", "admin/login/", "admin/cases/case/", "admin/accounts/user/", "admin/cases/auditevent/")
ROUTES = sorted(
    route
    for route, _ in routes(get_resolver().url_patterns)
    if "^" not in route
    and (not route.startswith("admin/") or route in ADMIN)
    # 503 is what it is there to say.
    and route != "health/ready/"
)
ROOMS = sorted({route.partition("/")[0] for route in ROUTES})
DIGITS = "9" * 400
FORM = "application/x-www-form-urlencoded"
# Of a query, a form or a path, as they are percent-encoded.
TEXTS = {
    "nul": "a%00b",
    "only nul": "%00",
    "surrogate": "%ED%A0%80",
    "no utf-8": "%FF%FE",
    "digits": DIGITS,
    "more digits": "9" * 5000,
    "bigint": str(2**63),
    "negative": str(-(2**63) - 1),
    "not a number": "NaN",
    "infinity": "1e400",
    "far future": "99999-12-31",
    "no text": "%F0%9F%92%A9%0A%0D%1B'\"<%25s",
}
DEEP = "[" * 20_000 + "]" * 20_000
# Of JSON, as it is written there.
VALUES = {
    "nul": '"a\\u0000b"',
    "surrogate": '"\\ud800"',
    "digits": DIGITS,
    "more digits": "9" * 5000,
    "bigint": str(2**63),
    "not a number": "NaN",
    "infinity": "-Infinity",
    "too large": "1e400",
    "deep": DEEP,
    "deep objects": '{"a":' * 20_000 + "1" + "}" * 20_000,
    "list": "[[]]",
    "object": '{"kind": "brush", "image": 0, "runs": [[1, ' + DIGITS + "]]}",
    "box": '{"kind": "rectangle", "x0": ' + DIGITS + ', "y0": 1, "x1": 2, "y1": 3}',
}
# What a database could refuse is tried on both; what our own parsing has to bear, on one.
STORED = {"nul", "surrogate", "bigint", "negative", "far future", "too large", "list", "box"}
PARSED = (TEXTS.keys() | VALUES.keys()) - STORED
SHARES = [
    pytest.param(STORED, id="stored", marks=pytest.mark.both_databases),
    pytest.param(PARSED, id="parsed"),
]
NAMES = re.findall(
    r"\w+",
    """
    after before c cases cohort corrected_class class channel code colours comment confidence cursor
    email file files found format gate grouping image interpolation language layer name
    new_password1 next numbers old_password opacity other_finding page page_size password prediction
    protocol q query reader read_class reason region revision role shown since sort state theme
    uncertain until username verdict view views active_seconds amends act with status job_status
    together case full_name expires days label reading readers_required model_version version truth
    model a b left right n
    """,
)
# Asked name by name as well, in turns: a view that refuses the first value does not look at the second.
QUERIED = re.findall(
    r"\w+",
    """
    after before c cohort channel class colours cursor found format gate image interpolation layer
    numbers opacity page_size reader seen since sort state job_status uncertain until verdict view
    version q
    """,
)
LISTS = ["cases/", "cases/live/", "cases/states/", "cases/bulk/", "dashboard/", "api/v1/cases/"]
LISTS += ["api/v1/reviewed-cases/", "cases/<code:code>/", "cases/<code:code>/base.png", "cases/next/"]
# What the parameters of a path are where they are free text.
FREE = {"<str:layer>": "conv_3", "<str:shown_class>": "glioma"}


@pytest.fixture
def asked_of(ready_case, administrator, colleague, client_of):
    """A way to fill a route, and the browsers that ask."""
    prediction = Prediction.objects.select_related("image").get(image__case=ready_case)

    def fill(route: str) -> str:
        route = route.replace("<uidb64>/<token>", "MQ/abc").replace("<str:secret>", "abc")
        return filled(route, ready_case, prediction)

    clients = [client_of(colleague), client_of(administrator), Client()]
    for client in clients:
        client.raise_request_exception = False
    return fill, clients


def addresses(route: str, fill, texts: Collection[str]) -> Iterator[str]:
    """The route as it should be, and with each free parameter of its path as it should not."""
    yield fill(route)
    for name in FREE:
        if name in route:
            yield from (fill(route.replace(name, "HERE")).replace("HERE", text) for text in texts)
    if "<int:" in route:
        yield from (fill(route).replace("/1/", f"/{digits}/") for digits in (DIGITS, 2**63, "9" * 5000))
    if "<slug:" in route or "<token>" in route or "<str:secret>" in route:
        yield from (fill(route).replace("abc", text) for text in ("a%00b", "%ED%A0%80", DIGITS))


def encoded(value: str, names=NAMES) -> str:
    return "&".join(f"{name}={value}" for name in names)


def sound(response, *asked) -> None:
    assert response.status_code < 500, (response.status_code, *asked)
    if response.streaming:
        response.getvalue()


@pytest.mark.long
@pytest.mark.parametrize("share", SHARES)
@pytest.mark.parametrize("room", ROOMS)
def test_no_text_in_an_address_or_a_form_is_a_fault_of_ours(room, share, asked_of) -> None:
    fill, clients = asked_of
    tried = {name: text for name, text in TEXTS.items() if name in share}
    turns, texts = cycle(clients), cycle(TEXTS)
    before = [model.objects.count() for model in (Review, Draft, FirstRead)]
    for route in (route for route in ROUTES if route.partition("/")[0] == room):
        whole, *bent = addresses(route, fill, tried.values())
        for name, value in tried.items():
            sound(next(turns).get(f"{whole}?{encoded(value)}"), whole, name)
            answer = next(turns).generic("POST", whole, encoded(value), content_type=FORM)
            sound(answer, whole, name)
        for address in bent:
            sound(next(turns).get(address), address)
        for name in QUERIED if route in LISTS else ():
            if (text := next(texts)) in tried:
                sound(clients[0].get(f"{whole}?{name}={tried[text]}"), route, name, text)
    # What was stored of it is at most words that any database holds.
    assert [model.objects.count() for model in (Review, FirstRead)] == [before[0], before[2]]


JSON_ROUTES = [route for route in ROUTES if route.startswith("api/")]
GOOD = {
    "verdict": '"agree"',
    "confidence": "4",
    "comment": '"words"',
    "other_finding": '""',
    "region": "null",
    "active_seconds": "3",
    "read_class": '"glioma"',
    "corrected_class": '""',
    "reason": '"because"',
    "prediction": '"{prediction}"',
}
INPUTS: dict[str, tuple[str, ...]] = {
    "reviews/": ("prediction", "verdict", "corrected_class"),
    "first-read/": ("read_class",),
    "amend/": ("verdict", "corrected_class", "reason"),
}
ALWAYS = ("confidence", "comment", "other_finding", "region", "active_seconds")


def bodies(route: str, prediction: str, share: Collection[str]) -> Iterator[tuple[str, str]]:
    """JSON that is wrong as a whole, or right but for one value."""
    tried = {name: value for name, value in VALUES.items() if name in share}
    yield from tried.items()
    yield from ((f"key {name}", f"{{{value}: 1}}") for name, value in tried.items())
    fields = next((names for end, names in INPUTS.items() if route.endswith(end)), ())
    good = {each: GOOD[each] for each in (*fields, *ALWAYS)} if fields else {}
    # What a database could refuse comes to it field by field; what is refused before, in all fields at once.
    alone = [[field] for field in good]
    together = [[field for field in good if field != "prediction"]] if good else []
    for bent in alone if share is STORED else together:
        for name, value in tried.items():
            said = good | dict.fromkeys(bent, value)
            body = ", ".join(f'"{each}": {what}' for each, what in said.items())
            yield f"{bent}: {name}", "{" + body.replace("{prediction}", prediction) + "}"


@pytest.mark.long
@pytest.mark.parametrize("share", SHARES)
def test_no_json_is_a_fault_of_ours(share, ready_case, asked_of, colleague, api_of, review_as) -> None:
    fill, _ = asked_of
    api = api_of(colleague)
    api.raise_request_exception = False
    prediction = str(Prediction.objects.get(image__case=ready_case).pk)
    for route in JSON_ROUTES:
        address = fill(route)
        # Each route finds the case as it was before the others.
        with transaction.atomic():
            if "review_id" in route:
                address = address.replace(prediction, str(review_as(colleague, ready_case).pk))
            for name, body in bodies(route, prediction, share):
                response = api.generic("POST", address, body, content_type="application/json")
                sound(response, route, name)
                assert response.status_code != 201 or not name.endswith(("nul", "surrogate")), (route, name)
            transaction.set_rollback(True)


@pytest.mark.both_databases
def test_draft_with_a_region_of_any_kind_is_kept_without_it_or_refused(ready_case, colleague, client_of):
    client = client_of(colleague)
    client.raise_request_exception = False
    for name, value in VALUES.items():
        answer = client.post(f"/cases/{ready_case.code}/draft/", {"comment": "words", "region": value})
        sound(answer, name)


@pytest.mark.both_databases
def test_review_with_a_region_of_any_kind_is_refused_or_stored_without_a_fault(
    ready_case, colleague, client_of
):
    client = client_of(colleague)
    client.raise_request_exception = False
    prediction = Prediction.objects.get(image__case=ready_case)
    for name, value in VALUES.items():
        said = {"prediction": prediction.pk, "verdict": "agree", "confidence": 4, "region": value}
        # Nobody has reviewed the case, whatever became of the one before.
        with transaction.atomic():
            answer = client.post(f"/cases/{ready_case.code}/", said | {"active_seconds": DIGITS})
            sound(answer, name)
            transaction.set_rollback(True)


@pytest.mark.parametrize("header", ["Authorization", "User-Agent", "HX-Request", "Referer"])
def test_nul_in_a_header_is_refused_in_words(header, db) -> None:
    client = Client(raise_request_exception=False)
    response = client.get("/api/v1/cases/", headers={header: "Token a\0b"})
    assert response.status_code == 400
    assert "cannot be stored" in json.loads(response.content)["detail"]


@pytest.mark.parametrize(
    "path", ["/cases/?c=%00", "/cases/%00/", "/static/%00.css", "/accounts/sign-in/?next=%00"]
)
def test_nul_in_an_address_is_a_page_with_a_sentence(path, db) -> None:
    response = Client(raise_request_exception=False).get(path)
    assert response.status_code == 400
    assert "such as U+0000. Nothing was changed." in response.content.decode()


def test_nul_in_a_cookie_counts_as_no_cookie(db) -> None:
    client = Client(raise_request_exception=False)
    client.cookies.load({"sessionid": "a\0b", "theme": "light"})
    response = client.get("/cases/", headers={"Cookie": 'sessionid="a\\000b"; theme=light'})
    assert (response.status_code, response["Location"]) == (302, "/accounts/sign-in/?next=/cases/")


@pytest.mark.parametrize(
    "charset", ["hex", "utf-7", "idna", "undefined", "utf-16", "zlib", "nonsense", "utf-8"]
)
@pytest.mark.parametrize("kind", ["text/plain", "application/json", FORM])
def test_encoding_that_is_claimed_is_not_asked_for(charset, kind, db) -> None:
    """As a server calls it: Django's test client makes its requests itself."""
    environ = RequestFactory().generic("GET", "/accounts/sign-in/").environ
    environ |= {"CONTENT_TYPE": f"{kind}; charset={charset}", "QUERY_STRING": "&".join(["a=%41"] * 2000)}
    answered: list[str] = []

    def start(status: str, headers: object) -> None:
        answered.append(status)

    application(environ, start).close()
    application(environ | {"QUERY_STRING": "next=%41"}, start).close()
    # Too many fields are refused in an answer.
    assert answered == ["400 Bad Request", "200 OK"]


def test_value_that_only_the_database_refuses_is_told_as_such(
    ready_case, colleague, api_of, client_of, monkeypatch
):
    def refuse(*args, **named):
        raise DataError("value too long: a secret of the reader")

    monkeypatch.setattr(rest, "linked_page", refuse)
    monkeypatch.setattr("cases.reading.views.case_or_404", refuse)
    answer = api_of(colleague).get("/api/v1/cases/")
    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")
    client = client_of(colleague)
    client.raise_request_exception = False
    page = client.get(f"/cases/{ready_case.code}/")
    assert page.status_code == 400
    for body in (answer.content, page.content):
        assert b"secret" not in body
