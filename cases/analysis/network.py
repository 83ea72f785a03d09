"""The network that a job asks for, and what a job is told of its manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models.fields.json import KeyTextTransform, KeyTransform

if TYPE_CHECKING:
    from cases.models import ModelVersion

# As text of the manifest: to read its 60 kB takes as long as the network runs.
NETWORK_OF_A_JOB = (
    "model_version__name",
    "model_version__weights_sha256",
    KeyTextTransform("sha256", KeyTransform("compiled", "model_version__manifest")),
)
NEGATIVE_CLASS = KeyTextTransform("negative_class", "model_version__manifest")


@dataclass(frozen=True)
class Network:
    """As it was registered."""

    name: str
    weights_sha256: str
    compiled_sha256: str

    @classmethod
    def of(cls, version: ModelVersion) -> Network:
        """That of a registered version."""
        return cls(version.name, version.weights_sha256, version.compiled_sha256)

    @classmethod
    def of_row(cls, name: str, weights_sha256: str, compiled_sha256: str | None) -> Network:
        """That of the values of NETWORK_OF_A_JOB."""
        return cls(name, weights_sha256, compiled_sha256 or "")
