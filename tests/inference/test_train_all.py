from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
from PIL import Image

from inference.__main__ import main
from inference.architecture import BACKBONES
from inference.commands import train_all as command
from inference.errors import DataError
from inference.manifest import load_manifest
from inference.networks import build_network
from inference.predictor import Predictor
from inference.preprocessing import HEAD_ID
from inference.training import exams, gate_report, means, out_of_domain, packing, robustness, train_all
from inference.training.checkpoints import load_variables, save_variables
from inference.training.data import Sample, load_tensors
from inference.training.drawn import drawn
from inference.training.fitting import read_history
from inference.training.plan import load_plan, plan_from_dict, runs_of
from inference.training.recipe import Recipe
from inference.training.run_record import claim, digest_of
from inference.training.train_all import CODES, Pack, open_pack
from inference.training.unpacking import choose
from tests.inference.backbones import NARROW, narrow
from tests.inference.test_one_cycle import RECIPE
from tests.inference.tiny import labelled_picture, step_by_step, write_cohort

pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly"),
]

OLD_NETWORK = RECIPE[RECIPE.index("[network]") : RECIPE.index("[split]")]
NETWORK = """[network]
kind = "feature_pyramid"
backbone = "{}"
width = 4
dropout = 0.1
drop_connect = 0.1
batch_norm = true
"""
# What `train-all` does in a process of its own, which a kill -9 meets after its first epoch.
KILLED = """
import os, signal, sys
import pytest
import tensorflow as tf
from inference.__main__ import main
from inference.training.checkpoints import Backup
from tests.inference.backbones import narrow
narrow(pytest.MonkeyPatch())
tf.config.run_functions_eagerly(True)
written = Backup.on_epoch_end
def killed(self, epoch, logs=None):
    written(self, epoch, logs)
    os.kill(os.getpid(), signal.SIGKILL)
Backup.on_epoch_end = killed
main(["train-all", sys.argv[1], "--backend", "tensorflow"])
"""


@pytest.fixture(autouse=True)
def small_backbones(monkeypatch: pytest.MonkeyPatch) -> None:
    narrow(monkeypatch)


def write_plan(folder: Path, members: dict[str, str]) -> Path:
    """A plan of tiny members, each an id and its backbone; returns its path."""
    names = []
    for name, backbone in members.items():
        text = RECIPE.replace(OLD_NETWORK, NETWORK.format(backbone)).replace("tiny-pyramid", name)
        text = text.replace("epochs = 3", "epochs = 2").replace("draws = 16", "draws = 8")
        (folder / f"{name}.toml").write_text(f"{text}dense_weight = 0.5\n", "utf-8")
        names.append(str(folder / f"{name}.toml"))
    path = folder / "plan.toml"
    fields = {"id": "tiny-both", "title": "Tiny, both", "members": names, "mirrored": True}
    path.write_text("\n".join(f"{key} = {json.dumps(value)}" for key, value in fields.items()), "utf-8")
    return path


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    """A pack of one member and its data, which lie beside it."""
    write_cohort(tmp_path / "cohort", per_class=4)
    plan = write_plan(tmp_path, {"tiny-one": "lite0"})
    arguments = ["pack", str(tmp_path / "cohort"), "--plan", str(plan), "--out", str(tmp_path / "pack")]
    assert main(arguments) == 0
    return tmp_path / "pack"


# --- Plans ------------------------------------------------------------------------


def test_shipped_plan_trains_what_ships_first_and_then_a_network_for_each_fold() -> None:
    plan = load_plan("secondread-4")
    runs = runs_of(plan, [0, 1, 2])
    assert [run.id for run in runs] == [
        f"{name}{fold}"
        for name in ("secondread-lite-3-lite0", "secondread-4-lite0", "secondread-4-lite2")
        for fold in ("", "-fold0", "-fold1", "-fold2")
    ]
    assert runs[0].split.training_folds == (0, 1, 2)
    assert (runs[2].split.training_folds, runs[2].split.validation_folds) == ((0, 2), (1,))
    assert [each.network.as_dict()["backbone"] for each in plan.members] == ["lite0", "lite2"]
    with pytest.raises(DataError, match="two folds"):
        runs_of(plan, [0])


def test_foundation_is_trained_first_and_each_run_begins_with_that_of_its_own_fold(tmp_path: Path) -> None:
    plan = load_plan("secondread-4")
    pack = Pack(tmp_path, plan_from_dict(json.loads(json.dumps(plan.as_dict()))), ())
    assert pack.plan == plan
    runs = runs_of(plan, [0, 1])
    assert [run.id for run in runs][:6] == [
        *(f"secondread-lite-3-lite0{fold}" for fold in ("", "-fold0", "-fold1")),
        *(f"secondread-4-lite0{fold}" for fold in ("", "-fold0", "-fold1")),
    ]
    begun = [train_all.begun_from(pack, run) for run in runs]
    assert begun == [
        *[None] * 3,
        *(tmp_path / "runs" / run.id / "final.npz" for run in runs[:3]),
        *[None] * 3,
    ]


def test_run_waits_for_what_it_begins_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another process holds the foundation's network of all folds, so that nothing begins with that."""
    samples = tuple(Sample(tmp_path / "a.png", "glioma", fold=fold) for fold in (0, 1))
    pack = Pack(tmp_path, load_plan("secondread-4"), samples)
    trained = []

    def train(_pack: Pack, recipe: Recipe, _verbose: int) -> None:
        trained.append(recipe.id)
        (pack.run_directory(recipe)).mkdir()
        (pack.run_directory(recipe) / "final.npz").touch()

    monkeypatch.setattr(train_all, "open_pack", lambda _directory: pack)
    monkeypatch.setattr(train_all, "_train", train)
    with train_all._locked(tmp_path / "runs" / "secondread-lite-3-lite0.lock"):
        assert train_all.train_all(tmp_path, lambda _text: None) == 2
        assert "secondread-4-lite0-fold0" in trained
        assert "secondread-4-lite0" not in trained
    assert train_all.train_all(tmp_path, lambda _text: None) == 0
    assert trained[-2:] == ["secondread-lite-3-lite0", "secondread-4-lite0"]


def test_run_begins_with_a_foundation_of_its_plan_alone() -> None:
    plan = load_plan("secondread-4").as_dict()
    for wrong in ([], [plan["members"][1]]):
        with pytest.raises(DataError, match="secondread-lite-3-lite0"):
            plan_from_dict({**plan, "foundations": wrong, "members": plan["members"][:1]})


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('id = "a"\ntitle = "A"\nmembers = []\nmirrored = true', "has members"),
        ('id = "a"\ntitle = "A"\nmembers = ["secondread-lite-2"]\nmirrored = true', "feature pyramids"),
        ('id = "a"\ntitle = "A"\nmirrored = true', "members"),
        ("=", "misspelt"),
    ],
)
def test_plan_that_cannot_be_trained_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "plan.toml").write_text(text, "utf-8")
    with pytest.raises(DataError, match=said):
        load_plan(str(tmp_path / "plan.toml"))


def test_unknown_plan_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(DataError, match="shipped are secondread-4"):
        load_plan("secondread-99")


# --- Packs ------------------------------------------------------------------------


def test_pack_holds_images_byte_for_byte_plan_and_code_and_opens_again(packed: Path) -> None:
    assert sorted(path.name for path in packed.iterdir()) == [
        "code",
        "images.tar.xz",
        "plan.json",
        "requirements.txt",
    ]
    assert (packed / "code/inference/training/train_all.py").is_file()
    assert not list((packed / "code").rglob("*.npz"))
    pack = open_pack(packed)
    assert [run.id for run in pack.runs] == ["tiny-one", "tiny-one-fold0", "tiny-one-fold1"]
    assert pack.folds == [0, 1]
    cohort = packed.parent / "cohort"
    for sample in pack.samples:
        there = cohort / sample.path.relative_to(packed / "data")
        assert sample.path.read_bytes() == there.read_bytes()


def test_images_are_decoded_once_and_a_fold_has_the_tensors_and_the_digest_of_its_files(
    packed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack = open_pack(packed)
    decoded = train_all._decoded(pack, 32, HEAD_ID)
    monkeypatch.delattr(train_all, "load_tensors")
    again = train_all._decoded(pack, 32, HEAD_ID)
    rows = [row for row, sample in enumerate(pack.samples) if sample.fold == 1]
    direct = load_tensors(pack.of([1]), CODES, 32, preprocessing=HEAD_ID)
    for found in (decoded.of(rows), again.of(rows)):
        assert found.digest == direct.digest == digest_of(pack.of([1]))
        assert np.array_equal(found.images, direct.images)
        assert np.array_equal(found.labels, direct.labels)
        assert np.array_equal(found.boxes, direct.boxes, equal_nan=True)


def test_folder_that_is_not_empty_is_not_packed_into(
    packed: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (packed / "plan.json").read_bytes()
    arguments = [
        "pack", str(tmp_path / "cohort"), "--plan", str(tmp_path / "plan.toml"), "--out", str(packed),
    ]  # fmt: skip
    assert main(arguments) == 2
    assert "must be empty" in capsys.readouterr().err
    assert (packed / "plan.json").read_bytes() == before


def test_images_without_folds_are_not_packed(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "cohort", per_class=1)
    rows = manifest.read_text("utf-8").splitlines()
    manifest.write_text("\n".join(row.replace("fold", "other", 1) for row in rows), "utf-8")
    with pytest.raises(DataError, match="needs a fold"):
        packing.pack(load_plan("secondread-4"), tmp_path / "cohort", manifest, tmp_path / "out", print)
    assert not (tmp_path / "out").exists()


def test_image_outside_of_the_folder_is_not_packed(tmp_path: Path) -> None:
    manifest = write_cohort(tmp_path / "cohort", per_class=4)
    text = manifest.read_text("utf-8").replace("glioma/0.png", str(tmp_path / "moved.png"), 1)
    (tmp_path / "cohort/glioma/0.png").rename(tmp_path / "moved.png")
    manifest.write_text(text, "utf-8")
    plan = load_plan(str(write_plan(tmp_path, {"tiny-one": "lite0"})))
    with pytest.raises(DataError, match=r"moved\.png"):
        packing.pack(plan, tmp_path / "cohort", manifest, tmp_path / "out", print)


@pytest.mark.parametrize("command_name", ["train-all", "unpack"])
def test_folder_that_is_no_pack_is_refused(
    command_name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    more = ["--out", str(tmp_path / "out")] if command_name == "unpack" else ["--backend", "tensorflow"]
    assert main([command_name, str(tmp_path), *more]) == 2
    assert "no folder that `pack` made" in capsys.readouterr().err


def test_damaged_images_are_refused_and_leave_no_folder_of_data(packed: Path) -> None:
    archive = packed / "images.tar.xz"
    archive.write_bytes(archive.read_bytes()[:-200])
    with pytest.raises(DataError, match=r"images\.tar\.xz"):
        open_pack(packed)
    assert not (packed / "data").exists()


# --- Trainings -----------------------------------------------------------------------


@pytest.mark.slow
def test_killed_training_goes_on_at_its_last_epoch_and_what_is_complete_is_left_alone(packed: Path) -> None:
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(packed)], capture_output=True, timeout=120, check=False
    )
    assert killed.returncode == -signal.SIGKILL
    first = packed / "runs/tiny-one"
    begun = read_history(first / "history.csv")
    assert len(begun) == 1
    assert (first / "checkpoint.npz").is_file()
    told: list[str] = []
    with step_by_step():
        assert train_all.train_all(packed, told.append, verbose=0) == 0
    assert [row["epoch"] for row in read_history(first / "history.csv")] == [0, 1]
    assert read_history(first / "history.csv")[:1] == begun
    assert [line.split(":")[0] for line in told[::2]] == ["tiny-one", "tiny-one-fold0", "tiny-one-fold1"]
    finals = {path: path.read_bytes() for path in packed.rglob("final.npz")}
    assert len(finals) == 3
    assert not list(packed.rglob("checkpoint.npz"))
    assert train_all.train_all(packed, told.append) == 0
    assert len(told) == 6
    assert {path: path.read_bytes() for path in finals} == finals


def test_run_that_another_process_trains_is_left_to_it(packed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trained: list[str] = []
    monkeypatch.setattr(train_all, "_train", lambda _pack, recipe, _verbose: trained.append(recipe.id))
    with train_all._locked(packed / "runs/tiny-one.lock") as mine:
        assert mine
        assert train_all.train_all(packed, lambda _: None) == 3
    assert trained == ["tiny-one-fold0", "tiny-one-fold1"]


def test_jobs_are_processes_that_find_their_work_by_themselves(
    packed: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    started: list[list[str]] = []

    class Job:
        def __init__(self, command: list[str]) -> None:
            started.append(command[2:])

        def wait(self) -> None:
            pass

        terminate = wait

    monkeypatch.setattr(command.os, "environ", {})
    monkeypatch.setattr(command.subprocess, "Popen", Job)
    monkeypatch.setattr(command.signal, "signal", lambda *_: None)
    half = ["--backend", "jax", "--precision", "mixed_bfloat16"]
    assert main(["train-all", str(packed), "--jobs", "3", *half]) == 0
    assert started == [["inference", "train-all", str(packed), "--threads", "1", *half]] * 3
    assert "Not complete: tiny-one, tiny-one-fold0, tiny-one-fold1." in capsys.readouterr().err


@pytest.mark.parametrize(
    ("installed", "gpu", "chosen"),
    [
        ({"jax", "tensorflow"}, True, "jax"),
        ({"jax", "tensorflow"}, False, "tensorflow"),
        ({"jax"}, False, "jax"),
        ({"tensorflow"}, False, "tensorflow"),
    ],
)
def test_backend_is_what_there_is_and_a_gpu_is_used(
    installed: set[str], gpu: bool, chosen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = SimpleNamespace(platform="gpu" if gpu else "cpu")
    jax = SimpleNamespace(devices=lambda: [device])
    monkeypatch.setattr(command, "find_spec", lambda name: name if name in installed else None)
    monkeypatch.setattr(command, "import_module", lambda _: jax)
    assert command._backend_here() == chosen


def test_machine_with_neither_backend_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, "find_spec", lambda _: None)
    with pytest.raises(DataError, match="JAX or TensorFlow"):
        command._backend_here()


# --- What ships -----------------------------------------------------------------------


def test_pack_whose_trainings_are_not_complete_does_not_ship(packed: Path) -> None:
    pack = open_pack(packed)
    (packed / "runs/tiny-one").mkdir(parents=True)
    (packed / "runs/tiny-one/final.npz").write_bytes(b"")
    with pytest.raises(DataError, match="Received tiny-one-fold0, tiny-one-fold1"):
        choose(pack)
    for fold in (0, 1):
        (packed / f"runs/tiny-one-fold{fold}").mkdir()
        (packed / f"runs/tiny-one-fold{fold}/final.npz").write_bytes(b"")
    assert choose(pack).mirrored
    assert not choose(pack, ["tiny-one"], straight=True).mirrored
    with pytest.raises(DataError, match="Received tiny-two"):
        choose(pack, ["tiny-two"])


def complete(pack: Pack) -> None:
    """Put down every training as if it were done, with the weights that it would begin with."""
    for number, run in enumerate(pack.runs):
        keras.utils.set_random_seed(number)
        claim(pack.run_directory(run), run, digest_of(pack.of(run.split.training_folds)))
        model = build_network(run.network, run.input_size, len(CODES))
        save_variables(pack.run_directory(run) / "final.npz", model.variables, 2)


def test_what_is_complete_travels_back_in_half_precision_and_is_unpacked_like_the_rest(packed: Path) -> None:
    pack = open_pack(packed)
    run = pack.runs[1]
    directory = pack.run_directory(run)
    model = build_network(run.network, run.input_size, len(CODES))
    claim(directory, run, digest_of(pack.of(run.split.training_folds)))
    (directory / "history.csv").write_text("epoch\n0\n", "utf-8")
    save_variables(directory / "final.npz", model.variables, 2)
    before = [np.asarray(each).copy() for each in model.variables]
    results = packed.parent / "results"
    assert train_all.hand_over(pack, results) == ["tiny-one-fold0"]
    assert [path.name for path in results.iterdir()] == ["tiny-one-fold0"]
    there, here = (each / "final.npz" for each in (results / "tiny-one-fold0", directory))
    assert there.stat().st_size < here.stat().st_size
    shutil.rmtree(directory)
    shutil.move(results / "tiny-one-fold0", directory)
    again = build_network(run.network, run.input_size, len(CODES))
    assert load_variables(here, again.variables) == 2
    for old, new in zip(before, again.variables, strict=True):
        assert np.asarray(new).dtype == old.dtype
        np.testing.assert_allclose(np.asarray(new), old, rtol=1e-3, atol=1e-6)
    assert sorted(path.name for path in directory.iterdir()) == ["final.npz", "history.csv", "run.json"]


@pytest.mark.slow
def test_trained_plan_ships_as_one_network_with_figures_gate_and_card(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(out_of_domain, "_PICTURES", {})
    monkeypatch.setattr(out_of_domain, "drawn", lambda: list(drawn())[:3])
    monkeypatch.setattr(exams, "template_slices", lambda: [labelled_picture("notumor", 1)])
    monkeypatch.setitem(BACKBONES, "lite2", NARROW)
    for figures in (gate_report, means, robustness):
        monkeypatch.setattr(figures, "DRAWS", 20)
    write_cohort(tmp_path / "cohort", per_class=4)
    plan = write_plan(tmp_path, {"tiny-one": "lite0", "tiny-two": "lite2"})
    pack, out = tmp_path / "pack", tmp_path / "out"
    assert main(["pack", str(tmp_path / "cohort"), "--plan", str(plan), "--out", str(pack)]) == 0
    complete(open_pack(pack))
    (tmp_path / "others/foot").mkdir(parents=True)
    Image.fromarray(labelled_picture("notumor", 2)).save(tmp_path / "others/foot/a.png")
    others = ["--others", str(tmp_path / "others")]
    assert main(["unpack", str(pack), "--out", str(out), *others]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(out / "tiny-both.json")
    manifest = load_manifest(out / "tiny-both.json")
    assert manifest.network.as_dict()["mirrored"] is True
    assert manifest.training["split"]["training"]["folds"] == [0, 1]
    assert manifest.training["figures"]["cross_validation"]["n"] == 16
    assert [row["fold"] for row in manifest.training["figures"]["per_fold"]] == [0, 1]
    assert manifest.training["figures"]["gate"]["per_kind"]["foot"]["n"] == 1
    assert {"gate", "robustness", "calibration", "exams"} <= set(manifest.training["figures"])
    assert sorted(path.name for path in (out / "measured").glob("*.tflite")) == [
        "tiny-both-fold0.tflite",
        "tiny-both-fold1.tflite",
        "tiny-both.tflite",
    ]
    picture = labelled_picture("glioma", 1)
    predictor = Predictor.load(manifest)
    assert predictor.engine.name == "litert"
    found, turned = predictor.predict([picture, picture[:, ::-1].copy()])
    assert found.gate is not None
    assert turned.logits == pytest.approx(found.logits, abs=1e-4)
    assert manifest.training["figures"]["robustness"]
    card = (out / "tiny-both.md").read_text("utf-8")
    assert "mirror image get the same answer" in card
    assert "Network 2: EfficientNet-Lite2" in card
    assert "`inference/training/recipes/tiny-two.toml`" in card
    assert "python -m inference pack $DATA --plan tiny-both --out $RUNS\n" in card
    assert "inference train tiny" not in card
    assert "## Whole exams" in card
