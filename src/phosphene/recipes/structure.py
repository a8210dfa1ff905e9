"""What the methods of the recipe `style` share, and the method `gram`.

A method, as `Gram` is, is made ready for one size of the picture; its `window` says what a part of it is to become.
That aim, as `Statistics` is, `look`s for targets anew from the window as it stands, and tells its `distance` from them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene import features
from phosphene.features import hypercolumns
from phosphene.features.correspondence import Correspondence
from phosphene.features.hypercolumns import LOOKS
from phosphene.networks import Network
from phosphene.pixels.tiles import Box

AROUND = 32  # pixels by which a window goes on, mirrored, on two opposite sides: at its edge a network sees black
SHIFTS = 16  # ways to share these out: the stride of the deepest layer

Shift = tuple[int, int]
"""Pixels by which a window goes on above and to the left of itself; the rest of `AROUND` is below and to the right.

The places begin there. As it changes from search to search, no pixel is always on a place's edge.
"""


@dataclass(frozen=True)
class StyleImage:
    """A style picture."""

    pixels: Tensor  # `[1, 3, H, W]`
    weight: float = 1.0  # its share among several, which add up to 1
    correspondence: Correspondence | None = None  # of its places and the content's; `None` where only looks count


@dataclass(frozen=True)
class Window:
    """A part of the picture that is painted at a time."""

    box: Box  # what it covers; its context begins on a place's edge
    size: tuple[int, int]  # height and width of the picture

    @property
    def whole(self) -> bool:
        """Whether it is all of the picture."""
        return self.box.rows.context == slice(0, self.size[0]) and self.box.columns.context == slice(0, self.size[1])


def shift(pixels: Tensor, chance: Generator) -> Shift:
    """A shift for a window `[1, 3, h, w]`."""
    up, left = (
        min(side - 1, (AROUND - SHIFTS) // 2 + int(torch.randint(SHIFTS, (), generator=chance)))
        for side in pixels.shape[-2:]
    )
    return up, left


def surrounded(pixels: Tensor, by: Shift) -> Tensor:
    """A window `[1, 3, h, w]` that goes on around itself, mirrored; differentiable."""
    down, right = (min(side - 1, AROUND - first) for side, first in zip(pixels.shape[-2:], by, strict=True))
    return F.pad(pixels, (by[1], right, by[0], down), mode="reflect")


# What is drawn in a picture, as the likeness of its places to each other, whatever they look like

SEES = (147,)  # pixels that the compared layers see: things, and their parts
PLACES = 700  # that are compared with each other, by chance anew at each look
KEEP = 0.6  # weight of what is drawn, at strength 0.5
FIRMEST = 3.2  # its weight at the least strengths, so that the first step is no leap
LOOSEST = 0.17  # its weight at strength 1: with less, chance decides what is drawn, and no more of the style comes
LOOSENED = 0.28  # by how much more it weighs at strength 0, where it falls by the strength alone: from 0.7 on


def structure_weight(strength: float) -> float:
    """The weight of what is drawn beside that of the style, for a strength of 0..1.

    >>> [round(structure_weight(strength), 2) for strength in (0.2, 0.5, 0.8, 1.0)]
    [2.4, 0.6, 0.23, 0.17]
    """
    return min(FIRMEST, max(KEEP * (1 - strength) / max(strength, 1e-6), LOOSEST + LOOSENED * (1 - strength)))


class Structure:
    """The term for one window; whoever asks for a distance brings what the layers in `names` show."""

    def __init__(self, network: Network) -> None:
        """Knows nothing of the content until it has looked."""
        self.names = hypercolumns.layers(network, SEES)
        self.chance = Generator().manual_seed(0)
        self.places: list[Tensor] = []
        self.wanted: list[Tensor] = []

    @torch.no_grad()
    def look(self, content: features.Features) -> None:
        """Chooses places, and keeps how alike they are in the content."""
        counts = [content[name].shape[-2] * content[name].shape[-1] for name in self.names]
        self.places = [torch.randperm(count, generator=self.chance)[:PLACES] for count in counts]
        self.wanted = self._likeness(content)

    def distance(self, seen: features.Features) -> Tensor:
        """How far the places' likenesses are from the content's: a mean, 0 to 2; differentiable."""
        parts = [(now - then).abs().mean() for now, then in zip(self._likeness(seen), self.wanted, strict=True)]
        return torch.stack(parts).mean()

    def _likeness(self, seen: features.Features) -> list[Tensor]:
        return [cosines(seen[name], places) for name, places in zip(self.names, self.places, strict=True)]


def cosines(activations: Tensor, places: Tensor) -> Tensor:
    """How alike places of a layer `[1, C, h, w]` are, `[N, N]`: cosines of their features around the mean of these."""
    vectors = activations[0].flatten(1)[:, places]
    around = F.normalize(vectors - vectors.mean(1, keepdim=True), dim=0)
    return around.T @ around


# Style by Gram matrices: the statistics of a whole picture, wherever its parts come to lie

LEAST = 0.1  # of what a picture has now: statistics that are wanted count as no smaller, so that no term outweighs all
SMOOTH = 0.02  # weight of differences between neighbouring pixels


class Gram:
    """The method `gram`, ready for one size of the picture."""

    def __init__(self, network: Network, sources: Sequence[StyleImage], *, strength: float) -> None:
        """Takes the Gram matrices of the sources, which have the size that goes with the content's."""
        self.network = network
        self.names = hypercolumns.layers(network, LOOKS)
        self.keep, self.pull = structure_weight(strength), min(1.0, 2 * strength)
        self.styles = [(source.weight, self._moments(source.pixels)) for source in sources if source.weight > 0]

    def _moments(self, pixels: Tensor) -> list[Moments]:
        seen = features.of_picture(self.network, pixels, self.names)
        return [moments(seen[name]) for name in self.names]

    def window(self, content: Tensor, window: Window) -> Statistics:
        """What a window of the content is to become."""
        return Statistics(self, content)


class Statistics:
    """What one window is to become."""

    def __init__(self, method: Gram, content: Tensor) -> None:
        """Keeps the content, `[1, 3, h, w]`."""
        self.method, self.content = method, content
        self.structure = Structure(method.network)

    def look(self, pixels: Tensor, shift: Shift) -> None:
        """Looks at the content, surrounded; statistics do not change with the picture."""
        self.shift = shift
        content = surrounded(self.content, shift)
        self.structure.look(features.of_picture(self.method.network, content, self.structure.names))

    def distance(self, pixels: Tensor) -> Tensor:
        """How far `pixels` are from the styles' statistics and from what is drawn in the content, differentiable."""
        method = self.method
        seen = features.extract(
            method.network, hypercolumns.whole(surrounded(pixels, self.shift)), {*method.names, *self.structure.names}
        )
        now = [moments(seen[name]) for name in method.names]
        style = torch.stack([weight * apart(now, then) for weight, then in method.styles]).sum()
        own = (1 - method.pull) * (pixels - self.content).square().mean() * 100
        return method.pull * style + method.keep * self.structure.distance(seen) + own + SMOOTH * _roughness(pixels)


class Moments(NamedTuple):
    """The mean of a layer's channels `[C, 1]`, and their covariance, which is the Gram matrix around it, `[C, C]`."""

    mean: Tensor
    gram: Tensor


def moments(activations: Tensor, weights: Tensor | None = None) -> Moments:
    """Those of a layer `[1, C, h, w]`, per position, or with each position's weight `[1, 1, h, w]`; differentiable."""
    vectors = activations[0].flatten(1)
    if weights is None:
        mean = vectors.mean(1, keepdim=True)
        around = vectors - mean
        return Moments(mean, around @ around.T / around.shape[1])
    share = weights.flatten() / weights.sum()
    mean = (vectors * share).sum(1, keepdim=True)
    around = vectors - mean
    return Moments(mean, (around * share) @ around.T)


def apart(now: Sequence[Moments], then: Sequence[Moments]) -> Tensor:
    """How far the moments of layers are from those wanted, as a share of these: a mean over layers."""
    pairs = zip(now, then, strict=True)
    return torch.stack([_share(a.gram, b.gram) + _share(a.mean, b.mean) for a, b in pairs]).mean()


def _share(now: Tensor, wanted: Tensor) -> Tensor:
    """The squared distance as a share of what is wanted, which may be 0: the covariance of a single place."""
    least = (LEAST * now.detach()).square().sum()
    return (now - wanted).square().sum() / torch.maximum(wanted.square().sum(), least).clamp(min=1e-12)


def _roughness(pixels: Tensor) -> Tensor:
    down, right = pixels.diff(dim=-2).abs(), pixels.diff(dim=-1).abs()
    return down.mean() + right.mean()
