from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.errors import DataError
from inference.formats import Pixels
from inference.training import out_of_domain
from inference.training.out_of_domain import OutOfDomain, out_of_domain_pictures, pictures_in

GREY = np.arange(64 * 96, dtype=np.uint16).reshape(64, 96).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures() -> list[OutOfDomain]:
    return out_of_domain_pictures()


def test_every_kind_that_a_portal_meets_is_there(pictures: list[OutOfDomain]) -> None:
    kinds = Counter(each.kind for each in pictures)
    assert set(kinds) == {
        "photo",
        "texture",
        "microscopy",
        "text",
        "drawing",
        "other_modality",
        "head_ct",
        "noise",
        "empty",
    }
    assert len({each.source for each in pictures}) > 50


def test_pictures_are_what_the_network_takes(pictures: list[OutOfDomain]) -> None:
    for each in pictures:
        assert each.pixels.dtype in (np.uint8, np.uint16), each.source
        assert each.pixels.ndim == 2 or each.pixels.shape[2] == 3, each.source
        assert min(each.pixels.shape[:2]) >= 16, each.source


def test_only_what_is_called_empty_is_constant(pictures: list[OutOfDomain]) -> None:
    constant = {each.source for each in pictures if each.pixels.min() == each.pixels.max()}
    assert constant == {"constant"}


def test_they_are_the_same_on_every_call(pictures: list[OutOfDomain]) -> None:
    again = out_of_domain_pictures()
    assert [(each.kind, each.source) for each in again] == [(each.kind, each.source) for each in pictures]
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(again, pictures, strict=True))


def test_signed_values_keep_their_order(pictures: list[OutOfDomain]) -> None:
    ct: Pixels = next(each.pixels for each in pictures if each.source == "CT_small.dcm")
    assert ct.dtype == np.uint16
    assert ct.min() == 0
    assert ct.max() > 1000


def test_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(out_of_domain.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(DataError, match="come with the packages") as caught:
        out_of_domain_pictures()
    assert caught.value.code == "packages_missing"


def test_picture_that_a_package_no_longer_ships_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no longer ships") as caught:
        out_of_domain._read(tmp_path / "gone.png")
    assert caught.value.code == "packages_missing"


def test_folders_of_ones_own_pictures_name_their_kinds(tmp_path: Path) -> None:
    (tmp_path / "chest film/one").mkdir(parents=True)
    (tmp_path / "foot").mkdir()
    Image.fromarray(GREY).save(tmp_path / "chest film/one/a.png")
    Image.fromarray(GREY).save(tmp_path / "foot/b.tif")
    (tmp_path / "read me.txt").write_text("no picture, in no folder of a kind")
    found = [(each.kind, each.source, each.pixels.shape) for each in pictures_in(tmp_path)]
    assert found == [("chest film", "chest film/one", GREY.shape), ("foot", "foot/b.tif", GREY.shape)]


def test_folder_without_pictures_or_with_what_is_none_is_told(tmp_path: Path) -> None:
    for missing in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(DataError, match="Received none in") as caught:
            pictures_in(missing)
        assert caught.value.code == "data_missing"
    (tmp_path / "foot").mkdir()
    (tmp_path / "foot/b.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"Received 'b\.png'") as caught:
        pictures_in(tmp_path)
    assert caught.value.code == "data_invalid"


def test_ones_own_pictures_come_after_the_others(tmp_path: Path, pictures: list[OutOfDomain]) -> None:
    (tmp_path / "foot").mkdir()
    Image.fromarray(GREY).save(tmp_path / "foot/b.png")
    (tmp_path / "foot/.DS_Store").write_bytes(b"left by a system")
    found = out_of_domain_pictures(tmp_path)
    assert [each.source for each in found] == [*(each.source for each in pictures), "foot/b.png"]
