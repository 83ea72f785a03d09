"""A network and its training recipe in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inference.architecture import BACKBONES, Ensemble, External, FeaturePyramid, Network, PlainCnn
from inference.manifest import Manifest
from inference.training.markdown import table, words


def network_in_words(network: Network) -> str:
    """Return a sentence or three on how the network comes from the slice to its logits."""
    if isinstance(network, PlainCnn):
        channels = ", ".join(str(block.filters) for block in network.blocks)
        norms = [str(number) for number, block in enumerate(network.blocks, start=1) if block.batch_norm]
        norm = f"batch norm after number {', '.join(norms)}; " if norms else ""
        return (
            f"{len(network.blocks)} convolutions of 3 x 3 ({channels} channels; {norm}ReLU; max-pooling), "
            f"dense {network.dense}, dropout {network.dropout:g}, one logit a class."
        )
    if isinstance(network, External):
        return f"Made elsewhere; a file that is run as it is, and gives {network.output}."
    if isinstance(network, FeaturePyramid):
        return f"{_pyramid_in_words(network)} {_ADDITIVE}"
    if isinstance(network, Ensemble):
        return _ensemble_in_words(network)
    every = len(BACKBONES[network.backbone])
    some = (
        f"All {every} stages"
        if network.stages == every
        else f"The first {network.stages} of the {every} stages"
    )
    return (
        f"{some} of EfficientNet-Lite0, with three "
        f"taps: `edges` ({network.edges} channels), `textures` ({network.textures}) and `lesion` "
        f"({network.lesion}), where the deepest stages come back to the finer grid. A logit is the sum over "
        "the taps of the mean of a map of evidence, and no tap feeds another: Grad-CAM of a tap is exactly "
        f"what the tap adds to the logit at each place. Dropout {network.dropout:g}."
    )


_ADDITIVE = (
    "A logit is the sum over both of the mean of a map of evidence: Grad-CAM is exactly what each adds to "
    "the logit at each place."
)


def _ensemble_in_words(network: Ensemble) -> str:
    members = " ".join(
        f"Network {number}: {_pyramid_in_words(member)}" for number, member in enumerate(network.members, 1)
    )
    mirrored = (
        " Each also sees the mirror image, and what it says there and here counts alike, so that a picture "
        "and its mirror image get the same answer."
        if network.mirrored
        else ""
    )
    return f"{members} Their mean is taken, of logits and of maps.{mirrored} {_ADDITIVE}"


def _pyramid_in_words(network: FeaturePyramid) -> str:
    return (
        f"EfficientNet-{network.backbone.capitalize()} with a feature pyramid of {network.width} channels; "
        f"`context` ({network.channels[0]} channels) is its deepest stage, `lesion` ({network.channels[1]}) "
        f"that stage brought back up to the finer grid. Dropout {network.dropout:g}."
    )


def layers_table(manifest: Manifest) -> str:
    """Return the layers that are explained, from the input to the output."""
    return table(
        ("Layer", "Name", "Grid", "Channels"),
        [
            (each.label, f"`{each.name}`", f"{each.grid[0]} x {each.grid[1]}", str(each.channels))
            for each in manifest.layers
        ],
        text_columns=2,
    )


def recipe_table(recipe: Mapping[str, Any]) -> str:
    """Return every setting of the recipe but its network, which is described by itself."""
    groups = ("split", "fit", "augmentation", "appearance")
    lines = [
        (words(group), ", ".join(f"{words(key).lower()} {_setting(value)}" for key, value in fields.items()))
        for group in groups
        if (fields := recipe.get(group))
    ]
    if "seed" in recipe:
        lines.append(("Seed", str(recipe["seed"])))
    return table(("Part", "Settings"), lines, text_columns=2)


def _setting(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return " ".join(str(each) for each in value) or "none"
    return f"{value:g}" if isinstance(value, int | float) else str(value) or "none"
