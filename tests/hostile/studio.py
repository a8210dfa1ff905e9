"""The studio's server under a crowd: well-behaved painters beside everybody else, for minutes.

The server is a process of its own that listens on 127.0.0.1 alone. Painters open small canvases, paint, look and leave;
the others send broken pictures and paintings, JSON of every kind, wrong tokens, foreign `Host` and `Origin` headers,
half requests and slow ones, and sockets that talk nonsense. Whoever asks is served or refused in words: no answer is a
500, none fails to come, and painters wait no longer than they must. Memory is compared after a first part of the
time and at the end, both when all pictures were forgotten and all garbage was collected.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import psutil

from . import mutations, pictures, texts
from .tally import MADE, REFUSED, Options, Tally

PART = "studio"
CLIENTS, PAINTERS = 20, 6
PATIENCE = 60.0  # seconds until an answer that does not come counts as a hang
GROWTH = 0.05  # by which memory may grow
ANSWERED = frozenset(
    (200, 201, 202, 204, 303, 304, 400, 401, 403, 404, 405, 408, 409, 411, 413, 414, 415, 422, 426, 431, 501, 503)
)
SERVER = """
import ctypes, gc, signal, sys
def collect(*_):
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
signal.signal(signal.SIGUSR1, collect)
from phosphene.cli import main
main(["studio", "--no-open", "--port", "0"])
"""


@dataclass
class Server:
    """The studio in a process of its own."""

    process: subprocess.Popen[str]
    port: int
    token: str
    log: Path

    @classmethod
    def start(cls, place: Path, program: str = SERVER) -> Server:
        """Starts it, and waits until somebody may come."""
        home, log = {"PHOSPHENE_STUDIO": str(place / "studio"), "OMP_NUM_THREADS": "1"}, place / "said.txt"
        with log.open("w") as heard:
            words = [sys.executable, "-c", program]
            process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=heard, text=True, env=os.environ | home)
        assert process.stdout
        address = urlsplit(process.stdout.readline().strip())
        if address.hostname != "127.0.0.1" or not address.port:
            raise RuntimeError(f"the studio does not open: {log.read_text()[-1000:]}")
        return cls(process, address.port, parse_qs(address.query)["token"][0], log)

    def memory(self) -> int:
        """Bytes that it holds, when all garbage is collected."""
        self.process.send_signal(signal.SIGUSR1)
        self.looks()  # signals are heard between two requests
        time.sleep(1)
        return int(psutil.Process(self.process.pid).memory_info().rss)

    def looks(self) -> None:
        """Asks something, so that it wakes up."""
        ask(self, "GET", "/api/pictures", {})

    def stop(self) -> str:
        """Ends it as Ctrl-C does; what is wrong with that."""
        self.process.send_signal(signal.SIGINT)
        try:
            code = self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            return "Ctrl-C does not end it"
        finally:
            if self.process.stdout:
                self.process.stdout.close()
        return f"it ended with {code}" if code else ""


@dataclass
class Heard:
    """What clients heard, from many threads."""

    statuses: Counter[int] = field(default_factory=Counter)
    waits: list[float] = field(default_factory=list)  # seconds that painters waited for what is quick
    faults: Counter[str] = field(default_factory=Counter)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def status(self, status: int, what: str, body: bytes = b"") -> int:
        """An answer."""
        with self.lock:
            self.statuses[status] += 1
            if status not in ANSWERED:
                self.faults[f"{what}: {status} {body[:200]!r}"] += 1
            elif b"Traceback" in body:
                self.faults[f"{what}: a traceback in its answer"] += 1
        return status

    def fault(self, what: str) -> None:
        """Something that must not be."""
        with self.lock:
            self.faults[what] += 1

    def wait(self, seconds: float) -> None:
        """How long a painter waited."""
        with self.lock:
            self.waits.append(seconds)


def ask(
    server: Server, method: str, path: str, headers: dict[str, str], body: bytes | None = None, *, bare: bool = False
) -> tuple[int, bytes]:
    """A request with the token, unless it is `bare`; status and body."""
    caller = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE)
    try:
        token = {} if bare else {"Authorization": f"Bearer {server.token}"}
        caller.request(method, path, body, {**token, **headers})
        answer = caller.getresponse()
        return answer.status, answer.read()
    finally:
        caller.close()


# Painters

JSON = {"Content-Type": "application/json"}
LOOK = {"kind": "dream", "layer": "block2", "strength": 1.0}
STROKE = {
    "brush": {"size": 20, "softness": 0.5, "strength": 1, "look": {"kind": "erase"}},
    "points": [[8, 8, 0.5], [30, 20, 1]],
    "seconds": 0,
}


def paint(server: Server, chance: random.Random, heard: Heard) -> None:
    """Opens a canvas, paints on it, looks at it, and throws it away."""

    def did(method: str, path: str, value: object = None, *, quick: bool = True) -> tuple[int, bytes]:
        began = time.monotonic()
        status, answer = ask(
            server, method, path, JSON, json.dumps(value).encode() if method in ("POST", "PUT") else None
        )
        if quick:
            heard.wait(time.monotonic() - began)
        heard.status(status, f"a painter's {method} {path.replace(id, 'ID') if id else path}", answer)
        return status, answer

    id = ""
    status, answer = did("POST", "/api/pictures", {"canvas": "noise", "width": 64, "height": 48}, quick=False)
    if status != 201:
        return
    id = json.loads(answer)["id"]
    one = f"/api/pictures/{id}"
    did("PUT", f"{one}/ground", None)
    did("POST", f"{one}/strokes", STROKE, quick=False)
    for path in chance.sample(("/view.webp", "/thumbnail.webp", "", "/command", "/photograph.webp"), 3):
        did("GET", one + path)
    did("POST", f"{one}/undo", quick=True)
    if chance.random() < 0.3:
        _, packed = did("GET", f"{one}/painting.phosphene", quick=False)
        status, answer = ask(server, "POST", "/api/paintings?name=x.phosphene", {}, packed)
        if heard.status(status, "its own painting", answer) == 201:
            ask(server, "DELETE", f"/api/pictures/{json.loads(answer)['id']}", {})
        elif status != 503:
            heard.fault(f"a painting that the studio packed is refused: {status} {answer[:200]!r}")
    did("DELETE", one)


# Others


def broken_picture(server: Server, chance: random.Random, heard: Heard) -> None:
    """A damaged picture, or a damaged painting."""
    files = pictures.whole()
    data = mutations.mutated(files[chance.choice(sorted(files))], chance) or b"x"
    path = "/api/pictures?name=" + chance.choice(("x.png", "..%2F..%2Fx", "%00", "a" * 3000, "%ff"))
    if chance.random() < 0.3:
        path, data = "/api/paintings?name=x", texts._make_session(chance)
    status, answer = ask(server, "POST", path, {}, data)
    if heard.status(status, f"POST {path[:30]}", answer) == 201:
        told = json.loads(answer)
        heard.status(*_swap(ask(server, "GET", f"/api/pictures/{told['id']}/view.webp", {}), "view"))
        heard.status(*_swap(ask(server, "DELETE", f"/api/pictures/{told['id']}", {}), "delete"))


def _swap(answer: tuple[int, bytes], what: str) -> tuple[int, str, bytes]:
    return answer[0], what, answer[1]


def strange_json(server: Server, chance: random.Random, heard: Heard) -> None:
    """JSON of other shapes, to addresses that take some, right and wrong ones."""
    value: object = chance.choice(({"canvas": "noise", "width": 64, "height": 48}, STROKE, LOOK, {"format": "png"}))
    value = mutations.changed_value(value, chance)
    body = json.dumps(value).encode()
    if chance.random() < 0.3:
        body = chance.choice((b"{", b"[" * 100_000, b"NaN", b"\xff\xfe", b'{"a":1,"a":2}', b"1" * 5000, b"", b"null"))
    places = ("/api/pictures", "/api/pictures/{}/ground", "/api/pictures/{}/strokes", "/api/pictures/{}/renders",
              "/api/pictures/{}/thumbnails", "/api/pictures/{}/films", "/api/pictures/{}/rankings", "/api/jobs/{}",
              "/api/nothing", "/static/../server.py", "/static/%2e%2e/server.py", "/api/folder/1.webp")  # fmt: skip
    id = chance.choice(("0" * 16, "../../etc", "%2e%2e%2f", "0" * 5000, "%00"))
    method = chance.choice(("POST", "PUT", "GET", "DELETE", "PATCH", "OPTIONS", "HEAD"))
    status, answer = ask(server, method, chance.choice(places).format(id), JSON, body)
    heard.status(status, f"{method} of strange JSON", answer)
    if status == 201:
        ask(server, "DELETE", f"/api/pictures/{json.loads(answer)['id']}", {})


def foreign(server: Server, chance: random.Random, heard: Heard) -> None:
    """Requests of another site, or without the token: none may be served."""
    here, good = f"127.0.0.1:{server.port}", {"Authorization": f"Bearer {server.token}"}
    cookie = {"Cookie": f"phosphene_{server.port}={server.token}"}
    headers, method = chance.choice(
        (
            ({"Host": "evil.example", **good}, "GET"),
            ({"Host": f"evil.example:{server.port}", **cookie}, "GET"),
            ({"Host": here, "Origin": "http://evil.example", **good}, "GET"),
            ({"Host": here, "Origin": "null", **cookie}, "POST"),
            ({"Host": here, **cookie}, "POST"),
            ({"Host": here, "Sec-Fetch-Site": "cross-site", **cookie}, "GET"),
            ({"Host": here, "Sec-Fetch-Site": "same-site", **cookie}, "GET"),
            ({"Host": here}, "GET"),
            ({"Host": here, "Authorization": "Bearer " + server.token[:-1]}, "GET"),
            ({"Host": here, "Authorization": "Bearer é".encode().decode("latin-1")}, "GET"),
            ({"Host": here, "Cookie": "phosphene_1=" + server.token}, "GET"),
        )
    )
    path = chance.choice(("/api/pictures", "/api/looks", "/api/openapi.json", "/static/index.html"))
    status, answer = ask(server, method, path, headers, b"x" if method == "POST" else None, bare=True)
    if heard.status(status, f"foreign {method}", answer) not in (401, 403, 405):
        heard.fault(f"another site is served: {status} for {sorted(headers)}")


def no_http(server: Server, chance: random.Random, heard: Heard) -> None:
    """Bytes that are no request, half of one, or one that comes slowly."""
    good = f"GET /api/looks HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nAuthorization: Bearer {server.token}\r\n"
    upload = good.replace("GET /api/looks", "POST /api/pictures")
    data = chance.choice(
        (
            *(b"\x00\xff" * 99, b"GET\r\n\r\n", good.encode(), b"X" * 99_999, good.encode() + b"A: " + b"x" * 99_999),
            upload.encode() + b"Content-Length: 1000000\r\n\r\nabc",
            upload.encode() + b"Content-Length: 99999999999999999999999\r\n\r\n",
            upload.encode() + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
            upload.encode() + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
            good.encode() + b"Host: evil.example\r\n\r\n",
            mutations.mutated(good.encode() + b"\r\n", chance),
        )
    )
    with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as caller:
        for at in range(0, len(data), max(1, len(data) // chance.choice((1, 1, 5)))):
            caller.sendall(data[at : at + max(1, len(data) // 5)])
            time.sleep(chance.choice((0, 0, 0.05)))
        caller.settimeout(0.5)
        answer = caller.recv(65536) if chance.random() < 0.7 else b""
    line = answer.split(b"\r\n", 1)[0].split()
    if len(line) > 1 and line[1].isdigit():
        heard.status(int(line[1]), "what is no request", answer)


def sockets(server: Server, chance: random.Random, heard: Heard) -> None:
    """A live socket with nonsense, which is left half-way."""
    from websockets.exceptions import WebSocketException
    from websockets.sync.client import connect

    good = {"Authorization": f"Bearer {server.token}"}
    value = {"canvas": "noise", "width": 64, "height": 48}
    status, answer = ask(server, "POST", "/api/pictures", JSON, json.dumps(value).encode())
    if heard.status(status, "a canvas", answer) != 201:
        return
    one = f"/api/pictures/{json.loads(answer)['id']}"
    wrong = chance.random() < 0.3
    try:
        address = f"ws://127.0.0.1:{server.port}{one}/live"
        with connect(address, additional_headers=good, origin="http://evil.example" if wrong else None) as page:  # type: ignore[arg-type]
            if wrong:
                heard.fault("another site's page has a socket")
            begin = {"do": "begin", "brush": STROKE["brush"], "points": STROKE["points"]}
            for _ in range(chance.randint(1, 8)):
                told = chance.choice((begin, {"do": "points", "points": [[9, 9, 1]]}, {"do": "end"}, {"do": "cancel"}))
                message = json.dumps(mutations.changed_value(told, chance) if chance.random() < 0.5 else told)
                page.send(chance.choice((message, message, b"\x00" * 10, "x" * chance.choice((1, 300_000)))))
            with contextlib.suppress(TimeoutError):
                page.recv(0.2)
    except (OSError, WebSocketException):
        pass
    ask(server, "DELETE", one, {})


OTHERS: Sequence[Callable[[Server, random.Random, Heard], None]] = (
    broken_picture,
    strange_json,
    foreign,
    no_http,
    sockets,
)


# The crowd


def crowd(server: Server, seconds: float, chance: Callable[[object], random.Random], heard: Heard) -> None:
    """All clients, for so many seconds."""
    until = time.monotonic() + seconds

    def client(number: int) -> None:
        mine, painter = chance(number), number < PAINTERS
        while time.monotonic() < until:
            does = paint if painter else mine.choice(OTHERS)
            try:
                does(server, mine, heard)
            except TimeoutError:
                if does is not no_http:
                    heard.fault(f"{does.__name__}: no answer in {PATIENCE:g} s")
            except (OSError, http.client.HTTPException) as error:
                if painter:
                    heard.fault(f"{does.__name__}: {type(error).__name__}: {error}")
            except Exception as error:  # of the client's own
                heard.fault(f"{does.__name__}: {type(error).__name__}: {error}")
            time.sleep(0.2 if painter else 0.02)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(CLIENTS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def forget_all(server: Server) -> None:
    """Throws all pictures away."""
    _, answer = ask(server, "GET", "/api/pictures", {})
    for each in json.loads(answer)["pictures"]:
        ask(server, "DELETE", f"/api/pictures/{each['id']}", {})


def percentile(values: Sequence[float], share: float) -> float:
    """The value below which that share of all lies."""
    return sorted(values)[min(len(values) - 1, int(share * len(values)))] if values else 0.0


def run(options: Options, program: str = SERVER, seconds: float | None = None) -> Tally:
    """Keeps a studio busy."""
    logging.getLogger("websockets").setLevel(logging.CRITICAL)  # the client's, of servers that hang up
    tally, heard = Tally(PART), Heard()
    seconds = (16.0 if options.fast else 60 * options.minutes) if seconds is None else seconds
    server = Server.start(options.place("studio"), program)
    try:
        crowd(server, seconds / 3, lambda each: options.chance(PART, "before", each), heard)
        forget_all(server)
        before = server.memory()
        crowd(server, seconds * 2 / 3, lambda each: options.chance(PART, each), heard)
        forget_all(server)
        after = server.memory()
    finally:
        ended = server.stop()
    _sum_up(tally, heard, options)
    growth = after / before - 1
    tally.notes.append(f"memory: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB after ({growth:+.1%})")
    if growth > GROWTH:
        tally.fault(f"memory grew by {growth:.1%}", "memory")
    if ended:
        tally.fault(ended, "end")
    said = server.log.read_text("utf-8", "replace")
    if "Traceback" in said or "fault of" in said:
        tally.fault("it logged a fault", "log", data=said.encode(), name="said.txt", kept=options.kept)
    return tally.ended()


def _sum_up(tally: Tally, heard: Heard, options: Options) -> None:
    for status, count in heard.statuses.items():
        for _ in range(count if status in ANSWERED else 0):
            tally.count(MADE if status < 400 else REFUSED)
    for what, count in heard.faults.most_common():
        tally.fault(f"{what} ({count} times)", f"seed {options.seed}")
    told = ", ".join(f"{share:.0%} within {percentile(heard.waits, share):.3f} s" for share in (0.5, 0.95, 0.99))
    tally.notes.append(f"painters' {len(heard.waits)} quick requests: {told}")
    counted = ", ".join(f"{status}: {count}" for status, count in sorted(heard.statuses.items()))
    tally.notes.append(f"answers by status: {counted}")
