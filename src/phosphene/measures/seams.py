"""Seams: whether tiles show, at borders that are known or wherever they may be."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from phosphene.errors import SettingsError
from phosphene.pixels.tiles import Box

# What speaks for a seam between two rows: for each kind of evidence, one number per place a border could have


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


# Where tiles may meet: lattices that are known, and all that are looked through where none is

CLOSEST = 32  # pixels: tiles narrower than this are not searched for
_MOST = 3.0  # standard deviations that one line may count: an edge of the picture alone is no lattice


@dataclass(frozen=True)
class Lattice:
    """Known borders: `rows` holds each row that is the first below a border, `columns` each first one to its right.

    >>> Lattice(rows=(128, 256), columns=())
    Lattice(rows=(128, 256), columns=())
    """

    rows: tuple[int, ...]
    columns: tuple[int, ...]

    @classmethod
    def of(cls, boxes: Iterable[Box]) -> Lattice:
        """Where these tiles meet.

        >>> from phosphene.pixels import tiles
        >>> Lattice.of(tiles.boxes(64, 128, tile=64, overlap=0, stride=16))
        Lattice(rows=(), columns=(64,))
        """
        starts = zip(*((box.rows.start, box.columns.start) for box in boxes), strict=True)
        rows, columns = (tuple(sorted({*each} - {0})) for each in starts)
        return cls(rows, columns)


def strongest(profile: Tensor) -> tuple[float, int]:
    """The largest sum, over its root count, of `profile` `[R]` on any even lattice, and how many lattices there are.

    Lattices are single lines, and all sets of lines with one spacing of `CLOSEST` pixels or more. Where the profile is
    independent noise of standard deviation 1, so is each sum. No line counts more than three standard deviations.
    """
    profile = profile.clamp(max=_MOST)
    best, looks = profile.max(), profile.numel()
    for spacing in range(CLOSEST, profile.numel() // 2 + 1):
        lines = profile.numel() // spacing
        sums = profile[: lines * spacing].view(lines, spacing).sum(0) / math.sqrt(lines)  # from each offset on
        best, looks = torch.maximum(best, sums.max()), looks + sums.numel()
    return float(best), looks


# What chance does to the largest of many numbers

_FARTHEST = 30.0  # standard deviations: beyond them a probability is 0 in float64


def corrected(largest: float, looks: int) -> float:
    """The largest of `looks` independent standard normal numbers, as the one number that is as unlikely.

    Šidák 1967: the largest stays below z with the probability of one that does, to the power of their count.

    >>> round(corrected(3.0, 1), 6)
    3.0
    >>> corrected(3.0, 1000) < 0.7
    True
    """
    z = torch.tensor(min(largest, _FARTHEST), dtype=torch.float64)
    below = looks * torch.special.log_ndtr(z)
    above = -torch.special.expm1(below) if z < 5 else looks * torch.special.log_ndtr(-z).exp()
    z = torch.special.ndtri(below.exp()) if above > 0.5 else -torch.special.ndtri(above)
    return max(-_FARTHEST, float(z))


SEAM_ALARM = 1.9
"""A `seam` above this is an alarm; without seams, it comes in 5 % of pictures."""


def seam(light: Tensor, lattice: Lattice | None = None) -> float:
    """How surely a lattice of seams shows in `light` `[H, W]`, in standard deviations.

    Without seams this is about one standard normal number, or 0 where that is negative, whether the borders are known
    or searched. Pictures of less than 96 pixels a side have too few places to compare borders with: 0.

    Raises:
        SettingsError: borders outside of the picture.
    """
    rows, columns = ((), ()) if lattice is None else (lattice.rows, lattice.columns)
    for name, axis, border in [*(("row", 0, row) for row in rows), *(("column", 1, column) for column in columns)]:
        if not 0 < border < light.shape[axis]:
            raise SettingsError(f"A border at {name} {border} lies outside; it takes 1 to {light.shape[axis] - 1}.")
    if min(light.shape) < SMALLEST or (lattice is not None and not rows + columns):
        return 0.0
    down, right = profiles(light), profiles(light.T)
    score = searched(down, right) if lattice is None else known(down, right, lattice)
    return max(0.0, score)


def known(down: dict[str, Tensor], right: dict[str, Tensor], lattice: Lattice) -> float:
    """`seam` before it is cut at 0, from the `profiles` of a picture and of the same picture turned."""
    borders = {
        kind: torch.cat([down[kind][list(lattice.rows)], right[kind][list(lattice.columns)]])
        for kind in down
    }  # fmt: skip
    sums = [float(z.sum()) / math.sqrt(z.numel()) for z in _signed(borders)]
    return corrected(max(sums), len(sums))


def searched(down: dict[str, Tensor], right: dict[str, Tensor]) -> float:
    """The same for the lattice that shows most, as unlikely as it is among so many."""
    largest = [strongest(profile) for profile in (*_signed(down), *_signed(right))]
    return corrected(max(best for best, _ in largest), sum(looks for _, looks in largest))


def _signed(kinds: dict[str, Tensor]) -> list[Tensor]:
    """All evidence so that more of it speaks for a seam: two-sided kinds once with each sign."""
    return [*kinds.values(), *(-kinds[kind] for kind in TWO_SIDED)]
