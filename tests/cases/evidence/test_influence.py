"""What the reveal did to the readers: counted exactly, and never over simulated cases."""

import pytest

from cases.evidence.influence import reveal_tally
from cases.models import Case

pytestmark = pytest.mark.both_databases


def test_changes_are_counted_for_better_and_for_worse(
    submit, analyse_as, blinded, colleague, commit_as, review_as, administrator, client_of
) -> None:
    """The network says glioma to all: (committed, truth, final class)."""
    told = [
        ("meningioma", "glioma", "glioma"),  # for the better
        ("meningioma", "meningioma", "glioma"),  # for the worse
        ("meningioma", "pituitary", "glioma"),  # neither
        ("meningioma", "meningioma", "meningioma"),  # kept
        ("glioma", "glioma", "glioma"),  # kept
        ("meningioma", "glioma", "glioma"),  # simulated
    ]
    for seed, (before, truth, after) in enumerate(told):
        case = submit(seed=seed, ground_truth=truth, is_simulated=seed == 5)
        analyse_as(case)
        commit_as(colleague, case, before, active_seconds=10.0 * (seed + 1))
        review_as(colleague, Case.objects.get(pk=case.pk), corrected="" if after == "glioma" else after)
    tally = reveal_tally(blinded)
    assert tally is not None
    assert (tally.changed.hits, tally.changed.n, tally.changed.clusters) == (4, 6, 6)
    assert (tally.known, tally.for_better, tally.for_worse, tally.seconds) == (5, 1, 1, 35.0)
    Case.objects.update(state="reviewed")
    page = client_of(administrator).get("/dashboard/").content.decode()
    assert "4 of 6 reads ended in another class" in page
    assert "readers had committed an own read" in page


def test_cohort_that_sees_the_network_first_has_no_such_figure(
    reviewed_case, cohort, administrator, client_of
) -> None:
    assert reveal_tally(cohort) is None
    page = client_of(administrator).get("/dashboard/").content.decode()
    assert "Changed after the reveal" not in page
    assert "readers saw the network&#x27;s result before they judged it" in page or (
        "readers saw the network's result before they judged it" in page
    )
