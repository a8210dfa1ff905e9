"""How long a command takes to the end of its first step; what of it is torch, and what a warm process saves.

    python benchmarks/start.py [--runs 11] [--other ../before/src]

The other checkout's command must tell its steps, too (`PHOSPHENE_PROGRESS=json`). Bytecode is kept, as it is where a
program is installed. Times are medians of interleaved runs, in seconds; the ratio is to the first row's.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_sample_image

import phosphene
import tables

COMMAND = ("photo.png", "-o", "dream.png", "--force", "--octaves", "1", "--steps", "1")
PAUSE = 4.0  # seconds, after which the warm process counts the run before no longer as another program's load
PROGRAM = (sys.executable, "-m", "phosphene")


def seconds(words: tuple[str, ...], source: Path, folder: Path) -> float:
    """From a command's start to the first step that it tells."""
    environment = os.environ | {"PYTHONPATH": str(source), "PYTHONDONTWRITEBYTECODE": "", "PHOSPHENE_PROGRESS": "json"}
    time.sleep(PAUSE)
    began = time.monotonic()
    with subprocess.Popen(words, cwd=folder, env=environment, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        while (line := process.stderr.readline()) and not line.startswith(b"{"):
            pass  # a word on threads
        taken = time.monotonic() - began
        process.communicate()
    assert process.returncode == 0
    return taken


def main() -> None:
    parser = tables.parser(__doc__)
    parser.add_argument("--runs", type=int, default=11)
    parser.add_argument("--other", type=Path, help="the src folder of another checkout")
    given = parser.parse_args()
    own = Path(phosphene.__file__).parents[1]
    ways = {"cold": ((*PROGRAM, *COMMAND), own)}
    if given.other:
        ways["other checkout"] = ((*PROGRAM, *COMMAND), given.other.resolve())
    ways["torch alone"] = ((sys.executable, "-c", "import sys, torch; print({}, file=sys.stderr)"), own)
    ways["warm"] = ((*PROGRAM, "--warm", *COMMAND), own)
    found: dict[str, list[float]] = {name: [] for name in ways}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        Image.fromarray(load_sample_image("china.jpg")).resize((320, 213)).save(folder / "photo.png")
        os.environ["XDG_RUNTIME_DIR"] = name  # a warm process of its own
        warm = subprocess.Popen([*PROGRAM, "serve"], stderr=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(own)})
        try:
            assert warm.stderr is not None
            warm.stderr.readline()
            for each in ways.values():
                seconds(*each, folder)
            for _ in range(given.runs):
                for way, each in ways.items():
                    found[way].append(seconds(*each, folder))
        finally:
            warm.terminate()
            warm.wait()
    medians = {way: statistics.median(times) for way, times in found.items()}
    rows = [{"way": way, "seconds": each, "ratio": each / medians["cold"]} for way, each in medians.items()]
    for row in rows:
        tables.show(row)
    if given.output:
        tables.write(rows, given.output)


if __name__ == "__main__":
    main()
