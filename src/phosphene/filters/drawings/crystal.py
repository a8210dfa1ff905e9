"""Crystal: facets of ice and quartz, each with a light of its own."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import between, cells, grid, means, per_cell, scene, tensor

FACETS = ((90.0, 0.6), (38.0, 0.4))  # size in pixels, and share in the light


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    y, x = grid(height, width)
    light, glint = 0.55 * of.tone, np.zeros((height, width))
    for number, (size, share) in enumerate(FACETS):
        which, border = cells(height, width, size, seed + number)
        turn, steep = 2 * np.pi * per_cell(which, seed + 10 + number), per_cell(which, seed + 20 + number)
        slope = np.cos(turn) * y + np.sin(turn) * x
        local = slope - means(np.repeat(slope[..., None], 3, -1), which)[..., 0]
        light += share * (0.75 * (steep - 0.5) + 5 * local * min(height, width) / 640)
        glint = np.maximum(glint, np.clip(1 - border / 1.1, 0, 1) * (0.4 + 0.6 * steep))
        last = which
    ice = between(light.clip(0, 1), [(8, 16, 48), (30, 80, 150), (95, 180, 220), (205, 238, 250), (255, 255, 255)])
    warm = (per_cell(last, seed + 30) > 0.9)[..., None] * np.array([0.25, 0.02, 0.12])
    return tensor((ice + warm).clip(0, 1) * (1 - 0.75 * glint[..., None]) + 0.75 * glint[..., None])
