"""Every page at the width of a telephone and of a desk: nothing sticks out, the notice is there.

A picture of each is kept where SCREENSHOTS names a folder, as `make screenshots` does.
The cases are the simulated ones of the demonstration.
"""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.utils import timezone
from playwright.sync_api import Page, expect

from cases.analysis import reanalysis
from cases.analysis.model_versions import activate, active_version, register
from cases.analysis.worker import analyse
from cases.disclaimer import DISCLAIMER
from cases.export.snapshots.building import ask_for_snapshot, build_waiting
from cases.lifecycle import JobStatus
from cases.models import Case, Cohort, Job, Sending, SendingRule
from inference.manifest import MANIFEST_DIR, load_manifest
from portal.accounts.models import User
from portal.demo import BLINDED_COHORT, DEMO_ACCOUNTS, DEMO_COHORT, TEACHING_COHORT, DemoAccount
from portal.demo_study import STUDY_COHORT
from tests.browser.pictures import keep, wait_until_drawn
from tests.browser.signing_in import sign_in
from tests.cast import PASSWORD
from tests.support.axe import grave_faults

# All pages in one test, since the demonstration's cases are analysed for it once.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]

WIDTHS = {2560: 1440, 390: 844, 1440: 900}
# On a reading monitor only what is read there.
WIDEST = max(WIDTHS)
READ_THERE = {"worklist", "blinded-read", "revealed-read", "adjudication", "teaching", "teaching-revealed"}
PEOPLE: dict[str, DemoAccount] = {account.email.partition("@")[0]: account for account in DEMO_ACCOUNTS}


def look_at(page: Page, server: str, path: str, name: str) -> None:
    """Open the page once, hold it against what every page must be at each width, and keep pictures of it."""
    answer = page.goto(f"{server}{path}")
    assert answer is not None
    assert answer.status == 200, path
    wait_until_drawn(page)
    expect(page.locator("footer")).to_contain_text(DISCLAIMER)
    expect(page.locator("h1")).to_have_count(1)
    for width, height in WIDTHS.items():
        if width == WIDEST and name not in READ_THERE:
            continue
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        if width != WIDEST:
            assert grave_faults(page) == [], path
        keep(page, f"{name}-{width}")


def analyse_again_with(name: str) -> None:
    """Have every case analysed by another shipped network as well, and go back to the one before."""
    before = active_version()
    activate(by=None, version=register(by=None, manifest=load_manifest(MANIFEST_DIR / f"{name}.json")))
    reanalysis.reanalyse(by=None, cohort=Cohort.objects.get(name=DEMO_COHORT))
    for job_id in Job.objects.filter(status=JobStatus.QUEUED).values_list("pk", flat=True):
        analyse(str(job_id))
    activate(by=None, version=before)


def read_blinded(page: Page) -> None:
    page.get_by_role("radio", name="Meningioma").check()
    page.get_by_role("radio", name="4 Sure").check()
    page.get_by_role("button", name="Commit and reveal").click()
    expect(page.get_by_text("Locked", exact=True)).to_be_visible()


def answer_teaching(page: Page) -> None:
    page.get_by_role("radio", name="Glioma").check()
    page.get_by_role("radio", name="4 Sure").check()
    page.get_by_role("button", name="Answer and reveal").click()
    # The score stands there before, too.
    page.wait_for_url("**/?read=*")


def send(case: Case, state: str, **answer: Any) -> None:
    """A sending of the case, by its cohort, as the page lists it."""
    now = timezone.now()
    moments = {"since": now, "looked_at": now}
    SendingRule.objects.get_or_create(
        cohort=case.cohort, destination="archive", defaults=moments | {"moment": "final"}
    )
    Sending.objects.create(
        case=case,
        cohort=case.cohort,
        destination="archive",
        state=state,
        attempts=2,
        answer=answer,
        next_at=now,
        ended_at=None if state == "waiting" else now,
    )


def test_every_page_fits_its_screen_and_carries_the_notice(page: Page, live_server, settings) -> None:
    settings.DICOM_DESTINATIONS = ["archive=https://pacs.hospital.example.org/dicom-web"]
    settings.ORIGINALS_KEYS = [Fernet.generate_key().decode()]
    call_command("seed_demo", stdout=StringIO())
    analyse_again_with("prototype-cnn-1")
    open_cases = Case.objects.filter(state="open", cohort__name=DEMO_COHORT)
    named = open_cases.exclude(images__predictions__gate_verdict="refused")
    tumour = named.exclude(images__predictions__predicted_class="notumor").first()
    refused = open_cases.filter(images__predictions__gate_verdict="refused").first()
    read = Case.objects.filter(state="reviewed", cohort__name=DEMO_COHORT).first()
    disputed = Case.objects.filter(state="disputed").first()
    unread = Case.objects.filter(state="open", cohort__name=BLINDED_COHORT).first()
    drawn = Case.objects.filter(cohort__name=TEACHING_COHORT).first()
    study = Cohort.objects.get(name=STUDY_COHORT)
    ask_for_snapshot(by=User.objects.get(email=PEOPLE["administrator"].email), cohort=study)
    build_waiting()
    assert tumour is not None
    assert refused is not None
    assert read is not None
    assert disputed is not None
    assert unread is not None
    assert drawn is not None
    send(read, "sent", code="stored", status=200)
    send(read, "refused", code="instances_failed", status=409, reasons={"A900": 3, "0122": 1})
    send(read, "waiting", code="unreachable")
    paths = {
        "worklist": "/cases/",
        "upload": "/cases/upload/",
        "review": f"/cases/{tumour.code}/",
        "refused": f"/cases/{refused.code}/",
        "reviewed": f"/cases/{read.code}/",
        "dashboard": f"/dashboard/?cohort={read.cohort_id}",
        "reanalyse": f"/dashboard/reanalyse/?cohort={read.cohort_id}",
        "compare": f"/dashboard/compare/?cohort={read.cohort_id}",
        "evidence": f"/dashboard/evidence/?cohort={study.pk}",
        "evidence-closed": f"/dashboard/evidence/?cohort={disputed.cohort_id}",
        "snapshots": f"/dashboard/snapshots/?cohort={study.pk}",
        "sendings": f"/dashboard/sendings/?cohort={read.cohort_id}",
        "study": f"/dashboard/study/?cohort={study.pk}",
        "study-new": "/dashboard/study/new/",
        "record": f"/dashboard/record/?cohort={read.cohort_id}&what=acts",
        "people": f"/people/?cohort={read.cohort_id}",
        "protocol": f"/dashboard/protocol/?cohort={disputed.cohort_id}",
        "teaching-start": "/cases/teaching/",
        "tokens": "/accounts/tokens/",
        "password": "/accounts/password/",
        "confirm": "/accounts/confirm/",
        "second-factor": "/accounts/second-factor/",
        "sessions": "/accounts/sessions/",
    }
    people = {name: User.objects.get(email=account.email) for name, account in PEOPLE.items()}
    look_at(page, live_server.url, "/accounts/sign-in/", "sign-in")
    look_at(page, live_server.url, "/accounts/password/reset/", "password-reset")
    sign_in(page, live_server, people["administrator"])
    for name, path in paths.items():
        look_at(page, live_server.url, path, name)
    page.context.clear_cookies()
    sign_in(page, live_server, people["adjudicator"])
    look_at(page, live_server.url, f"/cases/{disputed.code}/adjudicate/", "adjudication")
    page.context.clear_cookies()
    sign_in(page, live_server, people["radiologist"])
    look_at(page, live_server.url, f"/cases/{unread.code}/", "blinded-read")
    read_blinded(page)
    look_at(page, live_server.url, f"/cases/{unread.code}/", "revealed-read")
    look_at(page, live_server.url, f"/cases/teaching/{drawn.code}/", "teaching")
    answer_teaching(page)
    look_at(page, live_server.url, page.url.removeprefix(live_server.url), "teaching-revealed")


def test_exporter_is_sent_to_a_token_instead_of_a_page(page: Page, live_server, exporter) -> None:
    page.goto(f"{live_server.url}/accounts/sign-in/")
    page.get_by_label("E-mail address").fill(exporter.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        expect(page.get_by_role("alert").first).to_contain_text("token")
