"""Runs a network as far as the deepest layer asked for."""

from __future__ import annotations

from collections.abc import Collection

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.networks import Network

Features = dict[str, Tensor]

SMALLEST = 32  # pixels: below this, some layers of some networks have no position left


def extract(network: Network, pixels: Tensor, layers: Collection[str]) -> Features:
    """The activations `[1, C, h, w]` of `layers` for `pixels` `[1, 3, H, W]`; nothing past the deepest is computed.

    Pictures of less than 32 pixels a side are continued by their edge.
    """
    found: Features = {}
    for name, activations in network.walk(_at_least(pixels, SMALLEST), layers):
        if name in layers:
            found[name] = activations
            if len(found) == len(layers):
                break
    return found


def _at_least(pixels: Tensor, side: int) -> Tensor:
    height, width = pixels.shape[-2:]
    if min(height, width) >= side:
        return pixels
    return F.pad(pixels, (0, max(0, side - width), 0, max(0, side - height)), mode="replicate")


def bytes_per_pixel(network: Network, layers: Collection[str], *, side: int = 128) -> float:
    """Memory that one gradient step holds per pixel, measured on a small picture.

    Counted are the tensors kept for the backward pass, once each, and twice the largest of them: the gradient that
    flows back needs an activation's place for what comes in and for what goes out.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        if not tensor.is_leaf or tensor.requires_grad:
            storage = tensor.untyped_storage()
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    pixels = torch.full((1, 3, side, side), 0.5, dtype=network.dtype, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        found = extract(network, pixels, layers)
    del found
    return (sum(kept.values()) + 2 * max(kept.values())) / side**2
