"""`manage.py import_cohort`: a labelled folder becomes a cohort with ground truth."""

import io
import os
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from PIL import Image as PictureFile

from cases import storage
from cases.analysis import jobs
from cases.models import Case, Cohort, Image, Job
from tests.cast import make_png_bytes, sha256_of

pytestmark = [pytest.mark.usefixtures("model_version"), pytest.mark.both_databases]


@pytest.fixture(autouse=True)
def importer(make_person) -> None:
    person = make_person("root")
    person.is_superuser = True
    person.save()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for seed, label in enumerate(("glioma", "notumor")):
        (tmp_path / label).mkdir()
        (tmp_path / label / f"{seed}.png").write_bytes(make_png_bytes(seed=seed))
    return tmp_path


def run(folder: Path, **options: str) -> tuple[str, str]:
    out, err = StringIO(), StringIO()
    call_command("import_cohort", str(folder), name="Study", stdout=out, stderr=err, **options)
    return out.getvalue(), err.getvalue()


def test_folder_with_one_subfolder_a_class_becomes_a_cohort(folder) -> None:
    out, _ = run(folder)
    assert "2 received and queued, 0 already there, 0 refused" in out
    assert sorted(Case.objects.values_list("cohort__name", "ground_truth")) == [
        ("Study", "glioma"),
        ("Study", "notumor"),
    ]
    assert Job.objects.filter(status="queued").count() == 2
    assert Cohort.objects.get().memberships.get().role == "administrator"


def test_second_import_adds_nothing(folder) -> None:
    run(folder)
    out, _ = run(folder)
    assert "0 received and queued, 2 already there" in out
    assert Case.objects.count() == 2


def test_manifest_decides_over_subfolders(folder) -> None:
    (folder / "manifest.csv").write_text("path,label\nglioma/0.png,pituitary\n")
    run(folder)
    assert Case.objects.get().ground_truth == "pituitary"


def test_manifest_may_be_saved_with_a_byte_order_mark(folder) -> None:
    (folder / "manifest.csv").write_text("path,label\nglioma/0.png,pituitary\n", encoding="utf-8-sig")
    run(folder)
    assert Case.objects.get().ground_truth == "pituitary"


def test_column_groups_rows_to_the_images_of_one_case(folder) -> None:
    for seed in range(2, 6):
        (folder / f"{seed}.png").write_bytes(make_png_bytes(seed=seed))
    (folder / "notes.txt").write_text("not a picture")
    (folder / "manifest.csv").write_text(
        "path,label,case\n5.png,glioma,A\n2.png,notumor,\n3.png,glioma,A\nnotes.txt,glioma,A\n"
        "glioma/0.png,notumor,\n4.png,glioma,A\n"
    )
    out, err = run(folder)
    assert "5 received and queued, 0 already there, 1 refused" in out
    assert "notes.txt" in err
    assert Case.objects.count() == 3
    case = Case.objects.get(ground_truth="glioma")
    assert [image.source_sha256 for image in case.images.order_by("position")] == [
        sha256_of(make_png_bytes(seed=seed)) for seed in (5, 3, 4)
    ]
    assert "0 received and queued, 5 already there" in run(folder)[0]
    assert Case.objects.count() == 3


@pytest.mark.parametrize(
    "name", [".git/config", "glioma/.DS_Store", "glioma/.cache/1.png", "glioma/Thumbs.db"]
)
def test_file_that_a_system_left_in_a_folder_is_passed_over(name, folder) -> None:
    left = folder / name
    left.parent.mkdir(exist_ok=True)
    left.write_bytes(b"not of the study")
    out, err = run(folder)
    assert "2 received and queued, 0 already there, 0 refused" in out
    assert err == ""


def test_bad_file_is_named_and_the_others_go_on(folder) -> None:
    (folder / "glioma" / "notes.txt").write_text("not a picture")
    (folder / "manifest.csv").write_text(
        "path,label\nglioma/notes.txt,glioma\nmissing.png,glioma\nglioma/0.png,glioma\n"
    )
    out, err = run(folder)
    assert "1 received and queued, 0 already there, 2 refused" in out
    assert "notes.txt" in err
    assert "missing.png" in err


@pytest.mark.parametrize(
    ("manifest", "sentence"),
    [
        ("path,class\na.png,glioma\n", "lacks the column label"),
        ("path,label\n../../etc/passwd,glioma\n", "leads out of the folder"),
        ("path,label\nglioma/0.png,abscess\n", "classes abscess are not known"),
        ("path,label\n", "has no images"),
        ("path,label,case\na.png,glioma,A\nb.png,notumor,A\n", "case A has two labels, glioma and notumor"),
        ("path,label\nglioma/0.png,glioma\nb.png\n", "manifest.csv, line 3: path or label is empty"),
        ("path,label\nglioma/0.png,abscess\nb.png\n", "manifest.csv, line 3: path or label is empty"),
        ("path,label\n ,glioma\n", "manifest.csv, line 2: path or label is empty"),
        ("path,label\nglioma/0.png,glioma\ncaf\xe9.png,glioma\n", "manifest.csv, line 3: .* not UTF-8"),
        ("path,label\na\0.png,glioma\n", "manifest.csv, line 2: .* NUL"),
        (f"path,label\n{'a' * 200_000},glioma\n", "manifest.csv, line 2: this is no CSV"),
    ],
)
def test_wrong_manifest_is_refused_and_makes_no_cohort(manifest, sentence, folder) -> None:
    (folder / "manifest.csv").write_text(manifest, encoding="latin-1")
    with pytest.raises(CommandError, match=sentence):
        run(folder)
    assert not Cohort.objects.exists()


@pytest.mark.parametrize("name", ["copy.png", "resaved.bmp"])
def test_same_image_under_two_labels_is_refused_and_makes_no_cohort(name, folder) -> None:
    with PictureFile.open(io.BytesIO(make_png_bytes(seed=0))) as picture:
        picture.save(folder / "notumor" / name)
    (folder / "notumor" / "notes.txt").write_text("not a picture")
    with pytest.raises(CommandError, match=f"glioma/0.png is glioma, notumor/{name} is notumor"):
        run(folder)
    assert not Cohort.objects.exists()
    assert not Case.objects.exists()


def test_image_whose_label_differs_from_the_cohorts_is_refused(folder) -> None:
    run(folder)
    (folder / "glioma" / "0.png").rename(folder / "notumor" / "new.png")
    (folder / "notumor" / "more.png").write_bytes(make_png_bytes(seed=7))
    code = Case.objects.get(ground_truth="glioma").code
    with pytest.raises(
        CommandError, match=f"case {code} of this cohort is glioma, notumor/new.png is notumor"
    ):
        run(folder)
    assert Case.objects.count() == 2


def resave(source: Path, target: Path) -> None:
    with PictureFile.open(source) as picture:
        picture.save(target)
    source.unlink()


def test_picture_of_the_cohort_in_another_file_is_already_there(folder) -> None:
    run(folder)
    resave(folder / "glioma" / "0.png", folder / "glioma" / "resaved.bmp")
    assert "0 received and queued, 2 already there, 0 refused" in run(folder)[0]
    assert Case.objects.count() == 2


def test_picture_of_the_cohort_under_another_label_is_refused_also_in_another_file(folder) -> None:
    run(folder)
    resave(folder / "glioma" / "0.png", folder / "notumor" / "resaved.bmp")
    code = Case.objects.get(ground_truth="glioma").code
    with pytest.raises(
        CommandError, match=f"case {code} of this cohort is glioma, notumor/resaved.bmp is notumor"
    ):
        run(folder)
    assert Case.objects.count() == 2


def test_second_import_stores_a_lost_picture_anew(folder) -> None:
    run(folder)
    image = Image.objects.first()
    storage.discard(image.file)
    jobs.fail(jobs.lease(image.jobs.get().pk), jobs.Failure("image_missing", "It is gone.", retryable=False))
    out, _ = run(folder)
    assert "0 received and queued, 2 already there, 0 refused" in out
    assert "Stored anew, because the stored picture was missing or damaged: 1." in out
    assert storage.is_whole(image.file)
    assert set(Job.objects.values_list("status", flat=True)) == {"queued"}


def test_files_that_no_row_names_are_told(folder) -> None:
    (folder / "manifest.csv").write_text("path,label\nglioma/0.png,glioma\n")
    out, _ = run(folder)
    assert "1 file of the folder is in no row of manifest.csv: notumor/1.png." in out
    assert "1 received and queued" in out


def test_same_file_twice_under_one_label_is_one_case(folder) -> None:
    (folder / "glioma" / "copy.png").write_bytes(make_png_bytes(seed=0))
    assert "2 received and queued, 1 already there, 0 refused" in run(folder)[0]


def test_what_is_left_out_and_empty_is_told(folder) -> None:
    (folder / "glioma" / "@eaDir" / "0.png").mkdir(parents=True)
    (folder / "glioma" / "@eaDir" / "0.png" / "thumb.png").write_bytes(make_png_bytes(seed=5))
    (folder / "glioma" / "gone.png").symlink_to("nowhere.png")
    (folder / "pituitary").mkdir()
    out, err = run(folder)
    assert "Left out, hidden, or left by a system: glioma/@eaDir." in out
    assert "Left out, a link that leads nowhere: glioma/gone.png." in out
    assert "Without a file: pituitary." in out
    assert "2 received and queued, 0 already there, 0 refused" in out
    assert err == ""


def test_links_inside_classes_are_followed(folder, tmp_path_factory) -> None:
    store = tmp_path_factory.mktemp("store")
    (store / "5.png").write_bytes(make_png_bytes(seed=5))
    (folder / "glioma" / "more").symlink_to(store)
    assert "3 received and queued" in run(folder)[0]


def test_names_that_are_not_utf8_are_imported_and_told(folder) -> None:
    (folder / "glioma" / os.fsdecode(b"caf\xe9.png")).write_bytes(make_png_bytes(seed=5))
    (folder / "glioma" / os.fsdecode(b"\xff.txt")).write_text("not a picture")
    out, err = run(folder)
    assert "3 received and queued, 0 already there, 1 refused" in out
    assert r"glioma/\xff.txt: " in err
    (out + err).encode()


def test_manifest_is_read_as_the_core_reads_it(folder) -> None:
    (folder / "manifest.csv").write_text("path;label\r\n glioma/0.png ; pituitary \r\n", "utf-8-sig")
    run(folder)
    assert Case.objects.get().ground_truth == "pituitary"


def test_missing_folder_is_refused(tmp_path) -> None:
    with pytest.raises(CommandError, match="no such folder"):
        run(tmp_path / "nowhere")


def test_unknown_importer_is_refused(folder) -> None:
    with pytest.raises(CommandError, match="Nobody here"):
        run(folder, by="nobody@example.org")
