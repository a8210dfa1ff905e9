"""The marks of a brush: where a touch is and how far it goes there, and what a stroke did to what lay below it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from phosphene.painting.document import Brush, Point, Stroke, Touch
from phosphene.painting.look_cache import Box
from phosphene.pixels.colours import parted

NEAR = 1e-6  # square pixels: points that are nearer are one
FAINTEST = 1e-6  # of a mark: what is fainter counts as nothing
LIGHTEST = 0.25  # of a brush's size, that it has where a pen hardly presses


@dataclass(frozen=True)
class Mark:
    """A part of the view, and how far a touch goes at each of its pixels."""

    top: int  # of the part, in pixels of the view
    left: int  # likewise
    mask: Tensor  # `[1, 1, h, w]`, 0..1

    @property
    def box(self) -> Box:
        """Rows and columns of the part."""
        height, width = self.mask.shape[-2:]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def mark(touch: Touch, brush: Brush, height: int, width: int, inside: Tensor | None = None) -> Mark | None:
    """The mark of a touch in a view of that size; `None` where it lies outside, or not `inside` `[1, 1, h, w]`, 0..1.

    It is as far along the way between its points as at the points, and fades towards the brush's edge by a cosine.
    """
    radius = brush.size / 2
    xs, ys = [x for x, _, _ in touch], [y for _, y, _ in touch]
    top, bottom = max(0, math.floor(min(ys) - radius)), min(height, math.ceil(max(ys) + radius) + 1)
    left, right = max(0, math.floor(min(xs) - radius)), min(width, math.ceil(max(xs) + radius) + 1)
    if top >= bottom or left >= right:
        return None
    rows, columns = (
        torch.arange(top, bottom, dtype=torch.float32)[:, None] + 0.5,
        torch.arange(left, right, dtype=torch.float32)[None] + 0.5,
    )
    ways = list(pairwise(touch)) or [(touch[0], touch[0])]
    covers = [_cover(rows, columns, begin, end, brush) for begin, end in ways]
    mask = torch.stack(covers).amax(0)[None, None]
    if inside is not None:
        mask.mul_(inside[..., top:bottom, left:right])
    return Mark(top, left, mask) if mask.any() else None


def _cover(rows: Tensor, columns: Tensor, begin: Point, end: Point, brush: Brush) -> Tensor:
    """How far a straight way from one point to the next goes, at each pixel."""
    (x, y, pressure), (dx, dy, change) = begin, tuple(b - a for a, b in zip(begin, end, strict=True))
    length = dx * dx + dy * dy
    along = ((columns - x) * dx + (rows - y) * dy).div(max(length, NEAR)).clamp(0, 1)
    distance = torch.hypot(columns - x - along * dx, rows - y - along * dy)
    pressed = pressure + along * change
    sized = brush.pressure == "size"
    reach = brush.size / 2 * (LIGHTEST + (1 - LIGHTEST) * pressed if sized else torch.ones_like(pressed))
    rim = (brush.softness * reach).clamp(min=1.0)
    cover = 0.5 - 0.5 * torch.cos(math.pi * ((reach - distance) / rim).clamp(0, 1))
    return cover if sized else cover * pressed


@dataclass(frozen=True)
class StrokeLayer:
    """What a stroke did to what lay below it, so that it can be laid on again, more or less of it.

    A dream adds to what is there; a style, and the eraser, cover it.
    """

    box: Box
    cover: Tensor  # `[1, 1, h, w]`, 0..1: how far it covers what is there
    colours: Tensor  # `[1, 3, h, w]`: what is added, after that
    touches: tuple[Touch, ...]  # of the stroke; held, so that their `id`, by which this is found, stays theirs

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self.cover.nbytes + self.colours.nbytes

    def on(self, below: Tensor, stroke: Stroke) -> Tensor:
        """What lies in its box after it, `[1, 3, h, w]`, with the stroke's opacity and blend."""
        change = self.colours - self.cover * below
        if stroke.blend != "normal":
            luma, chroma = parted(change)
            change = luma if stroke.blend == "luminosity" else chroma
        return (below + stroke.opacity * change).clamp(0, 1) if stroke.visible else below
