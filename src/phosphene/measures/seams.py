"""Seams: whether tiles show, at borders that are known or wherever they may be."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from phosphene.measures.chance import corrected
from phosphene.measures.evidence import SMALLEST, TWO_SIDED, profiles
from phosphene.measures.lattice import Lattice, strongest

SEAM_ALARM = 1.9
"""A `seam` above this is an alarm; without seams, it comes in 5 % of pictures."""


def seam(light: Tensor, lattice: Lattice | None = None) -> float:
    """How surely a lattice of seams shows in `light` `[H, W]`, in standard deviations.

    Without seams this is about one standard normal number, or 0 where that is negative, whether the borders are known
    or searched. Pictures of less than 96 pixels a side have too few places to compare borders with: 0.

    Raises:
        SettingsError: borders outside of the picture.
    """
    if lattice is not None:
        lattice.check(*light.shape)
    if min(light.shape) < SMALLEST or (lattice is not None and not lattice.rows + lattice.columns):
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
