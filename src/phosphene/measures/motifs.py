"""Repetition: the same motif again and again."""

from __future__ import annotations

from itertools import product

import torch
import torch.nn.functional as F
from torch import Tensor

_SIDE = 24  # pixels: a motif
_EVEN = 32  # pixels: a side of a multiple of this is quick to transform
_WINDOW = 512  # pixels a side that are looked through, in the middle of the picture
_ACROSS = 8  # patches along each side, evenly spread


def repetition(light: Tensor) -> float:
    """How much better patches are found again elsewhere in `light` `[H, W]` than chance would have it, 0..1.

    Chance is a picture with the same spectrum and no motifs: the same Fourier amplitudes with random phases.
    """
    height, width = (min(side, _WINDOW) // _EVEN * _EVEN for side in light.shape)
    if min(height, width) < 4 * _SIDE:
        return 0.0
    top, left = (light.shape[0] - height) // 2, (light.shape[1] - width) // 2
    detail = _detail(light[top : top + height, left : left + width])
    generator = torch.Generator().manual_seed(0)
    return max(0.0, _found_again(detail) - _found_again(_shuffled(detail, generator)))


def _detail(light: Tensor) -> Tensor:
    """What is smaller than a motif, everywhere of about the same contrast."""
    low = _smooth(light)
    detail = light - low
    return detail / (_smooth(detail.square()).sqrt() + 0.01)


def _smooth(x: Tensor) -> Tensor:
    half = _SIDE // 2
    padded = F.pad(x[None, None], (half,) * 4, mode="reflect")
    return F.avg_pool2d(padded, 2 * half + 1, stride=1)[0, 0]


def _shuffled(x: Tensor, generator: torch.Generator) -> Tensor:
    noise = torch.fft.rfft2(torch.randn(x.shape, generator=generator, dtype=x.dtype))
    turned = torch.fft.rfft2(x).abs() * noise / noise.abs().clamp(min=1e-12)
    shuffled: Tensor = torch.fft.irfft2(turned, s=x.shape)
    return shuffled


def _found_again(x: Tensor) -> float:
    """How well patches correlate with a patch that does not overlap them: the best, for the quarter found best."""
    tops, lefts = (torch.linspace(0, side - _SIDE, _ACROSS).long().tolist() for side in x.shape)
    transformed, size = torch.fft.rfft2(x), _sizes(x)
    best = torch.tensor([_best(x, transformed, size, *place) for place in product(tops, lefts)])
    return float(best.topk(_ACROSS**2 // 4).values.mean())


def _sizes(x: Tensor) -> Tensor:
    """The spread of every patch about its mean, `[H − side + 1, W − side + 1]`."""
    mean, square = (F.avg_pool2d(each[None, None], _SIDE, stride=1)[0, 0] for each in (x, x.square()))
    return (square - mean.square()).clamp(min=1e-6).sqrt()


def _best(x: Tensor, transformed: Tensor, size: Tensor, top: int, left: int) -> float:
    patch = x[top : top + _SIDE, left : left + _SIDE]
    patch = patch - patch.mean()
    product = torch.fft.irfft2(transformed * torch.fft.rfft2(patch, s=x.shape).conj(), s=x.shape)
    match = product[: size.shape[0], : size.shape[1]] / (size * size[top, left] * _SIDE**2)
    match[max(0, top - _SIDE + 1) : top + _SIDE, max(0, left - _SIDE + 1) : left + _SIDE] = -1
    return float(match.max())
