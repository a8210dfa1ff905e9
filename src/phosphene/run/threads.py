"""The one place that says how many threads of the processor compute."""

from __future__ import annotations

import torch


def use(count: int) -> None:
    """Computes with so many threads from now on."""
    torch.set_num_threads(count)
