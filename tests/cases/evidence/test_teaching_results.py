"""Results of trainees over time: what is counted, what was missed, and who is shown whose."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from cases.evidence.teaching import trainees_of
from cases.models import Case, Disclosure, TeachingRead

pytestmark = pytest.mark.both_databases

PAGE = "/dashboard/teaching/"
FIRST, SECOND = datetime(2026, 4, 15, 12, tzinfo=UTC), datetime(2026, 4, 22, 12, tzinfo=UTC)


@pytest.fixture
def answered(submit, analyse_as, under_protocol, monkeypatch):
    """Give answers as (known class, named class) on one day, each to a case of its own."""
    under_protocol(reading="teaching")
    monkeypatch.setattr(TeachingRead._meta.get_field("created_at"), "auto_now_add", False)

    def give(reader, at: datetime, *answers: tuple[str, str]) -> list[Case]:
        cases = []
        for truth, said in answers:
            case = submit(seed=Case.objects.count(), ground_truth=truth)
            analyse_as(case, "notumor")
            result = case.images.get().predictions.get()
            told = {"reader": reader, "prediction": result, "read_class": said, "confidence": 3}
            TeachingRead.objects.create(case=case, created_at=at, **told)
            cases.append(case)
        return cases

    return give


@pytest.fixture
def term(answered, colleague, second) -> list[Case]:
    """The colleague has two weeks, 1 of 2 right and then 2 of 3; the second reader was right once."""
    missed = answered(colleague, FIRST, ("glioma", "glioma"), ("glioma", "meningioma"))[1:]
    missed += answered(
        colleague, SECOND, ("glioma", "meningioma"), ("pituitary", "pituitary"), ("notumor", "notumor")
    )[:1]
    answered(second, SECOND, ("glioma", "glioma"))
    return missed


def test_weeks_and_misses_are_exact(term, cohort, administrator, colleague) -> None:
    first, other = trainees_of(cohort, to=administrator, everybody=True)
    assert [(week, each.hits, each.n) for week, each in first.weeks] == [
        (date(2026, 4, 13), 1, 2),
        (date(2026, 4, 20), 2, 3),
    ]
    assert first.missed == [("glioma", "meningioma", 2)]
    assert [read.case for read in first.newest] == term[::-1]
    assert (other.name, other.share.hits, other.missed) == ("Second", 1, [])
    assert [each.key for each in trainees_of(cohort, to=colleague, everybody=False)] == [colleague.pk]


def test_teacher_sees_everybody_and_that_is_written_down(
    term, cohort, administrator, colleague, client_of
) -> None:
    page = client_of(administrator).get(PAGE, {"cohort": cohort.pk}).content.decode()
    assert ">Colleague</h2>" in page
    assert ">Second</h2>" in page
    assert "Right: 3 of 5. Too few for a percentage" in page
    assert all(f'href="/cases/{case.code}/"' in page for case in term)
    shown = Disclosure.objects.filter(user=administrator, case__in=term)
    assert sorted(shown.values_list("kind", flat=True)) == ["peers", "peers", "truth", "truth"]


def test_trainee_sees_the_own_results_alone(term, cohort, colleague, second, client_of) -> None:
    browser = client_of(colleague)
    page = browser.get(PAGE, {"cohort": cohort.pk}).content.decode()
    assert ">Colleague</h2>" in page
    assert ">Second</h2>" not in page
    read = TeachingRead.objects.get(case=term[0])
    own = f"/cases/teaching/{term[0].code}/?read={read.pk}"
    assert f'href="{own}"' in page
    assert browser.get(own).status_code == 200
    table = browser.get(f"{PAGE}{colleague.pk}.csv", {"cohort": cohort.pk}).content.decode().splitlines()
    assert table[:2] == ["week_from,right,n,interval", "2026-04-13,1,2,9.5 to 90.5 %"]
    assert browser.get(f"{PAGE}{colleague.pk}.svg", {"cohort": cohort.pk}).status_code == 200
    for ending in ("csv", "svg"):
        assert browser.get(f"{PAGE}{second.pk}.{ending}", {"cohort": cohort.pk}).status_code == 404


def test_cohort_that_is_not_for_teaching_or_not_ones_own_is_not_there(
    cohort, colleague, stranger, owner, administrator, client_of, under_protocol
) -> None:
    asked = {"cohort": cohort.pk}
    assert client_of(colleague).get(PAGE, asked).status_code == 404
    under_protocol(reading="teaching")
    assert client_of(stranger).get(PAGE, asked).status_code == 404
    assert client_of(owner).get(PAGE, asked).status_code == 403
    assert client_of(colleague).get(PAGE, {"cohort": "none"}).status_code == 404
    page = client_of(administrator).get(PAGE, asked).content.decode()
    assert "Nobody has answered yet" in page
