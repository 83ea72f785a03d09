"""The pictures: right pixels at the right place, right headers, kept from those who may not see them."""

import gzip
import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import nibabel as nib
import numpy as np
import pytest
from django.core.files.base import ContentFile
from PIL import Image as PillowImage

from cases import storage
from cases.analysis import jobs
from cases.export.dicom.drawings import drawing_of
from cases.intake.uploads import submit_file
from cases.models import Image, Prediction
from cases.viewer import images
from cases.viewer.heat import heat_in_region
from cases.viewer.marks import MarkedRegion, marks_on
from inference.heatmaps import MapSet, pack
from inference.preprocessing import Letterbox, to_display
from tests.cast import CLASSES, make_png_bytes

HEAD = Letterbox(side=200, left=-250.0, top=-80.0)


def opened(response) -> PillowImage.Image:
    assert response.status_code == 200, response.content
    assert response["Content-Type"] == "image/png"
    return PillowImage.open(io.BytesIO(response.content))


def addresses(case) -> dict[str, str]:
    stem, prediction = f"/cases/{case.code}", Prediction.objects.get(image__case=case)
    return {
        "base": f"{stem}/base.png",
        "map": f"{stem}/maps/{prediction.pk}/conv_3/glioma.png",
        "overlay": f"{stem}/overlay/{prediction.pk}/conv_3/glioma.png",
    }


def test_base_is_the_stored_picture_pixel_by_pixel(ready_case, colleague, client_of) -> None:
    shown = opened(client_of(colleague).get(addresses(ready_case)["base"]))
    uploaded = PillowImage.open(io.BytesIO(make_png_bytes()))
    assert np.array_equal(np.asarray(shown), np.asarray(uploaded))


def test_thumbnail_is_small_and_of_the_middle_picture_whichever_stands_for_the_case(
    submit_many, colleague, stranger, client_of
) -> None:
    case = submit_many(3)
    client, address = client_of(colleague), f"/cases/{case.code}/thumbnail.png"
    shown = opened(client.get(address))
    assert max(shown.size) <= 96
    middle = opened(client.get(f"/cases/{case.code}/base.png", {"image": 1}))
    assert np.array_equal(np.asarray(shown), np.asarray(middle))
    assert client_of(stranger).get(address).status_code == 404
    assert f'src="{address}"' in client.get("/cases/").content.decode()


@pytest.mark.parametrize(("channel", "value"), [("red", 10), ("green", 20), ("blue", 30), ("grey", 18)])
def test_base_shows_one_channel_of_a_colour_picture(
    channel, value, owner, cohort, model_version, client_of
) -> None:
    stream = io.BytesIO()
    PillowImage.new("RGB", (64, 48), (10, 20, 30)).save(stream, "PNG")
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    client = client_of(owner)
    shown = opened(client.get(f"/cases/{receipt.case.code}/base.png", {"channel": channel}))
    assert (shown.mode, shown.size, shown.getpixel((5, 5))) == ("L", (64, 48), value)
    page = client.get(f"/cases/{receipt.case.code}/", {"channel": channel})
    assert page.context["viewer"].base.endswith(f"channel={channel}")
    assert list(page.context["viewer"].form.fields) == ["channel"]


def test_very_large_base_is_made_smaller_and_the_page_keeps_its_coordinates(
    owner, cohort, model_version, client_of
) -> None:
    stream = io.BytesIO()
    PillowImage.effect_noise((3000, 1500), 40).save(stream, "PNG", compress_level=1)
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    client = client_of(owner)
    assert opened(client.get(f"/cases/{receipt.case.code}/base.png")).size == (2048, 1024)
    frame = client.get(f"/cases/{receipt.case.code}/").context["viewer"].view_box
    assert (frame.width, frame.height) == (3000, 1500)


def test_base_of_eight_bits_is_sent_as_it_is_stored(ready_case, colleague, client_of, monkeypatch) -> None:
    monkeypatch.setattr(images, "pixels_of", lambda _image: pytest.fail("It was decoded."))
    response = client_of(colleague).get(addresses(ready_case)["base"])
    assert response.content == storage.load(Image.objects.get().file)


def test_base_of_sixteen_bits_is_seen_through_its_window(owner, cohort, model_version, client_of) -> None:
    deep = np.arange(64 * 48, dtype=np.uint16).reshape(48, 64)
    stream = io.BytesIO()
    PillowImage.fromarray(deep).save(stream, "PNG")
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    shown = opened(client_of(owner).get(f"/cases/{receipt.case.code}/base.png"))
    assert (shown.mode, shown.getextrema()) == ("L", (0, 255))
    assert np.array_equal(np.asarray(shown), to_display(deep))


def test_no_more_than_two_pictures_are_drawn_at_once(rf) -> None:
    drawn_now, most, count = 0, 0, threading.Lock()

    def draw() -> bytes:
        nonlocal drawn_now, most
        with count:
            drawn_now += 1
            most = max(most, drawn_now)
        time.sleep(0.05)
        with count:
            drawn_now -= 1
        return b"picture"

    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda key: images.drawn(rf.get("/"), str(key), draw), range(8)))
    assert [answer.content for answer in answers] == [b"picture"] * 8
    assert most == 2


def test_picture_that_cannot_be_read_gives_its_place_to_the_next(rf) -> None:
    def fail() -> bytes:
        raise FileNotFoundError

    statuses = [images.drawn(rf.get("/"), "key", fail).status_code for _ in range(3)]
    assert statuses == [503] * 3
    assert images.drawn(rf.get("/"), "key", lambda: b"picture").status_code == 200


def test_map_lies_over_the_picture_and_is_coloured_and_drawn_as_asked(
    ready_case, colleague, client_of
) -> None:
    client, address = client_of(colleague), addresses(ready_case)["map"]
    inferno = opened(client.get(address))
    viridis = opened(client.get(address, {"colours": "viridis"}))
    fields = opened(client.get(address, {"interpolation": "nearest"}))
    assert inferno.size == viridis.size == fields.size == (64, 64)
    assert inferno.convert("RGBA").tobytes() != viridis.convert("RGBA").tobytes()
    alpha = np.asarray(fields.convert("RGBA"))[..., 3]
    assert np.array_equal(alpha, alpha[::8, ::8].repeat(8, 0).repeat(8, 1))
    assert not np.array_equal(alpha, np.asarray(inferno.convert("RGBA"))[..., 3])


@pytest.mark.parametrize("interpolation", ["linear", "nearest"])
def test_drawing_and_canvas_of_one_result_get_the_same_values(
    interpolation, ready_case, colleague, client_of
) -> None:
    client, address = client_of(colleague), addresses(ready_case)["map"]
    drawn = opened(client.get(address, {"interpolation": interpolation})).convert("RGBA")
    answer = client.get(address.replace(".png", ".nii.gz"), {"interpolation": interpolation})
    volume = nib.Nifti1Image.from_bytes(gzip.decompress(answer.content))
    assert np.array_equal(np.asanyarray(volume.dataobj)[:, :, 0].T, np.asarray(drawn)[..., 3])


def test_map_without_evidence_is_clear(ready_case, colleague, client_of) -> None:
    address = addresses(ready_case)["map"].replace("glioma", "pituitary")
    alpha = opened(client_of(colleague).get(address)).convert("RGBA").getchannel("A")
    assert alpha.getextrema() == (0, 0)


def test_overlay_at_no_opacity_is_the_picture_itself(ready_case, colleague, client_of) -> None:
    client, address = client_of(colleague), addresses(ready_case)["overlay"]
    plain = opened(client.get(address, {"opacity": "0"}))
    uploaded = PillowImage.open(io.BytesIO(make_png_bytes())).convert("RGB")
    assert np.array_equal(np.asarray(plain), np.asarray(uploaded))
    full = opened(client.get(address, {"opacity": "100"}))
    assert not np.array_equal(np.asarray(full), np.asarray(uploaded))


@pytest.mark.parametrize(
    ("square", "middle", "field"),
    [(None, (118.75, 406.25), (375, 87, 438, 150)), (HEAD, (167, 412), (400, 155, 425, 180))],
    ids=["of the picture", "of the head"],
)
@pytest.mark.usefixtures("model_version")
def test_overlay_lays_an_off_centre_peak_where_it_belongs(
    square, middle, field, owner, colleague, cohort, client_of, api_of
) -> None:
    """A 500 x 300 picture stands at y = 100 in its square of 500; field (row 3, column 6) of 8 x 8
    covers x from 375 to 437.5 and y from 187.5 to 250 of the square: 87.5 to 150 of the picture. In the
    square of 200 that begins at (250, 80) it covers 25 pixels from (400, 155).
    """
    stream = io.BytesIO()
    PillowImage.new("L", (500, 300), 0).save(stream, "PNG")
    receipt = submit_file(by=owner, cohort=cohort, file=ContentFile(stream.getvalue()))
    values = np.zeros((4, 8, 8), np.uint8)
    values[0, 3, 6] = 255
    maps = MapSet(("conv_3",), CLASSES, {"conv_3": values}, {"conv_3": np.ones(4, np.float32)}, square)
    claim = jobs.lease(Image.objects.get().jobs.get().pk)
    probabilities = dict(zip(CLASSES, (0.7, 0.1, 0.1, 0.1), strict=True))
    assert jobs.complete(claim, jobs.Result("glioma", probabilities, pack(maps), 0.1))
    shown = opened(client_of(colleague).get(addresses(receipt.case)["overlay"], {"opacity": "100"}))
    prediction = Prediction.objects.get()
    sent = PillowImage.fromarray(drawing_of(receipt.case, prediction)[:300, :500])
    for picture in (shown, sent):
        brightness = np.asarray(picture.convert("L"), float)
        rows, columns = np.mgrid[0:300, 0:500]
        centre = (brightness * rows).sum() / brightness.sum(), (brightness * columns).sum() / brightness.sum()
        assert centre == pytest.approx(middle, abs=2)
    region = {"image": 0, "kind": "rectangle", **dict(zip(("x0", "y0", "x1", "y1"), field, strict=True))}
    assert heat_in_region(prediction, region) == 1.0
    (mark,) = marks_on(prediction.image, [MarkedRegion("You", "1", region)], prediction, maps, None)
    assert mark.shares["conv_3"]["glioma"] == "100.0 %"
    page = f"/api/v1/cases/{receipt.case.code}/predictions/{prediction.pk}/maps/conv_3/glioma/"
    told = api_of(colleague).get(page, {"format": "npy"})["Map-Square"]
    assert told == ("200 250 80" if square else "500 0 -100")


@pytest.mark.parametrize("name", ["base", "map", "overlay"])
def test_picture_is_kept_by_the_readers_browser_only(name, ready_case, colleague, client_of) -> None:
    response = client_of(colleague).get(addresses(ready_case)[name])
    assert response["Cache-Control"] == "private, no-cache"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "Cookie" in response["Vary"]


@pytest.mark.parametrize("name", ["base", "map", "overlay"])
def test_picture_that_the_browser_has_is_not_sent_again(name, ready_case, colleague, client_of) -> None:
    client, address = client_of(colleague), addresses(ready_case)[name]
    etag = client.get(address)["ETag"]
    again = client.get(address, headers={"If-None-Match": etag})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", etag)


def test_etag_of_a_map_does_not_open_it_to_others(ready_case, colleague, owner, stranger, client_of) -> None:
    address = addresses(ready_case)["map"]
    known = {"If-None-Match": client_of(colleague).get(address)["ETag"]}
    assert client_of(owner).get(address, headers=known).status_code == 403
    assert client_of(stranger).get(address, headers=known).status_code == 404


def test_other_choices_have_other_etags(ready_case, colleague, client_of) -> None:
    client, address = client_of(colleague), addresses(ready_case)["overlay"]
    queries = [
        {"opacity": "50"},
        {"opacity": "60"},
        {"opacity": "50", "colours": "viridis"},
        {"opacity": "50", "interpolation": "nearest"},
    ]
    assert len({client.get(address, query)["ETag"] for query in queries}) == 4


@pytest.mark.parametrize(
    ("name", "query"),
    [
        ("base", {"channel": "alpha"}),
        ("map", {"colours": "pink"}),
        ("map", {"interpolation": "cubic"}),
        ("overlay", {"interpolation": "cubic"}),
        ("overlay", {"colours": "pink"}),
        ("overlay", {"opacity": "101"}),
        ("overlay", {"opacity": "-1"}),
        ("overlay", {"opacity": "1e1"}),
        ("overlay", {"opacity": ""}),
    ],
)
def test_value_that_a_picture_cannot_have_is_named(name, query, ready_case, colleague, client_of) -> None:
    response = client_of(colleague).get(addresses(ready_case)[name], query)
    assert response.status_code == 400
    assert f"“{next(reversed(query))}” takes one of:" in response.content.decode()
    assert response["Content-Type"] == "text/plain; charset=utf-8"


@pytest.mark.parametrize("name", ["map", "overlay"])
@pytest.mark.parametrize(("before", "after"), [("conv_3", "conv_9"), ("glioma", "unknown")])
def test_layer_or_class_that_does_not_exist_is_not_found(
    name, before, after, ready_case, colleague, client_of
) -> None:
    address = addresses(ready_case)[name].replace(before, after)
    assert client_of(colleague).get(address).status_code == 404


@pytest.mark.parametrize("name", ["base", "overlay"])
def test_picture_whose_file_is_gone_is_unavailable_and_not_cached(
    name, ready_case, colleague, client_of
) -> None:
    file = Image.objects.get().file
    kept = storage.load(file)
    storage.discard(file)
    try:
        response = client_of(colleague).get(addresses(ready_case)[name])
    finally:
        storage.store("images", kept, ".png")
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")


@pytest.mark.parametrize("name", ["base", "volume", "overlay"])
def test_picture_whose_stored_bytes_changed_is_unavailable_and_not_cached(
    name, ready_case, colleague, client_of, monkeypatch
) -> None:
    file = Image.objects.get().file
    whole = storage.load(file)
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    load = storage.load
    monkeypatch.setattr(storage, "load", lambda asked: changed if asked == file else load(asked))
    places = addresses(ready_case) | {"volume": f"/cases/{ready_case.code}/base.nii.gz"}
    response = client_of(colleague).get(places[name])
    assert (response.status_code, response["Cache-Control"]) == (503, "no-store")
