"""Trials in a process of their own, so that a crash, a hang or a word on standard error is seen and counted."""

from __future__ import annotations

import multiprocessing
import multiprocessing.forkserver as forkserver
import os
import resource
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerContext
from multiprocessing.process import BaseProcess
from pathlib import Path

from .tally import MADE, REFUSED, Options, Tally

TESTS = Path(__file__).resolve().parents[1]
PATIENCE = 60.0  # seconds until a trial counts as a hang, on a machine where others work too
BUSY = 8.0  # seconds of the processor that one trial may take
MEMORY = 900 << 20  # bytes by which one trial may raise the most that was ever held


@cache
def context() -> ForkServerContext:
    """Starts processes by forking one that has everything loaded, and no threads."""
    found = multiprocessing.get_context("forkserver")
    found.set_forkserver_preload(["hostile_loads"])
    before = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([str(TESTS), *([before] if before else [])])
    forkserver.ensure_running()
    if before is None:
        del os.environ["PYTHONPATH"]
    else:
        os.environ["PYTHONPATH"] = before
    return found


Attack = Callable[[str, bytes], None]
"""Tries an input of that name; returns if something was made of it, and raises a `PhospheneError` to refuse it."""


@dataclass(frozen=True)
class Ended:
    """How a trial ended: `MADE`, `REFUSED`, or what is wrong."""

    outcome: str
    seconds: float = 0.0
    memory: int = 0  # bytes by which it raised the most that was held


def attempt(attack: Attack, name: str, data: bytes) -> str:
    """Tries one input; how it ended."""
    from phosphene.errors import PhospheneError

    try:
        attack(name, data)
    except PhospheneError as error:
        return REFUSED if str(error).strip() else "it was refused without a word"
    except BaseException:  # whatever it is, it is the fault that is looked for
        return traceback.format_exc(limit=-6)
    return MADE


def _serve(pipe: Connection, attack: Attack, heard: str, home: str) -> None:
    """The worker: takes inputs, and says how each ended."""
    os.setsid()
    words = os.open(heard, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    for stream in (1, 2):
        os.dup2(words, stream)
    os.chdir(home)
    tempfile.tempdir = home
    before = _state(home)
    while (given := pipe.recv()) is not None:
        began, most = time.process_time(), _most()
        outcome = attempt(attack, *given)
        ended = Ended(outcome, time.process_time() - began, _most() - most)
        files, open_files = _state(home)
        if outcome in (MADE, REFUSED) and files:
            ended = Ended(f"it left {', '.join(files[:5])}")
        elif outcome in (MADE, REFUSED) and open_files > before[1] + 20:
            ended = Ended(f"{open_files} files are open, and {before[1]} were at the beginning")
        pipe.send(ended)


def _state(home: str) -> tuple[list[str], int]:
    """What lies in the worker's folder, and how many files it has open."""
    descriptors = Path("/proc/self/fd")
    return sorted(os.listdir(home)), len(os.listdir(descriptors)) if descriptors.is_dir() else 0  # noqa: PTH208


def _most() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


class Worker:
    """A process that tries inputs, one after the other; another takes its place where it crashes or hangs."""

    def __init__(self, attack: Attack, place: Path) -> None:
        self.attack, self.place = attack, place
        self._heard, self._process = place / "heard.txt", None
        self._start()

    def _start(self) -> None:
        home = self.place / "home"
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        self._pipe, theirs = context().Pipe()
        self._heard.write_bytes(b"")
        process = context().Process(target=_serve, args=(theirs, self.attack, str(self._heard), str(home)), daemon=True)
        process.start()
        theirs.close()
        self._process: BaseProcess = process

    def attempt(self, name: str, data: bytes, patience: float = PATIENCE) -> Ended:
        """Tries an input."""
        try:
            self._pipe.send((name, data))
            if not self._pipe.poll(patience):
                return self._again(f"it hangs: no answer in {patience:g} s")
            ended: Ended = self._pipe.recv()
        except (EOFError, OSError):
            self._process.join(10)
            return self._again(f"the process ended by {_cause(self._process.exitcode)}")
        if ended.outcome not in (MADE, REFUSED):
            return self._again(ended.outcome)
        said = self._heard.read_bytes()
        if said:
            os.truncate(self._heard, 0)
            return Ended(f"it printed: {said[:300].decode(errors='replace')!r}")
        if ended.seconds > BUSY:
            return Ended(f"it took {ended.seconds:.1f} s of the processor")
        if ended.memory > MEMORY:
            return self._again(f"it took {ended.memory >> 20} MB of memory")
        return ended

    def _again(self, what: str) -> Ended:
        self.stop()
        self._start()
        return Ended(what)

    def stop(self) -> None:
        """Ends the process, and whatever it started."""
        if self._process.is_alive() and self._process.pid:
            os.kill(self._process.pid, signal.SIGKILL)
        self._process.join(10)
        self._pipe.close()


def _cause(code: int | None) -> str:
    return signal.Signals(-code).name if code and code < 0 else f"exit code {code}"


Make = Callable[[int], tuple[str, bytes]]
"""Makes the input of a trial, by its number: a name and its bytes."""


def hunt(tally: Tally, attack: Attack, make: Make, count: int, options: Options, patience: float = PATIENCE) -> None:
    """Tries so many inputs, and counts how each ended."""
    worker = Worker(attack, options.place(f"{tally.part}-{len(tally.notes)}-{tally.trials}"))
    try:
        for number in range(count):
            name, data = make(number)
            ended = worker.attempt(name, data, patience)
            if ended.outcome in (MADE, REFUSED):
                tally.count(ended.outcome)
            else:
                tally.fault(ended.outcome.strip(), str(tally.trials), data=data, name=name, kept=options.kept)
    finally:
        worker.stop()
