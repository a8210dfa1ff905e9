"""The gradient of an objective with respect to the pixels, tile by tile, and its normalisation.

Only detached pixels come in and only `g` goes out: a tile's graph is freed before the next one is built.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import features, pyramid, tiles
from phosphene.errors import NumberError, SettingsError
from phosphene.networks import Network
from phosphene.objectives import Objective

At = Callable[[Tensor], tuple[Tensor, float]]

SMALLEST = 32  # pixels: below this, deep layers have no position left
PROCESS_BYTES = 330_000_000  # Python, torch and a network, measured before the first step
STEP_BYTES = 800_000_000  # for a tile's activations, where no limit is given
BYTES_PER_PICTURE_PIXEL = 3 * 4 * 14  # octaves, detail, gradient and its bands, in float32


@dataclass(frozen=True)
class Tiling:
    """How a picture is cut: tiles of at most `tile` pixels a side, each seeing `overlap` pixels around its core."""

    tile: int
    overlap: int


def compute(pixels: Tensor, network: Network, objective: Objective, tiling: Tiling) -> tuple[Tensor, float]:
    """∂objective/∂pixels for `pixels` `[1, 3, H, W]`, and the score per pixel.

    Raises:
        NumberError: the gradient is infinite or not a number.
    """
    height, width = pixels.shape[-2:]
    pixels = _at_least(pixels, SMALLEST)
    g, score = torch.empty_like(pixels), 0.0
    stride = max(network.layer(name).stride for name in objective.layers)
    for box in tiles.boxes(*pixels.shape[-2:], tile=tiling.tile, overlap=tiling.overlap, stride=stride):
        part, part_score = _of_tile(pixels[(..., *box.context)], box, network, objective)
        g[(..., *box.core)] = part[(..., *box.inner)]
        score += part_score
    if not (math.isfinite(score) and torch.isfinite(g).all()):
        raise NumberError("The gradient became infinite or not-a-number. Try a smaller --step-size or --strength.")
    return g[:, :, :height, :width], score / pixels[0, 0].numel()


def _at_least(pixels: Tensor, side: int) -> Tensor:
    """Continues a very small picture by its edge."""
    height, width = pixels.shape[-2:]
    if min(height, width) >= side:
        return pixels
    return F.pad(pixels, (0, max(0, side - width), 0, max(0, side - height)), mode="replicate")


def _of_tile(pixels: Tensor, box: tiles.Box, network: Network, objective: Objective) -> tuple[Tensor, float]:
    leaf = pixels.detach().clone().requires_grad_()
    found = features.extract(network, leaf, objective.layers)
    (g,) = torch.autograd.grad(objective(found), leaf)
    with torch.no_grad():
        return g, float(objective({name: _core(a, network.layer(name).stride, box) for name, a in found.items()}))


def _core(activations: Tensor, stride: int, box: tiles.Box) -> Tensor:
    """The positions that lie in the tile's core, so that overlaps count once in the score."""
    rows, columns = (slice(side.start // stride, -(-side.stop // stride)) for side in box.inner)
    return activations[:, :, rows, columns]


def normalise(g: Tensor, by: str) -> Tensor:
    """`g` `[1, 3, H, W]` divided by its size.

    `mean` divides by the mean of |g| (Google 2015), `std` by the standard deviation, and `laplacian` each frequency
    band by its own root mean square (Mordvintsev 2016), which brings out broad forms beside fine ones.
    """
    if by == "mean":
        return g / _positive(g.abs().mean())
    if by == "std":
        return g / _positive(g.std(correction=0))
    return pyramid.merge([band / _positive(band.square().mean().sqrt()) for band in pyramid.laplacian(g)])


def _positive(size: Tensor) -> Tensor:
    """The divisor, or almost nothing where a picture has no gradient at all."""
    return size.clamp(min=1e-30)


def plan(
    network: Network,
    objective: Objective,
    *,
    height: int,
    width: int,
    tile: int | None,
    overlap: str,
    memory: int | None,
) -> Tiling:
    """The tiling of a picture: whole where memory allows, else the largest tiles that fit.

    Args:
        network: what the gradient is computed through.
        objective: decides how deep, and so how many bytes a pixel takes and how far it sees.
        height: of the picture, in pixels.
        width: of the picture, in pixels.
        tile: the largest side, or `None` for what memory allows.
        overlap: a number of pixels, `auto` or `exact`.
        memory: bytes for the whole process, or `None` for a moderate amount beside the picture itself.

    Raises:
        SettingsError: memory or tiles too small for the overlap.
    """
    seen = max(network.layer(name).receptive_field for name in objective.layers)
    pixels = int(overlap) if overlap.isdigit() else {"exact": seen - 1, "auto": seen // 4}[overlap]
    if tile is not None:
        return Tiling(tile, pixels)
    fixed = PROCESS_BYTES + BYTES_PER_PICTURE_PIXEL * height * width
    free = memory - fixed if memory else STEP_BYTES
    area = free / features.bytes_per_pixel(network, objective.layers)
    if area >= height * width:
        return Tiling(max(height, width, SMALLEST), pixels)
    return Tiling(_side(area, pixels, network, objective), pixels)


def _side(area: float, overlap: int, network: Network, objective: Objective) -> int:
    smallest = 2 * overlap + 3 * max(network.layer(name).stride for name in objective.layers)
    if area < smallest**2:
        needed = smallest**2 - max(area, 0)
        missing = needed * features.bytes_per_pixel(network, objective.layers) / 1e6
        raise SettingsError(
            f"--memory leaves no room for tiles of {smallest} pixels, which an overlap of {overlap} needs."
            f" Give {math.ceil(missing / 100) * 100} MB more, or a smaller --overlap."
        )
    return math.isqrt(int(area))
