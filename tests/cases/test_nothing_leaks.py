"""Commit, then reveal: before the own commit, no route tells a reader anything of the network's result.

Two cohorts are alike but for the network's results. A reader asks every route of the portal about a case of
each, which has three images, another one of which stands for it; the answers must be equal, once what names
the cohort and the case is taken out, and hold none of the values.

One of the cases is a sentinel (ADR 37), which must not be told from the other, also once both are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.urls import URLPattern, URLResolver, get_resolver

from cases.analysis import jobs
from cases.intake.uploads import submit_series
from cases.models import (
    Case,
    Claim,
    Cohort,
    Disclosure,
    Image,
    Membership,
    ModelVersion,
    Prediction,
    SentinelAnswer,
    SentinelCheck,
)
from inference.heatmaps import pack
from tests.cast import CLASSES, make_maps, make_png_bytes

# Routes that are no page of ours, change the session, or ask nothing about cases.
ELSEWHERE = ("admin/", "accounts/", "health/", "language/", "theme/", "static/")
METHODS = ("get", "head", "post")
HEADERS: tuple[dict[str, str], ...] = ({}, {"HX-Request": "true"}, {"X-Requested-With": "XMLHttpRequest"})
# What is asked beside the path: each filter and order that could tell one class from another.
QUERIES = (
    "",
    "?found=glioma",
    "?found=meningioma",
    "?gate=uncertain",
    "?gate=accepted",
    "?numbers=shown",
    "?layer=conv_3&shown=glioma&opacity=100",
    "?image=1",
    "?image=2",
    "?state=open",
    "?verdict=agree",
    "?format=csv",
)
# What is asked of lists only.
LISTS = ("cases/", "cases/live/", "cases/states/")
LIST_QUERIES = (
    "?uncertain=gate",
    "?uncertain=95",
    "?sort=certainty",
    "?sort=-certainty&after={code}",
    "?sort=certainty&before={code}",
    "?c={code}",
)
RESULTS: tuple[dict[str, Any], ...] = (
    {"predicted": "glioma", "probability": 0.8317, "gate_verdict": "uncertain", "gate_distance": 2.7182},
    {"predicted": "meningioma", "probability": 0.6143, "gate_verdict": "accepted", "gate_distance": 0.3141},
)
# Which of the images shows that; in the others nothing is found.
KEY_IMAGES = (1, 2)
IMAGES = 3
NOTHING_FOUND = {
    "predicted": "notumor",
    "probability": 0.9137,
    "gate_verdict": "accepted",
    "gate_distance": 0.2,
}
# What is different in any two cases, whatever the network says of them.
VARIABLE = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|[0-9A-Z]{4}-[0-9A-Z]{4}|[0-9a-f]{32,64}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?|value=\"[\w-]{64}\"|X-CSRFToken[^}]*"
    r"|cohort-[ab]"
)


def routes(patterns: list[Any], prefix: str = "") -> Iterator[tuple[str, set[str]]]:
    """Every route of the portal as one string, with the names of its parameters."""
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, set(pattern.pattern.converters)


OURS = sorted(dict(routes(get_resolver().url_patterns)).items())
ASKED = [(route, names) for route, names in OURS if not route.startswith(ELSEWHERE) and "^" not in route]


def room_of(route: str) -> str:
    """The part of the portal that a route is in; what is about one case apart."""
    return "one case" if route.startswith("cases/<") else route.partition("/")[0] or "door"


ROOMS = sorted({room_of(route) for route, _ in ASKED})


def queries_of(route: str) -> tuple[str, ...]:
    return QUERIES + LIST_QUERIES if route in LISTS else QUERIES


def filled(route: str, case: Case, prediction: Prediction) -> str:
    """The route with this case's values; a parameter that is not listed here has to be."""
    values = {
        "code": case.code,
        "prediction_id": str(prediction.pk),
        "layer": "conv_3",
        "shown_class": prediction.predicted_class,
        "job_id": str(prediction.image.jobs.latest("queued_at").pk) if "job_id" in route else "",
        "review_id": str(prediction.pk),
        "invitation_id": str(case.pk),
        "membership_id": "1",
        "cohort_id": str(case.cohort_id),
        "user_id": str(case.pk),
        "key_id": str(case.pk),
        "view_id": "1",
        "name": "radiologist",
        "snapshot_id": str(case.pk),
        "sending_id": str(case.pk),
        "upload_id": str(case.pk),
        "request_id": str(case.pk),
        "alert_id": str(case.pk),
        "bounds_id": str(case.pk),
        "table": "statements",
        "extension": "csv",
        "release": "r5",
        "position": "0",
        "webhook_id": str(case.pk),
        "delivery_id": str(case.pk),
        "act": "test",
        "study": "2.25.1",
        "series": "2.25.2",
        "instance": "2.25.3",
        "frames": "1",
    }
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", lambda found: values[found[1]], route)


@pytest.fixture
def twins(owner, colleague, second, model_version) -> list[tuple[Case, Prediction]]:
    """The same pictures in two blinded cohorts, with different results, and another key image; the second
    case is a sentinel.
    """
    found = []
    for name, said, key in zip("ab", RESULTS, KEY_IMAGES, strict=True):
        cohort = Cohort.objects.create(
            name=f"cohort-{name}",
            reading="blinded",
            readers_required=2,
            reveals_ground_truth=False,
            has_sentinels=True,
        )
        for person, role in ((owner, "technologist"), (colleague, "radiologist"), (second, "radiologist")):
            Membership.objects.create(user=person, cohort=cohort, role=role)
        files = [ContentFile(make_png_bytes(seed=seed)) for seed in range(IMAGES)]
        receipts = submit_series(by=owner, cohort=cohort, files=files, ground_truth="pituitary")
        case = receipts[0].case
        assert case is not None
        for image in case.images.all():
            finish(image, said if image.position == key else NOTHING_FOUND)
        results = Prediction.objects.select_related("image")
        found.append((case, results.get(image__case=case, image__position=key)))
    ask_as_sentinel(found[1][0], model_version)
    return found


def ask_as_sentinel(case: Case, version: ModelVersion) -> None:
    """Make the case a sentinel that the network has been asked about."""
    Case.objects.filter(pk=case.pk).update(is_sentinel=True)
    check = SentinelCheck.objects.create(cohort=case.cohort, version=version)
    for image in case.images.all():
        SentinelAnswer.objects.create(check_run=check, image=image, predicted_class="pituitary", attempts=1)


def finish(image: Image, said: dict[str, Any]) -> None:
    """Analyse the image the way a worker does."""
    claim = jobs.lease(image.jobs.get().pk)
    assert claim is not None
    rest = (1 - said["probability"]) / 3
    result = jobs.Result(
        predicted_class=said["predicted"],
        probabilities={code: said["probability"] if code == said["predicted"] else rest for code in CLASSES},
        packed_maps=pack(make_maps()),
        seconds=0.05,
        gate_verdict=said["gate_verdict"],
        gate_distance=said["gate_distance"],
        in_training=True,
    )
    assert jobs.complete(claim, result)


def secrets_of(prediction: Prediction) -> list[str]:
    """What no answer may hold."""
    share = prediction.confidence
    of_case = Prediction.objects.filter(image__case=prediction.image.case_id)
    return [
        *(str(pk) for pk in of_case.values_list("pk", flat=True)),
        f"{NOTHING_FOUND['probability']:.4f}",
        prediction.maps_file,
        f"{share:.4f}",
        f"{share * 100:.1f}",
        f"{round(share * 100)} %",
        str(prediction.gate_distance),
        "gate-uncertain",
        "gate-accepted",
        "gate-refused",
        "test-cnn-1",
        "training data",
        '"heat": {',
        "Known class",
        'class="bars"',
        "is_sentinel",
        "Which they are",
    ]


def answer_of(client: Any, method: str, address: str, headers: dict[str, str]) -> tuple[int, str, str]:
    """Status, headers and body, as far as two cases that differ only in the result may be compared."""
    response = getattr(client, method)(address, headers=headers)
    body = response.getvalue() if response.streaming else response.content
    told = {
        name: value for name, value in response.items() if name not in ("ETag", "Content-Length", "Expires")
    }
    return response.status_code, str(sorted(told.items())), body.decode("utf-8", errors="replace")


def normal(text: str) -> str:
    return VARIABLE.sub("…", text)


def test_every_parameter_of_every_route_is_known_to_the_walk(twins) -> None:
    case, prediction = twins[0]
    assert len(ASKED) > 35
    for route, _ in ASKED:
        assert "<" not in filled(route, case, prediction)


# The longest walk of all, in parts that several processes take.
@pytest.mark.long
@pytest.mark.usefixtures("walking")
@pytest.mark.parametrize("room", ROOMS)
def test_no_route_tells_a_reader_of_the_result_before_the_commit(room, twins, colleague, client_of) -> None:
    asked = 0
    # A redirect to the next case leads to either twin: the case itself is asked for.
    asked_here = [
        (route, names)
        for route, names in ASKED
        if room_of(route) == room and not route.endswith(("next/", "give-back/", "leave/"))
    ]
    hidden = {prediction.pk: secrets_of(prediction) for _, prediction in twins}
    for route, names in asked_here:
        for method in METHODS:
            for headers in HEADERS:
                for query in queries_of(route) if method == "get" and not headers else ("",):
                    answers = []
                    for case, prediction in twins if names or query == "?c={code}" else twins[:1]:
                        address = filled(route, case, prediction) + query.replace("{code}", case.code)
                        status, told, body = answer_of(client_of(colleague), method, address, headers)
                        assert status < 500, (method, address, headers)
                        # What the address itself names may be said back.
                        found = [
                            value
                            for value in hidden[prediction.pk]
                            if value in told + body and value not in address
                        ]
                        assert found == [], (method, address, headers)
                        answers.append((status, normal(told), normal(body)))
                        asked += 1
                    if len(answers) == 2:
                        assert answers[0] == answers[1], (method, route, headers, query)
    # Each route by each method, with the headers; by GET with each query as well.
    assert asked >= 20 * len(asked_here) > 0


def test_the_walk_finds_what_lies_open(twins, colleague, commit_as, client_of) -> None:
    """The same questions after the commit: a walk that finds nothing then would find nothing ever."""
    case, prediction = twins[0]
    commit_as(colleague, case)
    client = client_of(colleague)
    _, _, page = answer_of(client, "get", f"/cases/{case.code}/", {})
    _, _, body = answer_of(client, "get", f"/api/v1/cases/{case.code}/", {})
    assert {"83.2", "test-cnn-1", '"heat": {'} <= {v for v in secrets_of(prediction) if v in page}
    assert {str(prediction.pk), "0.8317", "2.7182"} <= {v for v in secrets_of(prediction) if v in body}


# What is new in each answer, whatever is asked; codes stay, so that an order is seen.
ANEW = re.compile(
    r"value=\"[\w-]{64}\"|X-CSRFToken[^}]*|[0-9a-f]{32}"
    r"|(\d{4}-\d\d-\d\d[T ])?\d\d:\d\d(:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)?)?"
)


def told_of(client: Any, case: Case, prediction: Prediction) -> dict[str, tuple[int, str, str]]:
    """What every route about one case, and every list in each order, answers."""
    found = {}
    for route, names in ASKED:
        if "code" not in names and route not in (*LISTS, "cases/next/", "api/v1/cases/"):
            continue
        if not route.endswith(("give-back/", "leave/")):
            orders = ("",) if "code" in names else ("", "?sort=code", "?sort=certainty", "?state=reviewed")
            for query in orders:
                status, headers, body = answer_of(client, "get", filled(route, case, prediction) + query, {})
                found[route + query] = (status, ANEW.sub("…", headers), ANEW.sub("…", body))
    return found


@pytest.mark.usefixtures("walking")
def test_mark_of_a_sentinel_changes_no_answer_before_and_after_it_is_read(
    blinded, submit, analyse_as, colleague, commit_as, review_as, client_of, model_version
) -> None:
    cases = [submit(seed, ground_truth="glioma") for seed in range(3)]
    for case in cases:
        analyse_as(case, "glioma", 0.8)
    case, client = cases[1], client_of(colleague)
    prediction = Prediction.objects.select_related("image").get(image__case=case)
    ask_as_sentinel(case, model_version)

    def with_mark(*, is_sentinel: bool) -> dict[str, tuple[int, str, str]]:
        Case.objects.filter(pk=case.pk).update(is_sentinel=is_sentinel)
        return told_of(client, case, prediction)

    def differing() -> list[str]:
        told_of(client, case, prediction)  # the first look takes a place and says so from then on
        without, marked = with_mark(is_sentinel=False), with_mark(is_sentinel=True)
        assert len(marked) > 25
        assert sum(status == 200 for status, _, _ in marked.values()) > 15
        return [route for route in marked if marked[route] != without[route]]

    assert differing() == []
    commit_as(colleague, case)
    assert differing() == []
    review_as(colleague, case)
    assert differing() == []
    assert Case.objects.get(pk=case.pk).state == "reviewed"


def test_picture_and_job_are_the_same_whatever_the_network_says(twins, colleague, client_of) -> None:
    client = client_of(colleague)
    pictures = [client.get(f"/cases/{case.code}/base.png") for case, _ in twins]
    assert pictures[0].content == pictures[1].content
    assert pictures[0]["ETag"] == pictures[1]["ETag"]
    details = [client.get(f"/api/v1/cases/{case.code}/").json() for case, _ in twins]
    for detail in details:
        assert (detail["results"], detail["progress"]) == ([], {"images": 3, "analysed": 3, "failed": 0})
        assert (detail["prediction"], detail["reviews"], detail["job"]["model_version"]) == (None, [], None)
    assert details[0]["images"] == details[1]["images"]


def test_what_is_fetched_ahead_opens_at_the_first_picture_until_the_own_commit_and_shows_nothing(
    twins, colleague, commit_as, client_of
) -> None:
    """What a page fetches ahead is all of the next case that its browser has before the page is opened."""
    (here, _), (there, prediction) = twins
    client = client_of(colleague)

    def ahead() -> dict[str, str]:
        told: dict[str, str] = client.get(f"/cases/{here.code}/ahead/").json()
        for address in told.values():
            assert client.get(address).status_code == 200
        return told

    def addresses(position: int) -> dict[str, str]:
        query = f"?image={position}&channel=grey"
        where = f"/cases/{there.code}/base"
        return {"picture": f"{where}.png{query}", "volume": f"{where}.nii.gz{query}"}

    # Where another one is read and revealed as well.
    commit_as(colleague, here)
    before = Disclosure.objects.count()
    assert ahead() == addresses(0)
    assert not Claim.objects.filter(case=there).exists()
    assert KEY_IMAGES[1] == prediction.image.position != 0
    # With the own class locked, its result lies open, and with it the picture that stands for the case.
    commit_as(colleague, there)
    assert ahead() == addresses(KEY_IMAGES[1])
    assert Disclosure.objects.count() == before
