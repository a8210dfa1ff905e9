"""How the studio's operations are described: an address, what it takes and gives; OpenAPI 3.1 is written from them."""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from phosphene import __version__
from phosphene.studio.requests import PATTERNS, RequestContext
from phosphene.studio.shapes import schemas

WEBP, FILE, JSON = "image/webp", "application/octet-stream", "application/json"
Handler = Callable[[RequestContext, Request], Awaitable[Response]]


@dataclass(frozen=True)
class Operation:
    """What one method of one address does."""

    method: str  # in small letters
    path: str  # with the names of its parts in braces
    about: str  # what it does, in a sentence
    handler: Handler  # does it
    takes: Sequence[str] = ()  # names of shapes, or `FILE`, any of which its body may be
    gives: str = ""  # the name of a shape, a media type, or nothing
    status: int = 200  # of its answer
    named: bool = False  # whether its query names the file that is sent
    refusals: Sequence[int] = ()  # statuses of its own, beside those that follow from the rest

    def described(self, shapes: dict[str, object]) -> dict[str, object]:
        """As OpenAPI has it."""
        words = [word for word in re.split(r"[/{}.]+", self.path) if word not in ("", "api", "webp")]
        answers = {
            str(self.status): {"description": self.about} | _content((self.gives,) if self.gives else (), shapes)
        }
        for code, meaning in sorted((_ALWAYS | {code: _OWN[code] for code in self._refuses()}).items()):
            answers[str(code)] = {"description": meaning} | _content(("Error",), shapes)
        body = {"requestBody": {"required": True} | _content(self.takes, shapes)} if self.takes else {}
        summary = {"operationId": "_".join([self.method, *words]), "summary": self.about}
        return {**summary, "parameters": self._parameters(), "responses": answers, **body}

    def _refuses(self) -> set[int]:
        found = set(self.refusals)
        found |= {404} if "{" in self.path else set()
        found |= {400, 413, 415} if self.takes else set()
        return found | ({408} if FILE in self.takes else set())

    def _parameters(self) -> list[dict[str, object]]:
        found: list[dict[str, object]] = [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string", "pattern": PATTERNS[name]}}
            for name in re.findall(r"{(\w+)}", self.path)
        ]
        if self.named:
            about = "What the file is called, for people to read."
            found.append({"name": "name", "in": "query", "description": about, "schema": {"type": "string"}})
        return found


_ALWAYS = {401: "No token.", 403: "From another site.", 500: "A fault of the program.", 503: "Too much at once."}
_OWN = {
    400: "Not what is expected.",
    404: "There is no such thing.",
    408: "Sent too slowly.",
    409: "Not done yet.",
    413: "Too large.",
    415: "Sent in a form that is not taken.",
}
_ABOUT = """Every request brings the token that `phosphene studio` prints: `Authorization: Bearer TOKEN`.
Errors are `{"error": "what was wrong", "hint": "what to do"}`.

The socket `/api/pictures/{id}/live` takes `Message` as text. It sends text, `{"event": "state" | "job" | "thumbnail" |
"error" | "refresh", …}`, and frames: 4 bytes, little-endian, the length of a JSON header; the header, `{"x", "y",
"width", "height", "revision", "of"}`; a WebP picture to be drawn into that rectangle of the view. `refresh` says that
frames were left out because they were not fetched in time: get `view.webp` again. Frames of
`closeup` change nothing: they show a part sharper, until a frame of another kind changes it."""


def _content(kinds: Sequence[str], shapes: dict[str, object]) -> dict[str, object]:
    """Shapes travel as JSON, everything else as itself."""
    content: dict[str, object] = {}
    for kind in kinds:
        ref = {"schema": {"$ref": f"#/components/schemas/{kind}"}}
        content |= {JSON: ref} if kind in shapes else {kind: {}}
    return {"content": content} if content else {}


def openapi(operations: Sequence[Operation]) -> dict[str, object]:
    """The whole description, as JSON data."""
    shapes = schemas()
    paths: dict[str, dict[str, object]] = {}
    for each in operations:
        paths.setdefault(each.path, {})[each.method] = each.described(shapes)
    return {
        "openapi": "3.1.0",
        "info": {"title": "The studio of Phosphene", "version": __version__, "description": _ABOUT},
        "security": [{"bearer": []}, {"cookie": []}],
        "paths": paths,
        "components": {
            "schemas": shapes,
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": "phosphene_PORT"},
            },
        },
    }
