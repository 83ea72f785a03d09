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


LITE0 = "lite0"
# EfficientNet-Lite (Tan & Le 2019, without squeeze-and-excitation and with ReLU6): a stem and seven stages.
# Lite2 is 1.1 times as wide and 1.2 times as deep; its stem and its first and last stage are no deeper.
STEM = 32
BACKBONES: Mapping[str, tuple[Stage, ...]] = {
    LITE0: (
        Stage(1, 3, 1, 1, 16),
        Stage(2, 3, 2, 6, 24),
        Stage(2, 5, 2, 6, 40),
        Stage(3, 3, 2, 6, 80),
        Stage(3, 5, 1, 6, 112),
        Stage(4, 5, 2, 6, 192),
        Stage(1, 3, 1, 6, 320),
    ),
    "lite2": (
        Stage(1, 3, 1, 1, 16),
        Stage(3, 3, 2, 6, 24),
        Stage(3, 5, 2, 6, 48),
        Stage(4, 3, 2, 6, 88),
        Stage(4, 5, 1, 6, 120),
        Stage(5, 5, 2, 6, 208),
        Stage(1, 3, 1, 6, 352),
    ),
}


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
    backbone = LITE0

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


@dataclass(frozen=True)
class FeaturePyramid:
    """EfficientNet-Lite with a feature pyramid, whose logits are sums of evidence at two depths.

    `context` is what the deepest stage sees, in general terms, of the whole picture (stride 32); `lesion` is
    that, brought back up to the grid of stride 8 and joined with what lies there. A logit is the mean over
    each grid of a linear map of its features, added up: Grad-CAM is exact, as in an EvidencePyramid.

    backbone: a name in BACKBONES. width: channels of the pyramid; the context has twice as many.
    drop_connect: the chance, while training, that a residual block is passed by; it rises with the depth.
    batch_norm: False once the norms are folded into the convolutions.
    """

    backbone: str
    width: int
    dropout: float
    drop_connect: float
    batch_norm: bool

    kind = "feature_pyramid"

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each explained layer."""
        return self.width * 2, self.width

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers that maps explain. Lesions are marked in the last, which is the finest."""
        return "context", "lesion"

    def layer_labels(self) -> tuple[str, ...]:
        """What people call these layers."""
        return "Context", "Lesion"

    def grids(self, input_size: int) -> tuple[int, ...]:
        """Side of each of these layers' grids; the input's side is a multiple of 32."""
        return input_size // 32, input_size // 8

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `network_from_dict` reads."""
        return {"kind": self.kind, **asdict(self)}


@dataclass(frozen=True)
class Ensemble:
    """Feature pyramids whose mean logits are the logits: one network, and additive as each of them is.

    The features of one depth stand side by side, and the evidence is the mean of the members', so that its
    maps are exact. mirrored: each member also sees the mirror image, and its features are the mean of what
    it sees there, mirrored back, and of what it sees here; a picture and its mirror image then get the same
    logits. Members are trained one by one and never here, so that they have neither norms nor drop-connect.
    """

    members: tuple[FeaturePyramid, ...]
    mirrored: bool

    kind = "ensemble"

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each explained layer."""
        return tuple(map(sum, zip(*(member.channels for member in self.members), strict=True)))

    def layer_names(self) -> tuple[str, ...]:
        """Names of the layers that maps explain, the members' own."""
        return self.members[0].layer_names()

    def layer_labels(self) -> tuple[str, ...]:
        """What people call these layers."""
        return self.members[0].layer_labels()

    def grids(self, input_size: int) -> tuple[int, ...]:
        """Side of each of these layers' grids, which is the same in every member."""
        return self.members[0].grids(input_size)

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `network_from_dict` reads."""
        members = [member.as_dict() for member in self.members]
        return {"kind": self.kind, "members": members, "mirrored": self.mirrored}


@dataclass(frozen=True)
class External:
    """A classifier that was made elsewhere: a file that an engine runs as it is, and knows nothing more of.

    output: what it gives for each class, "logits" or "probabilities". Its layers with maps, if it has any,
    are those that the manifest names.
    """

    output: str

    kind = "external"

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON form, which `network_from_dict` reads."""
        return {"kind": self.kind, **asdict(self)}


# Networks that are described layer by layer, so that they are built and trained here.
Described = PlainCnn | EvidencePyramid | FeaturePyramid | Ensemble
Network = Described | External
# Networks whose logits are sums of evidence: their maps need no gradient, and they have a compiled form.
ADDITIVE = (EvidencePyramid, FeaturePyramid, Ensemble)


def network_from_dict(fields: Mapping[str, Any]) -> Network:
    """Return the network that `fields` describe. Raises KeyError, TypeError or ValueError where
    they do not.
    """
    kind = fields["kind"]
    if kind == EvidencePyramid.kind:
        counts = {name: int(fields[name]) for name in ("stages", "edges", "textures", "fusion", "lesion")}
        batch_norm = bool(fields["batch_norm"])
        return EvidencePyramid(**counts, dropout=float(fields["dropout"]), batch_norm=batch_norm)
    if kind == FeaturePyramid.kind:
        return _feature_pyramid(fields)
    if kind == Ensemble.kind:
        members = tuple(_feature_pyramid(each) for each in fields["members"])
        return Ensemble(members, bool(fields["mirrored"]))
    if kind == External.kind:
        return External(str(fields["output"]))
    if kind == PlainCnn.kind:
        return PlainCnn(
            blocks=tuple(ConvBlock(**block) for block in fields["blocks"]),
            dense=int(fields["dense"]),
            dropout=float(fields["dropout"]),
        )
    raise ValueError(f"No network of this kind is known; received {kind!r}.")


def _feature_pyramid(fields: Mapping[str, Any]) -> FeaturePyramid:
    if fields["backbone"] not in BACKBONES:
        raise ValueError(f"No backbone has this name; received {fields['backbone']!r}.")
    return FeaturePyramid(**{name: value for name, value in fields.items() if name != "kind"})
