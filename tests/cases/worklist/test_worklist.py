"""The worklist: what is on it, how it is narrowed, what it costs, and the way to the next case."""

import re

import pytest
from django.contrib.messages import get_messages
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cases.lifecycle import JobStatus
from cases.models import Case, Claim, Image, Job
from cases.permissions import require_reader
from cases.reading.claims import claim_case

WORKLIST = "/cases/"


def codes_on(response) -> list[str]:
    return [row.case.code for row in response.context["rows"]]


def test_home_leads_to_the_worklist(client) -> None:
    response = client.get("/")
    assert (response.status_code, response["Location"]) == (302, WORKLIST)


def test_worklist_lists_newest_first_with_class_and_percent(submit, analyse_as, colleague, client_of) -> None:
    older, newer = submit(seed=1), submit(seed=2, is_simulated=True)
    analyse_as(older, predicted="meningioma", probability=0.61)
    response = client_of(colleague).get(WORKLIST)
    assert codes_on(response) == [newer.code, older.code]
    row = response.context["rows"][1]
    assert (row.predicted_class, row.predicted_label, row.percent) == ("meningioma", "Meningioma", "61 %")
    page = response.content.decode()
    assert page.count('data-state="simulated"') == 1
    assert page.count('data-class="meningioma"') == 1


def test_nearly_certain_is_not_shown_as_certain(submit, analyse_as, colleague, client_of) -> None:
    analyse_as(submit(), probability=0.9999)
    assert client_of(colleague).get(WORKLIST).context["rows"][0].percent == "> 99 %"


def test_row_tells_what_the_gate_says_and_no_certainty_of_what_it_refuses(
    submit, analyse_as, colleague, client_of
) -> None:
    analyse_as(submit(seed=1), gate_verdict="refused", gate_distance=9.0)
    analyse_as(submit(seed=2), gate_verdict="uncertain", gate_distance=2.0)
    rows = client_of(colleague).get(WORKLIST).context["rows"]
    assert [(row.gate_verdict, row.predicted_class, row.percent) for row in rows] == [
        ("uncertain", "glioma", "70 %"),
        ("refused", "glioma", ""),
    ]


def test_worklist_of_stranger_is_empty_and_shows_a_way_on(ready_case, stranger, client_of) -> None:
    response = client_of(stranger).get(WORKLIST)
    assert codes_on(response) == []
    page = response.content.decode()
    assert "No cases yet" in page
    assert reverse("cases:upload") in page


def test_worklist_of_member_of_nothing_says_whom_to_ask(make_person, client_of) -> None:
    page = client_of(make_person("newcomer")).get(WORKLIST).content.decode()
    assert "Ask a study administrator" in page
    assert reverse("cases:upload") not in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"analysis": "queued"}, {"queued"}),
        ({"analysis": "succeeded"}, {"ready", "other"}),
        ({"found": "glioma"}, {"ready"}),
        ({"found": "pituitary"}, set()),
        ({"state": "reviewed"}, {"other"}),
        ({"state": "open", "analysis": "succeeded"}, {"ready"}),
        ({"text": "nOrth"}, {"ready", "queued", "other"}),
        ({"text": "no such"}, set()),
        ({"state": "nonsense", "page": "0", "cohort": "x"}, {"ready", "queued", "other"}),
    ],
)
def test_filter_narrows_the_worklist(
    query, expected, submit, analyse_as, review_as, colleague, client_of
) -> None:
    cases = {"queued": submit(seed=1), "ready": submit(seed=2), "other": submit(seed=3)}
    analyse_as(cases["ready"])
    analyse_as(cases["other"], predicted="meningioma")
    review_as(colleague, cases["other"])
    response = client_of(colleague).get(WORKLIST, query)
    assert set(codes_on(response)) == {cases[name].code for name in expected}
    if not expected:
        assert "No case fits these filters" in response.content.decode()


def test_search_finds_a_code(submit, colleague, client_of) -> None:
    wanted = submit(seed=1)
    submit(seed=2)
    assert codes_on(client_of(colleague).get(WORKLIST, {"text": wanted.code[:6].lower()})) == [wanted.code]


@pytest.mark.parametrize(
    ("text", "is_found"),
    [
        ("K1QF-2M0D", True),
        ("k1qf2m0d", True),
        ("klqf-2mod", True),  # read out: there is no L, and no O
        ("K1Q", True),
        ("K1QF-", True),
        ("K1QF-2", True),
        ("-2m0", True),
        ("1QF-2", False),
        ("1QF", False),
        ("K1R", False),
        ("2M1", False),
        ("2M0D", True),
        ("K1QF-2M0", True),
        ("K1QF-2M0DX", False),
        ("QF2M", False),
        ("K1QU", False),
        ("K1QF 2M0D", False),
        ("%", False),
    ],
)
def test_case_is_found_by_the_beginning_of_its_code_or_of_the_second_half(
    text, is_found, submitted_case, colleague, client_of
) -> None:
    Case.objects.filter(pk=submitted_case.pk).update(code="K1QF-2M0D")
    assert codes_on(client_of(colleague).get(WORKLIST, {"text": text})) == ["K1QF-2M0D"] * is_found


@pytest.mark.parametrize("text", ["ZZZZ-9ZZZ", "Z", "ZZZZ-", "ZZZZ-9", "ZZZZ-9ZZ", "9", "9Z", "9ZZZ"])
def test_beginning_that_ends_with_the_last_letter_is_found(
    text, submitted_case, colleague, client_of
) -> None:
    Case.objects.filter(pk=submitted_case.pk).update(code="ZZZZ-9ZZZ")
    assert codes_on(client_of(colleague).get(WORKLIST, {"text": text})) == ["ZZZZ-9ZZZ"]


def test_beginning_that_many_codes_have_finds_them_all(submit, colleague, client_of, monkeypatch) -> None:
    monkeypatch.setattr("cases.worklist.filters._FEW", 1)
    codes = ["K1QF-2M0D", "K1QG-2M0D", "A1QF-K1Q0"]
    for seed, code in enumerate(codes):
        Case.objects.filter(pk=submit(seed=seed).pk).update(code=code)
    Case.objects.filter(pk=submit(seed=9).pk).update(code="AK1Q-2M0D")
    assert set(codes_on(client_of(colleague).get(WORKLIST, {"text": "k1q"}))) == set(codes)


def test_counts_are_those_of_the_chosen_cohort(
    ready_case, review_as, submit, colleague, cohort, client_of
) -> None:
    submit(seed=1)
    review_as(colleague, ready_case)
    response = client_of(colleague).get(WORKLIST, {"cohort": cohort.pk, "state": "open"})
    counts = {str(state): count.n for state, _, count in response.context["counts"]}
    assert counts == {"open": 1, "in_review": 0, "disputed": 0, "reviewed": 1, "closed": 0}
    assert response.context["total"].n == 2


def test_foreign_cohort_cannot_be_chosen(ready_case, other_cohort, colleague, client_of) -> None:
    response = client_of(colleague).get(WORKLIST, {"cohort": other_cohort.pk})
    assert codes_on(response) == [ready_case.code]
    assert other_cohort.name not in response.content.decode()


def test_pages_follow_each_other_and_keep_the_filter(ready_case, owner, cohort, colleague, client_of) -> None:
    Case.objects.bulk_create(Case(cohort=cohort, created_by=owner) for _ in range(60))
    client = client_of(colleague)
    first = client.get(WORKLIST, {"state": "open"})
    last_code = codes_on(first)[-1]
    assert len(codes_on(first)) == 50
    assert f'href="?state=open&amp;after={last_code}"' in first.content.decode()
    second = client.get(WORKLIST, {"after": last_code, "state": "open"})
    in_order = list(Case.objects.order_by("-created_at", "-id").values_list("code", flat=True))
    assert codes_on(second) == in_order[50:]
    back = client.get(WORKLIST, {"before": codes_on(second)[0], "state": "open"})
    assert codes_on(back) == in_order[:50]
    page = second.content.decode()
    assert 'rel="prev"' in page
    assert 'rel="next"' not in page


def test_worklist_takes_twelve_queries_at_the_most_however_many_cases(
    submit, analyse_as, owner, cohort, colleague, client_of
) -> None:
    client = client_of(colleague)

    def cost(**query: str) -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(WORKLIST, query).status_code == 200
        return len(queries)

    analyse_as(submit(seed=1))
    cost()  # which writes down what it shows for the first time
    one = cost()
    cases = Case.objects.bulk_create(Case(cohort=cohort, created_by=owner) for _ in range(300))
    assert cost() <= one  # one less where no row shows a class
    assert one <= 12
    for query in ({"sort": "state"}, {"sort": "certainty"}, {"found": "glioma"}):
        assert cost(**query) <= 12
    assert cost(after=cases[150].code) <= 13  # which looks up the case that the page begins behind


def test_numbers_are_counted_no_further_than_anybody_reads(
    ready_case, owner, cohort, colleague, client_of, monkeypatch
) -> None:
    monkeypatch.setattr("cases.worklist.counts.COUNTED", 10)
    Case.objects.bulk_create(Case(cohort=cohort, created_by=owner) for _ in range(11))
    page = client_of(colleague).get(WORKLIST).content.decode()
    assert "more than 10 cases, newest first" in page
    assert ">10+</span>" in page
    assert "1 case waits for your reading." in page


def test_column_that_sorts_says_so_and_offers_the_other_way(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    page = client.get(WORKLIST, {"state": "open"}).content.decode()
    assert page.count("aria-sort=") == 1
    assert 'href="?state=open&amp;sort=received"' in page
    assert 'href="?state=open&amp;sort=-priority"' in page
    page = client.get(WORKLIST, {"sort": "certainty"}).content.decode()
    assert 'aria-sort="ascending"' in page
    assert 'href="?sort=-certainty"' in page


def test_technologist_is_offered_no_order_by_certainty(ready_case, owner, client_of) -> None:
    page = client_of(owner).get(WORKLIST, {"sort": "certainty"}).content.decode()
    assert 'value="certainty"' not in page
    assert "newest first" in page


# --- Who reads ------------------------------------------------------------------


def test_readers_are_told_that_somebody_reads_and_administrators_who(
    ready_case, colleague, second, administrator, client_of
) -> None:
    claim_case(reader=require_reader(second, Case.objects.select_related("cohort", "protocol").get()))
    assert "Somebody reads it, until" in client_of(colleague).get(WORKLIST).content.decode()
    assert "Second reads" not in client_of(colleague).get(WORKLIST).content.decode()
    assert "You read it, until" in client_of(second).get(WORKLIST).content.decode()
    assert "Second reads it, until" in client_of(administrator).get(WORKLIST).content.decode()


def test_given_cases_are_named_to_their_reader_and_to_administrators(
    ready_case, colleague, second, administrator, client_of
) -> None:
    ready_case.assignments.create(reader=second, assigned_by=administrator)
    assert "Given to you" in client_of(second).get(WORKLIST).content.decode()
    page = client_of(colleague).get(WORKLIST).content.decode()
    assert "Given to others" in page
    assert "Given to Second" not in page
    assert "Given to Second" in client_of(administrator).get(WORKLIST).content.decode()


# --- Live state -----------------------------------------------------------------


def test_worklist_asks_often_while_pending_seldom_while_open_and_never_once_over(
    submitted_case, analyse_as, colleague, review_as, client_of
) -> None:
    client = client_of(colleague)
    code = f'<input type="hidden" name="c" value="{submitted_case.code}">'
    waiting = client.get(WORKLIST).content.decode()
    assert waiting.count(code) == 1
    assert 'hx-trigger="every 2s, ' in waiting
    analyse_as(submitted_case)
    ready = client.get(WORKLIST).content.decode()
    assert ready.count(code) == 1
    assert 'hx-trigger="every 15s, ' in ready
    review_as(colleague, submitted_case)
    over = client.get(WORKLIST).content.decode()
    assert 'name="c"' not in over
    assert 'hx-trigger="rows-changed from:body"' in over


def seen_by(page: str) -> str:
    found = re.search(r'name="seen" value="([0-9a-f]{64})"', page)
    assert found is not None
    return found[1]


def test_page_that_has_seen_everything_is_sent_nothing(ready_case, second, colleague, client_of) -> None:
    client = client_of(colleague)
    asked = {"c": ready_case.code, "seen": seen_by(client.get(WORKLIST).content.decode())}
    assert client.get("/cases/live/", asked).status_code == 204
    claim_case(reader=require_reader(second, Case.objects.select_related("cohort", "protocol").get()))
    answer = client.get("/cases/live/", asked)
    assert answer.status_code == 200
    page = answer.content.decode()
    assert f'id="readers-{ready_case.code}" hx-swap-oob="true"' in re.sub(r"\s+", " ", page)
    assert "Somebody reads it, until" in page
    assert client.get("/cases/live/", asked | {"seen": seen_by(page)}).status_code == 204


def test_live_answer_counts_within_the_filters_and_ends_with_the_case(
    ready_case, submit, colleague, review_as, client_of
) -> None:
    submit(seed=1)
    review_as(colleague, ready_case)
    answer = client_of(colleague).get("/cases/live/", {"c": ready_case.code, "analysis": "succeeded"})
    assert answer.context["live_codes"] == []
    assert (answer.context["total"].n, answer.context["fitting"].n) == (1, 1)


def test_live_counts_headings_and_rows_tell_one_story(
    ready_case, submit, colleague, review_as, client_of
) -> None:
    other, client = submit(seed=1), client_of(colleague)
    page = client.get(WORKLIST, {"state": "open"})
    asked = {"c": [ready_case.code, other.code], "state": "open", "on_page": page.context["on_page"]}
    same = client.get("/cases/live/", asked)
    assert "other cases belong" not in same.content.decode()
    review_as(colleague, ready_case)
    answer = client.get("/cases/live/", asked)
    said = answer.content.decode()
    assert (answer.context["fitting"].n, str(answer.context["awaiting"])) == (1, "0")
    assert re.search(r'id="tally-open"\s+hx-swap-oob="true">1<', said)
    assert re.search(r'id="fitting"[^>]*>\s*1 case, newest first', said)
    # The row stays under the hand, with its new state; that it belongs here no more is said.
    assert f'id="state-{ready_case.code}"' in said
    assert "The list has changed" in said
    assert 'href="/cases/?state=open"' in said
    # Nothing waits any more: the button that would begin goes with the number.
    assert 'id="worklist-start"' in said
    assert "data-start" not in said


def test_columns_are_kept_in_the_browser_and_an_unknown_one_is_none(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    assert client.get(WORKLIST).context["hidden_columns"] == []
    shown = ["picture", "received", "found", "analysis", "nonsense"]
    answer = client.post("/cases/columns/", {"column": shown, "back": "state=open"})
    assert (answer.status_code, answer["Location"]) == (302, "/cases/?state=open")
    page = client.get(WORKLIST)
    assert page.context["hidden_columns"] == ["priority", "cohort", "readers"]
    assert 'data-hides="priority cohort readers"' in page.content.decode()
    away = client.post("/cases/columns/", {"back": "//elsewhere.example/"})
    assert away["Location"].startswith(f"{WORKLIST}?")
    client.cookies["worklist-hides"] = "case.state.nonsense"
    assert client.get(WORKLIST).context["hidden_columns"] == []


def test_filters_act_as_they_are_chosen_and_by_a_button_without_scripts(
    ready_case, colleague, client_of
) -> None:
    page = client_of(colleague).get(WORKLIST).content.decode()
    form = re.search(r'<form class="filters".*?</form>', page, re.DOTALL)
    assert form
    for part in ('hx-get="/cases/"', 'hx-trigger="input', 'hx-push-url="true"', 'autocomplete="off"'):
        assert part in form[0]
    assert '<button class="button" type="submit" data-no-script>' in form[0]
    # What it swaps by name is there.
    for name in re.findall(
        r"#([\w-]+)", " ".join(re.findall(r'hx-(?:target|select|select-oob)="([^"]+)"', form[0]))
    ):
        assert page.count(f'id="{name}"') == 1, name


def test_live_answer_holds_nothing_of_foreign_cases(ready_case, stranger, client_of) -> None:
    answer = client_of(stranger).get("/cases/live/", {"c": ready_case.code})
    assert answer.context["rows"] == []


def test_states_end_the_asking_once_nothing_is_pending(
    submitted_case, analyse_as, colleague, client_of
) -> None:
    client, address = client_of(colleague), reverse("cases:states")
    before = client.get(address, {"c": submitted_case.code}).content.decode()
    assert 'data-state="queued"' in before
    assert 'hx-trigger="every 2s"' in before
    analyse_as(submitted_case)
    after = client.get(address, {"c": submitted_case.code}).content.decode()
    assert 'data-state="succeeded"' in after
    assert f'id="result-{submitted_case.code}"' in after
    assert "Glioma" in after
    assert "hx-trigger" not in after


def test_states_answer_a_hundred_codes_at_the_most(
    owner, cohort, colleague, client_of, model_version
) -> None:
    cases = Case.objects.bulk_create(Case(cohort=cohort, created_by=owner) for _ in range(101))
    response = client_of(colleague).get(reverse("cases:states"), {"c": [case.code for case in cases]})
    assert len(response.context["rows"]) == 100


def test_case_without_analysis_says_so(owner, cohort, colleague, client_of, model_version) -> None:
    case = Case.objects.create(cohort=cohort, created_by=owner)
    page = client_of(colleague).get(WORKLIST).content.decode()
    assert case.code in page
    assert "None" in page


# --- Next -----------------------------------------------------------------------


def test_next_leads_to_the_oldest_waiting_case_and_behind_the_given_one(
    submit, analyse_as, colleague, client_of
) -> None:
    first, second = submit(seed=1), submit(seed=2)
    analyse_as(first)
    analyse_as(second)
    client, address = client_of(colleague), reverse("cases:next")
    assert client.get(address)["Location"] == reverse("cases:case", args=[first.code])
    assert client.get(address, {"after": first.code})["Location"] == reverse("cases:case", args=[second.code])


@pytest.mark.parametrize("way", ["get", "post"])
def test_script_that_goes_on_has_the_page_itself_with_its_address(
    way, submit, analyse_as, colleague, client_of
) -> None:
    first, second = submit(seed=1), submit(seed=2)
    analyse_as(first)
    analyse_as(second)
    client, there = client_of(colleague), reverse("cases:case", args=[second.code])
    script = {"X-Requested-With": "XMLHttpRequest"}
    assert client.head(reverse("cases:next"), {"after": first.code}, headers=script)["Location"] == there
    assert not Claim.objects.exists()
    response = getattr(client, way)(reverse("cases:next"), {"after": first.code}, headers=script)
    assert (response.status_code, response["Content-Location"]) == (200, there)
    assert response.context["case"] == second
    assert Claim.objects.get(reader=colleague).case == second
    # All that it says of its address is the page's own, such as where a form leads back to.
    assert response.content.decode().count(f'name="next" value="{there}"') == 2
    whole = client.get(there)
    assert whole.context["viewer"].data == response.context["viewer"].data
    assert "Content-Location" not in whole


def test_next_at_the_end_of_the_list_says_so(ready_case, colleague, client_of) -> None:
    response = client_of(colleague).get(reverse("cases:next"), {"after": ready_case.code})
    assert response["Location"] == WORKLIST
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "No other case waits for your reading. New ones appear here once analysed."
    ]


@pytest.mark.parametrize("way", ["get", "post"])
def test_next_behind_a_case_out_of_reach_begins_anew_and_tells_nothing_of_it(
    way, ready_case, submit, analyse_as, other_cohort, colleague, client_of
) -> None:
    analyse_as(left := submit(seed=3))
    Case.objects.filter(pk=left.pk).update(cohort=other_cohort)
    client = client_of(colleague)
    for code in (left.code, "0000-0000"):
        response = getattr(client, way)(reverse("cases:next"), {"after": code})
        assert response["Location"] == reverse("cases:case", args=[ready_case.code])
        assert [str(message) for message in get_messages(response.wsgi_request)][-1:] == [
            "The case before is not there any more, or not yours to see."
        ]


def test_next_behind_a_foreign_case_leads_a_stranger_nowhere(ready_case, stranger, client_of) -> None:
    response = client_of(stranger).get(reverse("cases:next"), {"after": ready_case.code})
    assert response["Location"] == WORKLIST


def test_technologist_is_offered_no_reading(ready_case, owner, client_of) -> None:
    page = client_of(owner).get(WORKLIST).content.decode()
    assert "Start reading" not in page


# --- Retry ----------------------------------------------------------------------


@pytest.fixture
def failed_case(submitted_case):
    Job.objects.update(status=JobStatus.FAILED, error_code="time_limit", error_message="It took too long.")
    return submitted_case


def test_failed_analysis_says_why_and_is_queued_again(
    failed_case, owner, client_of, enqueued, django_capture_on_commit_callbacks
) -> None:
    client = client_of(owner)
    assert "It took too long." in client.get(WORKLIST).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        response = client.post(reverse("cases:retry", args=[failed_case.code]))
    job = Job.objects.get()
    assert (response.status_code, response["Location"]) == (302, f"/cases/{failed_case.code}/")
    assert (job.status, job.error_message) == (JobStatus.QUEUED, "")
    assert enqueued == [job.pk]


def test_retry_by_htmx_swaps_the_row_and_asks_again(failed_case, owner, client_of) -> None:
    response = client_of(owner).post(
        reverse("cases:retry", args=[failed_case.code]), headers={"HX-Request": "true"}
    )
    page = response.content.decode()
    assert 'data-state="queued"' in page
    assert 'hx-swap-oob="true"' in page
    assert 'hx-trigger="every 2s"' in page


def test_retry_of_a_ready_case_changes_nothing(ready_case, owner, client_of) -> None:
    response = client_of(owner).post(reverse("cases:retry", args=[ready_case.code]))
    assert [str(message) for message in get_messages(response.wsgi_request)] == [
        "This analysis needs no other try: its state has changed meanwhile."
    ]
    assert Job.objects.get().status == JobStatus.SUCCEEDED


def test_retry_of_a_case_without_analysis_is_not_found(submitted_case, owner, client_of) -> None:
    Job.objects.all().delete()
    assert client_of(owner).post(reverse("cases:retry", args=[submitted_case.code])).status_code == 404
    assert Image.objects.count() == 1


def test_next_picture_is_told_beforehand_and_claims_nothing(submit, analyse_as, colleague, client_of) -> None:
    here, there = submit(seed=1), submit(seed=2)
    for case in (here, there):
        analyse_as(case)
    client = client_of(colleague)
    told = client.get(f"/cases/{here.code}/ahead/").json()
    assert told == {
        "picture": f"/cases/{there.code}/base.png?image=0&channel=grey",
        "volume": f"/cases/{there.code}/base.nii.gz?image=0&channel=grey",
    }
    assert not there.claims.exists()
    page = client.get(f"/cases/{there.code}/").context["viewer"]
    assert page.base == told["picture"]


def test_nothing_is_told_beforehand_where_no_other_case_waits(
    ready_case, colleague, owner, client_of
) -> None:
    assert client_of(colleague).get(f"/cases/{ready_case.code}/ahead/").json() == {}
    assert client_of(owner).get(f"/cases/{ready_case.code}/ahead/").json() == {}


@pytest.mark.parametrize("way", ["next", "next-disputed"])
def test_script_that_has_the_next_case_in_the_open_page_is_told_nothing_where_none_waits(
    way, ready_case, owner, client_of
) -> None:
    client = client_of(owner)
    by_script = client.post(f"/cases/{way}/", headers={"X-Requested-With": "XMLHttpRequest"})
    assert (by_script.status_code, by_script.content) == (204, b"")
    assert list(get_messages(by_script.wsgi_request)) == []
    whole = client.get(f"/cases/{way}/")
    assert whole["Location"] == "/cases/"
    assert len(list(get_messages(whole.wsgi_request))) == 1


def test_next_picture_for_stranger_is_not_found(ready_case, stranger, client_of) -> None:
    assert client_of(stranger).get(f"/cases/{ready_case.code}/ahead/").status_code == 404
