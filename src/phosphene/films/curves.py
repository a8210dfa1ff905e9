"""How the value of one setting changes over a film's time, and the texts that say so.

A number is written as points of time, "0:0, 5:1, 12:0.3", or as what follows the sound, "loud:0.3..1.5" or
"beats:1..2"; looks one after the other, "coils,reef", or at points of time, "0:coils, 8:reef"; styles at points.
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from phosphene.errors import SettingsError
from phosphene.films.sound import Envelope, Kind
from phosphene.images import name_of
from phosphene.recipes.fields import Setting, flag, number
from phosphene.recipes.style_settings import weighted

SOUNDS: Mapping[str, Kind] = {"loud": "loudness", "beats": "beats"}
"""What of the sound a number may follow, by the word for it."""


@dataclass(frozen=True)
class Points:
    """Values at points of time."""

    seconds: tuple[float, ...]  # ascending
    values: tuple[Any, ...]  # one for each

    def around(self, seconds: float) -> tuple[Any, Any, float]:
        """The values before and after a time, and the eased share of the later one: 0 or more, and less than 1.

        >>> Points((0, 4), ("coils", "reef")).around(1)
        ('coils', 'reef', 0.15625)
        """
        if seconds <= self.seconds[0]:
            return self.values[0], self.values[0], 0.0
        for (start, before), (end, after) in pairwise(zip(self.seconds, self.values, strict=True)):
            if seconds < end:
                share = (seconds - start) / (end - start)
                return before, after, share * share * (3 - 2 * share)
        return self.values[-1], self.values[-1], 0.0


class Curve(Protocol):
    """How the value of a setting changes."""

    @property
    def values(self) -> tuple[object, ...]:
        """Values that it takes, and between which all others are."""

    def at(self, seconds: float, envelope: Envelope | None) -> Any:
        """The value at a time. Raises `SettingsError`: it follows the sound, of which there is no envelope."""


@dataclass(frozen=True)
class NumberOverTime:
    """A number from point to point."""

    points: Points

    @property
    def values(self) -> tuple[float, ...]:
        """As `Curve.values`."""
        return self.points.values

    def at(self, seconds: float, envelope: Envelope | None) -> float:
        """As `Curve.at`."""
        return between(*self.points.around(seconds))


@dataclass(frozen=True)
class NumberOfSound:
    """A number that follows the sound."""

    name: str  # of the setting
    kind: Kind
    values: tuple[float, float]  # where the sound's own is 0, and where it is 1

    def at(self, seconds: float, envelope: Envelope | None) -> float:
        """As `Curve.at`."""
        if envelope is None:
            raise SettingsError(f"{flag(self.name)} follows the film's sound, which was not read.")
        return between(*self.values, envelope.at(self.kind, seconds))


@dataclass(frozen=True)
class StylesOverTime:
    """Styles with their weights, some of them from point to point."""

    words: tuple[str | Points, ...]

    @property
    def values(self) -> tuple[tuple[str, ...], ...]:
        """As `Curve.values`: a style of each point is among them."""
        return (tuple(name for each in self.words for name in (each.values if isinstance(each, Points) else (each,))),)

    def at(self, seconds: float, envelope: Envelope | None) -> tuple[str, ...]:
        """As `Curve.at`."""
        return tuple(word for each in self.words for word in _styles_at(each, seconds))


def between(before: float, after: float, share: float) -> float:
    """A number between two, whole where both are whole.

    >>> between(0.5, 1.5, 0.25), between(2, 12, 0.25)
    (0.75, 4)
    """
    value = before + (after - before) * share
    whole = isinstance(before, int) and isinstance(after, int)
    return min(max(round(value) if whole else value, min(before, after)), max(before, after))


# From texts


def curve(known: Setting, value: object) -> Curve | None:
    """How a setting changes; `None` where it does not. Raises `SettingsError`: its points cannot be read."""
    if known.kind in ("int", "float") and isinstance(value, str) and ":" in value:
        return _number(known, value)
    if known.holds == "weighted picture" and any(map(_is_timed, words(value))):
        found = (_points(known.name, word, str, _STYLES) if _is_timed(word) else word for word in words(value))
        return StylesOverTime(tuple(found))
    return None


_NUMBERS = 'it takes points SECONDS:VALUE, as "0:0, 5:1", or follows the sound, as loud:0.3..1.5 or beats:1..2'
_LOOKS = 'several are written as NAME,NAME or at points SECONDS:NAME, as "0:NAME, 8:NAME"'
_STYLES = 'over time it takes points SECONDS:PICTURE, as "0:waves.jpg, 8:night.jpg"'


def _number(known: Setting, text: str) -> Curve:
    def read(word: str) -> float:
        try:
            return int(word) if known.kind == "int" else float(number(known, word.strip()))
        except ValueError:
            return float(word)  # which the setting refuses

    word, _, ends = text.partition(":")
    low, dots, high = ends.partition("..")
    kind = SOUNDS.get(word.strip())
    if kind is None and not dots:
        return NumberOverTime(_points(known.name, text, read, _NUMBERS))
    try:
        return NumberOfSound(known.name, SOUNDS[word.strip()], (read(low), read(high)))
    except (KeyError, ValueError):
        raise SettingsError(f"{flag(known.name)} is {text!r}; {_NUMBERS}.") from None


def looks(name: str, text: str, seconds: float | None) -> Points:
    """The looks of a text, spread over a film that is so long where they have no times.

    Raises:
        SettingsError: it is written otherwise, or the film's length is wanted and not known.
    """
    if ":" in text:
        return _points(name, text, str, _LOOKS)
    values = tuple(part.strip() for part in text.split(","))
    if not all(values):
        raise SettingsError(f"{flag(name)} is {text!r}; {_LOOKS}.")
    if seconds is None:
        timed = ", ".join(f"{5 * number}:{value}" for number, value in enumerate(values))
        raise SettingsError(
            f"{flag(name)} {text} is spread over the film, whose length is not known.\n"
            f'Say when each is reached, in seconds: {flag(name)} "{timed}"'
        )
    return Points(tuple(seconds * number / (len(values) - 1) for number in range(len(values))), values)


def _points(name: str, text: str, read: Callable[[str], object], takes: str) -> Points:
    """Points of a text "SECONDS:VALUE, …". Raises `SettingsError`: it is written otherwise, or times do not ascend."""
    try:
        parts = [(time, value.strip()) for time, colon, value in (part.partition(":") for part in text.split(","))]
        seconds, values = [float(time) for time, _ in parts], [read(value) for _, value in parts if value]
    except ValueError:
        seconds, values = [], []
    if not values or len(values) < len(seconds) or not all(0 <= each < math.inf for each in seconds):
        raise SettingsError(f"{flag(name)} is {text!r}; {takes}.")
    for before, after in pairwise(seconds):
        if before >= after:
            raise SettingsError(
                f"{flag(name)} is {text!r}: {after:g} s comes after {before:g} s. Write times in order."
            )
    return Points(tuple(seconds), tuple(values))


def words(value: Any) -> list[str]:
    """The words of a setting that takes several."""
    if value is None:
        return []
    return [os.fspath(each) for each in (value if isinstance(value, (tuple, list)) else (value,))]


def _is_timed(word: str) -> bool:
    """Whether a style's word begins with a time, as `0:waves.jpg`."""
    return re.match(r"\s*\d+(\.\d*)?\s*:", word) is not None


def _styles_at(word: str | Points, seconds: float) -> list[str]:
    if isinstance(word, str):
        return [word]
    before, after, share = word.around(seconds)
    if not share or before == after:
        return [before]
    sides = ((*weighted(before), 1 - share), (*weighted(after), share))
    return [f"{name}:{weight * part:.6g}" for name, weight, part in sides]


def style_without_folders(word: str) -> str:
    """A style's word as a record holds it.

    >>> style_without_folders("0:a/waves.jpg, 8:b/night.jpg:2")
    '0:waves.jpg, 8:night.jpg:2'
    """
    if not _is_timed(word):
        return name_of(word)
    parts = (part.partition(":") for part in word.split(","))
    return ", ".join(f"{time.strip()}:{name_of(name.strip())}" for time, _, name in parts)
