"""Pure functions from tensor to tensor."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

SMALLEST = 32  # pixels a side: below this, a network's deep layers have no position left


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """`x` `[N, C, H, W]` at another size, linearly; corners stay corners, as in Google's notebook (scipy's `zoom`)."""
    if x.shape[-2:] == (height, width):
        return x
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=True)


def shrink(x: Tensor, scale: float) -> Tensor:
    """`x` `[N, C, H, W]` at `scale` times its size; made smaller, it is smoothed first."""
    size = [max(1, round(side * scale)) for side in x.shape[-2:]]
    if list(x.shape[-2:]) == size:
        return x
    return F.interpolate(x, size=size, mode="bilinear", align_corners=False, antialias=scale < 1)


def roll(x: Tensor, down: int, right: int) -> Tensor:
    """`x` `[N, C, H, W]` shifted; what leaves at one edge comes in at the other."""
    return torch.roll(x, (down, right), (-2, -1))


def fill(x: Tensor, side: int) -> Tensor:
    """`x` `[N, C, H, W]` at least `side` high and wide, continued by its lower and right edge where it is smaller."""
    down, right = (max(0, side - length) for length in x.shape[-2:])
    return F.pad(x, (0, right, 0, down), mode="replicate") if down or right else x


def mute(x: Tensor, colour: float) -> Tensor:
    """`x` `[N, 3, H, W]` with the difference between its channels scaled: 0 makes it grey, 1 leaves it alone."""
    if colour == 1:
        return x
    return torch.lerp(x.mean(1, keepdim=True), x, colour)
