"""A studio that computes nothing: what the server asks of it, it answers at once. And servers with it behind them."""

import contextlib
import http.client
import json
import re
import socket
import threading
import time
from pathlib import Path

from starlette.testclient import TestClient

from phosphene.errors import ImageError, UnknownNameError
from phosphene.studio import guard, server
from phosphene.studio.answers import Limits
from phosphene.studio.server import app

WEBP = b"RIFF\x04\x00\x00\x00WEBP"
PATIENCE = 60  # seconds that a test waits for a job of a true studio


def ended(job):
    until = time.monotonic() + PATIENCE
    while not job.over:
        assert time.monotonic() < until
        time.sleep(0.01)
    return job


def frame(of="stroke", size=100, **more):
    header = json.dumps({"x": 0, "y": 0, "width": 8, "height": 8, "revision": 1, "of": of, **more}).encode()
    return len(header).to_bytes(4, "little") + header + b"\0" * size


class Job:
    def __init__(self, number, kind, picture, file=None):
        self.id, self.kind, self.picture, self.result_file = f"{number:016x}", kind, picture, file
        self.called = "cat-painting.png"
        self.media_type, self.state = "image/png", "done" if file else "waiting"

    def cancel(self):
        self.state = "cancelled"

    def to_dict(self):
        result = {"name": self.called, "width": 8, "height": 8, "bytes": 3} if self.result_file else None
        told = {"id": self.id, "kind": self.kind, "picture": self.picture, "state": self.state, "done": 0.5}
        return told | {"seconds_left": None, "message": "", "result": result}


class Session:
    def __init__(self, studio, number, name):
        self.studio, self.id, self.name = studio, f"{number:016x}", name
        self.ground, self.strokes, self.references, self.did, self.hearers = None, 0, {}, [], []

    def state(self):
        size = {"width": 64, "height": 48}
        mine = {"id": self.id, "name": self.name, **size, "view": size, "revision": self.strokes}
        flags = dict.fromkeys(("growing", "can_undo", "can_redo", "regions"), False)
        references = [*self.references.values()]
        ground = self.ground and self.ground.to_dict()
        mine |= {"layers": [], "ground_opacity": 1, "opacity": 1}
        more = {
            "ground": ground,
            "strokes": self.strokes,
            "references": references,
            "jobs": [],
            "notes": [],
            "look": None,
        }
        return mine | flags | more

    def view(self):
        return WEBP

    photograph = thumbnail = view

    def regions(self):
        return WEBP if self.ground and self.ground.look.kind == "style" else None

    def set_ground(self, ground):
        self.ground = ground
        return self.state()

    def undo(self):
        return self.state()

    redo = undo

    def adjust(self, adjustment):
        self.did.append(("adjust", adjustment))
        return self.state()

    def stroke(self, brush, points, seconds):
        self.studio.gate.wait(20)
        self.strokes += 1
        self.did.append(("stroke", brush, points, seconds))
        return self.state()

    def add_reference(self, data, name):
        made = {"id": f"{len(self.references) + 256:016x}", "name": name, "width": 8, "height": 8}
        self.references[made["id"]] = made
        return made

    def reference(self, ref):
        if ref not in self.references:
            raise UnknownNameError(f"There is no reference {ref}.\nAdd it first.")
        return WEBP

    @property
    def background(self):
        return self

    def thumbnails(self, set, layer=None):
        self.did.append(("thumbnails", set, layer))
        return self.studio.begin_job("thumbnails", self.id)

    def variations(self, look, seeds):
        self.did.append(("variations", look, seeds))
        return self.studio.begin_job("thumbnails", self.id)

    def made_thumbnail(self, key):
        self.did.append(("made_thumbnail", key))
        return WEBP if key == "layer-inception_4c/output" else None

    def rank(self, reference):
        return self.studio.begin_job("ranking", self.id)

    def render(self, format, long_side):
        file = self.studio.home / "made.png"
        file.write_bytes(b"PNG")
        return self.studio.begin_job("render", self.id, file)

    def film(self, kind, seconds, *, loop):
        self.did.append(("film", kind, seconds, loop))
        return self.studio.begin_job("film", self.id)

    def closeup(self, part, long_side):
        self.did.append(("closeup", part, long_side))

    def command(self):
        return {"command": None, "note": "strokes have no command"}

    def pack(self):
        return b"PK packed"

    def segments(self):
        return WEBP

    def begin(self, brush, points, *, mirrored):
        self.did.append(("begin", brush, points, *(["mirrored"] if mirrored else [])))
        if brush.look.kind == "style":
            raise ImageError("The style is not there yet.\nWait for its job.")

    def take_up(self, look):
        self.did.append(("take", look))

    def more(self, points):
        if points[0][0] == 13:
            raise ZeroDivisionError("secret detail")
        self.did.append(("more", points))

    def end(self):
        self.did.append(("end",))

    def cancel(self):
        self.did.append(("cancel",))

    def listen(self, hear):
        self.hearers.append(hear)
        return lambda: self.hearers.remove(hear)

    def tell(self, message):
        for hear in tuple(self.hearers):
            hear(message)


class Studio:
    def __init__(self, folder, *, pictures=None, model="", max_pixels=0):
        self.home, self.pictures = Path(folder), pictures
        self.sessions, self.jobs, self.opened, self.closed = {}, {}, [], 0
        self.gate = threading.Event()
        self.gate.set()

    def looks(self):
        layer = {"name": "block8", "channels": 112, "shows": "creatures"}
        named = [{"name": "x", "about": "y"}]
        texts = {"canvases": named, "guides": ["x"], "formats": ["png"], "films": None}
        return {
            "presets": named,
            "filters": named,
            "yours": [],
            "layers": [layer],
            **texts,
            "limits": {"bytes": 1, "pixels": 9},
        }

    def keep_look(self, data, name):
        return {"name": "x", "about": "y", "ground": {"kind": "dream", "preset": "coils", "strength": 1.0}}

    def guide(self, name):
        return WEBP

    def list(self):
        size = {"width": 64, "height": 48, "changed": "2026-01-01T00:00:00", "strokes": 0}
        return [{"id": each.id, "name": each.name, **size} for each in self.sessions.values()]

    def _sit(self, name):
        session = Session(self, len(self.sessions) + 1, name)
        self.sessions[session.id] = session
        return session

    def open(self, data, name):
        self.opened.append((len(data), name))
        if data.startswith(b"broken"):
            raise ImageError(f"{name} is no picture.\nTake a JPEG,\nor a PNG.")
        if data.startswith(b"bug"):
            raise ZeroDivisionError("secret detail")
        return self._sit(name)

    unpack = open

    def canvas(self, canvas, width, height, seed):
        self.opened.append((canvas, width, height, seed))
        return self._sit(canvas)

    def open_file(self, number):
        return self._sit(f"file {number}")

    def folder(self):
        pictures = [{"number": 0, "name": "a.jpg"}]
        if not self.pictures:
            return {"folder": None, "pictures": [], "left_out": ""}
        return {"folder": "holiday", "pictures": pictures, "left_out": "Left out: 1 of TXT."}

    def folder_thumbnail(self, number):
        if number:
            raise UnknownNameError(f"There is no picture {number}.")
        return WEBP

    def picture(self, id):
        assert re.fullmatch("[0-9a-f]{16}", id)
        if id not in self.sessions:
            raise UnknownNameError(f"There is no picture {id}.\nOpen one.")
        return self.sessions[id]

    def forget(self, id):
        self.picture(id)
        del self.sessions[id]

    def begin_job(self, kind, picture, file=None):
        made = Job(len(self.jobs) + 4096, kind, picture, file)
        self.jobs[made.id] = made
        return made

    def job(self, id):
        if id not in self.jobs:
            raise UnknownNameError(f"There is no job {id}.")
        return self.jobs[id]

    def close(self):
        self.closed += 1
        self.gate.set()


# A server that really runs, and a client that can misbehave

PORT = 8123
TOKEN = "a-token-of-the-tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}


@contextlib.contextmanager
def client_of(studio, *, page=guard.FOLDER, **limits):
    """A client that knows nothing of the token."""
    application = app(studio, TOKEN, port=PORT, limits=Limits(**limits), page=page)
    with TestClient(application, base_url=f"http://127.0.0.1:{PORT}", follow_redirects=False) as client:
        yield client


@contextlib.contextmanager
def running(studio, **limits):
    """The port of a server in a thread of its own."""
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        place = server.Place("127.0.0.1", listener.getsockname()[1], guard.Tokens(TOKEN))
        runs = server.server(studio, place, Limits(**limits), ready.set)
        thread = threading.Thread(target=runs.run, args=([listener],))
        thread.start()
        try:
            assert ready.wait(20)
            yield place.port
        finally:
            runs.should_exit = True
            thread.join(20)
            assert not thread.is_alive()


def spoken(port):
    return socket.create_connection(("127.0.0.1", port), 20)


def request(line, port, headers, body=b""):
    """A request as bytes; with the length of its body, unless the headers say something of it."""
    headers = {"Host": f"127.0.0.1:{port}"} | headers
    if body and not headers.keys() & {"Content-Length", "Transfer-Encoding"}:
        headers["Content-Length"] = str(len(body))
    lines = [f"{line} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items()), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def answer(caller):
    """Status, headers and body that come over a socket."""
    response = http.client.HTTPResponse(caller)
    response.begin()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read().decode()


def exchange(port, line, headers, body=b""):
    with spoken(port) as caller:
        caller.sendall(request(line, port, headers, body))
        return answer(caller)


def until(holds):
    """Waits until something holds."""
    end = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < end
        time.sleep(0.01)
