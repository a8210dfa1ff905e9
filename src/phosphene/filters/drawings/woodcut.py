"""Woodcut: lines carved along the forms, black ink on warm paper, with a second block of red."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import HOUSE, SKY, SUN, between, blurred, grid, noise, scene, tensor

LINES = 46  # along the shorter side


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    y, x = grid(height, width)
    bent = 0.06 * noise(height, width, 4, seed + 3)
    across = (y + bent) * np.cos(of.angle) - (x + bent) * np.sin(of.angle)
    across = np.where(of.stuff == SKY, y + 0.5 * bent + 0.03 * np.sin(7 * x), across)
    groove = 0.5 + 0.5 * np.sin(2 * np.pi * LINES * across)
    rough = 0.12 * (noise(height, width, 60, seed + 4) - 0.5)
    ink = blurred((groove + rough > 1.25 * of.tone + 0.05).astype(float), 0.6)
    red = ((of.stuff == SUN) | ((of.stuff == HOUSE) & (of.colour[..., 0] > 1.6 * of.colour[..., 2]))).astype(float)
    paper = between(noise(height, width, 90, seed + 5), [(236, 222, 190), (246, 235, 208)])
    block = paper * (1 - 0.85 * red[..., None]) + np.array([190, 45, 30]) / 255 * 0.85 * red[..., None]
    return tensor(block * (1 - ink[..., None]) + np.array([24, 20, 22]) / 255 * ink[..., None])
