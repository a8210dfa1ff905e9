"""Pointillism: dots of pure colour side by side, each a little off, with their complements among them."""

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import scene, tensor, vivid

DOT = 4.6  # radius in pixels
COVER = 3.0  # how often the ground is covered


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    canvas = Image.new("RGB", (2 * width, 2 * height), (240, 232, 214))
    pen = ImageDraw.Draw(canvas)
    pure = vivid(of.colour, 1.9)
    for _ in range(round(COVER * height * width / (np.pi * DOT**2))):
        y, x = rng.random() * (height - 1), rng.random() * (width - 1)
        colour = pure[int(y), int(x)] + rng.normal(0, 0.1, 3)
        if rng.random() < 0.12:
            colour = 0.25 + 0.75 * of.tone[int(y), int(x)] - 0.7 * (colour - colour.mean())
        radius = 2 * DOT * rng.uniform(0.7, 1.15)
        paint = tuple(int(255 * each) for each in np.clip(colour, 0, 1))
        pen.ellipse((2 * x - radius, 2 * y - radius, 2 * x + radius, 2 * y + radius), fill=paint)
    small = canvas.resize((width, height), Image.Resampling.LANCZOS)
    return tensor(np.asarray(small, float) / 255)
