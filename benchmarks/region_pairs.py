"""Pairs of pictures whose regions are known: photographs that come inside installed packages, and drawn scenes.

Layouts differ between content and style, and so do colours; some styles set traps, as rock in the blue of a sky.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import skimage
import sklearn
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

Field = NDArray[np.float64]  # [H, W] or [H, W, 3]
STUFF = ("sky", "rock and walls", "leaves", "water")
SKY, WALL, LEAVES, WATER = range(4)
NOWHERE = -1  # pixels that count for nothing
HEIGHT, WIDTH = 288, 384


@dataclass(frozen=True)
class Scene:
    """A picture `[H, W, 3]`, 0..1, and what is where, `[H, W]`."""

    pixels: Field
    map: NDArray[np.int64]


@dataclass(frozen=True)
class Pair:
    """A content and a style whose regions are known.

    Attributes:
        name: of both, with a line between.
        content: pixels `[1, 3, H, W]`.
        style: likewise.
        content_map: a number of `STUFF` for each pixel, or `NOWHERE`.
        style_map: likewise.
    """

    name: str
    content: Tensor
    style: Tensor
    content_map: Tensor
    style_map: Tensor


def pairs() -> list[Pair]:
    """All pairs; every content's stuff is in its style."""
    return [_pair(content, style) for content, style in PAIRS]


def unseen() -> Iterator[Pair]:
    """All other pairs of scenes in which every content's stuff is in its style: the map was not tuned on them."""
    stuffs = {name: set(scene().map.flatten().tolist()) - {NOWHERE} for name, scene in SCENES.items()}
    for content, style in product(SCENES, SCENES):
        if content != style and (content, style) not in PAIRS and stuffs[content] <= stuffs[style]:
            yield _pair(content, style)


def _pair(content: str, style: str) -> Pair:
    of, by = SCENES[content](), SCENES[style]()
    pixels = (torch.from_numpy(each.pixels).permute(2, 0, 1)[None].float().clamp(0, 1) for each in (of, by))
    return Pair(f"{content} – {style}", *pixels, torch.from_numpy(of.map), torch.from_numpy(by.map))


# Photographs


@cache
def _photograph(name: str) -> Field:
    folders = {"skimage": Path(skimage.__file__).parent / "data", "sklearn": Path(sklearn.__file__).parent}
    files = {"china": folders["sklearn"] / "datasets" / "images" / "china.jpg"}
    with Image.open(files.get(name, folders["skimage"] / name)) as opened:
        return np.asarray(opened.convert("RGB").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS), float) / 255


def _drawn(shapes: dict[int, list[list[tuple[float, float]]]], base: int) -> NDArray[np.int64]:
    """A map from polygons, x and y in 0..1; the later cover the earlier."""
    canvas = Image.new("L", (WIDTH, HEIGHT), base + 1)
    for stuff, polygons in shapes.items():
        for polygon in polygons:
            ImageDraw.Draw(canvas).polygon([(x * WIDTH, y * HEIGHT) for x, y in polygon], fill=stuff + 1)
    return np.asarray(canvas, np.int64) - 1


def china() -> Scene:
    """A pavilion among trees; the lake is as pale as the sky, and counts for neither."""
    lake = [(0, 0.47), (1, 0.47), (1, 1), (0, 1)]
    pavilion = [(0.32, 0.06), (0.36, 0.17), (0.5, 0.28), (0.49, 0.33), (0.51, 0.42), (0.5, 0.53), (0.55, 0.58),
                (0.53, 0.72), (0.58, 0.78), (0.5, 1), (0.4, 1), (0.1, 0.8), (0.1, 0.62), (0.14, 0.43), (0.15, 0.25),
                (0.3, 0.16)]  # fmt: skip
    left = [(0, 0.33), (0.06, 0.45), (0.11, 0.55), (0.06, 0.66), (0.1, 0.78), (0.3, 0.83), (0.44, 0.93), (0.48, 1),
            (0, 1)]  # fmt: skip
    right = [(0.48, 1), (0.52, 0.86), (0.62, 0.74), (0.75, 0.68), (0.86, 0.66), (0.87, 0.42), (0.92, 0.33), (1, 0.36),
             (1, 1)]  # fmt: skip
    map_ = _drawn({NOWHERE: [lake], WALL: [pavilion], LEAVES: [left, right]}, SKY)
    return Scene(_photograph("china"), map_)


def rocket() -> Scene:
    """A rocket at dusk: sky, and what is built."""
    towers = [[(0, 0), (0.14, 0), (0.14, 1), (0, 1)], [(0.86, 0), (1, 0), (1, 1), (0.86, 1)],
              [(0.25, 0.25), (0.33, 0.25), (0.33, 1), (0.25, 1)], [(0.66, 0.25), (0.74, 0.25), (0.74, 1), (0.66, 1)],
              [(0, 0.72), (1, 0.72), (1, 1), (0, 1)], [(0.45, 0.28), (0.56, 0.28), (0.56, 1), (0.45, 1)]]  # fmt: skip
    body = [[(0.482, 0.32), (0.525, 0.32), (0.53, 1), (0.477, 1)]]
    return Scene(_photograph("rocket.jpg"), _drawn({NOWHERE: towers, WALL: body}, SKY))


# Stuffs, drawn


def noise(seed: int, coarse: float, *, stretch: float = 1.0, octaves: int = 5) -> Field:
    """Fractal noise in 0..1; `coarse` is the size of its largest forms in pixels, `stretch` draws them out."""
    rng, total = np.random.default_rng(seed), np.zeros((HEIGHT, WIDTH))
    for octave in range(octaves):
        size = max(2, round(WIDTH / coarse / stretch * 2**octave)), max(2, round(HEIGHT / coarse * 2**octave))
        grain = Image.fromarray(rng.random((size[1], size[0])).astype(np.float32))
        total += np.asarray(grain.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)) / 2**octave
    low, high = np.percentile(total, (1, 99))
    return np.clip((total - low) / (high - low), 0, 1)


def between(share: Field, *colours: tuple[int, int, int]) -> Field:
    """Colours, mixed as 0..1 says."""
    at = np.linspace(0, 1, len(colours))
    return np.stack([np.interp(share, at, [colour[axis] / 255 for colour in colours]) for axis in range(3)], -1)


def sky(seed: int, top: tuple[int, int, int], low: tuple[int, int, int], cloud: tuple[int, int, int]) -> Field:
    """A sky that brightens downward, with soft clouds drawn out sideways."""
    slope = np.linspace(0, 1, HEIGHT)[:, None].repeat(WIDTH, 1)
    veil = np.clip(noise(seed, 150, stretch=2.5) * 2.2 - 1.1, 0, 1)[..., None] * 0.8
    return between(slope, top, low) * (1 - veil) + np.array(cloud) / 255 * veil


def rock(seed: int, *colours: tuple[int, int, int]) -> Field:
    """Strata, bent and cracked."""
    layers = np.sin(np.arange(HEIGHT)[:, None] / 5 + 14 * noise(seed, 130)) * 0.5 + 0.5
    cracks = np.abs(noise(seed + 1, 40) - 0.5) < 0.035
    tone = 0.6 * layers + 0.4 * noise(seed + 2, 12, octaves=3)
    return between(np.clip(tone - 0.45 * cracks, 0, 1), *colours)


def leaves(seed: int, *colours: tuple[int, int, int]) -> Field:
    """Leaves over leaves, the lower ones darker."""
    rng, canvas = np.random.default_rng(seed), Image.new("RGB", (WIDTH, HEIGHT), colours[0])
    draw = ImageDraw.Draw(canvas)
    for share in np.linspace(0, 1, 9000):
        x, y, size = rng.uniform(0, WIDTH), rng.uniform(0, HEIGHT), rng.uniform(2, 5)
        colour = between(np.array(np.clip(share * 0.7 + rng.normal(0, 0.16), 0, 1)), *colours)
        wide, high = size * rng.uniform(0.5, 1), size * rng.uniform(0.5, 1)
        draw.ellipse((x - wide, y - high, x + wide, y + high), fill=tuple(int(255 * each) for each in colour))
    return np.asarray(canvas.filter(ImageFilter.GaussianBlur(0.5)), float) / 255


def water(seed: int, *colours: tuple[int, int, int]) -> Field:
    """Ripples, the farther the finer."""
    rows = np.arange(HEIGHT)[:, None] / HEIGHT
    ripples = np.sin(60 * (1.4 - rows) ** 2 * 4 + 9 * noise(seed, 90, stretch=4)) * 0.5 + 0.5
    return between(0.5 * ripples + 0.5 * noise(seed + 1, 20, stretch=5), *colours)


def tinted(name: str, *colours: tuple[int, int, int]) -> Field:
    """A photograph of a stuff, in grey, in other colours."""
    grey = _photograph(name).mean(-1)
    low, high = np.percentile(grey, (1, 99))
    return between(np.clip((grey - low) / (high - low), 0, 1), *colours)


# Scenes


def composed(*stuffs: tuple[int, Field, Field | None]) -> Scene:
    """Stuffs over one another: number, pixels, and where, `None` for everywhere; the lowest first."""
    pixels, map_ = np.zeros((HEIGHT, WIDTH, 3)), np.zeros((HEIGHT, WIDTH), np.int64)
    for stuff, look, where in stuffs:
        share = np.ones((HEIGHT, WIDTH)) if where is None else _soft(where)
        pixels = pixels * (1 - share[..., None]) + look * share[..., None]
        map_[share > 0.5] = stuff
    return Scene(pixels, map_)


def _soft(where: Field) -> Field:
    drawn = Image.fromarray((where * 255).astype(np.uint8))
    return np.asarray(drawn.filter(ImageFilter.GaussianBlur(0.7)), float) / 255


def below(seed: int, height: float, rough: float = 0.1, slope: float = 0.0) -> Field:
    """Where it is lower than a ridge; heights are shares of the picture's, from the top."""
    columns = np.linspace(-0.5, 0.5, WIDTH)
    ridge = height + rough * (noise(seed, 120)[HEIGHT // 2] - 0.5) * 2 + slope * columns
    return (np.arange(HEIGHT)[:, None] / HEIGHT > ridge[None]).astype(float)


def skyline(seed: int, low: float, high: float) -> Field:
    """Where towers stand."""
    rng, where, left = np.random.default_rng(seed), np.zeros((HEIGHT, WIDTH)), 0
    while left < WIDTH:
        wide = int(rng.integers(24, 60))
        where[round(HEIGHT * rng.uniform(low, high)) :, left : left + wide] = 1
        left += wide + int(rng.integers(0, 14))
    return where


def _photographed_sky() -> Field:
    """The haze above the lake, stretched over a whole picture."""
    part = Image.fromarray((_photograph("china")[: int(0.32 * HEIGHT), int(0.55 * WIDTH) :] * 255).astype(np.uint8))
    return np.asarray(part.resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC), float) / 255


SCENES: dict[str, Callable[[], Scene]] = {
    "china": china,
    "rocket": rocket,
    "towers": lambda: composed(
        (SKY, _photographed_sky(), None),
        (WALL, tinted("brick.png", (60, 52, 50), (190, 178, 165)), skyline(5, 0.2, 0.5)),
        (LEAVES, tinted("grass.png", (20, 40, 12), (130, 160, 70)), below(6, 0.82, 0.05)),
    ),
    "meadow": lambda: composed(
        (SKY, sky(9, (70, 120, 200), (200, 222, 245), (255, 255, 255)), None),
        (LEAVES, tinted("grass.png", (25, 50, 10), (150, 180, 80)), below(10, 0.5, 0.06)),
    ),
    "shore": lambda: composed(
        (SKY, sky(12, (120, 160, 210), (220, 228, 235), (250, 250, 250)), None),
        (WATER, water(13, (30, 60, 80), (110, 150, 160), (200, 220, 220)), below(14, 0.45, 0.0)),
        (WALL, tinted("gravel.png", (50, 45, 40), (200, 190, 175)), below(15, 0.78, 0.08, 0.3)),
    ),
    "canyon": lambda: composed(
        (SKY, sky(21, (230, 120, 60), (255, 215, 130), (255, 240, 205)), None),
        (WALL, rock(22, (60, 15, 15), (165, 55, 35), (215, 120, 80)), below(24, 0.35, 0.15, -0.9)),
        (LEAVES, leaves(25, (10, 30, 20), (40, 90, 50), (120, 150, 70)), below(26, 0.75, 0.1, 0.9)),
    ),
    "storm": lambda: composed(
        (SKY, sky(31, (150, 70, 110), (250, 190, 190), (255, 225, 220)), None),
        (WALL, rock(32, (40, 60, 90), (95, 130, 175), (175, 205, 235)), below(34, 0.55, 0.15, 0.8)),
        (LEAVES, leaves(35, (90, 50, 5), (205, 140, 20), (250, 215, 90)), below(36, 0.62, 0.1, -0.8)),
    ),
    "night": lambda: composed(
        (SKY, sky(41, (8, 10, 40), (30, 40, 95), (70, 85, 140)), None),
        (WALL, tinted("brick.png", (90, 40, 10), (255, 190, 90)), skyline(43, 0.35, 0.7)),
        (LEAVES, leaves(45, (5, 25, 25), (20, 80, 60), (60, 140, 90)), below(46, 0.85, 0.04)),
    ),
    "fjord": lambda: composed(
        (SKY, sky(51, (240, 190, 90), (255, 235, 190), (255, 250, 230)), None),
        (WALL, rock(52, (45, 25, 60), (110, 70, 130), (190, 150, 190)), below(54, 0.3, 0.15, 1.1)),
        (WATER, water(55, (0, 50, 50), (20, 120, 110), (150, 220, 190)), below(56, 0.6, 0.0)),
    ),
    "garden wall": lambda: composed(
        (LEAVES, tinted("grass.png", (15, 35, 15), (110, 160, 90)), None),
        (WALL, tinted("brick.png", (90, 50, 40), (200, 150, 130)), below(61, 0.5, 0.1, 1.2)),
    ),
    "ruin": lambda: composed(
        (WALL, rock(71, (30, 40, 70), (90, 110, 150), (190, 200, 220)), None),
        (LEAVES, leaves(72, (80, 20, 10), (200, 80, 30), (250, 190, 90)), below(73, 0.45, 0.15, -0.6)),
    ),
    "alps": lambda: composed(
        (SKY, sky(81, (60, 130, 220), (190, 220, 250), (255, 255, 255)), None),
        (WALL, rock(82, (70, 72, 78), (140, 142, 148), (225, 228, 232)), below(84, 0.4, 0.2, -0.4)),
        (LEAVES, tinted("grass.png", (10, 30, 20), (60, 110, 60)), below(85, 0.7, 0.08, 0.3)),
    ),
    "ember": lambda: composed(
        (SKY, sky(91, (20, 60, 50), (130, 185, 140), (190, 220, 180)), None),
        (WALL, rock(92, (170, 150, 130), (215, 200, 180), (250, 245, 235)), below(94, 0.5, 0.15, 0.5)),
        (LEAVES, leaves(95, (50, 10, 60), (130, 40, 140), (220, 130, 210)), below(96, 0.7, 0.1, -0.5)),
    ),
    "harbour": lambda: composed(
        (SKY, sky(101, (150, 175, 195), (225, 225, 220), (245, 245, 245)), None),
        (WALL, tinted("brick.png", (70, 40, 30), (200, 140, 110)), skyline(103, 0.3, 0.55)),
        (WATER, water(104, (20, 45, 60), (80, 115, 130), (170, 190, 195)), below(105, 0.68, 0.0)),
    ),
    "lagoon": lambda: composed(
        (SKY, sky(111, (110, 60, 150), (220, 160, 220), (240, 215, 245)), None),
        (WALL, rock(112, (15, 25, 15), (50, 75, 45), (110, 130, 90)), below(114, 0.35, 0.15, 0.7)),
        (WATER, water(115, (150, 60, 30), (235, 140, 90), (255, 215, 170)), below(116, 0.65, 0.0)),
    ),
}  # fmt: skip

PAIRS = (
    ("china", "canyon"), ("china", "storm"), ("china", "towers"), ("rocket", "canyon"), ("rocket", "night"),
    ("towers", "canyon"), ("towers", "china"), ("towers", "night"), ("meadow", "storm"), ("meadow", "canyon"),
    ("shore", "fjord"), ("garden wall", "ruin"),
)  # fmt: skip
