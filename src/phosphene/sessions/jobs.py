"""Long work that can be watched and cancelled."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import Any, Final

from phosphene.sessions.states import JobKind, JobStage, JobState

WAITING: Final = "waiting"
RUNNING: Final = "running"
DONE: Final = "done"
CANCELLED: Final = "cancelled"
FAILED: Final = "failed"
OVER = (DONE, CANCELLED, FAILED)
KNOWN_AFTER = 0.02  # share of a job's work, before which its time left is a guess


class Rank(IntEnum):
    """What comes first; a job makes way for those before it."""

    GROUND = 1
    LOOK = 2
    THUMBNAILS = 3
    RENDER = 4


@dataclass(eq=False)
class Job:
    """Long work.

    Attributes:
        kind: `ground`, `style`, `thumbnails`, `ranking` or `render`.
        picture: whose it is.
        rank: what it makes way for.
        work: does it; what it returns is the result.
        hear: is told of each change.
        message: what is being done, in words.
        after: is called when it is over.
    """

    kind: JobKind
    picture: str
    rank: Rank
    work: Callable[[Job], dict[str, Any]]
    hear: Callable[[Job], None]
    message: str = ""
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: JobStage = WAITING
    done: float = 0.0
    result: dict[str, Any] | None = None
    result_file: Path | None = None
    media_type: str = "application/octet-stream"
    cancelled: bool = False
    after: Callable[[], None] | None = None
    _began: float = 0.0

    def cancel(self) -> None:
        """Asks it to end soon."""
        self.cancelled = True

    def forget(self) -> None:
        """Deletes the file that it made."""
        if self.result_file is not None:
            self.result_file.unlink(missing_ok=True)

    @property
    def over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.state in OVER

    def tell(self, done: float) -> None:
        """Says what share is done."""
        self.done = max(self.done, min(1.0, done))
        self.hear(self)

    def enter(self, state: JobStage, message: str = "") -> None:
        """Comes to a state."""
        self._began = time.monotonic() if state == RUNNING else self._began
        self.state, self.message = state, message or self.message
        self.done = 1.0 if state == DONE else self.done
        self.hear(self)
        if self.over and self.after:
            self.after()

    @property
    def seconds_left(self) -> float | None:
        """By what is done so far; `None` where that is not known yet."""
        if self.state != RUNNING or self.done < KNOWN_AFTER:
            return None
        return round((time.monotonic() - self._began) * (1 - self.done) / self.done, 1)

    def to_dict(self) -> JobState:
        """As JSON has it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "picture": self.picture,
            "state": self.state,
            "done": round(self.done, 4),
            "seconds_left": self.seconds_left,
            "message": self.message,
            "result": self.result,
        }
