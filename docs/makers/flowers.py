"""Draws the flowers that guide dreams in the documents: python docs/make.py flowers"""

from __future__ import annotations

import math
import random
from pathlib import Path

from PIL import Image, ImageDraw

TARGET = Path(__file__).parents[1] / "pictures" / "guide-flowers.jpg"
WIDTH, HEIGHT, SMOOTH = 480, 320, 3  # drawn three times as large, and shrunk
LEAVES, OUTLINE, HEART = (16, 54, 48), (120, 24, 48), (250, 220, 70)
TINTS = (((250, 205, 190), (190, 40, 100)), ((250, 200, 130), (205, 60, 80)))  # at the rim, and within
SEED = 8
Colour = tuple[int, ...]


def dahlia(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, tints: tuple[Colour, Colour], turn: float
) -> None:
    """Rings of round petals, each ring smaller and darker than the last, and turned by half a petal."""
    rings = max(4, round(radius / 12))
    for ring in range(rings):
        out = 1 - ring / rings
        petals = max(6, round(11 + 5 * out))
        size = 1.9 * math.pi * radius * out * 0.8 / petals / 2 + radius * 0.05
        for petal in range(petals):
            angle = turn + 2 * math.pi * (petal + ring / 2) / petals
            at = x + math.cos(angle) * radius * out * 0.82, y + math.sin(angle) * radius * out * 0.82
            _disc(draw, *at, size, _between(*tints, ring / rings), outline=OUTLINE)
    _disc(draw, x, y, max(3, radius * 0.09), HEART)


def _between(rim: Colour, heart: Colour, share: float) -> Colour:
    return tuple(round(a + (b - a) * share) for a, b in zip(rim, heart, strict=True))


def _disc(
    draw: ImageDraw.ImageDraw, x: float, y: float, radius: float, fill: Colour, outline: Colour | None = None
) -> None:
    left, top, right, bottom = (SMOOTH * value for value in (x - radius, y - radius, x + radius, y + radius))
    draw.ellipse((left, top, right, bottom), fill, outline, width=SMOOTH)


def main() -> None:
    """A bed of dahlias: a few large ones over many small ones."""
    chance = random.Random(SEED)
    page = Image.new("RGB", (WIDTH * SMOOTH, HEIGHT * SMOOTH), LEAVES)
    draw = ImageDraw.Draw(page)
    for radius in (30, 32, 28, 34, 30, 42, 38, 46, 52, 60, 56, 64, 68, 72, 62):
        place = chance.uniform(0, WIDTH), chance.uniform(0, HEIGHT)
        dahlia(draw, *place, radius, chance.choice(TINTS), chance.uniform(0, 1))
    page.resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS).save(TARGET, quality=92)


if __name__ == "__main__":
    main()
