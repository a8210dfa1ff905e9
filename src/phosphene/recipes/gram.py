"""Style by Gram matrices: the statistics of a whole picture, wherever its parts come to lie.

After Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (2016), with features taken
around their mean, so that a layer's common brightness does not outweigh its patterns (Novak and Nikulin 2016, who
shift them likewise). What is drawn is kept by its self-similarity, in place of the features themselves.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from phosphene import features
from phosphene.features import hypercolumns
from phosphene.features.hypercolumns import LOOKS
from phosphene.networks import Network
from phosphene.recipes.painter import Shift, Source, Window, surrounded
from phosphene.recipes.structure import Structure, structure_weight

SMOOTH = 0.02  # weight of differences between neighbouring pixels


class Gram:
    """The method `gram`: a `Method` for one size of the picture."""

    def __init__(self, network: Network, sources: Sequence[Source], *, strength: float) -> None:
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
    """What one window is to become; an `Aim`."""

    def __init__(self, method: Gram, content: Tensor) -> None:
        """Keeps the content, `[1, 3, h, w]`."""
        self.method, self.content = method, content
        self.structure = Structure(method.network)

    def look(self, pixels: Tensor, shift: Shift) -> None:
        """Looks at the content, surrounded; statistics do not change with the picture."""
        self.shift = shift
        content = hypercolumns.whole(surrounded(self.content, shift))
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
    parts = [
        (gram - wanted).square().sum() / wanted.square().sum().clamp(min=1e-12)
        + (mean - centre).square().sum() / centre.square().sum().clamp(min=1e-12)
        for (mean, gram), (centre, wanted) in zip(now, then, strict=True)
    ]
    return torch.stack(parts).mean()


def _roughness(pixels: Tensor) -> Tensor:
    down, right = pixels.diff(dim=-2).abs(), pixels.diff(dim=-1).abs()
    return down.mean() + right.mean()
