from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inference.__main__ import main
from inference.manifest import load_manifest
from inference.predictor import Predictor
from inference.preprocessing import to_tensor
from inference.training.blanking import blank, box_elsewhere, head_mask, pixel_box
from inference.training.changes import CHANGES, grey_of
from inference.training.data import read_samples
from inference.training.folds import held_out
from inference.training.means import mean_of
from inference.training.robustness import Measured, measure, robustness, summarise
from tests.inference.fold_models import write_fold_model
from tests.inference.images import grey8, slice_like
from tests.inference.tiny import CODES, write_cohort

CHANGE = {change.code: change.apply for change in CHANGES}
NAMES = list(CHANGE)


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cohort")
    write_cohort(directory, per_class=4)
    return directory


def test_every_change_has_its_own_code_and_keeps_the_given_slice() -> None:
    grey = grey8()
    before = grey.copy()
    for change in CHANGES:
        assert change.apply(grey).dtype in (np.uint8, np.uint16)
    assert np.array_equal(grey, before)
    assert len(set(NAMES)) == len(CHANGES)


def test_mirrored_slice_is_the_slice_seen_from_the_other_side() -> None:
    assert np.array_equal(CHANGE["mirrored"](grey8()), grey8()[:, ::-1])


@pytest.mark.parametrize("code", ["rgb", "bits_16"])
def test_other_way_of_saving_gives_the_same_tensor(code: str) -> None:
    assert np.allclose(to_tensor(CHANGE[code](grey8()), 32), to_tensor(grey8(), 32), atol=1e-6)


@pytest.mark.parametrize(
    ("code", "shape"),
    [
        ("rescaled_512", (512, 410)),
        ("padded", (100, 80)),
        ("letterboxed", (80, 107)),
        ("cropped", (72, 58)),
        ("rgb", (80, 64, 3)),
    ],
)
def test_change_of_size_has_the_size_that_its_name_says(code: str, shape: tuple[int, ...]) -> None:
    assert CHANGE[code](grey8(80, 64)).shape == shape


def test_borders_are_black_and_the_slice_lies_in_their_middle() -> None:
    padded = CHANGE["padded"](grey8(80, 64))
    assert np.array_equal(padded[10:90, 8:72], grey8(80, 64))
    assert int(padded.sum()) == int(grey8(80, 64).sum())


def test_grey_values_change_as_the_names_say() -> None:
    ramp = np.arange(256, dtype=np.uint8)[None]
    assert CHANGE["gamma_0_7"](ramp)[0, [0, 64, 255]].tolist() == [0, 97, 255]
    assert CHANGE["gamma_1_4"](ramp)[0, [0, 64, 255]].tolist() == [0, 37, 255]
    assert CHANGE["brighter"](ramp)[0, [0, 100, 240]].tolist() == [25, 125, 255]
    assert CHANGE["darker"](ramp)[0, [10, 100, 255]].tolist() == [0, 75, 230]
    assert CHANGE["contrast_high"](ramp)[0, [0, 100, 255]].tolist() == [0, 93, 255]
    assert CHANGE["contrast_low"](ramp)[0, [0, 100, 255]].tolist() == [26, 106, 230]


def test_stronger_compression_moves_the_picture_further() -> None:
    grey = grey8()
    errors = [
        np.abs(CHANGE[code](grey).astype(int) - grey.astype(int)).mean() for code in ("jpeg_50", "jpeg_30")
    ]
    assert 0 < errors[0] < errors[1]


def test_deep_picture_changes_from_its_grey_as_it_is_shown() -> None:
    assert grey_of(slice_like(top=4000)).dtype == np.uint8
    assert np.array_equal(grey_of(grey8()), grey8())


def test_box_in_shares_covers_every_pixel_that_it_touches() -> None:
    assert pixel_box((0.26, 0.11, 0.5, 0.2), (100, 40)) == (11, 10, 20, 20)
    assert pixel_box((1.0, 1.0, 1.0, 1.0), (100, 40)) == (99, 39, 100, 40)


def test_blanked_box_holds_the_grey_around_it_and_blends_into_it() -> None:
    grey = np.full((60, 60), 100, np.uint8)
    grey[20:30, 20:30] = 250
    blanked = blank(grey, (20, 20, 30, 30))
    assert np.array_equal(blanked, np.full((60, 60), 100))
    steps = np.zeros((60, 60), np.uint8)
    steps[:, 40:] = 200
    dark = blank(steps, (10, 30, 20, 40))[15].astype(int)
    assert dark[30:40].max() == 0
    assert 0 < dark[40] < dark[41] < 200
    assert dark[43] == 200


def test_nothing_changes_beyond_the_rim() -> None:
    grey = grey8()
    changed = np.argwhere(blank(grey, (30, 20, 40, 32)) != grey)
    assert changed.min(axis=0).tolist() >= [27, 17]
    assert changed.max(axis=0).tolist() <= [42, 34]


def head(side: int = 90) -> np.ndarray:
    rows, columns = np.mgrid[0:side, 0:side]
    grey = np.where(np.hypot(rows - 45, columns - 45) < 36, 120, 0).astype(np.uint8)
    grey[40:50, 40:50] = 0
    return grey


def test_head_is_the_largest_bright_area_with_its_holes() -> None:
    grey = head()
    grey[2:6, 2:6] = 255
    mask = head_mask(grey)
    assert mask[45, 45]
    assert not mask[3, 3]
    assert not head_mask(np.zeros((8, 8), np.uint8)).any()


def test_box_elsewhere_lies_in_the_head_off_the_lesion_and_is_the_same_each_time() -> None:
    grey, lesion = head(), (30, 30, 42, 44)
    for seed in range(20):
        found = box_elsewhere(grey, lesion, np.random.default_rng(seed))
        assert found is not None
        top, left, bottom, right = found
        assert (bottom - top, right - left) == (12, 14)
        assert head_mask(grey)[top:bottom, left:right].mean() >= 0.95
        assert bottom <= 30 - 4 or top >= 42 + 4 or right <= 30 - 4 or left >= 44 + 4
    again = [box_elsewhere(grey, lesion, np.random.default_rng(3)) for _ in range(2)]
    assert again[0] == again[1]


def test_lesion_that_leaves_no_room_has_no_box_elsewhere() -> None:
    assert box_elsewhere(head(), (10, 10, 80, 80), np.random.default_rng(0)) is None


def test_mean_with_groups_widens_with_fewer_of_them() -> None:
    values = np.arange(120) % 10 == 0
    many = mean_of(values, [str(index) for index in range(120)])
    few = mean_of(values, [str(index // 30) for index in range(120)])
    assert many["mean"] == few["mean"] == pytest.approx(0.1)
    assert many["interval"][0] < 0.1 < many["interval"][1]
    assert few["interval"] == pytest.approx([0.1, 0.1])
    assert mean_of([1.0, 3.0], None) == {"mean": 2.0}


def measured(**fields: object) -> Measured:
    plain = Measured(
        label="a",
        truth=0,
        group="p",
        original=np.array([0.8, 0.2]),
        changed=np.tile([0.8, 0.2], (len(CHANGES), 1)),
        lesion=None,
        elsewhere=None,
    )
    return replace(plain, **fields)


def test_flips_and_falls_of_a_worked_example() -> None:
    flipped = np.tile([0.8, 0.2], (len(CHANGES), 1))
    flipped[NAMES.index("mirrored")] = [0.3, 0.7]
    seen = [
        measured(lesion=np.array([0.2, 0.8]), elsewhere=np.array([0.7, 0.3])),
        measured(group="q", changed=flipped, lesion=np.array([0.9, 0.1])),
    ]
    report = summarise(seen)
    assert (report["n"], report["groups"], report["draws"]) == (2, 2, 1000)
    mirrored = report["changes"]["mirrored"]
    assert (mirrored["n"], mirrored["flip_rate"], mirrored["interval"]) == (2, 0.5, [0.0, 1.0])
    assert mirrored["probability_change"] == pytest.approx(0.25)
    assert report["changes"]["rgb"]["flip_rate"] == 0.0
    assert report["any"]["flip_rate"] == 0.5
    assert report["mean"]["flip_rate"] == pytest.approx(0.5 / len(CHANGES))
    lesion, elsewhere = report["blanking"]["lesion"], report["blanking"]["elsewhere"]
    assert (lesion["n"], lesion["falling"]["mean"], lesion["changed_class"]["mean"]) == (2, 0.5, 0.5)
    assert lesion["mean"] == lesion["median"] == pytest.approx(0.25)
    assert (elsewhere["n"], elsewhere["changed_class"]["mean"]) == (1, 0.0)
    assert elsewhere["mean"] == pytest.approx(0.1)
    assert report["blanking"]["difference"]["mean"] == pytest.approx(0.5)
    assert report["blanking"]["difference"]["larger"]["mean"] == 1.0
    assert report["blanking"]["per_class"]["a"]["lesion"]["n"] == 2


def test_slices_without_groups_or_boxes_have_neither_intervals_nor_blanking() -> None:
    report = summarise([measured(group=None), measured()])
    assert set(report) == {"n", "changes", "mean", "any"}
    assert set(report["changes"]["mirrored"]) == {"label", "n", "flip_rate", "probability_change"}


def test_measured_rows_are_the_predictions_of_each_changed_picture(cohort: Path, models: list[Path]) -> None:
    predictor = Predictor.load(load_manifest(models[0]))
    samples = [each for each in read_samples(cohort, cohort / "manifest.csv", CODES) if each.fold == 0]
    found = measure(predictor, samples, seed=0, progress=lambda _done, _total: None)
    with Image.open(io.BytesIO(samples[1].path.read_bytes())) as image:
        grey = np.array(image)
    mirrored = predictor.predict([grey[:, ::-1]])[0].probabilities
    assert found[1].changed[NAMES.index("mirrored")] == pytest.approx(np.array(mirrored), abs=1e-5)
    blanked = predictor.predict([blank(grey, pixel_box(samples[1].box, grey.shape))])[0].probabilities
    assert found[1].lesion == pytest.approx(np.array(blanked), abs=1e-5)
    assert [each.lesion is None for each in found] == [each.label == "notumor" for each in samples]


def test_command_pools_every_model_on_the_distinct_slices_of_its_fold(
    cohort: Path, models: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "report.json"
    data = [str(cohort), "--manifest", str(cohort / "manifest.csv")]
    assert main(["robustness", *data, "--models", *map(str, models), "--json", str(out)]) == 0
    report = json.loads(out.read_text("utf-8"))
    assert (report["models"], report["folds"]) == (["tiny-fold0", "tiny-fold1"], [0, 1])
    assert (report["n"], report["groups"]) == (8, 8)
    assert list(report["changes"]) == NAMES
    assert report["blanking"]["lesion"]["n"] == 6
    assert "8 of 8 images" in capsys.readouterr().err


def test_same_seed_gives_the_same_report(cohort: Path, models: list[Path]) -> None:
    own = held_out([load_manifest(models[0])])
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    assert robustness(own, samples, seed=4) == robustness(own, samples, seed=4)


@pytest.mark.parametrize(
    ("name", "training", "folds", "message"),
    [
        ("tiny-fold0", [0, 1], [], "was trained on folds"),
        ("tiny", [1, 2], ["--folds", "0,1"], "was trained on folds"),
        ("tiny", [1], [], "needs the folds"),
        ("tiny-fold0", None, [], "must name the folds"),
        ("tiny", [1], ["--folds", "7"], "No image is in the held-out folds"),
    ],
)
def test_model_without_a_fold_that_it_did_not_see_is_refused(
    name: str,
    training: list[int] | None,
    folds: list[str],
    message: str,
    cohort: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    model = write_fold_model(tmp_path, name, training=training)
    data = [str(cohort), "--manifest", str(cohort / "manifest.csv")]
    out = tmp_path / "report.json"
    assert main(["robustness", *data, "--models", str(model), *folds, "--json", str(out)]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert error.startswith(("data_invalid: ", "data_missing: "))
    assert not out.exists()
