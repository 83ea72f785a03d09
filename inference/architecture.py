"""Descriptions of networks as data: what a recipe asks for, what a manifest records, what
`networks` builds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class ConvBlock:
    """A 3 x 3 convolution with `filters` channels, optional batch norm, ReLU, then 2 x 2 max-pooling."""

    filters: int
    batch_norm: bool = False


@dataclass(frozen=True)
class PlainCnn:
    """Convolution blocks, flattened, one dense layer with dropout, and one logit a class."""

    blocks: tuple[ConvBlock, ...]
    dense: int
    dropout: float

    kind = "plain_cnn"

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers whose output Grad-CAM explains: the rectified maps of each convolution."""
        return tuple(f"conv{number}" for number in range(1, len(self.blocks) + 1))

    def grids(self, input_size: int) -> tuple[int, ...]:
        """Side of each of these layers' grids, for an input of `input_size` pixels; pooling rounds down."""
        return tuple(input_size // 2**depth for depth in range(len(self.blocks)))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `network_from_dict` reads."""
        return {"kind": self.kind, **asdict(self), "blocks": [asdict(block) for block in self.blocks]}


def network_from_dict(fields: Mapping[str, Any]) -> PlainCnn:
    """Return the network that `fields` describe. Raises KeyError, TypeError or ValueError where
    they do not.
    """
    if fields["kind"] != PlainCnn.kind:
        raise ValueError(f"No network of this kind is known; received {fields['kind']!r}.")
    return PlainCnn(
        blocks=tuple(ConvBlock(**block) for block in fields["blocks"]),
        dense=int(fields["dense"]),
        dropout=float(fields["dropout"]),
    )
