"""What a brush that is held goes towards: contrast and colours of a place approach a limit, while its forms go on."""

from __future__ import annotations

import torch
from torch import Tensor

from phosphene.pixels.colours import blurred, limited, parted
from phosphene.pixels.masks import feather

NEAR = 24.0  # pixels of the view: what lies so near counts as one place
LIGHT, HUE = (1.2, 0.075), (1.2, 0.04)  # contrast at most: of the photograph's own, so many times, and so much more
PEAKS = 2.5  # how many times its spread a detail's highest places are
EDGE = 3 / 255  # that stays between a value and black or white
DRIFT = 0.09  # how far the mean of a place goes from where it was when the stroke began


def contrast(photograph: Tensor) -> Tensor:
    """How far a photograph's light and its colours vary near each pixel, `[1, 2, h, w]`."""
    return torch.cat([_spread(part) for part in parted(photograph - blurred(photograph, NEAR))], 1)


def settled(dreamt: Tensor, begun: Tensor, own: Tensor, share: float = 1.0) -> Tensor:
    """Dreamt pixels, their contrast and colours held below a limit that depends on the place.

    A value that would pass its limit never does, and is left alone far below it; see `limited`.

    Args:
        dreamt: `[1, 3, h, w]`, 0..1.
        begun: the same place when the stroke began; means stay near it.
        own: the same place of the photograph's `contrast`, which is the measure.
        share: how many colours it may have beside the photograph's own: 1 is usual, 0 none.
    """
    mean, drift = blurred(dreamt, NEAR), blurred(dreamt - begun, NEAR)
    kept = mean - drift + drift * limited(drift.abs().amax(1, keepdim=True), torch.full_like(drift[:, :1], DRIFT))
    room = kept.minimum(1 - kept).amin(1, keepdim=True).clamp(min=0) / PEAKS  # up to black, or to white
    details, most = [], (LIGHT, (HUE[0], HUE[1] * share))
    for detail, known, (times, more) in zip(parted(dreamt - mean), torch.split(own, 1, 1), most, strict=True):
        limit = times * known
        limit = torch.minimum(limit + more, torch.maximum(limit, room))
        details.append(detail * limited(_spread(detail), limit))
    return _short_of_limits(kept + details[0] + details[1], begun)


def _short_of_limits(value: Tensor, begun: Tensor) -> Tensor:
    """Values that come ever nearer to black or white, and do not reach them where nothing had when the stroke began."""
    away = value - begun
    room = torch.where(away < 0, begun, 1 - begun) - EDGE
    return (begun + away * limited(away.abs(), room)).clamp(0, 1)


def _spread(detail: Tensor) -> Tensor:
    """Root of the mean square near each pixel, `[1, 1, h, w]`."""
    return feather(detail.square().mean(1, keepdim=True), NEAR).sqrt()
