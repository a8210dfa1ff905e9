"""Pure functions from tensor to tensor."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def resize(x: Tensor, height: int, width: int) -> Tensor:
    """`x` `[N, C, H, W]` at another size, linearly; corners stay corners, as in Google's notebook (scipy's `zoom`)."""
    if x.shape[-2:] == (height, width):
        return x
    return F.interpolate(x, size=(height, width), mode="bilinear", align_corners=True)


def roll(x: Tensor, down: int, right: int) -> Tensor:
    """`x` `[N, C, H, W]` shifted; what leaves at one edge comes in at the other."""
    return torch.roll(x, (down, right), (-2, -1))


def mute(x: Tensor, colour: float) -> Tensor:
    """`x` `[N, 3, H, W]` with the difference between its channels scaled: 0 makes it grey, 1 leaves it alone."""
    if colour == 1:
        return x
    return torch.lerp(x.mean(1, keepdim=True), x, colour)
