"""The guided filter: a map is made to follow the edges of a picture.

After He, Sun and Tang, "Guided Image Filtering" (2010): in each window the map is taken for a linear function of the
picture's colours, and each pixel is the mean of what the windows around it say. Those functions vary slowly, so that
they are found on a smaller picture and enlarged (He and Sun, "Fast Guided Filter", 2015).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.transforms import shrink

SMALLER = 4  # times


def filtered(maps: Tensor, picture: Tensor, radius: int, smoothness: float) -> Tensor:
    """Maps `[1, D, H, W]` that change where `picture` `[1, 3, H, W]` changes, and nowhere else.

    Args:
        maps: each filtered by itself; of any size.
        picture: the guide, 0..1.
        radius: of windows, in pixels.
        smoothness: variance of colours below which the picture counts as flat; the published ε.
    """
    small = shrink(picture, 1 / SMALLER)
    slopes, offsets = _functions(_sized(maps, small), small, max(1, radius // SMALLER), smoothness)
    slopes, offsets = (_sized(each, picture) for each in (slopes, offsets))
    return torch.einsum("cdhw,nchw->ndhw", slopes, picture) + offsets


def _functions(maps: Tensor, picture: Tensor, radius: int, smoothness: float) -> tuple[Tensor, Tensor]:
    """The slopes `[3, D, h, w]` and offsets `[1, D, h, w]` by which colours make maps, each around its pixel."""
    guide, values, colours = picture[0], _mean(maps, radius), _mean(picture, radius)[0]
    spread = _mean(guide[:, None] * guide, radius) - colours[:, None] * colours
    along = _mean(guide[:, None] * maps, radius) - colours[:, None] * values
    flat = smoothness * torch.eye(3, dtype=maps.dtype)
    slopes = torch.linalg.solve(spread.permute(2, 3, 0, 1) + flat, along.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
    offsets = values - torch.einsum("cdhw,chw->dhw", slopes, colours)
    return _mean(slopes, radius), _mean(offsets, radius)


def _mean(x: Tensor, radius: int) -> Tensor:
    """The mean over windows of `x` `[N, C, h, w]`, first along rows and then along columns."""
    across, down = (min(radius, side - 1) for side in reversed(x.shape[-2:]))
    x = F.avg_pool2d(F.pad(x, (across, across, 0, 0), mode="replicate"), (1, 2 * across + 1), 1)
    return F.avg_pool2d(F.pad(x, (0, 0, down, down), mode="replicate"), (2 * down + 1, 1), 1)


def _sized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
