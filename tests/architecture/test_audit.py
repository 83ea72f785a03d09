"""`make audit` tells a fault, no fault, and nobody who could tell apart."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def audit(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(ROOT / ".ci")
    return importlib.import_module("audit")


def told(*packages: dict[str, object]) -> str:
    return json.dumps({"dependencies": packages, "fixes": []})


KNOWN = {"name": "django", "version": "5.2.19", "vulns": []}
FAULTY = {"name": "pillow", "version": "1.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}]}
STRANGE = {"name": "celery", "skip_reason": "Dependency not found on PyPI"}


@pytest.mark.parametrize(
    ("answer", "state", "faults"),
    [
        (told(KNOWN), "nothing found", []),
        (told(KNOWN, FAULTY), "FOUND", ["pillow 1.0: PYSEC-1, mended in ['1.1']"]),
        # pip-audit itself calls the next three "no known vulnerabilities", or says nothing at all.
        (told(STRANGE), "NOBODY ASKED", []),
        (told(KNOWN, STRANGE), "NOBODY ASKED", []),
        (told(), "NOBODY ASKED", []),
        ("Traceback (most recent call last)", "NOBODY ASKED", []),
        (told(FAULTY, STRANGE), "FOUND", ["pillow 1.0: PYSEC-1, mended in ['1.1']"]),
    ],
)
def test_python_packages_without_an_answer_are_not_without_faults(
    audit: ModuleType, answer: str, state: str, faults: list[str]
) -> None:
    outcome = audit.read_pip_audit("known faults (Python)", "pypi", answer)
    assert (outcome.state, outcome.faults) == (state, faults)


@pytest.mark.parametrize(
    ("answer", "state", "faults"),
    [
        ({"vulnerabilities": {}, "metadata": {"dependencies": {"total": 36}}}, "nothing found", []),
        (
            {
                "vulnerabilities": {"a": {"name": "a", "range": "<2", "severity": "high"}},
                "metadata": {"dependencies": {"total": 36}},
            },
            "FOUND",
            ["a <2: high"],
        ),
        ({"message": "405 Method Not Allowed", "statusCode": 405}, "NOBODY ASKED", []),
    ],
)
def test_registry_that_refuses_the_question_is_no_clean_answer(
    audit: ModuleType, answer: dict[str, object], state: str, faults: list[str]
) -> None:
    outcome = audit.read_npm_audit("known faults (browser)", json.dumps(answer))
    assert (outcome.state, outcome.faults) == (state, faults)


@pytest.mark.parametrize(
    ("states", "offline", "status"),
    [
        (["nothing found"], False, 0),
        (["nothing found", "NOBODY ASKED"], False, 2),
        (["nothing found", "NOBODY ASKED"], True, 0),
        (["FOUND", "NOBODY ASKED"], True, 1),
    ],
)
def test_end_tells_faults_from_silence(
    audit: ModuleType, capsys: pytest.CaptureFixture[str], states: list[str], offline: bool, status: int
) -> None:
    outcomes = [audit.Outcome("licences", state, "") for state in states]
    assert audit.status_of(outcomes, offline=offline) == status
    assert ("no source answered for: licences." in capsys.readouterr().out) is (
        "NOBODY ASKED" in states and "FOUND" not in states
    )


@pytest.mark.parametrize(
    ("name", "licence", "is_allowed"),
    [
        ("a", "MIT", True),
        ("a", "MIT AND PSF-2.0", True),
        ("a", "GPL-3.0-or-later OR MIT", True),
        ("a", "(BSD-3-Clause OR GPL-2.0-only) AND MIT", False),
        ("a", "MIT AND GPL-3.0-or-later", False),
        ("a", "LGPL-3.0-or-later", False),
        ("psycopg2-binary", "LGPL-3.0-or-later", True),
        ("a", "", False),
        ("a", "Some words of its own", False),
    ],
)
def test_licence_is_allowed_where_all_that_is_asked_is_on_the_list(
    audit: ModuleType, name: str, licence: str, is_allowed: bool
) -> None:
    package = audit.licences.Package(name, "1", licence)
    assert (audit.licences.faults([package]) == []) is is_allowed


def test_every_locked_package_has_a_licence_that_is_allowed(audit: ModuleType) -> None:
    assert audit.all_licences().faults == []


def test_bill_of_materials_names_what_is_locked(
    audit: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """CycloneDX's own schema is asked while it is written."""
    monkeypatch.setattr(audit, "FOLDER", tmp_path)
    audit.bill_of_materials()
    listed = json.loads((tmp_path / "sbom.json").read_text(encoding="utf-8"))
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.6")
    found = {each["purl"]: each["licenses"] for each in listed["components"]}
    (django,) = (url for url in found if url.startswith("pkg:pypi/django@"))
    assert found[django] == [{"license": {"id": "BSD-3-Clause"}}]
    (niivue,) = (url for url in found if url.startswith("pkg:npm/%40niivue/niivue@"))
    assert found[niivue] == [{"license": {"id": "BSD-2-Clause"}}]
