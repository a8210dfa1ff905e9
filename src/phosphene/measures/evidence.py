"""What speaks for a seam between two rows: for each kind of evidence, one number per place a border could have.

A seam runs all along a border, an edge of the picture does not. So every place is compared with its neighbours a few
rows up and down, separately in each short piece of the row, and what counts is its rank among them. An edge, however
strong, is then one vote among many. (Ranks of neighbours: the test of Wilcoxon 1945, made for each row.)
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

PIECE = 8  # pixels along a border that have one vote
STRETCH = 8  # pieces of a border that are lighter, or darker, together
NEAR, FAR = 3, 24  # rows: what a place is compared with
MARGIN = 12  # rows at the picture's edge where no border is looked for
SMALLEST = 96  # pixels a side
_STRIP = 1024  # columns at a time, for memory
_NORMAL = 1.4826  # a normal distribution's standard deviation over its median absolute deviation

TWO_SIDED = ("fine", "near")
"""Kinds where too little is as telling as too much."""


def profiles(light: Tensor) -> dict[str, Tensor]:
    """Kind of evidence → `[H]`, at r for a border between rows r − 1 and r of `light` `[H, W]`.

    Where there is no seam, each is about normal with mean 0 and standard deviation 1; it is 0 near the picture's edge.
    """
    strips = [_kinds(strip) for strip in torch.split(light, _STRIP, 1) if strip.shape[1] >= 2 * PIECE]
    ranks = {kind: _ranks(torch.cat([strip[kind] for strip in strips], 1)) for kind in strips[0]}
    stretch = min(STRETCH, ranks["lift"].shape[1])
    ranks["lift"] = _pieces(ranks["lift"], stretch).abs()
    return {kind: _standard(rank.mean(1)) for kind, rank in ranks.items()}


def _kinds(x: Tensor) -> Mapping[str, Tensor]:
    """Kind → `[H, pieces]`.

    Where brightness jumps: `step`, from one row to the next, above what the rows around would have it; `rise`, from the
    mean of three rows to that of the next three; `lift`, a step with its sign, for long stretches that all go one way.
    Where patterns do not go on: `break`, how little the row above says of the one below. Where they fade or swell:
    `fine`, how much the two rows at the border vary along it; `near`, how much four rows on each side do both ways.
    """
    down, along = torch.zeros_like(x), torch.zeros_like(x)
    down[1:], along[:, 1:] = x.diff(dim=0), x.diff(dim=1)
    jump = _pieces(down - (_mean(down, -1, 0) + _mean(down, 1, 2)) / 2)
    return {
        "step": jump.abs(),
        "rise": _pieces(_mean(x, 0, 3) - _mean(x, -3, 0)).abs(),
        "lift": jump,
        "break": -_likeness(_mean(along, -1, 0), along),
        "fine": _pieces(_mean(along.square(), -1, 1)),
        "near": _pieces(_mean(along.square() + down.square(), -4, 4)),
    }


def _mean(x: Tensor, first: int, stop: int) -> Tensor:
    """At each row r the mean of rows r + first to r + stop − 1, and 0 where these are not all there."""
    height = x.shape[0]
    low, high = max(0, -first), height - max(0, stop)
    means = torch.zeros_like(x)
    for row in range(first, stop):
        means[low:high] += x[low + row : high + row]
    return means.div_(stop - first)


def _pieces(x: Tensor, width: int = PIECE) -> Tensor:
    """Means of `width` columns each."""
    return x[:, : x.shape[1] // width * width].reshape(len(x), -1, width).mean(2)


def _likeness(above: Tensor, below: Tensor) -> Tensor:
    """The cosine of two rows of gradients, piece by piece."""
    parts = [_pieces(pair, 2 * PIECE) for pair in (above * below, above.square(), below.square())]
    return parts[0] / (parts[1] * parts[2]).sqrt().clamp(min=1e-12)


def _ranks(values: Tensor) -> Tensor:
    """The share of its neighbours up and down that a place exceeds, less a half."""
    height = values.shape[0]
    beaten, met = torch.zeros_like(values), values.new_zeros(height, 1)
    for lag in range(NEAR, min(FAR, height - 1) + 1):
        upper, lower = values[:-lag], values[lag:]
        sign = torch.sign(lower - upper) / 2
        beaten[lag:] += sign
        beaten[:-lag] -= sign
        met[lag:] += 1
        met[:-lag] += 1
    return beaten / met.clamp(min=1)


def _standard(profile: Tensor) -> Tensor:
    """The profile over its robust standard deviation, about its median; 0 at the picture's edge."""
    inner = profile[MARGIN:-MARGIN]
    middle = inner.median()
    spread = _NORMAL * (inner - middle).abs().median()
    z = (profile - middle) / spread.clamp(min=1e-6)
    z[:MARGIN], z[-MARGIN:] = 0, 0
    return z
