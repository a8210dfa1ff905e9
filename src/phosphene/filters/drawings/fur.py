"""Fur: dense hair in whorls, a tabby's coat from cream to black."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import between, hair, noise, scene, tensor


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    angle = of.angle + 4.0 * (noise(height, width, 2.2, seed + 1, octaves=2) - 0.5) + 1.2
    stripes = 0.5 + 0.5 * np.sin(26 * noise(height, width, 2, seed + 2, octaves=2))
    long, short = hair(angle, 44, seed + 3, grain=1.6), hair(angle + 0.25, 22, seed + 4, grain=2.6)
    coat = 0.62 * of.tone + 0.3 * (stripes - 0.5) * (of.tone < 0.8) + 0.24
    lit = coat + 0.42 * (long - 0.5) + 0.22 * (short - 0.5)
    return tensor(between(lit.clip(0, 1), [(14, 9, 8), (70, 38, 22), (158, 92, 48), (222, 168, 108), (252, 238, 212)]))
