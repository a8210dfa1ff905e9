"""Circuit: copper and gold traces on a green board, with chips, pads and silver solder."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import SKY, between, noise, scene, tensor

PITCH = 12  # pixels between traces
TURNS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    board = between(
        of.tone * 0.75 + 0.1 * noise(height, width, 8, seed),
        [(4, 22, 16), (10, 74, 46), (40, 138, 84), (150, 205, 150)],
    )
    canvas = Image.fromarray((board.clip(0, 1) * 255).astype(np.uint8)).resize((2 * width, 2 * height))
    pen = ImageDraw.Draw(canvas)
    for _ in range(height * width // 900):
        _trace(pen, rng, of.tone, calm=of.stuff == SKY)
    for _ in range(max(3, height * width // 26000)):
        _chip(pen, rng, height, width)
    return tensor(np.asarray(canvas.resize((width, height), Image.Resampling.LANCZOS), float) / 255)


def _trace(pen: ImageDraw.ImageDraw, rng: np.random.Generator, tone: np.ndarray, calm: np.ndarray) -> None:
    """One line of copper from pad to pad; few where the board is calm."""
    height, width = tone.shape
    y, x = (int(rng.integers(0, side // PITCH + 1)) * PITCH for side in (height, width))
    if calm[min(y, height - 1), min(x, width - 1)] and rng.random() < 0.75:
        return
    way, path = int(rng.integers(0, 8)), [(2 * x, 2 * y)]
    for _ in range(int(rng.integers(2, 6))):
        far = PITCH * int(rng.integers(1, 5))
        x, y = x + TURNS[way][0] * far, y + TURNS[way][1] * far
        path.append((2 * x, 2 * y))
        way = (way + int(rng.integers(-1, 2))) % 8
    bright = 0.55 + 0.6 * tone[min(max(y, 0), height - 1), min(max(x, 0), width - 1)]
    metal = tuple(int(min(255, bright * each)) for each in ((226, 168, 74), (214, 130, 70))[int(rng.integers(0, 2))])
    pen.line(path, metal, 7, joint="curve")
    for cx, cy in (path[0], path[-1]):
        pen.ellipse((cx - 10, cy - 10, cx + 10, cy + 10), fill=metal)
        pen.ellipse((cx - 4, cy - 4, cx + 4, cy + 4), fill=(16, 24, 22))


def _chip(pen: ImageDraw.ImageDraw, rng: np.random.Generator, height: int, width: int) -> None:
    y, x = rng.random() * 2 * height, rng.random() * 2 * width
    tall, wide = rng.integers(30, 80), rng.integers(50, 130)
    for pin in range(0, int(wide) - 8, 16):
        pen.rectangle((x + pin + 4, y - 12, x + pin + 12, y + tall + 12), fill=(205, 208, 212))
    pen.rectangle((x, y, x + wide, y + tall), fill=(24, 25, 29), outline=(70, 72, 78))
    pen.ellipse((x + 6, y + 6, x + 16, y + 16), fill=(120, 122, 126))
