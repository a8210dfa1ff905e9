"""Reading what is sent: never more than is allowed, never longer, and nothing is written to the disk."""

from __future__ import annotations

from collections.abc import AsyncIterator
from io import BytesIO

import anyio
from starlette.requests import Request

from phosphene.studio.answers import Refusal
from phosphene.studio.limits import Limits

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
    """A body that says it is JSON.

    Raises:
        Refusal: 408 too slow, 413 too large, 415 it does not say so.
    """
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
