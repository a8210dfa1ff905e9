"""Objectives: sums of weighted terms that add, scale, and print themselves."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from torch import Tensor

from phosphene import images
from phosphene.errors import UnknownNameError
from phosphene.networks import Network


class Place(NamedTuple):
    """Where activations stand: `top` and `left` in pixels, in a picture of `height` and `width`."""

    top: int
    left: int
    height: int
    width: int


Measure = Callable[[Tensor, Place | None], Tensor]
"""Activations `[1, C, h, w]`, and where they stand (or `None`: they are all there is), to values `[h, w]`."""

Open = Callable[[images.Source], Tensor]
"""A picture's name, or itself, to pixels `[1, 3, H, W]`."""


@dataclass(frozen=True)
class Term:
    """A weighted value at each position of one layer."""

    weight: float  # a factor; below 0 it makes a penalty
    layer: str  # whose activations are measured; empty until it is prepared, where the network decides
    text: str  # how it is written
    measure: Measure | None = None  # gives the values; `None` until it is prepared
    channel: int | None = None  # the layer must have it
    pictures: tuple[images.Source, ...] = ()  # what it looks at beside the picture that dreams
    # Gives the term that can be measured, or fitted, where that takes a network or pictures.
    prepare: Prepare | None = None
    fit: Callable[[Term, int, int], Term] | None = None  # the term measured in a dream of such a height and width

    def __str__(self) -> str:
        return self.text if self.weight == 1 else f"{self.weight!r}*{self.text}".replace(".0*", "*")


Prepare = Callable[[Term, Network, Open], Term]
"""A term, and what it is prepared with, to the term that can be measured."""


@dataclass(frozen=True)
class Objective:
    """A sum of terms, each a sum over positions: that is why its gradient can be computed tile by tile.

    >>> from phosphene.objectives import channel, layer
    >>> print(0.5 * layer("block5") - 2 * channel("block8", 37))
    0.5*layer(block5) - 2*channel(block8, 37)
    """

    terms: tuple[Term, ...]

    @property
    def layers(self) -> frozenset[str]:
        """The layers whose activations it reads."""
        return frozenset(term.layer for term in self.terms)

    @property
    def pictures(self) -> tuple[images.Source, ...]:
        """What it looks at beside the picture that dreams."""
        return tuple(picture for term in self.terms for picture in term.pictures)

    def prepare(self, network: Network, open: Open | None = None) -> Objective:
        """The same objective ready for a network: names are checked, pictures looked at.

        Raises:
            UnknownNameError: a layer, channel or class that is not there.
            ImageError: a picture that cannot be read.
        """
        opener = open or (lambda source: images.load(source, dtype=network.dtype).pixels)
        return Objective(tuple(_prepared(term, network, opener) for term in self.terms))

    def fit(self, height: int, width: int) -> Objective:
        """The prepared objective for a picture of that size: guides are seen at a size that goes with it."""
        return Objective(tuple(term.fit(term, height, width) if term.fit else term for term in self.terms))

    def values(self, features: Mapping[str, Tensor], place: Place | None = None) -> list[tuple[str, Tensor]]:
        """Each term's layer, and its weighted values `[h, w]`, whose sum the ascent makes larger."""
        return [(term.layer, term.weight * _measured(term, features[term.layer], place)) for term in self.terms]

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """The score of the features of a whole picture, a scalar."""
        sums = [values.sum() for _, values in self.values(features)]
        return sum(sums[1:], start=sums[0])

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms)

    def __mul__(self, factor: float) -> Objective:
        return Objective(tuple(replace(term, weight=factor * term.weight) for term in self.terms))

    __rmul__ = __mul__

    def __truediv__(self, divisor: float) -> Objective:
        return self * (1 / divisor)

    def __neg__(self) -> Objective:
        return self * -1

    def __sub__(self, other: Objective) -> Objective:
        return self + -other

    def __str__(self) -> str:
        first, *others = self.terms
        signed = (f" - {replace(each, weight=-each.weight)}" if each.weight < 0 else f" + {each}" for each in others)
        return str(first) + "".join(signed)


def total(objectives: Sequence[Objective]) -> Objective:
    """The sum of several."""
    return Objective(tuple(term for each in objectives for term in each.terms))


def _measured(term: Term, activations: Tensor, place: Place | None) -> Tensor:
    if term.measure is None:
        raise TypeError(f"{term.text} must be prepared for a network first: objective.prepare(network)")
    return term.measure(activations, place)


def _prepared(term: Term, network: Network, open: Open) -> Term:
    if term.prepare is not None:
        term = term.prepare(term, network, open)
    channels = network.layer(term.layer).channels
    if term.channel is not None and not 0 <= term.channel < channels:
        raise UnknownNameError(
            f"Layer {term.layer!r} has the channels 0 to {channels - 1}; there is no channel {term.channel}."
            f" See its row in: phosphene layers {network.name}"
        )
    return term
