"""A whole dream on a quiet machine and beside another program, by how many threads, and by how they wait.

    python benchmarks/busy.py [--runs 5] [--size 1024x1024] [-o busy.csv]

Threads of OpenMP spin at the end of each parallel part, so that the next one begins at once. Where another program has
a core, a spinning thread takes that core's time from the one that is waited for. `GOMP_SPINCOUNT` bounds the spinning.
By default the program counts, while it loads, how many cores others keep busy, and leaves these to them.
Times are medians of interleaved runs of the command line, in seconds; the ratio is to the first row's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import tables

PROGRAM = (sys.executable, "-c", "from phosphene.cli import main; main()")
SPIN = "while True: pass"
ALL = ("--threads", str(os.cpu_count()))
Way = tuple[tuple[str, ...], dict[str, str]]  # flags, and what is in the environment
WAYS: dict[str, Way] = {
    "all cores": (ALL, {}),
    "as chosen at the start": ((), {}),
    "spins 10,000": (ALL, {"GOMP_SPINCOUNT": "10000"}),
    "never spins": (ALL, {"OMP_WAIT_POLICY": "passive"}),
    "one thread": (("--threads", "1"), {}),
}


def dream(flags: tuple[str, ...], environment: dict[str, str], size: str) -> float:
    """Seconds of one dream of a canvas, from the command to the file."""
    with tempfile.TemporaryDirectory() as folder:
        line = [*PROGRAM, "clouds", "--size", size, *flags, "-q"]
        line += ["-o", str(Path(folder) / "a.png")]
        began = time.monotonic()
        subprocess.run(line, env={**os.environ, **environment}, check=True)
        return time.monotonic() - began


def measured(ways: Mapping[str, Way], runs: int, size: str, busy: int) -> dict[str, float]:
    """The median of each way, beside so many programs that keep a core busy each."""
    found: dict[str, list[float]] = {name: [] for name in ways}
    others = [subprocess.Popen([sys.executable, "-c", SPIN]) for _ in range(busy)]
    try:
        for _ in range(runs):
            for name, (flags, environment) in ways.items():
                found[name].append(dream(flags, environment, size))
    finally:
        for other in others:
            other.kill()
            other.wait()
    return {name: statistics.median(times) for name, times in found.items()}


def main() -> None:
    parser = tables.parser(__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--size", default="1024x1024")
    parser.add_argument("--only", nargs="*", choices=list(WAYS))
    given = parser.parse_args()
    ways = {name: WAYS[name] for name in given.only or WAYS}
    quiet, busy = (measured(ways, given.runs, given.size, others) for others in (0, 1))
    first, rows = next(iter(ways)), []
    for name in ways:
        ratios = {"quiet ratio": quiet[name] / quiet[first], "busy ratio": busy[name] / busy[first]}
        rows.append({"threads": name, "quiet": quiet[name], "busy": busy[name], **ratios})
        tables.show(rows[-1])
    if given.output:
        tables.write(rows, given.output)


if __name__ == "__main__":
    main()
