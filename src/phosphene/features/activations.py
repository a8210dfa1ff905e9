"""Runs a network as far as the deepest layer asked for."""

from collections.abc import Callable, Collection, Iterator
from typing import Any

import torch
from torch import Tensor

from phosphene.networks import PIXELS, Network
from phosphene.pixels import tiles
from phosphene.pixels.transforms import SMALLEST, fill

Features = dict[str, Tensor]

TILE = 1024  # side of the largest picture that is looked at in one piece

ALLOCATOR_WASTE = 1.8  # peak memory over what is counted below, at most, on both networks at 512² and 1024²


def extract(network: Network, pixels: Tensor, layers: Collection[str]) -> Features:
    """The activations `[1, C, h, w]` of `layers` for `pixels` `[1, 3, H, W]`; nothing past the deepest is computed.

    Pixels go to the network's device, and the activations come back to that of the pixels; torch takes a gradient along
    the same ways.
    """
    found: Features = {PIXELS: pixels} if PIXELS in layers else {}
    if len(found) == len(layers):
        return found
    for name, activations in network.iter_layers(pixels.to(network.device), layers):
        if name in layers:
            found[name] = activations.to(pixels.device)
            if len(found) == len(layers):
                break
    return found


def of_picture(network: Network, pixels: Tensor, layers: Collection[str]) -> Features:
    """As `extract`, without gradients, and for pictures of any size: large ones are looked at in tiles."""
    seen = list(by_tile(network, pixels, layers))
    if len(seen) == 1:
        return seen[0][1]
    return {name: _joined(network.layer(name).stride, [(box, found[name]) for box, found in seen]) for name in layers}


@torch.no_grad()
def by_tile(network: Network, pixels: Tensor, layers: Collection[str]) -> Iterator[tuple[tiles.Box, Features]]:
    """As `of_picture`, tile by tile: what each shows of its context."""
    pixels = fill(pixels, SMALLEST)
    stride = max(network.layer(name).stride for name in layers)
    overlap = max(network.layer(name).receptive_field for name in layers) // 4
    tile = max(TILE, tiles.smallest(overlap, stride))
    for box in tiles.boxes(*pixels.shape[-2:], tile=tile, overlap=overlap, stride=stride):
        yield box, extract(network, pixels[(..., *box.context)], layers)


def core(activations: Tensor, stride: int, box: tiles.Box) -> Tensor:
    """The positions `[..., h, w]` that lie in a tile's core, so that what tiles share counts once."""
    rows, columns = (slice(side.start // stride, -(-side.stop // stride)) for side in box.inner)
    return activations[..., rows, columns]


def _joined(stride: int, seen: list[tuple[tiles.Box, Tensor]]) -> Tensor:
    """The activations of tiles, each with what its core shows, as those of the whole picture."""
    height, width = (max(sides[axis].stop for sides in (box.core for box, _ in seen)) for axis in (0, 1))
    whole = seen[0][1].new_empty(1, seen[0][1].shape[1], -(-height // stride), -(-width // stride))
    for box, activations in seen:
        rows, columns = (slice(side.start // stride, -(-side.stop // stride)) for side in box.core)
        whole[..., rows, columns] = core(activations, stride, box)
    return whole


def bytes_per_pixel(network: Network, layers: Collection[str]) -> float:
    """Memory that one gradient step holds per pixel, measured once on two small pictures.

    The difference between the two leaves out what does not grow with the picture, the weights.
    """
    asked = frozenset(layers)
    if asked not in network.measured:
        network.measured[asked] = _measured(network, layers)
    return network.measured[asked]


def _measured(network: Network, layers: Collection[str]) -> float:
    small, large = network.probes
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
        return tensor.detach()  # the tensor itself, which knows its graph, would keep the graph and so itself for ever

    pixels = torch.full((1, 3, side, side), 0.5, dtype=network.dtype, requires_grad=True)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        extract(network, pixels, layers)
    return sum(kept.values()) + 2 * max((*kept.values(), pixels.nbytes))


def anew(function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
    """A function of tensors, all differentiable, that is computed anew for its gradient (Chen and others 2016).

    So that nothing of it is held until then. Torch's own `checkpoint` loads torch's compiler, which takes two seconds.
    """
    found: Tensor = _Anew.apply(function, *tensors)  # type: ignore[no-untyped-call]
    return found


class _Anew(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, function: Callable[..., Tensor], *tensors: Tensor) -> Tensor:
        ctx.function = function
        ctx.save_for_backward(*tensors)
        return function(*tensors)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        tensors = [each.detach().requires_grad_() for each in ctx.saved_tensors]
        with torch.enable_grad():
            value = ctx.function(*tensors)
        return None, *torch.autograd.grad(value, tensors, gradients)
