"""Sentinels: who marks which, in no figure and no file of the study, asked of each network that becomes
active, and not to be told from other cases.
"""

from __future__ import annotations

import csv
import io

import pytest
from celery import current_app
from django.core import mail
from django.core.exceptions import PermissionDenied, ValidationError

from cases.analysis import worker
from cases.analysis.jobs import Result
from cases.evidence import comparison, figures, influence
from cases.evidence.page import left_out_lines
from cases.evidence.study import StudyFilter, study_of
from cases.exchange.webhooks.hooks import create_webhook
from cases.export.selection import ReviewFilter, current_reviews
from cases.export.snapshots.rows import expected_rows, rows_of
from cases.export.training_set import TrainingSetError, export_training_set
from cases.governance import sentinel_worker, tasks
from cases.governance.sentinel_checks import Answer, newest_check, outcomes
from cases.lifecycle import CaseState
from cases.models import (
    AuditEvent,
    Case,
    Disclosure,
    DriftAlert,
    Job,
    Membership,
    ModelVersion,
    Prediction,
    SentinelAnswer,
    SentinelCheck,
)
from cases.setup.sentinels import mark
from cases.worklist.bulk import plan
from cases.worklist.moving import Move
from inference.errors import InferenceError, ManifestError
from tests.cast import CLASSES

pytestmark = pytest.mark.both_databases

PAGE = "/dashboard/sentinels/"


@pytest.fixture
def mixed(under_protocol):
    """The cohort, whose protocol lets sentinels be mixed in."""
    return under_protocol(reveals_ground_truth=False, has_sentinels=True)


@pytest.fixture
def marked(administrator, cohort):
    """Make sentinels of cases."""

    def make(*cases: Case, is_sentinel: bool = True) -> int:
        codes = [case.code for case in cases]
        return mark(by=administrator, cohort=cohort, codes=codes, is_sentinel=is_sentinel, reason="Known.")

    return make


@pytest.fixture
def says(monkeypatch):
    """What networks say of stored pictures, by (network, file); and what was asked."""
    said: dict[tuple[str, str], str | Exception] = {}
    asked: list[tuple[str, str]] = []

    def infer(network, image_file):
        asked.append((network.name, image_file))
        found = said[network.name, image_file]
        if isinstance(found, Exception):
            raise found
        code, _, verdict = found.partition(" ")
        shares = {each: 0.7 if each == code else 0.1 for each in CLASSES}
        return Result(code, shares, b"", 0.1, gate_verdict=verdict or "accepted")

    monkeypatch.setattr(worker, "infer", infer)

    def say(version: ModelVersion, case: Case, *answers: str | Exception) -> None:
        for image, answer in zip(case.images.order_by("position"), answers, strict=True):
            said[version.name, image.file] = answer

    say.asked = asked
    return say


@pytest.fixture
def activated(model_version, newer_version):
    """Make a network the active one; the first is, until then."""

    def make(version: ModelVersion) -> None:
        ModelVersion.objects.update(is_active=False)
        ModelVersion.objects.filter(pk=version.pk).update(is_active=True)

    make(model_version)
    return make


def table(cohort) -> list[tuple[str, str, str]]:
    """(known class, former answer, new answer) of each sentinel, in the order of their known class."""

    def code(answer: Answer | None) -> str:
        return answer.code if answer else "-"

    found = outcomes(newest_check(cohort))
    return sorted((each.truth, code(each.before), code(each.after)) for each in found)


def test_mark_is_written_with_who_and_why_and_can_be_taken_off_before_reading(
    mixed, submit, marked, administrator
) -> None:
    case = submit(ground_truth="glioma")
    assert (marked(case), marked(case)) == (1, 0)
    assert Case.objects.get(pk=case.pk).is_sentinel
    event = AuditEvent.objects.get(action="sentinel.marked")
    assert (event.actor, event.subject, event.details) == (administrator, str(case.pk), {"reason": "Known."})
    assert marked(case, is_sentinel=False) == 1
    assert not Case.objects.get(pk=case.pk).is_sentinel
    assert AuditEvent.objects.filter(action="sentinel.unmarked").count() == 1


def test_cases_that_do_not_fit_are_named_and_none_is_marked(
    mixed, submit, analyse_as, review_as, colleague, marked, administrator
) -> None:
    fits, unknown, begun = submit(1, ground_truth="glioma"), submit(2), submit(3, ground_truth="glioma")
    analyse_as(begun)
    review_as(colleague, begun)
    with pytest.raises(ValidationError) as refused:
        marked(fits, unknown, begun, Case(code="NONE-0000"))
    assert refused.value.messages == [
        "There are no such cases in this cohort: NONE-0000.",
        f"Their reading has begun, so that they stay what they are: {begun.code}.",
        f"They have no known class; set it first: {unknown.code}.",
    ]
    with pytest.raises(ValidationError, match="Name between 1 and 500 cases; received 0"):
        marked()
    with pytest.raises(ValidationError, match="Say why"):
        mark(by=administrator, cohort=mixed, codes=[fits.code], is_sentinel=True, reason=" ")
    with pytest.raises(PermissionDenied):
        mark(by=colleague, cohort=mixed, codes=[fits.code], is_sentinel=True, reason="So.")
    assert not Case.objects.filter(is_sentinel=True).exists()
    assert not AuditEvent.objects.filter(action__startswith="sentinel").exists()


def test_protocol_says_whether_there_are_any_and_that_known_classes_are_not_shown(
    cohort, submit, marked, under_protocol
) -> None:
    case = submit(ground_truth="glioma")
    with pytest.raises(ValidationError, match="The protocol has no sentinels"):
        marked(case)
    with pytest.raises(ValidationError, match="could tell the sentinels"):
        under_protocol(has_sentinels=True)
    with pytest.raises(ValidationError, match="A teaching cohort has no sentinels"):
        under_protocol(reading="teaching", has_sentinels=True)
    under_protocol(has_sentinels=True, reveals_ground_truth=False)
    marked(case)
    with pytest.raises(ValidationError, match="Sentinels wait to be read"):
        under_protocol(has_sentinels=False)
    with pytest.raises(ValidationError, match="could tell the sentinels"):
        under_protocol(reveals_ground_truth=True)
    marked(case, is_sentinel=False)
    under_protocol(has_sentinels=False, reveals_ground_truth=True)


@pytest.fixture
def read(mixed, submit, analyse_as, review_as, colleague, marked):
    """A sentinel and an ordinary case, both read; the network says glioma of both."""
    sentinel, ordinary = (submit(seed, ground_truth="meningioma") for seed in (1, 2))
    marked(sentinel)
    for case in (sentinel, ordinary):
        analyse_as(case, "glioma")
        review_as(colleague, case, corrected="meningioma" if case is sentinel else "")
    return sentinel, ordinary


def test_figures_and_files_of_the_study_have_no_sentinel(
    read, cohort, administrator, model_version, newer_version, tmp_path
) -> None:
    ordinary = read[1]
    study = study_of(cohort, StudyFilter())
    assert [each.case for each in study.reads] == [each.case for each in study.results] == [ordinary.code]
    assert study.left_out.sentinel_cases == 1
    assert left_out_lines(study.left_out) == ["1 sentinel, which has a page of its own"]
    (reader,) = figures.reads_by_reader(cohort)
    assert (reader.n, reader.compared, reader.agreed) == (2, 1, 1)
    assert figures.confusion(cohort) == {("glioma", "glioma"): 1}
    assert [(each.share.hits, each.share.n) for each in figures.accuracies(cohort)] == [(0, 1), (0, 1)]
    assert influence.reveal_tally(cohort) is None
    Prediction.objects.bulk_create(
        Prediction(
            image=case.images.get(), model_version=newer_version, predicted_class="glioma", confidence=0.7,
            probabilities={}, maps_file="maps/none.npz", seconds=0.1,
        )
        for case in read
    )  # fmt: skip
    assert comparison.compare(cohort, model_version, newer_version).both == 1
    for name in ("cases", "results", "statements"):
        assert {row["case"] for row in rows_of(name, cohort)} == {ordinary.code}
    assert expected_rows(cohort) == 3
    assert [each.case for each in current_reviews(administrator, ReviewFilter())] == [ordinary]
    written = export_training_set(cohort, tmp_path / "set", folds=2)
    assert (written.left_out["sentinel"], sum(written.by_class.values())) == (1, 1)
    Case.objects.filter(pk=ordinary.pk).update(is_sentinel=True)
    with pytest.raises(TrainingSetError):
        export_training_set(cohort, tmp_path / "none", folds=2)


def test_sentinel_is_read_like_any_other_case(read) -> None:
    assert {Case.objects.get(pk=case.pk).state for case in read} == {CaseState.REVIEWED}


def test_marked_cases_are_answered_by_the_active_network_and_by_each_that_follows(
    mixed, submit, marked, says, model_version, newer_version, activated
) -> None:
    first, second = submit(1, ground_truth="glioma"), submit(2, ground_truth="meningioma")
    marked(first)
    says(model_version, first, "glioma")
    sentinel_worker.advance()
    assert table(mixed) == [("glioma", "-", "glioma")]
    # One that is marked later is asked of the same network, the others not again.
    marked(second)
    says(model_version, second, "glioma")
    sentinel_worker.advance()
    sentinel_worker.advance()
    assert table(mixed) == [("glioma", "-", "glioma"), ("meningioma", "-", "glioma")]
    assert len(says.asked) == 2
    activated(newer_version)
    says(newer_version, first, "glioma")
    says(newer_version, second, "meningioma")
    sentinel_worker.advance()
    assert table(mixed) == [("glioma", "glioma", "glioma"), ("meningioma", "glioma", "meningioma")]
    assert not DriftAlert.objects.exists()
    assert AuditEvent.objects.filter(action="sentinel.reanalysed").count() == 2
    event = AuditEvent.objects.filter(action="sentinel.compared").latest("at")
    assert event.details == {"name": newer_version.name, "sentinels": 2, "formerly_right": 1, "lost": 0}


def test_what_a_reader_is_shown_of_a_sentinel_does_not_change_when_it_is_asked(
    mixed, submit, marked, analyse_as, says, model_version, newer_version, activated
) -> None:
    """A result, a job or a class that a few cases alone have would say which they are."""
    case = submit(ground_truth="glioma")
    analyse_as(case, "glioma")
    marked(case)
    before = (list(Prediction.objects.values()), list(Job.objects.values()))
    kept = Case.objects.values("state", "key_class", "key_gate", "key_probability").get(pk=case.pk)
    activated(newer_version)
    says(newer_version, case, "meningioma")
    sentinel_worker.advance()
    assert SentinelAnswer.objects.get().predicted_class == "meningioma"
    assert (list(Prediction.objects.values()), list(Job.objects.values())) == before
    assert Case.objects.values("state", "key_class", "key_gate", "key_probability").get(pk=case.pk) == kept


@pytest.fixture
def lost(mixed, submit, marked, says, model_version, newer_version, activated):
    """Two sentinels that the former network got right, one of which the new one gets wrong; returns both
    cases, and what raises the alert.
    """
    cases = submit(1, ground_truth="glioma"), submit(2, ground_truth="meningioma")
    marked(*cases)
    for case in cases:
        says(model_version, case, case.ground_truth)
        says(newer_version, case, "glioma")
    sentinel_worker.advance()
    activated(newer_version)
    return cases, sentinel_worker.advance


def test_formerly_right_one_that_is_wrong_raises_one_alert_told_to_webhooks_and_by_mail(
    lost, cohort, administrator, newer_version, django_capture_on_commit_callbacks, monkeypatch
) -> None:
    asked = []
    monkeypatch.setattr(current_app, "send_task", lambda name, args: asked.append((name, args)))
    cases, advance = lost
    hook = create_webhook(
        by=administrator, cohort=cohort, url="https://hooks.example.org/", events=["drift.alert"]
    )
    with django_capture_on_commit_callbacks(execute=True):
        advance()
    advance()
    alert = DriftAlert.objects.get()
    assert (alert.rule, alert.value, alert.low, alert.high, alert.n) == ("sentinel", 0.5, 0.0, 0.0, 2)
    assert alert.version == newer_version
    (delivery,) = hook.deliveries.all()
    assert delivery.data["rule"] == "sentinel"
    ((task, (keys,)),) = asked
    assert task == tasks.mail_drift_alerts.name
    tasks.mail_drift_alerts(keys)
    (sent,) = mail.outbox
    assert (sent.to, sent.subject) == ([administrator.email], "Sentinels of “North” are answered wrongly")
    assert "answers 1 of 2 sentinels wrongly that were answered rightly before" in sent.body
    assert not any(case.code in sent.body + str(delivery.data) for case in cases)


def test_alert_stands_on_the_page_of_drift_and_is_answered_there(
    lost, administrator, client_of, cohort
) -> None:
    lost[1]()
    browser, alert = client_of(administrator), DriftAlert.objects.get()
    page = browser.get(f"/dashboard/drift/?cohort={cohort.pk}").content.decode()
    assert f'<a href="{PAGE}?cohort={cohort.pk}">Sentinels that a new network gets wrong</a>' in page
    browser.post(f"/dashboard/drift/alerts/{alert.pk}/", {"reason": "Gone back."})
    alert.refresh_from_db()
    assert (alert.reason, alert.acknowledged_by) == ("Gone back.", administrator)


def test_way_back_is_asked_as_well_and_compares_with_the_network_that_was_left(
    lost, cohort, model_version, activated
) -> None:
    lost[1]()
    activated(model_version)
    lost[1]()
    assert table(cohort) == [("glioma", "glioma", "glioma"), ("meningioma", "glioma", "meningioma")]
    assert DriftAlert.objects.count() == 1


def test_check_that_another_activation_cut_short_leaves_the_answers_before_it(
    lost, cohort, model_version, activated, monkeypatch
) -> None:
    _cases, advance = lost
    monkeypatch.setattr(sentinel_worker, "ROUND", 0)
    advance()
    assert SentinelCheck.objects.filter(finished_at=None).count() == 1
    monkeypatch.setattr(sentinel_worker, "ROUND", 50)
    activated(model_version)
    advance()
    assert table(cohort) == [("glioma", "glioma", "glioma"), ("meningioma", "meningioma", "meningioma")]


def test_case_of_many_images_is_answered_by_the_most_suspicious_that_was_not_refused(
    mixed, submit_many, marked, says, model_version
) -> None:
    case = submit_many(3, ground_truth="glioma")
    marked(case)
    says(model_version, case, "pituitary refused", "notumor", "glioma")
    sentinel_worker.advance()
    assert table(mixed) == [("glioma", "-", "glioma")]


def test_refused_picture_and_one_that_cannot_be_analysed_are_not_right(
    mixed, submit, marked, says, model_version, newer_version, activated, settings
) -> None:
    settings.JOB_MAX_ATTEMPTS = 2
    refused, broken = submit(1, ground_truth="glioma"), submit(2, ground_truth="meningioma")
    marked(refused, broken)
    says(model_version, refused, "glioma")
    says(model_version, broken, "meningioma")
    sentinel_worker.advance()
    activated(newer_version)
    says(newer_version, refused, "glioma refused")
    says(newer_version, broken, InferenceError("broken", "Never.", retryable=False))
    sentinel_worker.advance()
    assert not DriftAlert.objects.exists()
    sentinel_worker.advance()
    assert table(mixed) == [("glioma", "glioma", ""), ("meningioma", "meningioma", "-")]
    assert SentinelAnswer.objects.exclude(error="").get().error == "Never."
    assert DriftAlert.objects.get().value == 1.0


def test_network_that_cannot_be_used_here_is_asked_later(mixed, submit, marked, says, model_version) -> None:
    case = submit(ground_truth="glioma")
    marked(case)
    says(model_version, case, ManifestError("manifest_missing", "Its files are missing."))
    sentinel_worker.advance()
    assert SentinelAnswer.objects.get().attempts == 0
    says(model_version, case, "glioma")
    sentinel_worker.advance()
    assert table(mixed) == [("glioma", "-", "glioma")]


def test_page_tells_which_networks_and_readers_are_right(
    read, cohort, administrator, client_of, says, model_version
) -> None:
    sentinel, _ordinary = read
    says(model_version, sentinel, "glioma")
    sentinel_worker.advance()
    page = client_of(administrator).get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    assert "1 case is marked; the reading of 1 has begun." in page
    assert "0 of 1. Too few for a percentage" in page
    assert "All readers, last word: 1 of 1." in page
    files = {
        name: client_of(administrator).get(f"{PAGE}{name}.csv?cohort={cohort.pk}").content.decode()
        for name in ("changes", "networks", "readers")
    }
    (row,) = csv.DictReader(io.StringIO(files["changes"]))
    assert (row["case"], row["new"], row["change"]) == (
        sentinel.code,
        "glioma",
        "not right, no answer before",
    )
    (row,) = csv.DictReader(io.StringIO(files["networks"]))
    assert (row["network"], row["right"], row["n"]) == (model_version.name, "0", "1")
    (row,) = csv.DictReader(io.StringIO(files["readers"]))
    assert (row["when"], row["right"], row["n"]) == ("last word", "1", "1")
    drawing = client_of(administrator).get(f"{PAGE}readers.svg?cohort={cohort.pk}")
    assert drawing["Content-Type"] == "image/svg+xml"


@pytest.mark.parametrize(("told_by", "kinds"), [("", 2), ("changes.csv", 2), ("readers.csv", 0)])
def test_sentinels_that_are_shown_one_by_one_are_written_down(
    read, cohort, administrator, client_of, says, model_version, told_by, kinds
) -> None:
    sentinel, _ordinary = read
    says(model_version, sentinel, "glioma")
    sentinel_worker.advance()
    assert client_of(administrator).get(f"{PAGE}{told_by}?cohort={cohort.pk}").status_code == 200
    shown = Disclosure.objects.filter(user=administrator).values_list("case", "kind")
    assert set(shown) == {(sentinel.pk, kind) for kind in ("truth", "network")[:kinds]}


def test_readers_are_closed_while_a_blinded_study_runs(
    mixed, under_protocol, submit, marked, administrator, client_of, cohort
) -> None:
    under_protocol(reading="blinded")
    marked(submit(ground_truth="glioma"))
    page = client_of(administrator).get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    assert "How readers do is closed until this blinded study ends" in page
    assert "Readers on the sentinels" not in page
    assert client_of(administrator).get(f"{PAGE}readers.csv?cohort={cohort.pk}").status_code == 404


def test_form_marks_cases_and_keeps_what_was_typed_where_they_do_not_fit(
    mixed, submit, administrator, colleague, stranger, client_of
) -> None:
    one, two, unknown = submit(1, ground_truth="glioma"), submit(2, ground_truth="glioma"), submit(3)
    address = f"{PAGE}mark/"
    given = {"cohort": mixed.pk, "act": "mark", "reason": "Known.", "codes": f"{one.code}, {unknown.code}"}
    browser = client_of(administrator)
    answer = browser.post(address, given)
    assert answer.status_code == 422
    assert f"They have no known class; set it first: {unknown.code}." in answer.content.decode()
    assert f"{one.code}, {unknown.code}</textarea>" in answer.content.decode()
    assert client_of(colleague).post(address, given).status_code == 403
    assert client_of(stranger).post(address, given).status_code == 403
    assert not Case.objects.filter(is_sentinel=True).exists()
    done = browser.post(address, given | {"codes": f"{one.code.lower()}\n{two.code}"}, follow=True)
    assert "2 cases were changed." in done.content.decode()
    assert set(Case.objects.filter(is_sentinel=True)) == {one, two}


def test_sentinel_is_not_moved_to_another_cohort(mixed, submit, marked, administrator, other_cohort) -> None:
    case = submit(ground_truth="glioma")
    marked(case)
    Membership.objects.create(user=administrator, cohort=other_cohort, role="administrator")
    done = plan(by=administrator, act=Move(other_cohort), codes=[case.code])
    assert [(group.reason, group.codes) for group in done.left_out] == [
        ("They are sentinels: take their marks off first.", (case.code,))
    ]
