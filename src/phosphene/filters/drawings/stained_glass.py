"""Stained glass: panes of uneven, glowing colour in dark leads."""

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import blurred, cells, means, noise, per_cell, scene, tensor, vivid

PANE, LEAD = 40.0, 3.2  # pixels


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    which, border = cells(height, width, PANE, seed)
    glass = vivid(means(of.colour, which) ** 0.7, 2.6) * (0.75 + 0.5 * per_cell(which, seed + 1))[..., None]
    glow = 0.72 + 0.45 * noise(height, width, 22, seed + 2) * np.clip(border / 12, 0.4, 1)
    ripple = 0.06 * (noise(height, width, 60, seed + 3) - 0.5)
    lit = (glass * glow[..., None] + ripple[..., None]).clip(0, 1)
    lead = blurred((border < LEAD * (0.7 + 0.6 * noise(height, width, 9, seed + 4))).astype(float), 0.8)[..., None]
    shine = np.clip(1 - np.abs(border - 1) / 1.2, 0, 1)[..., None] * 0.16
    return tensor(lit * (1 - lead) + (np.array([22, 20, 24]) / 255 + shine) * lead)
