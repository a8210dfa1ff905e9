"""`python -m tests.hostile [--fast] [--seed N] [--only NAME] [--minutes N]`, from the root of the repository."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]


def main() -> int:
    """Runs the campaign; 1 if anything went wrong."""
    sys.path.insert(0, str(TESTS))  # where the tests' own modules lie, for the processes that are started, too
    os.environ["OMP_NUM_THREADS"] = "1"
    from hostile.parts import PARTS
    from hostile.tally import Options, table

    parser = argparse.ArgumentParser(prog="python -m tests.hostile", description=__doc__)
    parser.add_argument("--fast", action="store_true", help="about a minute and a half on two cores")
    parser.add_argument("--seed", type=int, default=0, help="another one makes other inputs")
    parser.add_argument("--only", choices=PARTS, action="append", help="this part; may be given several times")
    parser.add_argument("--minutes", type=float, default=10, help="how long the studio is kept busy, without --fast")
    parser.add_argument("--kept", type=Path, help="a folder for the inputs of faults")
    given = parser.parse_args()
    kept = given.kept or Path(tempfile.mkdtemp(prefix="hostile-faults-"))
    work = Path(tempfile.mkdtemp(prefix="hostile-"))
    tallies = []
    try:
        for name in given.only or PARTS:
            print(f"{name}…", flush=True)
            options = Options(work / name, kept, given.seed, given.fast, given.minutes)
            tallies.append(PARTS[name](options))
            print(f"  {tallies[-1].trials} trials, {len(tallies[-1].faults)} faults", flush=True)
    finally:
        shutil.rmtree(work, ignore_errors=True)
        if kept.is_dir() and not any(kept.iterdir()):
            kept.rmdir()
    print(*table(tallies), sep="\n")
    return int(any(each.faults for each in tallies))


if __name__ == "__main__":
    sys.exit(main())
