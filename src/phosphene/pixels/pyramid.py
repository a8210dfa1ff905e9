"""Octaves of a picture, and Laplacian bands of a gradient."""

from collections.abc import Iterator

import torch
from torch import Tensor

from phosphene.pixels.transforms import SMALLEST, resize


def octaves(pixels: Tensor, count: int, scale: float) -> list[Tensor]:
    """The picture `[1, 3, H, W]` at up to `count` sizes, each `1/scale` of the next, smallest first.

    Each is shrunk from the next larger one, as in Google's notebook. Sizes of less than 32 pixels a side are
    left out, because a network sees nothing there; the picture itself is always the last.
    """
    bases = [pixels]
    for size in reversed(sizes(pixels.shape[-2], pixels.shape[-1], count, scale)[:-1]):
        bases.append(resize(bases[-1], *size))
    return bases[::-1]


def sizes(height: int, width: int, count: int, scale: float) -> list[tuple[int, int]]:
    """The heights and widths of a picture's octaves, smallest first.

    >>> sizes(480, 640, 3, 2)
    [(120, 160), (240, 320), (480, 640)]
    """
    found = [(height, width)]
    while len(found) < count:
        smaller = round(found[-1][0] / scale), round(found[-1][1] / scale)
        if min(smaller) < SMALLEST:
            break
        found.append(smaller)
    return found[::-1]


def laplacian_(x: Tensor, levels: int = 4) -> list[Tensor]:
    """`x` `[N, C, H, W]` as frequency bands, finest first, the last one the smooth rest (Burt and Adelson 1983).

    The finest takes the place of `x`.
    """
    bands = []
    for _ in range(levels):
        low = _shrink(x)
        for fine, smooth in _by_channel(x, low):
            fine.sub_(_grow(smooth, fine.shape))
        bands.append(x)
        x = low
    return [*bands, x]


def levels(x: Tensor, count: int) -> list[Tensor]:
    """`x` `[N, C, H, W]` at the sizes of `count` Laplacian bands."""
    found = [x]
    while len(found) < count:
        found.append(_shrink(found[-1]))
    return found


def merge_(bands: list[Tensor]) -> Tensor:
    """The inverse of `laplacian_`, in place of the finest band."""
    smooth = bands[-1]
    for band in bands[-2::-1]:
        for fine, low in _by_channel(band, smooth):
            fine.add_(_grow(low, fine.shape))
        smooth = band
    return smooth


def _by_channel(x: Tensor, y: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """The channels of both; large pictures need less room one after the other."""
    return zip(torch.split(x, 1, 1), torch.split(y, 1, 1), strict=True)


# Both ways smooth with 1 4 6 4 1, first along columns, then along rows, and continue the picture by its edge. They are
# sums of shifted pictures, because a convolution would take several times the picture's memory.


def _shrink(x: Tensor) -> Tensor:
    """Half the size."""
    return torch.cat([_shrink_along(_shrink_along(channel, 2), 3) for channel in torch.split(x, 1, 1)], 1)


def _grow(low: Tensor, shape: torch.Size) -> Tensor:
    """Twice the size."""
    return _grow_along(_grow_along(low, 2, shape[2]), 3, shape[3])


def _shrink_along(x: Tensor, axis: int) -> Tensor:
    centres = torch.arange(0, x.shape[axis], 2)
    low = x.index_select(axis, centres).mul_(6 / 16)
    for offset, weight in ((-2, 1 / 16), (-1, 4 / 16), (1, 4 / 16), (2, 1 / 16)):
        low.add_(x.index_select(axis, (centres + offset).clamp_(0, x.shape[axis] - 1)), alpha=weight)
    return low


def _grow_along(low: Tensor, axis: int, length: int) -> Tensor:
    count = low.shape[axis]
    after = low.index_select(axis, torch.arange(1, count + 1).clamp_(max=count - 1))
    before = low.index_select(axis, torch.arange(-1, count - 1).clamp_(min=0))
    size = [*low.shape]
    size[axis] = length
    grown = low.new_empty(size)
    even, odd = _every_other(grown, axis)
    torch.add(before, after, out=even).add_(low, alpha=6).div_(8)
    odd.copy_(after.narrow(axis, 0, odd.shape[axis])).add_(low.narrow(axis, 0, odd.shape[axis])).div_(2)
    return grown


def _every_other(x: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    return (x[:, :, ::2], x[:, :, 1::2]) if axis == 2 else (x[..., ::2], x[..., 1::2])
