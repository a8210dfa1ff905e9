"""Hypercolumns: what several layers say of one place, brought to one grid and joined to one long vector.

After Hariharan, Arbeláez, Girshick and Malik (2015) for the name, and Kolkin, Kucera, Paris, Sýkora, Shechtman and
Shakhnarovich, "Neural Neighbor Style Transfer" (2022), for what they are used for here. We differ in that a fine layer
is not averaged within a place: its positions stand beside each other in the vector, so that strokes stay sharp.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import features
from phosphene.networks import Network
from phosphene.pixels.transforms import SMALLEST, fill

GRID = 4  # pixels of a place's side: a quarter of the picture, as published
LOOKS = (3, 7, 19, 67, 147, 339)  # pixels that the layers see: edges, strokes, motifs
KINDS = (67, 211, 339, 531)  # those that tell stuffs apart

Columns = list[Tensor]
"""One `[1, C, h, w]` for each layer, all on one grid."""


def layers(network: Network, sees: Sequence[int]) -> tuple[str, ...]:
    """The layers whose receptive fields come nearest to those asked for, in the order of the network.

    >>> from phosphene import networks
    >>> layers(networks.load("efficientnet-lite0"), LOOKS)
    ('stem', 'block0', 'block2', 'block4', 'block7', 'block10')
    """
    exact = {name: layer for name, layer in network.layers.items() if layer.exact}
    shown = {name: layer for name, layer in exact.items() if layer.shows} or exact

    def nearest(size: int) -> str:
        return min(shown, key=lambda name: abs(math.log(shown[name].receptive_field / size)))

    wanted = {nearest(size) for size in sees}
    return tuple(name for name in shown if name in wanted)


def size(height: int, width: int) -> tuple[int, int]:
    """Rows and columns of places in a picture."""
    return -(-height // GRID), -(-width // GRID)


def columns(network: Network, pixels: Tensor, names: Sequence[str]) -> Columns:
    """The activations of layers for `pixels` `[1, 3, H, W]`, each on the grid of places; differentiable."""
    return gridded(network, features.extract(network, whole(pixels), names), names, pixels)


def by_tile(network: Network, pixels: Tensor, names: Sequence[str]) -> Iterator[Columns]:
    """As `columns`, without gradients, and for pictures of any size: those for which each of its tiles answers."""
    rows, columns = size(*pixels.shape[-2:])
    for box, found in features.by_tile(network, pixels, names):
        grid = size(*(side.high - side.low for side in (box.rows, box.columns)))
        seen = [_gridded(found[name], network.layer(name).stride, grid) for name in names]
        yield [features.core(each, GRID, box)[..., :rows, :columns] for each in seen]


def whole(pixels: Tensor) -> Tensor:
    """`pixels` as a network can see them: continued by their edge where they are too small for it."""
    return fill(pixels, SMALLEST)


def gridded(network: Network, found: features.Features, names: Sequence[str], pixels: Tensor) -> Columns:
    """What `features.extract` found in `pixels`, on the grid of places."""
    grid = size(*pixels.shape[-2:])
    return [_gridded(found[name], network.layer(name).stride, grid) for name in names]


def _gridded(activations: Tensor, stride: int, grid: tuple[int, int]) -> Tensor:
    """A layer on a grid of so many rows and columns.

    A network may show less than a size over its stride, where its pooling rounds down: the last row or column goes on.
    """
    found = _per_place(activations, stride)[..., : grid[0], : grid[1]]
    down, right = (wanted - there for wanted, there in zip(grid, found.shape[-2:], strict=True))
    return F.pad(found, (0, right, 0, down), mode="replicate") if down or right else found


def _per_place(activations: Tensor, stride: int) -> Tensor:
    """Fine layers are halved to two positions a place, and these stand beside each other; coarse ones are enlarged."""
    if stride > GRID:
        return F.interpolate(activations, scale_factor=stride / GRID, mode="bilinear", align_corners=False)
    while 2 * stride < GRID:
        activations, stride = F.avg_pool2d(activations, 2, ceil_mode=True, count_include_pad=False), 2 * stride
    if stride == GRID:
        return activations
    down, right = (-side % 2 for side in activations.shape[-2:])
    return F.pixel_unshuffle(F.pad(activations, (0, right, 0, down), mode="replicate"), 2)


def means(parts: Iterable[Columns]) -> list[Tensor]:
    """Each layer's mean over all places of a picture, or of its tiles."""
    return _mean(parts, lambda layer, each: each.sum((2, 3), keepdim=True))


def sizes(parts: Iterable[Columns], centres: Sequence[Tensor]) -> list[Tensor]:
    """Each layer's mean length around its centre."""
    return _mean(parts, lambda layer, each: (each - centres[layer]).norm(dim=1).sum())


def _mean(parts: Iterable[Columns], summed: Callable[[int, Tensor], Tensor]) -> list[Tensor]:
    counted = [
        ([summed(layer, each) for layer, each in enumerate(part)], part[0].shape[-2] * part[0].shape[-1])
        for part in parts
    ]
    count = sum(places for _, places in counted)
    return [torch.stack(sums).sum(0) / count for sums in zip(*(sums for sums, _ in counted), strict=True)]


def joined(of: Columns, centres: Sequence[Tensor], lengths: Sequence[Tensor]) -> Tensor:
    """The long vectors `[h·w, C]`, each layer around its centre and of equal weight."""
    parts = [
        (each - centre) / length.clamp(min=1e-12) for each, centre, length in zip(of, centres, lengths, strict=True)
    ]
    return torch.cat(parts, 1)[0].flatten(1).T


def colours(pixels: Tensor) -> Tensor:
    """The mean colour of each place, `[h·w, 3]`; differentiable."""
    down, right = (-side % GRID for side in pixels.shape[-2:])
    around = F.pad(pixels, (0, right, 0, down), mode="replicate")
    return F.avg_pool2d(around, GRID)[0].flatten(1).T
