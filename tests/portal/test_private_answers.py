"""What a browser may keep: of every route of the URLconf, for every kind of visitor."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from django.test import Client

from cases.models import Prediction
from tests.cases.test_nothing_leaks import filled
from tests.portal.test_hostile_values import ROUTES

# Asked again before they are shown (cases/viewer/images.py), and the same for everybody.
PICTURES = (".png", ".nii.gz")
PUBLIC = ("favicon.ico",)


@pytest.fixture
def addresses(ready_case) -> list[str]:
    prediction = Prediction.objects.select_related("image").get(image__case=ready_case)
    plain = (
        route.replace("<uidb64>/<token>", "MQ/abc").replace("<str:secret>", "abc")
        for route in [*ROUTES, "health/ready/", "no/such/address/", "admin/cases/case/add/"]
    )
    return [filled(route, ready_case, prediction) for route in plain]


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
            if address.endswith(PICTURES) and response.status_code == 200:
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


def test_files_of_patients_are_for_their_owner_alone(ready_case) -> None:
    stored = Path(default_storage.path(ready_case.images.get().file))
    assert stored.stat().st_mode & 0o777 == 0o600
    folder = stored.parent
    while folder != Path(settings.VAR_DIR) / "media":
        assert folder.stat().st_mode & 0o777 == 0o700
        folder = folder.parent
