"""The CSV file that names labelled images, read by one set of rules."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inference.errors import DataError
from inference.image_list import read_image_list
from inference.training.data import Sample, read_samples
from inference.training.description.listing import list_images

CODES = ("glioma", "notumor")
PLAIN = "path,label\na.png,glioma\nsub/b.png,notumor\n"


def manifest_of(directory: Path, content: str | bytes) -> Path:
    path = directory / "manifest.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "surrogateescape"))
    return path


def refused(directory: Path, content: str | bytes) -> str:
    with pytest.raises(DataError) as caught:
        read_image_list(manifest_of(directory, content), directory)
    assert caught.value.code == "data_invalid"
    return caught.value.message


@pytest.mark.parametrize(
    "content",
    [
        PLAIN.encode("utf-8-sig"),
        PLAIN.encode("utf-16"),
        b"\xfe\xff" + PLAIN.encode("utf-16-be"),
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        "sep=;\r\n" + PLAIN.replace(",", ";").replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.rstrip("\n"),
        PLAIN.replace(",", " , ").replace("\n", " \n"),
        PLAIN.replace(",", "\xa0,"),
        PLAIN.replace("path,label", "Path,LABEL"),
        PLAIN.replace("path,label", '"path","label"').replace("a.png", '"a.png"'),
        PLAIN.replace("\n", "\n\n"),
        PLAIN.replace("\n", ",,\n") + ",,,\n",
        PLAIN.replace("a.png", "./sub/../a.png"),
    ],
    ids=[
        "mark", "utf-16", "utf-16-be", "semicolons", "tabs", "separator-line", "crlf", "cr", "no-end",
        "spaces", "hard-spaces", "capitals", "quotes", "empty-lines", "empty-columns", "dots",
    ],
)  # fmt: skip
def test_manifest_is_read_however_a_program_saved_it(tmp_path: Path, content: str | bytes) -> None:
    manifest = manifest_of(tmp_path, content)
    expected = [(tmp_path / "a.png", "glioma"), (tmp_path / "sub/b.png", "notumor")]
    assert [(image.path, image.label) for image in read_image_list(manifest, tmp_path).images] == expected
    # Those who take a manifest read it with this reader.
    assert [(sample.path, sample.label) for sample in read_samples(tmp_path, manifest, CODES)] == expected
    assert [(entry.path, entry.label) for entry in list_images(tmp_path, manifest).entries] == expected


def test_comma_in_quotes_is_part_of_a_name(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, 'path,label\n"a,b.png",glioma\n')
    assert [image.name for image in read_image_list(manifest, tmp_path).images] == ["a,b.png"]


def test_absolute_path_in_the_folder_is_read(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, f"path,label\n{tmp_path}/a.png,glioma\n")
    (image,) = read_image_list(manifest, tmp_path).images
    assert (image.path, image.name) == (tmp_path / "a.png", "a.png")


def test_absolute_path_elsewhere_is_read_as_it_stands(tmp_path: Path) -> None:
    elsewhere, folder = tmp_path / "elsewhere", tmp_path / "folder"
    for each in (elsewhere, folder):
        each.mkdir()
    (elsewhere / "a.png").write_bytes(b"-")
    (folder / "manifest.csv").write_text(f"path,label\n{elsewhere / 'a.png'},glioma\n")
    (listed,) = read_image_list(folder / "manifest.csv", folder).images
    assert (listed.path, listed.name) == (elsewhere / "a.png", str(elsewhere / "a.png"))


def test_absolute_path_is_read_also_where_the_folder_is_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    manifest = manifest_of(tmp_path, f"path,label\n{tmp_path}/real/a.png,glioma\n")
    (image,) = read_image_list(manifest, tmp_path / "link").images
    assert image.path == tmp_path / "link" / "a.png"


def test_link_in_the_folder_may_lead_to_where_the_data_lie(tmp_path: Path) -> None:
    data, store = tmp_path / "data", tmp_path / "store"
    data.mkdir()
    store.mkdir()
    (store / "1.png").write_bytes(b"x")
    (data / "images").symlink_to(store)
    manifest = manifest_of(data, "path,label\nimages/1.png,glioma\n")
    (image,) = read_image_list(manifest, data).images
    assert image.path.read_bytes() == b"x"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (
            "path,class\na.png,glioma\n",
            "line 1: the header lacks the column label; it needs path and label. ",
        ),
        (
            "",
            "line 1: the header lacks the column path and label; it needs path and label. Received no",
        ),
        ("path,label,Label\na,glioma,notumor\n", "line 1: the header names the column label twice; keep one"),
        (
            PLAIN + "../c.png,glioma\n",
            "line 4: the path leads out of the folder; put the file into the folder",
        ),
        (PLAIN + "sub/../../c.png,glioma\n", "line 4: the path leads out of the folder"),
        (PLAIN + "c.png\n", "line 4: path or label is empty; give both, or delete the line."),
        (PLAIN + "\n , glioma\n", "line 5: path or label is empty"),
        (PLAIN + "c,d.png,glioma\n", "line 4: there are 3 values for 2 columns; put a value that holds"),
        (PLAIN + "c\0.png,glioma\n", "line 4: the path holds a NUL"),
        (PLAIN + '"c.png,glioma\n', "line 4: this is no CSV (unexpected end of data); correct the line."),
        (PLAIN + '"c\n.png",glioma\nd.png\n', "line 6: path or label is empty"),
        (
            PLAIN + "./a.png,notumor\n",
            "line 4: a.png is notumor here and glioma in line 2; keep the right one.",
        ),
        (b"path,label\nb.png,glioma\ncaf\xe9.png,glioma\n", "line 3: this is not UTF-8; save the file so."),
        (b"path,label\nb.png,m\xe9ningiome\n", "line 2: this is not UTF-8; save the file so."),
        (b"path,label,r\xe9gion\nb.png,glioma,x\n", "line 1: this is not UTF-8; save the file so."),
        (b"\xff\xfe\x00", "line 1: this is not UTF-8; save the file so."),
        ("sep=;\npath;label\na.png\n", "line 3: path or label is empty"),
    ],
)
def test_wrong_line_is_named_with_what_to_do(tmp_path: Path, content: str | bytes, said: str) -> None:
    assert refused(tmp_path, content).startswith(f"manifest.csv, {said}")


def test_row_that_is_there_twice_is_taken_once_and_told(tmp_path: Path) -> None:
    listed = read_image_list(manifest_of(tmp_path, PLAIN + " a.png,glioma \n"), tmp_path)
    assert [image.name for image in listed.images] == ["a.png", "sub/b.png"]
    assert listed.notices == ("manifest.csv, line 4: the same as line 2; left out.",)


def test_files_that_no_row_names_are_told_alike_whoever_reads(tmp_path: Path) -> None:
    manifest = manifest_of(tmp_path, PLAIN)
    (tmp_path / "sub").mkdir()
    for name in ("a.png", "sub/b.png", "c.png", *(f"sub/{number}.png" for number in range(6)), ".hidden"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "z").symlink_to("sub")
    (tmp_path / "y.png").symlink_to("a.png")
    names = "c.png, sub/0.png, sub/1.png, sub/2.png, sub/3.png and 2 more"
    said = [f"7 files of the folder are in no row of manifest.csv: {names}."]
    assert list(read_image_list(manifest, tmp_path).notices) == said
    assert list(list_images(tmp_path, manifest).notices) == said
    told: list[str] = []
    read_samples(tmp_path, manifest, CODES, told.append)
    assert told == said


def test_file_that_a_row_names_by_way_of_a_link_is_not_told(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a.png").write_bytes(b"")
    (tmp_path / "link").symlink_to("real")
    manifest = manifest_of(tmp_path, "path,label\nlink/a.png,glioma\n")
    assert read_image_list(manifest, tmp_path).notices == ()


def test_row_that_is_there_twice_with_other_values_is_refused(tmp_path: Path) -> None:
    assert refused(tmp_path, "path,label,fold\na.png,glioma,1\na.png,glioma,2\n").startswith(
        "manifest.csv, line 3: a.png is named here and, with other values, in line 2; keep the right one."
    )


def test_name_that_is_no_utf8_is_read_where_a_file_bears_it(tmp_path: Path) -> None:
    name = os.fsdecode(b"caf\xe9.png")
    (tmp_path / name).write_bytes(b"x")
    (image,) = read_image_list(manifest_of(tmp_path, f"path,label\n{name},glioma\n"), tmp_path).images
    assert image.path.read_bytes() == b"x"
    assert image.name == r"caf\xe9.png"


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("fold", "first", "fold is no number"),
        ("fold", "1.5", "fold is no number"),
        ("x0", "nan", "x0 is no number"),
        ("first_of_slice", "maybe", "first_of_slice is 1 or 0"),
    ],
)
def test_value_that_is_no_number_is_named_by_its_line(
    tmp_path: Path, column: str, value: str, said: str
) -> None:
    manifest = manifest_of(tmp_path, f"path,label,{column}\na.png,glioma,\nb.png,glioma,{value}\n")
    with pytest.raises(DataError, match=f"manifest.csv, line 3: {said}"):
        read_samples(tmp_path, manifest, CODES)


def test_numbers_are_read_as_tables_write_them(tmp_path: Path) -> None:
    manifest = manifest_of(
        tmp_path,
        "path;label;fold;first_of_slice;x0;y0;x1;y1\na.png;glioma;2.0;True;0,1;0,2;0,3;0,4\n"
        "b.png;glioma;1;0;;;;\n",
    )
    assert read_samples(tmp_path, manifest, CODES) == [
        Sample(tmp_path / "a.png", "glioma", fold=2, first_of_slice=True, box=(0.1, 0.2, 0.3, 0.4)),
        Sample(tmp_path / "b.png", "glioma", fold=1, first_of_slice=False),
    ]
