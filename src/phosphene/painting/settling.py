"""What a brush that is held goes towards: contrast and colours of a place approach a limit, while its forms go on."""

from __future__ import annotations

import torch
from torch import Tensor

from phosphene.pixels.masks import feather
from phosphene.pixels.transforms import LUMA

NEAR = 24.0  # pixels of the view: what lies so near counts as one place
LIGHT, HUE = (1.2, 0.075), (1.2, 0.04)  # contrast at most: of the photograph's own, so many times, and so much more
PEAKS = 2.5  # how many times its spread a detail's highest places are
DRIFT = 0.09  # how far the mean of a place goes from where it was when the stroke began


def settled(dreamt: Tensor, begun: Tensor, photograph: Tensor) -> Tensor:
    """Dreamt pixels, their contrast and colours held below a limit that depends on the place.

    A value s that would pass a limit L becomes s / (1 + (s / L)^8)^(1/8): it is left alone far below, and never passes.

    Args:
        dreamt: `[1, 3, h, w]`, 0..1.
        begun: the same place when the stroke began; means stay near it.
        photograph: the same place of the photograph, whose contrast is the measure.
    """
    light, hue = _parted(dreamt)
    own_light, own_hue = _parted(photograph)
    mean, drift = _blurred(dreamt), _blurred(dreamt - begun)
    kept = mean - drift + drift * _shrunk(drift.abs().amax(1, keepdim=True), torch.full_like(drift[:, :1], DRIFT))
    room = kept.minimum(1 - kept).amin(1, keepdim=True).clamp(min=0) / PEAKS  # up to black, or to white
    details = []
    for part, own, (times, more) in ((light, own_light, LIGHT), (hue, own_hue, HUE)):
        detail = part - _blurred(part)
        limit = times * _spread(own - _blurred(own))
        limit = torch.minimum(limit + more, torch.maximum(limit, room))
        details.append(detail * _shrunk(_spread(detail), limit))
    return (kept + details[0] + details[1]).clamp(0, 1)


def _parted(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Brightness `[1, 1, h, w]`, and what the colours differ from it."""
    light = (pixels * pixels.new_tensor(LUMA)[:, None, None]).sum(1, keepdim=True)
    return light, pixels - light


def _blurred(x: Tensor) -> Tensor:
    return torch.cat([_feathered(x[:, each : each + 1]) for each in range(x.shape[1])], 1)


def _feathered(plane: Tensor) -> Tensor:
    """Means near each pixel; of values below 0, too, which a mask has not."""
    return feather((plane + 1) / 2, NEAR) * 2 - 1


def _spread(detail: Tensor) -> Tensor:
    """Root of the mean square near each pixel, `[1, 1, h, w]`."""
    return feather(detail.square().mean(1, keepdim=True), NEAR).sqrt()


def _shrunk(value: Tensor, limit: Tensor) -> Tensor:
    """The factor by which a value stays below a limit."""
    return (1 + (value / limit.clamp(min=1e-6)) ** 8) ** -0.125
