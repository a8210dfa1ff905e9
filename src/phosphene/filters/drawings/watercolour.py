"""Watercolour: transparent washes on white paper, darker where they dried, with paper left bare between them."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from phosphene.filters.drawings.fields import Plane, blurred, edges, means, noise, scene, tensor, vivid

TONES = 4  # from dark to light, each a wash with edges of its own
GAP = 2.0  # pixels on both sides of a border that paper may be left bare


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    grain, wet = noise(height, width, 60, seed + 9, octaves=2), noise(height, width, 4, seed + 1)
    level = np.floor(TONES * (of.tone + 0.25 * (noise(height, width, 9, seed + 2) - 0.5)).clip(0, 0.999)).astype(int)
    which = of.stuff * TONES + level
    paint = vivid(0.5 * means(of.colour, which) + 0.5 * blurred(of.colour, 8), 1.8)
    bare = (_near_border(of.stuff, GAP) > 0.5) & (noise(height, width, 10, seed + 6) > 0.4)
    depth = 0.3 + 0.55 * wet + 0.4 * _near_border(which, 3.0) + 0.16 * (grain - 0.5)
    depth = np.where(bare, 0.05, depth)[..., None]
    paper = np.array([254, 252, 246]) / 255 * (0.965 + 0.035 * grain[..., None])
    return tensor(paper * paint.clip(0.02, 1) ** depth)


def _near_border(which: NDArray[np.int64], pixels: float) -> Plane:
    """1 at the border of areas, falling over so many pixels."""
    near: Plane = (blurred(edges(which), pixels) * pixels / 0.4).clip(0, 1)
    return near
