"""How much of everything is let in."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from phosphene.studio.answers import crowded


@dataclass(frozen=True)
class Limits:
    """Sizes in bytes, times in seconds, counts at once."""

    upload_bytes: int = 200_000_000
    upload_seconds: float = 300
    idle_seconds: float = 20
    uploads: int = 4
    json_bytes: int = 1_000_000
    json_seconds: float = 30
    requests: int = 64
    connections: int = 1024  # idle ones too, and those that are being told that there are too many
    threads: int = 8
    heavy: int = 4
    waiting: int = 16  # for a thread that does heavy work
    sockets: int = 16
    message_bytes: int = 256 * 1024
    queue_messages: int = 256
    queue_bytes: int = 16 * 1024 * 1024
    send_seconds: float = 30


class Crowd:
    """Counts who is inside; refuses whoever is one too many."""

    def __init__(self, limit: int, full: str) -> None:
        self.limit, self.full, self.inside = limit, full, 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place as long as the context lasts.

        Raises:
            Refusal: 503, if all are taken.
        """
        if self.inside >= self.limit:
            raise crowded(self.full)
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
