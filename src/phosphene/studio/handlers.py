"""What answers each request, and the table of all operations."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from phosphene.sessions.background import Background
from phosphene.sessions.jobs import Job
from phosphene.sessions.session import Session
from phosphene.studio import requests
from phosphene.studio.answers import Refusal
from phosphene.studio.operations import FILE, JSON, WEBP, Handler, Operation, openapi
from phosphene.studio.requests import Desk
from phosphene.studio.shapes import FromFolder

# Pictures


async def pictures(desk: Desk, request: Request) -> Response:
    """The list of pictures."""
    return JSONResponse({"pictures": await desk.light(desk.studio.list)})


async def open_new(desk: Desk, request: Request) -> Response:
    """A file's bytes, or JSON that names a canvas or a picture of the folder."""
    if requests.media_type(request) != JSON:
        return await _open_file(desk, request, desk.studio.open)
    wish = await desk.body(request, "NewPicture")
    if isinstance(wish, FromFolder):
        return await _opened(desk, await desk.heavy(desk.studio.open_file, wish.folder))
    opened = await desk.heavy(desk.studio.canvas, wish.canvas, wish.width, wish.height, wish.seed)
    return await _opened(desk, opened)


async def open_painting(desk: Desk, request: Request) -> Response:
    """A file that `pack` made."""
    return await _open_file(desk, request, desk.studio.unpack)


async def _open_file(desk: Desk, request: Request, work: Callable[[bytes, str], Session]) -> Response:
    with desk.upload():
        data = await requests.read_file(request, desk.limits)
        return await _opened(desk, await desk.heavy(work, data, requests.name_of(request)))


async def _opened(desk: Desk, session: Session) -> Response:
    return JSONResponse(await desk.light(session.state), 201, {"Location": f"/api/pictures/{session.id}"})


async def forget(desk: Desk, request: Request) -> Response:
    """Throws a picture away."""
    await desk.found(desk.studio.forget, desk.id_in(request, "id"))
    return Response(status_code=204)


def told(ask: Callable[[Session], Mapping[str, object]]) -> Handler:
    """A handler that asks something of a picture, which takes no words, and sends the answer as JSON."""

    async def handler(desk: Desk, request: Request) -> Response:
        return JSONResponse(await desk.light(ask, await desk.session(request)))

    return handler


async def set_ground(desk: Desk, request: Request) -> Response:
    """A look of the whole picture, or null."""
    session = await desk.session(request)
    return JSONResponse(await desk.light(session.set_ground, await desk.body(request, "GroundOrNone")))


async def stroke(desk: Desk, request: Request) -> Response:
    """A whole stroke."""
    session = await desk.session(request)
    wish = await desk.body(request, "Stroke")
    return JSONResponse(await desk.heavy(session.stroke, wish.brush, wish.points, wish.seconds))


async def add_reference(desk: Desk, request: Request) -> Response:
    """A picture's bytes, as guide or style."""
    session = await desk.session(request)
    with desk.upload():
        data = await requests.read_file(request, desk.limits)
        return JSONResponse(await desk.heavy(session.add_reference, data, requests.name_of(request)), 201)


def webp(read: Callable[[Session], bytes | None], missing: str = "") -> Handler:
    """A handler that sends a picture of the picture."""

    async def handler(desk: Desk, request: Request) -> Response:
        data = await desk.light(read, await desk.session(request))
        if data is None:
            raise Refusal(404, missing, "Give it a style as ground first.")
        return Response(data, media_type=WEBP)

    return handler


async def reference(desk: Desk, request: Request) -> Response:
    """A reference's thumbnail."""
    session = await desk.session(request)
    return Response(await desk.found(session.reference, desk.id_in(request, "ref")), media_type=WEBP)


async def pack(desk: Desk, request: Request) -> Response:
    """The picture and all that was painted."""
    session = await desk.session(request)
    headers = {"Content-Disposition": 'attachment; filename="painting.phosphene"'}
    return Response(await desk.heavy(session.pack), headers=headers, media_type=FILE)


# What can be brought out, jobs, and the folder


async def description(desk: Desk, request: Request) -> Response:
    """OpenAPI."""
    return JSONResponse(openapi(OPERATIONS))


async def looks(desk: Desk, request: Request) -> Response:
    """What can be brought out; how large a file may be, the server knows."""
    found = await desk.light(desk.studio.looks)
    return JSONResponse(found | {"limits": found["limits"] | {"bytes": desk.limits.upload_bytes}})


def begun(shape: str, begin: Callable[[Background, Any], Job]) -> Handler:
    """A handler that begins a job as a body of that shape wishes."""

    async def handler(desk: Desk, request: Request) -> Response:
        session = await desk.session(request)
        wish = await desk.body(request, shape)
        job = await desk.light(begin, session.background, wish)
        return JSONResponse(job.to_dict(), 202, {"Location": f"/api/jobs/{job.id}"})

    return handler


async def thumbnail(desk: Desk, request: Request) -> Response:
    """One of them."""
    session = await desk.session(request)
    data = await desk.found(session.background.made_thumbnail, desk.id_in(request, "key"))
    if data is None:
        raise Refusal(404, "This thumbnail is not made yet.", "Ask for its set; its event tells when it is there.")
    return Response(data, media_type=WEBP)


async def job(desk: Desk, request: Request) -> Response:
    """How far a job is."""
    return JSONResponse((await desk.job(request)).to_dict())


async def cancel(desk: Desk, request: Request) -> Response:
    """Ends a job early."""
    cancelled = await desk.job(request)
    cancelled.cancel()
    return JSONResponse(cancelled.to_dict())


async def result(desk: Desk, request: Request) -> Response:
    """The file that a render made, under the name that the job tells."""
    done = await desk.job(request)
    told = done.to_dict()
    file = done.result_file
    if file is None or not await desk.light(Path.is_file, file):
        raise Refusal(409, f"This job has no file: it is {told['state']}.", "Only a render that is done has one.")
    name = (told["result"] or {}).get("name", "painting")
    return FileResponse(file, filename=name, media_type=done.media_type)


async def folder(desk: Desk, request: Request) -> Response:
    """The pictures of --folder; without one, none."""
    return JSONResponse(await desk.light(desk.studio.folder))


async def folder_thumbnail(desk: Desk, request: Request) -> Response:
    """One of them, by its number."""
    data = await desk.found(lambda digits: desk.studio.folder_thumbnail(int(digits)), desk.id_in(request, "number"))
    return Response(data, media_type=WEBP)


_ONE = "/api/pictures/{id}"


def _get(path: str, about: str, handler: Handler, gives: str, **more: Any) -> Operation:
    return Operation("get", path, about, handler, gives=gives, **more)


def _post(path: str, about: str, handler: Handler, takes: tuple[str, ...], gives: str, **more: Any) -> Operation:
    return Operation("post", path, about, handler, takes, gives, **more)


OPERATIONS = (
    _get("/api/openapi.json", "This description.", description, JSON),
    _get("/api/looks", "What can be brought out, and the limits.", looks, "Looks"),
    _get("/api/pictures", "Recent pictures, newest first.", pictures, "Pictures"),
    _post("/api/pictures", "Opens a file's bytes, a canvas, or a picture of the folder.", open_new,
          (FILE, "NewPicture"), "State", status=201, named=True),
    _get(_ONE, "A picture's state.", told(lambda session: session.state()), "State"),
    Operation("delete", _ONE, "Throws a picture away.", forget, status=204),
    _get(f"{_ONE}/view.webp", "The painting at view size, lossless.", webp(lambda session: session.view()), WEBP),
    _get(f"{_ONE}/photograph.webp", "The photograph at view size.", webp(lambda session: session.photograph()), WEBP),
    _get(f"{_ONE}/thumbnail.webp", "The painting, long side 256.", webp(lambda session: session.thumbnail()), WEBP),
    _get(f"{_ONE}/regions.webp", "What a style matched with what.",
         webp(lambda session: session.regions(), "There are no regions here."), WEBP),
    Operation("put", f"{_ONE}/ground", "Begins to grow a ground; null is the photograph.", set_ground,
              ("GroundOrNone",), "State"),
    _post(f"{_ONE}/undo", "Takes the last act back.", told(lambda session: session.undo()), (), "State"),
    _post(f"{_ONE}/redo", "Does it again.", told(lambda session: session.redo()), (), "State"),
    _post(f"{_ONE}/strokes", "Paints a whole stroke, and answers when it is done.", stroke, ("Stroke",), "State"),
    _post(f"{_ONE}/references", "Adds a picture as guide or style.", add_reference, (FILE,), "Reference",
          status=201, named=True),
    _get(f"{_ONE}/references/{{ref}}.webp", "A reference, long side 256.", reference, WEBP),
    _post(f"{_ONE}/thumbnails", "Begins to show what looks would do.",
          begun("Thumbnails", lambda background, wish: background.thumbnails(wish.set, getattr(wish, "layer", None))),
          ("Thumbnails",), "JobState", status=202),
    _get(f"{_ONE}/thumbnails/{{key}}.webp", "One of them, once it is made.", thumbnail, WEBP),
    _post(f"{_ONE}/rankings", "Begins to ask which layers suit a reference.",
          begun("Ranking", lambda background, wish: background.rank(wish.reference)), ("Ranking",), "JobState",
          status=202),
    _post(f"{_ONE}/renders", "Begins to paint at full size, into a file.",
          begun("Render", lambda background, wish: background.render(wish.format, wish.long_side)), ("Render",),
          "JobState", status=202),
    _get(f"{_ONE}/painting.phosphene", "The picture and all that was painted, as one file.", pack, FILE),
    _get(f"{_ONE}/command", "The command line that makes the same, if there is one.",
         told(lambda session: session.command()), "Command"),
    _post("/api/paintings", "Opens such a file's bytes.", open_painting, (FILE,), "State", status=201, named=True),
    _get("/api/jobs/{job}", "How far a job is.", job, "JobState"),
    Operation("delete", "/api/jobs/{job}", "Ends a job early.", cancel, gives="JobState"),
    _get("/api/jobs/{job}/result", "The file that a render made.", result, FILE, refusals=(409,)),
    _get("/api/folder", "The pictures of --folder, numbered; without it, none.", folder, "Folder"),
    _get("/api/folder/{number}.webp", "One of them, small.", folder_thumbnail, WEBP),
)  # fmt: skip
