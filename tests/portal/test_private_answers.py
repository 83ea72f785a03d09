"""What a browser may keep: of every route of the URLconf, for every kind of visitor."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.test import Client

from cases.models import Prediction
from portal.private_answers import PERMISSIONS_POLICY
from tests.cases.test_nothing_leaks import filled
from tests.cast import PASSWORD
from tests.portal.test_hostile_values import ROUTES
from tests.portal.test_production import ROOT, WHOLE

# Asked again before they are shown (cases/viewer/images.py), and the same for everybody.
PICTURES = re.compile(r"\.png$|\.nii\.gz$|^/api/v1/cases/[^/]+/(images|predictions/[^/]+/maps)/")
PUBLIC = ("favicon.ico",)


@pytest.fixture
def addresses(ready_case) -> list[str]:
    prediction = Prediction.objects.select_related("image").get(image__case=ready_case)
    plain = (
        route.replace("<uidb64>/<token>", "MQ/abc").replace("<str:secret>", "abc")
        for route in [*ROUTES, "health/ready/", "no/such/address/", "admin/cases/case/add/"]
    )
    return [filled(route, ready_case, prediction) for route in plain]


@pytest.mark.usefixtures("walking")
@pytest.mark.parametrize("who", ["colleague", "administrator", "nobody"])
def test_nothing_is_kept_but_pictures_asked_about_again(who, addresses, client_of, request) -> None:
    client = Client() if who == "nobody" else client_of(request.getfixturevalue(who))
    client.raise_request_exception = False
    pictures = 0
    for address in addresses:
        for method in ("get", "post"):
            if (method, address) == ("post", "/accounts/sign-out/"):
                continue
            response = getattr(client, method)(address)
            kept = response["Cache-Control"]
            if PICTURES.search(address) and response.status_code == 200:
                pictures += 1
                assert kept == "private, no-cache", address
            elif not address.endswith(PUBLIC):
                assert "no-store" in kept, (method, address)
            assert response["Cross-Origin-Resource-Policy"] == "same-origin"
            assert response["Cross-Origin-Opener-Policy"] == "same-origin"
            assert "camera=()" in response["Permissions-Policy"]
            assert response["X-Content-Type-Options"] == "nosniff"
            assert "Content-Security-Policy" in response
    assert (pictures > 3) is (who != "nobody")


@pytest.fixture
def in_production(settings, tmp_path: Path) -> None:
    """What production's settings say of headers and cookies; read in a process of its own."""
    script = (
        "import json; from django.conf import settings as s; "
        "print(json.dumps({n: getattr(s, n) for n in dir(s) if n.startswith('SECURE_') or '_COOKIE_' in n}))"
    )
    command = [sys.executable, "-c", script]
    environment = WHOLE | {"SECONDREAD_VAR": str(tmp_path)}
    told = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    for name, value in json.loads(told.stdout).items():
        setattr(settings, name, value)


# What scanners of hospitals ask for, of every answer.
HEADERS = {
    "Strict-Transport-Security": "max-age=31536000; includeSubDomains; preload",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": PERMISSIONS_POLICY,
}
POLICY = (
    "default-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
)


def test_every_answer_of_production_has_the_headers_and_safe_cookies(
    in_production, addresses, administrator, client_of
) -> None:
    visitor, member = Client(), client_of(administrator)
    cookies: set[str] = set()
    for client in (visitor, member):
        client.raise_request_exception = False
        for address in addresses:
            response = client.get(address, secure=True)
            assert {name: response.headers.get(name) for name in HEADERS} == HEADERS, address
            policy = response["Content-Security-Policy"].split("; ")
            assert set(POLICY) <= set(policy), address
            assert "unsafe" not in response["Content-Security-Policy"]
            cookies |= {morsel.OutputString() for morsel in response.cookies.values() if morsel.value}
    form = {"username": administrator.email, "password": PASSWORD}
    signed_in = visitor.post("/accounts/sign-in/", form, secure=True)
    themed = visitor.post("/theme/", {"theme": "light"}, secure=True)
    spoken = visitor.post("/language/", {"language": "de"}, secure=True)
    for response in (signed_in, themed, spoken):
        cookies |= {morsel.OutputString() for morsel in response.cookies.values()}
    names = {text.partition("=")[0] for text in cookies}
    assert names - {"messages"} == {"sessionid", "csrftoken", "device", "theme", "language"}
    for text in cookies:
        assert "; Secure" in text, text
        assert re.search("; SameSite=(Lax|Strict)", text), text
        # The pages' scripts send it back.
        assert "; HttpOnly" in text or text.startswith("csrftoken="), text


def test_plain_http_leads_to_tls_in_production(in_production, client, db) -> None:
    response = client.get("/accounts/sign-in/?next=/cases/")
    assert (response.status_code, response["Location"]) == (
        301,
        "https://testserver/accounts/sign-in/?next=/cases/",
    )


def test_way_out_has_the_browser_forget_what_it_keeps(client_of, administrator) -> None:
    assert client_of(administrator).post("/accounts/sign-out/")["Clear-Site-Data"] == '"cache"'


def test_files_of_patients_are_for_their_owner_alone(ready_case) -> None:
    stored = Path(default_storage.path(ready_case.images.get().file))
    assert stored.stat().st_mode & 0o777 == 0o600
    folder = stored.parent
    while folder != Path(settings.VAR_DIR) / "media":
        assert folder.stat().st_mode & 0o777 == 0o700
        folder = folder.parent
