"""Pictures that the proxy sends: the portal still says who may see them, and nothing is lost on the way."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.files.storage import default_storage

from cases import storage
from cases.models import AccessEvent, Image, Prediction
from portal.settings.env import ImproperlyConfigured, proxy_location

ROOT = Path(__file__).resolve().parents[3]
# What nginx takes over from an answer with X-Accel-Redirect by itself.
KEPT_BY_NGINX = {"Cache-Control", "Content-Type"}


@pytest.fixture
def handed_over(settings, tmp_path: Path) -> None:
    """A portal whose proxy sends what is stored, as one of its group."""
    settings.X_ACCEL_LOCATION = "/stored/"
    options = {
        "location": str(tmp_path),
        "allow_overwrite": True,
        "file_permissions_mode": 0o640,
        "directory_permissions_mode": 0o750,
    }
    default = settings.STORAGES["default"] | {"OPTIONS": options}
    settings.STORAGES = settings.STORAGES | {"default": default}


@pytest.fixture
def addresses(handed_over, ready_case) -> dict[str, str]:
    stem, prediction = f"/cases/{ready_case.code}", Prediction.objects.get()
    return {
        "base": f"{stem}/base.png",
        "nifti": f"{stem}/base.nii.gz",
        "thumbnail": f"{stem}/thumbnail.png",
        "map": f"{stem}/maps/{prediction.pk}/conv_3/glioma.png",
        "REST": f"/api/v1/cases/{ready_case.code}/images/0/",
    }


@pytest.mark.parametrize("name", ["base", "REST"])
def test_stored_picture_is_named_to_the_proxy_and_not_sent(name, addresses, colleague, client_of) -> None:
    answer = client_of(colleague).get(addresses[name])
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer["X-Accel-Redirect"] == f"/stored/{Image.objects.get().file}"
    assert answer["Content-Type"] == "image/png"
    assert answer["Cache-Control"] == "private, no-cache"


@pytest.mark.parametrize("name", ["nifti", "thumbnail", "map"])
def test_what_is_drawn_is_sent_by_the_portal(name, addresses, colleague, client_of) -> None:
    answer = client_of(colleague).get(addresses[name])
    assert answer.status_code == 200
    assert answer.content
    assert "X-Accel-Redirect" not in answer


def test_picture_has_the_same_etag_either_way_and_is_not_sent_to_who_has_it(
    addresses, colleague, client_of, settings
) -> None:
    client = client_of(colleague)
    etag = client.get(addresses["base"])["ETag"]
    again = client.get(addresses["base"], headers={"If-None-Match": etag})
    assert (again.status_code, again.content, "X-Accel-Redirect" in again) == (304, b"", False)
    settings.X_ACCEL_LOCATION = ""
    sent = client.get(addresses["base"])
    assert sent["ETag"] == etag
    assert sent.content == storage.load(Image.objects.get().file)


@pytest.mark.parametrize("name", ["base", "REST"])
def test_who_may_not_see_the_picture_is_told_nothing_of_it(
    name, addresses, stranger, client_of, client
) -> None:
    for who in (client_of(stranger), client):
        refused = who.get(addresses[name])
        assert refused.status_code in (302, 401, 404)
        assert "X-Accel-Redirect" not in refused


def test_stored_files_have_no_address_of_the_portal(addresses, colleague, client_of) -> None:
    file = Image.objects.get().file
    for address in (f"/stored/{file}", f"/media/{file}", f"/{file}"):
        assert client_of(colleague).get(address).status_code == 404


def test_view_of_a_picture_that_the_proxy_sends_is_recorded(
    addresses, colleague, client_of, settings
) -> None:
    settings.ACCESS_RECORD = "now"
    client_of(colleague).get(addresses["base"])
    seen = AccessEvent.objects.get()
    assert (seen.actor, seen.status) == (colleague, 200)


@pytest.mark.parametrize("closed", ["file", "folder"])
def test_picture_that_the_proxy_could_not_read_is_sent_by_the_portal(
    closed, addresses, colleague, client_of
) -> None:
    path = Path(default_storage.path(Image.objects.get().file))
    if closed == "file":
        path.chmod(0o600)
    else:
        path.parent.chmod(0o700)
    answer = client_of(colleague).get(addresses["base"])
    assert answer.content == path.read_bytes()
    assert "X-Accel-Redirect" not in answer


def test_damaged_picture_is_not_left_to_the_proxy(addresses, colleague, client_of) -> None:
    path = Path(default_storage.path(Image.objects.get().file))
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    answer = client_of(colleague).get(addresses["base"])
    assert (answer.status_code, "X-Accel-Redirect" in answer) == (503, False)


def test_proxy_hands_on_every_header_of_the_portal(addresses, colleague, client_of) -> None:
    """Of an answer with X-Accel-Redirect nginx drops what it does not know."""
    template = (ROOT / ".docker" / "nginx.conf.template").read_text(encoding="utf-8")
    block = template[template.index("location /stored/images/") :].partition("\n    }")[0]
    repeated = set(re.findall(r"add_header (\S+) \$upstream", block))
    answer = client_of(colleague).get(addresses["base"], secure=True)
    assert set(answer.headers) - {"X-Accel-Redirect", "Content-Length"} <= repeated | KEPT_BY_NGINX


@pytest.mark.parametrize("text", ["stored", "/stored", "stored/", "/", "//"])
def test_location_without_its_slashes_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="slash at both ends, such as /stored/"):
        proxy_location(text)
    assert proxy_location("/stored/") == "/stored/"
    assert proxy_location("") == ""
