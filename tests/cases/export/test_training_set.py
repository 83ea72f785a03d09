"""What was reviewed as a training set: which cases, under which class and group; and a network on it."""

import csv
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cases.models import Adjudication, AuditEvent, Case
from cases.setup.truth import patient_digest
from inference.training.data import read_samples
from tests.cast import CLASSES


def exported(folder, *options) -> tuple[str, list[dict]]:
    out = StringIO()
    call_command("export_training_set", str(folder), "--name", "North", *options, stdout=out)
    with (folder / "manifest.csv").open(encoding="utf-8", newline="") as file:
        return out.getvalue(), list(csv.DictReader(file))


@pytest.fixture
def cases(submit, analyse_as, colleague, second, referee, under_protocol, review_as):
    """By truth, by readers, by the adjudicator; and what cannot be learned from."""
    under_protocol(readers_required=2)
    told = {
        "truth": ("meningioma", []),
        "readers": ("", ["meningioma", "meningioma"]),
        "differ": ("", ["", "meningioma"]),
        "decided": ("", ["", "meningioma"]),
        "other": ("", ["unreadable", "unreadable"]),
        "unread": ("", []),
    }
    made = {}
    for seed, (name, (truth, reads)) in enumerate(told.items()):
        case = submit(seed=seed, ground_truth=truth)
        analyse_as(case)
        for reader, corrected in zip((colleague, second), reads, strict=False):
            review_as(reader, case, corrected=corrected)
        made[name] = case
    Adjudication.objects.create(case=made["decided"], adjudicator=referee, final_class="glioma", confidence=4)
    made["simulated"] = submit(seed=90, ground_truth="glioma", is_simulated=True)
    return made


def test_class_comes_from_truth_decision_or_all_readers(cases, tmp_path) -> None:
    said, rows = exported(tmp_path / "set")
    told = {row["case"]: (row["label"], row["source"], row["network"]) for row in rows}
    assert told == {
        cases["truth"].code: ("meningioma", "truth", "glioma"),
        cases["readers"].code: ("meningioma", "readers", "glioma"),
        cases["decided"].code: ("glioma", "adjudication", "glioma"),
    }
    assert "3 images in 3 groups: 1 glioma, 2 meningioma." in said
    assert "Left out, no class that all agree on: 2." in said
    assert "Left out, a class that no network knows: 1." in said
    assert "Left out, simulated: 1." in said
    assert AuditEvent.objects.get(action="training_set.exported").details == {"images": 3}
    samples = read_samples(tmp_path / "set", tmp_path / "set" / "manifest.csv", CLASSES)
    assert [(sample.label, sample.first_of_slice) for sample in samples] == [
        ("meningioma", True),
        ("meningioma", True),
        ("glioma", True),
    ]


def test_disagreements_alone_and_simulated_too(cases, tmp_path) -> None:
    _, rows = exported(tmp_path / "wrong", "--disagreements")
    assert {row["case"] for row in rows} == {cases["truth"].code, cases["readers"].code}
    _, rows = exported(tmp_path / "all", "--simulated")
    assert cases["simulated"].code in {row["case"] for row in rows}


def test_group_holds_a_patient_and_the_copies_of_a_picture(submit, cohort, tmp_path) -> None:
    one, other, copy, alone = (submit(seed=seed, ground_truth="glioma") for seed in range(4))
    for case in (one, other):
        Case.objects.filter(pk=case.pk).update(patient=patient_digest(cohort, "PATIENT-1"))
    copy.images.update(picture=other.images.get().picture)
    _, rows = exported(tmp_path / "set", "--folds", "3")
    group = {row["case"]: (row["group"], row["fold"]) for row in rows}
    assert group[one.code] == group[other.code] == group[copy.code] != group[alone.code]
    assert [row["first_of_slice"] for row in rows] == ["1", "1", "0", "1"]
    assert {int(row["fold"]) for row in rows} <= {0, 1, 2}
    assert "PATIENT-1" not in (tmp_path / "set" / "manifest.csv").read_text()


def test_picture_under_two_classes_is_left_out(submit, other_cohort, tmp_path) -> None:
    one, other, third = (
        submit(seed=seed, ground_truth=code) for seed, code in enumerate(("glioma", "pituitary", "glioma"))
    )
    other.images.update(file=one.images.get().file)
    said, rows = exported(tmp_path / "set")
    assert [row["case"] for row in rows] == [third.code]
    assert "Left out, the same picture under two classes: 2." in said


def test_what_cannot_be_written_is_refused_with_words(cohort, tmp_path) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").write_text("")
    for options, words in (
        ([str(tmp_path / "full"), "--name", "North"], "not empty"),
        ([str(tmp_path / "x"), "--name", "South"], "no cohort of this name"),
        ([str(tmp_path / "x"), "--name", "North", "--folds", "1"], "two folds"),
        ([str(tmp_path / "x"), "--name", "North"], "none has an image and a class"),
    ):
        with pytest.raises(CommandError, match=words):
            call_command("export_training_set", *options)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")
def test_network_trains_on_it_as_it_is(submit, tmp_path) -> None:
    """From disagreement to another network: the written folder and a recipe, and nothing in between."""
    from inference.manifest import load_manifest, verify_weights
    from inference.training import command
    from inference.training.progress import silent
    from tests.inference.test_training import tiny_recipe

    for number in range(12):
        submit(seed=number, ground_truth=CLASSES[number % 4])
    exported(tmp_path / "set", "--folds", "2")
    recipe = tiny_recipe(tmp_path, epochs="1")
    written = command.train(
        str(recipe), tmp_path / "set", tmp_path / "set" / "manifest.csv", tmp_path, silent
    )
    manifest = load_manifest(written)
    verify_weights(manifest)
    assert manifest.class_codes == CLASSES
