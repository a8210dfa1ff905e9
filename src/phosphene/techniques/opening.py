"""How a picture is opened, and what a record says of it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any

import psutil
import torch

from phosphene import images
from phosphene.ascent import planning
from phosphene.errors import OutOfSpaceError, SettingsError
from phosphene.images import Picture
from phosphene.pixels.canvases import canvas, is_canvas
from phosphene.records.record import Facts

CANVAS_SIZE = (768, 512)  # width and height of a canvas that was asked for without a size

SRGB, KEEP = "srgb", "keep"
MOST_ENLARGED = 16.0  # times: a photograph of 1,000 pixels is then a wall's
NOTED = 1.5  # times a picture's long side: who asks for more expects an enlargement
PROFILES = (SRGB, KEEP)
"""What becomes of a picture's colour profile: colours are converted to sRGB, or the numbers stay, and so does it."""

Opened = tuple[Picture, Facts]
"""A picture, and what a record says of it."""


@dataclass(frozen=True)
class Opening:
    """How a picture is opened.

    Raises:
        SettingsError: an impossible size, long side, profile or enlargement.

    >>> Opening(64).size
    (64, 64)
    """

    size: tuple[int, int] | None = None  # width and height, in pixels, of a canvas or a pattern; one number is both
    long_side: int | None = None  # shrinks a picture first
    max_pixels: int = images.MAX_PIXELS  # refuses larger pictures; 0 refuses none
    profile: str = SRGB  # what becomes of a picture's own colour profile: `keep`, or `srgb`
    enlarge: float = 1.0  # how many times as high and wide a picture becomes before it is worked on, smoothly

    def __post_init__(self) -> None:
        put = object.__setattr__  # frozen for everybody else; numpy's numbers become Python's
        if self.size is not None:
            both: Any = self.size if isinstance(self.size, (tuple, list)) else (self.size, self.size)
            if len(both) != 2 or not all(map(_is_length, both)):
                raise SettingsError(f"size is {self.size!r}; it takes width and height in pixels, as (768, 512).")
            put(self, "size", (int(both[0]), int(both[1])))
        if self.long_side is not None:
            if not _is_length(self.long_side):
                raise SettingsError(f"long_side is {self.long_side!r}; it takes a number of pixels, as 1024.")
            put(self, "long_side", int(self.long_side))
        if self.profile not in PROFILES:
            raise SettingsError(f"profile is {self.profile!r}. Allowed: {', '.join(PROFILES)}.")
        if not _is_enlargement(self.enlarge):
            raise SettingsError(
                f"enlarge is {self.enlarge!r}; it takes a number from 1 to {MOST_ENLARGED:.0f}, as 2.\n"
                "To make a picture smaller: --long-side 1024"
            )

    def open(self, image: images.Source, dtype: torch.dtype, seed: int = 0) -> Opened:
        """The picture, and what the record says of it; a canvas is painted with the seed.

        Raises:
            ImageError: it cannot be read, or is larger than allowed.
            SettingsError: a size for a picture, or a long side for a canvas.
        """
        if is_canvas(image):
            if self.long_side:
                raise SettingsError("--long-side shrinks pictures; a canvas has the size that --size gives it.")
            if self.enlarge != 1:
                raise SettingsError("--enlarge is for pictures; a canvas has the size that --size gives it.")
            width, height = self.size or CANVAS_SIZE
            painted = Picture(canvas(image, height, width, seed=seed, dtype=dtype), None, 8, image, None)
            return painted, {"canvas": image, "seed": seed, "width": width, "height": height}
        if self.size:
            raise SettingsError("A size is for canvases; --long-side shrinks a picture.")
        picture = images.load(
            image,
            dtype=dtype,
            long_side=self.long_side,
            max_pixels=self.max_pixels,
            keep_profile=self.profile == KEEP,
        )
        return self._enlarged(picture), origin_of(picture, self)

    def _enlarged(self, picture: Picture) -> Picture:
        longest = max(picture.pixels.shape[-2:])
        if self.enlarge == 1:
            missing = (self.long_side or 0) / longest
            more = (
                f"it has {longest} pixels, less than --long-side; --enlarge {min(missing, MOST_ENLARGED):.2g} adds some"
            )
            return replace(picture, notes=(*picture.notes, more)) if missing > NOTED else picture
        height, width = (round(side * self.enlarge) for side in picture.pixels.shape[-2:])
        self._check_room(picture, height, width)
        return picture.enlarged(height, width)

    def _check_room(self, picture: Picture, height: int, width: int) -> None:
        """Refuses what memory cannot hold, or is larger than pictures may be, before it is enlarged."""
        free = planning.SHARE * psutil.virtual_memory().available
        most = free // (planning.PICTURE_NUMBERS * picture.pixels.itemsize)
        most = min(most, self.max_pixels or most)
        if height * width > most:
            fits = max(1.0, math.floor(10 * self.enlarge * math.sqrt(most / (height * width))) / 10)
            raise OutOfSpaceError(
                f"{picture.name} enlarged {self.enlarge:g} times is {width}×{height} pixels; {most / 1e6:,.2g} million"
                f" are possible here.\nGive --enlarge {fits:g}."
            )

    def recorded(self) -> Facts:
        """What a record's `input` says of it, if it was asked for."""
        asked: Facts = {"long_side": self.long_side, "profile": None if self.profile == SRGB else self.profile}
        asked["enlarge"] = None if self.enlarge == 1 else float(self.enlarge)
        return {name: value for name, value in asked.items() if value}


def origin_of(picture: Picture, opening: Opening) -> Facts:
    """A record's `input`: the picture as a run saw it, and how it was opened."""
    height, width = picture.pixels.shape[-2:]
    origin = {"name": picture.name, "sha256": picture.sha256, "width": width, "height": height}
    return origin | opening.recorded()


def _is_enlargement(value: Any) -> bool:
    return isinstance(value, Real) and value is not True and 1 <= float(value) <= MOST_ENLARGED


def _is_length(value: Any) -> bool:
    return isinstance(value, Integral) and value is not True and int(value) >= 1
