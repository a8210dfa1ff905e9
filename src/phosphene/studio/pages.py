"""The page's files, read once: what is not among them cannot be asked for."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from phosphene.errors import SettingsError
from phosphene.studio.answers import Refusal

FOLDER = Path(__file__).parent / "page"
INDEX = "index.html"

_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
}

_LOCKED = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Phosphene: the studio is locked</title>
<h1>The studio is locked</h1>
<p>It opens with a key, which is part of the address that the terminal shows.</p>
<p>Look where <code>phosphene studio</code> was started, and open the whole address from there.
It begins with <code>http://</code> and ends with <code>?token=</code> and a long word. Each start makes a new one.</p>
</html>
"""


@dataclass(frozen=True)
class PageFile:
    """A file of the page, as it is sent."""

    content: bytes
    media_type: str
    tag: str

    def response(self, request: Request) -> Response:
        """The file, or 304 if the browser has it already."""
        headers = {"ETag": self.tag}
        if request.headers.get("if-none-match") == self.tag:
            return Response(status_code=304, headers=headers)
        return Response(self.content, headers=headers, media_type=self.media_type)


def read(folder: Path = FOLDER) -> dict[str, PageFile]:
    """The files below a folder, by their path from there.

    Raises:
        SettingsError: it has no index.html.
    """
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TYPES)
    found = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
    if INDEX not in found:
        raise SettingsError(f"{folder} has no {INDEX}: the program is not whole.\nInstall it again.")
    return found


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def named(files: dict[str, PageFile], name: str) -> PageFile:
    """One of the files.

    Raises:
        Refusal: 404, if it is none of them.
    """
    if name not in files:
        raise Refusal(404, "The page has no such file.", "Reload the page.")
    return files[name]


def locked() -> HTMLResponse:
    """What somebody sees who comes without the key."""
    return HTMLResponse(_LOCKED, 403)
