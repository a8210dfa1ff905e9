"""Style by Gram matrices: the statistics of a whole picture, wherever its parts come to lie.

After Gatys, Ecker and Bethge, "Image Style Transfer Using Convolutional Neural Networks" (2016), with features taken
around their mean, so that a layer's common brightness does not outweigh its patterns (Novak and Nikulin 2016, who
shift them likewise).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from phosphene import features, hypercolumns
from phosphene.hypercolumns import LOOKS
from phosphene.networks import Network
from phosphene.recipes.painter import Shift, Source, Window, surrounded

CONTENT = (147,)  # what the layer sees that keeps the content
KEEP = 0.1  # weight of the content at strength 0.5
SMOOTH = 0.02  # weight of differences between neighbouring pixels


class Gram:
    """The method `gram`: a `Method` for one size of the picture."""

    def __init__(self, network: Network, sources: Sequence[Source], *, strength: float) -> None:
        """Takes the Gram matrices of the sources, which have the size that goes with the content's."""
        self.network = network
        self.names = hypercolumns.layers(network, LOOKS)
        (self.kept,) = hypercolumns.layers(network, CONTENT)
        self.keep, self.pull = KEEP * (1 - strength) / max(strength, 1e-6), min(1.0, 2 * strength)
        self.styles = [(source.weight, self._matrices(source.pixels)) for source in sources if source.weight > 0]

    def _matrices(self, pixels: Tensor) -> list[tuple[Tensor, Tensor]]:
        seen = features.of_picture(self.network, pixels, self.names)
        return [_statistics(seen[name]) for name in self.names]

    def window(self, content: Tensor, window: Window) -> Statistics:
        """What a window of the content is to become."""
        return Statistics(self, content)


class Statistics:
    """What one window is to become; an `Aim`."""

    def __init__(self, method: Gram, content: Tensor) -> None:
        """Keeps the content, `[1, 3, h, w]`."""
        self.method, self.content = method, content

    def look(self, pixels: Tensor, shift: Shift) -> None:
        """Looks at the content, surrounded; statistics do not change with the picture."""
        method, self.shift = self.method, shift
        content = surrounded(self.content, shift)
        self.once = features.of_picture(method.network, content, {method.kept})[method.kept]
        self.size = self.once.square().mean().clamp(min=1e-12)

    def distance(self, pixels: Tensor) -> Tensor:
        """How far `pixels` are from the styles' statistics and the content's features, differentiable."""
        method = self.method
        seen = features.extract(
            method.network, hypercolumns.whole(surrounded(pixels, self.shift)), {*method.names, method.kept}
        )
        now = [_statistics(seen[name]) for name in method.names]
        style = torch.stack([weight * _apart(now, then) for weight, then in method.styles]).sum()
        content = (seen[method.kept] - self.once).square().mean() / self.size
        own = (1 - method.pull) * (pixels - self.content).square().mean() * 100
        return method.pull * style + method.keep * content + own + SMOOTH * _roughness(pixels)


def _statistics(activations: Tensor) -> tuple[Tensor, Tensor]:
    """The mean of a layer's channels and their products around it, per position."""
    vectors = activations[0].flatten(1)
    mean = vectors.mean(1, keepdim=True)
    around = vectors - mean
    return mean, around @ around.T / around.shape[1]


def _apart(now: list[tuple[Tensor, Tensor]], then: list[tuple[Tensor, Tensor]]) -> Tensor:
    parts = [
        (gram - wanted).square().sum() / wanted.square().sum().clamp(min=1e-12)
        + (mean - centre).square().sum() / centre.square().sum().clamp(min=1e-12)
        for (mean, gram), (centre, wanted) in zip(now, then, strict=True)
    ]
    return torch.stack(parts).mean()


def _roughness(pixels: Tensor) -> Tensor:
    down, right = pixels.diff(dim=-2).abs(), pixels.diff(dim=-1).abs()
    return down.mean() + right.mean()
