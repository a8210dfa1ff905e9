"""How colourful a picture is; dreams with colours near their photograph's, and paintings in a style's tones."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from phosphene.pixels.masks import feather
from phosphene.pixels.transforms import LUMA, luma, resize_rows, rows_for

SMALL = 512  # pixels of the long side at which colours are compared; they change slowly
BINS = 16  # of brightness
LEVELS, ABOUT = 256, 0.06  # of brightness at which a toned picture's colours are known, and what lies so near counts
GREY, COLOURFUL = 3.0 / 255, 9.0 / 255  # spread of colours: of toned photographs at most, and of coloured ones at least
NEAR = 0.027  # of the long side: what lies so near counts as one place
DRIFT, OWN = 0.03, 0.5  # how far the mean colour of a place may go: so far, and so much of the photograph's own spread
STRIP = 1 << 22  # numbers that are worked on at a time


def parted(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Luma `[1, 1, h, w]`, and what the three values differ from it, `[1, 3, h, w]`: the chroma."""
    bright = luma(pixels)
    return bright, pixels - bright


def blurred(x: Tensor, radius: float) -> Tensor:
    """Means within about `radius` pixels of each, of values from -1 to 1, `[1, C, h, w]`."""
    return torch.cat([feather((plane + 1) / 2, radius) * 2 - 1 for plane in torch.split(x, 1, 1)], 1)


def limited(value: Tensor, limit: Tensor) -> Tensor:
    """The factor by which a value v stays below a limit L: 1 / (1 + (v / L)^8)^(1/8), nearly 1 far below it."""
    return (1 + (value / limit.clamp(min=1e-6)) ** 8) ** -0.125


def sampled(pixels: Tensor) -> Tensor:
    """Every so-many-th pixel, so that the long side is `SMALL` at most."""
    every = apart(pixels.shape[-2], pixels.shape[-1])
    return pixels[..., ::every, ::every]


def apart(height: int, width: int) -> int:
    """How far apart samples of a picture of that size are, in pixels."""
    return max(1, math.ceil(max(height, width) / SMALL))


def colourfulness(photograph: Tensor) -> float:
    """How far a photograph `[1, 3, H, W]` has colours of its own, 0..1: 0 is black and white or toned, as sepia is.

    It is the spread of red-green and yellow-blue, the opponent colours of Hasler and Süsstrunk ("Measuring
    colourfulness in natural images", 2003), that brightness does not explain.
    """
    red, green, blue = (plane.flatten() for plane in sampled(photograph).float().clamp(0, 1).unbind(1))
    bright = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    place = (bright * BINS).long().clamp(max=BINS - 1)
    count = torch.bincount(place, minlength=BINS).clamp(min=1)
    variance = 0.0
    for opponent in (red - green, (red + green) / 2 - blue):
        toned = torch.bincount(place, opponent, minlength=BINS) / count
        variance += float((opponent - toned[place]).square().mean())
    return min(1.0, max(0.0, (math.sqrt(variance) - GREY) / (COLOURFUL - GREY)))


def tones_of(pictures: Sequence[tuple[Tensor, float]]) -> Tensor:
    """The chroma that pictures `[1, 3, H, W]`, each with its weight, have on average about each brightness.

    Brightness goes from 0 to 1 in equal steps, `[LEVELS, 3]`; see `toned_`.
    """
    sums = torch.zeros(LEVELS, 4)
    for picture, weight in pictures:
        bright, chroma = (plane[0].flatten(1) for plane in parted(sampled(picture).float()))
        place = (bright[0].clamp(0, 1) * (LEVELS - 1)).round().long()
        counted = [torch.bincount(place, plane, LEVELS) for plane in (torch.ones_like(bright[0]), *chroma)]
        sums += weight / len(place) * torch.stack(counted, 1)
    level = torch.linspace(0, 1, LEVELS, dtype=sums.dtype)
    sums = (torch.exp(-((level[:, None] - level) / ABOUT).square()) + 1e-9) @ sums
    return sums[:, 1:] / sums[:, :1]


def toned_(pixels: Tensor, tones: Tensor, share: float) -> Tensor:
    """Pixels `[1, 3, H, W]`, 0..1, with the chroma that `tones_of` found, for a share of it, in place."""
    tones = tones.to(pixels.dtype)
    for rows in torch.split(pixels, max(1, STRIP // pixels.shape[-1]), dim=2):
        bright, chroma = parted(rows)
        wanted = tones[(bright[:, 0].clamp(0, 1) * (LEVELS - 1)).round().long()].movedim(-1, 1)
        rows.add_(share * (wanted - chroma)).clamp_(0, 1)
    return pixels


def chroma_shift(dreamt: Tensor, photograph: Tensor) -> tuple[Tensor, Tensor]:
    """How the colours of places differ from the photograph's, and by how much that is too far, `[1, 3, h, w]` each.

    Both pictures are samples, as `sampled` gives them. What is fine, as the colours within an eye, is not counted: only
    means of places are, so that skin stays skin and a grey sky grey.
    """
    radius = NEAR * max(dreamt.shape[-2:])
    own = parted(photograph)[1]
    drift = blurred(parted(dreamt)[1] - own, radius)
    spread = feather((own - blurred(own, radius)).square().mean(1, keepdim=True), radius).sqrt()
    size = drift.square().mean(1, keepdim=True).sqrt()
    return drift, drift * (1 - limited(size, DRIFT + OWN * spread))


def natural_(dreamt: Tensor, photograph: Tensor, share: float) -> Tensor:
    """A dream `[1, 3, H, W]` with colours near its photograph's, in place.

    Args:
        dreamt: the dream, 0..1.
        photograph: as it was, of the same size.
        share: its `colourfulness`; 0 leaves it no colours that the photograph has not.
    """
    found = chroma_shift(sampled(dreamt), sampled(photograph))
    for first in range(0, dreamt.shape[-2], step := max(1, STRIP // dreamt.shape[-1])):
        rows = slice(first, min(first + step, dreamt.shape[-2]))
        natural_rows_(
            dreamt[..., rows, :], photograph[..., rows, :], share, found, rows, (dreamt.shape[-2], dreamt.shape[-1])
        )
    return dreamt


def natural_rows_(
    dreamt: Tensor, photograph: Tensor, share: float, found: tuple[Tensor, Tensor], rows: slice, size: tuple[int, int]
) -> Tensor:
    """As `natural_`, of some rows of a picture of that height and width; `found` is the whole picture's shift."""
    source = (found[0].shape[-2], found[0].shape[-1])
    needed = rows_for(rows, source[0], size[0], dreamt.dtype)
    drift, excess = (
        resize_rows(each[..., needed, :].to(dreamt.dtype), rows, top=needed.start, source=source, size=size)
        for each in found
    )
    if share < 1:
        fine = parted(dreamt)[1] - parted(photograph)[1] - drift
        excess = excess + (1 - share) * (drift - excess + fine)
    return dreamt.sub_(excess).clamp_(0, 1)
