"""The door: who may speak to the studio, and with what the answers are sealed.

A page of another site can make this browser send requests here. So every request must name this server as its `Host`
(or a site whose name was pointed at this computer could read along), must not come from a foreign `Origin`, and must
bring the token. A browser brings it as a cookie; to change something that way, it must say its `Origin` as well.
"""

import hashlib
import secrets
from dataclasses import dataclass, field
from pathlib import Path

from starlette.datastructures import MutableHeaders
from starlette.requests import HTTPConnection, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from phosphene.errors import SettingsError
from phosphene.studio.answers import ConcurrencyLimit, Refusal

# The page's files, read once: what is not among them cannot be asked for


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
    """The files below a folder, by their path from there. Raises `SettingsError`: it has no index.html."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.suffix in _TYPES)
    found = {path.relative_to(folder).as_posix(): _read(path) for path in paths}
    if INDEX not in found:
        raise SettingsError(f"{folder} has no {INDEX}: the program is not whole.\nInstall it again.")
    return found


def _read(path: Path) -> PageFile:
    content = path.read_bytes()
    return PageFile(content, _TYPES[path.suffix], f'"{hashlib.sha256(content).hexdigest()[:32]}"')


def locked() -> HTMLResponse:
    """What somebody sees who comes without the key."""
    return HTMLResponse(_LOCKED, 403)


_SAFE = ("GET", "HEAD")
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; font-src 'self'; img-src 'self' blob:; media-src 'self'; "
    "connect-src 'self'{socket}; worker-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_SEALS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_FOREIGN = "This request comes from another site."
_FOREIGN_HINT = "Only the studio's own page, and programs with its token, may use it."


@dataclass
class Tokens:
    """What opens the door: the token, and keys that open it once.

    A browser is started with an address on its command line, which other people on this computer can read. So that
    address holds a key that is spent as soon as the page is open.
    """

    token: str
    _once: set[str] = field(default_factory=set)

    def once(self) -> str:
        """A new key that opens once."""
        key = secrets.token_urlsafe(32)
        self._once.add(key)
        return key

    def fits(self, given: str) -> bool:
        """Whether it is the token; in a time that does not tell how much of it was right."""
        return secrets.compare_digest(given.encode(), self.token.encode())

    def opens(self, given: str) -> bool:
        """Whether it is the token or a key that opens once, which it does not do again."""
        spent = {key for key in self._once if secrets.compare_digest(given.encode(), key.encode())}
        self._once -= spent
        return bool(spent) or self.fits(given)


def names(host: str, port: int) -> frozenset[str]:
    """What a request to this server may call it."""
    hosts = {"127.0.0.1", "localhost", "[::1]", f"[{host}]" if ":" in host else host.lower()}
    bare = hosts if port == 80 else frozenset[str]()  # a browser leaves the usual port out
    return frozenset(f"{each}:{port}" for each in hosts) | bare


@dataclass(frozen=True)
class Guard:
    """Stands before the application: refuses, lets in, seals every answer."""

    app: ASGIApp
    tokens: Tokens
    hosts: frozenset[str]
    cookie: str
    limit: ConcurrencyLimit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers a request, or hands it on."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        caller = HTTPConnection(scope)
        sealed = _sealing(send, _seals(caller, self.hosts))
        try:
            answer = self._at_the_door(caller)
            if answer is None:
                await self._let_in(scope, receive, sealed)
                return
        except Refusal as refusal:
            answer = refusal.response()
        await deny(answer, scope, receive, sealed)

    async def _let_in(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.app(scope, receive, send)
            return
        with self.limit.place():
            await self.app(scope, receive, send)

    def _at_the_door(self, caller: HTTPConnection) -> Response | None:
        """The answer to whoever is not let in."""
        self._check_host(caller)
        _check_origin(caller)
        page = caller.scope["type"] == "http" and caller.url.path == "/"
        if page and "token" in caller.query_params:
            return self._unlock(caller.query_params["token"])
        bearer = _bearer(caller)
        given = caller.cookies.get(self.cookie, "") if bearer is None else bearer
        if not self.tokens.fits(given):
            return locked() if page else _unknown().response()
        if bearer is None:
            _check_cookie_use(caller, page=page)
        return None

    def _check_host(self, caller: HTTPConnection) -> None:
        given = caller.headers.getlist("host")
        if len(given) != 1 or given[0].lower() not in self.hosts:
            allowed = ", ".join(sorted(self.hosts))
            raise Refusal(403, "The studio is not known by this name.", f"Use one of: {allowed}.")

    def _unlock(self, given: str) -> Response:
        """The cookie for the token, and away from the address that shows it."""
        if not self.tokens.opens(given):
            return locked()
        answer = RedirectResponse("/", 303)
        answer.set_cookie(self.cookie, self.tokens.token, httponly=True, samesite="strict")
        return answer


async def deny(answer: Response, scope: Scope, receive: Receive, send: Send) -> None:
    """Sends an answer, also to a socket that is not open yet."""
    if scope["type"] == "websocket" and "websocket.http.response" not in scope.get("extensions", {}):
        await send({"type": "websocket.close", "code": 4403, "reason": "refused"})
    else:
        await answer(scope, receive, send)


def _bearer(caller: HTTPConnection) -> str | None:
    """The token of an `Authorization` header; None without one."""
    given = caller.headers.get("authorization")
    if given is None:
        return None
    scheme, _, token = given.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _unknown() -> Refusal:
    hint = "Open the address that phosphene studio prints, or send its token as: Authorization: Bearer TOKEN"
    return Refusal(401, "The token is missing or wrong.", hint, {"WWW-Authenticate": "Bearer"})


def _check_origin(caller: HTTPConnection) -> None:
    """Refuses another site's requests; the host was checked before."""
    given = caller.headers.getlist("origin")
    if given and given != [f"http://{caller.headers['host']}"]:
        raise Refusal(403, _FOREIGN, _FOREIGN_HINT)


def _check_cookie_use(caller: HTTPConnection, *, page: bool) -> None:
    """A browser sends its cookie whoever asks it to, and to every port; what it says of who asked must fit."""
    quiet = page or caller.scope["type"] == "websocket"  # a link may lead here; browsers disagree about a socket's site
    if not quiet and caller.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
        raise Refusal(403, _FOREIGN, _FOREIGN_HINT)
    if caller.scope.get("method") not in _SAFE and "origin" not in caller.headers:
        hint = "Programs send the token as: Authorization: Bearer TOKEN"
        raise Refusal(403, "A request that changes something must say its Origin, or bring the token itself.", hint)


def _seals(caller: HTTPConnection, hosts: frozenset[str]) -> dict[str, str]:
    """The headers of every answer. Some browsers do not take 'self' for the socket as well, so it is named."""
    host = caller.headers.get("host", "").lower()
    socket = f" ws://{host}" if host in hosts and "[" not in host else ""
    path = caller.scope["path"]
    kept = "no-cache" if path.startswith("/static/") else "no-store"
    return _SEALS | {"Content-Security-Policy": _POLICY.format(socket=socket), "Cache-Control": kept}


def _sealing(send: Send, seals: dict[str, str]) -> Send:
    async def sealed(message: Message) -> None:
        if message["type"] in ("http.response.start", "websocket.http.response.start"):
            MutableHeaders(scope=message).update(seals)
        await send(message)

    return sealed
