"""What several drawings are made of: noise, cells, hair along a direction; and a made-up scene that they all depict.

The scene has every tone, edges in all directions, calm and busy places: so that whatever a photograph shows, the style
has something like it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFilter
from torch import Tensor

from phosphene.pixels.transforms import LUMA

Plane = NDArray[np.float64]  # [H, W], or [H, W, 3] with colours, 0..1
Colour = tuple[int, int, int]

SKY, SUN, HILLS, TREES, HOUSE, LAKE, FLOWERS, PERSON = range(8)
RIDGES: Sequence[tuple[float, float, Sequence[Colour]]] = (  # top, tone, and colours from dark to light
    (0.42, 0.45, ((16, 18, 34), (78, 84, 140), (200, 196, 226))),
    (0.52, 0.5, ((14, 22, 44), (72, 112, 66), (236, 200, 144))),
    (0.62, 0.55, ((18, 20, 42), (150, 90, 48), (228, 178, 112))),  # as brown as a table, which else matches the face
)
FOLIAGE: Sequence[Colour] = ((12, 20, 34), (42, 108, 52), (140, 196, 96))  # from dark to light
RUSSET: Sequence[Colour] = ((40, 20, 24), (168, 84, 38), (236, 180, 100))
ROUND_TREES = (  # across, down, radius, colours
    (0.82, 0.56, 0.11, FOLIAGE),
    (0.93, 0.66, 0.09, RUSSET),
    (0.04, 0.62, 0.1, FOLIAGE),
    (0.33, 0.85, 0.08, FOLIAGE),
)
SKIN: Sequence[Colour] = ((84, 40, 30), (206, 144, 112), (250, 218, 188))
HAIR: Sequence[Colour] = ((30, 16, 14), (112, 60, 32), (190, 124, 70))
COAT: Sequence[Colour] = ((10, 10, 14), (32, 32, 44), (86, 90, 112))
PETALS: Sequence[Colour] = (
    (214, 40, 60), (240, 120, 40), (246, 206, 70), (238, 130, 170), (120, 60, 150), (250, 240, 235)
)  # fmt: skip


@dataclass(frozen=True)
class Scene:
    """A landscape."""

    colour: Plane  # `[H, W, 3]`
    tone: Plane  # brightness, `[H, W]`
    stuff: NDArray[np.int64]  # what stands where, `[H, W]`
    angle: Plane  # which way its forms run, in radians, `[H, W]`


def grid(height: int, width: int) -> tuple[Plane, Plane]:
    """Each pixel's row and column, as shares of the shorter side."""
    rows, columns = np.mgrid[:height, :width].astype(float)
    return rows / min(height, width), columns / min(height, width)


def noise(height: int, width: int, forms: float, seed: int, octaves: int = 4) -> Plane:
    """Fractal noise, 0..1, with about so many forms along the shorter side."""
    rng, total = np.random.default_rng(seed), np.zeros((height, width))
    for octave in range(octaves):
        count = [max(2, round(forms * 2**octave * side / min(height, width))) for side in (width, height)]
        coarse = Image.fromarray(rng.random(count[::-1]).astype(np.float32))
        total += np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), float) / 2**octave
    low, high = np.percentile(total, (1, 99))
    found: Plane = np.clip((total - low) / max(high - low, 1e-9), 0, 1)
    return found


def between(share: Plane, colours: Sequence[Colour]) -> Plane:
    """Colours mixed as 0..1 says: one more axis, of red, green and blue."""
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(share, at, [colour[axis] / 255 for colour in colours]) for axis in range(3)], -1)


def blurred(x: Plane, radius: float) -> Plane:
    """`x`, 0..1, smoothed over so many pixels."""
    if x.ndim == 2:
        drawn = Image.fromarray((x.clip(0, 1) * 255).astype(np.uint8))
        return np.asarray(drawn.filter(ImageFilter.GaussianBlur(radius)), float) / 255
    found = np.empty_like(x)
    for axis in range(3):
        found[..., axis] = blurred(x[..., axis], radius)
    return found


def cells(
    height: int, width: int, size: float, seed: int, jitter: float = 0.9, first: int = 0
) -> tuple[NDArray[np.int64], Plane]:
    """The cells around scattered points (Voronoi 1908), by number; and each pixel's distance to the border, in pixels.

    Points stand one in each square of `size` pixels, anywhere in it where `jitter` is 1. Only rows from `first` on are
    given.
    """
    rng = np.random.default_rng(seed)
    down, right = int(height / size) + 3, int(width / size) + 3
    squares = np.moveaxis(np.mgrid[:down, :right].astype(float), 0, -1)
    points = (squares - 0.5 + jitter * (rng.random((down, right, 2)) - 0.5)) * size
    rows, columns = np.mgrid[first:height, :width]
    home = (rows / size).astype(int) + 1, (columns / size).astype(int) + 1
    near = np.full((2, *rows.shape), np.inf)
    which = np.zeros(rows.shape, np.int64)
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            point = points[home[0] + dy, home[1] + dx]
            distance = np.hypot(point[..., 0] - rows, point[..., 1] - columns)
            closer = distance < near[0]
            near[1] = np.where(closer, near[0], np.minimum(near[1], distance))
            near[0] = np.where(closer, distance, near[0])
            which = np.where(closer, (home[0] + dy) * right + home[1] + dx, which)
    return which, (near[1] - near[0]) / 2


def means(x: Plane, which: NDArray[np.int64]) -> Plane:
    """`x` `[H, W, 3]` averaged within cells."""
    count = np.maximum(np.bincount(which.ravel()), 1)
    return np.stack([(np.bincount(which.ravel(), x[..., axis].ravel()) / count)[which] for axis in range(3)], -1)


def per_cell(which: NDArray[np.int64], seed: int) -> Plane:
    """A random number for each cell, 0..1."""
    return np.random.default_rng(seed).random(int(which.max()) + 1)[which]


def edges(which: NDArray[np.int64]) -> Plane:
    """1 where the area above or to the left is another, and 0 elsewhere."""
    found = np.zeros(which.shape)
    found[1:] += which[1:] != which[:-1]
    found[:, 1:] += which[:, 1:] != which[:, :-1]
    return found.clip(0, 1)


def ranked(x: Plane) -> Plane:
    """Each pixel's rank in `x`, from 0 for the least to 1."""
    order = np.empty(x.size)
    order[x.argsort(axis=None, kind="stable")] = np.linspace(0, 1, x.size)
    return order.reshape(x.shape)


def hair(angle: Plane, length: int, seed: int, grain: float = 1.0) -> Plane:
    """Noise drawn out along a direction, 0..1 (line integral convolution, Cabral and Leedom 1993)."""
    height, width = angle.shape
    coarse = np.random.default_rng(seed).random((round(height / grain) + 2, round(width / grain) + 2))
    fine = Image.fromarray(coarse.astype(np.float32)).resize((width, height), Image.Resampling.BILINEAR)
    source, total = np.asarray(fine, float).ravel(), np.zeros((height, width))
    down, right = np.sin(angle).ravel(), np.cos(angle).ravel()
    for sign in (-1, 1):
        rows, columns = np.mgrid[:height, :width].astype(float)
        for _ in range(length // 2):
            at = rows.clip(0, height - 1).astype(int) * width + columns.clip(0, width - 1).astype(int)
            total += source[at]
            rows += sign * down[at]
            columns += sign * right[at]
    low, high = np.percentile(total, (2, 98))
    found: Plane = np.clip((total - low) / max(high - low, 1e-9), 0, 1)
    return found


def scene(height: int, width: int, seed: int) -> Scene:
    """A sky with a sun over hills, a lake, trees, a house and flowers, and a person in front of them."""
    y, x = grid(height, width)
    tall, wide = y.max() + 1e-9, x.max() + 1e-9
    y, x = y / tall, x / wide
    stuff = np.zeros((height, width), np.int64)
    colour = between(y * 2, [(96, 150, 220), (170, 205, 235), (250, 225, 180)])
    cloud = np.clip(noise(height, width, 3, seed) * 2 - 1.05, 0, 1)[..., None]
    colour = colour * (1 - cloud) + cloud
    angle = 0.5 * (noise(height, width, 3, seed + 1) - 0.5)
    for number, (top, tone, paint) in enumerate(RIDGES):
        where = y > top + 0.09 * np.sin(4 * x + 2.1 * number + seed) + 0.04 * np.sin(11 * x + number)
        right, down = x[where], y[where]
        light = tone + 0.25 * np.sin(9 * right + 3 * number + 5 * down)
        colour[where], stuff[where] = between(light.clip(0, 1), paint), HILLS
        angle[where] = np.arctan(0.8 * np.cos(4 * right + 2.1 * number)) + 0.6
    lake = ((x - 0.68) / 0.3) ** 2 + ((y - 0.86) / 0.12) ** 2 < 1
    waves = 0.5 + 0.5 * np.sin(70 * y[lake] + 4 * x[lake])
    colour[lake] = between(waves, [(16, 34, 86), (60, 130, 180), (190, 225, 235)])
    stuff[lake], angle[lake] = LAKE, 0.0
    leaves = 1 + 0.15 * (noise(height, width, 20, seed + 7) - 0.5)
    for cx, cy, radius, paint in ROUND_TREES:
        where = np.hypot((x - cx) * wide / tall, y - cy) / radius < leaves
        right, down = x[where] - cx, y[where] - cy
        colour[where], stuff[where] = between(_lit(right, down, radius), paint), TREES
        angle[where] = np.arctan2(down, right) + np.pi / 2
    bed = (y > 0.9 + 0.02 * np.sin(9 * x)) & (x < 0.5)
    first = int(bed.any(1).argmax())
    which, border = cells(height, width, 0.03 * min(height, width), seed + 9, first=first)
    colour[bed], stuff[bed] = np.array([24, 26, 34]) / 255, FLOWERS
    petal = np.zeros_like(bed)
    petal[first:] = bed[first:] & (border > 0.006 * min(height, width))
    colour[petal] = np.array(PETALS)[which[petal[first:]] % len(PETALS)] / 255
    wall = (abs(x - 0.45) < 0.1) & (y > 0.5) & (y < 0.74)
    roof = (y > 0.36) & (y <= 0.5) & (abs(x - 0.45) < (y - 0.36) * 0.95)
    window = (abs(x - 0.45) < 0.03) & (abs(y - 0.62) < 0.05)
    for where, coat, turn in (
        (wall, (235, 215, 190), np.pi / 2),
        (roof, (180, 55, 35), 0.9),
        (window, (25, 25, 40), 0),
    ):
        shade = np.where(x[where] > 0.45, 0.68, 1.0)[:, None]
        colour[where], stuff[where], angle[where] = np.array(coat) / 255 * shade, HOUSE, turn
    sun = np.hypot((x - 0.2) * wide / tall, y - 0.16) < 0.085
    colour[sun], stuff[sun] = np.array([252, 178, 88]) / 255, SUN
    for where, clothes, along in _person(y, x * wide / tall):
        colour[where], stuff[where] = clothes[where], PERSON
        angle[where] = along[where]
    colour = colour.clip(0, 1)
    return Scene(colour, colour @ np.array(LUMA), stuff, angle)


def by_hand(of: Scene, seed: int) -> Scene:
    """A scene without straight lines, which would run as seams across a photograph's round things; a person is left."""
    height, width = of.tone.shape
    y, x = np.mgrid[:height, :width]
    far = 0.03 * min(height, width) * (of.stuff != PERSON)
    down, right = (far * (noise(height, width, 8, seed + number, octaves=2) - 0.5) for number in (31, 32))
    at = (y + down).clip(0, height - 1).astype(int), (x + right).clip(0, width - 1).astype(int)
    return Scene(of.colour[at], of.tone[at], of.stuff[at], of.angle[at])


def head(of: Scene) -> NDArray[np.bool_]:
    """Where a person's head is, whose features are too small for broad strokes."""
    bright = (of.stuff == PERSON) & (of.tone > 0.3)  # skin and hair, without the coat, and without the eyes
    found: NDArray[np.bool_] = (of.stuff == PERSON) & (blurred(bright.astype(float), 7) > 0.5)
    return found


def _lit(right: Plane, down: Plane, radius: float) -> Plane:
    """The light on a ball, 0..1, from above and from the left."""
    light: Plane = (0.55 - 0.21 * (right + down) / radius).clip(0, 1)
    return light


def _person(y: Plane, x: Plane) -> Iterator[tuple[NDArray[np.bool_], Plane, Plane]]:
    """A person from the chest up: where each part is, its colours, and which way its forms run."""

    def oval(right: float, down: float, wide: float, tall: float) -> NDArray[np.bool_]:
        found: NDArray[np.bool_] = ((x - 0.15 - right) / wide) ** 2 + ((y - 0.72 - down) / tall) ** 2 < 1
        return found

    right, down = x - 0.15, y - 0.72
    along, around = np.pi / 2 + 3 * right, np.arctan2(down, right) + np.pi / 2
    light = _lit(right, down, 0.11)
    skin = between(light + 0.1, SKIN)
    yield oval(0, 0.3, 0.17, 0.16), between(0.35 + 0.3 * np.sin(30 * right) - right, COAT), along
    yield (down > 0.1) & (down < 0.2) & (np.abs(right) < 0.32 * (0.2 - down)), np.ones_like(skin) * 0.96, along
    yield oval(0, 0.1, 0.03, 0.06), 0.75 * skin, along
    yield oval(0, -0.015, 0.09, 0.115), between(light, HAIR), around
    yield oval(0, 0.01, 0.066, 0.095), skin, along
    for side in (-1, 1):
        yield oval(0.026 * side, -0.006, 0.013, 0.007), np.ones_like(skin) * 0.12, 0 * x
        yield oval(0.026 * side, -0.028, 0.016, 0.004), between(0.2 + 0 * x, HAIR), 0 * x
    yield oval(0.006, 0.03, 0.008, 0.012), 0.8 * skin, along
    yield oval(0, 0.062, 0.022, 0.007), np.ones_like(skin) * np.array([168, 62, 56]) / 255, 0 * x


def vivid(colour: Plane, by: float) -> Plane:
    """Colours farther from grey, but for dark ones: else no black coat would find a black."""
    grey = colour.mean(-1, keepdims=True)
    farther = 1 + (by - 1) * (3 * grey).clip(0.2, 1)
    found: Plane = (grey + farther * (colour - grey)).clip(0, 1)
    return found


def tensor(pixels: Plane) -> Tensor:
    """`[H, W, 3]` as pixels `[1, 3, H, W]`."""
    return torch.from_numpy(pixels.clip(0, 1)).permute(2, 0, 1)[None].float().contiguous()
