"""Where a sky ends: what goes on from it without an edge is sky, and a lake beneath a city is none, however calm."""

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.pixels.transforms import at, shrink

INSIDE, OUTSIDE = 20, 40  # pixels from a sky's border, at half the size, from which all is surely sky, and surely none
SOFT = 6  # pixels of a sky's soft border, likewise
SMOOTH = 0.018  # of colour: squared steps along a way, together; one edge is more


def sky_and_lake(sky_share: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """How far each place is sky, and how far lake, `[1, 1, h, w]` each, 0..1.

    Sky goes on, as between towers, where a way leads from what is surely sky on which colours hardly change, and change
    less than on any way from what is surely none: geodesic segmentation, Criminisi, Sharp and Blake (2008). A lake
    is like the sky and reaches into the lower third, but no way through the sky leads there from the upper edge.

    Args:
        sky_share: how far each place is of the kinds that are sky, `[1, 1, h, w]`, 0..1; a lake is of these, too.
        picture: `[1, 3, H, W]`, of 512 pixels' length, as the numbers above suppose.
    """
    pixels = shrink(picture, 0.5)
    alike = at(sky_share, *pixels.shape[-2:]) > 0.5
    rows = torch.arange(alike.shape[-2])[:, None].expand_as(alike)
    high = _widened(_connected(alike, rows == 0), SOFT)
    lake = _widened(_connected(alike & ~high, rows >= 2 / 3 * alike.shape[-2]), SOFT) & ~high
    sky = alike & ~lake
    surely_none = ~_widened(sky, OUTSIDE) | (~sky & (rows == rows.max()))
    from_sky, from_rest = (_change_from(start, pixels) for start in (~_widened(~sky, INSIDE), surely_none))
    reached = (from_sky < SMOOTH) & (from_sky < from_rest)
    sky_mask, lake_mask = (
        at(each.to(sky_share.dtype), *sky_share.shape[-2:]).clamp(0, 1) for each in (reached & ~lake, lake)
    )
    return torch.maximum(sky_share, sky_mask) * (1 - lake_mask), sky_share * lake_mask


def _connected(mask: Tensor, start: Tensor) -> Tensor:
    """The places of a mask `[1, 1, h, w]` to which a way within it leads from one of its places in `start`."""
    return mask & (_change_from(mask & start, mask.float()) < 0.5)


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
