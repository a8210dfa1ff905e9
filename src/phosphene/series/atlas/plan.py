"""What an atlas shows: the layers of a network, and channels of a few of them; in which passes, and how large."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from phosphene.networks import Network
from phosphene.networks.network import Layer
from phosphene.recipes.settings import DreamSettings
from phosphene.series.atlas.alive import Living

Thing = TypeVar("Thing")

AREA, LARGEST = 640 * 427, 768  # pixels of a finished picture of a layer, and of its long side, unless told otherwise
CHANNELS = 6  # of each layer that shows channels
FIELDS = (
    "model", "weights", "maximise", "octaves", "octave_scale", "steps", "step_size", "decay", "strength", "jitter",
    "normalise", "colour", "clip", "tile", "overlap", "memory", "seed", "dtype",
)  # fmt: skip
"""Settings that an atlas may have: all but those that say what is dreamt, and where."""

_SKETCH_SIDE, _SKETCH_OCTAVES, _SKETCH_STEPS = 256, 3, 7
_CHANNEL_SIDE = 0.75  # of a layer's side: there are more of them
_MOST_LAYERS = 16  # of a network whose layers nobody has described
_CHANNEL_LAYERS = 7


@dataclass(frozen=True)
class Entry:
    """One picture of an atlas.

    Attributes:
        layer: what is dreamt.
        channel: only this one of its channels, or all.
        shows: what the layer tends to bring out.
        file: the picture's name.
        liveliness: of the channel, in the photograph.
        depth: the layer's place in the network, 0 to 1.
    """

    layer: str
    channel: int | None
    shows: str
    file: str
    liveliness: float | None
    depth: float

    @property
    def name(self) -> str:
        """As people say it."""
        return self.layer if self.channel is None else f"{self.layer}, channel {self.channel}"


@dataclass(frozen=True)
class Pass:
    """A time through all entries.

    Attributes:
        name: `sketch` or `picture`.
        settings: of every dream, but for its layer and channel.
        layer_side: long side of the layers' pictures, pixels.
        channel_side: of the channels'.
    """

    name: str
    settings: DreamSettings
    layer_side: int
    channel_side: int

    def side(self, entry: Entry) -> int:
        """The long side of an entry's picture."""
        return self.layer_side if entry.channel is None else self.channel_side

    def of(self, entry: Entry) -> DreamSettings:
        """The settings of an entry's dream."""
        return replace(self.settings, layer=entry.layer, channel=entry.channel)

    def work(self, entry: Entry) -> float:
        """How long it takes, in a unit of its own: steps of so many pixels, of which deep layers cost more."""
        return self.side(entry) ** 2 * self.settings.steps * (0.3 + entry.depth)


def usual_side(width: int, height: int) -> int:
    """The long side of the finished pictures: an atlas takes as long for a square as for a wide picture.

    >>> usual_side(6000, 4000), usual_side(1000, 1000)
    (640, 522)
    """
    longer, shorter = max(width, height), min(width, height)
    return min(LARGEST, int(math.sqrt(AREA * longer / shorter)))


def passes(settings: DreamSettings, long_side: int) -> tuple[Pass, Pass]:
    """The sketches, and the finished pictures."""
    small = min(_SKETCH_SIDE, long_side)
    quick = replace(settings, octaves=min(settings.octaves, _SKETCH_OCTAVES), steps=min(settings.steps, _SKETCH_STEPS))
    channel_side = max(small, round(long_side * _CHANNEL_SIDE))
    return Pass("sketch", quick, small, small), Pass("picture", settings, long_side, channel_side)


def main_layers(network: Network) -> list[Layer]:
    """The layers that somebody has described, or else an even selection."""
    known = list(network.layers.values())
    described = [layer for layer in known if layer.shows]
    return described or _evenly(known, _MOST_LAYERS)


def channel_layers(network: Network) -> list[str]:
    """Layers, spread evenly, whose channels are shown.

    The first ones know colours and edges only. Of the last one a channel alone hardly changes a picture.
    """
    names = [layer.name for layer in main_layers(network)]
    return _evenly(names[len(names) // 6 + 1 : -1] or names[-1:], _CHANNEL_LAYERS)


def _evenly(things: Sequence[Thing], most: int) -> list[Thing]:
    """At most so many, with the first and the last."""
    if len(things) <= most:
        return list(things)
    return [things[round(index * (len(things) - 1) / (most - 1))] for index in range(most)]


def entries(network: Network, living: Mapping[str, Sequence[Living]]) -> tuple[Entry, ...]:
    """The layers from shallow to deep, then the living channels of each."""
    rows = list(enumerate(main_layers(network)))
    last = max(1, len(rows) - 1)

    def entry(number: int, layer: Layer, alive: Living | None) -> Entry:
        stem = f"{number:02}-{re.sub(r'[^A-Za-z0-9_-]+', '-', layer.name)}"
        shown = (None, None) if alive is None else (alive.channel, alive.liveliness)
        file = f"{stem}.jpg" if alive is None else f"{stem}-{alive.channel}.jpg"
        return Entry(layer.name, shown[0], layer.shows, file, shown[1], number / last)

    layers = [entry(number, layer, None) for number, layer in rows]
    channels = [entry(number, layer, alive) for number, layer in rows for alive in living.get(layer.name, ())]
    return (*layers, *channels)
