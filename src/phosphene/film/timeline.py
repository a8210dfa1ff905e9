"""Settings that change over a film's time: numbers from point to point or with the sound, looks that blend.

A number is written as points of time, "0:0, 5:1, 12:0.3", or as what follows the sound, "loud:0.3..1.5" or
"beats:1..2". Looks are written one after the other, "coils,reef", or at points of time, "0:coils, 8:reef", and so are
filters and styles, these always with their times. From point to point a change is eased: it begins and ends slowly.
"""

from __future__ import annotations

import math
import os
import re
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol

from phosphene.errors import SettingsError
from phosphene.film.sound import Envelope, Kind
from phosphene.images import name_of
from phosphene.objectives import weigh
from phosphene.recipes.fields import Setting, Settings, ValueDict, Values, current, flag
from phosphene.recipes.style_settings import weighted
from phosphene.techniques import Technique
from phosphene.techniques.engine import without_folders

SOUNDS: Mapping[str, Kind] = {"loud": "loudness", "beats": "beats"}
"""What of the sound a number may follow, by the word for it."""

ONE_NETWORK = ("model", "weights", "dtype")  # they say which network is loaded, and a film has one

PULLS = {
    "block1": 1.86, "block3": 1.27, "block4": 1.59, "block6": 0.59, "block8": 1.0, "block9": 0.71, "block10": 1.17,
    "block11": 0.61, "block13": 1.04,
}  # fmt: skip
"""How strongly a layer of the default network pulls in a sum of two, where `block8` pulls with 1, as unknown ones do.

The layers that presets name; measured by benchmarks/film_pulls.py: the weight at which `block8` comes as far as it.
"""


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


class Course(Protocol):
    """How the value of a setting changes."""

    @property
    def values(self) -> tuple[Any, ...]:
        """Values that it takes, and between which all others are."""

    def at(self, seconds: float, envelope: Envelope | None) -> Any:
        """The value at a time. Raises `SettingsError`: it follows the sound, of which there is no envelope."""


@dataclass(frozen=True)
class NumberOverTime:
    """A number from point to point."""

    points: Points

    @property
    def values(self) -> tuple[float, ...]:
        """As `Course.values`."""
        return self.points.values

    def at(self, seconds: float, envelope: Envelope | None) -> float:
        """As `Course.at`."""
        return between(*self.points.around(seconds))


@dataclass(frozen=True)
class NumberOfSound:
    """A number that follows the sound."""

    name: str  # of the setting
    kind: Kind
    values: tuple[float, float]  # where the sound's own is 0, and where it is 1

    def at(self, seconds: float, envelope: Envelope | None) -> float:
        """As `Course.at`."""
        if envelope is None:
            raise SettingsError(f"{flag(self.name)} follows the film's sound, which was not read.")
        return between(*self.values, envelope.at(self.kind, seconds))


@dataclass(frozen=True)
class StylesOverTime:
    """Styles with their weights, some of them from point to point."""

    words: tuple[str | Points, ...]

    @property
    def values(self) -> tuple[tuple[str, ...], ...]:
        """As `Course.values`: a style of each point is among them."""
        return (tuple(name for each in self.words for name in (each.values if isinstance(each, Points) else (each,))),)

    def at(self, seconds: float, envelope: Envelope | None) -> tuple[str, ...]:
        """As `Course.at`."""
        return tuple(word for each in self.words for word in _styles_at(each, seconds))


def between(before: float, after: float, share: float) -> float:
    """A number between two, whole where both are whole.

    >>> between(0.5, 1.5, 0.25), between(2, 12, 0.25)
    (0.75, 4)
    """
    value = before + (after - before) * share
    whole = isinstance(before, int) and isinstance(after, int)
    return min(max(round(value) if whole else value, min(before, after)), max(before, after))


@dataclass(frozen=True)
class Timeline:
    """The settings of a technique over a film's time; made by `Timeline.of`."""

    technique: Technique
    wishes: Values  # as they were typed
    envelope: Envelope | None
    courses: Mapping[str, Course]  # of the settings that change, by name
    looks: Mapping[str, Points]  # the wishes for several settings at once that change, by name
    first: Settings  # the first value of everything

    @classmethod
    def of(
        cls, technique: Technique, wishes: Values, *, seconds: float | None = None, envelope: Envelope | None = None
    ) -> Timeline:
        """The settings that these wishes describe, all of them tried.

        Args:
            technique: whose settings they are.
            wishes: settings and looks by name; those that change are texts.
            seconds: how long the film is, where that is known: looks without times are spread over it.
            envelope: of the film's sound. Without it everything is checked all the same, and `needs_sound` tells
                whether one is needed before `settings_at` can be asked.

        Raises:
            SettingsError: points that cannot be read, or a value that the setting does not take.
            UnknownNameError: a look or a setting that does not exist; the nearest is offered.
        """
        wishes = current(technique.settings, wishes)
        courses = {name: course for name, value in wishes.items() if (course := _course(technique, name, value))}
        looks = {name: _looks(name, str(wishes[name]), seconds) for name in wishes if _blends(technique, name, wishes)}
        firsts = {name: each.values[0] for name, each in (courses | looks).items()}
        first: Settings = technique.choose(**{**wishes, **firsts})
        for name, each in (courses | looks).items():
            for value in each.values:
                _check_network(first, technique.choose(**{**wishes, **firsts, name: value}), name)
        return cls(technique, wishes, envelope, courses, looks, first)

    @property
    def fixed(self) -> bool:
        """Whether nothing changes: then `settings_at` gives one and the same object."""
        return not (self.courses or self.looks)

    @property
    def needs_sound(self) -> bool:
        """Whether a setting follows the sound."""
        return any(isinstance(each, NumberOfSound) for each in self.courses.values())

    def settings_at(self, seconds: float) -> Settings:
        """The technique's settings at a time of the film, in seconds from its beginning.

        Raises:
            SettingsError: a setting follows the sound, and the timeline was made without an envelope.
        """
        if self.fixed:
            return self.first
        wishes = {**self.wishes, **{name: each.at(seconds, self.envelope) for name, each in self.courses.items()}}
        return self._blended(wishes, [*self.looks], seconds)

    def _blended(self, wishes: Values, looks: list[str], seconds: float) -> Settings:
        """The settings where each of these looks is between two."""
        if not looks:
            chosen: Settings = self.technique.choose(**wishes)
            return chosen
        name, *others = looks
        before, after, share = self.looks[name].around(seconds)
        one = self._blended({**wishes, name: before}, others, seconds)
        if not share or before == after:
            return one
        other = self._blended({**wishes, name: after}, others, seconds)
        blended: Settings = self.technique.choose(**mixed(one, other, self.technique.fields, share))
        return blended

    def to_record(self) -> ValueDict:
        """All wishes, ready for JSON: what changes as it was typed, and files by their names, without folders.

        `Timeline.of` reads them again. A network stands as it was typed.
        """
        plain = self.first.to_dict() | without_folders(self.first)
        changing = {name: self.wishes[name] for name in (*self.courses, *self.looks)}
        for name, each in self.courses.items():
            if isinstance(each, StylesOverTime):
                changing[name] = [_without_folders(word) for word in _words(self.wishes[name])]
        return {name: changing.get(name, plain.get(name, value)) for name, value in self.wishes.items()}


# Between two looks


def mixed(one: Settings, other: Settings, fields: Mapping[str, Setting], share: float) -> ValueDict:
    """Values between two settings: numbers in between, layers together; other words change half-way."""
    found = {}
    alike = not getattr(one, "guide", ()) and getattr(one, "maximise", "") != "sum"
    for name, known in fields.items():
        before, after = getattr(one, name), getattr(other, name)
        if before == after or before is None or after is None:
            found[name] = after if share >= 0.5 else before
        elif known.kind in ("int", "float"):
            number = {"int": int, "float": float}[known.kind]  # what a setting takes as 2 need not be whole
            found[name] = between(number(before), number(after), share)
        elif known.holds == "layer" and getattr(one, "channel", None) is None:
            found[name] = cross_fade(before, after, share, PULLS if alike else {})
        else:
            found[name] = after if share >= 0.5 else before
    return found


def cross_fade(before: str, after: str, share: float, pulls: Mapping[str, float]) -> str:
    """Layers with weights on the way from some to others, such that neither side pulls more than its share.

    >>> cross_fade("block6", "block8", 0.25, {"block6": 0.5})
    'block6:1.5,block8:0.25'
    """
    weights: dict[str, float] = defaultdict(float)
    for text, part in ((before, 1 - share), (after, share)):
        layers = [weigh(each) for each in text.split(",")]
        pull = math.hypot(*(weight * pulls.get(name, 1) for name, weight in layers))
        for name, weight in layers:
            weights[name] += part * weight / pull
    return ",".join(f"{name}:{weight:.4g}" for name, weight in weights.items() if weight)


def _check_network(first: Settings, settings: Settings, name: str) -> None:
    for each in ONE_NETWORK:
        one, other = (getattr(every, each, None) for every in (first, settings))
        if one != other:
            raise SettingsError(
                f"{flag(name)} changes {flag(each)} from {one} to {other}; a film is made with one network."
                f" Say which: {flag(each)} {one}"
            )


# From texts


def _course(technique: Technique, name: str, value: object) -> Course | None:
    """How a setting changes; `None` where it does not."""
    known = technique.fields.get(name)
    if known and known.kind in ("int", "float") and isinstance(value, str) and ":" in value:
        return _number(known, value)
    if known and known.holds == "weighted picture" and any(map(_is_timed, _words(value))):
        words = [(word, _is_timed(word)) for word in _words(value)]
        return StylesOverTime(tuple(_points(name, word, str, _STYLES) if timed else word for word, timed in words))
    return None


def _blends(technique: Technique, name: str, wishes: Values) -> bool:
    """Whether a wish is for several looks."""
    known, value = technique.fields.get(name), wishes[name]
    chooses = name in technique.looks or (known is not None and known.holds == "filter")
    return chooses and isinstance(value, str) and ("," in value or ":" in value)


_NUMBERS = 'it takes points SECONDS:VALUE, as "0:0, 5:1", or follows the sound, as loud:0.3..1.5 or beats:1..2'
_LOOKS = 'several are written as NAME,NAME or at points SECONDS:NAME, as "0:NAME, 8:NAME"'
_STYLES = 'over time it takes points SECONDS:PICTURE, as "0:waves.jpg, 8:night.jpg"'


def _number(known: Setting, text: str) -> Course:
    def read(word: str) -> float:
        try:
            return int(word) if known.kind == "int" else float(word)
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


def _looks(name: str, text: str, seconds: float | None) -> Points:
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


def _points(name: str, text: str, read: Callable[[str], Any], takes: str) -> Points:
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


def _words(value: Any) -> list[str]:
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


def _without_folders(word: str) -> str:
    if not _is_timed(word):
        return name_of(word)
    parts = (part.partition(":") for part in word.split(","))
    return ", ".join(f"{time.strip()}:{name_of(name.strip())}" for time, _, name in parts)
