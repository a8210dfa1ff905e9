"""Mosaic: small stones in mortar, with gold among them."""

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import SUN, blurred, cells, means, noise, per_cell, scene, tensor, vivid

STONE, MORTAR = 11.0, 1.1  # pixels


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    which, border = cells(height, width, STONE, seed, jitter=0.35)
    shade = per_cell(which, seed + 1)
    stone = vivid(means(of.colour, which), 1.7) + 0.22 * (shade - 0.5)[..., None]
    gold = (means((of.stuff == SUN)[..., None] * np.ones(3), which)[..., 0] > 0.5) | (per_cell(which, seed + 2) > 0.965)
    stone[gold] = (np.array([222, 172, 60]) / 255 * (0.75 + 0.5 * shade)[..., None])[gold]
    bevel = 0.16 * np.clip(2.5 - border, 0, 2.5) * np.sign(np.gradient(blurred(border / 20, 0.6), axis=0) + 1e-9) * 0.5
    worn = 0.08 * (noise(height, width, 80, seed + 3) - 0.5)
    mortar = blurred((border < MORTAR).astype(float), 0.6)[..., None]
    face = stone + (bevel + worn)[..., None]
    return tensor(face.clip(0, 1) * (1 - mortar) + np.array([178, 168, 150]) / 255 * mortar)
