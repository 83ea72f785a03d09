"""Signing in at the hospital's provider: the whole protocol over loopback, and each way it goes wrong."""

from __future__ import annotations

import http.client
import time
from collections.abc import Iterator
from types import SimpleNamespace
from urllib.parse import urlencode, urlsplit

import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from cases.models import AuditEvent, Cohort, Membership
from cases.people import provider_groups
from portal.accounts import oidc, proof, second_factor
from portal.accounts.models import OidcAccount, User
from portal.settings.env import provider_address
from tests.cast import UNKNOWN_ID
from tests.support.oidc_provider import CLIENT, SECRET, Provider, serving

pytestmark = pytest.mark.both_databases

START, BACK, SIGN_IN = "/accounts/oidc/", "/accounts/oidc/back/", "/accounts/sign-in/"
ANNA = {
    "sub": "f3a1",
    "email": "Anna@hospital.example",
    "email_verified": True,
    "name": "Anna Meier",
    "groups": ["mri-readers", "staff"],
}


@pytest.fixture(scope="module")
def running() -> Iterator[Provider]:
    with serving() as provider:
        yield provider


@pytest.fixture
def provider(running, settings, cohort, other_cohort) -> Provider:
    running.reset()
    running.person = dict(ANNA)
    settings.OIDC_ISSUER, settings.OIDC_CLIENT_ID, settings.OIDC_CLIENT_SECRET = (
        running.issuer,
        CLIENT,
        SECRET,
    )
    settings.OIDC_NAME = "Hospital"
    settings.OIDC_GROUPS = [
        f"mri-heads=administrator={cohort.pk}",
        f"mri-readers=radiologist={cohort.pk}",
        f"cn=upload,ou=mri=technologist={other_cohort.pk}",
    ]
    oidc._registered.cache_clear()
    return running


def asked_at_provider(address: str) -> str:
    """What a browser does there; where the provider sends it."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.netloc, timeout=10)
    connection.request("GET", f"{parts.path}?{parts.query}")
    onward = connection.getresponse().headers["Location"]
    connection.close()
    return onward.removeprefix("http://testserver")


def sign_in(client: Client, **query: str):
    """The whole way; the answer to whoever comes back."""
    return client.get(asked_at_provider(client.get(START, query).url))


def is_signed_in(client: Client) -> bool:
    return "_auth_user_id" in client.session


def told(client: Client) -> str:
    return client.get(SIGN_IN).content.decode()


def roles_of(user: User) -> dict[str, str]:
    return {held.cohort.name: held.role for held in user.memberships.select_related("cohort")}


def test_new_person_comes_in_with_the_roles_of_the_groups(client, provider) -> None:
    assert "Sign in with Hospital" in told(client)
    assert sign_in(client, next="/cases/upload/").url == "/cases/upload/"
    user = User.objects.get(email="anna@hospital.example")
    assert client.session["_auth_user_id"] == str(user.pk)
    assert (user.full_name, user.has_usable_password(), user.is_staff) == ("Anna Meier", False, False)
    assert roles_of(user) == {"North": "radiologist"}
    assert client.get("/cases/").status_code == 200
    assert proof.is_recent(client)
    assert not proof.was_by_code(client)
    (asked,) = provider.asked
    assert asked["redirect_uri"] == f"http://testserver{BACK}"
    assert {"nonce", "state", "code_challenge"} <= asked.keys()
    assert AuditEvent.objects.get(action="user.provider_linked").actor == user
    assert AuditEvent.objects.get(action="member.added").actor is None


def test_person_is_known_by_the_subject_whatever_the_address(client, provider, other_cohort) -> None:
    sign_in(client)
    provider.person |= {"email": "anna.schmidt@hospital.example", "groups": ["cn=upload,ou=mri"]}
    again = Client()
    sign_in(again)
    (user,) = User.objects.filter(oidc_account__subject="f3a1")
    assert again.session["_auth_user_id"] == str(user.pk)
    assert user.email == "anna@hospital.example"
    assert roles_of(user) == {"South": "technologist"}


def test_account_of_an_invitation_is_linked_by_its_verified_address(client, provider, colleague) -> None:
    provider.person |= {"email": colleague.email}
    sign_in(client)
    assert client.session["_auth_user_id"] == str(colleague.pk)
    assert OidcAccount.objects.get().user == colleague
    assert User.objects.filter(email=colleague.email).count() == 1


def test_another_subject_with_a_linked_address_is_not_let_in(client, provider) -> None:
    sign_in(client)
    provider.person |= {"sub": "other"}
    other = Client()
    sign_in(other)
    assert not is_signed_in(other)
    assert "belongs to somebody else" in told(other)


@pytest.mark.parametrize("email", [{"email_verified": False}, {"email_verified": "true"}, {"email": ""}])
def test_address_that_is_not_verified_makes_no_account(client, provider, colleague, email) -> None:
    provider.person |= {"email": colleague.email} | email
    sign_in(client)
    assert not is_signed_in(client)
    assert not OidcAccount.objects.exists()
    assert "names no verified e-mail address" in told(client)


@pytest.mark.parametrize("groups", [[], ["others"], None, "mri"])
def test_person_without_a_role_is_not_let_in_and_leaves_no_account(client, provider, groups) -> None:
    provider.person |= {"groups": groups}
    sign_in(client)
    assert not is_signed_in(client)
    assert not User.objects.filter(email="anna@hospital.example").exists()
    assert "You have no role in this portal." in told(client)


def test_first_group_that_fits_says_the_role(client, provider) -> None:
    provider.person |= {"groups": ["mri-readers", "mri-heads"]}
    sign_in(client)
    assert roles_of(User.objects.get(email="anna@hospital.example")) == {"North": "administrator"}


def test_roles_follow_the_groups_in_cohorts_of_the_mapping(client, provider) -> None:
    invited = Cohort.objects.create(name="Invited")
    sign_in(client)
    user = User.objects.get(email="anna@hospital.example")
    Membership.objects.create(user=user, cohort=invited, role="exporter")
    provider.person |= {"groups": []}
    sign_in(Client())
    assert roles_of(user) == {"Invited": "exporter"}


def test_cohort_keeps_its_only_administrator(client, provider, caplog) -> None:
    provider.person |= {"groups": ["mri-heads"]}
    sign_in(client)
    provider.person |= {"groups": ["mri-readers"]}
    sign_in(client)
    user = User.objects.get(email="anna@hospital.example")
    assert roles_of(user) == {"North": "administrator"}
    assert "keeps its only study administrator" in caplog.text


def test_closed_account_is_not_let_in(client, provider) -> None:
    sign_in(client)
    User.objects.filter(email="anna@hospital.example").update(is_active=False)
    later = Client()
    sign_in(later)
    assert not is_signed_in(later)
    assert "This account is closed." in told(later)


def test_account_for_scripts_is_not_let_in(client, provider, exporter, settings) -> None:
    settings.OIDC_GROUPS = settings.OIDC_GROUPS[2:]
    provider.person |= {"email": exporter.email}
    sign_in(client)
    assert not is_signed_in(client)
    assert "This account is for scripts" in told(client)


def test_own_second_factor_is_asked_for_unless_the_provider_has_asked_for_one(client, provider) -> None:
    sign_in(client)
    user = User.objects.get(email="anna@hospital.example")
    seed = second_factor.new_seed()
    second_factor.begin(user, seed, "")
    browser = Client()
    assert sign_in(browser, next="/cases/upload/").url == "/accounts/sign-in/code/?next=%2Fcases%2Fupload%2F"
    assert not is_signed_in(browser)
    code = pyotp.TOTP(second_factor.secret_of(seed)).now()
    browser.post("/accounts/sign-in/code/", {"code": code})
    assert is_signed_in(browser)
    provider.person |= {"amr": ["pwd", "mfa"]}
    other = Client()
    sign_in(other)
    assert is_signed_in(other)
    assert proof.was_by_code(other)


def test_role_that_needs_a_second_factor_is_content_with_the_providers(client, provider, settings) -> None:
    settings.SECOND_FACTOR_FOR = ["radiologist"]
    sign_in(client)
    assert client.get("/cases/").url == "/accounts/second-factor/"
    provider.person |= {"amr": ["otp"]}
    sign_in(client)
    assert client.get("/cases/").status_code == 200


def test_whoever_has_no_password_shows_at_the_provider_who_they_are(client, provider, monkeypatch) -> None:
    sign_in(client)
    later = time.time() + 3600
    monkeypatch.setattr(proof, "time", SimpleNamespace(time=lambda: later))
    confirm = client.get("/accounts/tokens/").url
    start = client.get(confirm).url
    assert start == f"{START}?next=%2Faccounts%2Ftokens%2F"
    response = client.get(asked_at_provider(client.get(start).url))
    assert response.url == "/accounts/tokens/"
    assert provider.asked[-1]["prompt"] == "login"
    assert client.get("/accounts/tokens/").status_code == 200


# --- What goes wrong ---------------------------------------------------------------------


@pytest.mark.parametrize(
    "says",
    [
        {"aud": "another-client"},
        {"iss": "http://127.0.0.1:9/"},
        {"nonce": "another"},
        {"exp": int(time.time()) - 3600},
        {"sub": None},
    ],
    ids=lambda says: next(iter(says)),
)
def test_token_that_is_not_for_this_sign_in_lets_nobody_in(client, provider, says) -> None:
    provider.says = says
    assert sign_in(client).url == SIGN_IN
    assert not is_signed_in(client)
    assert "The sign-in there did not succeed." in told(client)
    assert not User.objects.exists()


def test_token_that_another_has_signed_lets_nobody_in(client, provider) -> None:
    provider.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    sign_in(client)
    assert not is_signed_in(client)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_token_with_another_signature_lets_nobody_in(client, provider, algorithm) -> None:
    provider.algorithm = algorithm
    sign_in(client)
    assert not is_signed_in(client)


def test_refusal_of_the_provider_lets_nobody_in(client, provider) -> None:
    provider.refuses = True
    assert sign_in(client).url == SIGN_IN
    assert not is_signed_in(client)


def test_answer_that_nobody_asked_for_lets_nobody_in(client, provider) -> None:
    """Another's answer, brought to this browser: its state is not that of the session."""
    stolen = asked_at_provider(Client().get(START).url)
    assert client.get(stolen).url == SIGN_IN
    for query in ("", "?code=x", "?state=x", "?code=x&state=x"):
        assert client.get(f"{BACK}{query}").url == SIGN_IN
    assert not is_signed_in(client)


def test_answer_is_taken_once(client, provider) -> None:
    answer = asked_at_provider(client.get(START).url)
    client.get(answer)
    client.post("/accounts/sign-out/")
    assert client.get(answer).url == SIGN_IN
    assert not is_signed_in(client)


def test_provider_that_is_away_is_told(client, provider, settings) -> None:
    settings.OIDC_ISSUER = "http://127.0.0.1:9"
    assert client.get(START).url == SIGN_IN
    assert "The sign-in there did not succeed." in told(client)


def test_client_with_a_wrong_secret_lets_nobody_in(client, provider, settings) -> None:
    settings.OIDC_CLIENT_SECRET = "wrong"
    sign_in(client)
    assert not is_signed_in(client)


@pytest.mark.parametrize("target", ["https://evil.example/", "//evil.example/", "javascript:alert(1)"])
def test_foreign_next_stays_here(client, provider, target) -> None:
    assert sign_in(client, next=target).url == "/cases/"


def test_log_names_nobody(client, provider, caplog) -> None:
    provider.says = {"nonce": "another"}
    sign_in(client)
    assert "The sign-in at the provider failed:" in caplog.text
    assert "anna" not in caplog.text.lower()


def test_without_a_provider_there_is_no_such_way(client, db) -> None:
    assert [client.get(address).status_code for address in (START, BACK)] == [404, 404]
    assert START not in told(client)


# --- Settings ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    "entry", ["readers", "readers=radiologist", f"readers=doctor={UNKNOWN_ID}", "readers=radiologist=1"]
)
def test_mapping_that_is_none_is_refused_in_words(settings, entry) -> None:
    settings.OIDC_GROUPS = [entry]
    with pytest.raises(ImproperlyConfigured, match="GROUP=ROLE=COHORT-ID"):
        list(provider_groups.group_roles())


def test_provider_is_asked_over_tls_unless_it_is_here() -> None:
    for text in ("", "https://login.example.org/realms/x", "http://127.0.0.1:8080", "http://localhost/x"):
        assert provider_address(text) == text
    for text in ("http://login.example.org", "login.example.org", "ftp://localhost"):
        with pytest.raises(ImproperlyConfigured, match="https address"):
            provider_address(text)


def test_query_of_the_sign_in_page_goes_along(client, provider) -> None:
    page = client.get(f"{SIGN_IN}?{urlencode({'next': '/cases/?state=open&sort=newest'})}").content.decode()
    assert f"{START}?next=/cases/%3Fstate%3Dopen%26sort%3Dnewest" in page
