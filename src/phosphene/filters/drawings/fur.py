"""Fur: a tabby's coat, hair over hair, each dark at its root and light at its tip."""

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import Plane, between, noise, scene, tensor

HAIR, STEP = 9, 4.5  # steps of a hair, and their length in pixels
DENSE = 22  # pixels of ground for each hair


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    angle = 0.6 * of.angle + 3.0 * (noise(height, width, 2.2, seed + 1, octaves=2) - 0.5) + 1.2
    stripes = np.sin(24 * noise(height, width, 2, seed + 2, octaves=2))
    coat = 1.05 * of.tone + 0.14 * stripes * (of.tone < 0.8) + 0.08
    colour = between(coat.clip(0, 1), [(16, 12, 12), (66, 38, 24), (168, 96, 44), (232, 172, 104), (255, 246, 230)])
    return tensor(_haired(colour, angle, rng))


def _haired(colour: Plane, angle: Plane, rng: np.random.Generator) -> Plane:
    """Hairs of these colours, drawn from root to tip, at twice the size and shrunk."""
    height, width = angle.shape
    canvas = Image.fromarray((colour * 160).astype(np.uint8)).resize((2 * width, 2 * height))
    pen = ImageDraw.Draw(canvas)
    tuft = noise(height, width, 40, int(rng.integers(1000)))
    for _ in range(round(height * width / DENSE)):
        y, x = rng.random() * (height - 1), rng.random() * (width - 1)
        turn = angle[int(y), int(x)] + 0.9 * (tuft[int(y), int(x)] - 0.5) + rng.normal(0, 0.12)
        paint, bend = colour[int(y), int(x)] * rng.uniform(0.8, 1.15), rng.normal(0, 0.04)
        for step in range(HAIR):
            there = y + STEP * np.sin(turn), x + STEP * np.cos(turn)
            lit = tuple(int(each) for each in (255 * paint * (0.62 + 0.55 * step / HAIR)).clip(0, 255))
            pen.line((2 * x, 2 * y, 2 * there[1], 2 * there[0]), lit, max(1, 4 - step // 2))
            (y, x), turn = there, turn + bend
    return np.asarray(canvas.resize((width, height), Image.Resampling.LANCZOS), float) / 255
