"""Where tiles may meet: lattices that are known, and all that are looked through where none is."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from phosphene.errors import SettingsError
from phosphene.pixels.tiles import Box

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

        >>> from phosphene import tiles
        >>> Lattice.of(tiles.boxes(64, 128, tile=64, overlap=0, stride=16))
        Lattice(rows=(), columns=(64,))
        """
        starts = zip(*((box.rows.start, box.columns.start) for box in boxes), strict=True)
        rows, columns = (tuple(sorted({*each} - {0})) for each in starts)
        return cls(rows, columns)

    def check(self, height: int, width: int) -> None:
        """Refuses borders outside of a picture.

        Raises:
            SettingsError: a border that does not lie between two pixels of it.
        """
        for name, borders, length in (("row", self.rows, height), ("column", self.columns, width)):
            for border in borders:
                if not 0 < border < length:
                    raise SettingsError(f"A border at {name} {border} lies outside; it takes 1 to {length - 1}.")


def strongest(profile: Tensor) -> tuple[float, int]:
    """The largest sum, over its root count, of `profile` `[R]` on any even lattice, and how many lattices there are.

    Lattices are single lines, and all sets of lines with one spacing of `CLOSEST` pixels or more. Where the profile is
    independent noise of standard deviation 1, so is each sum. No line counts more than three standard deviations.
    """
    profile = profile.clamp(max=_MOST)
    best, looks = profile.max(), profile.numel()
    for sums in _folded(profile):
        best, looks = torch.maximum(best, sums.max()), looks + sums.numel()
    return float(best), looks


def _folded(profile: Tensor) -> Iterator[Tensor]:
    """For each spacing, the sums over the lattices that begin at each offset."""
    for spacing in range(CLOSEST, profile.numel() // 2 + 1):
        lines = profile.numel() // spacing
        yield profile[: lines * spacing].view(lines, spacing).sum(0) / math.sqrt(lines)
