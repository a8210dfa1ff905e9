"""Shots: the pictures of a film file in their order, each read only where it is wanted; which of them are wanted."""

import math
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from torch import Tensor

from phosphene.errors import SettingsError

HIGHEST_RATE = 1000  # frames a second
_NTSC = Fraction(1001, 1000)  # what 24, 30 and 60 frames a second are divided by in television


@dataclass(frozen=True)
class Shot:
    """A picture of a film file."""

    seconds: Fraction  # from the file's first picture
    duration: Fraction  # seconds that it is shown
    read: Callable[[], tuple[Tensor, Tensor | None]]  # pixels `[1, 3, H, W]`, sRGB 0..1; alpha `[1, 1, H, W]` or `None`


class Shots(Protocol):
    """A film file, whatever reads it."""

    size: tuple[int, int]  # height and width, upright
    rate: Fraction  # frames a second, on average
    count: int | None  # frames, where the file says how many
    duration: Fraction | None  # seconds, where the file says so
    alpha: bool  # whether it has transparency
    notes: list[str]  # what the user should hear; grows while the file is read

    def shots(self, begin: Fraction) -> Generator[Shot]:
        """All shots from the one that is seen at `begin` seconds on; earlier ones may come too."""


def exactly(given: float | Fraction) -> Fraction:
    """The number as it was written in decimals, so that 0.1 is a tenth.

    >>> exactly(0.1)
    Fraction(1, 10)
    """
    return Fraction(str(given))


def rate_of(fps: float | Fraction) -> Fraction:
    """Frames a second; 23.976, 29.97 and 59.94 stand for 24000/1001 and so on.

    Raises:
        SettingsError: not above 0, or above 1000.

    >>> rate_of(29.97), rate_of(25)
    (Fraction(30000, 1001), Fraction(25, 1))
    """
    if not 0 < fps <= HIGHEST_RATE:
        raise SettingsError(f"--fps {fps:g} is not possible. Allowed: above 0, up to {HIGHEST_RATE}.")
    rate = exactly(fps)
    whole = round(rate * _NTSC)
    television = rate.denominator > 1 and whole > 0 and abs(whole / _NTSC - rate) < Fraction(1, 200)
    return whole / _NTSC if television else rate


def slot(seconds: Fraction, rate: Fraction) -> int:
    """The number of the frame, at a constant rate, that is nearest to a time.

    >>> slot(Fraction(42, 1000), Fraction(24))
    1
    """
    return math.floor(seconds * rate + Fraction(1, 2))


def within(shots: Iterator[Shot], begin: Fraction, end: Fraction | None) -> Iterator[tuple[Fraction, Shot]]:
    """The shots that begin from `begin` to before `end`, each with its seconds from the first of them."""
    first = None
    for shot in shots:
        if end is not None and shot.seconds >= end:
            return
        if shot.seconds >= begin:
            first = shot.seconds if first is None else first
            yield shot.seconds - first, shot


def at_rate(
    shots: Iterator[Shot], rate: Fraction, begin: Fraction, end: Fraction | None
) -> Iterator[tuple[Fraction, Shot]]:
    """The shots that are seen at a constant rate from `begin` on: some more than once, others never.

    A shot is taken for the frame that is nearest to it in time, since files round their times.
    """
    number, seen = 0, None
    last = None if end is None else slot(end - begin, rate)
    for shot in shots:
        until = slot(shot.seconds - begin, rate)
        while seen is not None and number < until and number != last:
            yield number / rate, seen
            number += 1
        if number == last:
            return
        seen = shot
    if seen is None:
        return
    until = slot(seen.seconds + seen.duration - begin, rate)
    until = until if last is None else min(until, last)
    while number < until:
        yield number / rate, seen
        number += 1
