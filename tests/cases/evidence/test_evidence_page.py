"""The evidence page: what it counts, what it leaves out, when it is closed, and what leads to the cases."""

import csv
import io
import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import translation

from cases.evidence.cards.all import CARDS
from cases.evidence.page import evidence_of
from cases.evidence.study import StudyFilter, study_of
from cases.interim import figures_are_closed, open_to
from cases.lifecycle import Reading
from cases.models import AuditEvent, Cohort, Disclosure, FirstRead, ModelVersion, Prediction, Review
from cases.reading.protocols import change_protocol, terms_of

pytestmark = pytest.mark.both_databases

PAGE = "/dashboard/evidence/"


def test_headline_and_ledger_are_exact(small, administrator, client_of, colleague) -> None:
    page = client_of(administrator).get(PAGE).content.decode()
    assert (
        "The network changed 4 of 5 reads: 1 to right, 1 to wrong, 1 from wrong to wrong, 1 of unknown "
        "class. "
        "Too few for a percentage: by chance anything from 37.6 to 96.4 % fits." in page
    )
    found = evidence_of(small, StudyFilter())
    rows = {row[0].shown: [cell.raw for cell in row[1:]] for row in found.cards[0].table.rows}
    assert rows == {"Colleague": [4, 4, 1, 1, 1, 1], "Second": [1, 0, 0, 0, 0, 0]}
    assert f"cohort={small.pk}&amp;reader={colleague.pk}&amp;changed=to_right" in page


def test_number_leads_to_its_cases(small, administrator, client_of) -> None:
    """Of reads as many cases; where two readers read one, to that one."""
    client = client_of(administrator)
    asked = 0
    for card in evidence_of(small, StudyFilter()).cards:
        tables = [table for table in (card.table, *card.lists) if table]
        cells = [cell for table in tables for row in table.rows for cell in row]
        for link, n in {
            cell.link: cell.value for cell in cells if cell.link and isinstance(cell.value, int)
        }.items():
            response = client.get(link)
            fitting = int(str(response.context["fitting"]))
            assert (fitting == n) if card.name == "influence" else (1 <= fitting <= n), link
            asked += 1
    assert asked >= 10


def test_read_that_was_not_blind_is_left_out_and_said(study, colleague, administrator, client_of) -> None:
    case = study("glioma", "glioma", ("meningioma", "glioma"))
    seen = study("glioma", "glioma")
    told = {"case": seen, "reader": colleague, "protocol": seen.protocol}
    FirstRead.objects.create(read_class="meningioma", confidence=3, seen_network_at=seen.created_at, **told)
    result = Prediction.objects.get(image__case=seen)
    Review.objects.create(prediction=result, verdict="agree", final_class="glioma", confidence=3, **told)
    found = study_of(study.cohort, StudyFilter())
    assert [read.case for read in found.sequential] == [case.code]
    assert (len(found.reads), found.left_out.not_blind) == (2, 1)
    page = client_of(administrator).get(PAGE).content.decode()
    assert "from before and after 1 whose reader had been shown something before the commit" in page


def test_simulated_refused_and_trained_on_are_left_out(study, administrator, client_of) -> None:
    study("glioma", "glioma", ("glioma", "glioma"))
    study("glioma", "glioma", ("glioma", "glioma"), is_simulated=True)
    found = study_of(study.cohort, StudyFilter())
    assert (len(found.reads), len(found.results), found.left_out.simulated_cases) == (1, 1, 1)
    page = client_of(administrator).get(PAGE).content.decode()
    assert "Left out:" in page
    assert "1 simulated case, made for demonstration" in page


def test_cohort_of_simulated_cases_alone_is_shown_and_marked(study, administrator, client_of) -> None:
    study("glioma", "glioma", ("glioma", "glioma"), is_simulated=True)
    assert study_of(study.cohort, StudyFilter()).is_simulated
    page = client_of(administrator).get(PAGE).content.decode()
    assert "evidence of nothing" in page


def test_filters_narrow_and_bad_ones_are_named(small, second, administrator, client_of) -> None:
    client = client_of(administrator)
    narrowed = study_of(small, StudyFilter(reader=second.pk))
    assert {read.reader for read in narrowed.reads} == {second.pk}
    assert {read.truth for read in study_of(small, StudyFilter(known_class="glioma")).reads} == {"glioma"}
    assert len(study_of(small, StudyFilter(version="test-cnn-1")).reads) == 0
    assert client.get(PAGE, {"reader": str(second.pk), "since": "2020-01-01"}).status_code == 200
    for bad in (
        {"version": "none"},
        {"since": "yesterday"},
        {"since": "2026-02-02", "until": "2026-02-01"},
        {"reader": "nobody"},
    ):
        response = client.get(PAGE, bad)
        assert response.status_code == 422, bad
        assert "These filters do not hold" in response.content.decode()


def test_page_takes_twenty_queries_at_the_most_however_many_cases(study, administrator, client_of) -> None:
    client = client_of(administrator)
    study("meningioma", "glioma", ("meningioma", "glioma"), ("glioma", "glioma"))
    client.get(PAGE)
    study("meningioma", "glioma", ("meningioma", "glioma"), ("glioma", "glioma"))
    with CaptureQueriesContext(connection) as few:
        client.get(PAGE)
    for _ in range(12):
        study("meningioma", "glioma", ("meningioma", "glioma"), ("glioma", "glioma"))
    with CaptureQueriesContext(connection) as many:
        client.get(PAGE)
    assert len(many) == len(few)
    assert len(many) <= 20


def test_figures_of_a_running_study_are_closed_until_somebody_says_why(
    study, submit, administrator, colleague, client_of
) -> None:
    study("glioma", "glioma", ("meningioma", "glioma"))
    submit(seed=5)
    client = client_of(administrator)
    assert figures_are_closed(study.cohort)
    page = client.get(PAGE).content.decode()
    assert "Closed until the study ends" in page
    assert "1 of 2 cases is over." in page
    assert "to right" not in page
    assert client.get(f"{PAGE}influence.csv").status_code == 403
    dashboard = client.get("/dashboard/").content.decode()
    assert "For the better" not in dashboard
    assert "Closed until the study ends" in dashboard
    refused = client.post(f"{PAGE}open/", {"cohort": study.cohort.pk, "reason": " "})
    assert refused.status_code == 422
    assert "Say why the figures are looked at" in refused.content.decode()
    assert (
        client_of(colleague).post(f"{PAGE}open/", {"cohort": study.cohort.pk, "reason": "x"}).status_code
        == 403
    )
    assert figures_are_closed(study.cohort)
    client.post(f"{PAGE}open/", {"cohort": study.cohort.pk, "reason": "The board asks."})
    event = AuditEvent.objects.get(action="figures.opened")
    assert (event.actor, event.cohort, event.details) == (
        administrator,
        study.cohort,
        {"reason": "The board asks."},
    )
    page = client.get(PAGE).content.decode()
    assert "Reason: The board asks." in page
    assert "to right" in page
    again = client.post(f"{PAGE}open/", {"cohort": study.cohort.pk, "reason": "Again."}, follow=True)
    assert "open already" in again.content.decode()
    assert AuditEvent.objects.filter(action="figures.opened").count() == 1


def test_figures_stay_closed_where_the_protocol_changes_while_the_study_runs(
    study, submit, administrator, client_of
) -> None:
    study("glioma", "glioma", ("meningioma", "glioma"))
    submit(seed=5)
    terms = replace(terms_of(study.cohort), reading=Reading.AI_FIRST)
    change_protocol(by=administrator, cohort=study.cohort, terms=terms, reason="To look.")
    changed = Cohort.objects.get()
    assert (changed.reading, figures_are_closed(changed)) == (Reading.AI_FIRST, True)
    assert "Closed until the study ends" in client_of(administrator).get(PAGE).content.decode()
    assert not open_to(administrator).exists()


def test_finished_study_is_open(small) -> None:
    assert not figures_are_closed(small)


@pytest.fixture
def large(study):
    """Enough for every card: readers who mostly agree, a network that is mostly right."""
    codes = ("glioma", "meningioma", "notumor", "pituitary")
    for number in range(104):
        truth = codes[number % 4]
        said = codes[(number + 1) % 4] if number % 8 == 0 else truth
        first = codes[(number + 2) % 4] if number % 5 == 0 else truth
        final = said if number % 10 == 0 else first
        study(truth, said, (first, final), (truth, truth), patient=f"p{number // 2}")
    return study.cohort


def test_files_of_each_card_hold_its_table_and_drawing(large, administrator, client_of) -> None:
    client = client_of(administrator)
    found = evidence_of(large, StudyFilter())
    for card in found.cards:
        response = client.get(f"{PAGE}{card.name}.csv")
        if card.table is None:
            assert response.status_code == 404
            continue
        rows = list(csv.reader(io.StringIO(response.content.decode())))
        assert rows[0] == [name for name, _shown in card.table.columns]
        assert len(rows) == len(card.table.rows) + 1
        drawn = client.get(f"{PAGE}{card.name}.svg")
        if card.drawing is None:
            assert drawn.status_code == 404
            continue
        tree = ET.fromstring(drawn.content.decode())
        assert tree.tag == "{http://www.w3.org/2000/svg}svg"
        assert tree.find("{http://www.w3.org/2000/svg}title").text == card.title
        assert tree.find("{http://www.w3.org/2000/svg}desc").text
    assert client.get(f"{PAGE}none.csv").status_code == 404
    assert client.get(f"{PAGE}influence.csv", {"since": "never"}).status_code == 404


def test_cards_have_something_to_say_in_both_languages(large, administrator, client_of) -> None:
    client = client_of(administrator)
    for language in ("en", "de"):
        client.cookies["django_language"] = language
        with translation.override(language):
            cards = evidence_of(large, StudyFilter()).cards
        page = client.get(PAGE, headers={"accept-language": language}).content.decode()
        assert [card.name for card in cards] == list(CARDS)
        for card in cards:
            assert card.sentence
            assert f'id="{card.name}"' in page
    drawn = {card.name for card in evidence_of(large, StudyFilter()).cards if card.drawing}
    assert drawn == {"influence", "accuracy", "calibration", "mrmc", "drift"}


def test_newest_network_is_the_one_registered_last_whatever_its_name(
    study, model_version, newer_version
) -> None:
    study("glioma", "glioma")
    ModelVersion.objects.filter(pk=newer_version.pk).update(name="a-new-one")
    found = study_of(study.cohort, StudyFilter())
    assert found.versions == [model_version.name, "a-new-one"]
    (card,) = (card for card in evidence_of(study.cohort, StudyFilter()).cards if card.name == "calibration")
    assert card.sentence.startswith("Network a-new-one has 1 result")


def test_drift_is_held_against_the_first_reads(study, settings) -> None:
    """Of ten reads in the baseline one differs; of the twenty behind it fifteen do."""
    settings.EVIDENCE_BASELINE = 10
    for number in range(30):
        differs = number == 0 or number >= 15
        study("glioma", "glioma", ("glioma", "meningioma" if differs else "glioma"))
    (card,) = (card for card in evidence_of(study.cohort, StudyFilter()).cards if card.name == "drift")
    assert card.sentence.startswith("In the baseline readers and network differ in 10.0 % · 1 of 10.")
    assert "Outside of the limits lie the weeks from" in card.sentence
    (week,) = card.table.rows
    assert [cell.raw for cell in week[1:]] == [15, 20, "0.0 to 65.0 %", "outside", 0, "test-cnn-2"]


def test_hardest_cases_lead_to_the_cases_and_are_written_down(study, administrator, client_of) -> None:
    study("glioma", "glioma", ("glioma", "glioma"), ("glioma", "glioma"))
    hard = study("glioma", "meningioma", ("meningioma", "meningioma"), ("glioma", "meningioma"))
    half = study("glioma", "glioma", ("meningioma", "meningioma"), ("glioma", "glioma"))
    page = client_of(administrator).get(PAGE).content.decode()
    assert f'href="/cases/{hard.code}/"' in page
    assert "Of 3 cases of known class with two readers or more, all readers were right in 1." in page
    (card,) = (each for each in evidence_of(study.cohort, StudyFilter()).cards if each.name == "hardest")
    assert [row[0].shown for row in card.table.rows] == [hard.code, half.code]
    shown = Disclosure.objects.filter(user=administrator).values_list("case__code", "kind")
    assert set(shown) == {(case.code, kind) for case in (hard, half) for kind in ("truth", "peers")}


def test_time_a_read_is_that_before_the_reveal(study, colleague) -> None:
    for seconds in (10.0, 20.0, 40.0):
        case = study("glioma", "glioma")
        told = {"case": case, "reader": colleague, "protocol": case.protocol}
        FirstRead.objects.create(read_class="glioma", confidence=3, active_seconds=seconds, **told)
        result = Prediction.objects.get(image__case=case)
        said = {"verdict": "agree", "final_class": "glioma", "confidence": 3, "active_seconds": 1.0}
        Review.objects.create(prediction=result, **said, **told)
    (card,) = (card for card in evidence_of(study.cohort, StudyFilter()).cards if card.name == "times")
    assert card.sentence == "Median 20.0 seconds, over 3 reads."
    assert [cell.raw for cell in card.table.rows[0]] == ["Colleague", 3, 15.0, 20.0, 30.0]


def test_agreement_says_what_makes_kappa_low(study) -> None:
    for number in range(40):
        code = "notumor" if number else "glioma"
        study(code, code, ("notumor", "notumor"), (code, code))
    (card,) = (card for card in evidence_of(study.cohort, StudyFilter()).cards if card.name == "agreement")
    assert "pairs of readers agree in 97.5 %" in card.sentence
    assert any("name one class (No tumour): kappa and alpha are low" in note for note in card.notes)


def test_page_of_nothing_says_what_it_needs(cohort, administrator, client_of) -> None:
    page = client_of(administrator).get(PAGE).content.decode()
    assert "No read of a case with a known class yet. It needs known classes" in page
    assert "No case was read by two readers yet." in page


def test_page_is_the_administrators(small, colleague, stranger, client_of) -> None:
    assert client_of(colleague).get(PAGE, {"cohort": small.pk}).status_code == 403
    assert client_of(stranger).get(PAGE, {"cohort": small.pk}).status_code == 403
