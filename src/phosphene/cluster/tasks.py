"""What workers do for a step of one big dream: each function runs where the pixels are.

Pixels are held and sent as arrays of numpy's, whose sizes distributed knows.
"""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, product
from typing import Any

import numpy as np
import torch
from distributed import get_worker
from torch import Tensor

from phosphene.ascent import Rule, executor, gradient
from phosphene.images.rasters import Array
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import tiles
from phosphene.pixels.tiles import Box

# A picture spread over workers, and which of them computes which boxes of it: geometry only


Window = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class Run:
    """Boxes side by side that one worker computes."""

    owner: str  # the worker's address
    boxes: tuple[Box, ...]  # from left to right; their rows are the same

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
    """A part of a picture: its rows and columns, the address of its worker, and what stands for its pixels there."""

    where: Window
    owner: str
    held: object


Place = tuple[Window, Window]  # where pixels are within a part, and where they come to within a window


@dataclass(frozen=True)
class Spread:
    """A picture in parts, which cover it once."""

    size: tuple[int, int]  # height and width
    parts: Sequence[Part]  # where they are in the picture shifted by `shift`
    shift: tiles.Shift = (0, 0)  # down and to the right; the picture is left lying as its last step saw it

    def pieces(self, window: Window, shift: tiles.Shift) -> Iterator[tuple[Part, Place]]:
        """Where a window of the picture shifted by `shift` is; what leaves at one edge comes in at the other."""
        further = (shift[0] - self.shift[0], shift[1] - self.shift[1])
        sides = (tiles.pieces(*each) for each in zip(window, self.size, further, strict=True))
        for stretch in product(*map(list, sides)):
            for part in self.parts:
                cuts = [_cut(*each) for each in zip(stretch, part.where, strict=True)]
                if all(source.start < source.stop for source, _ in cuts):
                    (rows, down), (columns, across) = cuts
                    yield part, ((rows, columns), (down, across))


def _cut(stretch: tuple[slice, int], side: slice) -> tuple[slice, slice]:
    """What a part's side has of a window's stretch, within the part; and where that is within the window."""
    place, low = stretch
    start, stop = max(low, side.start), min(low + place.stop - place.start, side.stop)
    moved = place.start - low
    return slice(start - side.start, stop - side.start), slice(start + moved, stop + moved)


ONE = threading.Lock()  # a worker's processors are torch's: two tasks at once would only wait for each other


def cut(part: Array, where: Window) -> Array:
    """A copy of some of a part's pixels: what crosses to another worker, and no more."""
    return part[(..., *where)].copy()


def window(size: tuple[int, int], places: Sequence[Place], parts: Sequence[Array]) -> Array:
    """A window of so many rows and columns, put together of parts."""
    whole = np.empty((1, 3, *size), parts[0].dtype)
    for (source, place), part in zip(places, parts, strict=True):
        whole[(..., *place)] = part[(..., *source)]
    return whole


def uphill(
    pixels: Array, network: Network, objective: Objective, run: Run, size: tuple[int, int], topic: str
) -> tuple[Array, tuple[float, ...]]:
    """The gradient on a run's core, `[1, 3, h, w]`, and the scores of its tiles; tells of each tile.

    It is made from the `pixels` of the run's context in a picture of `size`.
    """
    g, scores = _core_of(run, pixels.dtype), []
    for box in run.boxes:
        with ONE:
            part, score = gradient.of_box(_context_of(box, run, pixels), box, size, network, objective)
            g[(..., *_place(box.core, run.core))] = part.numpy()
        scores.append(score)
        get_worker().log_event(topic, 1)
    return g, tuple(scores)


def sums(g: Array, run: Run, rule: Rule) -> list[executor.Sums]:
    """`executor.sums` of a run's blocks; `g` is its context."""
    with ONE:
        return [executor.sums(_context_of(box, run, g), box, rule) for box in run.boxes]


def climb(pixels: Array, g: Array, run: Run, divisors: list[float], length: float, rule: Rule) -> Array:
    """A run's blocks a step further uphill: `pixels` is its core, `g` its context."""
    further = _core_of(run, pixels.dtype)
    for box in run.boxes:
        place = _place(box.core, run.core)
        with ONE:
            block = _tensor(pixels[(..., *place)])
            executor.climb_(block, _context_of(box, run, g), box, divisors, length, rule)
        further[(..., *place)] = block.numpy()
    return further


def _core_of(run: Run, kind: np.dtype[Any]) -> Array:
    return np.empty((1, 3, *(side.stop - side.start for side in run.core)), kind)


def _context_of(box: Box, run: Run, x: Array) -> Tensor:
    """A box's context, out of its run's."""
    return _tensor(x[(..., *_place(box.context, run.context))])


def _tensor(x: Array) -> Tensor:
    """A copy in one piece, as a file would give it: sums over pieces would be rounded otherwise."""
    return torch.from_numpy(x.copy())


def _place(inner: Window, outer: Window) -> Window:
    """A window within another, in that one's coordinates."""
    rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return rows, columns
