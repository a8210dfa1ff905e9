"""Overlapping tiles for a size: geometry only.

A tile answers for its core and sees its context, the core and `overlap` pixels around it where the picture goes on.
Cores cover the picture once; contexts begin on multiples of the network's stride, so that a strided layer samples a
tile at the same pixels as the whole picture.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise, product

from phosphene.errors import SettingsError


@dataclass(frozen=True)
class Span:
    """One side of a tile: the core `start` to `stop`, within the context `low` to `high`."""

    start: int
    stop: int
    low: int
    high: int

    @property
    def core(self) -> slice:
        """The core in the picture's coordinates."""
        return slice(self.start, self.stop)

    @property
    def context(self) -> slice:
        """The context in the picture's coordinates."""
        return slice(self.low, self.high)

    @property
    def inner(self) -> slice:
        """The core in the context's coordinates."""
        return slice(self.start - self.low, self.stop - self.low)


@dataclass(frozen=True)
class Box:
    """A tile: its rows and its columns."""

    rows: Span
    columns: Span

    @property
    def core(self) -> tuple[slice, slice]:
        """Index of the pixels that the tile answers for."""
        return self.rows.core, self.columns.core

    @property
    def context(self) -> tuple[slice, slice]:
        """Index of the pixels that the tile sees."""
        return self.rows.context, self.columns.context

    @property
    def inner(self) -> tuple[slice, slice]:
        """Index of the core inside the context."""
        return self.rows.inner, self.columns.inner


def boxes(height: int, width: int, *, tile: int, overlap: int, stride: int) -> list[Box]:
    """The tiles of a picture, row by row, none larger than `tile` pixels a side.

    Raises:
        SettingsError: a tile too small for its overlap.

    >>> [box.core for box in boxes(64, 100, tile=64, overlap=0, stride=16)]
    [(slice(0, 64, None), slice(0, 48, None)), (slice(0, 64, None), slice(48, 100, None))]
    """
    rows = spans(height, tile=tile, overlap=overlap, stride=stride)
    columns = spans(width, tile=tile, overlap=overlap, stride=stride)
    return [Box(*sides) for sides in product(rows, columns)]


def spans(length: int, *, tile: int, overlap: int, stride: int) -> list[Span]:
    """One side cut into as few even pieces as its tiles allow: no thin remainder is left over."""
    if length <= tile:
        return [Span(0, length, 0, length)]
    for pieces in range(2, length // stride + 1):
        cuts = [round(index * length / pieces / stride) * stride for index in range(pieces)] + [length]
        cut = [_span(start, stop, length, overlap, stride) for start, stop in pairwise(cuts)]
        if _fit(cut, tile):
            alike = _alike(cut, length, stride)
            return alike if _fit(alike, tile) else cut
    enough = smallest(overlap, stride)
    raise SettingsError(
        f"Tiles of {tile} pixels are too small for an overlap of {overlap}; {enough} is enough."
        f" Try --tile {enough}, or a smaller --overlap."
    )


def _fit(spans: list[Span], tile: int) -> bool:
    return all(span.high - span.low <= tile for span in spans)


def _alike(spans: list[Span], length: int, stride: int) -> list[Span]:
    """The same cores in contexts of one length; only those that reach the picture's end may be a little longer.

    Memory that one tile has left then fits the next, and what is compiled for one fits all.
    """
    longest = max(span.high - span.low for span in spans)
    lows = [min(span.low, (length - longest) // stride * stride) for span in spans]
    return [replace(span, low=low, high=max(span.high, low + longest)) for span, low in zip(spans, lows, strict=True)]


def smallest(overlap: int, stride: int) -> int:
    """A tile's side that is enough for an overlap: a core of up to two strides, and context on both sides."""
    return -(-overlap // stride) * stride + 2 * stride + overlap


def _span(start: int, stop: int, length: int, overlap: int, stride: int) -> Span:
    low = max(0, start - overlap) // stride * stride
    return Span(start, stop, low, min(length, stop + overlap))
