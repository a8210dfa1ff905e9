"""Drawings computed for all pixels at once."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from phosphene.filters.drawings.fields import (
    FLOWERS,
    HOUSE,
    LAKE,
    PERSON,
    SKY,
    SUN,
    TREES,
    Plane,
    Scene,
    between,
    blurred,
    cells,
    edges,
    grid,
    hair,
    means,
    noise,
    per_cell,
    ranked,
    scene,
    tensor,
    vivid,
)

COAL = (24, 23, 23)
SMEAR = 60  # length of a smear in pixels
BARE, FULL = 0.86, 0.14  # tones that are drawn with nothing, and with all


def charcoal(height: int, width: int, seed: int) -> Tensor:
    """Charcoal smudged along the forms on grainy paper, with outlines here and there; a lake and a face are smooth."""
    of = _calmer(scene(height, width, seed), 14)
    grain = noise(height, width, 300, seed + 4, octaves=1)
    smeared = np.where(of.stuff == PERSON, 0.5, hair(_directions(of, 0.5, seed), SMEAR, seed + 3, grain=7.0))
    smudges = blurred(_darkness(of), 2.5) * (0.75 + 0.5 * smeared) * (0.86 + 0.28 * grain)
    coal = 0.95 * np.maximum(smudges.clip(0, 1), _outlines(of, 2.2, seed))[..., None]
    paper = between(noise(height, width, 180, seed + 7, octaves=2), [(232, 227, 216), (248, 244, 235)])
    return tensor(paper * (1 - coal) + np.array(COAL) / 255 * coal)


def _darkness(of: Scene) -> Plane:
    """How dark each place is drawn, 0..1. The lake is bright: else a photograph's bright calm places match the face."""
    tone = np.where(of.stuff == LAKE, 0.62 + 0.35 * of.tone, of.tone)
    dark: Plane = ((BARE - tone) / (BARE - FULL)).clip(0, 1)
    return dark


def _outlines(of: Scene, pixels: float, seed: int) -> Plane:
    """Lines here and there between what stands in a scene, 0..1."""
    height, width = of.tone.shape
    lines: Plane = _near_border(of.stuff, pixels) * np.clip(3 * noise(height, width, 40, seed + 6) - 0.54, 0, 1)
    return lines


def _directions(of: Scene, uneven: float, seed: int) -> Plane:
    """Which way a hand draws, in radians: unevenly along the forms, but not around a tree.

    Strokes around trees came as rings into every round thing of a photograph.
    """
    height, width = of.tone.shape
    across = 0.6 + 2.5 * (noise(height, width, 6, seed + 12, octaves=2) - 0.5)
    along: Plane = np.where(of.stuff == TREES, across, of.angle)
    return along + uneven * (noise(height, width, 4, seed + 11, octaves=2) - 0.5)


def _strokes(share: Plane, angle: Plane, length: int, pressed: Plane | float, seed: int) -> Plane:
    """Strokes along a direction that cover about so much of each place; the harder pressed, the sharper. 0..1."""
    height, width = share.shape
    grain = noise(height, width, 260, seed + 1, octaves=2)
    tooth = ranked(0.7 * ranked(hair(angle, length, seed, grain=2.0)) + 0.3 * grain)
    laid: Plane = (pressed * (share - tooth) + 0.35).clip(0, 1)
    return laid


TONES = 4  # from dark to light, a flat tint each
DOTS = 12.0  # pixels from dot to dot in a row; the next row lies half of that lower, and half to the right


def comic(height: int, width: int, seed: int) -> Tensor:
    """Flat tints printed as dots of ink, the larger the darker (Ben Day's), black shadows and thick outlines."""
    of = _calmer(scene(height, width, seed), 10)
    level = np.floor(TONES * (of.tone + 0.1 * (noise(height, width, 5, seed) - 0.5)).clip(0, 0.999)).astype(int)
    flat = means(of.colour, of.stuff * TONES + level)
    ink, paper = vivid(0.62 * flat / flat.max(-1, keepdims=True).clip(0.3), 1.9), vivid(flat**0.45, 1.5)
    shade = np.clip(0.92 - of.tone, 0, 1) * (of.stuff != PERSON)  # dots on a skin look like scales
    y, x = np.mgrid[:height, :width] / DOTS
    away = np.hypot((x + y) % 1 - 0.5, (x - y) % 1 - 0.5)
    dots = np.clip(0.5 + 9 * (0.62 * np.sqrt(shade) - away), 0, 1)[..., None]
    shadows = np.clip(4 * blurred((of.tone < 0.2).astype(float), 1.5) - 1.5, 0, 1)
    black = np.clip(2 * np.maximum(_near_border(of.stuff, 2.4), shadows) - 0.5, 0, 1)[..., None]
    return tensor((paper * (1 - dots) + ink * dots) * (1 - black) + np.array([18, 16, 24]) / 255 * black)


def _calmer(of: Scene, radius: float) -> Scene:
    """A scene without waves and petals, which would come into every busy place of a photograph."""
    busy = np.isin(of.stuff, (LAKE, FLOWERS))
    colour = np.where(busy[..., None], blurred(of.colour, radius), of.colour)
    return replace(of, colour=colour, tone=np.where(busy, blurred(of.tone, radius), of.tone))


GRAPHITE = (34, 32, 46)
SHADED = 0.55  # tone below which graphite is laid over the colour
PENCIL = 30  # length of a pencil's stroke in pixels


def coloured_pencil(height: int, width: int, seed: int) -> Tensor:
    """Strokes of pure colour along the forms, with paper between them; graphite in the darks, and for outlines."""
    of = _calmer(scene(height, width, seed), 10)
    angle = _directions(of, 0.7, seed) + 0.5 * (of.stuff == SKY)
    person = of.stuff == PERSON  # whose strokes are dense and soft: on a skin hard ones look like scars
    covered, pressed = np.where(person, 0.6, 0.45) + 0.8 * (1 - of.tone), np.where(person, 0.8, 1.7)
    colour = 0.88 * _strokes(covered, angle, PENCIL, pressed, seed + 3)
    shade = 0.8 * _strokes(1.15 * (1 - of.tone / SHADED), angle + 0.4, PENCIL, pressed, seed + 13)
    pure = vivid(of.colour, 2.0)
    pure *= 0.85 / pure.max(-1, keepdims=True).clip(0.3)
    drawn = between(noise(height, width, 180, seed + 7, octaves=2), [(240, 236, 226), (250, 247, 240)])
    for ink, laid in ((pure, colour), (np.array(GRAPHITE) / 255, np.maximum(shade, 0.7 * _outlines(of, 1.4, seed)))):
        drawn = drawn * (1 - laid[..., None]) + ink * laid[..., None]
    return tensor(drawn)


COBALT = (
    (247, 249, 250),
    (188, 206, 234),
    (104, 138, 204),
    (44, 74, 164),
    (20, 34, 102),
)


def delft(height: int, width: int, seed: int) -> Tensor:
    """Cobalt blue on a white glaze: washes that a brush has left in streaks, and fine dark outlines."""
    of = _calmer(scene(height, width, seed), 6)
    wash = 1.05 - 1.1 * of.tone + 0.06 * (noise(height, width, 7, seed + 1) - 0.5)
    depth = wash * (0.85 + 0.3 * hair(of.angle, 50, seed + 2, grain=4.0))
    outline = 0.85 * _near_border(of.stuff, 1.5) * np.clip(4 * noise(height, width, 30, seed + 3), 0, 1)
    return tensor(between(np.maximum(depth, outline).clip(0, 1), COBALT))


LAYERS = ((0.8, 0.78), (-0.75, 0.5), (0.05, 0.34), (1.5, 0.22), (0.45, 0.14))  # direction, and the tone it begins below
LINES = 66  # along the shorter side


def hatching(height: int, width: int, seed: int) -> Tensor:
    """Layers of fine pen lines, one more wherever it is darker."""
    of = scene(height, width, seed)
    tone = np.where(of.stuff == LAKE, blurred(of.tone, 18), of.tone)  # bands of waves would lie across every dark place
    ink = np.max([_lines(tone, turn, below, seed + number) for number, (turn, below) in enumerate(LAYERS)], axis=0)
    down, right = np.gradient(blurred(tone, 1.5))
    outline = np.abs(down) + np.abs(right) > 0.03
    ink = blurred(np.maximum(ink, outline), 0.7)[..., None]
    paper = between(noise(height, width, 70, seed + 20), [(244, 238, 222), (252, 248, 238)])
    return tensor(paper * (1 - ink) + np.array([24, 26, 48]) / 255 * ink)


def _lines(tone: Plane, turn: float, below: float, seed: int) -> Plane:
    """Nearly straight lines, thicker where it is darker, lifted now and then."""
    height, width = tone.shape
    y, x = grid(height, width)
    shake = 0.02 * noise(height, width, 3, seed) + 0.004 * noise(height, width, 25, seed + 40)
    across = y * np.cos(turn) - x * np.sin(turn) + shake
    thick = 0.16 + 0.2 * np.clip((below - tone) / 0.4, 0, 1)
    pressed = noise(height, width, 30, seed + 10) > 0.1
    lines: Plane = (np.abs((LINES * across) % 1 - 0.5) < thick / 2) * pressed * (tone < below) * 1.0
    return lines


STONE, MORTAR = 13.0, 0.9  # pixels


def mosaic(height: int, width: int, seed: int) -> Tensor:
    """Small stones in mortar, with gold among them."""
    of = scene(height, width, seed)
    which, border = cells(height, width, STONE, seed, jitter=0.35)
    shade = per_cell(which, seed + 1)
    stone = vivid(means(of.colour, which), 2.0) + 0.3 * (shade - 0.5)[..., None]
    gold = (means((of.stuff == SUN)[..., None] * np.ones(3), which)[..., 0] > 0.5) | (per_cell(which, seed + 2) > 0.965)
    stone[gold] = (np.array([230, 162, 62]) / 255 * (0.75 + 0.5 * shade)[..., None])[gold]
    bevel = 0.16 * np.clip(2.5 - border, 0, 2.5) * np.sign(np.gradient(blurred(border / 20, 0.6), axis=0) + 1e-9) * 0.5
    worn = 0.08 * (noise(height, width, 80, seed + 3) - 0.5)
    mortar = blurred((border < MORTAR).astype(float), 0.6)[..., None]
    face = stone + (bevel + worn)[..., None]
    return tensor(face.clip(0, 1) * (1 - mortar) + np.array([104, 92, 80]) / 255 * mortar)


CHALK = ((246, 236, 214), (208, 132, 98), (152, 66, 42), (72, 24, 18))
HATCH = 34  # length of a stroke of chalk in pixels


def sanguine(height: int, width: int, seed: int) -> Tensor:
    """Red chalk: hatched beside the forms, over smudges, with outlines here and there; a face is hatched softly."""
    of = _calmer(scene(height, width, seed), 14)
    dark, pressed = _darkness(of), np.where(of.stuff == PERSON, 0.5, 1.6)
    hatched = _strokes(1.05 * dark, _directions(of, 0.5, seed) + 0.4, HATCH, pressed, seed + 3)
    hatched *= np.clip(6 * dark - 0.6, 0, 1) * (0.45 + 0.6 * dark)  # none on what is bare, and light ones beside it
    chalk = np.max((hatched, 0.6 * blurred(dark, 2.5), 0.9 * _outlines(of, 1.8, seed)), axis=0)
    return tensor(between(chalk * (0.9 + 0.2 * noise(height, width, 300, seed + 4, octaves=1)), CHALK))


def _near_border(which: NDArray[np.int64], pixels: float) -> Plane:
    """1 at the border of areas, falling over so many pixels."""
    near: Plane = (blurred(edges(which), pixels) * pixels / 0.4).clip(0, 1)
    return near


LENGTH, LINE = 90, 7.0  # of a line, and its width, in pixels
BLACK, WHITE, WHITE_SKY = 0.24, 0.5, 0.76  # tones that are all ink, or without any
TINTED, TINTED_SKIN = 0.7, 0.62  # tones below which the block of tan prints


def woodcut(height: int, width: int, seed: int) -> Tensor:
    """Flat tan and red under lines carved along the forms, in black on warm paper (a chiaroscuro woodcut)."""
    of = _calmer(scene(height, width, seed), 14)
    _, x = grid(height, width)
    person, sky = of.stuff == PERSON, of.stuff == SKY
    bright = np.where(of.stuff == LAKE, 0.55 + 0.42 * of.tone, of.tone)  # else a cup would be full of waves
    red = ((of.stuff == HOUSE) & (of.colour[..., 0] > 1.6 * of.colour[..., 2])).astype(float)
    tone = bright + 0.25 * red + 0.15 * (person & (of.tone > 0.3))  # a face is carved less
    angle = np.where(sky, 0.25 * np.sin(7 * x), _directions(of, 0.0, seed))
    light = (tone - BLACK) / (np.where(sky, WHITE_SKY, WHITE) - BLACK)
    lines = ranked(hair(angle, LENGTH, seed + 3, grain=LINE)) > light
    uneven = 0.06 * (noise(height, width, 7, seed + 8) - 0.5)
    tan = ~sky & (bright + uneven < np.where(person, TINTED_SKIN, TINTED))
    printed = between(noise(height, width, 90, seed + 5), [(236, 222, 190), (246, 235, 208)])
    for colour, block in (
        ((204, 160, 104), 0.9 * blurred(tan.astype(float), 1.2)),
        ((190, 45, 30), 0.85 * red),
        ((24, 20, 22), np.clip(4 * blurred(lines.astype(float), 1.2) - 1.5, 0, 1)),
    ):
        printed = printed * (1 - block[..., None]) + np.array(colour) / 255 * block[..., None]
    return tensor(printed)
