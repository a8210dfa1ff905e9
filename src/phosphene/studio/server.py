"""Listening: a socket, a token, and uvicorn, which ends well when it is told to."""

import errno
import logging
import secrets
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import uvicorn
from anyio import to_thread
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute

from phosphene.errors import SettingsError
from phosphene.sessions.service import Studio
from phosphene.studio import guard
from phosphene.studio.answers import ConcurrencyLimit, Limits, Refusal, refusal
from phosphene.studio.guard import Tokens
from phosphene.studio.openapi import Handler
from phosphene.studio.operations import OPERATIONS
from phosphene.studio.requests import RequestContext
from phosphene.studio.sockets import live, nowhere

# The studio as an ASGI application: every address, and the guard before them


def app(
    studio: Studio,
    tokens: guard.Tokens | str,
    *,
    port: int,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    page: Path = guard.FOLDER,
) -> guard.Guard:
    """The application.

    Args:
        studio: What computes.
        tokens: The token, or the keys with it.
        port: Where it is reached: other names in a request's `Host` are refused.
        host: As is this one, beside 127.0.0.1, localhost and ::1.
        limits: How much is let in.
        page: The folder with the page's files.

    Raises:
        SettingsError: the page is not there.
    """
    limits = limits or Limits()
    tokens = guard.Tokens(tokens) if isinstance(tokens, str) else tokens
    limit = ConcurrencyLimit(limits.requests, f"{limits.requests} requests are being answered already.")
    return guard.Guard(
        routes(RequestContext(studio, limits), guard.read(page)),
        tokens,
        guard.names(host, port),
        f"phosphene_{port}",
        limit,
    )


def routes(context: RequestContext, files: dict[str, guard.PageFile]) -> Starlette:
    """The application without its guard."""
    told: list[BaseRoute] = [
        Route(path, context.endpoint(handlers), methods=[*handlers]) for path, handlers in _table(files).items()
    ]
    told += [
        WebSocketRoute("/api/pictures/{id}/live", partial(live, context)),
        WebSocketRoute("/{other:path}", nowhere),
    ]
    plain = Starlette(routes=told, exception_handlers={HTTPException: _in_words})
    plain.router.redirect_slashes = False
    return plain


def _table(files: dict[str, guard.PageFile]) -> dict[str, dict[str, Handler]]:
    """The handlers of each address, by method."""

    async def index(_: RequestContext, request: Request) -> Response:
        return files[guard.INDEX].response(request)

    async def static(_: RequestContext, request: Request) -> Response:
        if (name := request.path_params["name"]) not in files:
            raise Refusal(404, "The page has no such file.", "Reload the page.")
        return files[name].response(request)

    table: dict[str, dict[str, Handler]] = {"/": {"GET": index}, "/static/{name:path}": {"GET": static}}
    for each in OPERATIONS:
        path = each.path.replace("{key}", "{key:path}")  # a layer's name may have a / in it
        table.setdefault(path, {})[each.method.upper()] = each.handler
    return table


async def _in_words(request: Request, error: Exception) -> Response:
    return refusal(error).response()


LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PATIENCE = 2  # seconds that answers which are under way have when the server ends
_PING = 20  # seconds


@dataclass(frozen=True)
class Place:
    """Where the server listens, and what opens it."""

    host: str
    port: int
    tokens: Tokens

    @property
    def address(self) -> str:
        """With the token: for the person, not for a command line."""
        return self._with(self.tokens.token)

    def address_once(self) -> str:
        """With a key that opens once."""
        return self._with(self.tokens.once())

    def _with(self, key: str) -> str:
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host and '[' not in host else host}:{self.port}/?token={key}"


def serve(
    make: Callable[[], Studio],
    *,
    host: str = LOOPBACK[0],
    port: int = 0,
    limits: Limits | None = None,
    ready: Callable[[Place], None],
) -> None:
    """Serves a studio until the process is told to end (Ctrl-C), and closes it.

    Args:
        make: Makes what computes, once it is sure that somebody can listen.
        host: The address to listen at.
        port: Its port; 0 takes a free one.
        limits: How much is let in.
        ready: Called with the place as soon as somebody may come.

    Raises:
        SettingsError: nobody can listen there.
    """
    with listen(host, port) as listener, suppress(KeyboardInterrupt):
        studio = make()
        place = Place(host, listener.getsockname()[1], Tokens(secrets.token_urlsafe(32)))
        try:
            server(studio, place, limits or Limits(), lambda: ready(place)).run([listener])
        finally:
            studio.close()


def server(studio: Studio, place: Place, limits: Limits, ready: Callable[[], None]) -> uvicorn.Server:
    """Uvicorn, set up: nothing in between that could change who seems to ask, and no log that shows the token."""
    logging.getLogger("uvicorn.error").addFilter(_is_news)
    application = app(studio, place.tokens, port=place.port, host=place.host, limits=limits)
    config = uvicorn.Config(
        application,
        http="h11",
        ws="websockets-sansio",
        loop="asyncio",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        limit_concurrency=limits.connections,
        timeout_graceful_shutdown=_PATIENCE,
        ws_max_size=limits.message_bytes,
        ws_ping_interval=_PING,
        ws_ping_timeout=_PING,
        ws_per_message_deflate=False,  # pictures are compressed already
    )
    return _Server(config, studio, ready)


def _is_news(record: logging.LogRecord) -> bool:
    """Not that a socket was refused: whoever asked was told, and uvicorn takes that for a fault."""
    return "without completing handshake" not in record.getMessage()


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, studio: Studio, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._studio, self._ready = studio, ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Says when somebody may come."""
        await super().startup(sockets)
        self._ready()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Ends the work first, since answers wait for it; what is broken off now is no fault to tell of."""
        logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)
        await to_thread.run_sync(self._studio.close, abandon_on_cancel=True)
        await super().shutdown(sockets)


def listen(host: str, port: int) -> socket.socket:
    """A socket that is bound, so that its port is known and is ours.

    Raises:
        SettingsError: nobody can listen there.
    """
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except OSError as error:
        raise SettingsError(_why(host, port, error)) from error


def _why(host: str, port: int, error: OSError) -> str:
    match error:
        case socket.gaierror() | OSError(errno=errno.EADDRNOTAVAIL):
            return f"--host {host} is no address of this computer.\nLeave it out: 127.0.0.1 is the usual one."
        case OSError(errno=errno.EADDRINUSE):
            return f"--port {port} is taken by another program.\nLeave it out: a free one is found."
        case OSError(errno=errno.EACCES):
            return f"--port {port} is reserved for the system.\nTake one from 1024 on, or leave it out."
    return f"Nobody can listen at {host}, port {port}: {error.strerror or error}.\nLeave out --host and --port."
