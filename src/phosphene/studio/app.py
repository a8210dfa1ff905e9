"""The studio as an ASGI application: every address, and the guard before them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route, WebSocketRoute
from starlette.websockets import WebSocket

from phosphene.studio import guard, pages, pictures, work
from phosphene.studio.answers import refusal
from phosphene.studio.desk import Desk, Handler
from phosphene.studio.interface import Studio
from phosphene.studio.limits import Crowd, Limits
from phosphene.studio.sockets import live, nowhere

_PICTURE = "/api/pictures/{id}"


def app(
    studio: Studio,
    keys: guard.Keys | str,
    *,
    port: int,
    host: str = "127.0.0.1",
    limits: Limits | None = None,
    page: Path = pages.FOLDER,
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
        routes(Desk(studio, limits), pages.read(page)), keys, guard.names(host, port), f"phosphene_{port}", crowd
    )


def routes(desk: Desk, files: dict[str, pages.PageFile]) -> Starlette:
    """The application without its guard."""
    page = work.Page(files)
    table: dict[str, dict[str, Handler]] = {"/": {"GET": page.index}, "/static/{name:path}": {"GET": page.static}}
    told: list[BaseRoute] = [
        Route(path, desk.endpoint(handlers), methods=list(handlers)) for path, handlers in (table | _api()).items()
    ]
    told += [WebSocketRoute(f"{_PICTURE}/live", _socket(desk)), WebSocketRoute("/{other:path}", nowhere)]
    plain = Starlette(routes=told, exception_handlers={HTTPException: _in_words})
    plain.router.redirect_slashes = False
    return plain


def _api() -> dict[str, dict[str, Handler]]:
    return {
        "/api/openapi.json": {"GET": work.description},
        "/api/looks": {"GET": work.looks},
        "/api/pictures": {"GET": pictures.recent, "POST": pictures.open_new},
        _PICTURE: {"GET": pictures.state_after(lambda sitting: sitting.state()), "DELETE": pictures.forget},
        **{f"{_PICTURE}/{name}": methods for name, methods in _of_a_picture().items()},
        "/api/paintings": {"POST": pictures.open_painting},
        "/api/jobs/{job}": {"GET": work.job, "DELETE": work.cancel},
        "/api/jobs/{job}/result": {"GET": work.result},
        "/api/folder": {"GET": work.folder},
        "/api/folder/{number}.webp": {"GET": work.folder_thumbnail},
    }


def _of_a_picture() -> dict[str, dict[str, Handler]]:
    return {
        "view.webp": {"GET": pictures.webp(lambda sitting: sitting.view())},
        "photograph.webp": {"GET": pictures.webp(lambda sitting: sitting.photograph())},
        "thumbnail.webp": {"GET": pictures.webp(lambda sitting: sitting.thumbnail())},
        "regions.webp": {"GET": pictures.webp(lambda sitting: sitting.regions(), "There are no regions here.")},
        "ground": {"PUT": pictures.set_ground},
        "undo": {"POST": pictures.state_after(lambda sitting: sitting.undo())},
        "redo": {"POST": pictures.state_after(lambda sitting: sitting.redo())},
        "strokes": {"POST": pictures.stroke},
        "references": {"POST": pictures.add_reference},
        "references/{ref}.webp": {"GET": pictures.reference},
        "thumbnails": {"POST": work.thumbnails},
        "thumbnails/{key:path}.webp": {"GET": work.thumbnail},  # a layer's name may have a / in it
        "rankings": {"POST": work.ranking},
        "renders": {"POST": work.render},
        "painting.phosphene": {"GET": pictures.pack},
        "command": {"GET": pictures.command},
    }


def _socket(desk: Desk) -> Callable[[WebSocket], Awaitable[None]]:
    async def answer(socket: WebSocket) -> None:
        await live(desk, socket)

    return answer


async def _in_words(request: Request, error: Exception) -> Response:
    return refusal(error).response()
