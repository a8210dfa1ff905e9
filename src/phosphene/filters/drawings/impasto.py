"""Impasto: thick oil in short strokes, whose ridges catch the light."""

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import hair, noise, scene, tensor, vivid

STROKES = ((40, 100, 1.6), (22, 62, 1.3), (13, 38, 0.7))  # width and length in pixels, how often the ground is covered


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    angle = of.angle + 1.2 * (noise(height, width, 6, seed + 1) - 0.5)
    paint, canvas = vivid(of.colour, 1.7), Image.new("RGB", (width, height), (120, 100, 80))
    pen = ImageDraw.Draw(canvas)
    for thick, length, cover in STROKES:
        for _ in range(round(cover * height * width / (thick * length))):
            y, x = int(rng.random() * height), int(rng.random() * width)
            colour = np.clip(paint[y, x] * rng.uniform(0.82, 1.18) + rng.normal(0, 0.035, 3), 0, 1)
            dy, dx = np.sin(angle[y, x]) * length / 2, np.cos(angle[y, x]) * length / 2
            pen.line((x - dx, y - dy, x + dx, y + dy), tuple(int(255 * each) for each in colour), thick)
    oil = np.asarray(canvas, float) / 255
    ridges = hair(angle, 26, seed + 2, grain=2.2)
    relief = np.gradient(0.8 * ridges + 2.0 * oil.mean(-1), axis=0) + np.gradient(0.8 * ridges, axis=1)
    return tensor(oil * (0.9 + 0.2 * ridges[..., None]) - 0.55 * relief[..., None].clip(-0.35, 0.35))
