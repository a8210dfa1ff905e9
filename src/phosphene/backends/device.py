"""Torch on a graphics card: the network is there, the picture and the objective stay here."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from phosphene import features
from phosphene.backends.plain import Values
from phosphene.networks import Network
from phosphene.networks.devices import walk_on
from phosphene.objectives import Objective, Place


@dataclass
class OnDevice:
    """Computes gradients through the network on a device.

    A tile goes there, its activations come back, and the objective is measured here, whatever it is made of; torch
    takes the gradient along the same ways. Precision is that of the network's numbers: with half of them (bfloat16)
    gradients erred by 18 to 30 %.
    """

    network: Network
    objective: Objective
    name: str
    _there: Network = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self._there = replace(self.network, walk=walk_on(self.network.walk, self.name))

    def __call__(self, pixels: Tensor, place: Place) -> tuple[Tensor, Values]:
        """As `Backend` says."""
        leaf = pixels.detach().to(self.name, copy=True).requires_grad_()
        there = features.extract(self._there, leaf, self.objective.layers)
        here = {name: each.to(pixels.device) for name, each in there.items()}
        values = self.objective.values(here, place)
        (g,) = torch.autograd.grad([each.sum() for _, each in values], leaf)
        return g.to(pixels.device), [(layer, each.detach()) for layer, each in values]
