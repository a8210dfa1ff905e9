"""Requests about what can be brought out, about jobs, and about the folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response

from phosphene.studio import openapi, pages
from phosphene.studio.answers import Refusal
from phosphene.studio.desk import Desk
from phosphene.studio.interface import Job
from phosphene.studio.openapi import WEBP
from phosphene.studio.schemas import KEY


@dataclass(frozen=True)
class Page:
    """Handlers that send the page's files."""

    files: dict[str, pages.PageFile]

    async def index(self, desk: Desk, request: Request) -> Response:
        """The page itself."""
        return self.files[pages.INDEX].response(request)

    async def static(self, desk: Desk, request: Request) -> Response:
        """A file of the page."""
        return pages.named(self.files, request.path_params["name"]).response(request)


async def description(desk: Desk, request: Request) -> Response:
    """OpenAPI."""
    return JSONResponse(openapi.document())


async def looks(desk: Desk, request: Request) -> Response:
    """What can be brought out; how large a file may be, the server knows."""
    found = await desk.light(desk.studio.looks)
    limits = {**found.get("limits", {}), "bytes": desk.limits.upload_bytes}
    return JSONResponse({**found, "limits": limits})


async def thumbnails(desk: Desk, request: Request) -> Response:
    """Begins to make small pictures of what looks would do."""
    sitting = await desk.picture(request)
    wish = await desk.body(request, "Thumbnails")
    return _begun(await desk.light(sitting.thumbnails, wish["set"], wish.get("layer")))


async def thumbnail(desk: Desk, request: Request) -> Response:
    """One of them."""
    sitting = await desk.picture(request)
    data = await desk.found(sitting.made_thumbnail, desk.id_in(request, "key", KEY))
    if data is None:
        raise Refusal(404, "This thumbnail is not made yet.", "Ask for its set; its event tells when it is there.")
    return Response(data, media_type=WEBP)


async def ranking(desk: Desk, request: Request) -> Response:
    """Begins to ask which layers suit a reference."""
    sitting = await desk.picture(request)
    wish = await desk.body(request, "Ranking")
    return _begun(await desk.light(sitting.rank, wish["reference"]))


async def render(desk: Desk, request: Request) -> Response:
    """Begins to paint at full size."""
    sitting = await desk.picture(request)
    wish = await desk.body(request, "Render")
    return _begun(await desk.light(sitting.render, wish["format"], wish["long_side"]))


def _begun(job: Job) -> Response:
    told = job.to_dict()
    return JSONResponse(told, 202, {"Location": f"/api/jobs/{told['id']}"})


async def job(desk: Desk, request: Request) -> Response:
    """How far a job is."""
    return JSONResponse((await desk.job(request)).to_dict())


async def cancel(desk: Desk, request: Request) -> Response:
    """Ends a job early."""
    cancelled = await desk.found(desk.studio.cancel, desk.id_in(request, "job"))
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
    return JSONResponse(await desk.light(desk.studio.folder) or {"folder": None, "pictures": []})


async def folder_thumbnail(desk: Desk, request: Request) -> Response:
    """One of them, by its number."""
    number = desk.id_in(request, "number", r"^[0-9]{1,6}$")
    data = await desk.found(lambda digits: desk.studio.folder_thumbnail(int(digits)), number)
    return Response(data, media_type=WEBP)
