"""The studio's operations: what answers each request, and the table of all of them."""

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
from phosphene.studio.openapi import FILE, JSON, WEBP, Handler, Operation, openapi
from phosphene.studio.requests import RequestContext
from phosphene.studio.shapes import FromFolder

# Pictures


async def pictures(context: RequestContext, request: Request) -> Response:
    """The list of pictures."""
    return JSONResponse({"pictures": await context.light(context.studio.list)})


async def open_new(context: RequestContext, request: Request) -> Response:
    """A file's bytes, or JSON that names a canvas or a picture of the folder."""
    if requests.media_type(request) != JSON:
        return await _open_file(context, request, context.studio.open)
    wish = await context.body(request, "NewPicture")
    if isinstance(wish, FromFolder):
        return await _opened(context, await context.heavy(context.studio.open_file, wish.folder))
    opened = await context.heavy(context.studio.canvas, wish.canvas, wish.width, wish.height, wish.seed)
    return await _opened(context, opened)


async def open_painting(context: RequestContext, request: Request) -> Response:
    """A file that `pack` made."""
    return await _open_file(context, request, context.studio.unpack)


async def _open_file(context: RequestContext, request: Request, work: Callable[[bytes, str], Session]) -> Response:
    with context.upload():
        data = await requests.read_file(request, context.limits)
        return await _opened(context, await context.heavy(work, data, requests.name_of(request)))


async def _opened(context: RequestContext, session: Session) -> Response:
    return JSONResponse(await context.light(session.state), 201, {"Location": f"/api/pictures/{session.id}"})


async def forget(context: RequestContext, request: Request) -> Response:
    """Throws a picture away."""
    await context.found(context.studio.forget, context.id_in(request, "id"))
    return Response(status_code=204)


def told(ask: Callable[[Session], Mapping[str, object]]) -> Handler:
    """A handler that asks something of a picture, which takes no words, and sends the answer as JSON."""

    async def handler(context: RequestContext, request: Request) -> Response:
        return JSONResponse(await context.light(ask, await context.session(request)))

    return handler


async def set_ground(context: RequestContext, request: Request) -> Response:
    """A look of the whole picture, or null."""
    session = await context.session(request)
    return JSONResponse(await context.light(session.set_ground, await context.body(request, "GroundOrNone")))


async def adjust(context: RequestContext, request: Request) -> Response:
    """An adjustment of what was painted."""
    session = await context.session(request)
    return JSONResponse(await context.light(session.adjust, await context.body(request, "Adjustment")))


async def stroke(context: RequestContext, request: Request) -> Response:
    """A whole stroke."""
    session = await context.session(request)
    wish = await context.body(request, "Stroke")
    return JSONResponse(await context.heavy(session.stroke, wish.brush, wish.points, wish.seconds))


async def add_reference(context: RequestContext, request: Request) -> Response:
    """A picture's bytes, as guide or style."""
    session = await context.session(request)
    with context.upload():
        data = await requests.read_file(request, context.limits)
        return JSONResponse(await context.heavy(session.add_reference, data, requests.name_of(request)), 201)


def webp(read: Callable[[Session], bytes | None], missing: str = "") -> Handler:
    """A handler that sends a picture of the picture."""

    async def handler(context: RequestContext, request: Request) -> Response:
        data = await context.light(read, await context.session(request))
        if data is None:
            raise Refusal(404, missing, "Give it a style as ground first.")
        return Response(data, media_type=WEBP)

    return handler


async def reference(context: RequestContext, request: Request) -> Response:
    """A reference's thumbnail."""
    session = await context.session(request)
    return Response(await context.found(session.reference, context.id_in(request, "ref")), media_type=WEBP)


async def pack(context: RequestContext, request: Request) -> Response:
    """The picture and all that was painted."""
    session = await context.session(request)
    headers = {"Content-Disposition": 'attachment; filename="painting.phosphene"'}
    return Response(await context.heavy(session.pack), headers=headers, media_type=FILE)


# What can be brought out, jobs, and the folder


async def description(context: RequestContext, request: Request) -> Response:
    """OpenAPI."""
    return JSONResponse(openapi(OPERATIONS))


async def looks(context: RequestContext, request: Request) -> Response:
    """What can be brought out; how large a file may be, the server knows."""
    found = await context.light(context.studio.looks)
    return JSONResponse(found | {"limits": found["limits"] | {"bytes": context.limits.upload_bytes}})


def begun(shape: str, begin: Callable[[Background, Any], Job]) -> Handler:
    """A handler that begins a job as a body of that shape asks for."""

    async def handler(context: RequestContext, request: Request) -> Response:
        session = await context.session(request)
        wish = await context.body(request, shape)
        job = await context.light(begin, session.background, wish)
        return JSONResponse(job.to_dict(), 202, {"Location": f"/api/jobs/{job.id}"})

    return handler


async def thumbnail(context: RequestContext, request: Request) -> Response:
    """One of them."""
    session = await context.session(request)
    data = await context.found(session.background.made_thumbnail, context.id_in(request, "key"))
    if data is None:
        raise Refusal(404, "This thumbnail is not made yet.", "Ask for its set; its event tells when it is there.")
    return Response(data, media_type=WEBP)


async def job(context: RequestContext, request: Request) -> Response:
    """How far a job is."""
    return JSONResponse((await context.job(request)).to_dict())


async def cancel(context: RequestContext, request: Request) -> Response:
    """Ends a job early."""
    cancelled = await context.job(request)
    cancelled.cancel()
    return JSONResponse(cancelled.to_dict())


async def result(context: RequestContext, request: Request) -> Response:
    """The file that a render or a film made, under the name that the job tells."""
    done = await context.job(request)
    told = done.to_dict()
    file = done.result_file
    if file is None or not await context.light(Path.is_file, file):
        raise Refusal(409, f"This job has no file: it is {told['state']}.", "Only what is rendered or filmed has one.")
    name = (told["result"] or {}).get("name", "painting")
    return FileResponse(file, filename=name, media_type=done.media_type)


async def folder(context: RequestContext, request: Request) -> Response:
    """The pictures of --folder; without one, none."""
    return JSONResponse(await context.light(context.studio.folder))


async def folder_thumbnail(context: RequestContext, request: Request) -> Response:
    """One of them, by its number."""
    data = await context.found(
        lambda digits: context.studio.folder_thumbnail(int(digits)), context.id_in(request, "number")
    )
    return Response(data, media_type=WEBP)


async def keep_look(context: RequestContext, request: Request) -> Response:
    """A look's file, which is kept."""
    with context.upload():
        data = await requests.read_file(request, context.limits)
        return JSONResponse(await context.light(context.studio.keep_look, data, requests.name_of(request)), 201)


async def guide(context: RequestContext, request: Request) -> Response:
    """A canvas that can guide a dream."""
    return Response(await context.found(context.studio.guide, context.id_in(request, "guide")), media_type=WEBP)


_ONE = "/api/pictures/{id}"


def _get(path: str, about: str, handler: Handler, gives: str, **more: Any) -> Operation:
    return Operation("get", path, about, handler, gives=gives, **more)


def _post(path: str, about: str, handler: Handler, takes: tuple[str, ...], gives: str, **more: Any) -> Operation:
    return Operation("post", path, about, handler, takes, gives, **more)


OPERATIONS = (
    _get("/api/openapi.json", "This description.", description, JSON),
    _get("/api/looks", "What can be brought out, and the limits.", looks, "Looks"),
    _post("/api/looks", "Keeps a look's file under its name, among the user's looks.", keep_look, (FILE,), "KeptLook",
          status=201, named=True),
    _get("/api/guides/{guide}.webp", "A canvas that can guide a dream, to be brought as a reference.", guide, WEBP),
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
    _get(f"{_ONE}/segments.webp", "The photograph's regions: a pixel's red is its region's number, from 1.", webp(
        lambda session: session.background.segments()), WEBP),
    Operation("put", f"{_ONE}/ground", "Begins to grow a ground; null is the photograph.", set_ground,
              ("GroundOrNone",), "State"),
    _post(f"{_ONE}/undo", "Takes the last act back.", told(lambda session: session.undo()), (), "State"),
    _post(f"{_ONE}/redo", "Does it again.", told(lambda session: session.redo()), (), "State"),
    _post(f"{_ONE}/strokes", "Paints a whole stroke, and answers when it is done.", stroke, ("Stroke",), "State"),
    _post(f"{_ONE}/adjustments", "Adjusts a stroke, the ground or all of it, after it was painted.", adjust,
          ("Adjustment",), "State"),
    _post(f"{_ONE}/references", "Adds a picture as guide or style.", add_reference, (FILE,), "Reference",
          status=201, named=True),
    _get(f"{_ONE}/references/{{ref}}.webp", "A reference, long side 256.", reference, WEBP),
    _post(f"{_ONE}/thumbnails", "Begins to show what looks would do.",
          begun("Thumbnails", lambda background, wish: background.thumbnails(wish.set, getattr(wish, "layer", None))),
          ("Thumbnails",), "JobState", status=202),
    _post(f"{_ONE}/variations", "Begins to show a look with other seeds, as thumbnails `seed-SEED`.", begun(
        "Variations", lambda background, wish: background.variations(wish.look, wish.seeds)),
        ("Variations",), "JobState", status=202),
    _get(f"{_ONE}/thumbnails/{{key}}.webp", "One of them, once it is made.", thumbnail, WEBP),
    _post(f"{_ONE}/rankings", "Begins to ask which layers suit a reference.",
          begun("Ranking", lambda background, wish: background.rank(wish.reference)), ("Ranking",), "JobState",
          status=202),
    _post(f"{_ONE}/renders", "Begins to paint at full size, into a file.",
          begun("Render", lambda background, wish: background.render(wish.format, wish.long_side)), ("Render",),
          "JobState", status=202),
    _post(f"{_ONE}/films", "Begins to make a film of the painting, an MP4 file.",
          begun("Film", lambda background, wish: background.film(
              wish.kind, wish.seconds, loop=getattr(wish, "loop", False))), ("Film",), "JobState", status=202),
    _get(f"{_ONE}/painting.phosphene", "The picture and all that was painted, as one file.", pack, FILE),
    _get(f"{_ONE}/command", "The command line that makes the same, if there is one.",
         told(lambda session: session.command()), "Command"),
    _post("/api/paintings", "Opens such a file's bytes.", open_painting, (FILE,), "State", status=201, named=True),
    _get("/api/jobs/{job}", "How far a job is.", job, "JobState"),
    Operation("delete", "/api/jobs/{job}", "Ends a job early.", cancel, gives="JobState"),
    _get("/api/jobs/{job}/result", "The file that a render or a film made.", result, FILE, refusals=(409,)),
    _get("/api/folder", "The pictures of --folder, numbered; without it, none.", folder, "Folder"),
    _get("/api/folder/{number}.webp", "One of them, small.", folder_thumbnail, WEBP),
)  # fmt: skip
