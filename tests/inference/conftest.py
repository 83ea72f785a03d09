"""Folders of labelled pictures, with and without leaks, and two models that did not see a fold each."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.inference.folders import picture, write


@pytest.fixture
def without_graphs() -> Iterator[None]:
    """Training through graphs is what test_training does, and a small test of test_one_cycle."""
    # Late, as below: the process that only hands out the tests would load TensorFlow too.
    from tests.inference.tiny import step_by_step

    with step_by_step():
        yield


@pytest.fixture
def leaky(tmp_path: Path) -> Path:
    """Training and Testing share one file, one mirrored picture and one with new contrast, of 4 and 8."""
    root = tmp_path / "leaky"
    for seed in range(8):
        code = "glioma" if seed < 4 else "notumor"
        write(root / "Training" / code / f"{seed}.png", picture(seed))
    write(root / "Testing/glioma/copy.png", picture(0))
    write(root / "Testing/glioma/mirrored.png", picture(1)[:, ::-1].copy())
    write(root / "Testing/notumor/flatter.png", (picture(5) // 2 + 30).astype(np.uint8))
    write(root / "Testing/notumor/new.png", picture(20))
    return root


@pytest.fixture
def plain(tmp_path: Path) -> Path:
    root = tmp_path / "plain"
    for seed in range(12):
        code = "glioma" if seed < 6 else "notumor"
        write(root / code / f"{seed}.png", picture(seed, 0.5 if code == "glioma" else 1.0))
    return root


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The manifests of one model for each of the folds 0 and 1; to be read only."""
    from tests.inference.fold_models import write_two_folds

    return write_two_folds(tmp_path_factory.mktemp("models"))
