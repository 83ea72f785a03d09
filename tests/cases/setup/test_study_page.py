"""Setting a study up on pages: a cohort, its plan, its known classes by file and by hand, and what is
missing.
"""

from datetime import timedelta

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils import timezone

from cases.models import AuditEvent, Case, Cohort, Disclosure, Membership
from cases.setup import reminders
from cases.setup.cohorts import Plan, change_plan
from cases.setup.progress import progress_of
from cases.setup.truth import patient_digest

pytestmark = pytest.mark.both_databases

PAGE = "/dashboard/study/"


@pytest.fixture
def three(submit) -> list[Case]:
    """One of known class, two without."""
    return [submit(seed=seed, ground_truth="glioma" if seed == 0 else "") for seed in range(3)]


def test_administrator_makes_a_cohort_and_administers_it(administrator, client_of) -> None:
    client = client_of(administrator)
    given = {"name": " East ", "description": "Second site.", "planned_readers": "4", "planned_cases": "50"}
    response = client.post(f"{PAGE}new/", given)
    cohort = Cohort.objects.get(name="East")
    assert response["Location"] == f"{PAGE}?cohort={cohort.pk}"
    assert (cohort.planned_readers, cohort.planned_cases, cohort.planned_until) == (4, 50, None)
    assert Membership.objects.get(cohort=cohort).role == "administrator"
    assert AuditEvent.objects.get(action="cohort.created").actor == administrator
    assert "things are missing before reading can begin" in client.get(response["Location"]).content.decode()
    again = client.post(f"{PAGE}new/", {"name": "East"})
    assert again.status_code == 422
    assert "There is a cohort of this name already." in again.content.decode()
    assert client.post(f"{PAGE}new/", {"name": ""}).status_code == 422
    assert Cohort.objects.count() == 2


def test_nobody_else_makes_a_cohort(colleague, exporter, client_of) -> None:
    for person in (colleague, exporter):
        assert client_of(person).post(f"{PAGE}new/", {"name": "East"}).status_code == 403
    assert Cohort.objects.count() == 1


def test_checklist_says_what_is_missing(
    cohort, administrator, colleague, submit, analyse_as, client_of
) -> None:
    client = client_of(administrator)
    case = submit(seed=1)
    page = client.get(PAGE).content.decode()
    assert "0 of 1 cases are analysed" in page
    assert "1 of 1 readers have joined" not in page  # the administrator may read here too
    assert "2 of 1 readers have joined" in page
    assert "1 thing is missing before reading can begin" in page
    analyse_as(case)
    assert "Reading can begin" in client.get(PAGE).content.decode()


def test_plan_is_settled_and_one_that_cannot_be_met_is_refused(
    cohort, administrator, client_of, under_protocol
) -> None:
    under_protocol(readers_required=2)
    client = client_of(administrator)
    until = timezone.localdate() + timedelta(days=30)
    given = {"cohort": str(cohort.pk), "planned_readers": 3, "planned_cases": 20, "planned_until": f"{until}"}
    assert client.post(f"{PAGE}plan/", given).status_code == 302
    cohort.refresh_from_db()
    assert (cohort.planned_readers, cohort.planned_cases, cohort.planned_until) == (3, 20, until)
    event = AuditEvent.objects.get(action="plan.changed")
    assert event.details == {"planned_readers": 3, "planned_cases": 20, "planned_until": f"{until}"}
    for wrong, words in (
        ({"planned_readers": 1}, "The protocol wants 2 readers a case"),
        ({"planned_until": "2020-01-01"}, "This day is over."),
        ({"planned_cases": 0}, "greater than or equal to 1"),
    ):
        refused = client.post(f"{PAGE}plan/", given | wrong)
        assert refused.status_code == 422
        assert words in refused.content.decode()
    cohort.refresh_from_db()
    assert cohort.planned_readers == 3


def test_progress_counts_what_remains_and_who_is_late(
    cohort, administrator, colleague, second, submit, analyse_as, review_as
) -> None:
    until = timezone.localdate() + timedelta(days=10)
    change_plan(by=administrator, cohort=cohort, plan=Plan(2, 3, until))
    for seed in range(2):
        case = submit(seed=seed)
        analyse_as(case)
        review_as(colleague, case)
    cohort.refresh_from_db()
    rows = {str(row.reader): row for row in progress_of(cohort)}
    read = rows["Colleague"]
    assert (read.read, read.lately, read.remaining, read.is_late) == (2, 2, 1, False)
    assert read.forecast == timezone.localdate() + timedelta(days=7)
    idle = rows["Second"]
    assert (idle.read, idle.remaining, idle.forecast, idle.is_late) == (0, 3, None, True)


def tried(client, cohort, text, name="truth.csv"):
    data = text if isinstance(text, bytes) else text.encode()
    return client.post(
        f"{PAGE}truth/try/", {"cohort": str(cohort.pk), "file": SimpleUploadedFile(name, data)}
    )


def test_file_is_tried_before_it_is_written(three, cohort, administrator, client_of) -> None:
    client = client_of(administrator)
    known, other, third = three
    text = (
        "case,known_class,patient\r\n"
        f"{known.code},meningioma,PATIENT-1\r\n{other.code.lower()},pituitary,PATIENT-1\r\n{third.code},,PATIENT-2\r\n"
    )
    page = tried(client, cohort, text)
    trial = page.context["trial"]
    assert ([entry.case for entry in trial.new], trial.same) == ([other.code, third.code], 0)
    assert [(entry.case, why) for entry, why in trial.contradicting] == [
        (known.code, "known as glioma, in the file meningioma")
    ]
    assert (trial.wrong, trial.unknown_left) == ([], 1)
    assert not Case.objects.filter(patient__gt="").exists()
    kept = page.context["form"].initial["kept"]
    given = {"cohort": str(cohort.pk), "kept": kept}
    refused = client.post(f"{PAGE}truth/write/", given)
    assert refused.status_code == 422
    assert "Say where the known classes are from." in refused.content.decode()
    client.post(f"{PAGE}truth/write/", given | {"reason": "Histology."})
    found = {case.code: (case.ground_truth, case.patient) for case in Case.objects.all()}
    assert found == {
        known.code: ("glioma", ""),
        other.code: ("pituitary", patient_digest(cohort, "PATIENT-1")),
        third.code: ("", patient_digest(cohort, "PATIENT-2")),
    }
    events = AuditEvent.objects.filter(action="truth.set")
    assert {(event.subject, event.details["before"], event.details["after"]) for event in events} == {
        (str(other.pk), "", "pituitary"),
        (str(third.pk), "", ""),
    }
    page = client.get(PAGE).content.decode()
    assert "Histology." in page
    assert "PATIENT-1" not in page
    gone = client.post(f"{PAGE}truth/write/", given | {"reason": "Again."}, follow=True)
    assert "What was tried is not there any more." in gone.content.decode()


def test_contradictions_are_replaced_only_where_that_is_said(three, cohort, administrator, client_of) -> None:
    client = client_of(administrator)
    page = tried(client, cohort, f"case;known_class\n{three[0].code};meningioma\n")
    given = {"cohort": str(cohort.pk), "kept": page.context["form"].initial["kept"], "reason": "Histology."}
    client.post(f"{PAGE}truth/write/", given | {"replace": "on"})
    three[0].refresh_from_db()
    assert three[0].ground_truth == "meningioma"
    same = tried(client, cohort, f"case,known_class\n{three[0].code},meningioma\n")
    assert "there is nothing to write" in same.content.decode()


BAD_FILES = [
    ("name,class\nA,glioma\n", "The first line names the columns"),
    ("", "The submitted file is empty."),
    ("case\nAAAA-AAAA\n", "The first line names the columns"),
    (b"case,known_class\n\xff\xfe,glioma\n", "not UTF-8 text"),
    (f'case,known_class\n"{"x" * 140_000}', "longer than a cell may be"),
]


def test_bad_file_is_refused_with_words(three, cohort, administrator, client_of) -> None:
    client = client_of(administrator)
    for text, words in BAD_FILES:
        response = tried(client, cohort, text)
        assert response.status_code == 422
        assert words in response.content.decode(), text
    code = three[1].code
    lines = (
        f"case,known_class\n{code},astrocytoma\nAAAA-AAAA,glioma\n{code},glioma\n{three[2].code},glioma,x\n"
    )
    page = tried(client, cohort, lines)
    assert [line for line, _why in page.context["trial"].wrong] == [2, 3, 4, 5]
    text = page.content.decode()
    assert "There is no class astrocytoma; known are glioma, meningioma, notumor, pituitary." in text
    assert "There is no case AAAA-AAAA in this cohort." in text
    assert "stands in the file twice" in text
    assert "more cells than columns" in text
    assert not AuditEvent.objects.filter(action="truth.set").exists()


def test_one_case_is_set_by_hand_with_who_and_why(three, cohort, administrator, client_of) -> None:
    client = client_of(administrator)
    given = {"cohort": str(cohort.pk), "case": three[0].code.lower(), "known_class": "pituitary"}
    assert client.post(f"{PAGE}truth/", given).status_code == 422
    client.post(f"{PAGE}truth/", given | {"reason": "Second pathologist."})
    three[0].refresh_from_db()
    assert three[0].ground_truth == "pituitary"
    event = AuditEvent.objects.get(action="truth.set")
    assert event.details == {"before": "glioma", "after": "pituitary", "reason": "Second pathologist."}
    refused = client.post(f"{PAGE}truth/", given | {"case": "ZZZZ-ZZZZ", "reason": "x"})
    assert refused.status_code == 422
    assert "There is no case ZZZZ-ZZZZ in this cohort." in refused.content.decode()


def test_template_lists_the_cases(three, cohort, administrator, client_of) -> None:
    text = client_of(administrator).get(f"{PAGE}truth/template.csv").content.decode()
    codes = [case.code for case in three]
    lines = ["case,known_class,patient,sentinel", f"{codes[0]},glioma,,", f"{codes[1]},,,", f"{codes[2]},,,"]
    assert text == "\r\n".join([*lines, ""])


def test_sentinels_are_marked_by_the_file_and_the_trial_says_which(
    three, cohort, administrator, client_of, under_protocol
) -> None:
    under_protocol(reveals_ground_truth=False, has_sentinels=True)
    client, (known, other, third) = client_of(administrator), three
    text = (
        f"case,known_class,sentinel\n{known.code},,yes\n{other.code},pituitary,YES\n{third.code},glioma,no\n"
    )
    page = tried(client, cohort, text)
    trial = page.context["trial"]
    assert [entry.case for entry in trial.new] == [known.code, other.code, third.code]
    assert (trial.marked, trial.unmarked, trial.wrong) == (2, 0, [])
    assert "Cases that become sentinels" in page.content.decode()
    assert not Case.objects.filter(is_sentinel=True).exists()
    given = {"cohort": str(cohort.pk), "kept": page.context["form"].initial["kept"], "reason": "Biopsy."}
    client.post(f"{PAGE}truth/write/", given)
    assert set(Case.objects.filter(is_sentinel=True)) == {known, other}
    marked = AuditEvent.objects.filter(action="sentinel.marked")
    told = {(event.subject, event.details["reason"]) for event in marked}
    assert told == {(str(known.pk), "Biopsy."), (str(other.pk), "Biopsy.")}
    written = {event.subject for event in AuditEvent.objects.filter(action="truth.set")}
    assert written == {str(other.pk), str(third.pk)}
    template = client.get(f"{PAGE}truth/template.csv").content.decode()
    assert f"{known.code},glioma,,yes\r\n" in template
    page = tried(client, cohort, f"case,sentinel\n{known.code},no\n{other.code},yes\n{third.code},\n")
    trial = page.context["trial"]
    assert (trial.marked, trial.unmarked, trial.same) == (0, 1, 2)
    client.post(f"{PAGE}truth/write/", given | {"kept": page.context["form"].initial["kept"]})
    assert set(Case.objects.filter(is_sentinel=True)) == {other}


def test_sentinels_that_do_not_fit_are_named_line_by_line_and_nothing_is_written(
    three, cohort, administrator, colleague, client_of, under_protocol, analyse_as, review_as
) -> None:
    client, (known, other, third) = client_of(administrator), three
    page = tried(client, cohort, f"case,sentinel\n{known.code},yes\n")
    assert "The protocol has no sentinels: say in it that they may be mixed in." in page.content.decode()
    under_protocol(reveals_ground_truth=False, has_sentinels=True)
    analyse_as(third)
    review_as(colleague, third)
    text = f"case,known_class,sentinel\n{known.code},,maybe\n{other.code},,yes\n{third.code},glioma,yes\n"
    page = tried(client, cohort, text)
    assert page.context["trial"].wrong == [
        (2, "Say yes or no under sentinel, or leave it empty. Received: maybe"),
        (3, f"{other.code} is to be a sentinel and has no known class: say it."),
        (4, f"The reading of {third.code} has begun, so that it stays sentinel or ordinary."),
    ]
    assert not Case.objects.filter(is_sentinel=True).exists()
    assert set(Case.objects.filter(ground_truth="glioma")) == {known}


def test_sentinel_whose_other_class_is_not_replaced_is_not_marked_either(
    three, cohort, administrator, client_of, under_protocol
) -> None:
    under_protocol(reveals_ground_truth=False, has_sentinels=True)
    client, known = client_of(administrator), three[0]
    page = tried(client, cohort, f"case,known_class,sentinel\n{known.code},pituitary,yes\n")
    assert page.context["trial"].marked == 1
    given = {"cohort": str(cohort.pk), "kept": page.context["form"].initial["kept"], "reason": "Biopsy."}
    client.post(f"{PAGE}truth/write/", given)
    known.refresh_from_db()
    assert (known.ground_truth, known.is_sentinel) == ("glioma", False)
    page = tried(client, cohort, f"case,known_class,sentinel\n{known.code},pituitary,yes\n")
    kept = page.context["form"].initial["kept"]
    client.post(f"{PAGE}truth/write/", given | {"kept": kept, "replace": "on"})
    known.refresh_from_db()
    assert (known.ground_truth, known.is_sentinel) == ("pituitary", True)


def shown_to(person) -> set[str]:
    return set(Disclosure.objects.filter(user=person, kind="truth").values_list("case__code", flat=True))


def test_whoever_says_a_known_class_or_is_told_one_knows_it_from_then_on(
    three, cohort, administrator, make_person, client_of, api_of
) -> None:
    known, other, third = three
    people = {
        name: make_person(name, cohort, "administrator") for name in ("file", "rest", "tried", "page", "hand")
    }
    Case.objects.filter(pk=third.pk).update(ground_truth="pituitary")
    client_of(people["file"]).get(f"{PAGE}truth/template.csv")
    assert shown_to(people["file"]) == {known.code, third.code}
    tried(client_of(people["tried"]), cohort, f"case,known_class\n{known.code},meningioma\n")
    assert shown_to(people["tried"]) == {known.code}
    entries = [{"case": third.code, "known_class": "glioma"}]
    given = {"entries": entries, "reason": "x", "dry_run": True}
    api_of(people["rest"]).post(f"/api/v1/cohorts/{cohort.pk}/truth/", given, format="json")
    assert shown_to(people["rest"]) == {third.code}
    by_hand = {"cohort": str(cohort.pk), "case": other.code, "known_class": "glioma", "reason": "Histology."}
    client_of(people["hand"]).post(f"{PAGE}truth/", by_hand)
    assert shown_to(people["hand"]) == {other.code}
    client_of(people["page"]).get(PAGE, {"cohort": cohort.pk})
    assert shown_to(people["page"]) == {other.code}
    assert shown_to(administrator) == set()


def test_patient_digest_links_nobody_across_cohorts(cohort, other_cohort) -> None:
    assert patient_digest(cohort, " PATIENT-1 ") == patient_digest(cohort, "PATIENT-1")
    assert patient_digest(cohort, "PATIENT-1") != patient_digest(other_cohort, "PATIENT-1")
    assert patient_digest(cohort, "PATIENT-1") != patient_digest(cohort, "PATIENT-2")
    assert patient_digest(cohort, "  ") == ""


def test_nothing_of_it_is_others(three, cohort, colleague, stranger, client_of) -> None:
    for person in (colleague, stranger):
        client = client_of(person)
        assert client.get(PAGE, {"cohort": cohort.pk}).status_code == 403
        for path in ("plan/", "truth/", "truth/try/", "truth/write/"):
            assert client.post(f"{PAGE}{path}", {"cohort": str(cohort.pk)}).status_code == 403
    assert not AuditEvent.objects.filter(action__in=("truth.set", "plan.changed")).exists()


def test_reader_is_reminded_by_mail_in_the_own_language(
    cohort, administrator, colleague, client_of, mailoutbox
) -> None:
    client = client_of(administrator)
    given = {"cohort": str(cohort.pk), "reader": str(colleague.pk)}
    nothing = client.post(f"{PAGE}remind/", given, follow=True)
    assert "there is nothing to remind of" in nothing.content.decode()
    until = timezone.localdate() + timedelta(days=10)
    change_plan(by=administrator, cohort=cohort, plan=Plan(1, 5, until))
    colleague.language = "de"
    colleague.save()
    assert "Remind by mail" in client.get(PAGE).content.decode()
    told = client.post(f"{PAGE}remind/", given, follow=True)
    assert "Colleague was reminded by mail." in told.content.decode()
    (mail,) = mailoutbox
    assert mail.to == [colleague.email]
    assert "5 Fälle" in mail.body
    assert f"http://testserver/cases/?cohort={cohort.pk}&awaits=me" in mail.body
    event = AuditEvent.objects.get(action="reader.reminded")
    assert (event.subject, event.details) == (str(colleague.pk), {"remaining": 5})
    assert client.post(f"{PAGE}remind/", given | {"reader": "x"}).status_code == 404
    assert client_of(colleague).post(f"{PAGE}remind/", given).status_code == 403
    assert len(mailoutbox) == 1


def test_mail_that_cannot_be_sent_is_said(cohort, administrator, colleague, client_of, monkeypatch) -> None:
    def refuse(*_args) -> None:
        raise OSError

    monkeypatch.setattr(reminders, "send_mail", refuse)
    change_plan(by=administrator, cohort=cohort, plan=Plan(1, 5, None))
    given = {"cohort": str(cohort.pk), "reader": str(colleague.pk)}
    page = client_of(administrator).post(f"{PAGE}remind/", given, follow=True).content.decode()
    assert "The mail server did not take the mail." in page
    assert not AuditEvent.objects.filter(action="reader.reminded").exists()
