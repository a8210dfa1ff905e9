"""What chance does to the largest of many numbers."""

from __future__ import annotations

import math

import torch

_FARTHEST = 30.0  # standard deviations: beyond them a probability is 0 in float64


def corrected(largest: float, looks: int) -> float:
    """The largest of `looks` independent standard normal numbers, as the one number that is as unlikely.

    Šidák 1967: the largest stays below z with the probability of one that does, to the power of their count.

    >>> round(corrected(3.0, 1), 6)
    3.0
    >>> corrected(3.0, 1000) < 0.7
    True
    """
    z = torch.tensor(min(largest, _FARTHEST), dtype=torch.float64)
    above = -math.expm1(looks * math.log1p(-float(torch.special.ndtr(-z))))
    if above <= 0.5:
        return -float(torch.special.ndtri(torch.tensor(above, dtype=torch.float64)))
    below = math.exp(looks * math.log(float(torch.special.ndtr(z)))) if z > -_FARTHEST else 0.0
    return max(-_FARTHEST, float(torch.special.ndtri(torch.tensor(below, dtype=torch.float64))))
