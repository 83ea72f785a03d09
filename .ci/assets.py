"""The front-end assets in static/vendor: `make assets` renews them, `make check` compares them with the lock.

They are committed, so that a stranger's `make run` asks one registry less. What is there is told by
static/vendor/contents.json: the packages with version and integrity, as package-lock.json names them, and the
SHA-256 of every file.

    python .ci/assets.py renew      # from node_modules, as `npm ci` left it
    python .ci/assets.py check      # without network: files against digests, packages against the lock
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
MODULES = ROOT / "node_modules"
VENDOR = ROOT / "static" / "vendor"
CONTENTS = VENDOR / "contents.json"
FONTS = ("inter-latin-wght-normal.woff2", "inter-latin-ext-wght-normal.woff2")
# niivue's npm package leaves its licence out; docs/licences holds the text of its repository.
NIIVUE_LICENCE = ROOT / "docs" / "licences" / "niivue.txt"
# What tus-js-client's build for browsers holds of the lock, and beside it; the rest is for Node alone.
TUS = ("tus-js-client", "js-base64", "querystringify", "requires-port", "url-parse")
TUS_SHIMS = ROOT / "docs" / "licences" / "tus-js-client.txt"
_RULE = f"\n{'-' * 80}\n\n"


def main(arguments: list[str]) -> int:
    """Do what is asked for. 0 where all is as it should be, 1 otherwise."""
    if arguments == ["renew"]:
        renew()
        return 0
    if arguments == ["check"]:
        faults = check()
        print("\n".join(faults) or f"{len(_files())} files are as package-lock.json says")
        return 1 if faults else 0
    print(__doc__, file=sys.stderr)
    return 2


def renew() -> None:
    """Make static/vendor anew from node_modules, with the licence of everything inside and the digests."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    inter, niivue, tus = (VENDOR / name for name in ("inter", "niivue", "tus"))
    for folder in (inter, niivue, tus):
        folder.mkdir(parents=True)
    typeface = MODULES / "@fontsource-variable" / "inter"
    for name in FONTS:
        shutil.copyfile(typeface / "files" / name, inter / name)
    shutil.copyfile(typeface / "LICENSE", inter / "LICENSE")
    _copy_script(MODULES / "@niivue" / "niivue" / "dist" / "index.js", niivue / "niivue.js")
    (niivue / "LICENSES.txt").write_text(_licences(_names_in_niivue()), encoding="utf-8")
    _copy_script(MODULES / "tus-js-client" / "dist" / "tus.min.js", tus / "tus.js")
    licences = _licences(TUS) + _RULE + TUS_SHIMS.read_text(encoding="utf-8")
    (tus / "LICENSES.txt").write_text(licences, encoding="utf-8")
    digests = {name: _digest(VENDOR / name) for name in _files()}
    contents = {"packages": _locked(), "sha256": digests}
    CONTENTS.write_text(json.dumps(contents, indent=2) + "\n", encoding="utf-8")


def check() -> list[str]:
    """What is wrong, a sentence each."""
    contents = json.loads(CONTENTS.read_text(encoding="utf-8"))
    faults = []
    if contents["packages"] != _locked():
        faults.append(
            "static/vendor was made from other packages than package-lock.json names: type `make assets`"
        )
    digests = contents["sha256"]
    there = set(_files())
    faults += [f"static/vendor/{name} is not in contents.json" for name in sorted(there - set(digests))]
    faults += [f"static/vendor/{name} is missing" for name in sorted(set(digests) - there)]
    changed = [name for name in sorted(there & set(digests)) if _digest(VENDOR / name) != digests[name]]
    return faults + [f"static/vendor/{name} was changed by hand: type `make assets`" for name in changed]


def _copy_script(source: Path, target: Path) -> None:
    """Without its map, which is not shipped: a name of a file that is missing fails `collectstatic`."""
    lines = source.read_text(encoding="utf-8").splitlines()
    kept = [line for line in lines if not line.startswith("//# sourceMappingURL=")]
    target.write_text("\n".join(kept) + "\n", encoding="utf-8")


def _locked() -> dict[str, dict[str, str]]:
    """Name to version and integrity of every package that may go into a page."""
    packages = json.loads((ROOT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    # What is optional belongs to one kind of machine, and not to a page.
    for_node = _needed_by("tus-js-client", packages) - {f"node_modules/{name}" for name in TUS}
    kept = {
        path: entry
        for path, entry in packages.items()
        if path and path not in for_node and not entry.keys() & {"dev", "optional"}
    }
    return {
        path.removeprefix("node_modules/"): {"version": entry["version"], "integrity": entry["integrity"]}
        for path, entry in sorted(kept.items())
    }


def _needed_by(name: str, packages: dict[str, Any]) -> set[str]:
    """The paths in the lock of all that a package needs."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        for needed in packages[f"node_modules/{waiting.pop()}"].get("dependencies", {}):
            if (path := f"node_modules/{needed}") not in found:
                found.add(path)
                waiting.append(needed)
    return found


def _names_in_niivue() -> list[str]:
    """The packages that niivue's build put into its file."""
    return [name for name in _locked() if name not in ("@fontsource-variable/inter", *TUS)]


def _licences(names: Iterable[str]) -> str:
    """The licences of what a file holds: its own, and of the packages that its build put into it."""
    locked = _locked()
    parts = []
    for name in names:
        own = NIIVUE_LICENCE if name == "@niivue/niivue" else _licence(MODULES / name)
        parts.append(f"{name} {locked[name]['version']}\n\n{own.read_text(encoding='utf-8').strip()}\n")
    return _RULE.join(parts)


def _licence(folder: Path) -> Path:
    found = sorted(path for path in folder.iterdir() if path.name.lower().startswith(("licen", "copying")))
    if not found:
        raise SystemExit(
            f"{folder.relative_to(ROOT)} has no licence file; find its text before it is shipped."
        )
    return found[0]


def _files() -> list[str]:
    paths = (path for path in VENDOR.rglob("*") if path.is_file() and path != CONTENTS)
    return sorted(path.relative_to(VENDOR).as_posix() for path in paths)


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
