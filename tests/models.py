"""Model files for tests that never run the network: a manifest that loads, and weights that are any bytes."""

from __future__ import annotations

import copy
import hashlib
import json
from pathlib import Path
from typing import Any

from inference.manifest import default_manifest

FIGURES = {
    "validation": {"n": 100, "macro_f1": 0.9, "accuracy": 0.91, "interval": {"macro_f1": [0.85, 0.95]}}
}


def write_files(
    home: Path, name: str, weights: bytes | None = None, weights_file: str = "", **changes: Any
) -> Path:
    """Write `<name>.json` and its weights to `home`; returns the manifest's path."""
    home.mkdir(parents=True, exist_ok=True)
    data = weights if weights is not None else f"weights of {name}".encode()
    fields = copy.deepcopy(default_manifest().as_dict())
    fields |= {
        "id": name,
        "title": f"Model {name}",
        "weights_file": weights_file or f"{name}.npz",
        "weights_sha256": hashlib.sha256(data).hexdigest(),
        "compiled": None,
    }
    fields["training"]["figures"] = FIGURES
    (home / fields["weights_file"]).write_bytes(data)
    path = home / f"{name}.json"
    path.write_text(json.dumps(fields | changes), encoding="utf-8")
    return path
