"""The studio as an ASGI application: every address, and the guard before them."""

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from phosphene.sessions.service import Studio
from phosphene.studio import guard
from phosphene.studio.answers import Crowd, Limits, refusal
from phosphene.studio.handlers import OPERATIONS
from phosphene.studio.operations import Handler
from phosphene.studio.requests import Desk
from phosphene.studio.sockets import live, nowhere


def app(
    studio: Studio,
    keys: guard.Keys | str,
    *,
    port: int,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    page: Path = guard.FOLDER,
) -> guard.Guard:
    """The application.

    Args:
        studio: What computes.
        keys: The token, or the keys with it.
        port: Where it is reached: other names in a request's `Host` are refused.
        host: As is this one, beside 127.0.0.1, localhost and ::1.
        limits: How much is let in.
        page: The folder with the page's files.

    Raises:
        SettingsError: the page is not there.
    """
    limits = limits or Limits()
    keys = guard.Keys(keys) if isinstance(keys, str) else keys
    crowd = Crowd(limits.requests, f"{limits.requests} requests are being answered already.")
    return guard.Guard(
        routes(Desk(studio, limits), guard.read(page)), keys, guard.names(host, port), f"phosphene_{port}", crowd
    )


def routes(desk: Desk, files: dict[str, guard.PageFile]) -> Starlette:
    """The application without its guard."""
    told: list[BaseRoute] = [
        Route(path, desk.endpoint(handlers), methods=[*handlers]) for path, handlers in _table(files).items()
    ]
    told += [WebSocketRoute("/api/pictures/{id}/live", _socket(desk)), WebSocketRoute("/{other:path}", nowhere)]
    plain = Starlette(routes=told, exception_handlers={HTTPException: _in_words})
    plain.router.redirect_slashes = False
    return plain


def _table(files: dict[str, guard.PageFile]) -> dict[str, dict[str, Handler]]:
    """The handlers of each address, by method."""

    async def index(_: Desk, request: Request) -> Response:
        return files[guard.INDEX].response(request)

    async def static(_: Desk, request: Request) -> Response:
        return guard.named(files, request.path_params["name"]).response(request)

    table: dict[str, dict[str, Handler]] = {"/": {"GET": index}, "/static/{name:path}": {"GET": static}}
    for each in OPERATIONS:
        path = each.path.replace("{key}", "{key:path}")  # a layer's name may have a / in it
        table.setdefault(path, {})[each.method.upper()] = each.handler
    return table


def _socket(desk: Desk) -> Callable[[WebSocket], Awaitable[None]]:
    async def answer(socket: WebSocket) -> None:
        await live(desk, socket)

    return answer


async def _in_words(request: Request, error: Exception) -> Response:
    return refusal(error).response()
