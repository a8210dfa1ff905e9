"""What a masked dream costs beside an unmasked one: python benchmarks/masks.py [megapixels]

Masks of a twentieth of the picture: a disc, a strip along an edge, five discs, and a scatter of small ones.
"""

from __future__ import annotations

import sys
import time

import torch

from phosphene import networks
from phosphene.recipes.dream import dream
from phosphene.recipes.settings import settings

SHARE = 0.05


def discs(height: int, width: int, count: int) -> torch.Tensor:
    """A mask of equal discs, which together cover a twentieth of the picture."""
    generator = torch.Generator().manual_seed(count)
    rows, columns = torch.arange(height)[:, None], torch.arange(width)[None]
    radius = (SHARE * height * width / count / torch.pi) ** 0.5
    mask = torch.zeros(height, width)
    while mask.mean() < SHARE * 0.98:
        down, right = radius + torch.rand(2, generator=generator) * (torch.tensor([height, width]) - 2 * radius)
        apart = (rows - down) ** 2 + (columns - right) ** 2
        if count == 1 or not mask[apart < (1.5 * radius) ** 2].any():
            mask[apart < radius**2] = 1
    return mask[None, None]


def strip(height: int, width: int) -> torch.Tensor:
    """A mask of the picture's lowest twentieth."""
    mask = torch.zeros(1, 1, height, width)
    mask[..., round(height * (1 - SHARE)) :, :] = 1
    return mask


def seconds(pixels: torch.Tensor, network: networks.Network, mask: torch.Tensor | None) -> float:
    """Processor time of two ascent steps at full size, beyond what a dream of one step takes before and after it."""
    times = []
    for steps in (1, 3):
        started = time.process_time()
        dream(pixels, network, settings=settings(octaves=1, steps=steps), mask=mask)
        times.append(time.process_time() - started)
    return times[1] - times[0]


def main() -> None:
    height, width = 3000, 4000
    if len(sys.argv) > 1:
        height, width = (round(side * (float(sys.argv[1]) / 12) ** 0.5) for side in (height, width))
    pixels, network = torch.rand(1, 3, height, width), networks.load()
    whole = seconds(pixels, network, None)
    print(f"{width}×{height}, {network.default_layer}, two steps: {whole:.1f} s")
    masks = {"one disc": discs(height, width, 1), "a strip": strip(height, width)}
    masks |= {f"{count} discs": discs(height, width, count) for count in (5, 20)}
    for name, mask in masks.items():
        print(f"{name:>10}: {mask.mean():.1%} of the pixels, {seconds(pixels, network, mask) / whole:.1%} of the time")


if __name__ == "__main__":
    main()
