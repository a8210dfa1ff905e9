"""A picture spread over workers, and which of them computes which boxes of it: geometry only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

from phosphene.ascent.gradient import Shift
from phosphene.images import rasters
from phosphene.pixels.tiles import Box

Window = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Run:
    """Boxes side by side that one worker computes.

    Attributes:
        owner: the worker's address.
        boxes: from left to right; their rows are the same.
    """

    owner: str
    boxes: tuple[Box, ...]

    @property
    def core(self) -> Window:
        """The pixels that they answer for, together."""
        return self.boxes[0].rows.core, slice(self.boxes[0].columns.start, self.boxes[-1].columns.stop)

    @property
    def context(self) -> Window:
        """The pixels that they see, together."""
        return self.boxes[0].rows.context, slice(self.boxes[0].columns.low, self.boxes[-1].columns.high)


def share(boxes: Sequence[Box], owners: Sequence[str]) -> list[Run]:
    """Boxes, row by row, shared out evenly: each worker's are together, so that few pixels lie on a border.

    Boxes of another size fall to the workers nearly alike, since all are counted from the picture's upper left corner.
    """
    whose = [owners[number * len(owners) // len(boxes)] for number in range(len(boxes))]
    grouped = groupby(zip(boxes, whose, strict=True), lambda pair: (pair[0].rows, pair[1]))
    return [Run(owner, tuple(box for box, _ in pairs)) for (_, owner), pairs in grouped]


@dataclass(frozen=True)
class Part:
    """A part of a picture.

    Attributes:
        where: its rows and columns.
        owner: the address of the worker that holds it.
        held: what stands for its pixels there.
    """

    where: Window
    owner: str
    held: Any


@dataclass(frozen=True)
class Piece:
    """Where a window's pixels are: those of `source` within a part come to `place` within the window."""

    part: Part
    source: Window
    place: Window


@dataclass(frozen=True)
class Spread:
    """A picture in parts, which cover it once.

    Attributes:
        size: height and width.
        parts: where they are in the picture shifted by `shift`.
        shift: down and to the right; the picture is left lying as its last step saw it.
    """

    size: tuple[int, int]
    parts: Sequence[Part]
    shift: Shift = (0, 0)

    def pieces(self, window: Window, shift: Shift) -> Iterator[Piece]:
        """The pieces of a window of the picture shifted by `shift`; what leaves at one edge comes in at the other."""
        further = (shift[0] - self.shift[0], shift[1] - self.shift[1])
        sides = (rasters.pieces(*each) for each in zip(window, self.size, further, strict=True))
        for stretch in product(*map(list, sides)):
            for part in self.parts:
                cuts = [_cut(*each) for each in zip(stretch, part.where, strict=True)]
                if all(source.start < source.stop for source, _ in cuts):
                    (rows, down), (columns, across) = cuts
                    yield Piece(part, (rows, columns), (down, across))


def _cut(stretch: tuple[slice, int], side: slice) -> tuple[slice, slice]:
    """What a part's side has of a window's stretch, within the part; and where that is within the window."""
    place, low = stretch
    start, stop = max(low, side.start), min(low + place.stop - place.start, side.stop)
    moved = place.start - low
    return slice(start - side.start, stop - side.start), slice(start + moved, stop + moved)
