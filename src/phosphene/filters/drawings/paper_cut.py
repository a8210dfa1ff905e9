"""Paper cut: sheets of coloured paper with clean edges, each with a shadow on the one beneath."""

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import between, blurred, noise, scene, tensor

SHEETS = ((252, 240, 214), (250, 200, 120), (240, 132, 84), (206, 62, 78), (122, 36, 92), (52, 30, 84), (16, 14, 36))
SHADOW, SOFT = (11, 8), 4.0  # pixels down and to the right, and over which it fades
SMOOTH = 7  # pixels: a knife cuts no smaller corners


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    depth = 1 - of.tone + 0.25 * (noise(height, width, 3, seed + 1, octaves=2) - 0.5)
    picture = np.ones((height, width, 3)) * np.array(SHEETS[0]) / 255
    for number, paper in enumerate(SHEETS[1:], 1):
        cut = blurred((depth > number / len(SHEETS)).astype(float), SMOOTH)
        cut = np.clip(12 * (cut - 0.5) + 0.5, 0, 1)
        shadow = blurred(np.roll(cut, SHADOW, (0, 1)), SOFT) * (1 - cut)
        lit = np.clip(cut - np.roll(cut, (3, 3), (0, 1)), 0, 1)
        picture *= 1 - 0.7 * shadow[..., None]
        picture = picture * (1 - cut[..., None]) + np.array(paper) / 255 * cut[..., None] + 0.35 * lit[..., None]
    fibre = between(noise(height, width, 150, seed + 2, octaves=2), [(244, 244, 244), (255, 255, 255)])
    return tensor(picture.clip(0, 1) * fibre)
