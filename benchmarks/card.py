"""What a graphics card brings: a whole dream on it against plain eager PyTorch on it, and how exact gradients are.

    python benchmarks/card.py [--device cuda] [--size 1024x576] [--runs 5] [-o card.csv]

The plain dream is the loop of Google's notebook (2015) with the textbook network of `plain.py`: the same octaves, the
same number of steps, whole pictures. Gradients are compared with those in float64 on the processor; half precision
(bf16) counts where its error stays under 1e-2. Without such a card it says so, and ends; `--device cpu` tries the
script itself.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

import phosphene
import plain
import tables
from phosphene.networks.network import device_for
from phosphene.pixels.transforms import at
from phosphene.recipes.dream import sizes_of
from phosphene.recipes.settings import settings

BLOCKS = 11  # of the plain network, for the usual layer
STEP = 1.5 / 255


def plain_dream(network: torch.nn.Module, pixels: torch.Tensor, device: str) -> torch.Tensor:
    """The same octaves and steps, written plainly."""
    chosen = settings()
    detail, dreamt = torch.zeros(1, 3, 1, 1), pixels
    for height, width in sizes_of(chosen, *pixels.shape[-2:]):
        base = at(pixels, height, width)
        dreamt = (base + at(detail.expand(1, 3, *detail.shape[-2:]), height, width)).to(device)
        for _ in range(chosen.steps):
            g = plain_gradient(network, dreamt)
            dreamt = (dreamt + STEP * g / g.abs().mean()).clamp(0, 1)
        dreamt = dreamt.cpu()
        detail = dreamt - base
    return dreamt


def plain_gradient(network: torch.nn.Module, pixels: torch.Tensor) -> torch.Tensor:
    leaf = pixels.clone().requires_grad_()
    (network(leaf).square().sum() / 2).backward()
    return leaf.grad


def seconds(work: Callable[[], object], runs: int) -> float:
    """The median; the first run, which makes everything ready, is not counted."""
    work()
    times = []
    for _ in range(runs):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


def main() -> None:
    parser = tables.parser(__doc__)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--size", default="1024x576")
    parser.add_argument("--runs", type=int, default=5)
    chosen = parser.parse_args()
    try:
        device = str(device_for(chosen.device))
    except phosphene.PhospheneError as error:
        print(f"{error}\nNothing is measured. The script is ready for a machine with a card.")
        return
    width, height = map(int, chosen.size.split("x"))
    picture = torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0))
    ours = seconds(lambda: phosphene.dream(picture, device=chosen.device, colour="free"), chosen.runs)
    network = plain.EfficientNetLite0(BLOCKS).to(device)
    theirs = seconds(lambda: plain_dream(network, picture, device), chosen.runs)
    rows: list[tables.Row] = [
        {"what": "whole dream, plain", "seconds": theirs, "plain over this": 1.0, "error": ""},
        {"what": "whole dream, ours", "seconds": ours, "plain over this": theirs / ours, "error": ""},
    ]
    part = picture[..., : min(height, 512), : min(width, 512)]
    exact = plain_gradient(plain.EfficientNetLite0(BLOCKS).double(), part.double())
    for name, dtype in (("float32", torch.float32), ("bf16", torch.bfloat16)):
        network, there = plain.EfficientNetLite0(BLOCKS).to(device, dtype), part.to(device, dtype)
        error = float((plain_gradient(network, there).cpu().double() - exact).norm() / exact.norm())
        spent = seconds(partial(lambda *of: plain_gradient(*of).cpu(), network, there), chosen.runs)
        rows.append({"what": f"gradient, {name}", "seconds": spent, "plain over this": "", "error": f"{error:.1e}"})
    for each in rows:
        tables.show(each)
    if chosen.output:
        tables.write(rows, Path(chosen.output))


if __name__ == "__main__":
    main()
