"""Crystal: cut stones side by side, each with a table and facets that have a light of their own."""

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from phosphene.filters.drawings.fields import Plane, between, cells, edges, means, per_cell, scene, tensor

STONE = 92.0  # pixels
ICE = ((6, 10, 40), (22, 52, 128), (60, 140, 205), (150, 214, 240), (228, 246, 253), (255, 255, 255))
FACETS = 7  # around a stone's table


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    stone, border = cells(height, width, STONE, seed)
    turn, share = _around(stone), per_cell(stone, seed + 4)
    table = border / means(np.repeat(border[..., None], 3, -1), stone)[..., 0] > 1.25
    facet = stone * (FACETS + 1) + np.where(table, FACETS, np.floor((turn + share) * FACETS % FACETS)).astype(int)
    light = 0.8 * means(of.colour, stone).mean(-1) + 0.55 * (per_cell(facet, seed + 1) - 0.5) + 0.1 * table
    ice = between(light.clip(0, 1), ICE)
    warm = np.where(per_cell(stone, seed + 2) > 0.86, 1.0, 0.0)[..., None] * np.array([0.2, -0.06, 0.06])
    edge, seam = edges(facet)[..., None], np.clip(1 - border / 1.6, 0, 1)[..., None]
    lit = (ice + warm).clip(0, 1) * (1 - 0.55 * edge) + 0.55 * edge
    return tensor(lit * (1 - 0.8 * seam) + 0.8 * seam * np.array([14, 30, 84]) / 255)


def _around(stone: NDArray[np.int64]) -> Plane:
    """Each pixel's direction from its stone's middle, in turns."""
    height, width = stone.shape
    places = np.stack([*np.mgrid[:height, :width].astype(float), np.zeros((height, width))], -1)
    away = places - means(places, stone)
    turns: Plane = np.arctan2(away[..., 0], away[..., 1]) / (2 * np.pi) + 0.5
    return turns
