"""Seconds and memory by the size of the picture: one octave, one step, from file to file.

    python benchmarks/scaling.py [--sizes 0.25,1,5,12,25,50,100] [--memory 2GB] [--layer block11]
    python benchmarks/scaling.py --plot      # only draws the table that is there

Each size is a process of its own, whose peak memory the system tells. Seconds are those of the dream, reading and
writing included, without the program's start. Pictures are scikit-learn's `china.jpg`, enlarged strip by strip. The
table goes to `scaling.csv`, the plot to `docs/pictures/scaling.png`.
"""

from __future__ import annotations

import argparse
import csv
import json
import math
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pyvips
from sklearn.datasets import load_sample_image

from tables import show, write

HERE = Path(__file__).parent
TABLE = HERE / "scaling.csv"
PLOT = HERE.parent / "docs" / "pictures" / "scaling.png"


def picture(megapixels: float, folder: Path) -> Path:
    """China at a size, in a file."""
    china = pyvips.Image.new_from_array(np.ascontiguousarray(load_sample_image("china.jpg")))
    scale = math.sqrt(megapixels * 1e6 / (china.width * china.height))
    path = folder / f"{megapixels:g}.jpg"
    china.resize(scale, kernel="cubic").jpegsave(str(path), Q=92)
    return path


def measure(path: Path, chosen: argparse.Namespace) -> tuple[float, float]:
    """Seconds of a dream, and the most memory that its process held, in bytes."""
    program = (sys.executable, "-c", "from phosphene.cli import main; main()")
    wishes = ("--octaves", "1", "--steps", "1", "--layer", chosen.layer, "--memory", chosen.memory, "--max-pixels", "0")
    line = (*program, str(path), "-o", str(path.with_suffix(".tif")), *wishes, "--json")
    with subprocess.Popen(line, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        told = process.stdout.read()
        _, _, usage = os.wait4(process.pid, 0)
    return json.loads(told)["seconds"], usage.ru_maxrss * 1024


def plot(rows: list[dict[str, float]], limit: str) -> None:
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    sizes, each, peaks = ([row[name] for row in rows] for name in ("megapixels", "seconds each", "peak MB"))
    figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), layout="constrained")
    for axes, values, label in ((left, each, "seconds per megapixel"), (right, peaks, "peak memory, MB")):
        axes.plot(sizes, values, "o-", color="#3b6ea5")
        axes.set_xscale("log")
        axes.set_ylim(0, 1.15 * max(values))
        axes.set_xlabel("megapixels")
        axes.set_ylabel(label)
        axes.set_xticks(sizes, [f"{size:g}" for size in sizes])
        axes.minorticks_off()
        axes.grid(alpha=0.3)
    left.set_title("A step takes its time by the pixel")
    right.set_title(f"Memory stays below --memory {limit}")
    figure.savefig(PLOT, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", default="0.25,1,5,12,25,50,100")
    parser.add_argument("--memory", default="2GB")
    parser.add_argument("--layer", default="block11")
    parser.add_argument("--plot", action="store_true", help="measure nothing, draw the table that is there")
    chosen = parser.parse_args()
    if not chosen.plot:
        write(measured(chosen), TABLE)
    plot(read(), chosen.memory)


def measured(chosen: argparse.Namespace) -> list[dict[str, float]]:
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for size in map(float, chosen.sizes.split(",")):
            path = picture(size, Path(folder))
            seconds, peak = measure(path, chosen)
            rows.append({"megapixels": size, "seconds": seconds, "seconds each": seconds / size, "peak MB": peak / 1e6})
            show(rows[-1])
            for each in Path(folder).iterdir():
                each.unlink()
    return rows


def read() -> list[dict[str, float]]:
    with TABLE.open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


if __name__ == "__main__":
    main()
