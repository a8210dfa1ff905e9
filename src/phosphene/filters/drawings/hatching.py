"""Cross-hatching: layers of fine pen lines, one more wherever it is darker."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import between, blurred, grid, noise, scene, tensor

LAYERS = ((0.9, 0.85), (-0.7, 0.62), (0.1, 0.42), (1.6, 0.24))  # direction, and the tone below which it is drawn
LINES = 62  # along the shorter side


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    y, x = grid(height, width)
    ink = np.zeros((height, width))
    for number, (turn, below) in enumerate(LAYERS):
        shake = 0.012 * noise(height, width, 12, seed + number)
        across = (y + shake) * np.cos(turn + 0.4 * of.angle) - (x + shake) * np.sin(turn + 0.4 * of.angle)
        line = np.abs(np.sin(np.pi * LINES * across)) < 0.16 + 0.3 * np.clip(below - of.tone, 0, 1)
        pressed = noise(height, width, 30, seed + 10 + number) > 0.12
        ink = np.maximum(ink, line & pressed & (of.tone < below))
    edge = np.abs(np.gradient(blurred(of.tone, 1.5), axis=0)) + np.abs(np.gradient(blurred(of.tone, 1.5), axis=1))
    ink = blurred(np.maximum(ink, edge > 0.045).astype(float), 0.7)[..., None]
    paper = between(noise(height, width, 70, seed + 20), [(244, 238, 222), (252, 248, 238)])
    return tensor(paper * (1 - ink) + np.array([28, 32, 62]) / 255 * ink)
