"""What waits to be sent to one page: never more than a page can catch up with.

The studio puts frames and events in from its own threads; the socket takes them out as fast as the page reads. Where
that is too slow, old frames of a growing ground are left out first: the next one shows the same place, better. If that
does not suffice, all frames are, and the page is told to fetch the view.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

Message = bytes | dict[str, Any]

REFRESH: dict[str, Any] = {"event": "refresh"}


@dataclass(frozen=True)
class _Waiting:
    """A message, how much room it takes, and what it says; a later one that says the same takes its place."""

    message: Message
    size: int
    of: str


class Outbox:
    """A bounded queue: filled by threads, emptied by the event loop."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most, self._most_bytes = most, most_bytes
        self._queue: deque[_Waiting] = deque()
        self._lock = threading.Lock()
        self._loop, self._filled = asyncio.get_running_loop(), asyncio.Event()
        self.size = 0

    def put(self, message: Message) -> None:
        """Takes a message in, from any thread; never waits."""
        waiting = _described(message)
        with self._lock:
            self._queue = deque(each for each in self._queue if not _replaces(waiting, each))
            self._queue.append(waiting)
            self._make_room()
            self.size = sum(each.size for each in self._queue)
        with suppress(RuntimeError):  # the loop is closed: nobody will read it
            self._loop.call_soon_threadsafe(self._filled.set)

    async def get(self) -> Message:
        """The oldest message, when there is one."""
        while True:
            with self._lock:
                if self._queue:
                    first = self._queue.popleft()
                    self.size -= first.size
                    return first.message
                self._filled.clear()
            await self._filled.wait()

    def _make_room(self) -> None:
        while self._overflows() and self._drop_a_ground():
            pass
        if self._overflows():
            kept = [each for each in self._queue if not isinstance(each.message, bytes) and each.message != REFRESH]
            self._queue = deque(kept[-self._most + 1 :])
            self._queue.append(_described(REFRESH))

    def _overflows(self) -> bool:
        return len(self._queue) > self._most or sum(each.size for each in self._queue) > self._most_bytes

    def _drop_a_ground(self) -> bool:
        """Leaves out the oldest frame of a ground, unless it is the newest."""
        grounds = [each for each in self._queue if each.of == "ground"]
        if len(grounds) > 1:
            self._queue.remove(grounds[0])
        return len(grounds) > 1


def _described(message: Message) -> _Waiting:
    if isinstance(message, bytes):
        return _Waiting(message, len(message), _of_frame(message))
    what = message.get("job", {}).get("id", "") or message.get("key", "")
    return _Waiting(message, len(json.dumps(message)), f"event {message.get('event')} {what}")


def _of_frame(frame: bytes) -> str:
    """What a frame's header says it shows."""
    end = 4 + int.from_bytes(frame[:4], "little")
    with suppress(ValueError, AttributeError):
        return str(json.loads(frame[4:end]).get("of", ""))
    return ""


def _replaces(new: _Waiting, old: _Waiting) -> bool:
    """Whether a message makes an older one that still waits superfluous: errors and frames are each their own."""
    return not isinstance(new.message, bytes) and new.of == old.of and not new.of.startswith("event error")
