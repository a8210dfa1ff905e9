"""Bars on standard error, drawn only where somebody can watch them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from phosphene.ascent import Step


class Silence:
    """A bar that is not drawn."""

    def show(self, step: Step) -> None:
        """Nothing."""

    def move(self, done: float, where: str) -> None:
        """Nothing."""


class Bar(Silence):
    """A dream's bar; it counts steps by their pixels, so that the time left is true at every octave."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task

    def show(self, step: Step) -> None:
        """Moves the bar to a step."""
        self.move(step.done, f"{step.counted} {step.octave}/{step.octaves}")

    def move(self, done: float, where: str) -> None:
        """Moves the bar to a share, and says where that is."""
        self._progress.update(self._task, completed=done, where=where)


def watched(quiet: bool) -> bool:
    """Whether a bar would be seen."""
    return not quiet and sys.stderr.isatty()


@contextmanager
def bar(title: str, *, quiet: bool) -> Iterator[Silence]:
    """A dream's bar for as long as the block runs."""
    if not watched(quiet):
        yield Silence()
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[where]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    console = Console(stderr=True)
    # An hour's dream has steps of many seconds: their speed is taken over more than the last one.
    with Progress(*columns, console=console, transient=True, speed_estimate_period=300) as progress:
        yield Bar(progress, progress.add_task(title, total=1.0, where="getting ready"))


class Download:
    """A download's bar, in the shape that pooch expects."""

    def __init__(self, progress: Any, task: Any) -> None:
        self._progress, self._task = progress, task
        self.total = 0

    def update(self, amount: int) -> None:
        """So many bytes have come."""
        self._progress.update(self._task, total=self.total or None, advance=amount)

    def reset(self) -> None:
        """Counts from nothing again."""
        self._progress.reset(self._task)

    def close(self) -> None:
        """The file is there."""


@contextmanager
def download(title: str) -> Iterator[Download | None]:
    """A download's bar for as long as the block runs."""
    if not watched(False):
        yield None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        yield Download(progress, progress.add_task(title, total=None))
