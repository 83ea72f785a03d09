"""What a reader was shown is written down, and nothing that was said with the answer in sight is counted."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from django.db import IntegrityError, transaction

from cases.evidence import figures
from cases.evidence.influence import reveal_tally
from cases.export.rows import review_row, rows_of
from cases.export.selection import ReviewFilter, current_reviews, with_all
from cases.lifecycle import Verdict
from cases.models import (
    AuditEvent,
    Case,
    Disclosure,
    FirstRead,
    Membership,
    Prediction,
    Review,
    SentinelAnswer,
    SentinelCheck,
)
from cases.models.review import standing
from cases.reading.adjudications import adjudicate
from cases.reading.read_input import ReadInput
from cases.reading.reviews import amend_review
from cases.setup.truth import set_by_hand

if TYPE_CHECKING:
    from portal.accounts.models import User

pytestmark = pytest.mark.both_databases

TO_MENINGIOMA = ReadInput("meningioma", 5, verdict=Verdict.DISAGREE)
TO_GLIOMA = ReadInput("", 4, verdict=Verdict.AGREE)
AMENDMENT = {
    "verdict": "disagree",
    "corrected_class": "meningioma",
    "confidence": "5",
    "reason": "looked again",
}


def shown_to(user) -> set[str]:
    return set(Disclosure.objects.filter(user=user).values_list("kind", flat=True))


def page_of(client, case) -> str:
    return client.get(f"/cases/{case.code}/").content.decode()


@pytest.fixture
def ready_with_truth(submit, analyse_as) -> Case:
    case = submit(ground_truth="meningioma")
    analyse_as(case)
    return case


@pytest.fixture
def two_readers(under_protocol, colleague, second) -> tuple[User, User]:
    under_protocol(readers_required=2)
    return colleague, second


@pytest.fixture
def two_blinded(under_protocol, referee) -> None:
    under_protocol(reading="blinded", readers_required=2, adjudicator=referee, reveals_ground_truth=True)


@pytest.fixture
def disputed(ready_with_truth, two_blinded, colleague, second, commit_as, review_as) -> Case:
    """The colleague, with the network, says glioma; the second meningioma, which is true."""
    commit_as(colleague, ready_with_truth)
    review_as(colleague, ready_with_truth)
    commit_as(second, ready_with_truth, "meningioma")
    review_as(second, ready_with_truth, corrected="meningioma")
    case = Case.objects.select_related("cohort", "protocol").get()
    assert case.state == "disputed"
    return case


def amend_on_the_page(client, case) -> None:
    own = Review.objects.filter(reader__full_name="Colleague", amended_by__isnull=True).get()
    sent = {**AMENDMENT, "amends": str(own.pk), "prediction": str(own.prediction_id)}
    assert client.post(f"/cases/{case.code}/amend/", sent).status_code == 302


def test_dispute_is_not_undone_by_its_own_reader(disputed, colleague, client_of) -> None:
    client = client_of(colleague)
    before = figures.confusion(disputed.cohort), reveal_tally(disputed.cohort)
    for page in (page_of(client, disputed), client.get(f"/cases/{disputed.code}/amend/").content.decode()):
        assert "Known class of this case" not in page
        assert page.count('class="history__item') <= 1
    amend_on_the_page(client, disputed)
    disputed.refresh_from_db()
    assert disputed.state == "disputed"
    assert (figures.confusion(disputed.cohort), reveal_tally(disputed.cohort)) == before
    remark = Review.objects.get(is_remark=True)
    assert (remark.final_class, remark.seen_truth_at, remark.seen_peers_at) == ("meningioma", None, None)
    assert shown_to(colleague) == {"network"}


def test_page_says_of_a_remark_that_it_is_not_counted(disputed, colleague, client_of) -> None:
    client = client_of(colleague)
    form = client.get(f"/cases/{disputed.code}/amend/").content.decode()
    assert "is kept as a later remark" in form
    amend_on_the_page(client, disputed)
    page = page_of(client, disputed)
    assert "Later remark" in page
    assert "stays as you gave it" in page


def test_case_with_a_read_outstanding_shows_neither_truth_nor_peers(
    ready_with_truth, under_protocol, colleague, second, client_of, review_as
) -> None:
    under_protocol(readers_required=2, reveals_ground_truth=True)
    review_as(colleague, ready_with_truth)
    page = page_of(client_of(colleague), ready_with_truth)
    assert "Known class of this case" not in page
    review_as(second, ready_with_truth)
    page = page_of(client_of(colleague), ready_with_truth)
    assert "Known class of this case" in page
    assert "Reviews of this case" in page
    assert shown_to(colleague) == {"network", "truth", "peers"}


def test_administrator_who_may_read_sees_no_peer_before_the_case_is_over(
    ready_case, under_protocol, colleague, administrator, client_of, review_as, api_of
) -> None:
    under_protocol(readers_required=2)
    review_as(colleague, ready_case)
    assert "Reviews of this case" not in page_of(client_of(administrator), ready_case)
    assert api_of(administrator).get(f"/api/v1/cases/{ready_case.code}/").json()["reviews"] == []
    assert shown_to(administrator) == {"network"}


@pytest.mark.parametrize("way", ["page", "rest"])
def test_amendment_after_peers_were_shown_is_a_remark(
    way, ready_case, two_readers, client_of, api_of, review_as, exporter
) -> None:
    colleague, second = two_readers
    first = review_as(colleague, ready_case)
    review_as(second, ready_case, corrected="meningioma")
    if way == "page":
        page_of(client_of(colleague), ready_case)
    else:
        api_of(colleague).get(f"/api/v1/cases/{ready_case.code}/")
    agreement = figures.agreement(ready_case.cohort)
    remark = amend_review(by=colleague, review=first, read=TO_MENINGIOMA, reason="second is right")
    assert remark.is_remark
    assert remark.seen_peers_at == Disclosure.objects.get(user=colleague, kind="peers").shown_at
    assert figures.agreement(ready_case.cohort) == agreement
    assert set(Review.objects.filter(standing(), reader=colleague)) == {first}
    rows = [review_row(review) for review in current_reviews(exporter, ReviewFilter())]
    of_colleague = [row for row in rows if row["reader"] == str(colleague.pk)]
    assert [(row["remark"], row["final_class"]) for row in of_colleague] == [
        (False, "glioma"),
        (True, "meningioma"),
    ]
    assert of_colleague[1]["seen_peers_at"] == remark.seen_peers_at.isoformat()
    assert of_colleague[0]["seen_peers_at"] is None


def test_amendment_after_the_truth_was_shown_is_a_remark(
    ready_with_truth, under_protocol, colleague, client_of, review_as
) -> None:
    under_protocol(reveals_ground_truth=True)
    first = review_as(colleague, ready_with_truth)
    accuracy = figures.accuracies(ready_with_truth.cohort)
    assert "Known class of this case" in page_of(client_of(colleague), ready_with_truth)
    remark = amend_review(by=colleague, review=first, read=TO_MENINGIOMA, reason="as is known")
    assert (remark.is_remark, remark.seen_truth_at is not None, remark.seen_peers_at) == (True, True, None)
    assert figures.accuracies(ready_with_truth.cohort) == accuracy
    again = amend_review(by=colleague, review=remark, read=TO_GLIOMA, reason="after all")
    assert again.is_remark
    assert Review.objects.get(standing()) == first


def test_amendment_with_nothing_but_the_network_in_sight_is_counted(
    ready_case, under_protocol, colleague, client_of, review_as
) -> None:
    under_protocol(readers_required=2)
    first = review_as(colleague, ready_case)
    page_of(client_of(colleague), ready_case)
    amendment = amend_review(by=colleague, review=first, read=TO_MENINGIOMA, reason="misread the border")
    assert (amendment.is_remark, amendment.seen_network_at is not None) == (False, True)
    assert Review.objects.get(standing()) == amendment


def test_amendment_of_an_adjudicated_case_is_a_remark(disputed, referee, second) -> None:
    adjudicate(by=referee, case=disputed, read=ReadInput("meningioma", 5))
    amendment = amend_review(by=second, review=second.reviews.get(), read=TO_GLIOMA, reason="no")
    assert amendment.is_remark


def test_third_reader_who_was_shown_the_others_says_a_remark(
    reviewed_case, second, api_of, review_as
) -> None:
    assert len(api_of(second).get(f"/api/v1/cases/{reviewed_case.code}/").json()["reviews"]) == 1
    assert review_as(second, reviewed_case).is_remark
    assert figures.agreement(reviewed_case.cohort).n == 1


def test_what_a_reader_knew_too_much_for_fills_no_slot(
    ready_case, under_protocol, colleague, second, referee, review_as
) -> None:
    under_protocol(readers_required=2)
    Disclosure.objects.create(user=colleague, case=ready_case, kind="peers")
    assert review_as(colleague, ready_case).is_remark
    assert Case.objects.get().state == "open"
    for reader in (second, referee):
        review_as(reader, ready_case)
    assert Case.objects.get().state == "reviewed"


def test_database_refuses_a_counted_review_that_saw_the_answer(reviewed_case) -> None:
    review = Review.objects.get()
    review.pk, review.amends_id, review.reason = None, review.pk, "again"
    review.seen_peers_at = review.created_at
    with pytest.raises(IntegrityError, match="review_counted_saw_no_answer"), transaction.atomic():
        review.save(force_insert=True)


def test_first_time_is_kept_and_written_once(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    page_of(client, ready_case)
    first = Disclosure.objects.get()
    page_of(client, ready_case)
    client.get("/cases/")
    assert Disclosure.objects.get().shown_at == first.shown_at


def test_head_shows_nothing_and_writes_nothing_down(ready_case, colleague, client_of) -> None:
    client_of(colleague).head(f"/cases/{ready_case.code}/")
    assert not Disclosure.objects.exists()


def test_blinded_page_before_the_commit_writes_nothing_down(
    blinded, ready_case, colleague, client_of, commit_as, review_as
) -> None:
    client = client_of(colleague)
    page_of(client, ready_case)
    client.get("/cases/")
    assert not Disclosure.objects.exists()
    first = commit_as(colleague, ready_case)
    assert first.is_blind
    page_of(client, ready_case)
    review = review_as(colleague, ready_case)
    assert first.created_at < review.seen_network_at < review.created_at


@pytest.mark.parametrize("way", ["worklist", "page", "rest", "map"])
def test_administrator_who_becomes_radiologist_reads_unblinded(
    way, blinded, ready_case, administrator, client_of, api_of, commit_as, review_as
) -> None:
    look(way, client_of(administrator), api_of(administrator), ready_case)
    assert shown_to(administrator) == {"network"}
    Membership.objects.filter(user=administrator).update(role="radiologist")
    assert "shown to you before" in page_of(client_of(administrator), ready_case)
    first = commit_as(administrator, ready_case, "meningioma")
    assert (first.is_blind, first.seen_network_at is not None) == (False, True)
    review = review_as(administrator, ready_case)
    assert review_row(review)["first_read_blind"] is False
    tally = reveal_tally(blinded)
    assert (tally.changed.n, tally.left_out) == (0, 1)


def look(way, client, script, case) -> None:
    if way == "worklist":
        client.get("/cases/")
    elif way == "page":
        page_of(client, case)
    elif way == "rest":
        script.get(f"/api/v1/cases/{case.code}/")
    else:
        found = case.images.get().predictions.get()
        assert client.get(f"/cases/{case.code}/maps/{found.pk}/conv_1/glioma.png").status_code == 200


@pytest.mark.parametrize("form", ["json", "csv", "ndjson"])
def test_export_writes_down_what_it_tells_whom(
    form, ready_with_truth, colleague, exporter, review_as, api_of
) -> None:
    review_as(colleague, ready_with_truth)
    answer = api_of(exporter).get(f"/api/v1/reviewed-cases/?format={form}")
    told = b"".join(answer.streaming_content) if answer.streaming else answer.content
    assert ready_with_truth.code.encode() in told
    assert shown_to(exporter) == {"network", "truth", "peers"}


def test_export_writes_a_batch_down_at_once(
    two_ready, colleague, exporter, review_as, django_assert_num_queries
) -> None:
    for case in two_ready:
        review_as(colleague, case)
    reviews = list(with_all(current_reviews(exporter, ReviewFilter())))
    with django_assert_num_queries(2):
        rows_of(reviews, to=exporter)
    assert Disclosure.objects.filter(user=exporter).count() == 4
    with django_assert_num_queries(1):
        rows_of(reviews, to=exporter)


def test_exporter_who_becomes_a_reader_reads_unblinded(
    ready_case, under_protocol, colleague, exporter, commit_as, review_as, api_of
) -> None:
    under_protocol(reading="blinded", readers_required=2)
    commit_as(colleague, ready_case)
    review_as(colleague, ready_case)
    api_of(exporter).get("/api/v1/reviewed-cases/?format=json")
    Membership.objects.filter(user=exporter).update(role="radiologist")
    first = commit_as(exporter, ready_case)
    assert (first.is_blind, first.seen_peers_at is not None) == (False, True)


@pytest.mark.parametrize(
    ("model", "kinds"),
    [
        (Prediction, {"network"}),
        (Review, {"network", "peers"}),
        (FirstRead, {"peers"}),
        (Case, {"truth"}),
    ],
)
@pytest.mark.parametrize("page", ["list", "row"])
@pytest.mark.usefixtures("blinded")
@pytest.mark.ignore_template_errors
def test_page_of_the_admin_writes_down_what_it_tells(
    page, model, kinds, ready_with_truth, colleague, client_of, commit_as, review_as
) -> None:
    commit_as(colleague, ready_with_truth)
    review_as(colleague, ready_with_truth)
    root = type(colleague).objects.create_superuser("root@example.org", "x", full_name="Root")
    address = f"/admin/cases/{model._meta.model_name}/"
    if page == "row":
        address += f"{model.objects.get().pk}/change/"
    client = client_of(root)
    assert client.get(address).status_code == 200
    assert shown_to(root) == kinds
    assert Disclosure.objects.filter(user=root, case=ready_with_truth).count() == len(kinds)


@pytest.mark.ignore_template_errors
def test_answer_of_a_sentinel_and_act_that_set_a_class_are_written_down_in_the_admin(
    ready_case, administrator, model_version, client_of
) -> None:
    set_by_hand(
        by=administrator, cohort=ready_case.cohort, code=ready_case.code, known_class="glioma", reason="x"
    )
    check = SentinelCheck.objects.create(cohort=ready_case.cohort, version=model_version)
    image = ready_case.images.get()
    answer = SentinelAnswer.objects.create(check_run=check, image=image, predicted_class="glioma")
    act = AuditEvent.objects.get(action="truth.set")
    for number, (page, kinds) in enumerate(
        {
            "auditevent/": set(),
            f"auditevent/{act.pk}/change/": {"truth"},
            "sentinelanswer/": {"network"},
            f"sentinelanswer/{answer.pk}/change/": {"network"},
        }.items()
    ):
        root = type(administrator).objects.create_superuser(f"root{number}@example.org", "x")
        assert client_of(root).get(f"/admin/cases/{page}").status_code == 200
        assert shown_to(root) == kinds, page


@pytest.fixture
def two_ready(submit, analyse_as) -> list[Case]:
    cases = [submit(seed=seed) for seed in range(2)]
    for case in cases:
        analyse_as(case)
    return cases


def test_dashboard_says_how_many_reads_are_left_out(
    blinded, two_ready, colleague, administrator, client_of, commit_as, review_as
) -> None:
    Disclosure.objects.create(user=colleague, case=two_ready[0], kind="network")
    for case in two_ready:
        commit_as(colleague, case, "meningioma", active_seconds=10)
        review_as(colleague, case)
    tally = reveal_tally(blinded)
    assert (tally.changed.hits, tally.changed.n, tally.left_out) == (1, 1, 1)
    page = client_of(administrator).get("/dashboard/").content.decode()
    assert "1 read is left out" in page
