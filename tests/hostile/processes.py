"""Command lines of the program in processes of their own, which are forked with everything loaded."""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.process import BaseProcess
from pathlib import Path

from .workers import context

Act = Callable[[Sequence[str]], object]
"""What a process does with its arguments."""

FAULTY = ("Traceback (most recent call last)", "This is a fault of Phosphene", "Fatal Python error")


def cli(arguments: Sequence[str]) -> None:
    """The program's command line."""
    from phosphene.cli import main

    main(list(arguments))


@dataclass(frozen=True)
class Command:
    """A command line, and where it is given."""

    arguments: Sequence[str]
    folder: Path
    act: Act = cli
    aside: Path | None = None  # where its user's home and what it prints are; by default beside the folder
    before: Callable[[], None] | None = None  # is called in the process first

    def start(self) -> BaseProcess:
        """Starts it."""
        home = self._aside / "home"
        home.mkdir(exist_ok=True)
        process = context().Process(target=_child, args=(self, home), daemon=True)
        process.start()
        return process

    @property
    def heard(self) -> Path:
        """The file with what it prints."""
        return self._aside / "said.txt"

    @property
    def _aside(self) -> Path:
        return self.aside or self.folder.parent

    def said(self) -> str:
        """What it printed."""
        return self.heard.read_text("utf-8", "replace") if self.heard.exists() else ""


def _child(command: Command, home: Path) -> None:
    os.setsid()
    words = os.open(command.heard, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(words, stream)
    os.chdir(command.folder)
    os.environ.update({"HOME": str(home), "XDG_DATA_HOME": str(home / "data"), "XDG_CACHE_HOME": str(home / "cache")})
    os.environ["XDG_CONFIG_HOME"] = str(home / "config")
    sys.argv = ["phosphene", *command.arguments]
    if command.before is not None:
        command.before()
    command.act(command.arguments)


@dataclass(frozen=True)
class Outcome:
    """How a command ended."""

    code: int | None  # `None`: it was still running, and was killed
    said: str
    seconds: float

    @property
    def fault(self) -> str:
        """What must not be, whatever the command was; nothing if all is well."""
        if self.code is None:
            return f"it hangs: {self.seconds:.0f} s, and Ctrl-C does not end it; it said: {self.said[-500:]}"
        if self.code < 0:
            return f"it ended by {signal.Signals(-self.code).name}; it said: {self.said[-500:]}"
        if any(word in self.said for word in FAULTY):
            return f"exit code {self.code}: {self.said[-1500:]}"
        if self.code and not self.said.strip():
            return f"exit code {self.code}, without a word"
        return ""


def outcome(command: Command, patience: float = 60.0) -> Outcome:
    """Gives a command, and waits for its end; one that takes too long is told to stop as by Ctrl-C, then killed."""
    began, process = time.monotonic(), command.start()
    process.join(patience)
    if process.is_alive() and process.pid:
        os.kill(process.pid, signal.SIGINT)
        process.join(patience)
    code = process.exitcode
    if process.is_alive():
        process.kill()
        process.join(10)
        code = None
    return Outcome(code, command.said(), time.monotonic() - began)


def most_memory() -> int:
    """Bytes, the most that this process ever held."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def strays(folder: Path) -> list[str]:
    """Temporary files that nobody will ever look at."""
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.name.endswith(".tmp"))


def facts(path: Path) -> list[dict[str, object]]:
    """Lines of JSON."""
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.exists() else []
