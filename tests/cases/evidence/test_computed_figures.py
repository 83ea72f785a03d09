"""The figures of a large cohort: asked for by a page, computed aside, shown with their age."""

from datetime import timedelta

import pytest
from django.utils import timezone

from cases.evidence import computed
from cases.evidence.cards.all import CARDS
from cases.evidence.computed import compute_waiting
from cases.evidence.page import evidence_of
from cases.evidence.study import StudyFilter
from cases.models import ComputedFigures, Disclosure
from tests.cast import UNKNOWN_ID

pytestmark = pytest.mark.both_databases

PAGE = "/dashboard/evidence/"
FIGURES = "/api/v1/figures/"


@pytest.fixture
def large(small, settings):
    settings.EVIDENCE_KEEP_FROM = 1
    return small


@pytest.fixture
def client(administrator, client_of):
    return client_of(administrator)


def page_of(client, language="en", **filters) -> str:
    return client.get(PAGE, filters, headers={"accept-language": language}).content.decode()


def cards_in(page: str) -> str:
    """The cards alone, without space, which the templates' depth changes."""
    cards = page.partition('<div class="evidence">')[2].partition("</main>")[0]
    assert cards
    return "".join(cards.split())


def headline() -> str:
    answer = ComputedFigures.objects.get().answer
    assert answer
    return str(answer["headline"])


def test_page_waits_for_what_is_computed_aside(large, client, settings) -> None:
    waiting = page_of(client)
    assert "The figures of this large cohort are being computed." in waiting
    assert 'hx-trigger="every 3s"' in waiting
    assert 'id="influence"' not in waiting
    assert compute_waiting() == 1
    assert compute_waiting() == 0
    shown = page_of(client, cohort=large.pk)
    settings.EVIDENCE_KEEP_FROM = 1000
    at_once = page_of(client, cohort=large.pk)
    for page in (shown, at_once):
        assert 'hx-trigger="every 3s"' not in page
        assert evidence_of(large, StudyFilter()).headline in page
    assert cards_in(shown) == cards_in(at_once)


def test_older_figures_stay_while_newer_ones_are_computed(large, study, client, settings) -> None:
    page_of(client)
    compute_waiting()
    settings.EVIDENCE_KEEP_SECONDS = 600
    study("glioma", "glioma", ("glioma", "glioma"))
    before, said = ComputedFigures.objects.get(), headline()
    assert before.as_of
    assert "Newer ones are being computed." not in page_of(client)
    assert compute_waiting() == 0
    ComputedFigures.objects.update(
        asked_at=before.asked_at - timedelta(seconds=601), as_of=before.as_of - timedelta(seconds=601)
    )
    page = page_of(client)
    assert "Newer ones are being computed." in page
    assert said in page
    assert compute_waiting() == 1
    assert headline() != said


def test_each_filter_and_language_is_computed_for_itself(large, second, client) -> None:
    page_of(client)
    page_of(client, known="glioma")
    page_of(client, known="glioma", reader="")
    page_of(client, "de", known="glioma")
    told = ComputedFigures.objects.order_by("asked_at").values_list("filters", "language")
    assert list(told) == [({}, "en"), ({"known": "glioma"}, "en"), ({"known": "glioma"}, "de")]
    assert compute_waiting() == 3
    answers = ComputedFigures.objects.values_list("answer", flat=True)
    assert len({answer["headline"] for answer in answers if answer}) == 3


def test_files_are_those_of_the_page(large, client, settings) -> None:
    to_the_page = client.get(f"{PAGE}accuracy.csv", {"known": "glioma"})
    assert (to_the_page.status_code, to_the_page.url) == (302, f"{PAGE}?known=glioma")
    page_of(client)
    compute_waiting()
    kept = {}
    for name in CARDS:
        for extension in ("csv", "svg"):
            kept[name, extension] = client.get(f"{PAGE}{name}.{extension}")
    settings.EVIDENCE_KEEP_FROM = 1000
    for (name, extension), response in kept.items():
        at_once = client.get(f"{PAGE}{name}.{extension}")
        assert (response.status_code, response.content) == (at_once.status_code, at_once.content)
    assert {response.status_code for response in kept.values()} == {200, 404}


def test_cases_that_the_kept_page_tells_of_are_written_down(large, study, client, administrator) -> None:
    hard = study("glioma", "meningioma", ("meningioma", "meningioma"), ("glioma", "meningioma"))
    page_of(client)
    compute_waiting()
    assert not Disclosure.objects.filter(case=hard).exists()
    page_of(client)
    assert Disclosure.objects.filter(user=administrator, case=hard).exists()


def test_rest_says_when_to_ask_again(large, client, settings) -> None:
    asked = client.get(FIGURES, {"cohort": large.name})
    assert (asked.status_code, asked.json()["code"], asked.headers["Retry-After"]) == (
        503,
        "being_computed",
        "5",
    )
    compute_waiting()
    kept = client.get(FIGURES, {"cohort": large.name}).json()
    settings.EVIDENCE_KEEP_FROM = 1000
    at_once = client.get(FIGURES, {"cohort": large.name}).json()
    assert kept.pop("as_of") < at_once.pop("as_of")
    assert kept == at_once
    assert kept["figures"]


def test_what_fails_is_said_and_tried_again_later(large, client, monkeypatch) -> None:
    def fails(*_args) -> None:
        raise ZeroDivisionError

    page_of(client)
    with monkeypatch.context() as broken:
        broken.setattr(computed, "_answer", fails)
        assert compute_waiting() == 0
    assert "The figures could not be computed." in page_of(client)
    assert compute_waiting() == 0
    ComputedFigures.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert compute_waiting() == 1
    assert "could not be computed" not in page_of(client)


def test_figures_that_every_worker_dies_over_rest_with_words_and_are_tried_anew(large, client) -> None:
    page_of(client)
    ComputedFigures.objects.update(attempts=3, token=UNKNOWN_ID, next_at=timezone.now() - timedelta(days=1))
    assert compute_waiting() == 0
    assert "The figures could not be computed." in page_of(client)
    row = ComputedFigures.objects.get()
    assert (row.attempts, row.token, row.as_of) == (0, None, None)
    assert compute_waiting() == 0
    ComputedFigures.objects.update(next_at=timezone.now() - timedelta(seconds=1))
    assert compute_waiting() == 1


def test_no_more_are_computed_at_once_than_leave_room_for_other_tasks(large, client) -> None:
    for language in ("en", "de"):
        page_of(client, language)
    soon = timezone.now() + timedelta(minutes=1)
    ComputedFigures.objects.update(token=UNKNOWN_ID, next_at=soon)  # by other processes
    page_of(client, known="glioma")
    assert compute_waiting() == 0
    ComputedFigures.objects.filter(language="de").update(token=None, has_failed=True)
    assert compute_waiting() == 1


def test_figures_of_an_ended_filter_are_no_reason_to_stop(large, second, client) -> None:
    page_of(client, reader=str(second.pk))
    page_of(client)
    ComputedFigures.objects.filter(filters__has_key="reader").update(filters={"reader": "nobody"})
    assert compute_waiting() == 1


def test_what_nobody_asks_for_is_forgotten_with_the_next_ones(large, client) -> None:
    page_of(client)
    compute_waiting()
    ComputedFigures.objects.update(asked_at=timezone.now() - computed.FORGOTTEN_AFTER)
    compute_waiting()
    page_of(client, known="glioma")
    compute_waiting()
    assert [found.filters for found in ComputedFigures.objects.all()] == [{"known": "glioma"}]
