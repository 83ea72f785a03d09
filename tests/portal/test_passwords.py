"""Changing and resetting a password."""

import re

import pytest
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ImproperlyConfigured, ValidationError

from portal.accounts import passwords
from portal.accounts.background import later
from portal.settings.env import least_length
from tests.cast import PASSWORD

NEW = "another-long-pass-phrase"
CHANGE = "/accounts/password/"
RESET = "/accounts/password/reset/"
SIGN_IN = "/accounts/sign-in/"
ALLOWED_FAILURES = 5


def test_change_with_the_old_password_sets_the_new_one_and_keeps_the_session(client_of, colleague):
    client = client_of(colleague)
    answer = {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW}
    page = client.post(CHANGE, answer, follow=True).content.decode()
    assert "Your password is changed." in page
    colleague.refresh_from_db()
    assert colleague.check_password(NEW)


@pytest.mark.parametrize(
    "answer",
    [
        {"old_password": "wrong", "new_password1": NEW, "new_password2": NEW},
        {"old_password": PASSWORD, "new_password1": NEW, "new_password2": NEW + "x"},
        {"old_password": PASSWORD, "new_password1": "short", "new_password2": "short"},
        {"old_password": PASSWORD, "new_password1": "123456789012345", "new_password2": "123456789012345"},
        {"old_password": PASSWORD, "new_password1": "fourteen-signs", "new_password2": "fourteen-signs"},
        {"old_password": PASSWORD, "new_password1": "PasswordSummer!", "new_password2": "PasswordSummer!"},
        {},
    ],
)
def test_change_that_does_not_hold_is_refused_and_changes_nothing(client_of, colleague, answer):
    page = client_of(colleague).post(CHANGE, answer).content.decode()
    assert "field__errors" in page
    colleague.refresh_from_db()
    assert colleague.check_password(PASSWORD)


def test_change_by_anonymous_leads_to_the_sign_in(client, db):
    assert client.get(CHANGE).url == f"/accounts/sign-in/?next={CHANGE}"


def test_reset_mails_a_link_that_works_once(client, colleague, mailoutbox):
    assert client.post(RESET, {"email": "Colleague@example.org"}).url == "/accounts/password/reset/sent/"
    later(lambda: None).result()
    (mail,) = mailoutbox
    assert mail.to == [colleague.email]
    (path,) = re.findall(r"http://testserver(/\S+)", mail.body)
    for _ in range(ALLOWED_FAILURES):
        client.post(SIGN_IN, {"username": colleague.email, "password": "wrong"})
    form = client.get(path).url
    page = client.post(form, {"new_password1": NEW, "new_password2": NEW}, follow=True).content.decode()
    assert "Your new password is set." in page
    colleague.refresh_from_db()
    assert colleague.check_password(NEW)
    client.post(SIGN_IN, {"username": colleague.email, "password": NEW})
    assert client.session["_auth_user_id"] == str(colleague.pk)
    again = client.get(path, follow=True).content.decode()
    assert "This link does not work any more" in again


def test_reset_of_an_unknown_address_answers_the_same_and_mails_nothing(client, colleague, mailoutbox):
    unknown = client.post(RESET, {"email": "nobody@example.org"})
    known = client.post(RESET, {"email": colleague.email})
    assert (unknown.status_code, unknown.url) == (known.status_code, known.url)
    later(lambda: None).result()
    assert [mail.to for mail in mailoutbox] == [[colleague.email]]
    assert "If an account has this address" in client.get(unknown.url).content.decode()


def test_reset_link_with_a_wrong_token_changes_nothing(client, colleague):
    page = client.get("/accounts/password/reset/abc/def/").content.decode()
    assert "This link does not work any more" in page


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "passwordpasswordpassword",
        "Password20242024",
        "letmein-dragon!!!",
        "secondread2026!",
        "123456789012345",
        "987654321098765",
        "aaaaaaaaaaaaaaaa",
        "ababababababababab",
        "qwertyuiopasdfghjkl",
        "QWERTZUIOP123456",
        "abcdefghijklmnop",
        "                ",
        "1q2w3e4r5t6y7u8i",
    ],
)
def test_password_of_one_or_two_common_pieces_is_refused(password) -> None:
    with pytest.raises(ValidationError) as refused:
        validate_password(password)
    assert refused.value.error_list[-1].code == "password_too_common"


@pytest.mark.parametrize(
    "password",
    [
        PASSWORD,
        NEW,
        "correct horse battery staple",
        "tiger tiger burning bright",
        "902718364518273",
        "grün-ist-die-heide",
        "выходной на даче",
        "xK7#qLw9!zRt2vB",
        "x" * 200 + "y",
        "abcdefghijklmno xyz paper",
    ],
)
def test_password_of_no_rule_but_its_length_is_taken(password) -> None:
    validate_password(password)


def test_password_like_ones_own_name_or_address_is_refused(colleague) -> None:
    colleague.full_name = "Theodora Papadopoulos"
    for password in ("theodorapapadopoulos", "colleague@example.org"):
        with pytest.raises(ValidationError) as refused:
            validate_password(password, colleague)
        assert refused.value.error_list[0].code == "password_too_similar"


def test_least_length_is_a_setting_that_ends_at_eight() -> None:
    assert [least_length(characters) for characters in (8, 15)] == [8, 15]
    with pytest.raises(ImproperlyConfigured, match="8 or more, not 7"):
        least_length(7)


def test_taking_apart_a_long_password_costs_no_time() -> None:
    common = {"a" * length for length in range(4, 60)}
    assert passwords.pieces_of("a" * 63 + "\u00e9", common) > passwords.FEW_PIECES
