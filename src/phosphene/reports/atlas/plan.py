"""What an atlas shows: the layers of a network, and channels of a few of them; in which passes, and how large."""

import math
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene import features
from phosphene.features.ranking import scrambled
from phosphene.networks import Network
from phosphene.networks.network import Layer
from phosphene.recipes.settings import DreamSettings
from phosphene.reports.folder import Subject

# Which channels are active in a photograph, and not in every picture


PLACES = 0.02  # share of the positions where a channel is most active
COLLAGES = 2
_FEWEST = 3  # of those positions, at least
_SCRAPS = 1500  # of a collage, enough to cover it
_SMALLEST = 3.0  # half a scrap's width, pixels
_FLOOR = 0.3  # of the layer's median spread: a smaller one counts as this, so that no silent channel is active


@dataclass(frozen=True)
class ActiveChannel:
    """A channel that is active in a photograph."""

    channel: int  # its number
    score: float  # how far its most active places stand out, in units of its spread


def active_channels(
    network: Network, pixels: Tensor, layers: Collection[str], *, count: int, seed: int = 0
) -> dict[str, list[ActiveChannel]]:
    """The `count` channels of each layer that are most active in `pixels` `[1, 3, H, W]`, the most active first."""
    if not layers or count < 1:
        return {name: [] for name in layers}
    generator = torch.Generator().manual_seed(seed)
    collages = [collage(pixels, generator) for _ in range(COLLAGES)]
    seen = features.of_picture(network, pixels, layers)
    usual = [features.of_picture(network, each, layers) for each in collages]
    found: dict[str, list[ActiveChannel]] = {}
    taken: list[Tensor] = []
    for name in layers:
        rise = _rise(seen[name], [each[name] for each in usual])
        found[name] = _chosen(rise, count, _unlike(rise, taken))
        taken += [rise[each.channel] for each in found[name]]
    return found


def _rise(activations: Tensor, usual: list[Tensor]) -> Tensor:
    """`[C, h, w]`: how far each position is above what its channel does usually, in units of its spread."""
    others = torch.cat([_inner(each).flatten(1) for each in usual], 1)
    mean, spread = others.mean(1), others.std(1, unbiased=False)
    floor = _FLOOR * spread.median()
    unit = (spread.square() + floor.square()).sqrt().clamp(min=1e-12)
    rise: Tensor = (_inner(activations) - mean[:, None, None]) / unit[:, None, None]
    return rise


def _inner(activations: Tensor) -> Tensor:
    """`[C, h, w]` of `[1, C, h, w]`, without the outermost positions, which see the padding."""
    height, width = activations.shape[-2:]
    rows, columns = (slice(1, -1) if side > 4 else slice(None) for side in (height, width))
    return activations[0, :, rows, columns]


def _maps(rise: Tensor) -> Tensor:
    """`[C, N]` of mean 0 and length 1, whose products are correlations."""
    centred = rise.flatten(1) - rise.flatten(1).mean(1, keepdim=True)
    maps: Tensor = centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return maps


def _unlike(rise: Tensor, taken: list[Tensor]) -> Tensor:
    """`[C]`, 0..1: how little each channel answers to the same places as one that another layer has shown already.

    Squared, because other layers may well bring something else out of the same places; but what a residual network
    only passes on is the same again.
    """
    if not taken:
        return rise.new_ones(len(rise))
    size = rise.shape[-2:]
    before = [F.interpolate(each[None, None], size=size, mode="bilinear", antialias=True)[0] for each in taken]
    unlike: Tensor = 1 - (_maps(rise) @ _maps(torch.cat(before)).T).clamp(0, 1).amax(1).square()
    return unlike


def _chosen(rise: Tensor, count: int, unlike: Tensor) -> list[ActiveChannel]:
    """The most active channels, each discounted by how much it is like those before it."""
    places = rise.flatten(1)
    few = min(places.shape[1], max(_FEWEST, math.ceil(PLACES * places.shape[1])))
    scores = places.topk(few, dim=1).values.mean(1) - places.median(1).values
    maps = _maps(rise)
    found: list[ActiveChannel] = []
    for _ in range(min(count, len(rise))):
        wanted = scores * unlike
        wanted[[each.channel for each in found]] = -math.inf
        best = int(wanted.argmax())
        found.append(ActiveChannel(best, round(float(scores[best]), 1)))
        unlike = torch.minimum(unlike, 1 - (maps @ maps[best]).clamp(0, 1))
    return found


def collage(pixels: Tensor, generator: Generator) -> Tensor:
    """A picture `[1, 3, H, W]` of scraps in the colours and textures of `pixels`, and without its shapes."""
    noise = scrambled(pixels, generator)
    height, width = pixels.shape[-2:]
    palette = pixels.flatten(2)[0].T
    texture = noise - noise.mean((2, 3), keepdim=True)
    picture = noise.clone()
    largest = max(height, width) / 4
    for size, angle, stretch, top, left, corner, colour in torch.rand(
        _SCRAPS, 7, generator=generator, dtype=torch.float32
    ).tolist():
        # Areas as objects have them: as many of any size as are half of it, each cover alike.
        half = _SMALLEST / math.sqrt(1 - size * (1 - (_SMALLEST / largest) ** 2))
        scrap = _scrap(half, angle * math.pi, 1 + stretch, round_=corner < 0.5)
        _paste_(picture, texture, scrap, int(top * height), int(left * width), palette[int(colour * len(palette))])
    return picture.clamp(0, 1)


def _scrap(half: float, angle: float, stretch: float, *, round_: bool) -> Tensor:
    """A mask `[n, n]` of an ellipse or a box, turned."""
    reach = math.ceil(half * 1.5)
    down, right = torch.meshgrid(*[torch.arange(-reach, reach + 1.0, dtype=torch.float32)] * 2, indexing="ij")
    along = (down * math.sin(angle) + right * math.cos(angle)).abs() * stretch**0.5 / half
    across = (right * math.sin(angle) - down * math.cos(angle)).abs() / stretch**0.5 / half
    return along.square() + across.square() < 1 if round_ else torch.maximum(along, across) < 0.85


def _paste_(picture: Tensor, texture: Tensor, scrap: Tensor, top: int, left: int, colour: Tensor) -> None:
    """Lays a scrap with its middle at a place; what hangs over the edge is cut off."""
    height, width = picture.shape[-2:]
    reach = scrap.shape[0] // 2
    rows = slice(max(0, top - reach), min(height, top + reach + 1))
    columns = slice(max(0, left - reach), min(width, left + reach + 1))
    mask = scrap[rows.start - top + reach : rows.stop - top + reach, columns.start - left + reach :]
    mask = mask[:, : columns.stop - columns.start]
    cut = colour[:, None, None] + texture[0, :, rows, columns]
    picture[0, :, rows, columns] = torch.where(mask, cut, picture[0, :, rows, columns])


Thing = TypeVar("Thing")

AREA, LARGEST = 640 * 427, 768  # pixels of a finished picture of a layer, and of its long side, unless told otherwise
CHANNELS = 6  # of each layer that shows channels
FIELDS = (
    "model", "weights", "maximise", "octaves", "octave_scale", "steps", "step_size", "decay", "strength", "jitter",
    "normalise", "colour", "chroma", "clip", "tile", "overlap", "memory", "seed", "dtype",
)  # fmt: skip
"""Settings that an atlas may have: all but those that say what is dreamt, and where."""

_SKETCH_SIDE, _SKETCH_OCTAVES, _SKETCH_STEPS = 256, 3, 7
_CHANNEL_SIDE = 0.75  # of a layer's side: there are more of them
_MOST_LAYERS = 16  # of a network whose layers nobody has described
_CHANNEL_LAYERS = 7


@dataclass(frozen=True)
class Entry:
    """One picture of an atlas."""

    layer: str  # what is dreamt
    channel: int | None  # only this one of its channels, or all
    shows: str  # what the layer tends to bring out
    file: str  # the picture's name
    score: float | None  # of the channel, in the photograph
    depth: float  # the layer's place in the network, 0 to 1

    @property
    def name(self) -> str:
        """As people say it."""
        return self.layer if self.channel is None else f"{self.layer}, channel {self.channel}"


Stage = Literal["", "sketch", "picture"]


@dataclass(frozen=True)
class Pass:
    """A time through all entries."""

    name: Stage  # `sketch` or `picture`
    settings: DreamSettings  # of every dream, but for its layer and channel
    layer_side: int  # long side of the layers' pictures, pixels
    channel_side: int  # of the channels'

    def side(self, entry: Entry) -> int:
        """The long side of an entry's picture."""
        return self.layer_side if entry.channel is None else self.channel_side

    def of(self, entry: Entry) -> DreamSettings:
        """The settings of an entry's dream."""
        return replace(self.settings, layer=entry.layer, channel=entry.channel)

    def work(self, entry: Entry) -> float:
        """How long it takes, in a unit of its own: steps of so many pixels, of which deep layers cost more."""
        return self.side(entry) ** 2 * self.settings.steps * (0.3 + entry.depth)


def in_full(settings: DreamSettings, subject: Subject, side: int) -> DreamSettings:
    """The settings that dream the subject at its full size, as it was dreamt at a long side of `side` pixels.

    It begins with that dream, so that what is large in the one is large in the other.
    """
    return replace(settings, base_size=min(side, max(subject.width, subject.height)))


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


def entries(network: Network, active: Mapping[str, Sequence[ActiveChannel]]) -> tuple[Entry, ...]:
    """The layers from shallow to deep, then the active channels of each."""
    rows = list(enumerate(main_layers(network)))
    last = max(1, len(rows) - 1)

    def entry(number: int, layer: Layer, found: ActiveChannel | None) -> Entry:
        stem = f"{number:02}-{re.sub(r'[^A-Za-z0-9_-]+', '-', layer.name)}"
        shown = (None, None) if found is None else (found.channel, found.score)
        file = f"{stem}.jpg" if found is None else f"{stem}-{found.channel}.jpg"
        return Entry(layer.name, shown[0], layer.shows, file, shown[1], number / last)

    layers = [entry(number, layer, None) for number, layer in rows]
    channels = [entry(number, layer, found) for number, layer in rows for found in active.get(layer.name, ())]
    return (*layers, *channels)
