"""Settings that change over a film's time: numbers from point to point or with the sound, looks that blend.

A number is written as points of time, "0:0, 5:1, 12:0.3", or as what follows the sound, "loud:0.3..1.5" or
"beats:1..2". Looks are written one after the other, "coils,reef", or at points of time, "0:coils, 8:reef", and so are
filters and styles, styles always with their times. From point to point a change is eased: it begins and ends slowly.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from phosphene.errors import SettingsError
from phosphene.films.curves import (
    Curve,
    NumberOfSound,
    Points,
    StylesOverTime,
    between,
    curve,
    style_without_folders,
    words,
)
from phosphene.films.curves import looks as looks_of
from phosphene.films.sound import Envelope
from phosphene.objectives import weigh
from phosphene.recipes.fields import Setting, Settings, ValueDict, Values, current, flag
from phosphene.techniques import Technique
from phosphene.techniques.engine import without_folders

ONE_NETWORK = ("model", "weights", "dtype")  # they say which network is loaded, and a film has one

PULLS = {
    "block1": 2.1, "block3": 1.2, "block4": 1.7, "block5": 0.7, "block6": 0.7, "block8": 1.0, "block9": 0.8,
    "block10": 1.1, "block11": 0.6, "block12": 0.9, "block13": 1.1,
}  # fmt: skip
"""How strongly a layer of the default network pulls in a sum of two, where `block8` pulls with 1, as unknown ones do.

They are the layers of the presets; measured by benchmarks/film_pulls.py.
"""


@dataclass(frozen=True)
class Timeline:
    """The settings of a technique over a film's time; made by `Timeline.of`."""

    technique: Technique
    requested: Values  # as they were typed
    envelope: Envelope | None
    curves: Mapping[str, Curve]  # of the settings that change, by name
    looks: Mapping[str, Points]  # what is requested of several settings at once and changes, by name
    tried: tuple[Settings, ...]  # the first value of everything, then each other value: for `Engine.check`

    @classmethod
    def of(
        cls, technique: Technique, requested: Values, *, seconds: float | None = None, envelope: Envelope | None = None
    ) -> Timeline:
        """The settings requested, with every value tried; names of layers only a network can check.

        Args:
            technique: whose settings they are.
            requested: settings and looks by name; those that change are texts.
            seconds: how long the film is, where that is known: looks without times are spread over it.
            envelope: of the film's sound. Without it everything is checked all the same, and `needs_sound` tells
                whether one is needed before `settings_at` can be asked.

        Raises:
            SettingsError: points that cannot be read, or a value that the setting does not take.
            UnknownNameError: a look or a setting that does not exist; the nearest is offered.
        """
        requested = current(technique.settings, requested)
        known = technique.fields
        told = {name: curve(known[name], value) for name, value in requested.items() if name in known}
        curves = {name: each for name, each in told.items() if each}
        several = [name for name, value in requested.items() if _is_several(technique, name, value)]
        looks = {name: looks_of(name, requested[name], seconds) for name in several}
        firsts = {name: each.values[0] for name, each in (curves | looks).items()}
        tried: list[Settings] = [technique.choose(**{**requested, **firsts})]
        for name, each in (curves | looks).items():
            for value in each.values[1:]:
                tried.append(technique.choose(**{**requested, **firsts, name: value}))
                _check_network(tried[0], tried[-1], name)
        return cls(technique, requested, envelope, curves, looks, tuple(tried))

    @property
    def fixed(self) -> bool:
        """Whether nothing changes: then `settings_at` gives one and the same object."""
        return not (self.curves or self.looks)

    @property
    def needs_sound(self) -> bool:
        """Whether a setting follows the sound."""
        return any(isinstance(each, NumberOfSound) for each in self.curves.values())

    def settings_at(self, seconds: float) -> Settings:
        """The technique's settings at a time of the film, in seconds from its beginning.

        Raises:
            SettingsError: a setting follows the sound, and the timeline was made without an envelope.
        """
        if self.fixed:
            return self.tried[0]
        requested = {**self.requested, **{name: each.at(seconds, self.envelope) for name, each in self.curves.items()}}
        return self._blended(requested, [*self.looks], seconds)

    def _blended(self, requested: Values, looks: list[str], seconds: float) -> Settings:
        """The settings where each of these looks is between two."""
        if not looks:
            chosen: Settings = self.technique.choose(**requested)
            return chosen
        name, *others = looks
        before, after, share = self.looks[name].around(seconds)
        one = self._blended({**requested, name: before}, others, seconds)
        if not share or before == after:
            return one
        other = self._blended({**requested, name: after}, others, seconds)
        blended: Settings = self.technique.choose(**mixed(one, other, self.technique.fields, share))
        return blended

    def to_record(self) -> ValueDict:
        """What is requested, ready for JSON: what changes as it was typed, and files by their names, without folders.

        `Timeline.of` reads them again. A network stands as it was typed.
        """
        plain = self.tried[0].to_dict() | without_folders(self.tried[0])
        changing = {name: self.requested[name] for name in (*self.curves, *self.looks)}
        for name, each in self.curves.items():
            if isinstance(each, StylesOverTime):
                changing[name] = [style_without_folders(word) for word in words(self.requested[name])]
        return {name: changing.get(name, plain.get(name, value)) for name, value in self.requested.items()}


# Between two looks


def mixed(one: Settings, other: Settings, fields: Mapping[str, Setting], share: float) -> ValueDict:
    """Values between two settings: numbers in between, layers together; other words change half-way."""
    found = {}
    alike = not getattr(one, "guide", ()) and getattr(one, "maximise", "") != "sum"
    for name, known in fields.items():
        before, after = getattr(one, name), getattr(other, name)
        if before == after or before is None or after is None:
            found[name] = after if share >= 0.5 else before
        elif known.kind in ("int", "float") and known.holds != "channel":
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


def _is_several(technique: Technique, name: str, value: object) -> bool:
    """Whether several looks are requested."""
    known = technique.fields.get(name)
    chooses = name in technique.looks or (known is not None and known.holds == "filter")
    return chooses and isinstance(value, str) and ("," in value or ":" in value)
