"""What a dream maximises: objectives that add, scale, and print themselves.

>>> print(0.5 * layer("block5") + channel("block8", 37))
0.5*layer(block5) + channel(block8, 37)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import Tensor

from phosphene.errors import SettingsError, UnknownNameError
from phosphene.networks import Network

Measure = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Term:
    """A weighted measure of one layer's activations."""

    weight: float
    layer: str
    measure: Measure
    text: str
    channel: int | None = None

    def __str__(self) -> str:
        return self.text if self.weight == 1 else f"{self.weight:g}*{self.text}"


@dataclass(frozen=True)
class Objective:
    """A sum of terms, each a sum over positions: that is why its gradient can be computed tile by tile."""

    terms: tuple[Term, ...]

    @property
    def layers(self) -> frozenset[str]:
        """The layers whose activations it reads."""
        return frozenset(term.layer for term in self.terms)

    def __call__(self, features: Mapping[str, Tensor]) -> Tensor:
        """The score of `features`, a scalar: what the ascent makes larger."""
        scores = [term.weight * term.measure(features[term.layer]) for term in self.terms]
        return sum(scores[1:], start=scores[0])

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.terms + other.terms)

    def __mul__(self, factor: float) -> Objective:
        scaled = (Term(factor * t.weight, t.layer, t.measure, t.text, t.channel) for t in self.terms)
        return Objective(tuple(scaled))

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return self * -1

    def __sub__(self, other: Objective) -> Objective:
        return self + -other

    def __str__(self) -> str:
        return " + ".join(map(str, self.terms)).replace("+ -", "- ")

    def check(self, network: Network) -> None:
        """Compares layers and channels with what the network has.

        Raises:
            UnknownNameError: a layer or a channel that is not there.
        """
        for term in self.terms:
            channels = network.layer(term.layer).channels
            if term.channel is not None and not 0 <= term.channel < channels:
                raise UnknownNameError(
                    f"Layer {term.layer!r} has the channels 0 to {channels - 1}; there is no channel {term.channel}."
                    f" See its row in: phosphene layers {network.name}"
                )


def layer(name: str, *, maximise: str = "squares") -> Objective:
    """All of a layer: ½ Σ activation² (`squares`, as Google's notebook does), or Σ activation (`sum`)."""
    if maximise == "sum":
        return Objective((Term(1, name, _sum, f"sum({name})"),))
    return Objective((Term(1, name, _half_sum_of_squares, f"layer({name})"),))


def channel(name: str, index: int) -> Objective:
    """One channel of a layer: Σ activation over its positions."""
    return Objective((Term(1, name, lambda a: a[:, index].sum(), f"channel({name}, {index})", index),))


def parse(text: str, index: int | None = None, maximise: str = "squares") -> Objective:
    """The objective that flags describe: layers with weights, `block5:0.5,block8`, and perhaps one channel.

    Raises:
        SettingsError: a weight that is no number, or a channel asked of several layers.

    >>> print(parse("block5:0.5,block8"))
    0.5*layer(block5) + layer(block8)
    """
    weighted = [_weighted(part) for part in text.split(",")]
    if index is not None and len(weighted) > 1:
        raise SettingsError(f"--channel {index} is of one layer, but --layer names {len(weighted)}: {text}. Name one.")
    single = [
        weight * (layer(name, maximise=maximise) if index is None else channel(name, index))
        for name, weight in weighted
    ]
    return sum(single[1:], start=single[0])


def _weighted(part: str) -> tuple[str, float]:
    name, _, weight = part.strip().partition(":")
    try:
        number = float(weight or 1)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number == 0:
        raise SettingsError(f"The weight of layer {name!r} is {weight!r}; it takes a number but 0, as {name}:0.5.")
    return name, number


def _half_sum_of_squares(activations: Tensor) -> Tensor:
    return activations.square().sum() / 2


def _sum(activations: Tensor) -> Tensor:
    return activations.sum()
