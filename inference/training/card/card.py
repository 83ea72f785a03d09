"""From a manifest to its card. The prose stands in card.md, every figure comes from the manifest."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from inference.manifest import DEFAULT_MODEL, Manifest
from inference.training import markdown
from inference.training.card import describe, exam_tables, gate_tables, other_tables, report_tables
from inference.training.gating import DISTANT_SHARE, REFUSED_SHARE, SURE_ACCURACY

# Sections that are left out leave their empty lines behind.
_EMPTY_LINES = re.compile(r"\n{3,}")


def model_card(manifest: Manifest) -> str:
    """Return the card as Markdown; a section whose figures the manifest does not carry is left out."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        # Markdown is no HTML: nothing would be escaped rightly.
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["number"] = markdown.number
    environment.filters["figure"] = markdown.figure
    environment.filters["mean"] = markdown.mean
    training = manifest.training
    card = environment.get_template("card.md").render(
        manifest=manifest,
        default_model=DEFAULT_MODEL,
        recipe=training.get("recipe", {}),
        sides=_sides(training.get("split", {})),
        figures=training.get("figures", {}),
        candidates=_candidates(training.get("figures", {}).get("candidates")),
        known_failures=training.get("known_failures", []),
        describe=describe,
        tables=report_tables,
        others=other_tables,
        gate_tables=gate_tables,
        exam_tables=exam_tables,
        gate_shares={"refused": REFUSED_SHARE, "distant": DISTANT_SHARE, "sure": SURE_ACCURACY},
    )
    return _EMPTY_LINES.sub("\n\n", card)


def _sides(split: Mapping[str, Any]) -> dict[str, Any]:
    """The sides of the split that hold images."""
    return {name: side for name, side in split.items() if isinstance(side, Mapping) and side.get("images")}


def _candidates(found: Any) -> dict[str, Any] | None:
    """What `select` wrote, whole or its rows only."""
    if not found:
        return None
    if isinstance(found, Mapping):
        return {"notes": [], "rule": "", "chosen": "", **found}
    return {"candidates": found, "notes": [], "rule": "", "chosen": ""}
