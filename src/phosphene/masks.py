"""Where a dream may be: masks `[1, 1, H, W]` of 0 (stay) to 1 (dream), and the tiles that they need.

What lies outside a mask costs nothing: the ascent works within a window around it, and tiles that it does not touch
are not computed.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from phosphene.tiles import Box, Span

CUTS = 8  # places tried where a rectangle might be cut in two


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
    rows, columns = (_reach(marked.any(axis)) for axis in (1, 0))
    height, width = marked.shape
    return _wider(rows, margin, height), _wider(columns, margin, width)


def _reach(line: Tensor) -> tuple[int, int]:
    where = line.nonzero()[:, 0]
    return int(where[0]), int(where[-1]) + 1


def _wider(reach: tuple[int, int], margin: int, length: int) -> slice:
    return slice(max(0, reach[0] - margin), min(length, reach[1] + margin))


def boxes(mask: Tensor, *, tile: int, overlap: int, stride: int) -> list[Box]:
    """Tiles whose cores cover the mask, as few pixels as a greedy search finds.

    A rectangle around the mask is cut in two where that leaves less to compute, or where it is larger than a tile;
    each half is drawn tight around what it holds.
    """
    cells = F.max_pool2d(mask, stride, ceil_mode=True)[0, 0] > 0  # tiles begin on multiples of the stride
    grid = _Grid(cells, stride, overlap, mask.shape[-2], mask.shape[-1], tile)
    tight = grid.tight((0, 0, *cells.shape))
    return [] if tight is None else grid.covered(tight)


Rectangle = tuple[int, int, int, int]  # top, left, bottom, right, in strides


class _Grid:
    """Cells of one stride a side, and what it costs to compute rectangles of them."""

    def __init__(self, cells: Tensor, stride: int, overlap: int, height: int, width: int, tile: int) -> None:
        self.cells, self.stride, self.overlap = cells, stride, overlap
        self.size, self.tile = (height, width), tile

    def tight(self, rectangle: Rectangle) -> Rectangle | None:
        """The smallest rectangle around the marked cells in this one."""
        top, left, bottom, right = rectangle
        inside = self.cells[top:bottom, left:right]
        if not inside.any():
            return None
        rows, columns = (_reach(inside.any(axis)) for axis in (1, 0))
        return top + rows[0], left + columns[0], top + rows[1], left + columns[1]

    def box(self, rectangle: Rectangle) -> Box:
        """The tile whose core is this rectangle."""
        top, left, bottom, right = rectangle
        return Box(self._span(top, bottom, self.size[0]), self._span(left, right, self.size[1]))

    def _span(self, first: int, last: int, length: int) -> Span:
        start, stop = first * self.stride, min(last * self.stride, length)
        low = max(0, start - self.overlap) // self.stride * self.stride
        return Span(start, stop, low, min(length, stop + self.overlap))

    def covered(self, rectangle: Rectangle) -> list[Box]:
        """Tiles for a tight rectangle: itself, or those of the two parts that leave least to compute."""
        cuts = self._cuts(rectangle)
        if not cuts:
            return [self.box(rectangle)]
        parts = min(cuts, key=lambda cut: sum(map(self._area, cut)))
        if self._fits(rectangle) and sum(map(self._area, parts)) >= self._area(rectangle):
            return [self.box(rectangle)]
        return [box for part in parts for box in self.covered(part)]

    def _area(self, rectangle: Rectangle) -> int:
        """Pixels to compute."""
        box = self.box(rectangle)
        return (box.rows.high - box.rows.low) * (box.columns.high - box.columns.low)

    def _fits(self, rectangle: Rectangle) -> bool:
        box = self.box(rectangle)
        return all(side.high - side.low <= self.tile for side in (box.rows, box.columns))

    def _cuts(self, rectangle: Rectangle) -> list[list[Rectangle]]:
        """Ways to cut in two, the more even ones first, each part drawn tight."""
        top, left, bottom, right = rectangle
        pairs: list[tuple[float, Rectangle, Rectangle]] = []
        for cut in _between(top, bottom):
            pairs.append((abs(2 * cut - top - bottom), (top, left, cut, right), (cut, left, bottom, right)))
        for cut in _between(left, right):
            pairs.append((abs(2 * cut - left - right), (top, left, bottom, cut), (top, cut, bottom, right)))
        halves = [[self.tight(first), self.tight(second)] for _, first, second in sorted(pairs)]
        return [[part for part in cut if part is not None] for cut in halves]


def _between(start: int, stop: int) -> list[int]:
    """Up to `CUTS` places strictly between, evenly spaced, the middle among them."""
    every = max(1, (stop - start) // CUTS)
    return sorted({*range(start + every, stop, every), (start + stop) // 2} - {start, stop})
