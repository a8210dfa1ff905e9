"""What a method of painting is to the recipe `style`: windows of a picture, and what they are to become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from phosphene import hypercolumns
from phosphene.correspondence import Correspondence
from phosphene.hypercolumns import GRID
from phosphene.tiles import Box


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

    @property
    def grid(self) -> tuple[int, int]:
        """Rows and columns of places in the whole picture."""
        return hypercolumns.size(*self.size)

    @property
    def rows(self) -> slice:
        """The window's rows of places."""
        return slice(self.box.rows.low // GRID, -(-self.box.rows.high // GRID))

    @property
    def columns(self) -> slice:
        """The window's columns of places."""
        return slice(self.box.columns.low // GRID, -(-self.box.columns.high // GRID))


class Aim(Protocol):
    """What a window is to become."""

    def look(self, pixels: Tensor) -> None:
        """Looks for targets anew, from the window as it stands."""

    def distance(self, pixels: Tensor) -> Tensor:
        """How far the window is from what it is to become, a scalar; differentiable."""


class Method(Protocol):
    """A way to paint, ready for one size of the picture."""

    def window(self, content: Tensor, window: Window) -> Aim:
        """What a window of the content `[1, 3, h, w]` is to become."""
