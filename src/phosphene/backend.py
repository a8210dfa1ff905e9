"""What computes a tile's gradient: torch, on the processor or on a graphics card."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Protocol

import torch
from torch import Tensor

from phosphene import features
from phosphene.errors import SettingsError
from phosphene.networks import Network
from phosphene.networks.devices import CPU, device_for, walk_on
from phosphene.objectives import Objective, Place

Values = list[tuple[str, Tensor]]
"""Each term's layer, and its weighted values `[h, w]`."""


class Backend(Protocol):
    """Computes the gradient of one network and one objective, for tiles of any size."""

    def __call__(self, pixels: Tensor, place: Place, /) -> tuple[Tensor, Values]:
        """∂objective/∂pixels for a tile's `pixels` `[1, 3, h, w]` that stand at `place`, and each term's values."""


@dataclass(frozen=True)
class Torch:
    """Walks the network forward on the processor, and lets autograd walk it back."""

    network: Network
    objective: Objective

    def __call__(self, pixels: Tensor, place: Place) -> tuple[Tensor, Values]:
        """As `Backend` says."""
        leaf = pixels.detach().requires_grad_()
        values = self.objective.values(features.extract(self.network, leaf, self.objective.layers), place)
        (g,) = torch.autograd.grad([each.sum() for _, each in values], leaf)
        return g, [(layer, each.detach()) for layer, each in values]


@dataclass
class OnDevice:
    """Computes gradients through the network on a device; the picture and the objective stay here.

    A tile goes there, its activations come back, and the objective is measured here, whatever it is made of; torch
    takes the gradient along the same ways. Precision is that of the network's numbers: with half of them (bfloat16)
    gradients erred by 18 to 30 %.
    """

    network: Network
    objective: Objective
    device: str
    _there: Network = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._there = replace(self.network, walk=walk_on(self.network.walk, self.device))

    def __call__(self, pixels: Tensor, place: Place) -> tuple[Tensor, Values]:
        """As `Backend` says."""
        leaf = pixels.detach().to(self.device, copy=True).requires_grad_()
        there = features.extract(self._there, leaf, self.objective.layers)
        here = {name: each.to(pixels.device) for name, each in there.items()}
        values = self.objective.values(here, place)
        (g,) = torch.autograd.grad([each.sum() for _, each in values], leaf)
        return g.to(pixels.device), [(layer, each.detach()) for layer, each in values]


def backend_on(device: str, network: Network, objective: Objective) -> Backend:
    """What computes the gradient of a prepared and fitted objective on `auto`, `cpu`, or a graphics card.

    Raises:
        SettingsError: the device is not here, or cannot compute in the network's precision.
    """
    where = device_for(device)
    if where == "mps" and network.dtype == torch.float64:
        raise SettingsError("--device mps knows no float64. Give --device cpu.")
    return Torch(network, objective) if where == CPU else OnDevice(network, objective, where)
