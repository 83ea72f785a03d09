"""The committed front-end assets are those of package-lock.json, whole and with their licences."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHIPPED = ("inter/LICENSE", "niivue/LICENSES.txt", "tus/LICENSES.txt")


def check(checkout: Path) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, checkout / ".ci" / "assets.py", "check"],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.returncode, done.stdout


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "static" / "vendor", tmp_path / "static" / "vendor")
    (tmp_path / ".ci").mkdir()
    shutil.copy(ROOT / ".ci" / "assets.py", tmp_path / ".ci")
    shutil.copy(ROOT / "package-lock.json", tmp_path)
    return tmp_path


def test_assets_are_as_the_lock_says_with_their_licences() -> None:
    status, said = check(ROOT)
    assert status == 0, said
    assert all((ROOT / "static" / "vendor" / name).is_file() for name in SHIPPED)


def test_changed_missing_and_added_file_are_each_named(checkout: Path) -> None:
    vendor = checkout / "static" / "vendor"
    with (vendor / "niivue" / "niivue.js").open("a") as viewer:
        viewer.write("// by hand\n")
    (vendor / "inter" / "LICENSE").unlink()
    (vendor / "extra.js").touch()
    status, said = check(checkout)
    assert status == 1
    assert said.splitlines() == [
        "static/vendor/extra.js is not in contents.json",
        "static/vendor/inter/LICENSE is missing",
        "static/vendor/niivue/niivue.js was changed by hand: type `make assets`",
    ]


def test_lock_that_moved_on_is_named(checkout: Path) -> None:
    lock = checkout / "package-lock.json"
    lock.write_text(lock.read_text().replace('"version": "0.69.0"', '"version": "0.70.0"'))
    status, said = check(checkout)
    assert status == 1
    assert said.startswith("static/vendor was made from other packages than package-lock.json names")
