"""Why shifts help where there are no tiles: a strided layer sees a shifted picture differently.

A layer of stride s looks at every s-th place only. Of what comes back from it, one part moves with the picture, and
one stays with the lattice of these places. Where a picture has no structure at all only the second is left: all
positions say the same, and the gradient is exactly periodic, lines at the multiples of 1/s in its spectrum (the
checkerboards of Odena, Dumoulin and Olah, 2016). How much of that has which period is a matter of the weights alone:
`weights_say`. It is what should grow in a clear sky when nothing is shifted. A random shift turns the phase of each
line, so that the mean of n has 1/n of its energy.

Where there is structure, the two parts cannot be told by period. But the gradient of the shifted picture, shifted back,
agrees with the unshifted one in the first part only: `agreed` is its share, by bands of half an octave.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from phosphene.ascent.gradient import Shift
from subjects import Subject, google, seeded

MARGIN = 64  # pixels at the picture's edges that are left out: there, the network sees zeros


def bands(side: int) -> tuple[list[float], Tensor]:
    """Half octaves of periods from 2 pixels up: their middles, and each frequency's band, `[side, side]`."""
    down, right = torch.fft.fftfreq(side)[:, None], torch.fft.fftfreq(side)[None, :]
    period = 1 / torch.hypot(down, right).clamp(min=1e-9)
    band = (torch.log2(period / 2) * 2).floor().long().clamp(min=-1)
    count = int(torch.log2(torch.tensor(side / 16)) * 2)  # a band holds sixteen periods at least
    return [2 * 2 ** ((index + 0.5) / 2) for index in range(count)], band.clamp(max=count)


def by_band(power: Tensor) -> Tensor:
    """Sums of `[side, side]` by band."""
    middles, band = bands(power.shape[-1])
    inside = (band >= 0) & (band < len(middles))
    return torch.zeros(len(middles)).index_add_(0, band[inside], power[inside])


def waves(x: Tensor) -> Tensor:
    """The Fourier transform of `[1, 3, side, side]`, without what its edges would add (a Hann window)."""
    window = torch.hann_window(x.shape[-1])
    return torch.fft.fft2((x - x.mean((2, 3), keepdim=True)) * window[:, None] * window[None, :])


def spectrum(x: Tensor) -> Tensor:
    """Power `[side, side]` of `[1, 3, side, side]`."""
    return waves(x).abs().square().sum((0, 1))


def inner(x: Tensor) -> Tensor:
    return x[..., MARGIN:-MARGIN, MARGIN:-MARGIN]


def agreed(subject: Subject, pictures: Sequence[Tensor], shifts: Sequence[Shift]) -> Tensor:
    """By band, the share that moves with the picture: the energy of the gradients' mean, of their mean energy."""
    mean_power, power = 0.0, 0.0
    for pixels in pictures:
        found = [inner(subject.gradient(pixels, shift=shift)) for shift in shifts]
        mean_power = mean_power + by_band(spectrum(torch.stack(found).mean(0)))
        power = power + sum(by_band(spectrum(each)) for each in found) / len(found)
    share = mean_power / power
    return (share - 1 / len(shifts)) / (1 - 1 / len(shifts))  # of n that do not agree at all, 1/n would be left


def repeating(x: Tensor, period: int) -> float:
    """The share of the energy that repeats with so many pixels, less what would by chance."""
    part = inner(x)
    part = part - part.mean((2, 3), keepdim=True)
    down, right = (side // period for side in part.shape[-2:])
    mean = part.view(3, down, period, right, period).mean((1, 3))
    return float(mean.square().mean() / part.square().mean()) - 1 / (down * right)


def by_period(x: Tensor, stride: int) -> dict[int, float]:
    """The share that repeats with 2, 4, … pixels, up to the stride, and not sooner."""
    found, before = {}, 0.0
    for period in (2**power for power in range(1, stride.bit_length())):
        now = repeating(x, period)
        found[period], before = max(0.0, now - before), max(now, before)
    return found


def weights_say(subject: Subject, *, side: int = 384) -> dict[int, float]:
    """The same of the gradient of grey: what the network makes of nothing."""
    return by_period(subject.gradient(torch.full((1, 3, side, side), 0.5)), subject.stride)


def sky(side: int = 384) -> Tensor:
    """A clear evening: brighter towards the horizon, and the grain of a good camera."""
    height = torch.linspace(0.45, 0.75, side)[:, None].expand(side, side)
    colour = torch.tensor([0.8, 0.95, 1.1])[:, None, None] * height
    return (colour + 0.004 * torch.rand(3, side, side, generator=seeded(2)))[None].contiguous()


def flat(subject: Subject, shifts: Sequence[Shift], *, side: int = 384) -> list[float]:
    """The energy of the mean gradient of a grey picture over 1, 2, … shifts, as a share of a single one's."""
    grey, total, found = torch.full((1, 3, side, side), 0.5), 0.0, []
    for count, shift in enumerate(shifts, 1):
        g = inner(subject.gradient(grey, shift=shift))
        g = g - g.mean((2, 3), keepdim=True)
        total = total + g
        found.append(float((total / count).square().sum() / g.square().sum()))
    return found


def grown(subject: Subject, pixels: Tensor, *, jitter: int, steps: int, seed: int = 0) -> Tensor:
    """A dream of one size without tiles: Google's step, this jitter."""
    rule = google(jitter=jitter)
    return subject.climb_(pixels.clone(), rule, rule.shifts(steps, seeded(seed)))
