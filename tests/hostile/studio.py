"""The studio under twenty clients: painters who behave, and strangers who do not.

Nothing may come of it but service or a refusal in words; its memory must not grow. Painters open a picture, choose a
ground, paint, look, undo, and throw it away. Strangers send what they like: no token, a foreign Host or Origin, JSON
that is none, paths that lead elsewhere, pictures that are damaged or bombs, sessions of other programs, sockets that
speak nonsense, and requests that never end.
"""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import os
import random
import re
import signal
import socket
import statistics
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import psutil
from PIL import Image
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

from .mutations import mutated
from .tally import MADE, REFUSED, Options, Tally

PART = "studio"
CLIENTS, STRANGERS = 20, 12
PATIENCE = 60.0  # seconds for an answer
GROWTH = 0.05  # of the memory before
REFUSALS = frozenset((400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 415, 422, 429, 431, 501, 503))
_PROGRAM = "from phosphene.cli import main; main()"


def picture(chance: random.Random, size: tuple[int, int] = (160, 120)) -> bytes:
    """A small photograph-like PNG."""
    numbers = np.random.default_rng(chance.randrange(1 << 30)).integers(0, 256, (6, 8, 3), dtype=np.uint8)
    file = io.BytesIO()
    Image.fromarray(numbers).resize(size, Image.Resampling.BICUBIC).save(file, "PNG")
    return file.getvalue()


def bomb() -> bytes:
    """A PNG of 30,000×30,000 pixels in a hundred kilobytes."""
    file = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(file, "PNG")
    return file.getvalue()


@dataclass
class Server:
    """The studio in a process of its own."""

    folder: Path
    process: subprocess.Popen[str] = field(init=False)
    port: int = 0
    token: str = ""

    def __enter__(self) -> Server:
        (self.folder / "home").mkdir(parents=True)
        home = str(self.folder / "home")
        more = {"PHOSPHENE_STUDIO": f"{home}/studio", "HOME": home, "XDG_DATA_HOME": home, "OMP_NUM_THREADS": "1"}
        self.log = (self.folder / "said.txt").open("w")
        command = [sys.executable, "-u", "-c", _PROGRAM, "studio", "--no-open"]
        self.process = subprocess.Popen(
            command, cwd=self.folder, env={**os.environ, **more}, stdout=self.log, stderr=subprocess.STDOUT, text=True
        )
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = re.search(r"http://127\.0\.0\.1:(\d+)/\?token=([\w-]+)", self.said())
            if found:
                self.port, self.token = int(found[1]), found[2]
                return self
            time.sleep(0.1)
        raise RuntimeError(f"the studio did not start: {self.said()[-500:]}")

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        self.log.close()

    def said(self) -> str:
        """What it printed."""
        return (self.folder / "said.txt").read_text("utf-8", "replace")

    def memory(self) -> int:
        """Bytes that are its own and no other process's."""
        return int(psutil.Process(self.process.pid).memory_full_info().uss)


@dataclass
class Crowd:
    """What all clients know together."""

    server: Server
    end: float
    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: list[float] = field(default_factory=list)  # of the painters' short requests
    statuses: Counter[int] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    bomb: bytes = field(default_factory=bomb)

    def over(self) -> bool:
        """Whether time is up."""
        return time.monotonic() > self.end

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        headers: dict[str, str] | None = None,
        timed: bool = False,
    ) -> tuple[int, bytes]:
        """An answer's status and body; all that is wrong with it is noted."""
        sent = {"Authorization": f"Bearer {self.server.token}"} if headers is None else headers
        began, connection = (
            time.monotonic(),
            http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=PATIENCE),
        )
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            status, data = answer.status, answer.read()
        except TimeoutError:
            self.note(f"{method} {path[:80]} had no answer in {PATIENCE:.0f} s")
            return 0, b""
        except (OSError, http.client.HTTPException, ValueError):
            return 0, b""  # the server hung up on what is no request
        finally:
            connection.close()
        with self.lock:
            self.statuses[status] += 1
            if timed and status < 400:
                self.seconds.append(time.monotonic() - began)
        if status >= 400 and status not in REFUSALS:
            self.note(f"{method} {path[:80]}: {status}, {data[:200]!r}")
        if b"Traceback" in data:
            self.note(f"{method} {path[:80]} answers with a traceback")
        return status, data

    def note(self, what: str) -> None:
        """Notes a fault."""
        with self.lock:
            self.faults.append(what)


JSON = "application/json"


def painter(crowd: Crowd, chance: random.Random) -> None:
    """Opens, paints, looks, and throws away."""
    status, data = crowd.ask("POST", "/api/pictures?name=cat.png", picture(chance))
    if status != 201 and status != 200:
        time.sleep(0.2)
        return
    state = json.loads(data)
    here = f"/api/pictures/{state['id']}"
    typed = {"Authorization": f"Bearer {crowd.server.token}", "Content-Type": JSON}
    look = {"kind": "dream", "preset": chance.choice(["carnival", "beasts", "coils"])}
    for _ in range(chance.randint(1, 3)):
        brush = {"size": chance.randint(8, 60), "softness": 0.5, "strength": 1, "look": look}
        points = [[chance.uniform(0, 160), chance.uniform(0, 120), 1.0] for _ in range(3)]
        body = json.dumps({"brush": brush, "points": points, "seconds": 0.2}).encode()
        crowd.ask("POST", f"{here}/strokes", body, headers=typed)
        for path in (here, f"{here}/view.webp", "/api/looks", "/api/pictures"):
            crowd.ask("GET", path, timed=True)
        crowd.ask("POST", f"{here}/{chance.choice(['undo', 'redo'])}", timed=True)
    status, packed = crowd.ask("GET", f"{here}/painting.phosphene", timed=True)
    if status == 200:
        opened, again = crowd.ask("POST", "/api/paintings", packed)
        if opened in (200, 201):
            crowd.ask("DELETE", f"/api/pictures/{json.loads(again)['id']}")
        with contextlib.suppress(IndexError, ValueError):
            crowd.ask("POST", "/api/paintings", mutated(packed, chance))
    crowd.ask("DELETE", here)


def stranger(crowd: Crowd, chance: random.Random) -> None:
    """Does one thing that it should not."""
    good = {"Authorization": f"Bearer {crowd.server.token}"}
    typed = {**good, "Content-Type": JSON}
    here = f"/api/pictures/{chance.randrange(1 << 64):016x}"
    nonsense = chance.choice([b"{", b"[]" * 50_000, b"[" * 20_000, b'{"kind": NaN}', b"\xff\xfe", b'{"size": 1e999}'])
    up = chance.choice(["../../etc/passwd", "%2e%2e/%2e%2e/etc/passwd", "..%5c..%5cx", "\\\\host\\share", "a" * 4000])
    deeds: list[Callable[[], object]] = [
        lambda: crowd.ask("GET", "/api/pictures", headers={}),
        lambda: crowd.ask("GET", "/api/pictures", headers={"Authorization": "Bearer " + "x" * 43}),
        lambda: crowd.ask("GET", "/api/pictures", headers={**good, "Host": "evil.example"}),
        lambda: crowd.ask("DELETE", "/api/pictures", headers={**good, "Origin": "http://evil.example"}),
        lambda: crowd.ask("PUT", f"{here}/ground", nonsense, headers=typed),
        lambda: crowd.ask("POST", f"{here}/strokes", nonsense, headers=typed),
        lambda: crowd.ask("POST", "/api/pictures", nonsense, headers=typed),
        lambda: crowd.ask("GET", f"/{up}"),
        lambda: crowd.ask("GET", f"/api/pictures/{up}/view.webp"),
        lambda: crowd.ask("POST", f"/api/pictures?name={up}", mutated(picture(chance), chance)),
        lambda: crowd.ask("POST", "/api/pictures?name=bomb.png", crowd.bomb),
        lambda: crowd.ask("POST", "/api/paintings", chance.randbytes(chance.randint(0, 5000))),
        lambda: crowd.ask(chance.choice(["PATCH", "TRACE", "BREW"]), "/api/looks"),
        lambda: crowd.ask("GET", "/api/looks", headers={**good, "X-Long": "y" * chance.choice([100, 70_000])}),
        lambda: _slow(crowd, chance),
        lambda: _socket(crowd, chance, here),
    ]
    chance.choice(deeds)()


def _slow(crowd: Crowd, chance: random.Random) -> None:
    """Begins a request, and leaves it there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", crowd.server.port), 5) as line:
        line.sendall(
            b"POST /api/pictures?name=a.png HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 100000\r\n\r\n"[:90]
        )
        time.sleep(chance.uniform(0, 2))


def _socket(crowd: Crowd, chance: random.Random, here: str) -> None:
    """A socket of no picture, or without a token, or that says what means nothing."""
    token = chance.choice([crowd.server.token, "nobody"])
    address = f"ws://127.0.0.1:{crowd.server.port}{here}/live"
    headers = {"Authorization": f"Bearer {token}"}
    with (
        contextlib.suppress(OSError, WebSocketException, TimeoutError),
        connect(address, additional_headers=headers, open_timeout=10) as line,
    ):
        for _ in range(5):
            line.send(chance.choice(["{}", '{"do": "begin"}', "x" * 100_000, chance.randbytes(50)]))
            line.recv(2)


def _client(crowd: Crowd, number: int, options: Options) -> None:
    chance, act = options.chance("client", number), stranger if number < STRANGERS else painter
    while not crowd.over():
        try:
            act(crowd, chance)
        except Exception as error:  # a fault of this campaign, which must not pass for the studio's silence
            crowd.note(f"the client {act.__name__} failed: {type(error).__name__}: {error}")
            return


def _crowded(server: Server, options: Options, seconds: float) -> Crowd:
    crowd = Crowd(server, time.monotonic() + seconds)
    clients = [threading.Thread(target=_client, args=(crowd, number, options)) for number in range(CLIENTS)]
    for each in clients:
        each.start()
    for each in clients:
        each.join(seconds + 2 * PATIENCE)
        if each.is_alive():
            crowd.note("a client still waits for the studio")
    return crowd


def run(options: Options) -> Tally:
    """Keeps the studio busy, and counts."""
    tally = Tally(PART)
    seconds = 12.0 if options.fast else 60 * options.minutes
    with Server(options.place(PART)) as server:
        warm = _crowded(server, options, 8.0 if options.fast else min(120.0, seconds))  # what it loads once, it keeps
        time.sleep(3)
        before = server.memory()
        crowd = _crowded(server, options, seconds)
        time.sleep(3)
        after = server.memory()
        status, _ = crowd.ask("GET", "/api/looks")
        said = server.said()
    for each in (warm, crowd):
        for status_, count in each.statuses.items():
            for _ in range(count):
                tally.count(MADE if status_ < 400 else REFUSED)
        for what in each.faults:
            tally.fault(what, "")
    if status != 200:
        tally.fault(f"afterwards it answers {status}", "end")
    if "Traceback" in said:
        tally.fault(f"it printed a traceback: {said[said.index('Traceback') :][:1500]}", "log")
    growth = after / before - 1
    if growth > GROWTH and not options.fast:
        tally.fault(f"memory grew from {before / 1e6:.0f} to {after / 1e6:.0f} MB", "memory")
    if len(crowd.seconds) > 20:
        cuts = statistics.quantiles(crowd.seconds, n=100)
        told = ", ".join(f"{share} % in {1000 * cuts[share - 1]:.0f} ms" for share in (50, 95, 99))
        tally.notes.append(f"{len(crowd.seconds)} short requests of painters: {told}")
    tally.notes.append(f"memory {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after ({growth:+.1%})")
    return tally.ended()
