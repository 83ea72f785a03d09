from __future__ import annotations

import csv
import json
import resource
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.__main__ import main
from inference.errors import DataError
from inference.manifest import load_manifest
from inference.predictor import Predictor
from inference.training import command, selection
from inference.training.data import load_tensors, read_pixels, read_samples
from inference.training.intervals import bootstrap_intervals
from inference.training.metrics import score
from inference.training.recipe import load_recipe
from inference.training.run_record import claim, digest_of
from tests.inference.tiny import CODES, step_by_step, write_cohort

# Keras 3.15 reads TensorFlow variables in a way that numpy 2 deprecates; nothing of ours does.
pytestmark = [
    pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:Even though the .tf.config.experimental_run_functions_eagerly"),
    pytest.mark.slow,
]

RECIPE = """
id = "{id}"
title = "Tiny"
seed = 3
input_size = 32
[network]
kind = "plain_cnn"
dense = {dense}
dropout = 0.0
blocks = [{{ filters = 4, batch_norm = false }}]
[split]
training_folds = [2]
validation_folds = [1]
weight_copies = false
distinct_only = true
[augmentation]
rotation_degrees = 0.0
shift = 0.0
shear = 0.0
zoom = 0.0
[fit]
batch_size = 8
epochs = 2
learning_rate = 0.01
early_stopping_patience = 2
reduce_patience = 2
reduce_factor = 0.1
"""


def write_recipe(directory: Path, name: str = "small", dense: int = 4) -> Path:
    path = directory / f"{name}.toml"
    path.write_text(RECIPE.format(id=name, dense=dense), "utf-8")
    return path


def rewrite(manifest: Path, change: Callable[[dict[str, str]], dict[str, Any]]) -> Path:
    with manifest.open(newline="", encoding="utf-8") as file:
        rows = [change(row) for row in csv.DictReader(file)]
    other = manifest.with_name("other.csv")
    with other.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return other


def three_folds(row: dict[str, str]) -> dict[str, Any]:
    return {**row, "fold": int(row["group"].split("-")[1]) % 3}


@pytest.fixture(scope="module", autouse=True)
def fitted_without_graphs() -> Iterator[None]:
    """Fit each fold step by step; the predictor that scores it is compiled as ever."""
    real = command.fit

    def fit(*arguments: Any, **options: Any) -> Any:
        with step_by_step():
            return real(*arguments, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(command, "fit", fit)
        yield


@pytest.fixture(scope="module")
def cohort(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """48 images of 24 slices and as many groups, in folds 0 to 2."""
    directory = tmp_path_factory.mktemp("cohort")
    manifest = write_cohort(directory, per_class=12)
    rewrite(manifest, three_folds).replace(manifest)
    return directory


@pytest.fixture(scope="module")
def experiment(cohort: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that one comparison of two recipes on two folds fills."""
    out = tmp_path_factory.mktemp("experiment")
    write_recipe(out, "small", dense=4)
    write_recipe(out, "large", dense=8)
    assert run_select(cohort, out) == 0
    return out


def run_select(cohort: Path, experiment: Path, **options: str) -> int:
    said = {
        "manifest": str(cohort / "manifest.csv"),
        "folds": "0,1",
        "json": str(experiment / "out.json"),
    } | options
    recipes = [str(experiment / "small.toml"), str(experiment / "large.toml")]
    arguments = [word for name, value in said.items() for word in (f"--{name}", value)]
    extra = [
        "--runs",
        str(experiment / "runs"),
        "--plots",
        str(experiment / "plots"),
        "--markdown",
        str(experiment / "out.md"),
    ]
    return main(["select", str(cohort), "--recipes", *recipes, *extra, *arguments])


def report_of(experiment: Path) -> dict[str, Any]:
    report: dict[str, Any] = json.loads((experiment / "out.json").read_text("utf-8"))
    return report


def test_every_image_is_scored_by_the_model_that_did_not_learn_from_its_fold(
    experiment: Path, cohort: Path
) -> None:
    """Pooled again by hand, with the predictor that the portal uses."""
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)
    scored = [sample for sample in samples if sample.fold in (0, 1)]
    rows: dict[Path, tuple[float, ...]] = {}
    for fold in (0, 1):
        manifest = load_manifest(experiment / "runs" / f"small-fold{fold}.json")
        recipe = manifest.training["recipe"]["split"]
        assert recipe["training_folds"] == [(fold + 2) % 3]
        assert recipe["validation_folds"] == [(fold + 1) % 3]
        mine = [sample for sample in scored if sample.fold == fold]
        results = Predictor.load(manifest).predict([read_pixels(sample)[0] for sample in mine])
        rows |= {each.path: result.probabilities for each, result in zip(mine, results, strict=True)}
    truth = np.array([CODES.index(sample.label) for sample in scored])
    pooled = np.array([rows[sample.path] for sample in scored])
    first = np.array([bool(sample.first_of_slice) for sample in scored])
    groups = [str(sample.group) for sample in scored]
    report = next(each for each in report_of(experiment)["candidates"] if each["recipe"] == "small")
    for name, chosen, count in (("all", np.ones(32, bool), 32), ("distinct", first, 16)):
        figures = score(truth[chosen], pooled[chosen], CODES)
        assert report[name]["n"] == count
        assert report[name]["confusion"] == figures.confusion
        assert report[name]["nll"] == pytest.approx(figures.nll, rel=1e-4)
        of_chosen = [group for group, is_chosen in zip(groups, chosen, strict=True) if is_chosen]
        interval = bootstrap_intervals(truth[chosen], pooled[chosen], of_chosen, CODES)
        assert report[name]["interval"]["macro_f1"] == pytest.approx(interval["macro_f1"])


def test_report_names_what_was_compared_and_how(experiment: Path) -> None:
    report = report_of(experiment)
    by_recipe = {each["recipe"]: each for each in report["candidates"]}
    assert set(by_recipe) == {"small", "large"}
    # One convolution of 3 x 3 x 4 + 4, a dense layer on 16 x 16 x 4, four logits.
    assert by_recipe["small"]["parameters"] == 40 + (1024 * 4 + 4) + (4 * 4 + 4)
    assert by_recipe["large"]["parameters"] == 40 + (1024 * 8 + 8) + (8 * 4 + 4)
    largest = max((experiment / "runs" / f"small-fold{fold}.npz").stat().st_size for fold in (0, 1))
    assert by_recipe["small"]["weights_bytes"] == largest
    assert [
        (model["fold"], model["training_folds"], model["stopping_folds"], model["epochs"])
        for model in by_recipe["large"]["models"]
    ] == [(0, [2], [1], 2), (1, [0], [2], 2)]
    assert report["ranked_on"] == "distinct"
    assert report["folds"] == [0, 1]
    assert report["best"] == report["candidates"][0]["recipe"]
    assert report["candidates"][0]["difference_to_best"] == {
        "macro_f1": 0.0,
        "interval": [0.0, 0.0],
        "equal": True,
    }
    assert any(
        "fold 1 where fold 0 is scored; fold 2 where fold 1 is scored" in note for note in report["notes"]
    )


def test_tables_and_plots_are_written_whole(experiment: Path) -> None:
    text = (experiment / "out.md").read_text("utf-8")
    report = report_of(experiment)
    lines = [line for line in text.splitlines() if line.startswith(("| small | 4", "| large | 8"))]
    assert [line.split(" | ")[0][2:] for line in lines] == [each["recipe"] for each in report["candidates"]]
    assert f"Chosen: `{report['chosen']}`" in text
    assert "--recipes small.toml large.toml --folds 0,1" in text
    assert str(experiment) not in text
    for name in ("comparison", "small", "large"):
        with Image.open(experiment / "plots" / f"{name}.png") as plot:
            assert plot.width > 500
            assert len(plot.convert("L").getcolors()) > 20
    assert not list(experiment.rglob("*.partial"))


def test_finished_runs_are_loaded_and_give_the_same_report(
    experiment: Path, cohort: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def must_not_train(*_arguments: object) -> Path:
        raise AssertionError("a finished run was trained again")

    monkeypatch.setattr(selection, "train_fold", must_not_train)
    before = (experiment / "out.json").read_bytes()
    times = {path: path.stat().st_mtime_ns for path in (experiment / "runs").iterdir()}
    assert run_select(cohort, experiment) == 0
    assert (experiment / "out.json").read_bytes() == before
    assert {path: path.stat().st_mtime_ns for path in (experiment / "runs").iterdir()} == times
    assert capsys.readouterr().err.count("a finished run is loaded") == 4


def test_json_on_standard_output_is_json_alone(
    experiment: Path, cohort: Path, tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    """Also where a fold is trained, of which Keras tells on standard output."""
    recipe = write_recipe(tmp_path, "third")
    arguments = ["--recipes", str(recipe), "--folds", "2", "--runs", str(tmp_path), "--json", "-"]
    assert main(["select", str(cohort), *arguments]) == 0
    assert json.loads(capfdbinary.readouterr().out)["chosen"] == "third"


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"folds": "0,3"}, "data_missing: The data have the folds [0, 1, 2] only"),
        ({"manifest": "nowhere.csv"}, "data_missing: There is no such manifest"),
    ],
)
def test_what_cannot_be_compared_is_told_in_one_line(
    experiment: Path, cohort: Path, capsys: pytest.CaptureFixture[str], options: dict[str, str], word: str
) -> None:
    before = (experiment / "out.json").read_bytes()
    assert run_select(cohort, experiment, **options) == 2
    told = capsys.readouterr().err
    assert told.startswith(word)
    assert told.count("\n") == 1
    assert (experiment / "out.json").read_bytes() == before


def test_folds_that_are_no_numbers_are_a_usage_error(
    experiment: Path, cohort: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        run_select(cohort, experiment, folds="first")
    assert stopped.value.code == 2
    assert (
        "folds are numbers with commas between, for instance 0,1; received 'first'" in capsys.readouterr().err
    )


def open_changed(cohort: Path, change: Callable[[dict[str, str]], dict[str, Any]]) -> selection.Experiment:
    return selection.open_experiment(cohort, rewrite(cohort / "manifest.csv", change), cohort / "no-runs")


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (lambda row: {**row, "group": ""}, "48 rows without"),
        (lambda row: {name: row[name] for name in ("path", "label", "group")}, "48 rows without"),
        (lambda row: {**row, "group": "everybody"}, "more than one fold"),
    ],
)
def test_manifest_without_folds_of_patients_is_refused(
    cohort: Path, change: Callable[[dict[str, str]], dict[str, Any]], word: str
) -> None:
    with pytest.raises(DataError, match=word) as caught:
        open_changed(cohort, change)
    assert caught.value.code == "data_invalid"


def test_folder_without_classes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        selection.open_experiment(tmp_path, tmp_path / "manifest.csv", tmp_path)
    assert caught.value.code == "data_missing"


def test_unknown_recipe_and_one_named_twice_are_refused(tmp_path: Path) -> None:
    recipe = str(write_recipe(tmp_path))
    for names in (["no-such-recipe"], [recipe, recipe]):
        with pytest.raises(DataError) as caught:
            selection.load_recipes(names)
        assert caught.value.code == "recipe_invalid"


def test_early_stopping_on_the_scored_fold_is_refused(cohort: Path, tmp_path: Path) -> None:
    data = open_changed(cohort, lambda row: {**row, "fold": int(row["fold"]) % 2})
    with pytest.raises(DataError, match="third fold"):
        selection.select([load_recipe(str(write_recipe(tmp_path)))], data, [0])
    assert not data.runs.exists()


def test_run_of_other_images_or_another_recipe_is_refused(
    experiment: Path, cohort: Path, tmp_path: Path
) -> None:
    """Neither loaded nor trained over: what lies there stays as it is."""
    recipe = load_recipe(str(experiment / "small.toml"))
    before = {path: path.read_bytes() for path in (experiment / "runs").glob("small*") if path.is_file()}

    def swapped(row: dict[str, str]) -> dict[str, Any]:
        return {**row, "fold": {"1": 2, "2": 1}.get(row["fold"], 0)}

    other = rewrite(cohort / "manifest.csv", swapped)
    for data, wanted, word in (
        (other, recipe, "learned from other images"),
        (cohort / "manifest.csv", load_recipe(str(write_recipe(tmp_path, "small", 5))), "another version"),
    ):
        with pytest.raises(DataError, match=word) as caught:
            selection.select([wanted], selection.open_experiment(cohort, data, experiment / "runs"), [0])
        assert caught.value.code == "run_mismatch"
    assert {path: path.read_bytes() for path in before} == before


def test_claimed_run_is_resumed_by_the_same_recipe_and_images_only(tmp_path: Path) -> None:
    recipe = load_recipe(str(write_recipe(tmp_path)))
    claim(tmp_path / "run", recipe, "a" * 64)
    claim(tmp_path / "run", recipe, "a" * 64)
    for other, digest in ((recipe, "b" * 64), (load_recipe(str(write_recipe(tmp_path, dense=9))), "a" * 64)):
        with pytest.raises(DataError) as caught:
            claim(tmp_path / "run", other, digest)
        assert caught.value.code == "run_mismatch"


def test_digest_of_files_is_that_of_their_tensors(cohort: Path) -> None:
    samples = read_samples(cohort, cohort / "manifest.csv", CODES)[:5]
    assert digest_of(samples) == load_tensors(samples, CODES, 16).digest
    assert digest_of(samples) != digest_of(samples[:4])


def test_full_disk_while_training_leaves_nothing_that_loads(
    cohort: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file may grow past 8 kB, which weights and checkpoints need; afterwards there is room."""
    arguments = [
        "--recipes",
        str(write_recipe(tmp_path, dense=16)),
        "--folds",
        "0",
        "--runs",
        str(tmp_path / "r"),
    ]
    words = ["select", str(cohort), *arguments, "--json", str(tmp_path / "out.json")]
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        code = main(words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert code == 2
    assert "output_failed: The result could not be written" in capsys.readouterr().err.splitlines()[-1]
    assert not (tmp_path / "out.json").exists()
    assert not list((tmp_path / "r").glob("small-fold0.*[nj]*"))
    assert main(words) == 0
    assert report_of(tmp_path)["candidates"][0]["models"][0]["epochs"] == 2


@pytest.mark.parametrize(
    ("size", "filters", "dense"), [("simple", (8, 16), 32), ("complex", (16, 32, 64), 128)]
)
@pytest.mark.parametrize(
    ("variant", "dropout", "norm"),
    [("none", 0.0, False), ("dropout", 0.3, False), ("batch-norm", 0.0, True), ("both", 0.3, True)],
)
def test_shipped_candidates_are_the_prototypes_eight(
    size: str, filters: tuple[int, ...], dense: int, variant: str, dropout: float, norm: bool
) -> None:
    recipe = load_recipe(f"candidate-{size}-{variant}")
    assert recipe.id == f"candidate-{size}-{variant}"
    assert [(block.filters, block.batch_norm) for block in recipe.network.blocks] == [
        (count, norm) for count in filters
    ]
    assert (recipe.network.dense, recipe.network.dropout, recipe.input_size) == (dense, dropout, 227)
    assert recipe.split.distinct_only
    assert (recipe.fit.epochs, recipe.fit.early_stopping_patience, recipe.fit.reduce_patience) == (12, 4, 2)
