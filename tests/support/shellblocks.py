"""The commands of a page of the documentation: what stands under "```sh", to be pasted as it is."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
OPERATIONS = ROOT / "docs" / "operations.md"
# What a person replaces by a name of their own; a block with one is an example.
PLACEHOLDER = re.compile(r"\bNAME\b")


def shell_blocks(page: Path) -> list[str]:
    """The blocks of `page`, in its order."""
    return re.findall(r"^```sh\n(.*?)^```$", page.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def block_with(part: str) -> str:
    """The one block of the operations page that holds `part`."""
    (found,) = (block for block in shell_blocks(OPERATIONS) if part in block)
    return found
