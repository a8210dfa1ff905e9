"""Runs of every technique on a disk that is full at any moment.

On Linux, as root, a small disk is mounted (tmpfs) and filled but for some bytes; elsewhere a process may write no file
larger than some bytes. Then a run must make its result, or refuse in words and leave no file that is not whole; with
room again it goes on, with the same pixels.
"""

from __future__ import annotations

import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from . import interrupted
from .interrupted import Job, Whole
from .processes import Act, cli, outcome, strays
from .tally import MADE, REFUSED, Options, Tally

PART = "disks"
SIZE = 64 << 20  # bytes of the small disk


@contextmanager
def small_disk(place: Path) -> Iterator[Path | None]:
    """A folder that is a disk of its own, if this system lets us mount one."""
    place.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=700", "tmpfs", str(place)]
    may = sys.platform == "linux" and os.geteuid() == 0 and shutil.which("mount")
    mounted = bool(may) and subprocess.run(words, capture_output=True, check=False).returncode == 0
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(place)], check=False)


def fill(disk: Path, room: int) -> None:
    """Leaves so many bytes of a disk."""
    free = shutil.disk_usage(disk).free
    with (disk / "ballast").open("wb") as ballast:
        os.posix_fallocate(ballast.fileno(), 0, max(1, free - room))


def limit(size: int, words: Sequence[str]) -> None:
    """Lets this process write no file larger than so many bytes."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def attempt(
    job: Job, whole: Whole, folder: Path, disk: Path | None, room: int, act: Act, aside: Path
) -> tuple[str, str]:
    """Runs a job with so much room; how that ended, and what is wrong."""
    interrupted.furnish(folder)
    before = partial(limit, room) if disk is None else None
    if disk is not None:
        fill(disk, room)
    ended = outcome(interrupted.command(job, job.words, folder, act, before, aside), 120)
    wrong = [ended.fault] if ended.fault else []
    wrong += interrupted.partial_files(job, whole, folder)
    wrong += [f"it left {each}" for each in strays(folder)]
    if disk is not None:
        (disk / "ballast").unlink()
    if not wrong and ended.code:
        said = interrupted.go_on(job, folder) or interrupted.compared(job, whole, folder)
        wrong += [f"{said} (it had refused with {ended.said.strip()[-300:]!r})"] if said else []
    elif not wrong and (said := interrupted.compared(job, whole, folder)):
        wrong += [said]
    return REFUSED if ended.code else MADE, "; ".join(wrong)


def _room(chance: random.Random) -> int:
    """Bytes, from none to more than any job needs."""
    return int(2 ** chance.uniform(11, 22)) // 4096 * 4096 if chance.random() < 0.8 else chance.randrange(200_000)


def run(options: Options, act: Act = cli, jobs: Sequence[Job] | None = None, count: int | None = None) -> Tally:
    """Runs jobs with little room, first where nothing else is wrong."""
    tally, place = Tally(PART), options.place("disks")
    chosen = interrupted.possible(options) if jobs is None else jobs
    each = options.times(1, 40) if count is None else count
    with small_disk(place / "small") as disk:
        tally.notes.append("a small disk is mounted" if disk else "no disk can be mounted: files are limited in size")
        for job in chosen:
            if isinstance(whole := interrupted.unbroken(job, place), str):
                tally.fault(whole, job.name)
                continue
            for number in range(each):
                chance, folder = options.chance(PART, job.name, number), (disk or place) / f"{job.name}-{number}"
                ended, wrong = attempt(job, whole, folder, disk, room := _room(chance), act, place)
                shutil.rmtree(folder)
                if wrong:
                    tally.fault(f"{job.name} with room for {room} bytes: {wrong}", f"{job.name}-{number}")
                else:
                    tally.count(ended)
    return tally.ended()
