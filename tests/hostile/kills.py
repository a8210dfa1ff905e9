"""Runs of every technique that are killed at random moments, and go on.

A process kills itself with SIGKILL just before, or just after, a change of a file that it makes (a file is opened,
linked, moved or deleted), or it is killed by its parent at any time. Then: no file of the result is there that is not
whole; the run goes on, with the same pixels as one that nobody kills; nothing is there in the end that such a run does
not leave, temporary files least of all.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from . import interrupted
from .interrupted import Job, Whole
from .processes import Act, cli
from .tally import MADE, Options, Tally

PART = "kills"
_EVENTS = ("open", "os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
MOST = 400  # events that are looked for


def kill_self(at: int, words: Sequence[str]) -> None:
    """Ends this process at the change of that number which it makes below the folder where it stands."""
    here, left = Path.cwd(), [at]

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _EVENTS or not isinstance(arguments[0], (str, bytes)):
            return
        if event == "open" and not (isinstance(arguments[2], int) and arguments[2] & _WRITING):
            return
        if (here / os.fsdecode(arguments[0])).is_relative_to(here):
            left[0] -= 1
            if left[0] < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)


def kill_in_sync(at: int, words: Sequence[str]) -> None:
    """Ends this process where it makes sure, for that time, that a file is on the disk."""
    left, sync = [at], os.fsync

    def fsync(file: int) -> None:
        left[0] -= 1
        if left[0] < 0:
            os.kill(os.getpid(), signal.SIGKILL)
        sync(file)

    os.fsync = fsync


def attempt(job: Job, whole: Whole, place: Path, options: Options, number: int, act: Act) -> str:
    """Kills a run once or several times, and lets it go on; what is wrong, or `MADE`."""
    chance, folder = options.chance(PART, job.name, number), place / f"{job.name}-{number}"
    interrupted.furnish(folder)
    words: Sequence[str] = job.words
    for _ in range(chance.choice((1, 1, 2))):
        killed = _killed(job, words, folder, whole, chance.random(), chance.randrange(3), act)
        if wrong := interrupted.partial_files(job, whole, folder):
            return f"killed {killed}: {'; '.join(wrong)}"
        kept = folder / f"{job.output}.unfinished" / "run.json"
        words = ("resume", job.output) if job.resumes and kept.exists() else job.words
    said = interrupted.go_on(job, folder) or interrupted.compared(job, whole, folder)
    shutil.rmtree(folder)
    return f"killed {killed}: {said}" if said else MADE


def _killed(job: Job, words: Sequence[str], folder: Path, whole: Whole, share: float, how: int, act: Act) -> str:
    """Starts a run, and sees it killed; how."""
    if how == 0:
        process = interrupted.command(job, words, folder, act).start()
        process.join(share * whole.seconds)
        if process.pid and process.is_alive():
            os.kill(process.pid, signal.SIGKILL)
        process.join()
        return f"after {share * whole.seconds:.2f} s"
    events = int(share * share * 40) if how == 1 else int(share * share * 15)
    before = partial(kill_self if how == 1 else kill_in_sync, events)
    process = interrupted.command(job, words, folder, act, before).start()
    process.join(120)
    return f"at its change of number {events}" if how == 1 else f"at its sync of number {events}"


def run(options: Options, act: Act = cli, jobs: Sequence[Job] | None = None, count: int | None = None) -> Tally:
    """Kills runs of every technique; `act` stands for the command line where they are killed."""
    tally, place = Tally(PART), options.place("kills")
    chosen = interrupted.possible(options) if jobs is None else jobs
    each = options.times(1, 60) if count is None else count
    for job in chosen:
        if isinstance(whole := interrupted.unbroken(job, place), str):
            tally.fault(whole, job.name)
            continue
        for number in range(each):
            ended = attempt(job, whole, place, options, number, act)
            if ended == MADE:
                tally.count(MADE)
            else:
                tally.fault(f"{job.name} {ended}", f"{job.name}-{number}")
    tally.notes.append(f"techniques: {' '.join(job.name for job in chosen)}")
    return tally.ended()
