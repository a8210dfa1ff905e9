"""Where a dream may be: masks `[1, 1, H, W]` of 0 (stay) to 1 (dream), and the tiles that they need.

What lies outside a mask costs nothing: the ascent works within a window around it, and tiles that it does not touch
are not computed.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import product

import numpy as np
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from phosphene.pixels.tiles import Box, Span, boxes, smallest

SIZES = 24  # heights and widths of tiles that are tried

Cells = NDArray[np.bool_]  # `[h, w]`: which squares, one stride a side, a mask touches


def feather(mask: Tensor, radius: float) -> Tensor:
    """`mask` with a soft border, about `radius` pixels on either side of where it was: three box blurs in a row."""
    side = 2 * round(radius / 3) + 1
    if side == 1:
        return mask
    for _ in range(3):
        mask = _box_blur(_box_blur(mask, side).transpose(2, 3), side).transpose(2, 3)
    return mask.clamp(0, 1)


def _box_blur(x: Tensor, side: int) -> Tensor:
    """Means over `side` pixels in a row, by differences of running sums."""
    sums = F.pad(F.pad(x.double(), (side // 2, side // 2, 0, 0), mode="replicate").cumsum(3), (1, 0))
    return ((sums[..., side:] - sums[..., :-side]) / side).to(x.dtype)


def at(mask: Tensor, height: int, width: int) -> Tensor:
    """`mask` at another size, each pixel the mean of what it covers."""
    if mask.shape[-2:] == (height, width):
        return mask
    return F.interpolate(mask, size=(height, width), mode="bilinear", antialias=True, align_corners=False).clamp(0, 1)


def window(mask: Tensor, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the smallest rectangle around a mask that is not empty, and `margin` pixels more."""
    marked = mask[0, 0] > 0
    return _around(marked.any(1), margin), _around(marked.any(0), margin)


def _around(line: Tensor, margin: int) -> slice:
    where = line.nonzero()[:, 0]
    return slice(max(0, int(where[0]) - margin), min(len(line), int(where[-1]) + 1 + margin))


@dataclass(frozen=True)
class Cover:
    """How tiles are laid over masks: all of one size, because a network is slow on sizes that it has not met before."""

    height: int  # of a tile, in pixels
    width: int  # likewise
    overlap: int  # pixels that a tile sees around its core
    stride: int  # tiles begin on multiples of this

    def boxes(self, mask: Tensor) -> list[Box]:
        """Tiles whose cores cover the mask; cores may overlap."""
        return list(self._iter_boxes(_cells(mask, self.stride), mask.shape[-2], mask.shape[-1]))

    def cost(self, cells: Cells, height: int, width: int, limit: float) -> int:
        """How many pixels the tiles over these cells see; counting stops at `limit`."""
        total = 0
        for box in self._iter_boxes(cells, height, width):
            total += box.seen
            if total >= limit:
                break
        return total

    def _iter_boxes(self, cells: Cells, height: int, width: int) -> Iterator[Box]:
        """A tile for the first cell that is not covered, where it covers most others, and so on."""
        left = cells.copy()
        tall, wide = self._side(self.height, height), self._side(self.width, width)
        down, right = self._core(tall), self._core(wide)
        for row in range(len(left)):
            while left[row].any():
                column = _best_start(left[row : row + down].sum(0), int(left[row].argmax()), right)
                left[row : row + down, column : column + right] = False
                yield Box(self._span(row, down, height, tall), self._span(column, right, width, wide))

    def _side(self, side: int, length: int) -> int:
        """The largest side up to `side` with which a tile that ends where the picture does begins on the stride."""
        return side - (side - length) % self.stride if side < length else side

    def _core(self, side: int) -> int:
        """Strides of a core: what is left between overlaps, whose outer ends are rounded to strides."""
        return max(1, (side - self.overlap - -(-self.overlap // self.stride) * self.stride) // self.stride)

    def _span(self, start: int, count: int, length: int, side: int) -> Span:
        """One side of a tile, moved inward where the picture ends."""
        first, last, end = start * self.stride, (start + count) * self.stride, -(-(length - side) // self.stride)
        low = max(0, min((first - self.overlap) // self.stride, end) * self.stride)
        return Span(first, min(last, length), low, min(length, max(low + side, last + self.overlap)))


def cover(mask: Tensor, *, area: int, longest: int | None = None, overlap: int, stride: int) -> Cover:
    """Tiles of such a size that they cover the mask `[1, 1, H, W]` with the fewest pixels to compute.

    `area` is the most pixels that a tile may have, and `longest` the most that a side of it may; for the others, see
    `Cover`.
    """
    cells, least = _cells(mask, stride), smallest(overlap, stride)
    most = max(least, min(longest or area // least, area // least))
    found = {round(least * (most / least) ** (part / SIZES)) // stride * stride for part in range(SIZES + 1)} - {0}
    sides = sorted(found, reverse=True)
    covers = [Cover(*pair, overlap, stride) for pair in product(sides, sides) if math.prod(pair) <= max(area, least**2)]
    best, fewest = covers[0], math.inf
    for each in covers:
        if (pixels := each.cost(cells, mask.shape[-2], mask.shape[-1], fewest)) < fewest:
            best, fewest = each, pixels
    return best


def touched(mask: Tensor, tile: int, overlap: int, stride: int) -> list[Box]:
    """The tiles of the whole picture that a mask touches; none where its tiles are too small to be sure of."""
    if tile < min(smallest(overlap, stride), max(mask.shape[-2:])):
        return []
    found = boxes(*mask.shape[-2:], tile=tile, overlap=overlap, stride=stride)
    return [box for box in found if mask[(..., *box.core)].any()]


def seen(found: Iterable[Box]) -> int:
    """How many pixels tiles see."""
    return sum(box.seen for box in found)


def _cells(mask: Tensor, stride: int) -> Cells:
    """Which squares of one stride the mask touches, `[h, w]`."""
    return (F.max_pool2d(mask, stride, ceil_mode=True)[0, 0] > 0).numpy()


def _best_start(counts: NDArray[np.int64], place: int, length: int) -> int:
    """Where an interval that holds `place` begins if it is to hold the largest sum of `counts`."""
    first = max(0, place - length + 1)
    sums = np.concatenate(([0], counts.cumsum()))
    ends = np.minimum(np.arange(first + length, place + 1 + length), len(counts))
    return first + int((sums[ends] - sums[first : place + 1]).argmax())
