"""Clipping: how much of a picture has gone to the end of its scale."""

from __future__ import annotations

from torch import Tensor

_NEAR = 0.5 / 255  # what an 8-bit file writes as 0 or 255


def clipping(pixels: Tensor, photograph: Tensor | None = None) -> float:
    """The share of values of `pixels` `[1, 3, H, W]` at 0 or 1 that are not so in the photograph, 0..1."""
    cut = _at_limit(pixels)
    return float((cut if photograph is None else cut & ~_at_limit(photograph)).float().mean())


def _at_limit(pixels: Tensor) -> Tensor:
    return (pixels <= _NEAR) | (pixels >= 1 - _NEAR)
