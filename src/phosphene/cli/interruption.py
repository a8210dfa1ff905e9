"""Ctrl-C while a dream grows: the first time ends it and keeps what there is, the second time ends the program."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from phosphene.errors import Stop


class Interruption:
    """Listens for SIGINT and SIGTERM while it is entered.

    The wish is raised as `Stop` wherever the main thread is, so that a long step need not be waited for; but only
    within `dreaming`, so that no file is left half written.
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
        """Raises `Stop` if one is wished for, even if something swallowed the first."""
        if self.signal:
            raise Stop

    def finish(self) -> None:
        """The last step is done: from here on nothing is to be gained by stopping."""
        self._listening = False

    def _caught(self, number: int, _: FrameType | None) -> None:
        if self.signal:
            raise KeyboardInterrupt
        self.signal = number
        if self._listening:
            raise Stop
