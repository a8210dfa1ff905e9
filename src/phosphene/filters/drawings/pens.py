"""Drawings made stroke by stroke, with a pen."""

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from phosphene.filters.drawings.fields import (
    FLOWERS,
    HILLS,
    HOUSE,
    PERSON,
    SKY,
    SUN,
    Plane,
    between,
    blurred,
    by_hand,
    hair,
    head,
    noise,
    scene,
    tensor,
    vivid,
)


def _twice(x: Plane | NDArray[np.bool_]) -> Image.Image:
    """A plane, 0..1, at twice the size, to draw on."""
    drawn = Image.fromarray((x.astype(float).clip(0, 1) * 255).astype(np.uint8))
    return drawn.resize((2 * drawn.width, 2 * drawn.height))


def _half(canvas: Image.Image) -> Tensor:
    """What was drawn at twice the size."""
    small = canvas.resize((canvas.width // 2, canvas.height // 2), Image.Resampling.LANCZOS)
    return tensor(np.asarray(small, float) / 255)


STITCH, THREAD = 26.0, 3.4  # a stitch's length and width in pixels
STITCHED = 3.0  # how often the ground is covered
DYES = 7  # shades of a thread's colour
LIT = ((9, 0.45, 0.0), (6, 0.85, 0.04), (3, 1.12, 0.12))  # of a thread: width at twice the size, light, cut at each end


def embroidery(height: int, width: int, seed: int) -> Tensor:
    """Satin stitches of dyed thread, which run along the forms and end at their borders."""
    of, rng = by_hand(scene(height, width, seed), seed), np.random.default_rng(seed)
    angle = of.angle + noise(height, width, 3, seed + 1, octaves=2) - 0.5
    bed = (of.stuff == FLOWERS)[..., None]  # whose petals would come as flecks into every tree
    dye = vivid(np.where(bed, blurred(of.colour, 8), of.colour), 1.5)
    shade = dye.max(-1, keepdims=True).clip(1e-6)
    dye *= (0.12 + 0.88 * np.round(shade * DYES) / DYES) / shade
    canvas, count = _twice(0.35 * dye), round(STITCHED * height * width / (STITCH * THREAD))
    pen, middles = ImageDraw.Draw(canvas), rng.random((count, 2)) * (height - 1, width - 1)
    turn = _at(angle, middles) + rng.normal(0, 0.1, count)
    reach = STITCH / 2 * rng.uniform(0.6, 1.2, count) * np.stack((np.sin(turn), np.cos(turn)))
    paint = _at(dye, middles) * rng.uniform(0.85, 1.12, count)[:, None]
    for first, last, colour in zip(*(_end(dye, middles, way * reach.T) for way in (-1, 1)), paint, strict=True):
        for thick, light, cut in LIT:
            ends = (2 * (a + cut * (b - a)) for a, b in ((first, last), (last, first)))
            lit = (255 * colour * light).clip(0, 255).astype(int)
            pen.line([(x, y) for y, x in ends], tuple(lit.tolist()), thick)
    return _half(canvas)


def _at(x: Plane, places: Plane) -> Plane:
    """What a plane is at places `[N, 2]`, rows and columns."""
    rows, columns = places.astype(int).T
    found: Plane = x[rows, columns]
    return found


def _end(dye: Plane, middles: Plane, reach: Plane) -> Plane:
    """Where stitches end on one side, `[N, 2]`: as far as they reach while the colour is still the same."""
    far, edge = np.zeros((len(middles), 1)), np.array(dye.shape[:2]) - 1
    for share in (0.25, 0.5, 0.75, 1.0):
        other = _at(dye, (middles + share * reach).clip(0, edge)) - _at(dye, middles)
        same = np.abs(other).max(1, keepdims=True) < 0.25
        far = np.where(same & (far == share - 0.25), share, far)
    return (middles + far * reach).clip(0, edge)


STROKES = ((40, 100, 1.6), (22, 62, 1.3), (13, 38, 0.7))  # width and length in pixels, how often the ground is covered
FINE = (4, 12, 1.5)  # the same, of a head


def impasto(height: int, width: int, seed: int) -> Tensor:
    """Thick oil in short strokes, whose ridges catch the light; a head in fine ones, so that it keeps its eyes."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    person, everywhere = head(of), np.ones((height, width), bool)
    angle = of.angle + 1.2 * (noise(height, width, 6, seed + 1) - 0.5)
    canvas, skin = Image.new("RGB", (width, height), (120, 100, 80)), vivid(of.colour, 1.3)
    for size in STROKES:
        _dab(canvas, vivid(of.colour, 1.7), angle, everywhere, size, 0.18, rng)
    canvas.paste(Image.fromarray((skin * 255).astype(np.uint8)), (0, 0), Image.fromarray(person))
    _dab(canvas, skin, of.angle, person, FINE, 0.12, rng)
    oil = np.asarray(canvas, float) / 255
    ridges = hair(angle, 26, seed + 2, grain=2.2)
    relief = np.gradient(0.8 * ridges + 2.0 * oil.mean(-1), axis=0) + np.gradient(0.8 * ridges, axis=1)
    thick = 0.55 * np.where(person, 0.5, 1) * relief.clip(-0.35, 0.35)
    return tensor(oil * (0.9 + 0.2 * ridges[..., None]) - thick[..., None])


def _dab(
    canvas: Image.Image,
    colour: Plane,
    angle: Plane,
    where: NDArray[np.bool_],
    size: tuple[int, int, float],
    uneven: float,
    rng: np.random.Generator,
) -> None:
    """Straight strokes along a direction, as wide, long and often as `size` says, whose colours differ a little."""
    (thick, length, cover), pen = size, ImageDraw.Draw(canvas)
    places = np.argwhere(where)
    for y, x in places[rng.integers(0, len(places), round(cover * len(places) / (thick * length)))]:
        paint = colour[y, x] * rng.uniform(1 - uneven, 1 + uneven) + rng.normal(0, 0.2 * uneven, 3)
        down, right = np.sin(angle[y, x]) * length / 2, np.cos(angle[y, x]) * length / 2
        pen.line((x - right, y - down, x + right, y + down), _bytes(paint), thick)


def _bytes(colour: Plane) -> tuple[int, ...]:
    """Red, green and blue, 0..1, as a pen takes them."""
    return tuple(int(255 * each) for each in colour.clip(0, 1))


STARS = ((0.2, 0.16, 0.15), (0.62, 0.12, 0.09), (0.86, 0.3, 0.1), (0.42, 0.3, 0.08), (0.08, 0.42, 0.07))
STEPS, STEP = 7, 5.0  # of a stroke, and their length in pixels
COVERED = 2.2  # how often strokes cover the ground


def night(height: int, width: int, seed: int) -> Tensor:
    """Strokes that stream around stars, in blues and yellows; finer ones for a person, who has eyes and no stars."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    person = of.stuff == PERSON
    y, x = np.mgrid[:height, :width].astype(float)
    y, x = y / height, x / width
    angle, glow = of.angle + 2.5 * (noise(height, width, 2.5, seed + 1) - 0.5), np.zeros((height, width))
    for cx, cy, radius in STARS:
        away = np.hypot(x - cx, y - cy) / radius
        angle = np.where(away < 1.5, np.arctan2(y - cy, x - cx) + np.pi / 2, angle)
        rings = np.clip(1.25 - away, 0, 1) * (0.75 + 0.25 * np.cos(14 * away))
        glow = np.maximum(glow, rings)
    sky = np.isin(of.stuff, (SKY, SUN))
    blue = 0.55 * noise(height, width, 5, seed + 2) + 0.3 * of.tone
    colour = between(blue, [(10, 18, 60), (25, 60, 140), (70, 130, 190), (160, 200, 215)])
    ground = np.where(of.stuff == HILLS, 0.6 * of.tone, of.tone)  # fields lie in the dark
    earth = between(ground, [(6, 14, 26), (24, 52, 70), (112, 120, 80), (226, 190, 104), (246, 226, 160)])
    colour = np.where(sky[..., None], colour, earth)
    star = between(glow, [(60, 110, 170), (190, 190, 110), (250, 215, 80), (255, 250, 205)])
    shine = np.where(sky, glow.clip(0, 1) ** 0.7, 0)[..., None]
    colour = colour * (1 - shine) + star * shine
    colour[(of.stuff == HOUSE) & (of.tone < 0.15)] = np.array([255, 205, 90]) / 255
    lamplit = between(of.tone, [(12, 16, 40), (150, 86, 58), (234, 176, 118), (250, 226, 184)])
    colour = np.where(person[..., None], lamplit, colour)
    field = (of.stuff == HILLS) & (y > 0.72)  # bright and warm without a star: what is neither sky nor lamp
    colour = np.where(
        field[..., None], between(0.5 + 0.5 * ground, [(24, 52, 70), (212, 176, 96), (248, 226, 160)]), colour
    )
    drawn = Image.fromarray((colour * 255).astype(np.uint8))
    canvas = drawn.copy()
    _stroke(canvas, colour, angle, rng, STEPS, (4, 8), 0.3)
    canvas.paste(drawn, (0, 0), Image.fromarray(person))
    _stroke(canvas, np.where(person[..., None], colour, np.nan), of.angle, rng, 2, (3, 4), 0.15)
    return tensor(np.asarray(canvas) / 255 - 0.25 * (0.5 - hair(angle, 18, seed + 3, grain=2.0))[..., None])


def _stroke(
    canvas: Image.Image,
    colour: Plane,
    angle: Plane,
    rng: np.random.Generator,
    steps: int,
    thick: tuple[int, int],
    uneven: float,
) -> None:
    """Covers a canvas with strokes along a direction, so many steps long; where there is a colour, not NaN."""
    (height, width), pen = angle.shape, ImageDraw.Draw(canvas)
    for _ in range(round(COVERED * height * width / (steps * STEP * sum(thick) / 2))):
        y, x = rng.random() * (height - 1), rng.random() * (width - 1)
        paint = colour[int(y), int(x)] * rng.uniform(1 - uneven, 1 + uneven) + rng.normal(0, 0.03, 3)
        if np.isnan(paint[0]):
            continue
        path = [(x, y)]
        for _ in range(steps):
            turn = angle[int(y), int(x)]
            y = min(max(y + STEP * np.sin(turn), 0), height - 1)
            x = min(max(x + STEP * np.cos(turn), 0), width - 1)
            path.append((x, y))
        pen.line(path, _bytes(paint), int(rng.integers(*thick)), joint="curve")


DOT = 4.6  # radius in pixels
COVER = 3.0  # how often the ground is covered


def pointillism(height: int, width: int, seed: int) -> Tensor:
    """Dots of pure colour side by side, each a little off, with complements among them; a head in small, calm dots."""
    of, rng = scene(height, width, seed), np.random.default_rng(seed)
    pure = vivid(of.colour, 1.9)
    complement = 0.25 + 0.75 * of.tone[..., None] - 0.7 * (pure - pure.mean(-1, keepdims=True))
    mixed = np.where(rng.random((height, width, 1)) < 0.12, complement, pure)
    canvas = Image.new("RGB", (2 * width, 2 * height), (240, 232, 214))
    _dot(canvas, mixed, np.ones((height, width), bool), DOT, 0.1, rng)
    _dot(canvas, vivid(of.colour, 1.4), head(of), DOT / 2, 0.05, rng)
    return _half(canvas)


def _dot(
    canvas: Image.Image,
    colour: Plane,
    where: NDArray[np.bool_],
    radius: float,
    uneven: float,
    rng: np.random.Generator,
) -> None:
    """Dots on a canvas of twice the size, whose colours differ a little."""
    pen, places = ImageDraw.Draw(canvas), np.argwhere(where)
    for y, x in places[rng.integers(0, len(places), round(COVER * len(places) / (np.pi * radius**2)))]:
        down, right, reach = 2 * (y + rng.random()), 2 * (x + rng.random()), 2 * radius * rng.uniform(0.7, 1.15)
        paint = _bytes(colour[y, x] + rng.normal(0, uneven, 3))
        pen.ellipse((right - reach, down - reach, right + reach, down + reach), fill=paint)
