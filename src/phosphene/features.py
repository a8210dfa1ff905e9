"""Runs a network as far as the deepest layer asked for."""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor

from phosphene.networks import Network

Features = dict[str, Tensor]

ALLOCATOR_WASTE = 1.8  # peak memory over what is counted below, at most, on both networks at 512² and 1024²


def extract(network: Network, pixels: Tensor, layers: Collection[str]) -> Features:
    """The activations `[1, C, h, w]` of `layers` for `pixels` `[1, 3, H, W]`; nothing past the deepest is computed."""
    found: Features = {}
    for name, activations in network.walk(pixels, layers):
        if name in layers:
            found[name] = activations
            if len(found) == len(layers):
                break
    return found


def bytes_per_pixel(network: Network, layers: Collection[str]) -> float:
    """Memory that one gradient step holds per pixel, measured on two small pictures.

    The difference between the two leaves out what does not grow with the picture, the weights.
    """
    small, large = 64, 128
    grown = _held(network, layers, large) - _held(network, layers, small)
    return ALLOCATOR_WASTE * grown / (large**2 - small**2)


def _held(network: Network, layers: Collection[str], side: int) -> int:
    """Bytes kept for the backward pass of a square picture, and twice the largest tensor among them.

    The gradient that flows back needs an activation's place for what comes in and for what goes out.
    """
    kept: dict[int, int] = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    pixels = torch.full((1, 3, side, side), 0.5, dtype=network.dtype, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        extract(network, pixels, layers)
    return sum(kept.values()) + 2 * max(kept.values())
