"""What the essay's experiments are made on: photographs that come with packages, and two networks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import skimage
import sklearn
import torch
from torch import Tensor

from phosphene import images, networks
from phosphene.ascent import AscentTerm, StepRule, climb_, gradient
from phosphene.ascent.gradient import Shift, Tiling
from phosphene.networks import Network
from phosphene.objectives import layer

WHOLE = Tiling(10**6, 0)  # one tile
SKLEARN, SKIMAGE = (Path(package.__file__).parent for package in (sklearn, skimage))
PHOTOGRAPHS = {
    "china": SKLEARN / "datasets/images/china.jpg",
    "flower": SKLEARN / "datasets/images/flower.jpg",
    "coffee": SKIMAGE / "data/coffee.png",
    "astronaut": SKIMAGE / "data/astronaut.png",
}


@dataclass(frozen=True)
class Subject:
    """A network and a layer of it.

    Attributes:
        name: as the figures call it.
        network: whose gradient is looked at.
        layer: what is brought out.
    """

    name: str
    network: Network
    layer: str

    @property
    def stride(self) -> int:
        return self.network.layer(self.layer).stride

    @property
    def field(self) -> int:
        """The receptive field's side, in pixels."""
        return self.network.layer(self.layer).receptive_field

    def gradient(self, pixels: Tensor, tiling: Tiling = WHOLE, *, shift: Shift = (0, 0)) -> Tensor:
        """∂(½ Σ activation²)/∂pixels, `[1, 3, H, W]`."""
        return gradient.compute(pixels, self.network, layer(self.layer), tiling, shift=shift)[0]

    def climb_(self, pixels: Tensor, rule: StepRule, shifts: Sequence[Shift]) -> Tensor:
        """Takes `pixels` uphill in place, a step for each shift, in one tile."""

        def at(x: Tensor, /, *, mask: Tensor | None, shift: Shift) -> tuple[Tensor, float]:
            return self.gradient(x, shift=shift), 0.0

        return climb_(pixels, [AscentTerm(at)], rule=rule, shifts=shifts, on_step=lambda *_: None)


def google(*, jitter: int = 32, normalise: str = "mean") -> StepRule:
    """The step rule of Google's notebook, or with other shifts or another normalisation."""
    return StepRule(step_size=1.5, jitter=jitter, normalise=normalise, colour=1.0, clip="hard")


def subjects(googlenet: str | None) -> list[Subject]:
    """The layers of the default network, and of Google's where its weights are at hand."""
    ours = networks.load("efficientnet-lite0")
    found = [
        Subject("EfficientNet-Lite0 block5", ours, "block5"),
        Subject("EfficientNet-Lite0 block11", ours, "block11"),
    ]
    if googlenet is None:
        return found
    theirs = networks.load(googlenet)
    return [
        *found,
        Subject("GoogLeNet 3b", theirs, "inception_3b/output"),
        Subject("GoogLeNet 4c", theirs, "inception_4c/output"),
    ]


@cache
def photograph(name: str, side: int = 384, *, width: int | None = None) -> Tensor:
    """The middle of a photograph, `[1, 3, side, width]`, at its own size: strides meet it as it is."""
    pixels = images.load(PHOTOGRAPHS[name]).pixels
    height, wide = (min(given, asked) for given, asked in zip(pixels.shape[-2:], (side, width or side), strict=True))
    top, left = (pixels.shape[-2] - height) // 2, (pixels.shape[-1] - wide) // 2
    return pixels[..., top : top + height, left : left + wide].contiguous()


def seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)
