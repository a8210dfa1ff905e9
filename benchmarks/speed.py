"""One gradient, ours against the plain formulation: time, ratio, memory, and share of the machine's matrix product.

    python benchmarks/speed.py [--googlenet FILE.caffemodel] [--size 1024x576] [--runs 7]

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
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path

import torch

import plain
from phosphene import gradient, networks
from phosphene.cli.memory import keep_buffers
from phosphene.gradient import Tiling
from phosphene.objectives import layer

DEEPEST = {"efficientnet-lite0": ("block10", 10), "googlenet": ("inception_4c/output", None)}


def ours(model: str, file: str | None, pixels: torch.Tensor):
    keep_buffers()
    network = networks.load(file or model)
    objective = layer(DEEPEST[model][0])
    return lambda: gradient.compute(pixels, network, objective, Tiling(99_999, 0))[0]


def textbook(model: str, file: str | None, pixels: torch.Tensor):
    network = plain.GoogLeNet(Path(file)) if file else plain.EfficientNetLite0(DEEPEST[model][1])

    def step() -> torch.Tensor:
        leaf = pixels.clone().requires_grad_()
        (network(leaf).square().sum() / 2).backward()
        return leaf.grad

    return step


def serve(kind: str, model: str, file: str | None, size: tuple[int, int], pipe: Connection) -> None:
    """Takes a step whenever it is told to; the last message asks for the gradient and the peak memory."""
    pixels = torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0))
    step = (ours if kind == "ours" else textbook)(model, file, pixels)
    g = step()
    while pipe.recv() == "step":
        start = time.perf_counter()
        g = step()
        pipe.send(time.perf_counter() - start)
    pipe.send((g.numpy(), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024))


def compare(model: str, file: str | None, size: tuple[int, int], runs: int) -> None:
    context = get_context("spawn")
    sides = {}
    for kind in ("ours", "plain"):
        here, there = context.Pipe()
        context.Process(target=serve, args=(kind, model, file, size, there), daemon=True).start()
        sides[kind] = here
    times: dict[str, list[float]] = {kind: [] for kind in sides}
    for _ in range(runs):
        for kind, pipe in sides.items():
            pipe.send("step")
            times[kind].append(pipe.recv())
    results = {}
    for kind, pipe in sides.items():
        pipe.send("stop")
        results[kind] = pipe.recv()
    report(model, file, size, times, results)


def report(model, file, size, times, results) -> None:
    median = {kind: statistics.median(found) for kind, found in times.items()}
    ratios = sorted(b / a for a, b in zip(times["ours"], times["plain"], strict=True))
    work, rate = flops(model, file, size), matrix_product_rate()
    first, second = (torch.from_numpy(results[kind][0]) for kind in ("ours", "plain"))
    threads = torch.get_num_threads()
    print(f"\n{model}, {DEEPEST[model][0]}, {size[1]}x{size[0]}, {threads} threads, {len(ratios)} runs each")
    for kind, seconds in median.items():
        share = work / seconds / rate
        print(
            f"  {kind:5}  {seconds:.3f} s  peak {results[kind][1]:5.0f} MiB  {share:4.0%} of the matrix product's rate"
        )
    print(f"  ratio plain/ours: {median['plain'] / median['ours']:.2f} (pairs {ratios[0]:.2f} to {ratios[-1]:.2f})")
    print(f"  the two gradients differ by {float((first - second).norm() / second.norm()):.1e} (relative, L2)")
    print(f"  matrix product: {rate / 1e9:.0f} GFLOP/s; one gradient is {work / 1e9:.1f} GFLOP of convolutions")


def flops(model: str, file: str | None, size: tuple[int, int]) -> float:
    """Of the convolutions, forward and back to the pixels: twice a forward pass."""
    from torch.utils.flop_counter import FlopCounterMode

    network = networks.load(file or model)
    with FlopCounterMode(display=False) as counter:
        for name, _ in network.walk(torch.rand(1, 3, *size)):
            if name == DEEPEST[model][0]:
                break
    return 2 * counter.get_total_flops()


def matrix_product_rate(side: int = 2048) -> float:
    a, b = torch.rand(2, side, side)
    times = []
    for _ in range(7):
        start = time.perf_counter()
        a @ b
        times.append(time.perf_counter() - start)
    return 2 * side**3 / min(times)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--googlenet", metavar="FILE.caffemodel", default=None)
    parser.add_argument("--size", default="1024x576")
    parser.add_argument("--runs", type=int, default=7)
    chosen = parser.parse_args()
    width, height = map(int, chosen.size.split("x"))
    file = chosen.googlenet or networks.find(networks.SOURCES["googlenet"])
    compare("efficientnet-lite0", None, (height, width), chosen.runs)
    if file:
        compare("googlenet", str(file), (height, width), chosen.runs)
    else:
        print("\ngooglenet is not here: phosphene networks get googlenet", file=sys.stderr)


if __name__ == "__main__":
    main()
