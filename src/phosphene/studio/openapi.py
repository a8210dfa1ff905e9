"""What the server answers to, written down for programs: OpenAPI 3.1."""

from __future__ import annotations

import re
from typing import Any

from phosphene import __version__
from phosphene.studio.schemas import ID, KEY, SCHEMAS, ref

WEBP, FILE = "image/webp", "application/octet-stream"

# Method, address, what it does, what it takes (a shape, or bytes), status and what it gives (a shape, a media type or
# nothing), and the refusals that are its own.
OPERATIONS: tuple[tuple[str, str, str, tuple[str, ...], int, str, tuple[int, ...]], ...] = (
    ("get", "/api/openapi.json", "This description.", (), 200, "application/json", ()),
    ("get", "/api/looks", "What can be brought out, and the limits.", (), 200, "Looks", ()),
    ("get", "/api/pictures", "Recent pictures, newest first.", (), 200, "Pictures", ()),
    ("post", "/api/pictures", "Opens a file's bytes, a canvas, or a picture of the folder.", (FILE, "NewPicture"),
     201, "State", (400, 408, 413, 415)),
    ("get", "/api/pictures/{id}", "A picture's state.", (), 200, "State", (404,)),
    ("delete", "/api/pictures/{id}", "Throws a picture away.", (), 204, "", (404,)),
    ("get", "/api/pictures/{id}/view.webp", "The painting at view size, lossless.", (), 200, WEBP, (404,)),
    ("get", "/api/pictures/{id}/photograph.webp", "The photograph at view size.", (), 200, WEBP, (404,)),
    ("get", "/api/pictures/{id}/thumbnail.webp", "The painting, long side 256.", (), 200, WEBP, (404,)),
    ("get", "/api/pictures/{id}/regions.webp", "What a style matched with what.", (), 200, WEBP, (404,)),
    ("put", "/api/pictures/{id}/ground", "Begins to grow a ground; null is the photograph.", ("GroundOrNone",),
     200, "State", (400, 404, 413, 415)),
    ("post", "/api/pictures/{id}/undo", "Takes the last act back.", (), 200, "State", (404,)),
    ("post", "/api/pictures/{id}/redo", "Does it again.", (), 200, "State", (404,)),
    ("post", "/api/pictures/{id}/strokes", "Paints a whole stroke, and answers when it is done.", ("Stroke",),
     200, "State", (400, 404, 413, 415)),
    ("post", "/api/pictures/{id}/references", "Adds a picture as guide or style.", (FILE,),
     201, "Reference", (400, 404, 408, 413, 415)),
    ("get", "/api/pictures/{id}/references/{ref}.webp", "A reference, long side 256.", (), 200, WEBP, (404,)),
    ("post", "/api/pictures/{id}/thumbnails", "Begins to show what looks would do.", ("Thumbnails",),
     202, "Job", (400, 404, 413, 415)),
    ("get", "/api/pictures/{id}/thumbnails/{key}.webp", "One of them, once it is made.", (), 200, WEBP, (404,)),
    ("post", "/api/pictures/{id}/rankings", "Begins to ask which layers suit a reference.", ("Ranking",),
     202, "Job", (400, 404, 413, 415)),
    ("post", "/api/pictures/{id}/renders", "Begins to paint at full size, into a file.", ("Render",),
     202, "Job", (400, 404, 413, 415)),
    ("get", "/api/pictures/{id}/painting.phosphene", "The picture and all that was painted, as one file.", (),
     200, FILE, (404,)),
    ("get", "/api/pictures/{id}/command", "The command line that makes the same, if there is one.", (),
     200, "Command", (404,)),
    ("post", "/api/paintings", "Opens such a file's bytes.", (FILE,), 201, "State", (400, 408, 413, 415)),
    ("get", "/api/jobs/{job}", "How far a job is.", (), 200, "Job", (404,)),
    ("delete", "/api/jobs/{job}", "Ends a job early.", (), 200, "Job", (404,)),
    ("get", "/api/jobs/{job}/result", "The file that a render made.", (), 200, FILE, (404, 409)),
    ("get", "/api/folder", "The pictures of --folder, numbered; without it, none.", (), 200, "Folder", ()),
    ("get", "/api/folder/{number}.webp", "One of them, small.", (), 200, WEBP, (404,)),
)  # fmt: skip

_ALWAYS = {401: "No token.", 403: "From another site.", 500: "A fault of the program.", 503: "Too much at once."}
_OWN = {
    400: "Not what is expected.",
    404: "There is no such thing.",
    408: "Sent too slowly.",
    409: "Not done yet.",
    413: "Too large.",
    415: "Sent in a form that is not taken.",
}
_NAMED = "/api/pictures", "/api/paintings", "/api/pictures/{id}/references"
_PATTERNS = {"id": ID, "ref": ID, "job": ID, "key": KEY, "number": r"^[0-9]{1,6}$"}
_ABOUT = """Every request brings the token that `phosphene studio` prints: `Authorization: Bearer TOKEN`.
Errors are `{"error": "what was wrong", "hint": "what to do"}`.

The socket `/api/pictures/{id}/live` takes `Message` as text. It sends text, `{"event": "state" | "job" | "thumbnail" |
"error" | "refresh", …}`, and frames: 4 bytes, little-endian, the length of a JSON header; the header, `{"x", "y",
"width", "height", "revision", "of"}`; a WebP picture to be drawn into that rectangle of the view. `refresh` says that
frames were left out because they were not fetched in time: get `view.webp` again."""


def document() -> dict[str, Any]:
    """The whole description, as JSON data."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation[1], {})[operation[0]] = _described(*operation)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The studio of Phosphene", "version": __version__, "description": _ABOUT},
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "phosphene_PORT"},
            },
        },
    }


def _described(
    method: str, path: str, about: str, takes: tuple[str, ...], status: int, gives: str, refusals: tuple[int, ...]
) -> dict[str, Any]:
    words = [word for word in re.split(r"[/{}.]+", path) if word not in ("", "api", "webp")]
    described: dict[str, Any] = {
        "operationId": "_".join([method, *words]),
        "summary": about,
        "parameters": _parameters(method, path),
        "responses": {str(status): {"description": about} | _content((gives,) if gives else ())},
    }
    for code, meaning in sorted((_ALWAYS | {code: _OWN[code] for code in refusals}).items()):
        described["responses"][str(code)] = {"description": meaning} | _content(("Error",))
    if takes:
        described["requestBody"] = {"required": True} | _content(takes)
    return described


def _content(kinds: tuple[str, ...]) -> dict[str, Any]:
    """Shapes travel as JSON, everything else as itself."""
    content: dict[str, Any] = {}
    for kind in kinds:
        content |= {"application/json": {"schema": ref(kind)}} if kind in SCHEMAS else {kind: {}}
    return {"content": content} if content else {}


def _parameters(method: str, path: str) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": _PATTERNS[name]}}
        for name in re.findall(r"{(\w+)}", path)
    ]
    if method == "post" and path in _NAMED:
        about = "What the file is called, for people to read."
        parameters.append({"name": "name", "in": "query", "description": about, "schema": {"type": "string"}})
    return parameters
