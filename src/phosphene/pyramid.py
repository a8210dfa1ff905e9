"""Octaves of a picture, and Laplacian bands of a gradient."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.transforms import SMALLEST, resize


def octaves(pixels: Tensor, count: int, scale: float) -> list[Tensor]:
    """The picture `[1, 3, H, W]` at up to `count` sizes, each `1/scale` of the next, smallest first.

    Each is shrunk from the next larger one, as in Google's notebook. Sizes of less than 32 pixels a side are
    left out, because a network sees nothing there; the picture itself is always the last.
    """
    bases = [pixels]
    while len(bases) < count:
        height, width = (round(side / scale) for side in bases[-1].shape[-2:])
        if min(height, width) < SMALLEST:
            break
        bases.append(resize(bases[-1], height, width))
    return bases[::-1]


def laplacian(x: Tensor, levels: int = 4) -> list[Tensor]:
    """`x` `[N, C, H, W]` as frequency bands, finest first, the last one the smooth rest (Burt and Adelson 1983)."""
    bands = []
    for _ in range(levels):
        low = _shrink(x)
        bands.append(_grow(low, x.shape).neg_().add_(x))
        x = low
    return [*bands, x]


def levels(x: Tensor, count: int) -> list[Tensor]:
    """`x` `[N, C, H, W]` at the sizes of `count` Laplacian bands."""
    found = [x]
    while len(found) < count:
        found.append(_shrink(found[-1]))
    return found


def merge(bands: list[Tensor]) -> Tensor:
    """The inverse of `laplacian`."""
    x = bands[-1]
    for band in bands[-2::-1]:
        x = _grow(x, band.shape).add_(band)
    return x


def _kernel(x: Tensor) -> Tensor:
    line = torch.tensor([1, 4, 6, 4, 1], dtype=x.dtype) / 16
    return torch.outer(line, line).expand(x.shape[1], 1, 5, 5)


def _shrink(x: Tensor) -> Tensor:
    return F.conv2d(F.pad(x, (2, 2, 2, 2), mode="replicate"), _kernel(x), stride=2, groups=x.shape[1])


def _grow(low: Tensor, shape: torch.Size) -> Tensor:
    """Twice the size; a ring of repeated edge keeps the border as bright as the rest."""
    ringed = F.pad(low, (1, 1, 1, 1), mode="replicate")
    grown = F.conv_transpose2d(ringed, 4 * _kernel(low), stride=2, padding=2, groups=low.shape[1])
    return grown[:, :, 2 : 2 + shape[-2], 2 : 2 + shape[-1]]
