from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import kruskal, mannwhitneyu

from inference.__main__ import main
from inference.errors import DataError
from inference.training.description.describe import describe
from inference.training.description.listing import list_images
from inference.training.description.page import render_page
from inference.training.description.statistics import holm
from tests.inference.folders import picture, write

DATA = os.environ.get("SECONDREAD_DATA")


def rows_of(*rows: dict[str, str]):
    return "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n"


def by_kind(content):
    return {leak["kind"]: leak for leak in content["leaks"]}


def test_leaky_folders_are_told_by_kind_and_number(leaky):
    content = describe(leaky).content

    assert {kind: leak["images"] for kind, leak in by_kind(content).items()} == {
        "files": {"Testing": 1, "Training": 1},
        "pixels": {"Testing": 1, "Training": 1},
        "near": {"Testing": 3, "Training": 3},
    }
    assert by_kind(content)["near"]["share"] == {"Testing": 0.75, "Training": 0.375}
    assert by_kind(content)["files"]["examples"] == [["Testing/glioma/copy.png", "Training/glioma/0.png"]]
    assert content["data"]["split_by"] == "folder"
    assert content["counts"]["by_split"] == {
        "Testing": {"glioma": 2, "notumor": 2},
        "Training": {"glioma": 4, "notumor": 4},
    }


def test_leaky_folders_are_told_on_standard_error_and_in_the_banner(leaky, tmp_path, capsys):
    page, report = tmp_path / "report.html", tmp_path / "report.json"

    assert main(["describe", str(leaky), "--html", str(page), "--json", str(report)]) == 0

    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("LEAK: ")]
    leaks = json.loads(report.read_text("utf-8"))["leaks"]
    assert told == [f"LEAK: {leak['sentence']}" for leak in leaks]
    assert told[0] == (
        "LEAK: Testing and Training share identical files: 1 of 4 images of Testing (25.0%) and 1 of 8 "
        "images of Training (12.5%)."
    )
    html = page.read_text("utf-8")
    assert html.index('role="alert"') < html.index("<dl")
    assert all(leak["sentence"] in html for leak in leaks)


def test_separate_folders_have_no_leak_and_say_what_was_not_checked(leaky):
    for shared in ("glioma/copy.png", "glioma/mirrored.png", "notumor/flatter.png"):
        (leaky / "Testing" / shared).unlink()

    content = describe(leaky).content

    assert content["leaks"] == []
    assert [sentence.split(":")[0] for sentence in content["not_checked"]] == [
        "Groups (patients or exams) are not known",
        "Slices are not named",
    ]


@pytest.mark.parametrize(("column", "names"), [("split", ("a", "b")), ("fold", ("fold a", "fold b"))])
def test_manifest_with_shared_slice_and_group_is_told(tmp_path, column, names):
    for seed in range(4):
        write(tmp_path / f"{seed}.png", picture(seed))
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        rows_of(
            {"path": "0.png", "label": "x", column: "a", "group": "p1", "slice": "s1"},
            {"path": "1.png", "label": "x", column: "b", "group": "p1", "slice": "s1"},
            {"path": "2.png", "label": "y", column: "b", "group": "p1", "slice": "s2"},
            {"path": "3.png", "label": "y", column: "b", "group": "p2", "slice": "s3"},
        )
    )

    content = describe(tmp_path, manifest).content

    assert {kind: leak["images"] for kind, leak in by_kind(content).items()} == {
        "slices": {names[0]: 1, names[1]: 1},
        "groups": {names[0]: 1, names[1]: 2},
    }
    assert content["not_checked"] == []
    assert (content["data"]["groups"], content["data"]["slices"]) == (2, 3)


def test_duplicates_are_found_in_files_pixels_and_pictures(plain):
    write(plain / "glioma" / "a.png", picture(0, 0.5), compress_level=0)
    write(plain / "glioma" / "b.png", np.stack([picture(0, 0.5)] * 3, axis=-1))
    write(plain / "notumor" / "c.png", picture(6)[:, ::-1].copy())
    (plain / "notumor" / "d.png").write_bytes((plain / "notumor" / "7.png").read_bytes())

    found = describe(plain).content["duplicates"]

    assert found["files"]["sets"] == [["notumor/7.png", "notumor/d.png"]]
    assert found["pixels"]["sets"] == [
        ["glioma/0.png", "glioma/a.png", "glioma/b.png"],
        ["notumor/7.png", "notumor/d.png"],
    ]
    assert (found["pixels"]["images"], found["pixels"]["surplus"]) == (5, 3)
    assert found["near"]["sets"] == [
        ["glioma/0.png", "glioma/a.png", "glioma/b.png"],
        ["notumor/6.png", "notumor/c.png"],
        ["notumor/7.png", "notumor/d.png"],
    ]
    assert (found["near"]["pairs"], found["near"]["mirrored_pairs"]) == (5, 1)
    assert found["conflicting_labels"] == []


def test_copy_under_another_label_is_a_conflict(plain):
    write(plain / "notumor" / "glioma-2.png", picture(2, 0.5)[:, ::-1].copy())

    assert describe(plain).content["duplicates"]["conflicting_labels"] == [
        [
            {"file": "glioma/2.png", "label": "glioma"},
            {"file": "notumor/glioma-2.png", "label": "notumor"},
        ]
    ]


def test_same_image_under_two_labels_is_told_with_both_places(plain, tmp_path, capsys):
    (plain / "notumor" / "copy.png").write_bytes((plain / "glioma" / "2.png").read_bytes())
    write(plain / "notumor" / "resaved.bmp", picture(3))
    write(plain / "glioma" / "3.png", picture(3))

    assert main(["describe", str(plain), "--json", str(tmp_path / "out.json")]) == 0

    told = [
        "glioma/2.png is glioma, notumor/copy.png is notumor",
        "glioma/3.png is glioma, notumor/resaved.bmp is notumor",
    ]
    report = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert report["duplicates"]["contradictions"] == told
    assert [f"CONTRADICTION: {sentence}" in capsys.readouterr().err for sentence in told[:1]] == [True]


def test_names_that_are_not_utf8_are_in_report_and_page(plain, tmp_path):
    name = os.fsdecode(b"caf\xe9.png")
    (plain / "glioma" / name).write_bytes((plain / "glioma" / "2.png").read_bytes())
    (plain / "glioma" / os.fsdecode(b"\xff.txt")).write_text("no picture")
    out, page = tmp_path / "out.json", tmp_path / "out.html"

    assert main(["describe", str(plain), "--json", str(out), "--html", str(page)]) == 0

    report = json.loads(out.read_text("utf-8"))
    assert report["duplicates"]["files"]["sets"] == [["glioma/2.png", r"glioma/caf\xe9.png"]]
    assert [fault["file"] for fault in report["faulty"]] == [r"glioma/\xff.txt"]
    assert r"glioma/caf\xe9.png" in page.read_text("utf-8")


def test_folders_that_systems_leave_are_no_splits_and_are_told(plain):
    write(plain / "glioma" / "@eaDir" / "2.png" / "thumb.jpg", picture(2))
    write(plain / "__MACOSX" / "glioma" / "._2.png", picture(2))
    (plain / "pituitary").mkdir()

    content = describe(plain).content

    assert (content["data"]["files"], content["data"]["split_by"]) == (12, None)
    assert content["notices"] == [
        "Left out, hidden, or left by a system: __MACOSX, glioma/@eaDir.",
        "Without a file: pituitary.",
    ]


def test_faulty_files_are_listed_by_code_and_the_rest_described(plain):
    (plain / "glioma" / "empty.png").write_bytes(b"")
    (plain / "glioma" / "text.jpg").write_text("not a picture")
    whole = (plain / "notumor" / "6.png").read_bytes()
    (plain / "notumor" / "half.png").write_bytes(whole[: len(whole) // 2])
    (plain / "notumor" / ".DS_Store").write_bytes(b"litter")
    (plain / "notumor" / "Thumbs.db").write_bytes(b"litter")

    content = describe(plain).content

    assert [(fault["file"], fault["code"]) for fault in content["faulty"]] == [
        ("glioma/empty.png", "empty_file"),
        ("glioma/text.jpg", "not_an_image"),
        ("notumor/half.png", "truncated"),
    ]
    assert (content["data"]["files"], content["data"]["readable"]) == (15, 12)
    assert content["counts"]["by_class"] == {"glioma": 8, "notumor": 7}


def test_file_that_the_manifest_names_but_is_not_there_is_listed(plain):
    manifest = plain / "manifest.csv"
    manifest.write_text("path,label\nglioma/0.png,glioma\nglioma/gone.png,glioma\n")

    faulty = describe(plain, manifest).content["faulty"]

    assert [(fault["file"], fault["code"]) for fault in faulty] == [("glioma/gone.png", "file_missing")]


def test_mode_that_gives_the_class_away_is_noted(tmp_path):
    for seed in range(20):
        pixels = picture(seed)
        tumour = seed < 10
        colour = np.stack([pixels, pixels, pixels], axis=-1)
        write(tmp_path / ("glioma" if tumour else "notumor") / f"{seed}.png", pixels if tumour else colour)

    properties = describe(tmp_path).content["properties"]

    assert properties["mode"]["counts"] == {
        "L": {"glioma": 10, "notumor": 0},
        "RGB": {"glioma": 0, "notumor": 10},
    }
    assert properties["mode"]["cramers_v"] == pytest.approx(1.0)
    assert properties["mode"]["note"] == (
        "This gives the class away: of 10 images with colour mode L, 10 (100.0%) are glioma, and of all "
        "images 50.0%."
    )
    assert properties["size"] == {
        "counts": {"64 x 64": {"glioma": 10, "notumor": 10}},
        "cramers_v": None,
        "note": None,
    }
    assert "source" not in properties


def test_intensity_of_sixteen_bits_is_told_in_grey_levels(tmp_path):
    levels = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    write(tmp_path / "a" / "deep.png", levels)
    write(tmp_path / "b" / "flat.png", np.full((64, 64), 90, np.uint8))

    content = describe(tmp_path).content

    assert content["intensity"]["a"]["max"]["max"] == 255.0
    assert content["intensity"]["a"]["mean"]["mean"] == pytest.approx(127.5, abs=0.01)
    assert content["intensity"]["b"]["sd"] == dict.fromkeys(("mean", "sd", "min", "median", "max"), 0.0)
    assert list(content["properties"]["bit_depth"]["counts"]) == ["16", "8"]


def test_classes_are_compared_as_scipy_does(plain):
    description = describe(plain)
    means = {
        code: [each.intensity["mean"] for each in description.readings if each.entry.label == code]
        for code in ("glioma", "notumor")
    }

    tests = description.content["tests"]["images"]["measures"]["mean"]

    overall = kruskal(*means.values())
    assert tests["kruskal_wallis"] == {
        "h": pytest.approx(overall.statistic),
        "p": pytest.approx(overall.pvalue),
        "epsilon_squared": pytest.approx(overall.statistic / 11),
    }
    (pair,) = tests["pairs"]
    assert pair["classes"] == ["glioma", "notumor"]
    assert pair["p"] == pytest.approx(mannwhitneyu(*means.values()).pvalue)
    assert pair["rank_biserial"] == -1.0
    assert description.content["tests"]["groups"] is None


def test_groups_are_compared_by_their_means(plain):
    manifest = plain / "manifest.csv"
    rows = [
        {"path": f"{code}/{seed}.png", "label": code, "group": f"p{seed // 2}"}
        for seed in range(12)
        for code in ["glioma" if seed < 6 else "notumor"]
    ]
    manifest.write_text(rows_of(*rows))

    tests = describe(plain, manifest).content["tests"]

    assert tests["images"]["n"] == {"glioma": 6, "notumor": 6}
    assert tests["groups"]["n"] == {"glioma": 3, "notumor": 3}


def test_measure_that_is_equal_everywhere_is_not_tested(tmp_path):
    for seed in range(6):
        pixels = picture(seed)
        pixels[0, 0] = 0
        write(tmp_path / ("a" if seed < 3 else "b") / f"{seed}.png", pixels)

    assert describe(tmp_path).content["tests"]["images"]["measures"]["min"]["kruskal_wallis"] is None


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.01, 0.04, 0.03], [0.03, 0.06, 0.06]),
        ([0.5, 0.9], [1.0, 1.0]),
        ([0.02], [0.02]),
        ([], []),
    ],
)
def test_holm_of_known_values(values, expected):
    assert holm(values) == pytest.approx(expected)


def test_single_class_single_image_is_described(tmp_path):
    write(tmp_path / "only" / "one.png", picture(0))

    description = describe(tmp_path)

    assert description.content["tests"]["images"]["measures"]["mean"]["pairs"] == []
    assert "Data report: tiny" in render_page(description, "tiny", {})


def test_folder_around_the_classes_is_no_split(plain):
    content = describe(plain.parent).content

    assert (content["data"]["classes"], content["data"]["split_by"]) == (["glioma", "notumor"], None)


@pytest.mark.parametrize(
    ("paths", "classes", "splits"),
    [
        (["Training/glioma/0", "Training/notumor/1", "Testing/glioma/2"], ["glioma", "notumor"], 2),
        (["Training/glioma/a/0", "Training/glioma/b/1", "Testing/notumor/2"], ["glioma", "notumor"], 2),
        (["train/glioma/0", "valid_set/glioma/1", "test/notumor/2"], ["glioma", "notumor"], 3),
        (["site-1/glioma/0", "site-1/notumor/1", "site-2/glioma/2"], ["glioma", "notumor"], 2),
        (["glioma/patient1/0", "glioma/patient2/1", "notumor/patient3/2"], ["glioma", "notumor"], 0),
        (["glioma/patient1/0", "glioma/1", "notumor/2"], ["glioma", "notumor"], 0),
    ],
    ids=["splits", "folders in classes", "other names", "sites", "patients", "mixed"],
)
def test_folders_are_splits_or_classes_with_folders(tmp_path, paths, classes, splits):
    for seed, path in enumerate(paths):
        write(tmp_path / f"{path}.png", picture(seed))

    listing = list_images(tmp_path, None)

    assert list(listing.classes) == classes
    assert len(listing.splits) == splits
    assert len(listing.entries) == 3
    assert listing.notices == ()


def test_class_without_files_is_counted_as_zero(plain):
    (plain / "pituitary").mkdir()

    assert describe(plain).content["counts"]["by_class"] == {"glioma": 6, "notumor": 6, "pituitary": 0}


def refused(*arguments) -> tuple[str, str]:
    with pytest.raises(DataError) as error:
        describe(*arguments)
    return error.value.code, error.value.message


def test_folder_that_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path / "gone") == ("data_missing", "There is no such folder. Received 'gone'.")


def test_folder_without_classes_is_refused(tmp_path):
    write(tmp_path / "loose.png", picture(0))

    code, message = refused(tmp_path)

    assert (code, message.startswith("The folder needs one sub-folder a class.")) == ("data_missing", True)


def test_folder_of_empty_classes_is_refused(tmp_path):
    (tmp_path / "glioma").mkdir()

    assert refused(tmp_path) == ("data_missing", "The data have no labelled images. Received 0 files.")


def test_folder_without_a_readable_image_is_refused(tmp_path):
    (tmp_path / "glioma").mkdir()
    (tmp_path / "glioma" / "empty.png").write_bytes(b"")

    assert refused(tmp_path) == ("data_missing", "None of 1 files can be read. Received empty_file.")


def test_folder_of_classes_beside_splits_is_refused(leaky):
    write(leaky / "glioma" / "0.png", picture(0))

    code, message = refused(leaky)

    assert code == "data_invalid"
    assert message.endswith("Received glioma without classes beside Testing with some.")


@pytest.mark.parametrize(
    ("content", "code", "told"),
    [
        (
            b"file,label\na.png,x\n",
            "data_invalid",
            "line 1: the header lacks the column path; it needs path and label. Received file, label.",
        ),
        (b"", "data_invalid", "the column path and label; it needs path and label. Received no columns."),
        (
            b"path,label\na.png,\n",
            "data_invalid",
            "line 2: path or label is empty; give both, or delete the line.",
        ),
        (b"path,label\n", "data_missing", "Received 0 files."),
        (b"\xff\xfe\x00", "data_invalid", "manifest.csv, line 1: this is not UTF-8; save the file so."),
    ],
    ids=["column", "empty", "label", "rows", "encoding"],
)
def test_manifest_that_cannot_be_used_is_refused(tmp_path, content, code, told):
    manifest = tmp_path / "manifest.csv"
    manifest.write_bytes(content)

    received = refused(tmp_path, manifest)

    assert (received[0], received[1].endswith(told)) == (code, True)


def test_manifest_that_is_not_there_is_refused(tmp_path):
    assert refused(tmp_path, tmp_path / "gone.csv")[0] == "data_missing"


def test_command_on_bad_data_exits_2_and_writes_nothing(tmp_path, capsys):
    out = tmp_path / "out"
    out.mkdir()

    code = main(
        ["describe", str(tmp_path / "gone"), "--html", str(out / "a.html"), "--json", str(out / "a.json")]
    )

    assert code == 2
    assert capsys.readouterr().err == "data_missing: There is no such folder. Received 'gone'.\n"
    assert list(out.iterdir()) == []


def test_command_without_an_output_is_a_usage_error(plain, capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["describe", str(plain)])

    assert stopped.value.code == 2
    assert "one of --html and --json is needed" in capsys.readouterr().err


@pytest.mark.skipif(not DATA, reason="SECONDREAD_DATA does not name the labelled slices")
def test_public_split_of_real_slices_is_told_as_leaky(tmp_path):
    """Three quarters of the public test slices also stand in training; fold 0 stands for all of them."""
    with (Path(DATA) / "manifest.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["fold"] == "0"]
    public = {"Te": "Testing", "Tr": "Training"}
    kept = [
        {
            **{name: row[name] for name in ("path", "label", "group", "slice", "source")},
            "split": public[start],
        }
        for row in rows
        for start in [Path(row["path"]).name[:2]]
    ]
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(rows_of(*kept))

    content = describe(Path(DATA), manifest).content

    leaks = by_kind(content)
    assert leaks["groups"]["share"]["Testing"] > 0.95
    assert leaks["slices"]["share"]["Testing"] > 0.65
    assert leaks["near"]["share"]["Testing"] >= leaks["slices"]["share"]["Testing"] - 0.02
    assert content["faulty"] == []
    assert "notumor" in content["properties"]["mode"]["note"]
