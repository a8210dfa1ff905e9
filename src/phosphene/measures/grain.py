"""Noise: fine grain without structure."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

_BLOCK = 16  # pixels a side
_CALM = 0.25  # of the blocks: those with least grain say how much there is everywhere
_NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute value
_LIMIT = 1 / 255  # nearer to black or white than this, grain has been cut off


def noise(light: Tensor) -> float:
    """The standard deviation of the grain in `light` `[H, W]`, of a scale of 255.

    The second difference along both axes (Immerkær 1996) leaves no flat, sloping or straight-edged structure; its
    median size is not moved by what is strong (Donoho and Johnstone 1994); and as grain is everywhere and
    patterns are not, a calm quarter of the blocks speaks for the picture. It takes 3 pixels a side; less have 0.
    """
    if min(light.shape) < 3:
        return 0.0
    rows = light[2:] - 2 * light[1:-1] + light[:-2]
    both = (rows[:, 2:] - 2 * rows[:, 1:-1] + rows[:, :-2]) / 6
    grain = _blocks(both.abs()).median(0).values * _NORMAL
    lit = _blocks(light[1:-1, 1:-1])
    free = (lit.amin(0) > _LIMIT) & (lit.amax(0) < 1 - _LIMIT)
    calm = grain[free] if free.any() else grain
    return float(calm.quantile(_CALM)) * 255


def _blocks(x: Tensor) -> Tensor:
    """Values by block, `[pixels, blocks]`."""
    side = min(_BLOCK, *x.shape)
    return F.unfold(x[None, None], side, stride=side)[0]
