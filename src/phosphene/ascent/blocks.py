"""An ascent step made block by block, for a picture that is on disk, or on several machines.

A step has three passes over the picture, shifted at random as `ascent` does it: the gradient, tile by tile; its sizes,
each a sum over all blocks; and the change of the pixels, where a block of the gradient is divided by those sizes. A
block's Laplacian bands depend on pixels around it, so that it is always looked at within its context. The result is
that of the same step in memory, to rounding.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from phosphene.ascent import Rule, step_
from phosphene.errors import NumberError
from phosphene.pixels import pyramid, tiles
from phosphene.pixels.tiles import Box
from phosphene.pixels.transforms import mute_

LEVELS = 4  # Laplacian bands, beside the smooth rest
GRAIN = 2**LEVELS  # pixels: blocks begin on multiples of it, so that a number of the smooth rest belongs to one block
HALO = 6 * GRAIN  # pixels around a block that bear on its bands: 30 to make them smooth, 46 to put them together again

SMALLEST = tiles.smallest(HALO, GRAIN)  # pixels of a context's side

Sums = tuple[float, ...]


def blocks(height: int, width: int, side: int) -> list[Box]:
    """A picture in blocks whose contexts are at most `side` pixels a side, or as small as blocks can be."""
    return tiles.boxes(height, width, tile=max(side, SMALLEST), overlap=HALO, stride=GRAIN)


def sums(g: Tensor, block: Box, rule: Rule) -> Sums:
    """What a block adds to the sums from which the gradient's sizes are made; `g` `[1, 3, h, w]` is its context."""
    muted = mute_(g, rule.colour)
    if rule.normalise == "mean":
        return (_sum(muted[(..., *block.inner)].abs()),)
    if rule.normalise == "std":
        own = muted[(..., *block.inner)].double()
        return float(own.sum()), float(own.square().sum())
    bands = pyramid.laplacian_(muted, LEVELS)
    return tuple(_squares(band[(..., *_at(level, block))]) for level, band in enumerate(bands))


def sizes(totals: Sums, rule: Rule, height: int, width: int) -> list[float]:
    """What the gradient is divided by, from the totals of all blocks: its one size, or one for each Laplacian band.

    Raises:
        NumberError: they are infinite or not a number.
    """
    if not all(map(math.isfinite, totals)):
        raise NumberError("The gradient became infinite or not-a-number. Try a smaller --step-size or --strength.")
    counts = [3 * -(-height // 2**level) * -(-width // 2**level) for level in range(len(totals))]
    if rule.normalise == "mean":
        found = [totals[0] / counts[0]]
    elif rule.normalise == "std":
        mean = totals[0] / counts[0]
        found = [math.sqrt(max(0.0, totals[1] / counts[0] - mean**2))]
    else:
        found = [math.sqrt(total / count) for total, count in zip(totals, counts, strict=True)]
    return [max(each, 1e-30) for each in found]


def change(g: Tensor, block: Box, divisors: list[float], rule: Rule) -> Tensor:
    """A block's way uphill, of size 1; `g` is its context."""
    muted = mute_(g, rule.colour)
    if rule.normalise != "laplacian":
        return muted[(..., *block.inner)] / divisors[0]
    bands = pyramid.laplacian_(muted, LEVELS)
    whole = pyramid.merge_([band.div_(size) for band, size in zip(bands, divisors, strict=True)])
    return whole[(..., *block.inner)]


def climb_(pixels: Tensor, g: Tensor, block: Box, divisors: list[float], length: float, rule: Rule) -> Tensor:
    """Takes a block's `pixels` a step uphill, of the mean length `length`, in place; `g` is its context."""
    step_(pixels, change(g, block, divisors, rule).mul_(length), rule.clip)
    return pixels


def _at(level: int, block: Box) -> tuple[slice, slice]:
    """The block's own part of a band of its context."""
    rows, columns = (slice(side.start >> level, -(-side.stop >> level)) for side in block.inner)
    return rows, columns


def _squares(band: Tensor) -> float:
    return float(torch.linalg.vector_norm(band, dtype=torch.float64)) ** 2


def _sum(x: Tensor) -> float:
    return float(x.sum(dtype=torch.float64))
