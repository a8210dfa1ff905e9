"""The marks of a brush: where a touch is, and how far it goes there."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from phosphene.painting.document import Brush, Touch

NEAR = 1e-6  # square pixels: points that are nearer are one
LIGHTEST = 0.25  # of a brush's size, that it has where a pen hardly presses


@dataclass(frozen=True)
class Mark:
    """A part of the view, and how far a touch goes at each of its pixels.

    Attributes:
        top: of the part, in pixels of the view.
        left: likewise.
        mask: `[1, 1, h, w]`, 0..1.
    """

    top: int
    left: int
    mask: Tensor

    @property
    def box(self) -> tuple[slice, slice]:
        """Rows and columns of the part."""
        height, width = self.mask.shape[-2:]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def mark(touch: Touch, brush: Brush, height: int, width: int) -> Mark | None:
    """The mark of a touch in a view of that size; `None` where it lies outside.

    It is as far along the way between its points as at the points, and fades towards the brush's edge by a cosine.
    """
    radius = brush.size / 2
    xs, ys = [x for x, _, _ in touch], [y for _, y, _ in touch]
    top, bottom = max(0, math.floor(min(ys) - radius)), min(height, math.ceil(max(ys) + radius) + 1)
    left, right = max(0, math.floor(min(xs) - radius)), min(width, math.ceil(max(xs) + radius) + 1)
    if top >= bottom or left >= right:
        return None
    rows, columns = torch.arange(top, bottom)[:, None] + 0.5, torch.arange(left, right)[None] + 0.5
    ways = list(pairwise(touch)) or [(touch[0], touch[0])]
    covers = [_cover(rows, columns, begin, end, radius, brush.softness) for begin, end in ways]
    mask = torch.stack(covers).amax(0)[None, None]
    return Mark(top, left, mask) if mask.any() else None


def _cover(
    rows: Tensor, columns: Tensor, begin: tuple[float, float, float], end: tuple[float, float, float],
    radius: float, softness: float,
) -> Tensor:  # fmt: skip
    """How far a straight way from one point to the next goes, at each pixel."""
    (x, y, pressure), (dx, dy, change) = begin, tuple(b - a for a, b in zip(begin, end, strict=True))
    length = dx * dx + dy * dy
    along = ((columns - x) * dx + (rows - y) * dy).div(max(length, NEAR)).clamp(0, 1)
    distance = torch.hypot(columns - x - along * dx, rows - y - along * dy)
    pressed = pressure + along * change
    reach = radius * (LIGHTEST + (1 - LIGHTEST) * pressed)
    rim = (softness * reach).clamp(min=1.0)
    return 0.5 - 0.5 * torch.cos(math.pi * ((reach - distance) / rim).clamp(0, 1))
