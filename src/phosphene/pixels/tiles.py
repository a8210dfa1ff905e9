"""Overlapping tiles for a size: geometry only.

A tile answers for its core and sees its context, the core and `overlap` pixels around it where the picture goes on.
Cores cover the picture once; contexts begin on multiples of the network's stride, so that a strided layer samples a
tile at the same pixels as the whole picture.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise, product

from phosphene.errors import SettingsError

Shift = tuple[int, int]  # pixels down and to the right; what leaves at one edge comes in at the other


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

    @property
    def seen(self) -> int:
        """How many pixels the tile sees, and so how many are computed."""
        return (self.rows.high - self.rows.low) * (self.columns.high - self.columns.low)


def boxes(height: int, width: int, *, tile: int, overlap: int, stride: int) -> list[Box]:
    """The tiles of a picture, row by row, none larger than `tile` pixels a side.

    Raises:
        SettingsError: a tile too small for its overlap.

    >>> [box.core for box in boxes(64, 100, tile=64, overlap=0, stride=16)]
    [(slice(0, 64, None), slice(0, 48, None)), (slice(0, 64, None), slice(48, 100, None))]
    """
    sides = (spans(length, tile=tile, overlap=overlap, stride=stride) for length in (height, width))
    return [Box(*pair) for pair in product(*sides)]


def spans(length: int, *, tile: int, overlap: int, stride: int) -> list[Span]:
    """One side cut into as few tiles as do, all of them seeing equally much.

    A network that has met one size of tiles need not prepare for another; and no thin remainder is left over.
    """
    if length <= tile:
        return [Span(0, length, 0, length)]
    for pieces in range(2, length // stride + 1):
        # Tiles of this remainder reach the end of the side from a multiple of the stride.
        least = -(-(length + 2 * overlap * (pieces - 1)) // pieces)
        for side in range(least + (length - least) % stride, tile + 1, stride):
            cut = _cut(length, pieces, side, overlap, stride)
            if cut:
                return cut
    enough = smallest(overlap, stride)
    raise SettingsError(
        f"Tiles of {tile} pixels are too small for an overlap of {overlap}; {enough} is enough."
        f" Try --tile {enough}, or a smaller --overlap."
    )


def _cut(length: int, pieces: int, side: int, overlap: int, stride: int) -> list[Span]:
    """So many contexts of one size, evenly spread, and their cores; nothing if these would see less than they should.

    Cores begin on multiples of the stride, `overlap` or a little more behind the beginning of their contexts.
    """
    far = (length - side) // stride  # in strides, where the last context begins
    lows = [round(index * far / (pieces - 1)) * stride for index in range(pieces)]
    ends = [0, *(-(-(low + overlap) // stride) * stride for low in lows[1:]), length]
    cut = [Span(start, stop, low, low + side) for low, (start, stop) in zip(lows, pairwise(ends), strict=True)]
    if any(span.stop + overlap > span.high for span in cut[:-1]) or any(span.stop <= span.start for span in cut):
        return []
    return cut


def smallest(overlap: int, stride: int) -> int:
    """A tile's side that is enough for an overlap: a core of up to two strides, and context on both sides."""
    return -(-overlap // stride) * stride + 2 * stride + overlap


def pieces(window: slice, length: int, shift: int) -> Iterator[tuple[slice, int]]:
    """One side of a window of a picture shifted by `shift`, parted where the picture ends.

    Yields:
        A part's place in the window, and the pixel of the unshifted picture at which it begins.

    >>> list(pieces(slice(0, 4), 10, 3))
    [(slice(0, 3, None), 7), (slice(3, 4, None), 0)]
    """
    start, count = window.indices(length)[0], len(range(*window.indices(length)))
    low = (start - shift) % length
    first = min(count, length - low)
    yield slice(0, first), low
    if first < count:
        yield slice(first, count), 0
