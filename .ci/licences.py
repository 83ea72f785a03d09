"""The licences of what is locked: read from the packages themselves, held against a list of those allowed.

A licence that is not on the list, or that a package does not tell, is a fault: somebody looks, and writes
down below what they found.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from dataclasses import dataclass
from pathlib import Path

# They ask for no more than their text and names, in SPDX's words (https://spdx.org/licenses/). MPL-2.0 wants
# changed files of its own to stay open, OFL-1.1 fonts under another name; nothing of either is changed here.
ALLOWED = frozenset(
    {
        "0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "CNRI-Python", "ISC", "MIT", "MIT-0",
        "MIT-CMU", "MPL-2.0", "OFL-1.1", "PSF-2.0", "Unlicense", "Zlib", "ZPL-2.1",
    }
)  # fmt: skip
# Allowed for these packages alone. The first is linked to at run time, as it came (docs/dependencies.md); the
# second asks for its text alone, and comes with a package of which pages get another part (.ci/assets.py).
ALLOWED_FOR = {"psycopg2-binary": "LGPL-3.0-or-later", "graceful-fs": "BlueOak-1.0.0"}
# What packages write in the place of SPDX's words.
SPELLINGS = {
    "3-clause bsd license": "BSD-3-Clause",
    "apache 2.0": "Apache-2.0",
    "apache license 2.0": "Apache-2.0",
    "apache software license": "Apache-2.0",
    "bsd": "BSD-3-Clause",
    "bsd 3-clause": "BSD-3-Clause",
    "bsd 3-clause license": "BSD-3-Clause",
    "bsd 3-clause or apache-2.0": "BSD-3-Clause OR Apache-2.0",
    "bsd license": "BSD-3-Clause",
    "lgpl with exceptions": "LGPL-3.0-or-later",
    "mit license": "MIT",
    "mozilla public license 2.0 (mpl 2.0)": "MPL-2.0",
    "new bsd": "BSD-3-Clause",
    "python software foundation license": "PSF-2.0",
    "zope public license": "ZPL-2.1",
    "zpl 2.1": "ZPL-2.1",
}
# Packages that do not tell, and those of other systems, which are not installed here: as they say elsewhere.
LOOKED_UP = {
    "async-timeout": "Apache-2.0",
    "colorama": "BSD-3-Clause",
    "combine-errors": "MIT",
    "namex": "Apache-2.0",
    "tensorflow": "Apache-2.0",
    "tzdata": "Apache-2.0",
}
_PINNED = re.compile(r"([A-Za-z0-9._-]+)==([^\s;\\]+)")


@dataclass(frozen=True)
class Package:
    """One locked package; its licence in SPDX's words, or what the package wrote; empty for nothing."""

    name: str
    version: str
    licence: str


def of_python(lock: Path) -> list[Package]:
    """What a lock of requirements names, on every system."""
    pinned = map(_PINNED.match, lock.read_text(encoding="utf-8").splitlines())
    found = {(each[1], each[2]) for each in pinned if each}
    return [Package(name, version, licence_of(name)) for name, version in sorted(found)]


def of_node(lock: Path) -> list[Package]:
    """What package-lock.json names."""
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    named = [(path.rpartition("node_modules/")[2], packages[path]) for path in sorted(packages) if path]
    return [
        Package(name, entry["version"], entry.get("license") or LOOKED_UP.get(name, ""))
        for name, entry in named
    ]


def licence_of(name: str) -> str:
    """Of an installed package: its expression, else its field of old, else what it is filed under."""
    if name in LOOKED_UP:
        return LOOKED_UP[name]
    try:
        told = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return ""
    filed = [each.rpartition(" :: ")[2] for each in told.get_all("Classifier", []) if each[:7] == "License"]
    candidates = [*told.get_all("License-Expression", []), *told.get_all("License", []), *filed]
    known = (in_words_of_spdx(each) for each in candidates)
    return next((each for each in known if is_an_expression(each)), next(filter(None, candidates), ""))


def in_words_of_spdx(text: str) -> str:
    """`text`, or what SPDX calls it."""
    return SPELLINGS.get(text.strip().lower(), text.strip())


def is_an_expression(text: str) -> bool:
    """Whether each licence of it is one that is known here, allowed or not."""
    known = ALLOWED | set(ALLOWED_FOR.values())
    return bool(text) and _licences(text) <= known


def faults(packages: list[Package]) -> list[str]:
    """A line for each package whose licence may not be."""
    return [
        f"{each.name} {each.version}: {each.licence.splitlines()[0] if each.licence else 'tells no licence'}"
        for each in packages
        if not _may_be(each)
    ]


def _may_be(package: Package) -> bool:
    if ALLOWED_FOR.get(package.name) == package.licence:
        return True
    # Of a choice we take one; of all others every part counts.
    choices = [] if " AND " in package.licence else package.licence.split(" OR ")
    return any(_is_allowed(each) for each in [package.licence, *choices])


def _is_allowed(text: str) -> bool:
    return bool(text) and _licences(text) <= ALLOWED


def _licences(expression: str) -> set[str]:
    return set(re.split(r" AND | OR ", expression.replace("(", "").replace(")", "")))
