"""Woodcut: lines carved along the forms, black ink on warm paper, with a second block of red."""

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import (
    HOUSE,
    SKY,
    SUN,
    between,
    blurred,
    grid,
    hair,
    noise,
    ranked,
    scene,
    tensor,
)

LENGTH, LINE = 90, 5.5  # of a line, and its width, in pixels
BLACK, WHITE = 0.24, 0.76  # tones that are all ink, or all paper


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    _, x = grid(height, width)
    angle = np.where(of.stuff == SKY, 0.25 * np.sin(7 * x), of.angle)
    red = ((of.stuff == SUN) | ((of.stuff == HOUSE) & (of.colour[..., 0] > 1.6 * of.colour[..., 2]))).astype(float)
    ridges, tone = ranked(hair(angle, LENGTH, seed + 3, grain=LINE)), of.tone + 0.25 * red
    ink = blurred((ridges > (tone - BLACK) / (WHITE - BLACK)).astype(float), 1.2)
    ink = np.clip(4 * (ink - 0.5) + 0.5, 0, 1)
    paper = between(noise(height, width, 90, seed + 5), [(236, 222, 190), (246, 235, 208)])
    block = paper * (1 - 0.85 * red[..., None]) + np.array([190, 45, 30]) / 255 * 0.85 * red[..., None]
    return tensor(block * (1 - ink[..., None]) + np.array([24, 20, 22]) / 255 * ink[..., None])
