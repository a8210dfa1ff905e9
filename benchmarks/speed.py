"""One gradient against the plain formulation: time, ratio, memory, and what the machine allows.

    python benchmarks/speed.py [--googlenet FILE.caffemodel] [--size 1024x576] [--runs 9] [-o speed.csv]

Times are medians of interleaved runs. Each side runs in a process of its own, because the memory allocator is tuned
for ours as the command line tunes it, and because peak memory belongs to a process; the parent tells them by turns to
take a step.
"""

from __future__ import annotations

import argparse
import resource
import statistics
import sys
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch

import plain
import tables
from phosphene import networks
from phosphene.ascent import gradient
from phosphene.ascent.gradient import Tiling
from phosphene.cli.process import tune_malloc
from phosphene.objectives import layer

Step = Callable[[], torch.Tensor]

# What is measured: a network, its layer, and how many blocks the plain one needs for it.
AIMS = (
    ("efficientnet-lite0", "block10", 10),
    ("efficientnet-lite0", "block11", 11),
    ("googlenet", "inception_4c/output", 0),
)


def ours(model: str, aim: str, pixels: torch.Tensor) -> Step:
    tune_malloc((pixels.shape[-1], pixels.shape[-2]))
    network, objective = networks.load(model), layer(aim)
    return lambda: gradient.compute(pixels, network, objective, Tiling(99_999, 0))[0]


def matrix_product(side: int = 2048, runs: int = 7) -> float:
    """Operations of float32 per second in a large matrix product, at best."""
    a, b = torch.rand(2, side, side)
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        _ = a @ b
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times)


def textbook(model: str, blocks: int, pixels: torch.Tensor) -> Step:
    network = plain.EfficientNetLite0(blocks) if blocks else plain.GoogLeNet(Path(model))

    def step() -> torch.Tensor:
        leaf = pixels.clone().requires_grad_()
        (network(leaf).square().sum() / 2).backward()
        return leaf.grad

    return step


def serve(side: str, model: str, aim: str, blocks: int, size: tuple[int, int], pipe: Connection) -> None:
    """Takes a step whenever it is told to; the last message asks for the gradient and the peak memory."""
    pixels = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    networks.load(model if blocks == 0 else "efficientnet-lite0")  # from the disk: nobody's start
    start = time.perf_counter()
    step = textbook(model, blocks, pixels) if side == "plain" else ours(model, aim, pixels)
    g = step()
    pipe.send(time.perf_counter() - start)
    while pipe.recv() == "step":
        start = time.perf_counter()
        g = step()
        pipe.send(time.perf_counter() - start)
    pipe.send((g.numpy().copy(), peak()))


def peak() -> float:
    """MiB that this process held at most; what `getrusage` tells on Linux counts the parent's as well."""
    status = Path("/proc/self/status")
    if status.is_file():
        return int(status.read_text().split("VmHWM:")[1].split()[0]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def compare(name: str, model: str, aim: str, blocks: int, size: tuple[int, int], runs: int) -> list[tables.Row]:
    """A row for each side."""
    context, sides, starts = get_context("spawn"), {}, {}
    for side in ("plain", "ours"):
        here, there = context.Pipe()
        context.Process(target=serve, args=(side, model, aim, blocks, size, there), daemon=True).start()
        sides[side], starts[side] = here, here.recv()
    times: dict[str, list[float]] = {side: [] for side in sides}
    for _ in range(runs):
        for side, pipe in sides.items():
            pipe.send("step")
            times[side].append(pipe.recv())
    ends = {}
    for side, pipe in sides.items():
        pipe.send("stop")
        ends[side] = pipe.recv()
    at_best = flops(model, aim, size) / matrix_product()
    facts = {"network": name, "layer": aim, "size": f"{size[1]}x{size[0]}", "threads": str(torch.get_num_threads())}
    return [facts | _row(side, times, starts, ends, at_best) for side in sides]


def _row(side: str, times: dict, starts: dict, ends: dict, at_best: float) -> tables.Row:
    ratios = sorted(plainly / own for plainly, own in zip(times["plain"], times[side], strict=True))
    found, reference = (torch.from_numpy(ends[each][0]) for each in (side, "plain"))
    return {
        "side": side,
        "seconds": statistics.median(times[side]),
        "plain over this": statistics.median(ratios),
        "least": ratios[0],
        "most": ratios[-1],
        "share of matrix product": at_best / statistics.median(times[side]),
        "start": starts[side],
        "peak MiB": f"{ends[side][1]:.0f}",
        "differs": f"{float((found - reference).norm() / reference.norm()):.0e}",
    }


def flops(model: str, aim: str, size: tuple[int, int]) -> float:
    """Of the convolutions, forward and back to the pixels: twice a forward pass."""
    from torch.utils.flop_counter import FlopCounterMode

    network = networks.load(model)
    with FlopCounterMode(display=False) as counter:
        for name, _ in network.iter_layers(torch.rand(1, 3, *size)):
            if name == aim:
                break
    return 2 * counter.get_total_flops()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--googlenet", metavar="FILE.caffemodel", default=None)
    parser.add_argument("--size", default="1024x576")
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("-o", "--output", type=Path, help="the table as CSV")
    chosen = parser.parse_args()
    width, height = map(int, chosen.size.split("x"))
    file = chosen.googlenet or networks.find(networks.SOURCES["googlenet"])
    rows = []
    print(f"matrix product {matrix_product() / 1e9:.0f} GFLOP/s")
    for name, aim, blocks in AIMS:
        if not blocks and not file:
            print("googlenet is not here: phosphene networks get googlenet", file=sys.stderr)
            continue
        model = name if blocks else str(file)
        for row in compare(name, model, aim, blocks, (height, width), chosen.runs):
            tables.show(row)
            rows.append(row)
    if chosen.output:
        tables.write(rows, chosen.output)


if __name__ == "__main__":
    main()
