"""Whether calm places can be a sky, and where it ends: a lake beneath a city is none."""

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.features.matching import mean_around
from phosphene.pixels.transforms import at, shrink

INSIDE, OUTSIDE = 20, 40  # pixels from a sky's border, at half the size, from which all is surely sky, and surely none
SOFT = 6  # pixels of a sky's soft border, likewise
SMOOTH = 0.018  # of colour: squared steps along a way, together; one edge is more
NEAR = 0.06  # of the long side: how near a sky what looks like it is, and whose colours count for that
CLOSER, MARGIN = 4.0, 0.01  # factor and summand by which a colour is closer to the sky's than to the rest's, squared
COARSE = 4  # pixels of a side that count as one where means are taken
DEEP = 3  # pixels from a sky's border, at half the size: what looks like the sky goes on from there, not from a speck
BRIGHT, BRIGHTER = 0.6, 0.05  # mean of a sky by day; or so much more than the rest's mean
BLUE, BLACK = 0.02, 0.13  # how far blue is above red and green in a sky that is neither; mean of a sky by night
UPPER, LOWER = 0.95, 0.05  # a grey sky has more of the picture's upper edge, and less of the lower
DIM = 0.6  # of the rest's mean: a grey sky has more


def can_be_sky(colour: Tensor, share: Tensor) -> bool:
    """Whether places are bright, or brighter than the rest, or blue, or black, or above a rest that is little brighter.

    Args:
        colour: of each place, `[h, w, 3]`.
        share: how far each is of what may be a sky, `[h, w]`.
    """
    inside, rest = ((part[..., None] * colour).sum((0, 1)) / part.sum().clamp(min=1e-6) for part in (share, 1 - share))
    red, green, blue = inside.tolist()
    light, light_of_rest = float(inside.mean()), float(rest.mean())
    by_day = light > BRIGHT or light > light_of_rest + BRIGHTER
    upper, lower = share[[0, -1]].mean(1).tolist()
    above = upper > UPPER and lower < LOWER and light > DIM * light_of_rest
    return by_day or blue > max(red, green) + BLUE or light < BLACK or above


def sky_and_lake(sky_share: Tensor, picture: Tensor) -> tuple[Tensor, Tensor]:
    """How far each place is sky, and how far lake, `[1, 1, h, w]` each, 0..1.

    Sky goes on, as between towers, where a way leads from what is surely sky on which colours hardly change, and change
    less than on any way from what is surely none: geodesic segmentation, Criminisi, Sharp and Blake (2008). A lake
    is like the sky and reaches into the lower third, but no way through the sky leads there from the upper edge.

    Places that an edge parts from the sky, as a cloud does between statues, are sky, too, if they and what lies between
    look like the sky around them, and not like the rest.

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
    reached = (from_sky < SMOOTH) & (from_sky < from_rest) & ~lake
    whole = sky | reached
    joined = _connected(whole | (like_sky(whole.to(pixels.dtype), pixels) & ~lake), ~_widened(~whole, DEEP))
    reached |= joined & ~whole
    sky_mask, lake_mask = (at(each.to(sky_share.dtype), *sky_share.shape[-2:]).clamp(0, 1) for each in (reached, lake))
    return torch.maximum(sky_share, sky_mask) * (1 - lake_mask), sky_share * lake_mask


def like_sky(sky: Tensor, pixels: Tensor) -> Tensor:
    """Whether a place near a sky looks like the sky around it, and not like the rest around it; `[1, 1, h, w]`.

    A second pass leaves what the first one found out of the rest's mean. Where nothing of the rest is near, black
    stands for it.

    Args:
        sky: how far each place is sky, 0..1, `[1, 1, h, w]`.
        pixels: the picture, `[1, 3, h, w]`.
    """
    radius = max(1, round(NEAR * max(sky.shape[-2:])))
    near, found = _widened(sky > 0.5, radius), torch.zeros_like(sky, dtype=torch.bool)
    for _ in range(2):
        to_sky, to_rest = (_to_mean(pixels, share, radius) for share in (sky, (1 - sky) * ~found))
        found = near & (to_sky + MARGIN < to_rest / CLOSER)
    return found


def _to_mean(pixels: Tensor, share: Tensor, radius: int) -> Tensor:
    """The squared distance of each pixel's colour from the mean of those around it, each counting for its share."""
    coarse = [max(1, side // COARSE) for side in pixels.shape[-2:]]
    weighted = F.interpolate(torch.cat([share * pixels, share], 1), size=coarse, mode="area")
    sums = mean_around(weighted, -(-radius // COARSE))
    mean = F.interpolate(sums[:, :3] / sums[:, 3:].clamp(min=1e-3), size=pixels.shape[-2:], mode="bilinear")
    return (pixels - mean).square().sum(1, keepdim=True)


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
