"""The maximum of 3×3 positions, and the way back to where it was, without indices.

OpenVINO finds indices of maxima slowly, and puts gradients back by them more slowly still. Here the maximum is found
along the rows and then along the columns; on each axis comparisons tell which of three it was, and there the gradient
goes. Each window has one winner, also where activations are equal.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from phosphene.backends.runtime import Output, constant, ops, out, pooling_ops, whole

ROWS, COLUMNS = 2, 3  # axes of [1, C, h, w]
LAST = {ROWS: 1, COLUMNS: 2}  # where they stand when the channels come last


@dataclass(frozen=True)
class Around:
    """The maximum of each position and its two neighbours on an axis; none counts beyond the ends."""

    x: Output
    axis: int

    @property
    def maximum(self) -> Output:
        """Of three."""
        return _maximum(self.x, self.axis, 3, 1, 1, 1)

    def back(self, g: Output) -> Output:
        """The gradient of `x`: among equals the middle one wins, then the one before it."""
        until = _maximum(self.x, self.axis, 2, 1, 1, 0)  # of the one before and the middle one
        after, middle = ops.less(until, self.maximum), ops.equal(self.x, until)
        to_after, rest = _either(after, g)
        to_middle, to_before = _either(middle, rest)
        moved = ops.add(_shifted(to_before, self.axis, -1), _shifted(to_after, self.axis, 1))
        return out(ops.add(to_middle, moved))


@dataclass(frozen=True)
class Halved:
    """The maximum of three positions on an axis, at every other one; the last window may reach past the end."""

    x: Output
    axis: int

    @property
    def side(self) -> int:
        """Positions on the axis."""
        return int(tuple(self.x.get_shape())[self.axis])

    @property
    def maximum(self) -> Output:
        """Of three."""
        return _maximum(self.x, self.axis, 3, 2, 0, 1 - self.side % 2)

    def back(self, g: Output) -> Output:
        """The gradient of `x`: among equals the first one wins, as in torch.

        A window holds a pair of positions and the first of the next pair.
        """
        lead = _filtered(self.x, self.axis, (1, -1), stride=2)  # of the first over the second
        to_next, rest = _either(ops.less(_maximum(self.x, self.axis, 2, 2, 0, 0), self.maximum), g)
        to_second, to_first = _either(ops.less(lead, constant(0.0)), rest)
        if self.side % 2:  # the last position has no second, and is only the next of its window
            to_first, to_second, to_next = (_longer(each, self.axis) for each in (to_first, to_second, to_next))
        pairs = self._laid(out(ops.add(to_first, _shifted(to_next, self.axis, 1))), to_second)
        if self.side % 2:
            return out(ops.slice(pairs, whole(0), whole(self.side), whole(1), whole(self.axis)))
        return pairs

    def _laid(self, first: Output, second: Output) -> Output:
        """Firsts and seconds by turns: a sum in which each takes every other place, and memory lies as it should."""
        _, channels, height, width = tuple(first.get_shape())
        sides, both = [1, height, width, channels], [1, height, width, channels]
        sides.insert(LAST[self.axis] + 1, 1)
        both[LAST[self.axis]] *= 2
        place = np.zeros((2, 2, *(1 for _ in sides[LAST[self.axis] + 2 :])))
        place[0, 0] = place[1, 1] = 1
        parts = [
            ops.multiply(ops.reshape(ops.transpose(part, whole(0, 2, 3, 1)), whole(*sides), False), constant(here))
            for part, here in zip((first, second), place, strict=True)
        ]
        joined = ops.reshape(ops.add(*parts), whole(*both), False)
        return out(ops.transpose(joined, whole(0, 3, 1, 2)))


def _either(where: Output, g: Output) -> tuple[Output, Output]:
    """The gradient where it is so, and where it is not."""
    nothing = constant(0.0)
    return out(ops.select(where, g, nothing)), out(ops.select(where, nothing, g))


def _maximum(x: Output, axis: int, kernel: int, stride: int, begin: int, end: int) -> Output:
    sides = (_on(axis, *each) for each in ((stride, 1), (begin, 0), (end, 0), (kernel, 1)))
    return out(pooling_ops.max_pool(x, *sides))


def _filtered(x: Output, axis: int, taps: Sequence[float], *, stride: int = 1, padding: int = 0) -> Output:
    """Each channel filtered along an axis.

    Shifts are depthwise convolutions too: as fast as slices and concatenations, and compiled sooner.
    """
    channels = tuple(x.get_shape())[1]
    weight = np.broadcast_to(np.reshape(taps, _on(axis, len(taps), 1)), (channels, 1, 1, *_on(axis, len(taps), 1)))
    beside = _on(axis, padding, 0)
    return out(ops.group_convolution(x, constant(weight), _on(axis, stride, 1), beside, beside, [1, 1]))


def _shifted(x: Output, axis: int, by: int) -> Output:
    """`x` moved by one position, with zeros behind it."""
    return _filtered(x, axis, (1, 0, 0) if by > 0 else (0, 0, 1), padding=1)


def _longer(x: Output, axis: int) -> Output:
    """`x` with one position of zeros behind its end."""
    more = [0, 0, *_on(axis, 1, 0)]
    return out(ops.pad(x, whole(0, 0, 0, 0), whole(*more), "constant", constant(0.0)))


def _on(axis: int, here: int, other: int) -> list[int]:
    """A number for the rows and one for the columns."""
    return [here, other] if axis == ROWS else [other, here]
