"""Seams, motifs and grain put into pictures on purpose, so that a measure's answer is known."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.measures import Lattice

MOTIF = 48  # pixels a side


def step(photograph: Tensor, change: Tensor, lattice: Lattice, strength: float) -> Tensor:
    """Every other tile lighter by `strength` levels of 255."""
    return photograph + change + (_chequers(change, lattice) - 0.5) * strength / 255


def swap(photograph: Tensor, change: Tensor, lattice: Lattice, strength: float) -> Tensor:
    """In every other tile, a share of the dream gives way to what it dreamt elsewhere: patterns stop at the border."""
    other = torch.roll(change, (57, 91), (2, 3))
    return photograph + torch.lerp(change, other, _chequers(change, lattice) * strength)


def fade(photograph: Tensor, change: Tensor, lattice: Lattice, strength: float) -> Tensor:
    """A share of the dream is lost at the border, and less away from it, with a length of 4 pixels."""
    distance = torch.minimum(*_distances(change, lattice))
    return photograph + change * (1 - strength * torch.exp(-distance / 4))


KINDS: Mapping[str, tuple[Callable[[Tensor, Tensor, Lattice, float], Tensor], tuple[float, ...]]] = {
    "step": (step, (0.25, 0.5, 1, 2, 4)),
    "swap": (swap, (0.02, 0.05, 0.1, 0.2, 0.4)),
    "fade": (fade, (0.03, 0.06, 0.12, 0.25, 0.5)),
}


def even(like: Tensor, spacing: int, offset: int) -> Lattice:
    """Borders every `spacing` pixels from `offset` on, both ways."""
    return Lattice(*(tuple(range(offset, side - 12, spacing)) for side in like.shape[-2:]))


def rounded(pixels: Tensor) -> Tensor:
    """As a file of 8 bits has it."""
    return (pixels.clamp(0, 1) * 255).round() / 255


def motifs(ground: Tensor, source: Tensor, count: int, *, same: bool) -> Tensor:
    """So many discs cut out of `source`, all the same or all different, at places drawn at random on `ground`."""
    draw, ground = random.Random(1), ground.clone()
    disc = _disc()
    for number in range(count):
        top, left = (draw.randrange(side - MOTIF) for side in ground.shape[-2:])
        choose = random.Random(0 if same else number)
        y, x = (choose.randrange(side - MOTIF) for side in source.shape[-2:])
        place = ground[..., top : top + MOTIF, left : left + MOTIF]
        motif = source[..., y : y + MOTIF, x : x + MOTIF]
        place.lerp_(motif - motif.mean((2, 3), keepdim=True) + place.mean((2, 3), keepdim=True), disc)
    return ground


def grain(like: Tensor, sigma: float) -> Tensor:
    """Grey noise of `sigma` levels of 255."""
    return torch.randn(1, 1, *like.shape[-2:], generator=torch.Generator().manual_seed(0)) * sigma / 255


def blurred(pixels: Tensor, sigma: float) -> Tensor:
    if not sigma:
        return pixels
    half = int(3 * sigma) + 1
    places = torch.arange(-half, half + 1.0)
    window = torch.exp(-places.square() / (2 * sigma**2))
    window = (window / window.sum()).repeat(3, 1, 1, 1)
    pixels = F.pad(pixels, (half,) * 4, mode="reflect")
    return F.conv2d(F.conv2d(pixels, window, groups=3), window.mT, groups=3)


def waves(like: Tensor, period: float) -> Tensor:
    """Noise with structure of about one period in pixels, in all directions."""
    height, width = like.shape[-2:]
    noise = torch.fft.rfft2(torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(0)))
    frequency = torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width)).clamp(min=1e-6)
    band = torch.exp(-((frequency * period).log2() / 0.25).square() / 2)
    found = torch.fft.irfft2(noise * band, s=(height, width))
    return found / found.std() * 0.1


def _chequers(like: Tensor, lattice: Lattice) -> Tensor:
    rows, columns = (
        torch.bucketize(torch.arange(side), torch.tensor(borders), right=True)
        for side, borders in zip(like.shape[-2:], (lattice.rows, lattice.columns), strict=True)
    )
    return ((rows[:, None] + columns) % 2).to(like.dtype)


def _distances(like: Tensor, lattice: Lattice) -> tuple[Tensor, Tensor]:
    """Of each pixel's middle from the nearest border, across rows and across columns."""
    rows, columns = (
        (torch.arange(side)[:, None] + 0.5 - torch.tensor(borders)).abs().amin(1)
        for side, borders in zip(like.shape[-2:], (lattice.rows, lattice.columns), strict=True)
    )
    return rows[:, None].expand(like.shape[-2:]), columns.expand(like.shape[-2:])


def _disc() -> Tensor:
    places = torch.arange(MOTIF) - (MOTIF - 1) / 2
    # Soft, or its edge would be a motif of its own.
    return ((1 - torch.hypot(places[:, None], places) / (MOTIF / 2)) * 3).clamp(0, 1)
