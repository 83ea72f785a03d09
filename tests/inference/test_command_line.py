from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inference.__main__ import main
from tests.inference.images import grey8, png_of
from tests.inference.tiny import CODES, tiny_model, write_cohort, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(write_model(tmp_path_factory.mktemp("model"), tiny_model()))


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("cohort")
    write_cohort(directory, per_class=4)
    return directory


def run_json(arguments: list[str], out: Path) -> Any:
    assert main([*arguments, "--json", str(out)]) == 0
    return json.loads(out.read_text("utf-8"))


FIGURES = {
    "n", "accuracy", "macro_precision", "macro_recall", "macro_f1", "per_class", "confusion", "labels", "ece",
    "brier", "nll",
}  # fmt: skip


def test_evaluate_with_a_manifest_reports_everything(cohort: Path, model: str, tmp_path: Path) -> None:
    arguments = ["evaluate", str(cohort), "--manifest", str(cohort / "manifest.csv"), "--model", model]
    report = run_json(arguments, tmp_path / "report.json")
    assert set(report) == FIGURES | {"model", "distinct", "interval", "localisation"}
    assert (report["model"], report["n"], report["labels"]) == ("tiny", 16, list(CODES))
    assert set(report["distinct"]) == FIGURES | {"interval", "localisation"}
    assert report["distinct"]["n"] == 8
    assert sum(map(sum, report["confusion"])) == 16
    assert set(report["per_class"]["glioma"]) == {"precision", "recall", "f1", "support"}
    assert report["interval"]["groups"] == 8
    assert set(report["localisation"]) == {"conv1", "conv2", "centre_prior"}
    layer = report["localisation"]["conv2"]
    pointing = {"n", "pointing", "heat_inside", "interval"}
    assert pointing | {"random_box", "centre_prior", "per_class"} == set(layer)
    assert layer["n"] == 12
    assert set(layer["per_class"]) == {"glioma", "meningioma", "pituitary"}
    for each in (layer, *layer["per_class"].values()):
        assert pointing == set(each["random_box"]) == set(each["centre_prior"])
    assert layer["centre_prior"]["pointing"] == report["localisation"]["centre_prior"]["pointing"]


def test_evaluate_a_plain_folder_reports_what_can_be_known(cohort: Path, model: str, tmp_path: Path) -> None:
    report = run_json(["evaluate", str(cohort), "--model", model], tmp_path / "report.json")
    assert set(report) == FIGURES | {"model"}
    assert report["n"] == 16


def test_evaluate_of_one_fold_takes_that_fold_only(cohort: Path, model: str, tmp_path: Path) -> None:
    manifest = ["--manifest", str(cohort / "manifest.csv")]
    report = run_json(
        ["evaluate", str(cohort), *manifest, "--folds", "1", "--model", model], tmp_path / "report.json"
    )
    assert report["n"] == 8


def test_predict_gives_a_record_a_file_and_an_error_code_for_a_bad_one(model: str, tmp_path: Path) -> None:
    good, bad, absent = tmp_path / "good.png", tmp_path / "bad.png", tmp_path / "absent.png"
    good.write_bytes(png_of(grey8()))
    bad.write_text("not a picture")
    files = [str(good), str(bad), str(absent)]
    records = run_json(["predict", *files, "--model", model], tmp_path / "out.json")
    assert [record["file"] for record in records] == files
    assert {record["model"] for record in records} == {"tiny"}
    assert records[0]["label"] == max(records[0]["probabilities"], key=records[0]["probabilities"].get)
    assert sum(records[0]["probabilities"].values()) == pytest.approx(1.0)
    assert records[0]["gate"] is None
    assert [record["error"]["code"] for record in records[1:]] == ["not_an_image", "file_missing"]


def test_predict_keeps_every_result_where_a_name_is_not_utf8(model: str, tmp_path: Path) -> None:
    odd, plain = tmp_path / os.fsdecode(b"caf\xe9.png"), tmp_path / "café.png"
    for path in (odd, plain):
        path.write_bytes(png_of(grey8()))
    gone = str(tmp_path / os.fsdecode(b"\xff.png"))
    records = run_json(["predict", str(odd), gone, str(plain), "--model", model], tmp_path / "out.json")
    assert [Path(record["file"]).name for record in records] == [r"caf\xe9.png", r"\xff.png", "café.png"]
    assert records[0]["probabilities"] == records[2]["probabilities"]
    assert records[1]["error"]["code"] == "file_missing"


def test_evaluate_reads_names_that_are_not_utf8(model: str, tmp_path: Path) -> None:
    odd = tmp_path / "data" / "glioma" / os.fsdecode(b"caf\xe9.png")
    odd.parent.mkdir(parents=True)
    odd.write_bytes(png_of(grey8()))
    report = run_json(["evaluate", str(tmp_path / "data"), "--model", model], tmp_path / "report.json")
    assert report["n"] == 1


def test_evaluate_reads_a_manifest_with_mark_semicolons_and_a_doubled_row(
    model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.png").write_bytes(png_of(grey8()))
    (tmp_path / "manifest.csv").write_text("path;label\r\na.png;glioma\r\na.png;glioma\r\n", "utf-8-sig")
    manifest = ["--manifest", str(tmp_path / "manifest.csv")]
    report = run_json(["evaluate", str(tmp_path), *manifest, "--model", model], tmp_path / "report.json")
    assert report["n"] == 1
    assert "manifest.csv, line 3: the same as line 2; left out.\n" in capsys.readouterr().err


@pytest.mark.parametrize("second", ["1.png", "1.bmp"], ids=["bytes", "pixels"])
def test_evaluate_refuses_the_same_image_under_two_labels(
    second: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("glioma/0.png", f"meningioma/{second}"):
        (tmp_path / "data" / name).parent.mkdir(parents=True)
        Image.fromarray(grey8()).save(tmp_path / "data" / name)
    out = tmp_path / "report.json"
    assert main(["evaluate", str(tmp_path / "data"), "--model", model, "--json", str(out)]) == 2
    assert capsys.readouterr().err == (
        "data_invalid: The same image has two labels; keep the right one and take the other out. "
        f"Received glioma/0.png is glioma, meningioma/{second} is meningioma.\n"
    )
    assert not out.exists()


def test_evaluate_takes_the_same_image_twice_under_one_label(model: str, tmp_path: Path) -> None:
    (tmp_path / "data" / "glioma").mkdir(parents=True)
    for name in ("0.png", "1.png"):
        (tmp_path / "data" / "glioma" / name).write_bytes(png_of(grey8()))
    report = run_json(["evaluate", str(tmp_path / "data"), "--model", model], tmp_path / "report.json")
    assert report["n"] == 2


def test_train_refuses_the_same_image_under_two_labels(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a.png", "b.png"):
        (tmp_path / name).write_bytes(png_of(grey8()))
    rows = "path,label,group,fold,first_of_slice\na.png,glioma,p,1,1\nb.png,notumor,q,2,1\n"
    (tmp_path / "manifest.csv").write_text(rows)
    arguments = ["train", "secondread-lite-2", "--data", str(tmp_path), "--out", str(tmp_path / "out")]
    assert main(arguments) == 2
    assert capsys.readouterr().err.endswith("Received a.png is glioma, b.png is notumor.\n")
    assert not (tmp_path / "out").exists()


def test_explain_writes_an_overlay_at_the_size_of_the_picture(model: str, tmp_path: Path) -> None:
    source, out = tmp_path / "slice.png", tmp_path / "overlay.png"
    source.write_bytes(png_of(grey8(120, 90)))
    chosen = ["--layer", "conv1", "--class", "pituitary", "--colour-map", "viridis"]
    assert main(["explain", str(source), *chosen, "--out", str(out), "--model", model]) == 0
    with Image.open(io.BytesIO(out.read_bytes())) as image:
        assert (image.size, image.mode) == ((90, 120), "RGB")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["explain", "{slice}", "--layer", "conv9", "--out", "{out}"], "layer_unknown"),
        (["explain", "{slice}", "--class", "chest", "--out", "{out}"], "class_unknown"),
        (["explain", "{text}", "--out", "{out}"], "not_an_image"),
        (["evaluate", "{empty}", "--json", "{out}"], "data_missing"),
        (["evaluate", "{missing}", "--json", "{out}"], "data_missing"),
        (["evaluate", "{broken}", "--json", "{out}"], "data_invalid"),
        (["evaluate", "{unknown}", "--json", "{out}"], "data_invalid"),
        (["predict", "{slice}", "--json", "{nowhere}"], "output_failed"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(
    arguments: list[str], code: str, model: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "slice.png").write_bytes(png_of(grey8()))
    for name, content in (("broken/glioma", b"no picture"), ("unknown/chest", png_of(grey8()))):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "1.png").write_bytes(content)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    places = {name: tmp_path / name for name in ("empty", "missing", "broken", "unknown")}
    places |= {"slice": tmp_path / "slice.png", "text": tmp_path / "text.png"}
    places |= {"out": tmp_path / "out", "nowhere": tmp_path / "no" / "where.json"}
    filled = [argument.format(**places) for argument in arguments]
    assert main([*filled, "--model", model]) == 2
    output = capsys.readouterr()
    assert output.err.startswith(f"{code}: ")
    assert len(output.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_dash_means_standard_output(model: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "slice.png"
    picture.write_bytes(png_of(grey8()))
    assert main(["predict", str(picture), "--json", "-", "--model", model]) == 0
    assert json.loads(capfd.readouterr().out)[0]["label"] in CODES


def test_module_runs_as_a_program(cohort: Path) -> None:
    """With the command that needs no TensorFlow, which takes seconds to load."""
    command = [sys.executable, "-m", "inference", "describe", str(cohort), "--json", "-"]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2], env={**os.environ}
    )
    assert set(json.loads(result.stdout)["data"]["classes"]) == set(CODES)
