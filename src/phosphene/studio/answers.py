"""Refusals in words: whatever goes wrong becomes a status, an error and a hint."""

import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import JSONResponse
from starlette.websockets import WebSocketDisconnect

from phosphene.errors import DISK_FULL, NonFiniteError, OutOfSpaceError, PhospheneError, TooLargeError, WeightsError

log = logging.getLogger("phosphene.studio")


class Refusal(Exception):  # noqa: N818 - it is an answer, not an error
    """An answer that says no, and what to do."""

    def __init__(self, status: int, error: str, hint: str = "", headers: Mapping[str, str] | None = None) -> None:
        super().__init__(error)
        self.status, self.error, self.hint, self.headers = status, error, hint, headers

    def to_dict(self) -> dict[str, str]:
        """The refusal as JSON."""
        return {"error": self.error, "hint": self.hint}

    def response(self) -> JSONResponse:
        """The refusal as an answer to a request."""
        return JSONResponse(self.to_dict(), self.status, self.headers)


def refusal(error: Exception) -> Refusal:
    """An exception as an answer. What nobody foresaw is logged, and its details stay here."""
    match error:
        case Refusal():
            return error
        case TooLargeError():
            return Refusal(400, _halves(str(error))[0], "Open a smaller copy of it: the studio has one limit for all.")
        case PhospheneError():
            return Refusal(_status(error), *_halves(str(error)))
        case HTTPException():
            return _of_routing(error)
        case ClientDisconnect():
            return Refusal(400, "The upload was broken off.", "Send it again.")
        case MemoryError():
            return Refusal(503, "Memory ran out.", "Close programs, or take a smaller picture.")
        case OSError() if error.errno in DISK_FULL:
            return Refusal(503, "The disk has no room.", "Free some, then try again.")
    log.error("A fault of the studio", exc_info=error)
    return Refusal(500, "This is a fault of Phosphene.", "The terminal shows the details. Please report it.")


async def refused(work: Callable[[], Awaitable[object]]) -> Refusal | None:
    """Does something; what goes wrong, as an answer; a page that leaves is for the caller."""
    try:
        await work()
    except WebSocketDisconnect:
        raise
    except Exception as error:  # whatever it is, whoever asked is answered in words
        return refusal(error)
    return None


def _status(error: PhospheneError) -> int:
    """503 for what this computer lacks, 500 for arithmetic that failed, 400 for a mistake in the request."""
    if isinstance(error, (OutOfSpaceError, WeightsError)):
        return 503
    return 500 if isinstance(error, NonFiniteError) else 400


def _halves(message: str) -> tuple[str, str]:
    """A message's first line says what was wrong, the rest what to do."""
    error, _, hint = message.strip().partition("\n")
    return error, " ".join(hint.split())


def _of_routing(error: HTTPException) -> Refusal:
    if error.status_code == 404:
        return Refusal(404, "There is nothing at this address.", "GET /api/openapi.json lists what there is.")
    if error.status_code == 405:
        allowed = (error.headers or {}).get("Allow", "")
        return Refusal(405, "This address has no such method.", f"It takes: {allowed}.", error.headers)
    return Refusal(error.status_code, str(error.detail), "", error.headers)


# How much of everything is let in


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


class ConcurrencyLimit:
    """Counts who is inside; refuses whoever is one too many."""

    def __init__(self, limit: int, full: str) -> None:
        self.limit, self.full, self.inside = limit, full, 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place as long as the context lasts. Raises `Refusal`: 503, if all are taken."""
        if self.inside >= self.limit:
            raise Refusal(503, self.full, "Wait a moment, then try again.", {"Retry-After": "1"})
        self.inside += 1
        try:
            yield
        finally:
            self.inside -= 1
