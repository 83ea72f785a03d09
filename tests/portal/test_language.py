"""The language of the pages: chosen, remembered, followed by mails, and kept out of what machines read."""

import re

from django.core import mail
from django.test import Client

from cases.models import AuditEvent
from cases.people.invitations import invite
from portal.accounts.background import later
from portal.accounts.models import User
from tests.cast import PASSWORD, token_of

CHOICE = "/language/"
SIGN_IN = "/accounts/sign-in/"


def language_of(response) -> str:
    found = re.search(r'<html lang="([\w-]+)"', response.content.decode())
    assert found
    return found[1]


def test_visitor_is_spoken_to_as_the_browser_asks(client, db) -> None:
    assert language_of(client.get(SIGN_IN)) == "en"
    assert language_of(client.get(SIGN_IN, headers={"Accept-Language": "de-AT,de;q=0.9"})) == "de"
    assert language_of(client.get(SIGN_IN, headers={"Accept-Language": "fr"})) == "en"


def test_choice_before_the_sign_in_holds_in_this_browser(client, db) -> None:
    response = client.post(CHOICE, {"language": "de", "next": SIGN_IN})
    assert (response.status_code, response["Location"]) == (302, SIGN_IN)
    cookie = response.cookies["language"]
    assert (cookie.value, cookie["httponly"], cookie["samesite"]) == ("de", True, "Lax")
    assert cookie["max-age"] == 365 * 24 * 60 * 60
    page = client.get(SIGN_IN, headers={"Accept-Language": "en"})
    assert language_of(page) == "de"
    assert "Anmelden" in page.content.decode()
    assert not AuditEvent.objects.exists()


def test_choice_stands_in_the_frame_by_each_languages_own_name(client, db) -> None:
    page = client.get(SIGN_IN, headers={"Accept-Language": "de"}).content.decode()
    choices = re.findall(
        r'name="language"\s+value="(\w+)"\s+lang="(\w+)"\s+aria-pressed="(\w+)">(\w+)<', page
    )
    assert choices == [("en", "en", "false", "English"), ("de", "de", "true", "Deutsch")]


def test_choice_is_remembered_on_the_account_and_follows_to_another_browser(colleague, client_of) -> None:
    client_of(colleague).post(CHOICE, {"language": "de"})
    assert User.objects.get(pk=colleague.pk).language == "de"
    event = AuditEvent.objects.get()
    assert (event.actor, event.action, event.details) == (
        colleague,
        "user.language_chosen",
        {"language": "de"},
    )
    other = client_of(colleague)
    response = other.get("/cases/", headers={"Accept-Language": "en"})
    assert language_of(response) == "de"
    assert response["Content-Language"] == "de"
    other.post("/accounts/sign-out/")
    assert language_of(other.get(SIGN_IN)) == "de"


def test_account_stands_before_an_older_choice_of_the_browser(colleague, client_of) -> None:
    client = client_of(colleague)
    client.cookies["language"] = "en"
    User.objects.filter(pk=colleague.pk).update(language="de")
    response = client.get("/cases/")
    assert language_of(response) == "de"
    assert response.cookies["language"].value == "de"
    assert "language" not in client.get("/cases/").cookies


def test_choice_of_a_language_that_there_is_not_changes_nothing(colleague, client_of) -> None:
    client = client_of(colleague)
    for wanted in ("fr", "", "de-AT", "../de"):
        response = client.post(CHOICE, {"language": wanted})
        assert response.status_code == 400
        assert "language" not in response.cookies
    assert client.get(CHOICE).status_code == 405
    assert User.objects.get(pk=colleague.pk).language == ""
    assert not AuditEvent.objects.exists()


def test_choice_leads_to_no_other_site(client, db) -> None:
    response = client.post(CHOICE, {"language": "de", "next": "https://elsewhere.example/"})
    assert response["Location"] == "/"


def test_choice_needs_the_forms_token(colleague) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(colleague)
    assert client.post(CHOICE, {"language": "de"}).status_code == 403
    assert User.objects.get(pk=colleague.pk).language == ""


def test_sign_in_remembers_what_was_chosen_before_it(client, colleague) -> None:
    client.post(CHOICE, {"language": "de"})
    client.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
    assert User.objects.get(pk=colleague.pk).language == "de"
    event = AuditEvent.objects.get(action="user.language_chosen")
    assert (event.actor, event.details) == (colleague, {"language": "de"})


def test_sign_in_with_a_cookie_of_no_language_of_ours_remembers_nothing(client, colleague) -> None:
    client.cookies["language"] = "fr"
    client.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
    assert User.objects.get(pk=colleague.pk).language == ""
    assert not AuditEvent.objects.exists()


def test_page_of_somebody_signed_in_already_writes_no_language(client_of, colleague) -> None:
    client = client_of(colleague)
    client.cookies["language"] = "de"
    client.get("/cases/")
    assert User.objects.get(pk=colleague.pk).language == ""


def test_token_of_a_script_that_keeps_cookies_remembers_no_language(client, colleague) -> None:
    token = token_of(colleague)
    client.cookies["language"] = "de"
    response = client.get("/api/v1/cases/", headers={"Authorization": f"Token {token}"})
    assert response.status_code == 200
    assert User.objects.get(pk=colleague.pk).language == ""


def test_sign_in_leaves_the_accounts_own_language(client, colleague) -> None:
    User.objects.filter(pk=colleague.pk).update(language="de")
    client.post(CHOICE, {"language": "en"})
    client.post(SIGN_IN, {"username": colleague.email, "password": PASSWORD})
    assert User.objects.get(pk=colleague.pk).language == "de"
    assert language_of(client.get("/cases/")) == "de"


def test_caches_are_told_what_the_language_comes_from(client, db) -> None:
    varies = {name.strip() for name in client.get(SIGN_IN)["Vary"].split(",")}
    assert {"Cookie", "Accept-Language"} <= varies


def test_reset_mail_speaks_the_accounts_language(client, colleague, second) -> None:
    User.objects.filter(pk=colleague.pk).update(language="de")
    for person in (colleague, second):
        client.post("/accounts/password/reset/", {"email": person.email})
    later(lambda: None).result()
    german, english = mail.outbox
    assert german.subject == "Ein neues Passwort für SecondRead"
    assert "gilt einmal und einen Tag lang" in german.body
    assert english.subject == "A new password for SecondRead"


def test_invitation_speaks_the_language_of_the_addressee_else_of_who_invites(
    administrator, stranger, cohort, client_of
) -> None:
    User.objects.filter(pk=stranger.pk).update(language="de")
    client = client_of(administrator)
    for email in (stranger.email, "new@example.org"):
        client.post(f"/people/?cohort={cohort.pk}", {"email": email, "role": "radiologist"})
    german, english = mail.outbox
    assert german.subject == "Sie sind zu „North“ in SecondRead eingeladen"
    assert "in der Rolle: Radiologie" in german.body
    assert re.search(r"Er gilt bis \d{4}-\d\d-\d\d \d\d:\d\d \+0000\.", german.body)
    assert english.subject == "You are invited to “North” in SecondRead"


def test_new_account_keeps_the_language_in_which_it_was_made(client, administrator, cohort) -> None:
    secret = invite(by=administrator, cohort=cohort, email="neu@example.org", role="radiologist").secret
    client.cookies["language"] = "de"
    fields = {"full_name": "Neu", "new_password1": PASSWORD, "new_password2": PASSWORD}
    client.post(f"/accounts/invitation/{secret}/", fields)
    assert User.objects.get(email="neu@example.org").language == "de"


def test_numbers_have_a_comma_for_people_and_a_point_for_machines(
    ready_case, review_as, colleague, second, administrator, client_of
) -> None:
    review_as(colleague, ready_case)
    User.objects.update(language="de")
    case = client_of(second).get(f"/cases/{ready_case.code}/").content.decode()
    assert ">70,0 %<" in case
    assert 'value="70.0"' in case
    dashboard = client_of(administrator).get("/dashboard/").content.decode()
    assert "95-%-Intervall" in dashboard
    for page in (case, dashboard):
        assert (
            re.findall(r'\s(?:x|y|width|height|opacity|value|offset|viewBox)="[^"]*\d,\d[^"]*"', page) == []
        )
        assert re.search(r'<(?:rect|image|progress)[^>]*="\d+\.\d+', page)


def test_time_zone_is_said_once_on_a_page_in_either_language(ready_case, colleague, client_of) -> None:
    client = client_of(colleague)
    for language, words in (("en", "Time zone: UTC (+0000)"), ("de", "Zeitzone: UTC (+0000)")):
        User.objects.update(language=language)
        page = client.get("/cases/").content.decode()
        assert re.search(r"<time datetime=\"[^\"]+\+00:00\">\d{4}-\d\d-\d\d \d\d:\d\d</time>", page)
        assert page.count("+0000") == 1
        assert words in page


def test_classes_are_shown_in_the_readers_language_in_the_networks_order(
    ready_case, colleague, client_of
) -> None:
    User.objects.update(language="de")
    page = client_of(colleague).get(f"/cases/{ready_case.code}/").content.decode()
    shown = re.findall(r'class="class-chip" data-class="\w+">([^<]+)</span>\s*<progress', page)
    assert shown == ["Gliom", "Meningeom", "Kein Tumor", "Hypophysentumor"]


def test_refused_file_is_explained_with_its_facts_in_the_readers_language(
    owner, cohort, make_png, client_of
) -> None:
    from django.core.files.uploadedfile import SimpleUploadedFile

    User.objects.update(language="de")
    small = SimpleUploadedFile("x.png", make_png(2000, 20))
    sent = {"cohort": str(cohort.pk), "files": small}
    page = client_of(owner).post("/cases/upload/", sent).content.decode()
    assert "Jede Seite muss mindestens 32 Pixel haben; erhalten: 2.000 x 20." in page


def test_api_speaks_as_asked_and_its_codes_stay(colleague, api_of) -> None:
    client = api_of(colleague)
    address = "/api/v1/cases/AAAA-AAAA/"
    english, german = client.get(address), client.get(address, headers={"Accept-Language": "de"})
    assert english.json()["title"] == "There is no such thing here"
    assert german.json()["title"] == "So etwas gibt es hier nicht"
    assert german["Content-Language"] == "de"
    assert english.json()["code"] == german.json()["code"] == "not_found"


def test_api_of_a_token_follows_the_request_and_not_the_account(ready_case, colleague, api_of) -> None:
    User.objects.update(language="de")
    body = api_of(colleague).get(f"/api/v1/cases/{ready_case.code}/").json()
    assert body["prediction"]["predicted_label"] == "Glioma"
