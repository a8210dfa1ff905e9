"""Cross-hatching: layers of fine pen lines, one more wherever it is darker."""

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import LAKE, Plane, between, blurred, grid, noise, scene, tensor

LAYERS = ((0.8, 0.78), (-0.75, 0.5), (0.05, 0.34), (1.5, 0.22), (0.45, 0.14))  # direction, and the tone it begins below
LINES = 66  # along the shorter side


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    tone = np.where(of.stuff == LAKE, blurred(of.tone, 18), of.tone)  # bands of waves would lie across every dark place
    ink = np.max([_lines(tone, turn, below, seed + number) for number, (turn, below) in enumerate(LAYERS)], axis=0)
    down, right = np.gradient(blurred(tone, 1.5))
    outline = np.abs(down) + np.abs(right) > 0.03
    ink = blurred(np.maximum(ink, outline), 0.7)[..., None]
    paper = between(noise(height, width, 70, seed + 20), [(244, 238, 222), (252, 248, 238)])
    return tensor(paper * (1 - ink) + np.array([24, 26, 48]) / 255 * ink)


def _lines(tone: Plane, turn: float, below: float, seed: int) -> Plane:
    """Nearly straight lines, thicker where it is darker, lifted now and then."""
    height, width = tone.shape
    y, x = grid(height, width)
    shake = 0.02 * noise(height, width, 3, seed) + 0.004 * noise(height, width, 25, seed + 40)
    across = y * np.cos(turn) - x * np.sin(turn) + shake
    thick = 0.16 + 0.2 * np.clip((below - tone) / 0.4, 0, 1)
    pressed = noise(height, width, 30, seed + 10) > 0.1
    lines: Plane = (np.abs((LINES * across) % 1 - 0.5) < thick / 2) * pressed * (tone < below) * 1.0
    return lines
