"""The page on which a study administrator compares two network versions on one cohort."""

import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from cases.analysis import reanalysis
from cases.evidence import comparison
from cases.evidence.measures.proportions import clustered_share
from cases.models import Case, Job, Prediction

PAGE = "/dashboard/compare/"

# (truth, the first network's class, the second's): right and right, wrong and right, right and wrong, ...
IMAGES = [
    ("glioma", "glioma", "glioma"),
    ("glioma", "meningioma", "glioma"),
    ("meningioma", "glioma", "meningioma"),
    ("notumor", "notumor", "pituitary"),
    ("pituitary", "glioma", "notumor"),
]


@pytest.fixture
def add_pair(submit, analyse_as, model_version, newer_version, activate_only, cohort):
    """Analyse one more picture with both versions."""

    def add(truth: str, before: str, after: str, *, simulated=False, first=None, second=None):
        activate_only(model_version)
        case = submit(seed=Prediction.objects.count() + 1, ground_truth=truth, is_simulated=simulated)
        analyse_as(case, before, 0.6, **(first or {}))
        activate_only(newer_version)
        reanalysis.reanalyse(by=None, cohort=cohort)
        analyse_as(case, after, 0.8, **(second or {}))
        return case

    return add


@pytest.fixture
def activate_only():
    def activate(version):
        type(version).objects.update(is_active=False)
        type(version).objects.filter(pk=version.pk).update(is_active=True)

    return activate


@pytest.fixture
def compared(add_pair, cohort):
    for image in IMAGES:
        add_pair(*image)
    return cohort


def verdict(name: str) -> dict[str, object]:
    return {"gate_verdict": name, "gate_distance": 3.0}


def test_figures_are_exact(compared, model_version, newer_version):
    found = comparison.compare(compared, model_version, newer_version)
    assert (found.both, found.withheld) == (5, 0)
    assert (found.agreed.hits, found.agreed.n) == (1, 5)
    assert found.counts == {
        ("glioma", "glioma"): 1,
        ("meningioma", "glioma"): 1,
        ("glioma", "meningioma"): 1,
        ("notumor", "pituitary"): 1,
        ("glioma", "notumor"): 1,
    }
    assert (found.known.first.hits, found.known.second.hits, found.known.first.n) == (2, 3, 5)
    assert (found.known.better, found.known.worse, found.known.p_value) == (2, 1, 1.0)
    assert found.read is None


def test_cases_of_one_patient_belong_together(compared, model_version, newer_version) -> None:
    """Of one patient the newer network gains two cases and loses one; the others count by themselves."""
    Case.objects.exclude(ground_truth="pituitary").update(patient="one")
    found = comparison.compare(compared, model_version, newer_version).known
    assert (found.better, found.worse, found.p_value) == (2, 1, 1.0)
    assert found.first == clustered_share([(2, 4), (0, 1)])
    assert found.second == clustered_share([(3, 4), (0, 1)])


def test_turned_round_better_is_worse(compared, model_version, newer_version):
    found = comparison.compare(compared, newer_version, model_version)
    assert (found.known.better, found.known.worse) == (1, 2)
    assert found.counts["meningioma", "glioma"] == 1


def test_readers_last_word_is_compared_too(
    add_pair, review_as, colleague, cohort, model_version, newer_version
):
    case = add_pair("", "glioma", "meningioma")
    review_as(colleague, case, corrected="glioma")
    found = comparison.compare(cohort, model_version, newer_version)
    assert found.known is None
    assert (found.read.first.hits, found.read.second.hits, found.read.worse) == (1, 0, 1)


@pytest.mark.parametrize(
    ("marks", "both", "compared_n", "known_n"),
    [
        ({"first": verdict("refused")}, 1, 0, None),
        ({"second": verdict("refused")}, 1, 0, None),
        ({"second": verdict("uncertain")}, 1, 1, 1),
        ({"first": {"in_training": True}}, 1, 1, None),
        ({"second": {"in_training": True}}, 1, 1, None),
        ({"second": {"in_training": False}}, 1, 1, 1),
        ({"simulated": True}, 1, 1, None),
    ],
)
def test_what_proves_nothing_is_left_out(
    marks, both, compared_n, known_n, add_pair, cohort, model_version, newer_version
):
    add_pair("glioma", "glioma", "glioma", **marks)
    found = comparison.compare(cohort, model_version, newer_version)
    assert (found.both, found.agreed.n) == (both, compared_n)
    assert (found.known.first.n if found.known else None) == known_n


def test_refused_by_one_only_is_a_difference(add_pair, cohort, model_version, newer_version):
    add_pair("", "glioma", "meningioma", first=verdict("refused"), second=verdict("refused"))
    one = add_pair("", "glioma", "glioma", second=verdict("refused"))
    other = add_pair("", "glioma", "glioma", first=verdict("refused"))
    add_pair("", "glioma", "glioma")
    found = comparison.differing(cohort, model_version, newer_version)
    assert {each.image.case for each in found} == {one, other}


def test_other_cohorts_stay_out(compared, add_pair, other_cohort, model_version, newer_version) -> None:
    elsewhere = add_pair("glioma", "glioma", "pituitary")
    elsewhere.images.update(cohort=other_cohort)
    type(elsewhere).objects.filter(pk=elsewhere.pk).update(cohort=other_cohort)
    assert comparison.compare(compared, model_version, newer_version).both == 5
    listed = [each.image.case for each in comparison.differing(compared, model_version, newer_version)]
    assert len(listed) == 4
    assert elsewhere not in listed
    assert comparison.versions_in(other_cohort).count() == 2
    elsewhere.images.update(cohort=compared)
    assert not comparison.versions_in(other_cohort)


def test_image_with_one_result_is_no_pair(compared, submit, model_version, newer_version):
    submit(seed=99)
    assert comparison.compare(compared, model_version, newer_version).both == 5


def test_case_of_many_images_counts_once_by_each_networks_own_key_image(
    submit_many, analyse_as, activate_only, model_version, newer_version, cohort
) -> None:
    activate_only(model_version)
    case = submit_many(3, ground_truth="glioma")
    for position, said in enumerate((("notumor", 0.9), ("glioma", 0.8), ("notumor", 0.9))):
        analyse_as(case, *said, position=position)
    activate_only(newer_version)
    reanalysis.reanalyse(by=None, cohort=cohort)
    for position, said in enumerate((("meningioma", 0.7), ("glioma", 0.6), ("notumor", 0.9))):
        assert comparison.compare(cohort, model_version, newer_version).both == 0
        analyse_as(case, *said, position=position)
    found = comparison.compare(cohort, model_version, newer_version)
    assert (found.both, found.counts) == (1, {("glioma", "meningioma"): 1})
    assert (found.known.first.hits, found.known.second.hits, found.known.worse) == (1, 0, 1)
    assert [each.image.position for each in comparison.differing(cohort, model_version, newer_version)] == [0]


def test_page_shows_both_and_leads_to_the_cases(compared, administrator, client_of):
    client = client_of(administrator)
    assert f'href="{PAGE}?cohort={compared.pk}"' in client.get("/dashboard/").content.decode()
    page = client.get(PAGE, {"cohort": compared.pk}).content.decode()
    assert "Rows: test-cnn-1. Columns: test-cnn-2." in page
    assert "1 of 5 cases; 95 % interval" in page
    assert "Changed for the better: 2. Changed for the worse: 1." in page
    assert "Exact McNemar test, by patient or case: p = 1.000." in page
    differing = [case for case in compared.cases.all() if f"/cases/{case.code}/" in page]
    assert len(differing) == 4
    turned = client.get(PAGE, {"cohort": compared.pk, "first": "test-cnn-2", "second": "test-cnn-1"})
    assert "Rows: test-cnn-2. Columns: test-cnn-1." in turned.content.decode()


def test_refused_class_is_not_named(add_pair, cohort, administrator, client_of):
    add_pair("", "glioma", "pituitary", second=verdict("refused"))
    page = client_of(administrator).get(PAGE, {"cohort": cohort.pk}).content.decode()
    listed = page[page.index("Cases on which they differ") :]
    assert "Refused" in listed
    assert "Glioma" in listed
    assert "Pituitary" not in listed


def test_one_network_alone_is_said_to_be_alone(ready_case, cohort, administrator, client_of):
    client = client_of(administrator)
    assert PAGE not in client.get("/dashboard/").content.decode()
    page = client.get(PAGE, {"cohort": cohort.pk})
    assert "There are not two networks to compare" in page.content.decode()


def test_long_lists_are_paged(add_pair, cohort, administrator, client_of, monkeypatch):
    monkeypatch.setattr("cases.evidence.comparison_views.DIFFERING_A_PAGE", 2)
    for _ in range(3):
        add_pair("", "glioma", "pituitary")
    client = client_of(administrator)
    pages = [client.get(PAGE, {"cohort": cohort.pk, "page": number}).content.decode() for number in (1, 2)]
    assert [page.count('class="case-code mono"') for page in pages] == [2, 1]
    assert "Page 1 of 2" in pages[0]


def test_queries_do_not_grow_with_the_cohort(compared, add_pair, administrator, client_of):
    client = client_of(administrator)

    def queries() -> int:
        with CaptureQueriesContext(
            connection,
        ) as caught:
            assert client.get(PAGE, {"cohort": compared.pk}).status_code == 200
        return len(caught)

    queries()
    before = queries()
    for image in IMAGES:
        add_pair(*image)
    queries()  # which writes down what it shows for the first time
    assert queries() == before


@pytest.mark.parametrize("who", ["owner", "colleague", "exporter", "stranger"])
def test_others_are_refused(who, compared, request, client_of):
    assert client_of(request.getfixturevalue(who)).get(PAGE, {"cohort": compared.pk}).status_code == 403


def test_unknown_version_or_cohort_is_not_found(compared, other_cohort, administrator, client_of):
    client = client_of(administrator)
    assert client.get(PAGE, {"cohort": compared.pk, "first": "nonsense"}).status_code == 404
    assert client.get(PAGE, {"cohort": other_cohort.pk}).status_code == 404
    assert client.get(PAGE, {"cohort": uuid.uuid4()}).status_code == 404
    assert client.post(PAGE, {"cohort": compared.pk}).status_code == 405
    assert Job.objects.count() == 10
