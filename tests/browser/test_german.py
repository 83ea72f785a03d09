"""The portal in German: chosen by a reader, kept to another profile, and fitting its screens."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from cases.models import Assignment, Case, Cohort, FirstRead, Review
from cases.worklist.saved_views import save_view
from portal.accounts.models import User
from tests.browser.pictures import keep, wait_until_drawn
from tests.cast import PASSWORD
from tests.support.axe import grave_faults

pytestmark = [pytest.mark.django_db(transaction=True)]

DESK: ViewportSize = {"width": 1440, "height": 900}
TELEPHONE: ViewportSize = {"width": 390, "height": 844}


def widths_of(page: Page) -> Iterator[int]:
    """Show the open page as on a telephone, then as at a desk; the width, each time."""
    for size in (TELEPHONE, DESK):
        page.set_viewport_size(size)
        yield size["width"]


def sign_in(page: Page, person: User) -> None:
    page.get_by_label("E-Mail-Adresse").fill(person.email)
    page.get_by_label("Passwort").fill(PASSWORD)
    page.get_by_role("button", name="Anmelden").click()
    expect(page.get_by_role("heading", name="Arbeitsliste")).to_be_visible()


@pytest.mark.usefixtures("without_canvas")
def test_reader_chooses_german_reads_and_finds_it_again_on_another_profile(
    page: Page,
    browser: Browser,
    live_server: LiveServer,
    colleague: User,
    submit: Callable[..., Case],
    analyse_as: Callable[..., None],
    blinded: object,
) -> None:
    analyse_as(submit())
    page.goto(f"{live_server.url}/accounts/sign-in/")
    expect(page.locator("html")).to_have_attribute("lang", "en")
    page.get_by_role("button", name="Deutsch").click()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    sign_in(page, colleague)
    page.get_by_role("button", name="Befundung beginnen").click()
    expect(page.get_by_role("heading", name="Ihr eigener Befund")).to_be_visible()
    # The page's modules listen from then on; what is filled in before is no draft.
    page.wait_for_load_state("load")
    page.get_by_role("radio", name="Meningeom").check()
    page.get_by_role("radio", name="4 Sicher").check()
    page.get_by_label("Kommentar").fill("Breite Basis.")
    expect(page.get_by_text("Als Entwurf aufbewahrt.")).to_be_visible()
    page.get_by_role("button", name="Festlegen und aufdecken").click()
    expect(page.get_by_text("Festgeschrieben", exact=True)).to_be_visible()
    assert FirstRead.objects.get().read_class == "meningioma"
    expect(page.get_by_role("radio", name="oder eine andere Klasse")).to_be_checked()
    page.get_by_role("button", name="Befund speichern").click()
    expect(page.get_by_text("Vorläufig", exact=True)).to_be_visible()
    page.get_by_role("button", name="Diesen Fall abschließen").click()
    expect(page.get_by_text("Endgültig", exact=True)).to_be_visible()
    assert Review.objects.get().final_class == "meningioma"
    page.locator("details.menu > summary").click()
    page.get_by_role("button", name="Abmelden").click()
    expect(page.get_by_role("heading", name="Anmelden")).to_be_visible()

    fresh = browser.new_context(locale="en-GB")
    other = fresh.new_page()
    other.goto(f"{live_server.url}/accounts/sign-in/")
    expect(other.locator("html")).to_have_attribute("lang", "en")
    other.get_by_label("E-mail address").fill(colleague.email)
    other.get_by_label("Password").fill(PASSWORD)
    other.get_by_role("button", name="Sign in").click()
    expect(other.get_by_role("heading", name="Arbeitsliste")).to_be_visible()
    expect(other.locator("html")).to_have_attribute("lang", "de")
    fresh.close()


@pytest.fixture
def pages_to_look_at(
    submit: Callable[..., Case],
    submit_many: Callable[..., Case],
    analyse_as: Callable[..., None],
    fail_as: Callable[..., None],
    review_as: Callable[..., Review],
    colleague: User,
    administrator: User,
    cohort: Cohort,
) -> dict[str, str]:
    """Every page that a German word could break, with something on it."""
    fresh, uncertain, refused, read, _ = (submit(seed=seed) for seed in range(5))
    analyse_as(fresh, "pituitary", in_training=True)
    analyse_as(uncertain, gate_verdict="uncertain", gate_distance=2.0)
    analyse_as(refused, gate_verdict="refused", gate_distance=9.0)
    analyse_as(read)
    review_as(colleague, read, corrected="meningioma", comment="Breite Basis.")
    many = submit_many(3)
    analyse_as(many, "notumor", position=0)
    analyse_as(many, "meningioma", position=1)
    fail_as(many, position=2)
    Assignment.objects.create(case=uncertain, reader=colleague, assigned_by=administrator)
    Case.objects.filter(pk=refused.pk).update(priority=2)
    for name, query in (("Dringende", "priority=2"), ("Unsichere ohne Zuweisung", "assigned=nobody")):
        save_view(by=administrator, name=name, query=query)
    return {
        "worklist": "/cases/",
        "filters": "/cases/?assigned=somebody&sort=-priority",
        "views": "/cases/views/",
        "bulk": f"/cases/bulk/?act=assign&all=1&target={colleague.pk}",
        "many": f"/cases/{many.code}/",
        "upload": "/cases/upload/",
        "review": f"/cases/{fresh.code}/",
        "uncertain": f"/cases/{uncertain.code}/",
        "refused": f"/cases/{refused.code}/",
        "reviewed": f"/cases/{read.code}/",
        "teaching": "/cases/teaching/",
        "dashboard": "/dashboard/",
        "protocol": "/dashboard/protocol/",
        "reanalyse": f"/dashboard/reanalyse/?cohort={fresh.cohort_id}",
        "compare": "/dashboard/compare/",
        "people": "/people/",
        "tokens": "/accounts/tokens/",
        "password": "/accounts/password/",
        "confirm": "/accounts/confirm/",
        "second-factor": "/accounts/second-factor/",
        "sessions": "/accounts/sessions/",
    }


def test_german_words_break_no_page(
    browser: Browser,
    live_server: LiveServer,
    administrator: User,
    pages_to_look_at: dict[str, str],
) -> None:
    """Each page is opened once, and looked at in both widths."""
    page = browser.new_context(viewport=DESK, locale="de-DE").new_page()
    page.goto(f"{live_server.url}/accounts/sign-in/")
    for width in widths_of(page):
        keep(page, f"german-sign-in-{width}")
    sign_in(page, administrator)
    for name, path in pages_to_look_at.items():
        answer = page.goto(f"{live_server.url}{path}")
        assert answer is not None
        assert answer.status == 200, path
        wait_until_drawn(page)
        for width in widths_of(page):
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
            expect(page.locator("footer")).to_contain_text("Entscheidungsunterstützung, keine Diagnose")
            assert grave_faults(page) == [], path
            keep(page, f"german-{name}-{width}")
    for name in ("worklist", "many"):
        page.goto(f"{live_server.url}{pages_to_look_at[name]}")
        wait_until_drawn(page)
        page.keyboard.press("?")
        dialog = page.locator("dialog[open]")
        for width in widths_of(page):
            expect(dialog).to_be_visible()
            assert dialog.evaluate("box => box.scrollWidth <= box.clientWidth"), name
            keep(page, f"german-{name}-keys-{width}")
