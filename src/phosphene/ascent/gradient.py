"""The gradient of an objective with respect to the pixels, tile by tile, and its normalisation.

Only detached pixels come in and only `g` goes out: a tile's graph is freed before the next one is built.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Protocol

import torch
from torch import Tensor

from phosphene import features
from phosphene.errors import NonFiniteError, SettingsError
from phosphene.networks import Network
from phosphene.networks.inspection import blamed
from phosphene.objectives import Objective, Place
from phosphene.pixels import masks, tiles, transforms
from phosphene.pixels.transforms import SMALLEST, fill, roll

Values = list[tuple[str, Tensor]]
"""Each term's layer, and its weighted values `[h, w]`."""


def _check_reached(values: Values, network: Network) -> None:
    """Refuses a network whose layers hang on the picture by no gradient. Raises `SettingsError`."""
    if values and not any(each.requires_grad for _, each in values):
        layers = ", ".join(dict.fromkeys(layer for layer, _ in values))
        raise SettingsError(
            f"{network.name} cannot dream at {layers}: no gradient comes from there to the picture.\n"
            "It runs under torch.no_grad(), or detaches what it computes. Take that out."
        )


Shift = tiles.Shift


class At(Protocol):
    """Pixels, and a mask or `None`, to ∂objective/∂pixels and the score."""

    def __call__(self, pixels: Tensor, /, *, mask: Tensor | None, shift: Shift) -> tuple[Tensor, float]:
        """As `compute`, for a network, an objective and a tiling."""


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut: tiles of at most `tile` pixels a side, each seeing `overlap` pixels around its core.

    With a mask, tiles may be longer than high or higher than long, up to `longest`; `cover` says what suits it.
    """

    tile: int
    overlap: int
    longest: int | None = None
    cover: masks.Cover | None = None


def compute(
    pixels: Tensor,
    network: Network,
    objective: Objective,
    tiling: Tiling,
    *,
    mask: Tensor | None = None,
    shift: Shift = (0, 0),
    between: Callable[[], None] = lambda: None,
) -> tuple[Tensor, float]:
    """∂objective/∂pixels for `pixels` `[1, 3, H, W]`, and the score per pixel.

    Where a mask `[1, 1, H, W]` is 0, the gradient is not needed: tiles without any of it are left out, and it is 0
    there. The network and its tiles see the picture shifted by `shift`; the gradient is the unshifted picture's.
    `between` is called before each tile.

    Pictures of less than 32 pixels a side are seen continued by their edge.

    Raises:
        NonFiniteError: the gradient is infinite or not a number.
    """
    if min(pixels.shape[-2:]) < SMALLEST:
        return _of_small(pixels, network, objective, tiling, shift, between)
    if mask is None:
        g, found = torch.empty_like(pixels), boxes(pixels.shape[-2:], network, objective, tiling)
    else:
        g, found = torch.zeros_like(pixels), _covering(roll(mask, *shift), tiling, stride_of(network, objective))
    score = 0.0
    for box in found:
        between()
        part, part_score = of_box(_cut(pixels, box.context, shift), box, pixels.shape[-2:], network, objective)
        _put(g, part, box.core, shift)
        score += part_score
    if not all(map(math.isfinite, (score, *map(float, torch.aminmax(g))))):
        raise NonFiniteError("The gradient became infinite or not-a-number. Try a smaller --step-size or --strength.")
    rows_and_columns = [[side.stop - side.start for side in box.core] for box in found]
    return g, score / max(1, sum(map(math.prod, rows_and_columns)))


def boxes(size: Sequence[int], network: Network, objective: Objective, tiling: Tiling) -> list[tiles.Box]:
    """The tiles of a picture of that height and width, without a mask."""
    return tiles.boxes(*size, tile=tiling.tile, overlap=tiling.overlap, stride=stride_of(network, objective))


def of_box(
    pixels: Tensor, box: tiles.Box, size: Sequence[int], network: Network, objective: Objective
) -> tuple[Tensor, float]:
    """The gradient on a tile's core and the core's score, from the `pixels` of its context in a picture of `size`.

    Precision is that of the network's numbers: with half of them (bfloat16) gradients erred by 18 to 30 %.

    Raises:
        SettingsError: the network has no gradient, or its code fails at this size.
    """
    leaf = pixels.detach().requires_grad_()
    place = Place(box.rows.low, box.columns.low, *size)
    values = objective.values(features.extract(network, leaf, objective.layers), place)
    _check_reached(values, network)
    height, width = leaf.shape[-2:]
    with blamed(f"{network.name} has no gradient for {width}×{height} pixels"):
        (g,) = torch.autograd.grad([each.sum() for _, each in values], leaf)
    cores = (features.core(each.detach(), network.layer(name).stride, box) for name, each in values)
    return g[(..., *box.inner)], sum(float(core.sum()) for core in cores)


def around(mask: Tensor | None, network: Network, objective: Objective, tiling: Tiling) -> Tiling:
    """The tiling whose tiles suit a mask best; without a mask, as it is."""
    if mask is None:
        return tiling
    stride, area = stride_of(network, objective), min(tiling.tile**2, mask.numel())
    return replace(
        tiling, cover=masks.cover(mask, area=area, longest=tiling.longest, overlap=tiling.overlap, stride=stride)
    )


def _covering(mask: Tensor, tiling: Tiling, stride: int) -> list[tiles.Box]:
    """The tiles in which a mask is not 0 everywhere."""
    cover = tiling.cover or masks.Cover(tiling.tile, tiling.tile, tiling.overlap, stride)
    covering, plain = cover.boxes(mask), masks.touched(mask, tiling.tile, tiling.overlap, stride)
    # In a picture that is not much larger than what a layer sees, each tile of a cover computes most of it.
    return plain if plain and masks.seen(plain) <= masks.seen(covering) else covering


def stride_of(network: Network, objective: Objective) -> int:
    """Pixels from one position of the deepest layer to the next."""
    return max(network.layer(name).stride for name in objective.layers)


def _cut(pixels: Tensor, where: tuple[slice, slice], shift: Shift) -> Tensor:
    """A copy of a part of the shifted picture."""
    rows, columns = _runs(pixels, where, shift)
    return torch.cat([torch.cat([pixels[:, :, there, here] for _, here in columns], 3) for _, there in rows], 2)


def _put(g: Tensor, part: Tensor, where: tuple[slice, slice], shift: Shift) -> None:
    """The inverse of `_cut`."""
    for (of_rows, rows), (of_columns, columns) in product(*_runs(g, where, shift)):
        g[:, :, rows, columns] = part[:, :, of_rows, of_columns]


def _runs(pixels: Tensor, where: tuple[slice, slice], shift: Shift) -> list[list[tuple[slice, slice]]]:
    """For both axes: which rows or columns of a part stand where in the picture, one run or, over the end, two."""
    sides = zip(where, pixels.shape[-2:], shift, strict=True)
    return [[(run, slice(low, low + run.stop - run.start)) for run, low in tiles.pieces(*side)] for side in sides]


def _of_small(
    pixels: Tensor, network: Network, objective: Objective, tiling: Tiling, shift: Shift, between: Callable[[], None]
) -> tuple[Tensor, float]:
    """The gradient through the continuation of a small picture: what falls on the repeated edge belongs to the edge."""
    leaf = pixels.detach().clone().requires_grad_()
    continued = fill(roll(leaf, *shift), SMALLEST)
    g, score = compute(continued.detach(), network, objective, tiling, between=between)
    return torch.autograd.grad(continued, leaf, g)[0], score


def normalise_(g: Tensor, by: str, mask: Tensor | None = None, bands: Sequence[float] = ()) -> Tensor:
    """`g` `[1, 3, H, W]` divided by its size, in place; with a mask `[1, 1, H, W]`, by its size there.

    `mean` divides by the mean of |g| (Google 2015), `std` by the standard deviation, and `laplacian` each frequency
    band by its own root mean square (Mordvintsev 2016), which brings out broad forms beside fine ones. Then each band
    is multiplied by its factor of `bands`, the finest first, if there are any.
    """
    if by == "mean":
        return weight_bands_(g.div_(_positive(_mean(g.abs(), mask))), bands)
    if by == "std":
        size = g.std(correction=0) if mask is None else _root_mean_square(g, mask)
        return weight_bands_(g.div_(_positive(size)), bands)
    found = transforms.laplacian_(g)
    masks = [None] * len(found) if mask is None else transforms.levels(mask, len(found))
    for band, share, factor in zip(found, masks, bands or (1.0,) * len(found), strict=True):
        band.div_(_positive(_root_mean_square(band, share))).mul_(factor)
    return transforms.merge_(found)


def weight_bands_(g: Tensor, bands: Sequence[float]) -> Tensor:
    """`g` `[1, 3, H, W]` with each Laplacian band times its factor, the finest first, in place; none leave it alone."""
    if not bands:
        return g
    return transforms.merge_([band.mul_(by) for band, by in zip(transforms.laplacian_(g), bands, strict=True)])


def _root_mean_square(band: Tensor, mask: Tensor | None) -> Tensor:
    if mask is None:
        norm: Tensor = torch.linalg.vector_norm(band)
        return norm / math.sqrt(band.numel())
    return _mean(band.square(), mask).sqrt()


def _mean(x: Tensor, mask: Tensor | None) -> Tensor:
    """The mean over all pixels, or over those of the mask, by its weights."""
    if mask is None:
        return x.mean()
    total: Tensor = (x * mask).sum()
    return total / (mask.sum() * x.shape[1]).clamp(min=1e-12)


def _positive(size: Tensor) -> Tensor:
    """The divisor, or almost nothing where a picture has no gradient at all."""
    return size.clamp(min=1e-30)
