"""Paper cut: layers of coloured paper, each with a soft shadow on the one beneath."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import between, blurred, noise, scene, tensor

SHEETS = ((250, 238, 214), (246, 197, 130), (232, 123, 88), (190, 62, 80), (112, 38, 92), (46, 28, 74), (18, 16, 40))
SHADOW = 7  # pixels down and to the right


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    depth = 1 - blurred(of.tone, 5) + 0.35 * (noise(height, width, 3, seed + 1, octaves=2) - 0.5)
    picture = np.ones((height, width, 3)) * np.array(SHEETS[0]) / 255
    for number, paper in enumerate(SHEETS[1:], 1):
        cut = blurred((depth > number / len(SHEETS)).astype(float), 0.8)
        cut = blurred((blurred(cut, 4) > 0.5).astype(float), 0.7)
        shadow = blurred(np.roll(cut, (SHADOW, SHADOW // 2), (0, 1)), 6) * (1 - cut)
        picture *= 1 - 0.5 * shadow[..., None]
        picture = picture * (1 - cut[..., None]) + np.array(paper) / 255 * cut[..., None]
    fibre = between(noise(height, width, 120, seed + 2), [(246, 246, 246), (255, 255, 255)])
    return tensor(picture * fibre)
