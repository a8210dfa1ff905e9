"""What every request handler needs: the studio, the limits, and threads, so that the event loop never waits."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager
from functools import partial
from io import BytesIO
from typing import Any, TypeVar

import anyio
from anyio import to_thread
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response

from phosphene.errors import UnknownNameError
from phosphene.painting.checks import ID, NAME
from phosphene.sessions.jobs import Job
from phosphene.sessions.service import Studio
from phosphene.sessions.session import Session
from phosphene.studio import shapes
from phosphene.studio.answers import ConcurrencyLimit, Limits, Refusal, refusal, refused

# Reading what is sent: never more than is allowed, never longer, and nothing is written to the disk


_LONGEST_NAME = 120
_CLOSE = {"Connection": "close"}


async def read_file(request: Request, limits: Limits) -> bytes:
    """A picture's bytes, sent as they are.

    Raises:
        Refusal: 400 nothing was sent, 408 too slow, 413 too large, 415 sent in a wrapping.
    """
    kind = media_type(request)
    if kind in ("application/json", "multipart/form-data"):
        raise Refusal(415, f"A file cannot be sent as {kind}.", "Send its bytes as they are: curl --data-binary @FILE")
    data = await _read(request, limits.upload_bytes, limits.upload_seconds, limits.idle_seconds)
    if not data:
        raise Refusal(400, "The file is empty (0 bytes).", "Send its bytes as the request's body.")
    return data


async def read_json(request: Request, limits: Limits) -> bytes:
    """A body that says it is JSON. Raises `Refusal`: 408 too slow, 413 too large, 415 it does not say so."""
    if media_type(request) != "application/json":
        raise Refusal(415, "This request takes JSON.", "Send the header: Content-Type: application/json")
    return await _read(request, limits.json_bytes, limits.json_seconds, limits.idle_seconds)


def media_type(request: Request) -> str:
    """What the body says it is, without parameters."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


def name_of(request: Request) -> str:
    """The name that a file goes by, for people to read; files are never found or written by it."""
    given = request.query_params.get("name", "").replace("\\", "/").rpartition("/")[2]
    shown = "".join(letter for letter in given if letter.isprintable()).strip()
    return shown[-_LONGEST_NAME:] or "picture"


async def _read(request: Request, most: int, seconds: float, idle: float) -> bytes:
    """The body, counted while it comes."""
    if request.headers.get("content-encoding", "identity") != "identity":
        raise Refusal(415, "The body is compressed.", "Send it without Content-Encoding.")
    length = request.headers.get("content-length", "0")
    if not length.isdecimal() or len(length) > 20 or int(length) > most:
        raise _too_large(most)
    try:
        with anyio.fail_after(seconds):
            return await _gathered(request.stream(), most, idle)
    except TimeoutError:
        said = f"The upload was too slow: nothing came for {idle:g} s, or it took more than {seconds:g} s."
        raise Refusal(408, said, "Send it again; if it is large, make it smaller first.", _CLOSE) from None


async def _gathered(chunks: AsyncIterator[bytes], most: int, idle: float) -> bytes:
    gathered = BytesIO()  # its value is handed out without a copy
    while True:
        with anyio.fail_after(idle):
            chunk = await anext(chunks, None)
        if chunk is None:
            return gathered.getvalue()
        if gathered.tell() + len(chunk) > most:
            raise _too_large(most)
        gathered.write(chunk)


def _too_large(most: int) -> Refusal:
    size = f"{most / 1e6:g} MB" if most >= 100_000 else f"{most} bytes"
    return Refusal(413, f"This is too much: at most {size} are taken.", "Make it smaller, or save it as JPEG.")


Answer = TypeVar("Answer")
KEY = rf"^(?=.{{1,120}}$)(?:preset|filter|layer|channel|seed)-{NAME[1:]}"
PATTERNS = {"id": ID, "ref": ID, "job": ID, "key": KEY, "number": r"^[0-9]{1,6}$", "guide": r"^[a-z]{1,20}$"}
"""What the parts of an address look like."""


class RequestContext:
    """Where requests are worked on."""

    def __init__(self, studio: Studio, limits: Limits) -> None:
        self.studio, self.limits = studio, limits
        self.sockets = ConcurrencyLimit(limits.sockets, f"{limits.sockets} pages are open already.")
        self._uploads = ConcurrencyLimit(limits.uploads, f"{limits.uploads} files are being opened already.")
        self._queue = ConcurrencyLimit(
            limits.heavy + limits.waiting, "The studio has more to do than it can keep in mind."
        )
        self._light, self._heavy = anyio.CapacityLimiter(limits.threads), anyio.CapacityLimiter(limits.heavy)
        self._live = anyio.CapacityLimiter(limits.sockets)

    async def light(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        """What is done at once."""
        return await to_thread.run_sync(partial(work, *arguments), limiter=self._light)

    async def heavy(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        """What takes seconds or much memory: a few at a time. Raises `Refusal`: 503, if too many wait already."""
        with self._queue.place():
            return await to_thread.run_sync(partial(work, *arguments), limiter=self._heavy)

    async def live(self, work: Callable[..., Answer], *arguments: object) -> Answer:
        """A painter's gesture: it waits behind nothing else."""
        return await to_thread.run_sync(partial(work, *arguments), limiter=self._live)

    def upload(self) -> AbstractContextManager[None]:
        """A place for a file, until it is opened: its bytes are in memory. Raises `Refusal`: 503, if all are taken."""
        return self._uploads.place()

    async def body(self, request: Request, shape: str) -> Any:
        """The request's JSON, as the type of that shape. Raises `Refusal`: 400, 408, 413, 415."""
        return shapes.read(await read_json(request, self.limits), shape)

    async def session(self, caller: HTTPConnection) -> Session:
        """The open picture that the address names. Raises `Refusal`: 404."""
        return await self.found(self.studio.picture, self.id_in(caller, "id"))

    async def job(self, request: Request) -> Job:
        """The job that the address names. Raises `Refusal`: 404."""
        return await self.found(self.studio.job, self.id_in(request, "job"))

    async def found(self, work: Callable[[str], Answer], name: str) -> Answer:
        """What goes by a name of the address. Raises `Refusal`: 404."""
        try:
            return await self.light(work, name)
        except UnknownNameError as error:
            unknown = refusal(error)
            raise Refusal(404, unknown.error, unknown.hint) from None

    @staticmethod
    def id_in(caller: HTTPConnection, name: str) -> str:
        """A part of the address, if it looks as it should. Raises `Refusal`: 404."""
        given = str(caller.path_params[name])
        if not re.fullmatch(PATTERNS[name], given):
            raise Refusal(404, f"{given[:60]!r} is nothing that this studio could have.", "Look at the address.")
        return given

    def endpoint(
        self, handlers: Mapping[str, Callable[[RequestContext, Request], Awaitable[Response]]]
    ) -> Callable[[Request], Awaitable[Response]]:
        """The handlers of an address, by method, as one: whatever they raise is answered in words."""

        async def answer(request: Request) -> Response:
            answers: list[Response] = []

            async def handle() -> None:
                handler = handlers["GET" if request.method == "HEAD" else request.method]
                answers.append(await handler(self, request))

            no = await refused(handle)
            return answers[0] if no is None else no.response()

        return answer
