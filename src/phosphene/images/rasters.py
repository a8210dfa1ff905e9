"""Pixels in a file, read and written a window at a time: a picture on disk takes no memory of its own.

The file holds rows of interleaved channels without a header, so that a strip of rows is one piece of it.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from phosphene.errors import RecordError
from phosphene.pixels.tiles import Shift, pieces

KINDS = {"u1": 255, "u2": 65535, "f4": 1, "f8": 1}
"""What a number may be, and what stands for white."""

ALL = slice(None)
Array = NDArray[Any]


@dataclass(frozen=True)
class Raster:
    """A picture's numbers in a file."""

    path: Path
    height: int  # in pixels, like the width
    width: int
    channels: int = 3  # or 4 with alpha behind
    kind: str = "f4"  # `u1`, `u2`, `f4` or `f8`: whole numbers of one or two bytes, or floats

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.height, self.width

    @property
    def nbytes(self) -> int:
        """Of the whole file."""
        return self.height * self.width * self.channels * np.dtype(self.kind).itemsize

    def create(self) -> Raster:
        """The same, with a file of its size, black all over; disks that can do so give it room only as it is filled."""
        with self.path.open("wb") as file:
            file.truncate(self.nbytes)
        return self

    def check(self) -> Raster:
        """The same, if its file is there and whole; else a `RecordError`."""
        if not self.path.is_file() or self.path.stat().st_size != self.nbytes:
            raise RecordError(f"{self.path} is not there, or not whole: it should have {self.nbytes:,} bytes.")
        return self

    def read(self, rows: slice = ALL, columns: slice = ALL, *, shift: Shift = (0, 0), dtype: torch.dtype) -> Tensor:
        """A window of the picture shifted down and to the right, as `[1, channels, h, w]` in 0..1.

        What the shift pushes out at one edge comes in at the other.
        """
        array = self.numbers(rows, columns, shift=shift)
        planes = torch.from_numpy(np.ascontiguousarray(array.transpose(2, 0, 1)))[None].to(dtype)
        return planes.div_(KINDS[self.kind]) if KINDS[self.kind] > 1 else planes

    def numbers(self, rows: slice = ALL, columns: slice = ALL, *, shift: Shift = (0, 0)) -> Array:
        """A window as the file has it, `[h, w, channels]`."""
        shape = (len(range(side)[window]) for side, window in ((self.height, rows), (self.width, columns)))
        array = np.empty((*shape, self.channels), self.kind)
        with self.path.open("rb", buffering=0) as file:
            for start, part in self._parts(array, rows, columns, shift):
                file.seek(start)
                if file.readinto(part.data.cast("B")) != part.nbytes:
                    raise RecordError(f"{self.path} ends too early: it should have {self.nbytes:,} bytes.")
        return array

    def write(self, pixels: Tensor, rows: slice = ALL, columns: slice = ALL, *, shift: Shift = (0, 0)) -> None:
        """Puts `pixels` `[1, channels, h, w]` where `read` would find them; whole numbers are rounded to."""
        white = KINDS[self.kind]
        planes = pixels if white == 1 else pixels.clamp(0, 1).mul_(white).round_()
        self.put(planes[0].permute(1, 2, 0).numpy().astype(self.kind, order="C"), rows, columns, shift=shift)

    def put(self, array: Array, rows: slice = ALL, columns: slice = ALL, *, shift: Shift = (0, 0)) -> None:
        """Puts numbers `[h, w, channels]` where `numbers` would find them."""
        with self.path.open("r+b") as file:
            for start, part in self._parts(array, rows, columns, shift):
                file.seek(start)
                file.write(part.data.cast("B"))

    def flush(self) -> None:
        """Makes what was written survive a power cut."""
        with self.path.open("r+b") as file:
            os.fsync(file.fileno())

    def _parts(self, array: Array, rows: slice, columns: slice, shift: Shift) -> Iterator[tuple[int, Array]]:
        """The window's parts that lie in one piece in the file, each with where it begins there."""
        length = self.nbytes // self.height
        for down, row in pieces(rows, self.height, shift[0]):
            for across, column in pieces(columns, self.width, shift[1]):
                block, start = array[down, across], row * length + column * length // self.width
                if block.shape[1] == self.width:
                    yield start, block
                else:
                    yield from ((start + number * length, line) for number, line in enumerate(block))


def strips(height: int, rows: int) -> Iterator[slice]:
    """A picture's rows, at most so many at a time.

    >>> list(strips(5, 2))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    return (slice(start, min(start + rows, height)) for start in range(0, height, rows))


def kind_of(dtype: torch.dtype) -> str:
    """The kind that holds tensors of a float type."""
    return "f8" if dtype == torch.float64 else "f4"
