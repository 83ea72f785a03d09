"""Before a network is registered: do both engines say the same of the same pictures?

Called by the command alone. Importing this module loads no engine, `compare` loads both.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import TYPE_CHECKING

from inference.architecture import External
from inference.errors import ManifestError
from inference.formats import read_image
from inference.manifest import load_manifest, verify_files

if TYPE_CHECKING:
    from inference.agreement import Agreement
    from inference.formats import Pixels

# Simulated slices, which every installation has.
_PICTURES = Path(__file__).resolve().parent.parent / "demo"
_COUNT = 8


def compare(path: Path) -> Agreement | None:
    """Run the model whose manifest is at `path` by each of its forms, and return how far they agree.

    None where there is nothing to compare: the model has one form only, or TensorFlow is not installed here,
    and then what there is runs once. Raises ManifestError: compiled_unfit, engines_disagree and others.
    """
    manifest = load_manifest(path)
    verify_files(manifest)
    from inference.agreement import require_agreement
    from inference.predictor import Predictor

    if isinstance(manifest.network, External):
        Predictor.load(manifest)
        return None
    if manifest.compiled is None:
        return None
    lite = Predictor.load(manifest, "litert")
    try:
        full = Predictor.load(manifest, "tensorflow")
    except ManifestError as error:
        if error.code != "engine_missing":
            raise
        return None
    return require_agreement(lite, full, _pictures())


@functools.cache
def _pictures() -> list[Pixels]:
    files = sorted(_PICTURES.glob("simulated-*"))[:_COUNT]
    return [read_image(file.read_bytes()).pixels for file in files]
