"""Faithfulness: how much of the photograph's structure is still there, from fine to coarse."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)  # of scales, finest first, as people weigh them: Wang 2003, §3.2
_SIDE, _SIGMA = 11, 1.5  # pixels: the window that is compared
_STRIP = 256  # rows at a time, for memory
_FLOOR = (0.03**2, 0.01**2)  # where contrasts and brightnesses are too small to count: Wang 2004


def faithfulness(light: Tensor, photograph: Tensor) -> float:
    """The multi-scale structural similarity of two brightnesses `[H, W]`, 0..1; 1 is the same picture.

    Wang, Simoncelli and Bovik, "Multiscale structural similarity for image quality assessment", 2003. Pictures too
    small for five scales have fewer.
    """
    found, weights = 1.0, _WEIGHTS[: _scales(light)]
    for scale, weight in enumerate(weights):
        if scale:
            light, photograph = (F.avg_pool2d(each[None, None], 2)[0, 0] for each in (light, photograph))
        brightness, structure = _likeness(light, photograph)
        likeness = brightness if scale + 1 == len(weights) else structure
        found *= max(0.0, likeness) ** (weight / sum(weights))
    return found


def _scales(light: Tensor) -> int:
    """How many times a window fits into the picture, each time halved."""
    return max(1, sum(min(light.shape) >> scale >= _SIDE for scale in range(len(_WEIGHTS))))


def _likeness(x: Tensor, y: Tensor) -> tuple[float, float]:
    """How alike two pictures are on average: in brightness, contrast and structure, and without brightness."""
    side, total, count = min(_SIDE, len(x)), x.new_zeros(2, dtype=torch.float64), 0
    for top in range(0, len(x) - side + 1, _STRIP):
        strips = (each[top : top + _STRIP + side - 1] for each in (x, y))
        brightness, structure = _compare(*strips)
        total += torch.stack([(brightness * structure).sum(), structure.sum()])
        count += structure.numel()
    both, structure = (total / count).tolist()
    return both, structure


def _compare(x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """How alike two pictures are in brightness, and in contrast and structure, at each place."""
    contrast, bright = _FLOOR
    mean_x, mean_y = _blur(x), _blur(y)
    both = _blur(x * y) - mean_x * mean_y
    squares = _blur(x * x) - mean_x.square() + _blur(y * y) - mean_y.square()
    brightness = (2 * mean_x * mean_y + bright) / (mean_x.square() + mean_y.square() + bright)
    return brightness, (2 * both + contrast) / (squares + contrast)


def _blur(x: Tensor) -> Tensor:
    """Weighted means over windows that lie inside of the picture, or over all of a smaller one."""
    for axis in (0, 1):
        side = min(_SIDE, x.shape[axis])
        places = torch.arange(side, dtype=torch.float64) - (side - 1) / 2
        window = torch.exp(-places.square() / (2 * _SIGMA**2))
        length, blurred = x.shape[axis] - side + 1, torch.zeros(())
        for offset, weight in enumerate((window / window.sum()).tolist()):
            blurred = x.narrow(axis, offset, length) * weight + blurred
        x = blurred
    return x
