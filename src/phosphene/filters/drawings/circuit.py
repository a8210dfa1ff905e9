"""Circuit: gold traces in parallel runs on a green board, black chips where it is dark, solder where it is light."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import SKY, Colour, Plane, between, noise, scene, tensor

PITCH = 14  # pixels between traces
TURNS = ((1, 0), (1, 1), (0, 1), (-1, 1), (-1, 0), (-1, -1), (0, -1), (1, -1))
GOLD, SILVER, HOLE = (236, 184, 84), (226, 230, 232), (10, 30, 24)

Path = list[tuple[float, float]]


def draw(height: int, width: int, seed: int) -> Tensor:
    """The picture."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    board = between(of.tone + 0.06 * (noise(height, width, 6, seed) - 0.5), [(2, 26, 20), (4, 70, 46), (26, 122, 74)])
    canvas = Image.fromarray((board.clip(0, 1) * 255).astype(np.uint8)).resize((2 * width, 2 * height))
    pen = ImageDraw.Draw(canvas)
    for _ in range(height * width // 3200):
        _bus(pen, rng, calm=of.stuff == SKY)
    for y, x in _where(rng, of.tone, height * width // 1500, above=0.66):
        _pad(pen, 2 * x, 2 * y, 12, SILVER if rng.random() < 0.7 else GOLD)
    for y, x in _where(rng, 1 - of.tone, height * width // 9000, above=0.6):
        _chip(pen, rng, 2 * y, 2 * x)
    return tensor(np.asarray(canvas.resize((width, height), Image.Resampling.LANCZOS), float) / 255)


def _where(rng: np.random.Generator, amount: Plane, count: int, above: float) -> list[tuple[int, int]]:
    """Places on the grid at which there is so much of something."""
    rows, columns = (rng.integers(0, side // PITCH, count) * PITCH for side in amount.shape)
    return [(int(y), int(x)) for y, x in zip(rows, columns, strict=True) if amount[y, x] > above]


def _bus(pen: ImageDraw.ImageDraw, rng: np.random.Generator, calm: NDArray[np.bool_]) -> None:
    """Traces side by side from pads to pads; few where the board is calm."""
    height, width = calm.shape
    y, x = (int(rng.integers(0, side // PITCH)) * PITCH for side in (height, width))
    if calm[y, x] and rng.random() < 0.8:
        return
    way, path = 2 * int(rng.integers(0, 4)), [(x, y)]
    for _ in range(int(rng.integers(2, 5))):
        far = PITCH * int(rng.integers(2, 6))
        x, y = x + TURNS[way][0] * far, y + TURNS[way][1] * far
        path.append((x, y))
        way = (way + int(rng.integers(-1, 2))) % 8
    across = TURNS[(way + 2) % 8]
    for number in range(int(rng.integers(1, 5))):
        _trace(pen, [(2 * (px + number * PITCH * across[0]), 2 * (py + number * PITCH * across[1])) for px, py in path])


def _trace(pen: ImageDraw.ImageDraw, path: Path) -> None:
    pen.line(path, GOLD, 8, joint="curve")
    for cx, cy in (path[0], path[-1]):
        _pad(pen, cx, cy, 10, GOLD)


def _pad(pen: ImageDraw.ImageDraw, x: float, y: float, radius: int, metal: Colour) -> None:
    """A round of metal with a hole in it."""
    pen.ellipse((x - radius, y - radius, x + radius, y + radius), fill=metal)
    pen.ellipse((x - 4, y - 4, x + 4, y + 4), fill=HOLE)


def _chip(pen: ImageDraw.ImageDraw, rng: np.random.Generator, y: float, x: float) -> None:
    tall, wide = rng.integers(40, 100), rng.integers(60, 150)
    for pin in range(0, int(wide) - 8, 16):
        pen.rectangle((x + pin + 4, y - 12, x + pin + 12, y + tall + 12), fill=SILVER)
    pen.rectangle((x, y, x + wide, y + tall), fill=(20, 21, 25), outline=(64, 66, 72))
    pen.ellipse((x + 6, y + 6, x + 16, y + 16), fill=(120, 122, 126))
