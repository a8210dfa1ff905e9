"""What a method of painting is to the recipe `style`: windows of a picture, and what they are to become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene.features.correspondence import Correspondence
from phosphene.pixels.tiles import Box

AROUND = 32  # pixels by which a window goes on, mirrored, on two opposite sides: at its edge a network sees black
SHIFTS = 16  # ways to share these out: the stride of the deepest layer

Shift = tuple[int, int]
"""Pixels by which a window goes on above and to the left of itself; the rest of `AROUND` is below and to the right.

The places begin there. As it changes from search to search, no pixel is always on a place's edge.
"""


@dataclass(frozen=True)
class Source:
    """A style picture.

    Attributes:
        pixels: `[1, 3, H, W]`.
        weight: its share among several, which add up to 1.
        stuff: of its places and the content's; `None` where only looks count.
    """

    pixels: Tensor
    weight: float = 1.0
    stuff: Correspondence | None = None


@dataclass(frozen=True)
class Window:
    """A part of the picture that is painted at a time.

    Attributes:
        box: what it covers; its context begins on a place's edge.
        size: height and width of the picture.
    """

    box: Box
    size: tuple[int, int]

    @property
    def whole(self) -> bool:
        """Whether it is all of the picture."""
        return self.box.rows.context == slice(0, self.size[0]) and self.box.columns.context == slice(0, self.size[1])


class Aim(Protocol):
    """What a window is to become."""

    def look(self, pixels: Tensor, shift: Shift) -> None:
        """Looks for targets anew, from the window as it stands, with the places shifted."""

    def distance(self, pixels: Tensor) -> Tensor:
        """How far the window is from what it is to become, a scalar; differentiable."""


def shift(pixels: Tensor, chance: Generator) -> Shift:
    """A shift for a window `[1, 3, h, w]`."""
    up, left = (
        min(side - 1, (AROUND - SHIFTS) // 2 + int(torch.randint(SHIFTS, (), generator=chance)))
        for side in pixels.shape[-2:]
    )
    return up, left


def surrounded(pixels: Tensor, by: Shift) -> Tensor:
    """A window `[1, 3, h, w]` that goes on around itself, mirrored; differentiable."""
    down, right = (min(side - 1, AROUND - first) for side, first in zip(pixels.shape[-2:], by, strict=True))
    return F.pad(pixels, (by[1], right, by[0], down), mode="reflect")


class Method(Protocol):
    """A way to paint, ready for one size of the picture."""

    def window(self, content: Tensor, window: Window) -> Aim:
        """What a window of the content `[1, 3, h, w]` is to become."""
