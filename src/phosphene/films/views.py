"""Parts of key pictures as a zoom shows them: turned, enlarged or shrunk, in one resampling; masks to blend them."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.films.flight import Placement

_SOFTNESS = 0.5  # of the Gaussian's width against aliasing, in pixels of the view


@dataclass(frozen=True)
class Prefiltered:
    """A picture ready to be shown shrunk by any factor up to `most`."""

    sharp: Tensor  # `[1, 3, H, W]`, 0..1
    soft: Tensor  # the same, smoothed for the factor `most`
    most: float

    def shown(self, placement: Placement, size: tuple[int, int]) -> Tensor:
        """The part that a placement names, `[1, 3, *size]`, 0..1; past its edges the picture is mirrored.

        What is shrunk is smoothed first, by a Gaussian whose variance is the right one for the factor.
        """
        factor = placement.scale * self.sharp.shape[-2] / size[0]
        share = min(1.0, max(0.0, _variance(factor) / _variance(self.most))) if self.most > 1 else 0.0
        smoothed = torch.lerp(self.sharp, self.soft, share) if share else self.sharp
        grid = places(placement, self.sharp, size)
        sampled = F.grid_sample(smoothed, grid, mode="bicubic", padding_mode="reflection", align_corners=False)
        return sampled.clamp_(0, 1)


def prefiltered(pixels: Tensor, most: float) -> Prefiltered:
    """A picture `[1, 3, H, W]` ready to be shown shrunk by any factor up to `most`."""
    return Prefiltered(pixels, smooth(pixels, math.sqrt(max(0.0, _variance(most)))), most)


def _variance(factor: float) -> float:
    """Of the Gaussian before a picture is shrunk so much, in its pixels squared."""
    return _SOFTNESS**2 * (factor**2 - 1)


def smooth(x: Tensor, deviation: float) -> Tensor:
    """`x` `[1, C, H, W]` smoothed by a Gaussian of that standard deviation, in pixels; mirrored at its edges."""
    reach = min(math.ceil(3 * deviation), min(x.shape[-2:]) - 1)
    if reach < 1:
        return x
    kernel = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=x.dtype) / deviation) ** 2)
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, -1)
    x = F.conv2d(F.pad(x, (reach,) * 4, mode="reflect"), kernel[:, :, None], groups=x.shape[1])
    return F.conv2d(x, kernel[..., None], groups=x.shape[1])


def places(placement: Placement, pixels: Tensor, size: tuple[int, int]) -> Tensor:
    """Where a picture's part lies, `[1, h, w, 2]`, x and y: -1 and 1 are the picture's edges."""
    height, width = pixels.shape[-2:]
    rows, columns = (
        ((torch.arange(count, dtype=pixels.dtype) + 0.5) / count - 0.5) * side
        for count, side in zip(size, (height, width), strict=True)
    )
    cosine, sine = math.cos(placement.angle) * placement.scale, math.sin(placement.angle) * placement.scale
    down = (cosine * rows[:, None] + sine * columns) / height + placement.shift[0]
    right = (cosine * columns - sine * rows[:, None]) / width + placement.shift[1]
    return 2 * torch.stack((right, down), -1)[None]


def inside(placement: Placement, pixels: Tensor, size: tuple[int, int], feather: float) -> Tensor:
    """How far each place of a view is inside a picture, `[1, 1, h, w]`: 0 at its edges and outside, smoothly up to 1.

    `feather` is the width of the slope in shares of half the picture's side.
    """
    ramps = ((1 - places(placement, pixels, size).abs()) / max(feather, 1e-6)).clamp_(0, 1)
    return (ramps * ramps * (3 - 2 * ramps)).prod(-1)[:, None]
