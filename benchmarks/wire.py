"""What crosses the wire when workers dream on one picture: python benchmarks/wire.py [--sizes 4,12,48] [--workers 3]

Real workers, each a process; the bytes are those that they wrote to each other, counted by Dask, with all that is
around the pixels. Between steps a worker keeps its pixels, so that only borders, sums and orders travel. Beside it:
what is sent once, what an octave costs at its beginning and end, and what one worker needs for a step of its pixels,
alone on its core. The table goes to `wire.csv`.
"""

from __future__ import annotations

import argparse
import math
import pickle
import tempfile
import time
from pathlib import Path

import torch
from distributed import Client

from phosphene import networks
from phosphene.ascent import gradient, planning
from phosphene.ascent.executor import DiskExecutor, StepExecutor, Work
from phosphene.cli.process import tune_malloc
from phosphene.cluster import ClusterExecutor, connect
from phosphene.images.rasters import Raster
from phosphene.objectives import layer
from phosphene.recipes.dream import rule_of
from phosphene.recipes.settings import DreamSettings
from phosphene.records.journal import Journal
from tables import Row, show, write

HERE = Path(__file__).parent
STEPS = 3
SHIFTS = ((0, 0), (-17, 23), (31, -9), (5, 30))  # the first step only warms up


def sent(client: Client) -> int:
    """Bytes that the workers wrote to each other and to us since the last call."""

    def counted(dask_worker) -> int:
        found = sum(each["compressed"] for each in dask_worker.transfer_outgoing_log)
        dask_worker.transfer_outgoing_log.clear()
        return found

    return sum(client.run(counted).values())


def measure(client: Client, megapixels: float, folder: Path, workers: int, name: str) -> Row:
    width = round(math.sqrt(megapixels * 4 / 3) * 1000)
    now = Raster(folder / "now.raw", width * 3 // 4, width).create()
    now.write(torch.rand(1, 3, *now.size, generator=torch.Generator().manual_seed(0)))
    spare = Raster(folder / "spare.raw", *now.size).create()
    network, settings = networks.load("efficientnet-lite0"), DreamSettings()
    objective = layer(name).prepare(network)
    (tiling,) = planning.plan(network, objective, sizes=[now.size], tile=1024, overlap="auto", memory=None)
    boxes = gradient.boxes(now.size, network, objective, tiling)
    work = Work(network, "cpu", objective, boxes, rule_of(settings), Journal(folder, {}))
    executor: StepExecutor = ClusterExecutor(client)(work)
    executor.step(now, spare, SHIFTS[0], 1e-3, lambda _: None)
    sent(client)
    began = time.perf_counter()
    for shift in SHIFTS[1:]:
        executor.step(now, spare, shift, 1e-3, lambda _: None)
    seconds, crossed = (time.perf_counter() - began) / STEPS, sent(client) / STEPS
    executor.keep(spare, must=True)
    kept = sent(client)
    pixels = math.prod(now.size) / 1e6
    return {
        "layer": name,
        "workers": str(workers),
        "megapixels": pixels,
        "MB a step": crossed / 1e6,
        "MB a step and megapixel": crossed / 1e6 / pixels,
        "MB to keep": kept / 1e6,
        "MB of network": len(pickle.dumps(network)) / 1e6,
        "core seconds a step and megapixel": workers * seconds / pixels,
        "the same alone": alone(work, now, spare) / pixels,
    }


def alone(work: Work, now: Raster, spare: Raster) -> float:
    """Core seconds of a step on this computer without workers; the second of two."""
    for shift in SHIFTS[:2]:
        work.journal.state.clear()
        began = time.perf_counter()
        DiskExecutor(work).step(now, spare, shift, 1e-3, lambda _: None)
    return torch.get_num_threads() * (time.perf_counter() - began)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="4,12,48")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--layers", default="block11")
    chosen = parser.parse_args()
    tune_malloc((0, 0))
    rows = []
    with connect(workers=chosen.workers, threads=1) as client:
        for name in chosen.layers.split(","):
            for size in map(float, chosen.sizes.split(",")):
                with tempfile.TemporaryDirectory() as folder:
                    rows.append(measure(client, size, Path(folder), chosen.workers, name))
                show(rows[-1])
    write(rows, HERE / "wire.csv")


if __name__ == "__main__":
    main()
