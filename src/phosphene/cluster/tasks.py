"""What workers do for a step of one big dream: each function runs where the pixels are.

Pixels are held and sent as arrays of numpy's, whose sizes distributed knows.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from distributed import get_worker
from torch import Tensor

from phosphene.ascent import Rule, blocks, gradient
from phosphene.ascent.blocks import Sums
from phosphene.cluster.spread import Run, Window
from phosphene.images.rasters import Array
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels.tiles import Box

Place = tuple[Window, Window]  # where pixels are in a part, and where they come to in a window

ONE = threading.Lock()  # a worker's processors are torch's: two tasks at once would only wait for each other


class Uphill(NamedTuple):
    """The gradient on a run's core, `[1, 3, h, w]`, and the scores of its tiles."""

    g: Array
    scores: tuple[float, ...]


Held = Array | Uphill


def cut(part: Held, where: Window) -> Array:
    """A copy of some of a part's pixels: what crosses to another worker, and no more."""
    return _pixels(part)[(..., *where)].copy()


def window(size: tuple[int, int], places: Sequence[Place], parts: Sequence[Held]) -> Array:
    """A window of so many rows and columns, put together of parts."""
    whole = np.empty((1, 3, *size), _pixels(parts[0]).dtype)
    for (source, place), part in zip(places, parts, strict=True):
        whole[(..., *place)] = _pixels(part)[(..., *source)]
    return whole


def uphill(
    pixels: Array, network: Network, objective: Objective, run: Run, size: tuple[int, int], topic: str
) -> Uphill:
    """The gradient of a run's tiles, from the `pixels` of its context in a picture of `size`; tells of each tile."""
    g, scores = _core_of(run, pixels.dtype), []
    for box in run.boxes:
        with ONE:
            part, score = gradient.of_box(_context_of(box, run, pixels), box, size, network, objective)
            g[(..., *_place(box.core, run.core))] = part.numpy()
        scores.append(score)
        get_worker().log_event(topic, 1)
    return Uphill(g, tuple(scores))


def scores(found: Uphill) -> tuple[float, ...]:
    """The scores alone."""
    return found.scores


def sums(g: Array, run: Run, rule: Rule) -> list[Sums]:
    """`blocks.sums` of a run's blocks; `g` is its context."""
    with ONE:
        return [blocks.sums(_context_of(box, run, g), box, rule) for box in run.boxes]


def climb(pixels: Array, g: Array, run: Run, divisors: list[float], length: float, rule: Rule) -> Array:
    """A run's blocks a step further uphill: `pixels` is its core, `g` its context."""
    further = _core_of(run, pixels.dtype)
    for box in run.boxes:
        place = _place(box.core, run.core)
        with ONE:
            block = _tensor(pixels[(..., *place)])
            blocks.climb_(block, _context_of(box, run, g), box, divisors, length, rule)
        further[(..., *place)] = block.numpy()
    return further


def _pixels(part: Held) -> Array:
    return part.g if isinstance(part, Uphill) else part


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
