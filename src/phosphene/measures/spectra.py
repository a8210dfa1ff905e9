"""How coarse a picture's structure is: its variance by octaves of the period."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from phosphene.measures.light import luma


def spectrum(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The brightness of `pixels` `[1, 3, H, W]`, of any range, by octave of the period.

    Returns:
        Periods `[B]` in pixels, the middles of bands an octave wide (2√2 for 2 to 4 pixels, …), and the variance in
        each `[B]`. Patterns finer than 2 pixels, which only diagonals have, count for the first; those
        longer than the picture's longer side are left out.
    """
    return bands(luma(pixels))


def bands(light: Tensor) -> tuple[Tensor, Tensor]:
    """`spectrum` of a brightness `[H, W]`, or of a change of one."""
    height, width = light.shape
    count = max(1, math.ceil(math.log2(max(height, width))) - 1)
    power, frequency = _power(light), _frequency(height, width)
    octave = (-torch.log2(frequency)).floor().clamp_(min=1) - 1
    inside = (frequency > 0) & (octave < count)
    energy = torch.zeros(count, dtype=torch.float64)
    energy.index_add_(0, octave[inside].long(), power[inside].double())
    return 2 ** (torch.arange(count) + 1.5), energy


def centre(light: Tensor) -> float:
    """The middle of the variance on a scale of octaves, as a period in pixels; 0 where nothing varies."""
    periods, energy = bands(light)
    total = energy.sum()
    if total < 1e-12:
        return 0.0
    return float(2 ** ((periods.double().log2() * energy).sum() / total))


def _power(light: Tensor) -> Tensor:
    """Variance by frequency, `[H, W // 2 + 1]`; the picture fades to its mean at the edges (Hann), lest it jump."""
    height, width = light.shape
    window = torch.hann_window(height, dtype=light.dtype)[:, None] * torch.hann_window(width, dtype=light.dtype)
    mean = (light * window).sum() / window.sum().clamp(min=1e-12)
    power: Tensor = torch.fft.rfft2((light - mean) * window).abs().square_()
    power[:, 1 : (width + 1) // 2] *= 2  # the half of the plane that is not computed
    return power / (height * width * window.square().sum().clamp(min=1e-12))


def _frequency(height: int, width: int) -> Tensor:
    """Cycles a pixel, without regard to direction."""
    return torch.hypot(torch.fft.fftfreq(height)[:, None], torch.fft.rfftfreq(width))
