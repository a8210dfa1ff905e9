"""How the outputs of a strange network become maps of positions `[1, C, h, w]`."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch.nn.functional as F
from torch import Tensor

SIDE = 224  # pixels: the patches and windows that are in use, of 7, 8, 14, 16 and 32, divide it


@dataclass(frozen=True)
class Layout:
    """How a layer's output becomes a map `[1, C, h, w]`.

    Attributes:
        order: `first` for channels first, `last` for channels last, `tokens` for `[1, tokens, C]`.
        stride: pixels from one position to the next.
        channels: of the map.
        extra: tokens before those of the patches: class, registers.
        multiple: the picture's sides must be multiples of it, or positions get lost or move.
        shift: positions to leave free above and to the left, so that each lies where it looks.
        least: pixels a side that the network bears.
    """

    order: str
    stride: int
    channels: int
    extra: int = 0
    multiple: int = 1
    shift: int = 0
    least: int = 1

    def spread(self, output: Tensor, height: int, width: int) -> Tensor:
        """The output for a picture of that size as `[1, C, h, w]`, with the positions that the network gives."""
        if self.order == "first":
            return output
        if self.order == "last":
            return output.permute(0, 3, 1, 2)
        grid = (height // self.stride, width // self.stride)
        return output[:, self.extra :].transpose(1, 2).reshape(1, -1, *grid)

    def place(self, spread: Tensor, height: int, width: int) -> Tensor:
        """The map with one position for each stride that begins in a picture of that size; 0 where there was none."""
        rows, columns = -(-height // self.stride), -(-width // self.stride)
        missing = (rows - self.shift - spread.shape[2], columns - self.shift - spread.shape[3])
        if not self.shift and missing == (0, 0):
            return spread
        return F.pad(spread, (self.shift, missing[1], self.shift, missing[0]))


def layout(small: tuple[int, ...], wide: tuple[int, ...]) -> Layout | None:
    """How an output is laid out, by its shapes for a square picture and one twice as wide; `None` without positions.

    >>> layout((1, 64, 56, 56), (1, 64, 56, 112))
    Layout(order='first', stride=4, channels=64, extra=0, multiple=1, shift=0, least=1)
    >>> layout((1, 197, 384), (1, 393, 384)).extra
    1
    """
    if len(small) != len(wide) or (small[:1], wide[:1]) != ((1,), (1,)):
        return None
    if len(small) == 3 and small[2] == wide[2]:
        patches = wide[1] - small[1]
        side = math.isqrt(max(patches, 0))
        if side and side**2 == patches and SIDE % side == 0 and small[1] >= patches:
            return Layout("tokens", SIDE // side, small[2], small[1] - patches)
    if len(small) == 4:
        for order, (channel, row, column) in {"first": (1, 2, 3), "last": (3, 1, 2)}.items():
            more = wide[column] - small[column]
            even = small[channel] == wide[channel] and small[row] == wide[row] == small[column]
            if even and more > 0 and SIDE % more == 0:
                return Layout(order, SIDE // more, small[channel])
    return None
