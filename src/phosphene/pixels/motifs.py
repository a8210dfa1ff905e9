"""Canvases that are full of one thing: flowers, feathers, shells or windows. They guide dreams, or are dreamt upon.

Lengths are in units of which the longer side of a picture has 480, so that the same picture appears in any size.
"""

import math
import random
from collections.abc import Callable, Sequence

import numpy as np
import torch
from PIL import Image, ImageDraw
from torch import Generator, Tensor

LONG_SIDE = 480  # units
FINEST = 1280  # pixels of the longer side that are drawn; a larger picture is a magnified one
SMOOTH = 3  # it is drawn so many times as large, and shrunk

Colour = tuple[int, ...]
Point = tuple[float, float]


class _Page:
    """Shapes on one colour, in units.

    Args:
        height, width: pixels.
        ground: the colour of what is not drawn on.
    """

    def __init__(self, height: int, width: int, ground: Colour) -> None:
        long = max(height, width)
        self.height, self.width = LONG_SIDE * height / long, LONG_SIDE * width / long
        self._scale = SMOOTH * min(FINEST, long) / LONG_SIDE
        size = max(1, round(self.width * self._scale)), max(1, round(self.height * self._scale))
        self._image, self._size = Image.new("RGB", size, ground), (width, height)
        self._draw = ImageDraw.Draw(self._image)

    def disc(self, x: float, y: float, radius: float, fill: Colour, outline: Colour | None = None) -> None:
        """A round spot, with a line of one unit around it."""
        box = [self._scale * value for value in (x - radius, y - radius, x + radius, y + radius)]
        self._draw.ellipse(box, fill, outline, width=max(1, round(self._scale)))

    def polygon(self, points: Sequence[Point], fill: Colour, outline: Colour | None = None) -> None:
        """A shape with corners."""
        self._draw.polygon([(self._scale * x, self._scale * y) for x, y in points], fill, outline)

    def line(self, points: Sequence[Point], fill: Colour, width: float) -> None:
        """A line through points."""
        places = [(self._scale * x, self._scale * y) for x, y in points]
        self._draw.line(places, fill, max(1, round(width * self._scale)), joint="curve")

    def box(self, left: float, top: float, width: float, height: float, fill: Colour) -> None:
        """An upright rectangle."""
        right, bottom = left + width, top + height
        self.polygon([(left, top), (right, top), (right, bottom), (left, bottom)], fill)

    def pixels(self) -> Tensor:
        """`[1, 3, height, width]`, 0..1."""
        shrunk = self._image.resize(self._size, Image.Resampling.LANCZOS)
        return torch.from_numpy(np.asarray(shrunk, np.float32) / 255).permute(2, 0, 1)[None].contiguous()


def _between(first: Colour, last: Colour, share: float) -> Colour:
    return tuple(round(a + (b - a) * share) for a, b in zip(first, last, strict=True))


LEAVES, PETAL, HEART = (16, 54, 48), (120, 24, 48), (250, 220, 70)
TINTS = (((250, 205, 190), (190, 40, 100)), ((250, 200, 130), (205, 60, 80)))  # at the rim, and within
RADII = (30, 32, 28, 34, 30, 42, 38, 46, 52, 60, 56, 64, 68, 72, 62)  # of the flowers of 480×320 units


def _dahlias(page: _Page, chance: random.Random) -> None:
    """A bed of dahlias: a few large ones over many small ones."""
    often = max(1, round(page.width * page.height / (480 * 320)))
    for radius in (each for each in RADII for _ in range(often)):
        place = chance.uniform(0, page.width), chance.uniform(0, page.height)
        _dahlia(page, *place, radius, chance.choice(TINTS), chance.uniform(0, 1))


def _dahlia(page: _Page, x: float, y: float, radius: float, tints: tuple[Colour, Colour], turn: float) -> None:
    """Rings of round petals, each ring smaller and darker than the last, and turned by half a petal."""
    rings = max(4, round(radius / 12))
    for ring in range(rings):
        out = 1 - ring / rings
        petals = max(6, round(11 + 5 * out))
        size = 1.9 * math.pi * radius * out * 0.8 / petals / 2 + radius * 0.05
        for petal in range(petals):
            angle = turn + 2 * math.pi * (petal + ring / 2) / petals
            at = x + math.cos(angle) * radius * out * 0.82, y + math.sin(angle) * radius * out * 0.82
            page.disc(*at, size, _between(*tints, ring / rings), outline=PETAL)
    page.disc(x, y, max(3, radius * 0.09), HEART)


DUSK, SHAFT = (10, 26, 30), (226, 206, 140)
BARBS = ((20, 92, 60), (62, 150, 70), (150, 150, 52))
EYE = ((196, 140, 52), (226, 186, 84), (40, 150, 140), (22, 64, 160), (14, 14, 46))  # from the rim inwards


def _feathers(page: _Page, chance: random.Random) -> None:
    """A peacock's tail: rows of feathers, each with an eye, the lower ones over the shafts of the upper."""
    apart, row, number = 62.0, 46.0, 0
    top = -row
    while top < page.height + 3 * row:
        left = -apart / 2 * (number % 2) - apart / 2
        while left < page.width + apart:
            x, y = left + chance.uniform(-7, 7), top + chance.uniform(-6, 6)
            _feather(page, x, y, 46 * chance.uniform(0.85, 1.15), chance.uniform(-0.3, 0.3), chance)
            left += apart
        top, number = top + row, number + 1


def _feather(page: _Page, x: float, y: float, size: float, turn: float, chance: random.Random) -> None:
    """Barbs that curve upwards from a shaft, and rings around a dark middle near its tip."""

    def at(across: float, along: float) -> Point:
        """From the tip's middle, in sizes; `along` goes down the shaft."""
        return (
            x + size * (across * math.cos(turn) - along * math.sin(turn)),
            y + size * (across * math.sin(turn) + along * math.cos(turn)),
        )

    for along in (1.9 - 0.045 * each for each in range(48)):
        for side in (-1, 1):
            reach = 0.78 * math.sin(math.pi * min(1, (2.1 - along) / 2.6)) ** 0.7
            first, last = chance.sample(BARBS, 2)
            colour = _between(first, last, chance.random())
            page.line([at(0, along), at(side * 0.6 * reach, along - 0.32), at(side * reach, along - 0.75)], colour, 1.6)
    page.line([at(0, 2.4), at(0, 0.2)], SHAFT, 2.2)
    for number, colour in enumerate(EYE):
        share = 1 - number / (len(EYE) + 0.6)
        around = (2 * math.pi * each / 40 for each in range(40))
        page.polygon([at(0.5 * share * math.sin(a), -0.05 + 0.62 * share * math.cos(a)) for a in around], colour)


SAND, RIB = (196, 168, 128), (74, 40, 30)
BANDS = (((252, 238, 214), (206, 132, 88)), ((238, 222, 206), (150, 96, 106)), ((250, 226, 180), (176, 104, 50)))

SIZES = (24, 26, 30, 28, 34, 32, 36, 38, 42, 40, 46, 44, 50, 52, 48, 56, 58, 54, 62, 66, 60, 72)  # of the shells there


def _shells(page: _Page, chance: random.Random) -> None:
    """Coiled shells that lie on sand, the small ones beneath."""
    often, there = max(1, round(page.width * page.height / (480 * 320))), list[Point]()
    for radius in (each for each in SIZES for _ in range(often)):
        places = [(chance.uniform(0, page.width), chance.uniform(0, page.height)) for _ in range(12)]
        there.append(max(places, key=lambda place: min((math.dist(place, each) for each in there), default=0)))
        turn, hand = chance.uniform(0, 2 * math.pi), chance.choice((-1, 1))
        _shell(page, *there[-1], radius, chance.choice(BANDS), turn, hand)


def _shell(
    page: _Page, x: float, y: float, radius: float, bands: tuple[Colour, Colour], turn: float, hand: int
) -> None:
    """Chambers along a logarithmic spiral of three turns, each turn half as large as the one around it."""
    chambers = 26  # of one turn
    for number in range(3 * chambers):
        share = 0.5 ** (number / chambers)
        angle = turn + hand * 2 * math.pi * number / chambers
        away, size = 0.64 * radius * share, 0.37 * radius * share
        light = 0.5 + 0.5 * math.cos(angle - 0.8)  # the sun is on one side
        fill = _between(bands[number % 2], bands[1], 0.5 * (1 - light))
        page.disc(x + away * math.cos(angle), y + away * math.sin(angle), size, fill, outline=RIB)


WALLS = ((214, 150, 96), (226, 192, 140), (196, 108, 84), (150, 164, 150), (232, 214, 182), (170, 120, 120))
STONE, GLASS, SKY, SHUTTERS = (
    (246, 234, 210),
    (28, 42, 66),
    (146, 178, 204),
    ((44, 96, 84), (92, 50, 44), (48, 66, 110)),
)


def _windows(page: _Page, chance: random.Random) -> None:
    """Houses side by side, with rows of round-headed windows and shutters."""
    left = -chance.uniform(0, 40)
    while left < page.width:
        columns, across, up = chance.choice((2, 3)), chance.uniform(46, 58), chance.uniform(70, 88)
        width = columns * across + 10
        wall, shutters = chance.choice(WALLS), chance.choice(SHUTTERS)
        page.box(left, 0, width, page.height, wall)
        top = -chance.uniform(0, up)
        while top < page.height:
            page.box(left, top, width, 5, STONE)
            page.box(left, top + 5, width, 3, _between(wall, RIB, 0.6))
            for column in range(columns):
                _window(page, left + 5 + (column + 0.5) * across, top + 18, 0.42 * across, up - 28, shutters)
            top += up
        page.box(left + width - 2, 0, 2, page.height, _between(wall, RIB, 0.7))
        left += width


def _window(page: _Page, x: float, top: float, width: float, height: float, shutters: Colour) -> None:
    """Panes under a round head, in a frame of stone, between shutters with slats."""
    half, bottom = width / 2, top + height
    for border, colour in ((4, STONE), (0, GLASS)):
        page.disc(x, top + half, half + border, colour)
        page.box(x - half - border, top + half, width + 2 * border, height - half + border, colour)
    left, right = x - half, x + half
    page.polygon([(left, bottom - 4), (right, top + half), (right, top + half + 9), (left, bottom)], SKY)
    page.line([(x, top), (x, bottom)], STONE, 2)
    for share in (0.35, 0.68):
        page.line([(x - half, top + share * height), (x + half, top + share * height)], STONE, 2)
    for side in (x - half - 4 - 0.5 * half, x + half + 4):
        page.box(side, top + half, 0.5 * half, height - half, shutters)
        for slat in range(int((height - half) / 4)):
            at = top + half + 2 + 4 * slat
            page.line([(side, at), (side + 0.5 * half, at)], _between(shutters, (0, 0, 0), 0.45), 1)


_SEED = 6  # added to the seed, so that the usual one shows a picture picked by eye
_DRAWN: dict[str, tuple[Callable[[_Page, random.Random], None], Colour]] = {
    "dahlias": (_dahlias, LEAVES),
    "feathers": (_feathers, DUSK),
    "shells": (_shells, SAND),
    "windows": (_windows, STONE),
}


def motif(name: str, height: int, width: int, generator: Generator) -> Tensor:
    """One of the canvases that are full of one thing: `[1, 3, height, width]`, float32, 0..1."""
    draw, ground = _DRAWN[name]
    page = _Page(height, width, ground)
    draw(page, random.Random(generator.initial_seed() + _SEED))
    return page.pixels()
