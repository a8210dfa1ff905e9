"""The reference: torch walks the network forward, and its autograd walks it back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from phosphene import features
from phosphene.networks import Network
from phosphene.objectives import Objective, Place

Values = list[tuple[str, Tensor]]
"""Each term's layer, and its weighted values `[h, w]`."""


class Backend(Protocol):
    """Computes the gradient of one network and one objective, for tiles of any size."""

    @property
    def name(self) -> str:
        """As `--backend` knows it."""

    def __call__(self, pixels: Tensor, place: Place, /) -> tuple[Tensor, Values]:
        """∂objective/∂pixels for a tile's `pixels` `[1, 3, h, w]` that stand at `place`, and each term's values.

        Both hold until the next call, which may compute in the same memory.
        """


@dataclass(frozen=True)
class Torch:
    """The backend that can compute everything, in any precision."""

    network: Network
    objective: Objective
    name = "torch"

    def __call__(self, pixels: Tensor, place: Place) -> tuple[Tensor, Values]:
        """As `Backend` says."""
        leaf = pixels.detach().requires_grad_()
        values = self.objective.values(features.extract(self.network, leaf, self.objective.layers), place)
        (g,) = torch.autograd.grad([each.sum() for _, each in values], leaf)
        return g, [(layer, each.detach()) for layer, each in values]
