"""Requests about pictures: opening, looking, painting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from phosphene.studio import uploads
from phosphene.studio.answers import Refusal
from phosphene.studio.desk import Desk, Handler
from phosphene.studio.interface import Sitting
from phosphene.studio.openapi import FILE, WEBP
from phosphene.studio.schemas import ID


async def recent(desk: Desk, request: Request) -> Response:
    """The list of pictures."""
    return JSONResponse({"pictures": list(await desk.light(desk.studio.list))})


async def open_new(desk: Desk, request: Request) -> Response:
    """A file's bytes, or JSON that names a canvas or a picture of the folder."""
    if uploads.media_type(request) != "application/json":
        return await _open_file(desk, request, desk.studio.open)
    wish = await desk.body(request, "NewPicture")
    if "folder" in wish:
        sitting = await desk.heavy(desk.studio.open_file, wish["folder"])
    else:
        size = wish["width"], wish["height"]
        sitting = await desk.heavy(desk.studio.canvas, wish["canvas"], *size, wish["seed"])
    return await _opened(desk, sitting)


async def open_painting(desk: Desk, request: Request) -> Response:
    """A file that `pack` made."""
    return await _open_file(desk, request, desk.studio.unpack)


async def _open_file(desk: Desk, request: Request, work: Callable[[bytes, str], Sitting]) -> Response:
    with desk.upload():
        data = await uploads.read_file(request, desk.limits)
        return await _opened(desk, await desk.heavy(work, data, uploads.name_of(request)))


async def _opened(desk: Desk, sitting: Sitting) -> Response:
    where = {"Location": f"/api/pictures/{sitting.id}"}
    return JSONResponse(await desk.light(sitting.state), 201, where)


async def add_reference(desk: Desk, request: Request) -> Response:
    """A picture's bytes, as guide or style."""
    sitting = await desk.picture(request)
    with desk.upload():
        data = await uploads.read_file(request, desk.limits)
        return JSONResponse(await desk.heavy(sitting.add_reference, data, uploads.name_of(request)), 201)


async def forget(desk: Desk, request: Request) -> Response:
    """Throws a picture away."""
    await desk.found(desk.studio.forget, desk.id_in(request, "id"))
    return Response(status_code=204)


def state_after(act: Callable[[Sitting], dict[str, Any]]) -> Handler:
    """A handler that does something that takes no words, and tells the state."""

    async def handler(desk: Desk, request: Request) -> Response:
        return JSONResponse(await desk.light(act, await desk.picture(request)))

    return handler


async def set_ground(desk: Desk, request: Request) -> Response:
    """A look of the whole picture, or null."""
    sitting = await desk.picture(request)
    ground = await desk.body(request, "GroundOrNone")
    return JSONResponse(await desk.light(sitting.set_ground, ground))


async def stroke(desk: Desk, request: Request) -> Response:
    """A whole stroke."""
    sitting = await desk.picture(request)
    wish = await desk.body(request, "Stroke")
    return JSONResponse(await desk.heavy(sitting.stroke, wish["brush"], wish["points"], wish["seconds"]))


def webp(read: Callable[[Sitting], bytes | None], missing: str = "") -> Handler:
    """A handler that sends a picture of the picture."""

    async def handler(desk: Desk, request: Request) -> Response:
        data = await desk.light(read, await desk.picture(request))
        if data is None:
            raise Refusal(404, missing, "Give it a style as ground first.")
        return Response(data, media_type=WEBP)

    return handler


async def reference(desk: Desk, request: Request) -> Response:
    """A reference's thumbnail."""
    sitting = await desk.picture(request)
    return Response(await desk.found(sitting.reference, desk.id_in(request, "ref", ID)), media_type=WEBP)


async def pack(desk: Desk, request: Request) -> Response:
    """The picture and all that was painted."""
    sitting = await desk.picture(request)
    headers = {"Content-Disposition": 'attachment; filename="painting.phosphene"'}
    return Response(await desk.heavy(sitting.pack), headers=headers, media_type=FILE)


async def command(desk: Desk, request: Request) -> Response:
    """The command line that makes the same."""
    sitting = await desk.picture(request)
    return JSONResponse(await desk.light(sitting.command))
