"""Watercolour: transparent washes over paper, with dark edges where the pigment dried."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from phosphene.filters.drawings.fields import Plane, blurred, noise, scene, tensor, vivid

WASHES = ((14.0, 0.45), (7.0, 0.5), (3.0, 0.6))  # softness in pixels, and strength; the broad ones first


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of = scene(height, width, seed)
    grain = noise(height, width, 110, seed + 9, octaves=2)
    picture = np.ones((height, width, 3)) * np.array([252, 249, 240]) / 255
    for number, (soft, strength) in enumerate(WASHES):
        colour = vivid(blurred(of.colour, soft), 1.7)
        wet = noise(height, width, 9, seed + number) * 0.35 + noise(height, width, 40, seed + 30 + number) * 0.12
        for level in (0.86, 0.62, 0.38):
            cover = _wash(1 - blurred(of.tone, soft) + wet - 0.23, 1 - level, soft)
            pigment = strength * cover * (0.7 + 0.5 * grain)
            picture *= 1 - 0.55 * pigment[..., None] * (1 - colour)
    return tensor(picture * (0.97 + 0.03 * grain[..., None]))


def _wash(depth: Plane, least: float, soft: float) -> Plane:
    """Where a wash lies, 0..1, and more at its edge."""
    flat = blurred((depth > least).astype(float), 1.0)
    edge = np.clip(flat - blurred(flat, 2.5 + soft / 4), 0, 1)
    return flat * (0.75 + 2.2 * edge)
