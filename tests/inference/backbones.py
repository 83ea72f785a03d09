"""Backbones in miniature: what is tested is what is built on them, and compiling a whole one takes long."""

from __future__ import annotations

from dataclasses import replace

import pytest

from inference.architecture import BACKBONES

# One narrow block a stage, and two where a residual one is wanted.
NARROW = tuple(replace(stage, blocks=1, expansion=1, filters=8) for stage in BACKBONES["lite0"])
NARROW_AND_DEEPER = tuple(replace(stage, blocks=2, filters=6) for stage in NARROW)


def narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make both backbones small, each in its own way."""
    monkeypatch.setitem(BACKBONES, "lite0", NARROW)
    monkeypatch.setitem(BACKBONES, "lite2", NARROW_AND_DEEPER)
