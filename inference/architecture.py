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

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each explained layer."""
        return tuple(block.filters for block in self.blocks)

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers whose output Grad-CAM explains: the rectified maps of each convolution."""
        return tuple(f"conv{number}" for number in range(1, len(self.blocks) + 1))

    def layer_labels(self) -> tuple[str, ...]:
        """What people call these layers."""
        return tuple(f"Convolution {number}" for number in range(1, len(self.blocks) + 1))

    def grids(self, input_size: int) -> tuple[int, ...]:
        """Side of each of these layers' grids, for an input of `input_size` pixels; pooling rounds down."""
        return tuple(input_size // 2**depth for depth in range(len(self.blocks)))

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `network_from_dict` reads."""
        return {"kind": self.kind, **asdict(self), "blocks": [asdict(block) for block in self.blocks]}


@dataclass(frozen=True)
class Stage:
    """Inverted residual blocks (Sandler et al. 2018); the first of them strides and changes the channels."""

    blocks: int
    kernel: int
    stride: int
    expansion: int
    filters: int


# EfficientNet-Lite0 (Tan & Le 2019, without squeeze-and-excitation and with ReLU6), all seven stages.
LITE0_STEM = 32
LITE0_STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)


@dataclass(frozen=True)
class EvidencePyramid:
    """EfficientNet-Lite0 whose logits are sums of evidence at three depths (docs/adr/0006-the-network.md).

    Three taps branch off: `edges` after stage 2, `textures` after stage 3, and `lesion`, where the deepest
    stages come back to the grid of stage 3. No tap feeds another, and a logit is the sum over the taps of the
    mean over the grid of a linear map of the tap's features. Grad-CAM of a tap is therefore exact: its map
    is, up to a factor, what the tap adds to the logit at each place.

    stages: how many of the seven are used, 5 or 7. batch_norm: False once the norms are folded into the
    convolutions, as they are in weights that ship.
    """

    stages: int
    edges: int
    textures: int
    fusion: int
    lesion: int
    dropout: float
    batch_norm: bool

    kind = "evidence_pyramid"

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each explained layer."""
        return self.edges, self.textures, self.lesion

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers whose output Grad-CAM explains, from the input to the output."""
        return "edges", "textures", "lesion"

    def layer_labels(self) -> tuple[str, ...]:
        """What people call these layers."""
        return "Edges", "Textures", "Lesion"

    def grids(self, input_size: int) -> tuple[int, ...]:
        """Side of each of these layers' grids; the input's side is a multiple of 32."""
        return input_size // 4, input_size // 8, input_size // 8

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `network_from_dict` reads."""
        return {"kind": self.kind, **asdict(self)}


Network = PlainCnn | EvidencePyramid


def network_from_dict(fields: Mapping[str, Any]) -> Network:
    """Return the network that `fields` describe. Raises KeyError, TypeError or ValueError where
    they do not.
    """
    kind = fields["kind"]
    if kind == EvidencePyramid.kind:
        counts = {name: int(fields[name]) for name in ("stages", "edges", "textures", "fusion", "lesion")}
        batch_norm = bool(fields["batch_norm"])
        return EvidencePyramid(**counts, dropout=float(fields["dropout"]), batch_norm=batch_norm)
    if kind == PlainCnn.kind:
        return PlainCnn(
            blocks=tuple(ConvBlock(**block) for block in fields["blocks"]),
            dense=int(fields["dense"]),
            dropout=float(fields["dropout"]),
        )
    raise ValueError(f"No network of this kind is known; received {kind!r}.")
