"""Bars on standard error where somebody can watch them, and elsewhere a line now and then."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any

import click

from phosphene.errors import SettingsError, StopRequested

if TYPE_CHECKING:
    from rich.progress import Progress, ProgressColumn

    from phosphene.ascent import Step


class Bar:
    """A dream's bar; it counts steps by their pixels, so that the time left is true at every octave."""

    def __init__(self, update: Callable[..., object] = lambda **_: None) -> None:
        self._update = update  # nothing is drawn without it

    def show(self, step: Step) -> None:
        """Moves the bar to a step."""
        self.move(step.done, f"{step.counted} {step.octave}/{step.octaves}")

    def move(self, done: float, where: str) -> None:
        """Moves the bar to a share, and says where that is."""
        self._update(completed=done, where=where)


EVERY = 30.0  # seconds between the lines that stand in place of a bar


class ProgressLines:
    """What is told of a dream where no bar can be drawn, as in a log: how far it is, now and then."""

    def __init__(self, title: str) -> None:
        self._title, self._last = title, time.monotonic()

    def update(self, completed: float, where: str) -> None:
        """Says how far it is, if that was last said some time ago."""
        if completed < 1 and time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            click.echo(f"{self._title}: {completed:.0%}, {where}", err=True)


class ProgressReports:
    """What a program is told of a dream, where it asks for that: a line of JSON for each step, ten a second at most."""

    def __init__(self, title: str) -> None:
        self._title, self._last = title, 0.0

    def update(self, completed: float, where: str) -> None:
        """Says how far it is."""
        if completed >= 1 or time.monotonic() - self._last >= 0.1:
            self._last = time.monotonic()
            click.echo(json.dumps({"progress": round(completed, 4), "of": self._title, "where": where}), err=True)


class Download:
    """A download's bar, in the shape that pooch expects."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress, self._task = progress, progress.add_task(title, total=None)
        self.total = 0

    def update(self, amount: int) -> None:
        """So many bytes have come."""
        self._progress.update(self._task, total=self.total or None, advance=amount)

    def reset(self) -> None:
        """Counts from nothing again."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """The file is there."""


def watched(quiet: bool) -> bool:
    """Whether a bar would be seen."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator[Bar]:
    """A dream's bar for as long as the block runs: drawn where somebody watches, in lines where nobody does.

    A program asks for lines of JSON by PHOSPHENE_PROGRESS=json in the environment.
    """
    if os.environ.get("PHOSPHENE_PROGRESS") == "json":
        yield Bar(ProgressReports(title).update)
        return
    if not watched(quiet):
        yield Bar() if quiet else Bar(ProgressLines(title).update)
        return
    from rich.progress import TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TaskProgressColumn(),
        TextColumn("{task.fields[where]}", markup=False),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    # An hour's dream has steps of many seconds: their speed is taken over more than the last one.
    with _drawn(columns, period=300) as progress:
        yield Bar(partial(progress.update, progress.add_task(title, total=1.0, where="getting ready")))


@contextmanager
def download(title: str) -> Iterator[Download | None]:
    """A download's bar for as long as the block runs; `None` where nobody watches."""
    if not watched(False):
        yield None
        return
    from rich.progress import DownloadColumn, TimeRemainingColumn, TransferSpeedColumn

    with _drawn((DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())) as progress:
        yield Download(progress, title)


def _drawn(columns: Iterable[ProgressColumn], *, period: float = 30) -> Progress:
    """A title, a bar and more columns, which stand there while it is entered; speed is taken over `period` seconds."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn

    first = (TextColumn("{task.description}", markup=False), BarColumn())
    return Progress(*first, *columns, console=Console(stderr=True), transient=True, speed_estimate_period=period)


# Ctrl-C while a dream grows: the first time ends it and keeps what there is, the second time ends the program


class Interruption:
    """Listens for SIGINT and SIGTERM while it is entered.

    A signal is raised as `StopRequested` wherever the main thread is, so that a long step need not be waited for; but
    only within `dreaming`, so that no file is left half written.
    """

    def __init__(self) -> None:
        self.signal: int | None = None
        self._listening = False
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, self._caught) for number in (signal.SIGINT, signal.SIGTERM)}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    @property
    def exit_code(self) -> int:
        """What the shell expects of a program that was interrupted: 130 or 143; 0 if it was not."""
        return 128 + self.signal if self.signal else 0

    @contextmanager
    def dreaming(self) -> Iterator[None]:
        """The time in which an interruption is heard at once."""
        self.check()
        self._listening = True
        try:
            yield
        finally:
            self._listening = False

    def check(self) -> None:
        """Raises `StopRequested` if one is wished for, even if something swallowed the first."""
        if self.signal:
            raise StopRequested

    def finish(self) -> None:
        """The last step is done: from here on nothing is to be gained by stopping."""
        self._listening = False

    def _caught(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        if self._listening:
            raise StopRequested


# What is piped in, and what the program says: notes and errors on standard error, pictures and JSON on standard output


def open_streams() -> None:
    """Has standard streams take every text: what their encoding lacks is written as an escape, and none is closed.

    A file that is opened where one is closed would get its number, and all that is said would go into it.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        stream = getattr(sys, name)
        if stream is None:
            empty = Path(os.devnull).open(mode, encoding="utf-8", errors="backslashreplace")  # noqa: SIM115 - to the end
            setattr(sys, name, empty)
        elif mode == "w" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def goes_nowhere(stream: Any) -> bool:
    """Whether a standard stream was closed before the program began."""
    return getattr(stream, "name", None) == os.devnull and stream not in (sys.__stdin__, sys.__stdout__, sys.__stderr__)


def check_piped(example: str = "cat photo.jpg | phosphene -") -> None:
    """Refuses to wait for a picture that nobody pipes in."""
    if sys.stdin.isatty() or goes_nowhere(sys.stdin):
        raise SettingsError(f"Nothing is piped in. Name a picture, or pipe one: {example}")


def piped() -> BytesIO:
    """Standard input, whole, so that a batch or a long dream does not hold up what writes to it."""
    piped = BytesIO(sys.stdin.buffer.read())
    piped.name = "stdin"
    return piped


@dataclass(frozen=True)
class Console:
    """Speaks, or keeps quiet."""

    quiet: bool = False
    json: bool = False

    def say(self, text: str) -> None:
        """A line for the person."""
        if not self.quiet:
            click.echo(text, err=True)

    def complain(self, text: str) -> None:
        """An error, which is heard in any case."""
        click.echo(click.style("Error: ", fg="red") + text, err=True)

    def tell(self, facts: dict[str, object]) -> None:
        """A line for a program."""
        if self.json:
            click.echo(json.dumps(facts))
