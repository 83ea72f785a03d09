"""The pages on which a candidate runs in shadow, is held against its bounds, and is decided on."""

from __future__ import annotations

import pytest

from cases import audit
from cases.analysis import model_versions
from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.models import AcceptanceBounds, AuditEvent, Job, ModelVersion
from tests.cast import MANIFEST

PAGE = "/dashboard/networks/"


@pytest.fixture
def candidate(model_version, monkeypatch) -> ModelVersion:
    monkeypatch.setattr(model_versions.model_files, "verified", lambda *_named: None)
    audit.record(by=None, action=model_versions.ACTIVATED, subject=model_version, name=model_version.name)
    return ModelVersion.objects.create(
        name="candidate", weights_sha256="3" * 64, manifest=MANIFEST | {"id": "candidate"}, is_candidate=True
    )


@pytest.fixture
def root(make_person):
    person = make_person("root")
    person.is_superuser = True
    person.save()
    return person


@pytest.fixture
def frozen(submit, analyse_as, administrator, cohort, candidate):
    for seed in range(6):
        analyse_as(submit(seed=seed, ground_truth="glioma"), "glioma")
    snapshot = ask_for_snapshot(by=administrator, cohort=cohort)
    build_waiting()
    return snapshot


@pytest.fixture
def stated(client_of, administrator, cohort, candidate, frozen):
    def post(**changes):
        given = {
            "cohort": cohort.pk,
            "candidate": candidate.pk,
            "snapshot": frozen.pk,
            "standard": "known",
            "margin": "50",
            "least_n": "3",
            "recall_glioma": "30",
            "reason": "As the protocol says.",
        }
        return client_of(administrator).post(f"{PAGE}bounds/", given | changes)

    return post


@pytest.fixture
def shadowed(client_of, administrator, cohort, candidate, frozen, analyse_as) -> None:
    told = {"cohort": cohort.pk, "version": candidate.name}
    page = client_of(administrator).post(f"{PAGE}shadow/", told, follow=True).content.decode()
    assert "6 images are queued for candidate, in shadow." in page
    for case in cohort.cases.all():
        analyse_as(case, "glioma")


def test_way_from_shadow_to_promotion_and_back(
    stated, shadowed, client_of, administrator, root, cohort, candidate, model_version
) -> None:
    browser = client_of(administrator)
    assert "6 of 6" in browser.get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    address = stated()["Location"]
    page = browser.get(address).content.decode()
    assert "Open the comparison" in page
    assert "Bound by bound" not in page
    assert browser.get(f"{address.rstrip('/')}.csv").status_code == 404
    page = browser.post(f"{address}open/", follow=True).content.decode()
    assert "Every bound is met. On 6 cases (6 clusters by patient)" in page
    assert "Who administers the site promotes it here." in page
    assert 'value="promote"' not in page
    table = browser.get(f"{address.rstrip('/')}.csv").content.decode().splitlines()
    assert table == [
        "outcome,cases",
        "Both right,6",
        "Only candidate right,0",
        "Only test-cnn-1 right,0",
        "Both wrong,0",
    ]
    assert browser.get(f"{address.rstrip('/')}.svg")["Content-Type"] == "image/svg+xml"

    office = client_of(root)
    told = {"decision": "promote", "reason": "Every bound is met."}
    page = office.post(f"{address}decide/", told, follow=True).content.decode()
    assert "“candidate” is promoted: it is active." in page
    assert "Every bound is met. On 6 cases" in page
    assert ModelVersion.objects.get(is_active=True) == candidate
    back = {"cohort": cohort.pk, "version": candidate.name}
    assert "Go back to test-cnn-1" in office.get(f"{PAGE}?cohort={cohort.pk}").content.decode()
    assert browser.post(f"{PAGE}back/", back).status_code == 403
    assert "“test-cnn-1” is active again." in office.post(f"{PAGE}back/", back, follow=True).content.decode()
    assert ModelVersion.objects.get(is_active=True) == model_version


def test_refusal_takes_a_reason_and_stays(stated, shadowed, client_of, administrator) -> None:
    browser, address = client_of(administrator), stated(recall_glioma="99")["Location"]
    page = browser.post(f"{address}open/", follow=True).content.decode()
    assert "Not every bound is met." in page
    assert "this candidate can only be refused" in page
    answer = browser.post(f"{address}decide/", {"decision": "refuse", "reason": ""}, follow=True)
    assert "Say why the candidate is promoted, or refused." in answer.content.decode()
    browser.post(f"{address}decide/", {"decision": "refuse", "reason": "Recall is low."})
    page = browser.get(address).content.decode()
    assert "Recall is low." in page
    assert "<textarea" not in page
    assert AuditEvent.objects.get(action="model.refused").details["verdict"] == "not_met"
    assert browser.post(f"{address}decide/", {"decision": "perhaps"}).status_code == 404


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"reason": ""}, "Say why these bounds are the right ones."),
        ({"margin": "80"}, "less than or equal to 50"),
        ({"recall_glioma": "120"}, "less than or equal to 100"),
        ({"least_n": "0"}, "greater than or equal to 1"),
        ({"snapshot": "00000000-0000-0000-0000-000000000001"}, "Select a valid choice"),
    ],
)
def test_bounds_that_do_not_hold_are_shown_again(stated, changes, said) -> None:
    answer = stated(**changes)
    assert answer.status_code == 422
    assert said in answer.content.decode()
    assert not AcceptanceBounds.objects.exists()


def test_comparison_that_cannot_open_says_what_to_do(stated, client_of, administrator) -> None:
    address = stated()["Location"]
    page = client_of(administrator).post(f"{address}open/", follow=True).content.decode()
    assert "have it run in shadow, and wait" in page
    assert "Bound by bound" not in page


def test_only_administrators_of_the_cohort_see_or_do_anything(
    stated, shadowed, client_of, colleague, stranger, cohort, candidate
) -> None:
    address = stated()["Location"]
    reader, other = client_of(colleague), client_of(stranger)
    for browser, status in ((reader, 403), (other, 404)):
        assert browser.get(address).status_code == status
        assert browser.post(f"{address}open/").status_code == status
        assert (
            browser.post(f"{address}decide/", {"decision": "refuse", "reason": "No."}).status_code == status
        )
        assert browser.get(f"{address.rstrip('/')}.csv").status_code == status
    assert reader.get(f"{PAGE}?cohort={cohort.pk}").status_code == 403
    told = {"cohort": cohort.pk, "version": candidate.name}
    assert reader.post(f"{PAGE}shadow/", told).status_code == 403
    assert not AuditEvent.objects.filter(action="acceptance.opened").exists()


def test_page_of_a_site_without_candidates_says_where_they_come_from(
    administrator, client_of, model_version
) -> None:
    page = client_of(administrator).get(PAGE).content.decode()
    assert "manage.py models register" in page
    assert "State bounds" not in page
    assert not Job.objects.exists()
