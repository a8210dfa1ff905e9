"""Which channels are alive in a photograph, and not in every picture.

A channel's activations are compared with those for a collage: scraps cut at random from noise in the photograph's own
colours and spectrum, which has edges, corners and textures as any picture has, and none of the photograph's shapes
(after the dead leaves of Lee, Mumford and Huang, "Occlusion models for natural images", 2001). A channel is *alive*
where it rises above what it does there, counted in its own spread there; its liveliness is how far its liveliest places
stand out from the rest of the photograph. So a channel that is bright for everything is not chosen, nor one that is
evenly bright for this photograph; and of several that answer to the same places only the first.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from phosphene import features
from phosphene.features.ranking import scrambled
from phosphene.networks import Network

PLACES = 0.02  # share of the positions that are a channel's liveliest
COLLAGES = 2
_FEWEST = 3  # positions that are the liveliest, at least
_SCRAPS = 1500  # of a collage, enough to cover it
_SMALLEST = 3.0  # half a scrap's width, pixels
_FLOOR = 0.3  # of the layer's median spread: less is taken for as much, so that a mute channel is not alive by a trifle


@dataclass(frozen=True)
class Living:
    """A channel that is alive in a photograph.

    Attributes:
        channel: its number.
        liveliness: how far its liveliest places stand out, in units of its spread.
    """

    channel: int
    liveliness: float


def living(
    network: Network, pixels: Tensor, layers: Collection[str], *, count: int, seed: int = 0
) -> dict[str, list[Living]]:
    """The `count` channels of each layer that are most alive in `pixels` `[1, 3, H, W]`, the liveliest first."""
    if not layers or count < 1:
        return {name: [] for name in layers}
    generator = torch.Generator().manual_seed(seed)
    collages = [collage(pixels, generator) for _ in range(COLLAGES)]
    seen = features.of_picture(network, pixels, layers)
    usual = [features.of_picture(network, each, layers) for each in collages]
    found: dict[str, list[Living]] = {}
    taken: list[Tensor] = []
    for name in layers:
        rise = _rise(seen[name], [each[name] for each in usual])
        found[name] = _chosen(rise, count, _unlike(rise, taken))
        taken += [rise[each.channel] for each in found[name]]
    return found


def _rise(activations: Tensor, usual: list[Tensor]) -> Tensor:
    """`[C, h, w]`: how far each position is above what its channel does usually, in units of its spread."""
    others = torch.cat([_inner(each).flatten(1) for each in usual], 1)
    mean, spread = others.mean(1), others.std(1, unbiased=False)
    floor = _FLOOR * spread.median()
    unit = (spread.square() + floor.square()).sqrt().clamp(min=1e-12)
    rise: Tensor = (_inner(activations) - mean[:, None, None]) / unit[:, None, None]
    return rise


def _inner(activations: Tensor) -> Tensor:
    """`[C, h, w]` of `[1, C, h, w]`, without the outermost positions, which see the padding."""
    height, width = activations.shape[-2:]
    rows, columns = (slice(1, -1) if side > 4 else slice(None) for side in (height, width))
    return activations[0, :, rows, columns]


def _maps(rise: Tensor) -> Tensor:
    """`[C, N]` of mean 0 and length 1, whose products are correlations."""
    centred = rise.flatten(1) - rise.flatten(1).mean(1, keepdim=True)
    maps: Tensor = centred / centred.norm(dim=1, keepdim=True).clamp(min=1e-12)
    return maps


def _unlike(rise: Tensor, taken: list[Tensor]) -> Tensor:
    """`[C]`, 0..1: how little each channel answers to the same places as one that another layer has shown already.

    Squared, because other layers may well bring something else out of the same places; but what a residual network
    only passes on is the same again.
    """
    if not taken:
        return rise.new_ones(len(rise))
    size = rise.shape[-2:]
    before = [F.interpolate(each[None, None], size=size, mode="bilinear", antialias=True)[0] for each in taken]
    unlike: Tensor = 1 - (_maps(rise) @ _maps(torch.cat(before)).T).clamp(0, 1).amax(1).square()
    return unlike


def _chosen(rise: Tensor, count: int, unlike: Tensor) -> list[Living]:
    """The liveliest channels, each discounted by how much it is like those before it."""
    places = rise.flatten(1)
    few = min(places.shape[1], max(_FEWEST, math.ceil(PLACES * places.shape[1])))
    liveliness = places.topk(few, dim=1).values.mean(1) - places.median(1).values
    maps = _maps(rise)
    found: list[Living] = []
    for _ in range(min(count, len(rise))):
        wanted = liveliness * unlike
        wanted[[each.channel for each in found]] = -math.inf
        best = int(wanted.argmax())
        found.append(Living(best, round(float(liveliness[best]), 1)))
        unlike = torch.minimum(unlike, 1 - (maps @ maps[best]).clamp(0, 1))
    return found


def collage(pixels: Tensor, generator: Generator) -> Tensor:
    """A picture `[1, 3, H, W]` of scraps in the colours and textures of `pixels`, and without its shapes."""
    noise = scrambled(pixels, generator)
    height, width = pixels.shape[-2:]
    palette = pixels.flatten(2)[0].T
    texture = noise - noise.mean((2, 3), keepdim=True)
    picture = noise.clone()
    largest = max(height, width) / 4
    for size, angle, stretch, top, left, corner, colour in torch.rand(_SCRAPS, 7, generator=generator).tolist():
        # Areas as objects have them: as many of any size as are half of it, each cover alike.
        half = _SMALLEST / math.sqrt(1 - size * (1 - (_SMALLEST / largest) ** 2))
        scrap = _scrap(half, angle * math.pi, 1 + stretch, round_=corner < 0.5)
        _paste_(picture, texture, scrap, int(top * height), int(left * width), palette[int(colour * len(palette))])
    return picture.clamp(0, 1)


def _scrap(half: float, angle: float, stretch: float, *, round_: bool) -> Tensor:
    """A mask `[n, n]` of an ellipse or a box, turned."""
    reach = math.ceil(half * 1.5)
    down, right = torch.meshgrid(*[torch.arange(-reach, reach + 1.0)] * 2, indexing="ij")
    along = (down * math.sin(angle) + right * math.cos(angle)).abs() * stretch**0.5 / half
    across = (right * math.sin(angle) - down * math.cos(angle)).abs() / stretch**0.5 / half
    return along.square() + across.square() < 1 if round_ else torch.maximum(along, across) < 0.85


def _paste_(picture: Tensor, texture: Tensor, scrap: Tensor, top: int, left: int, colour: Tensor) -> None:
    """Lays a scrap with its middle at a place; what hangs over the edge is cut off."""
    height, width = picture.shape[-2:]
    reach = scrap.shape[0] // 2
    rows = slice(max(0, top - reach), min(height, top + reach + 1))
    columns = slice(max(0, left - reach), min(width, left + reach + 1))
    mask = scrap[rows.start - top + reach : rows.stop - top + reach, columns.start - left + reach :]
    mask = mask[:, : columns.stop - columns.start]
    cut = colour[:, None, None] + texture[0, :, rows, columns]
    picture[0, :, rows, columns] = torch.where(mask, cut, picture[0, :, rows, columns])
