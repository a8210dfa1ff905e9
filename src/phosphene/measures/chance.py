"""What chance does to the largest of many numbers."""

from __future__ import annotations

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
    below = looks * torch.special.log_ndtr(z)
    above = -torch.special.expm1(below) if z < 5 else looks * torch.special.log_ndtr(-z).exp()
    z = torch.special.ndtri(below.exp()) if above > 0.5 else -torch.special.ndtri(above)
    return max(-_FARTHEST, float(z))
