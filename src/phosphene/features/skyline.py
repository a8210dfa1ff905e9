"""Where a sky ends: what goes on from it without an edge is sky, and a lake beneath a city is none, however calm."""

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.pixels.transforms import at, shrink

REACH = 40  # pixels from a sky's border, at half the size: beyond it all is sure; half as many within
SOFT = 6  # pixels of a sky's soft border, likewise
SMOOTH = 0.018  # of colour: squared steps along a way, together; one edge is more


def sky_and_lake(alike: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """Where there is more sky than what is `alike`, and where that is a lake: `[1, 1, h, w]` each, 0 or 1.

    Sky goes on, as between towers, where a way leads from what is sky for sure on which colours hardly change, and
    change less than on any way from what is none for sure: geodesic segmentation, Criminisi, Sharp and Blake (2008).
    A lake is in the lower half, where no way through the sky leads from the upper edge.

    Args:
        alike: how far each place is like the sky, `[1, 1, h, w]`, 0..1.
        picture: `[1, 3, H, W]`, 512 pixels long, as the numbers above suppose.
    """
    pixels = shrink(picture, 0.5)
    inside = at(alike, *pixels.shape[-2:]) > 0.5
    top, low = torch.zeros_like(inside), torch.zeros_like(inside)
    top[..., 0, :], low[..., inside.shape[-2] // 2 :, :] = True, True
    high = _widened(_change_from(inside & top, inside.to(alike.dtype)) < 0.5, SOFT)
    lake = _widened(inside & low & ~high, SOFT) & ~high
    sky = inside & ~lake
    from_sky = _change_from(~_widened(~sky, REACH // 2), pixels)
    from_rest = _change_from(~_widened(sky, REACH), pixels)
    more = (from_sky < SMOOTH) & (from_sky < from_rest) & ~lake
    size = alike.shape[-2:]
    return at(more.to(alike.dtype), *size), at(lake.to(alike.dtype), *size)


def _change_from(start: Tensor, pixels: Tensor) -> Tensor:
    """How much colours change on the way from `start` `[1, 1, h, w]` on which they change least: squared steps."""
    steps = {dim: pixels.diff(dim=dim).square().sum(1, keepdim=True) + 1e-4 for dim in (2, 3)}
    change = torch.where(start, 0.0, torch.inf).to(pixels.dtype)
    for _ in range(sum(pixels.shape[-2:])):
        before = change.clone()
        for dim, step in steps.items():
            here, there = change.narrow(dim, 0, step.shape[dim]), change.narrow(dim, 1, step.shape[dim])
            there.copy_(torch.minimum(there, here + step))
            here.copy_(torch.minimum(here, there + step))
        if torch.equal(change, before):
            break
    return change


def _widened(mask: Tensor, radius: int) -> Tensor:
    """All within a square around each place of a mask `[1, 1, h, w]`."""
    side = 2 * radius + 1
    wide = F.pad(mask.float(), (radius,) * 4, value=0.0)
    return F.max_pool2d(F.max_pool2d(wide, (side, 1), 1), (1, side), 1) > 0
