"""The dashboard: exact figures, and for whom."""

import datetime
import re
import uuid

import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.analysis import jobs
from cases.evidence import charts, figures
from cases.evidence.measures.proportions import clustered_share, share
from cases.models import Case, Job, Membership

pytestmark = pytest.mark.both_databases

PAGE = "/dashboard/"


@pytest.fixture
def failed_job(submitted_case):
    job = Job.objects.get()
    claim = jobs.lease(job.pk)
    jobs.fail(claim, jobs.Failure("truncated", "The file ends too early.", retryable=False))
    job.refresh_from_db()
    return job


@pytest.fixture
def filled(submit, analyse_as, review_as, colleague):
    """Two real cases (one network right, one wrong; the reader right twice) and one simulated one."""
    for seed, truth, predicted, simulated in [
        (1, "glioma", "glioma", False),
        (2, "meningioma", "glioma", False),
        (3, "glioma", "pituitary", True),
    ]:
        case = submit(seed=seed, ground_truth=truth, is_simulated=simulated)
        analyse_as(case, predicted)
        review_as(colleague, case, corrected="" if predicted == truth else truth)


def agreed(cohort) -> tuple[int, int]:
    found = figures.agreement(cohort)
    return found.hits, found.n


def test_shares_count_cases_of_one_patient_as_what_they_are(filled, cohort):
    assert figures.agreement(cohort) == clustered_share([(1, 1), (0, 1), (0, 1)])
    Case.objects.update(patient="one")
    assert figures.agreement(cohort) == clustered_share([(1, 3)])
    network, readers = (each.share for each in figures.accuracies(cohort))
    assert (network, readers) == (clustered_share([(1, 2)]), clustered_share([(2, 2)]))
    assert network.design_effect == 2


def test_share_is_wilsons():
    # Brown, Cai, DasGupta (2001), "Interval Estimation for a Binomial Proportion": z = 1.959964.
    found = share(8, 10)
    assert (found.hits, found.n, found.value) == (8, 10, 0.8)
    assert found.low == pytest.approx(0.4901625, abs=1e-6)
    assert found.high == pytest.approx(0.9433178, abs=1e-6)


def test_share_of_nothing_has_no_value():
    assert share(0, 0).value is None
    assert charts.interval(share(0, 0)) is None


def test_figures_of_a_filled_cohort_are_exact(filled, cohort):
    assert [(tally.code, tally.n) for tally in figures.cases_by_state(cohort)] == [
        ("open", 0),
        ("in_review", 0),
        ("disputed", 0),
        ("reviewed", 3),
        ("closed", 0),
    ]
    assert {tally.code: tally.n for tally in figures.jobs_by_status(cohort)}["succeeded"] == 3
    assert agreed(cohort) == (1, 3)
    assert figures.confusion(cohort) == {
        ("glioma", "glioma"): 1,
        ("glioma", "meningioma"): 1,
        ("pituitary", "glioma"): 1,
    }
    assert figures.reads_by_reader(cohort) == [figures.ReaderTally("Colleague", 3, 3, 1)]
    assert [day.n for day in figures.reads_by_day(cohort)] == [0] * 13 + [3]
    durations = figures.analysis_durations(cohort)
    assert (durations.n, durations.network) == (3, 0.05)
    assert durations.from_queued is not None
    assert durations.from_queued >= 0
    assert figures.oldest_unread(cohort) is None
    assert figures.oldest_unanalysed(cohort) is None


def test_accuracy_leaves_simulated_cases_out(filled, cohort):
    found = [(each.is_network, each.share.hits, each.share.n) for each in figures.accuracies(cohort)]
    assert found == [(True, 1, 2), (False, 2, 2)]


def test_amended_review_counts_once_as_last_amended(reviewed_case, colleague, cohort):
    from cases.lifecycle import Verdict
    from cases.reading.queries import own_current_review
    from cases.reading.read_input import ReadInput
    from cases.reading.reviews import amend_review

    review = own_current_review(colleague, reviewed_case)
    amend_review(
        by=colleague, review=review, read=ReadInput("", 5, verdict=Verdict.AGREE), reason="Looked again."
    )
    assert agreed(cohort) == (1, 1)
    assert sum(day.n for day in figures.reads_by_day(cohort)) == 1


def test_figures_of_another_cohort_are_its_own(filled, other_cohort):
    assert sum(tally.n for tally in figures.cases_by_state(other_cohort)) == 0
    assert agreed(other_cohort) == (0, 0)
    assert figures.confusion(other_cohort) == {}
    assert figures.accuracies(other_cohort) == []


def test_oldest_waiting_are_the_first(submit, cohort):
    first = submit(seed=1)
    submit(seed=2)
    assert figures.oldest_unread(cohort).code == first.code
    assert figures.oldest_unanalysed(cohort).code == first.code


def test_closed_disputed_and_teaching_cases_wait_for_no_reader(submit, cohort):
    closed, disputed, reviewed, begun = (submit(seed=seed) for seed in range(4))
    for case, state in (
        (closed, "closed"),
        (disputed, "disputed"),
        (reviewed, "reviewed"),
        (begun, "in_review"),
    ):
        cohort.cases.filter(pk=case.pk).update(state=state)
    assert figures.oldest_unread(cohort).code == begun.code
    cohort.reading = "teaching"
    assert figures.oldest_unread(cohort) is None


def test_reads_that_cannot_be_compared_are_not_called_none(
    submit, analyse_as, review_as, colleague, administrator, client_of
):
    case = submit(seed=1)
    analyse_as(case, in_training=True)
    review_as(colleague, case)
    page = client_of(administrator).get(PAGE).content.decode()
    assert "1 read in 14 days" in page
    assert "Nothing has been read yet" not in page
    assert "No read can be compared with the network yet." in page
    assert re.search(r'<td class="num">1</td>\s*<td class="num">\s*0 of 0\s*</td>', page)


def test_day_without_a_read_has_no_column_and_analyses_are_said_to_be_of_images(
    submit_many, analyse_as, review_as, colleague, administrator, client_of
):
    case = submit_many(3)
    for position in range(3):
        analyse_as(case, position=position)
    review_as(colleague, case)
    page = client_of(administrator).get(PAGE).content.decode()
    assert page.count('class="columns__bar"') == 1
    assert set(re.findall(r'class="columns__ground"[^>]* height="(\d+)"', page)) == {"1"}
    assert ">1 case<" in re.sub(r"\s*([<>])\s*", r"\1", page)
    assert "3 analyses, one an image and network" in page


def test_columns_scale_to_the_highest():
    day = datetime.date(2026, 1, 31)
    tallies = [figures.DayTally(day, 2), figures.DayTally(day, 4)]
    assert [(column.y, column.height) for column in charts.columns(tallies)] == [(60, 60), (0, 120)]


def test_confusion_rows_keep_a_class_that_no_network_knows_any_more():
    rows = charts.confusion_rows({("old", "glioma"): 3}, {"glioma": "Glioma"})
    assert [(row.code, row.total) for row in rows] == [("glioma", 0), ("old", 3)]
    assert [(cell.n, cell.depth, cell.agrees) for cell in rows[1].cells] == [(3, 4, False), (0, 0, True)]


def test_page_shows_the_figures_and_says_that_simulated_is_no_accuracy(client_of, administrator, filled):
    page = client_of(administrator).get(PAGE).content.decode()
    assert "1 of 3 reads" in page
    assert "1 of 2 right" in page
    assert "2 of 2 right" in page
    assert "never as accuracy" in page
    assert " style=" not in page


def test_page_of_an_empty_cohort_says_what_to_do(client_of, administrator):
    assert "Nothing is in this cohort yet" in client_of(administrator).get(PAGE).content.decode()


def test_number_of_queries_does_not_grow_with_the_cohort(
    client_of, administrator, filled, submit, analyse_as, review_as, colleague, django_assert_num_queries
):
    client = client_of(administrator)
    client.get(PAGE)
    with CaptureQueriesContext(
        connection,
    ) as before:
        client.get(PAGE)
    for seed in range(10, 16):
        case = submit(seed=seed, ground_truth="glioma")
        analyse_as(case)
        review_as(colleague, case)
    with django_assert_num_queries(len(before)):
        client.get(PAGE)
    assert len(before) <= 28


def test_page_by_anonymous_leads_to_the_sign_in(client, db):
    assert client.get(PAGE).url == "/accounts/sign-in/?next=/dashboard/"


@pytest.mark.parametrize("who", ["owner", "colleague", "stranger"])
def test_page_by_others_is_refused(request, client_of, who):
    assert client_of(request.getfixturevalue(who)).get(PAGE).status_code == 403


def test_page_of_a_foreign_cohort_is_not_found(client_of, administrator, other_cohort):
    assert client_of(administrator).get(PAGE, {"cohort": other_cohort.pk}).status_code == 404


def test_page_offers_only_managed_cohorts(client_of, administrator, other_cohort):
    Membership.objects.create(user=administrator, cohort=other_cohort, role="radiologist")
    assert "South" not in client_of(administrator).get(PAGE).content.decode()


def test_page_by_post_is_refused(client_of, administrator):
    assert client_of(administrator).post(PAGE).status_code == 405


def test_failed_analysis_is_listed_and_can_be_queued_again(
    client_of, administrator, failed_job, cohort, enqueued, django_capture_on_commit_callbacks
):
    client = client_of(administrator)
    page = client.get(PAGE).content.decode()
    assert "The file ends too early." in page
    assert "truncated" in page
    enqueued.clear()
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(f"/dashboard/jobs/{failed_job.pk}/retry/")
    assert response.url == f"/dashboard/?cohort={cohort.pk}"
    failed_job.refresh_from_db()
    assert failed_job.status == "queued"
    assert enqueued == [failed_job.pk]


def test_retry_of_a_queued_analysis_changes_nothing(client_of, administrator, submitted_case):
    job = Job.objects.get()
    page = client_of(administrator).post(f"/dashboard/jobs/{job.pk}/retry/", follow=True)
    assert "does not need another try" in page.content.decode()
    job.refresh_from_db()
    assert job.status == "queued"


@pytest.mark.parametrize(("who", "status"), [("colleague", 403), ("stranger", 404)])
def test_retry_by_others_is_refused_and_changes_nothing(request, client_of, failed_job, who, status):
    client = client_of(request.getfixturevalue(who))
    assert client.post(f"/dashboard/jobs/{failed_job.pk}/retry/").status_code == status
    failed_job.refresh_from_db()
    assert failed_job.status == "failed"


def test_retry_by_get_anonymous_or_with_a_bad_id_does_nothing(client, client_of, administrator, failed_job):
    address = f"/dashboard/jobs/{failed_job.pk}/retry/"
    assert client_of(administrator).get(address).status_code == 405
    assert client.post(address).url.startswith("/accounts/sign-in/")
    assert client_of(administrator).post(f"/dashboard/jobs/{uuid.uuid4()}/retry/").status_code == 404
    failed_job.refresh_from_db()
    assert failed_job.status == "failed"


def test_figures_leave_out_what_was_refused_or_trained_on(
    submit, analyse_as, review_as, colleague, administrator, cohort, client_of
):
    found = [
        {},
        {"in_training": True},
        {"in_training": False},
        {"gate_verdict": "refused", "gate_distance": 9.0},
        {"gate_verdict": "uncertain", "gate_distance": 2.0},
    ]
    for seed, options in enumerate(found):
        case = submit(seed=seed, ground_truth="glioma")
        analyse_as(case, **options)
        review_as(colleague, case)
    assert agreed(cohort) == (3, 3)
    assert figures.confusion(cohort) == {("glioma", "glioma"): 3}
    network = figures.accuracies(cohort)[0]
    assert (network.share.hits, network.share.n) == (3, 3)
    assert figures.reads_left_out(figures.reads_by_reader(cohort)) == 2
    assert figures.gate_tally(cohort) == figures.GateTally(uncertain=1, refused=1, trained_on=1)
    # Of one thing two figures say the same: all readers together are what the share is taken of.
    (reader,) = figures.reads_by_reader(cohort)
    assert (reader.n, reader.compared, reader.agreed) == (5, 3, 3)
    page = client_of(administrator).get(PAGE).content.decode()
    assert "3 of 3 reads; 95 % interval" in page
    assert re.search(r'<td class="num">5</td>\s*<td class="num">\s*3 of 3\s*</td>', page)
    assert "2 reads are not counted" in page
    assert "1 were refused by the input gate, 1 are uncertain, and 1 are of images" in page


def test_case_of_many_images_counts_once_in_every_figure(
    submit_many, analyse_as, review_as, colleague, cohort
) -> None:
    case = submit_many(4, ground_truth="glioma")
    said = [
        ("notumor", 0.9, {"gate_verdict": "uncertain", "gate_distance": 2.0}),
        ("glioma", 0.8, {"gate_verdict": "accepted", "gate_distance": 0.1}),
        ("notumor", 0.9, {"gate_verdict": "refused", "gate_distance": 9.0}),
        ("notumor", 0.9, {"in_training": True}),
    ]
    for position, (predicted, likely, options) in enumerate(said):
        analyse_as(case, predicted, likely, position=position, **options)
    review_as(colleague, case)
    assert [(tally.code, tally.n) for tally in figures.cases_by_state(cohort) if tally.n] == [("reviewed", 1)]
    assert agreed(cohort) == (1, 1)
    assert figures.confusion(cohort) == {("glioma", "glioma"): 1}
    network = figures.accuracies(cohort)[0]
    assert (network.share.hits, network.share.n) == (1, 1)
    assert figures.gate_tally(cohort) == figures.GateTally(uncertain=0, refused=0, trained_on=0)


def test_failed_image_of_many_is_named_by_its_number(
    submit_many, fail_as, analyse_as, administrator, client_of
):
    case = submit_many(3)
    for position in (0, 1):
        analyse_as(case, position=position)
    fail_as(case, position=2)
    page = client_of(administrator).get(PAGE).content.decode()
    assert "image 3" in page


# --- A large cohort -----------------------------------------------------------------


@pytest.fixture
def large(settings):
    """So few cases are many."""
    settings.EVIDENCE_KEEP_FROM = 2
    cache.clear()
    yield
    cache.clear()


def test_large_cohort_is_counted_once_and_says_when(
    large, filled, cohort, administrator, client_of, submit, django_assert_max_num_queries
) -> None:
    client = client_of(administrator)
    first = client.get(PAGE)
    assert first.context["case_count"] == 3
    submit(seed=4)
    with django_assert_max_num_queries(12):
        again = client.get(PAGE)
    assert (again.context["case_count"], again.context["counted_at"]) == (3, first.context["counted_at"])
    assert "A large cohort is counted once a minute: as of" in again.content.decode()
    # Whom to look after is asked each time.
    assert again.context["unread"].code == Case.objects.get(state="open").code


def test_small_cohort_is_counted_each_time(filled, administrator, client_of, submit) -> None:
    client = client_of(administrator)
    assert client.get(PAGE).context["case_count"] == 3
    submit(seed=4)
    page = client.get(PAGE)
    assert (page.context["case_count"], page.context["counted_at"]) == (4, None)
    assert "counted once a minute" not in page.content.decode()


def test_figures_that_are_closed_meanwhile_are_not_shown_from_before(
    large, filled, cohort, administrator, client_of, monkeypatch
) -> None:
    client = client_of(administrator)
    assert "agreement" in client.get(PAGE).context
    monkeypatch.setattr("cases.evidence.views.figures_are_closed", lambda _: True)
    assert "agreement" not in client.get(PAGE).context
