"""The studio's server while much happens at once: crowds, sockets, pages that do not read, and how it ends."""

import asyncio
import gc
import json
import os
import re
import select
import signal
import subprocess
import sys
import threading
import webbrowser
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil
import pytest
from click.testing import CliRunner
from starlette.testclient import WebSocketDenialResponse
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from phosphene.cli import main
from phosphene.painting.closeup import Part
from phosphene.painting.document import Brush, Look
from phosphene.studio import server
from phosphene.studio.sockets import REFRESH, SendQueue
from studio_fake import BEARER, PORT, TOKEN, Studio, answer, client_of, exchange, frame, request, running, spoken, until

HERE = f"http://127.0.0.1:{PORT}"
BRUSH = {"size": 40, "softness": 0.5, "strength": 1, "look": {"kind": "erase"}}
PUT_DOWN = Brush(40, Look("erase"))
BEGIN = {"do": "begin", "brush": BRUSH, "points": [[1, 2, 1]]}
JSON = BEARER | {"Content-Type": "application/json"}
MB = 1_000_000


@pytest.fixture
def picture(studio):
    return studio.open(b"x", "cat.jpg")


def live(client, picture, headers=BEARER, path="live"):
    address = f"ws://127.0.0.1:{PORT}/api/pictures/{picture.id}/{path}"
    return client.websocket_connect(address, headers=dict(headers))  # it adds its own to them


def connected(port, picture, **more):
    address = f"ws://127.0.0.1:{port}/api/pictures/{picture.id}/live"
    return connect(address, additional_headers=BEARER, compression=None, **more)


# Crowds


def test_two_hundred_at_once(studio, picture):
    """Each is served or refused in words, the server is up afterwards, and its memory does not grow."""
    stroke = json.dumps({"brush": BRUSH, "points": [[1, 2, 1]]}).encode()
    lines = [(f"POST /api/pictures/{picture.id}/strokes", JSON, stroke)] * 100
    lines += [("GET /api/looks", BEARER, b"")] * 50
    lines += [("GET /api/looks", {}, b""), ("GET /", {}, b""), ("PUT /api/pictures/1/ground", JSON, b"{")] * 15
    lines += [("GET /api/looks", BEARER | {"Host": "evil.example"}, b"")] * 5
    process, used = psutil.Process(), []
    with running(studio, requests=20, heavy=2, waiting=10) as port:
        for _ in range(3):
            studio.gate.clear()
            callers = [spoken(port) for _ in lines]
            for caller, (line, headers, body) in zip(callers, lines, strict=True):
                caller.sendall(request(line, port, headers, body))
            threading.Timer(0.3, studio.gate.set).start()
            statuses = [check(answer(caller)) for caller in callers]
            for caller in callers:
                caller.close()
            assert set(statuses) <= {200, 401, 403, 404, 503}
            assert 200 in statuses
            assert 503 in statuses
            gc.collect()
            used.append(process.memory_info().rss)
        assert exchange(port, "GET /api/looks", BEARER)[0] == 200
    assert used[-1] - used[0] < 20 * MB


def check(answered):
    status, headers, body = answered
    if headers["content-type"] == "application/json":
        assert status == 200 or set(json.loads(body)) == {"error", "hint"}
    assert "'none'" in headers["content-security-policy"]
    assert (status == 503) == ("retry-after" in headers)
    return status


def test_work_that_takes_long_waits_in_a_short_queue(studio, picture):
    stroke = json.dumps({"brush": BRUSH, "points": [[1, 2, 1]]}).encode()
    line = f"POST /api/pictures/{picture.id}/strokes"
    studio.gate.clear()
    with running(studio, heavy=1, waiting=1) as port, ExitStack() as stack:
        callers = [stack.enter_context(spoken(port)) for _ in range(3)]
        for caller in callers:
            caller.sendall(request(line, port, JSON, stroke))
        (refused,), _, _ = select.select(callers, [], [], 20)  # whichever came last
        assert answer(refused)[0] == 503
        assert exchange(port, "GET /api/looks", BEARER)[0] == 200  # what is quick does not wait behind it
        studio.gate.set()
        assert [answer(caller)[0] for caller in callers if caller is not refused] == [200, 200]


@pytest.mark.parametrize("junk", [b"\x00\xff" * 99, b"GET\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"X" * 99_999])
def test_what_is_not_http(studio, junk):
    with running(studio) as port:
        with spoken(port) as caller:
            caller.sendall(junk)
            assert answer(caller)[0] in (400, 403)
        assert exchange(port, "GET /api/looks", BEARER)[0] == 200


# The socket


def test_gestures_reach_the_picture(stranger, picture):
    with live(stranger, picture) as page:
        assert page.receive_json() == {"event": "state", "state": picture.state()}
        for message in (BEGIN, {"do": "points", "points": [[3, 4, 0.5]]}, {"do": "end"}, BEGIN, {"do": "cancel"}):
            page.send_json(message)
        picture.tell(frame())
        assert page.receive_bytes() == frame()
        picture.tell({"event": "thumbnail", "key": "preset-beasts"})
        assert page.receive_json()["key"] == "preset-beasts"
        until(lambda: len(picture.did) == 5)
        page.send_json({"do": "closeup", "part": {"left": 0, "top": 0.5, "right": 1, "bottom": 1}, "long_side": 900})
        page.send_json({"do": "closeup", "part": None})
        until(lambda: len(picture.did) == 7)
    begun = ("begin", PUT_DOWN, ((1, 2, 1),))
    assert picture.did[:5] == [begun, ("more", ((3, 4, 0.5),)), ("end",), begun, ("cancel",)]
    assert picture.did[5:] == [("closeup", Part(0.5, 0, 1, 1), 900), ("closeup", None, 16)]
    until(lambda: not picture.hearers)


def test_a_brush_is_lifted_when_the_page_goes(stranger, picture):
    with live(stranger, picture) as page:
        page.send_json(BEGIN)
        until(lambda: picture.did)
    until(lambda: picture.did[-1:] == [("end",)])


def test_what_comes_of_a_stroke_that_was_refused_says_nothing_more(stranger, picture):
    """The page sends points until it hears of it; a painter reads one message, and none about protocol."""
    refused = {**BEGIN, "brush": {**BRUSH, "look": {"kind": "style", "filter": "embroidery"}}}
    with live(stranger, picture) as page:
        page.receive_json()  # how it stands
        for told in (refused, {"do": "points", "points": [[1, 2, 1]]}, {"do": "end"}):
            page.send_json(told)
        page.send_json({"do": "end"})  # of no stroke at all
        assert "not there yet" in page.receive_json()["error"]
        assert "no stroke was begun" in page.receive_json()["error"]
        page.send_json(BEGIN)
        until(lambda: ("begin", PUT_DOWN, ((1.0, 2.0, 1.0),)) in picture.did)


def test_sockets_that_are_refused_are_no_faults_in_the_log(studio, picture, caplog):
    with running(studio) as port:
        for _ in range(3):
            with pytest.raises(InvalidStatus):
                connect(f"ws://127.0.0.1:{port}/api/pictures/{picture.id}/live", compression=None)
    assert "handshake" not in caplog.text


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "not JSON"),
        ('{"do": NaN}', "NaN"),
        ("[]", "object"),
        ('{"do": "dance"}', "begin, points, end, cancel"),
        ('{"do": "closeup", "part": {"left": 1, "top": 0, "right": 1, "bottom": 1}}', "left must be less than right"),
        ('{"do": "end", "more": 1}', "more is unknown"),
        ('{"do": "end"}', "no stroke was begun"),
        ('{"do": "points", "points": [[1, 2, 1]]}', "no stroke was begun"),
        (json.dumps(BEGIN | {"brush": BRUSH | {"size": 9999}}), "4 to 600"),
        (json.dumps(BEGIN | {"brush": BRUSH | {"look": {"kind": "style", "filter": "x"}}}), "Wait for its job."),
        (b"\x00", "text"),
    ],
)
def test_messages_that_do_not_fit(stranger, picture, text, says):
    with live(stranger, picture) as page:
        page.receive_json()
        page.send_bytes(text) if isinstance(text, bytes) else page.send_text(text)
        told = page.receive_json()
        assert told["event"] == "error"
        assert says in f"{told['error']} {told['hint']}"
        page.send_json(BEGIN)
        until(lambda: picture.did and picture.did[-1][0] == "begin" and picture.did[-1][1] == PUT_DOWN)


def test_a_fault_is_told_without_its_details(stranger, picture, caplog):
    with live(stranger, picture) as page:
        page.receive_json()
        page.send_json(BEGIN)
        page.send_json({"do": "points", "points": [[13, 0, 1]]})
        told = page.receive_json()
    assert "fault" in told["error"]
    assert "secret" not in str(told)
    assert "secret detail" in caplog.text


def test_a_page_that_sends_only_nonsense_is_left(stranger, picture):
    with live(stranger, picture) as page:
        for _ in range(100):
            page.send_text("{")
        messages = [page.receive()]
        while messages[-1]["type"] != "websocket.close":
            messages.append(page.receive())
    assert messages[-1]["code"] == 1008


def refusal_of(client, picture, headers):
    with pytest.raises(WebSocketDenialResponse) as no, live(client, picture, headers):
        pass
    told = no.value.json()
    assert set(told) == {"error", "hint"}
    assert "'none'" in no.value.headers["content-security-policy"]
    return no.value.status_code


def test_who_may_open_a_socket(stranger, picture):
    cookie = {"Cookie": f"phosphene_{PORT}={TOKEN}"}
    assert refusal_of(stranger, picture, {}) == 401
    assert refusal_of(stranger, picture, {"Authorization": "Bearer wrong"}) == 401
    assert refusal_of(stranger, picture, cookie) == 403
    for origin in ("http://evil.example", "null", f"http://localhost:{PORT}", f"https://127.0.0.1:{PORT}"):
        assert refusal_of(stranger, picture, cookie | {"Origin": origin}) == 403
        assert refusal_of(stranger, picture, BEARER | {"Origin": origin}) == 403
    assert refusal_of(stranger, picture, BEARER | {"Host": f"evil.example:{PORT}"}) == 403
    with live(stranger, picture, cookie | {"Origin": HERE, "Sec-Fetch-Site": "cross-site"}):
        pass
    picture.id = "f" * 16
    assert refusal_of(stranger, picture, BEARER) == 404
    picture.id = "../x"
    assert refusal_of(stranger, picture, BEARER) == 404


def test_so_many_sockets(studio, picture):
    with client_of(studio, sockets=2) as client:
        with live(client, picture), live(client, picture):
            assert refusal_of(client, picture, BEARER) == 503
        until(lambda: not picture.hearers)
        with live(client, picture):
            pass


def test_a_real_socket(studio, picture):
    with running(studio, message_bytes=5000) as port:
        with pytest.raises(InvalidStatus) as no:
            connect(
                f"ws://127.0.0.1:{port}/api/pictures/{picture.id}/live",
                additional_headers=BEARER,
                origin="http://evil.example",
            )
        assert no.value.response.status_code == 403
        assert "another site" in no.value.response.body.decode()
        with connected(port, picture) as page:
            assert json.loads(page.recv())["event"] == "state"
            page.send(json.dumps(BEGIN))
            until(lambda: picture.did)  # else the socket may be closed before the server has read that a stroke begins
            picture.tell(frame(size=300_000))
            assert page.recv() == frame(size=300_000)
            page.send("x" * 6000)
            with pytest.raises(ConnectionClosed) as closed:
                page.recv()
            assert closed.value.rcvd.code == 1009
        until(lambda: picture.did[-1:] == [("end",)])
        with pytest.raises(InvalidStatus) as no:
            connect(f"ws://127.0.0.1:{port}/api/looks", additional_headers=BEARER)
        assert no.value.response.status_code in (403, 404)


# Pages that do not read


def boxed(most, most_bytes, *messages):
    """What a page would get that reads only after all was put in."""

    async def read():
        box = SendQueue(most, most_bytes)
        for message in messages:
            box.put(message)
        assert box.size <= most_bytes
        got = []
        while True:
            try:
                got.append(await asyncio.wait_for(box.get(), 0.05))
            except TimeoutError:
                assert box.size == 0
                return got

    return asyncio.run(read())


def event(name, **more):
    return {"event": name, **more}


def test_everything_comes_in_order_while_there_is_room():
    messages = [frame(), event("state", state=1), frame("ground"), event("error", error="a"), event("error", error="a")]
    assert boxed(9, 9999, *messages) == messages


def test_old_frames_of_a_ground_are_left_out_first():
    grounds = [frame("ground", 1000, n=n) for n in range(9)]
    strokes = [frame("stroke", 1000, n=n) for n in range(2)]
    got = boxed(99, 5000, *grounds[:4], strokes[0], *grounds[4:], strokes[1])
    assert [each for each in got if each in strokes] == strokes
    assert got[-2] == grounds[-1]
    assert REFRESH not in got


def test_too_many_strokes_become_a_refresh():
    strokes = [frame("stroke", 1000, n=n) for n in range(9)]
    got = boxed(99, 5000, event("error", error="a"), *strokes)
    assert got[:2] == [event("error", error="a"), REFRESH]
    assert got[2:] == strokes[-len(got[2:]) :]
    assert boxed(4, 10**6, *strokes)[0] == REFRESH
    assert boxed(99, 100, strokes[0]) == [REFRESH]


def test_an_event_takes_the_place_of_an_older_one():
    jobs = [event("job", job={"id": name, "done": done}) for done in (0.1, 0.2) for name in "ab"]
    states = [event("state", state=n) for n in range(5)]
    assert boxed(99, 9999, *states, *jobs) == [states[-1], *jobs[2:]]
    errors = [event("error", error=str(n)) for n in range(500)]
    got = boxed(50, 10**6, *errors)
    assert len(got) <= 50
    assert errors[-1] in got


@pytest.mark.parametrize("junk", [b"", b"\xff\xff\xff\xff", b"\x02\0\0\0[]", b"\x01\0\0\0{"])
def test_a_frame_without_a_header_is_a_frame(junk):
    assert boxed(9, 999, junk) == [junk]


def silent(port, picture):
    """An open socket whose other end reads nothing but the handshake."""
    caller = spoken(port)
    upgrade = {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13"}
    headers = BEARER | upgrade | {"Sec-WebSocket-Key": "AAAAAAAAAAAAAAAAAAAAAA=="}
    caller.sendall(request(f"GET /api/pictures/{picture.id}/live", port, headers))
    assert caller.recv(12) == b"HTTP/1.1 101"
    until(lambda: picture.hearers)
    return caller


def test_a_page_that_does_not_read_fills_no_memory(studio, picture):
    process = psutil.Process()
    with running(studio, queue_bytes=4 * MB) as port, silent(port, picture):
        before = process.memory_info().rss
        for number in range(300):
            picture.tell(frame("stroke", MB, number=number))
        assert process.memory_info().rss - before < 60 * MB


def test_a_page_that_reads_again_is_told_to_fetch_the_view(studio, picture):
    with running(studio, queue_bytes=2 * MB) as port, connected(port, picture, max_size=None) as page:
        page.recv()
        box = picture.hearers[0].__self__
        strokes = [frame("stroke", MB, number=number) for number in range(50)]
        box._loop.call_soon_threadsafe(lambda: [picture.tell(each) for each in strokes])  # while nothing can be sent
        got = []
        while REFRESH not in got:
            message = page.recv(20)
            got.append(json.loads(message) if isinstance(message, str) else None)
        picture.tell(frame("stroke", 9, last=True))
        while message != frame("stroke", 9, last=True):
            message = page.recv(20)
        assert len(got) < 50


def test_a_page_that_never_reads_is_given_up(studio, picture):
    with running(studio, send_seconds=0.2) as port, silent(port, picture):
        until(lambda: picture.tell(frame("stroke", MB)) or not picture.hearers)
        assert exchange(port, "GET /api/looks", BEARER)[0] == 200


# The command

PROGRAM = """
import sys
sys.path.insert(0, {tests!r})
import studio_fake
studio_fake.Studio.close = lambda self: print("closed", flush=True)
from phosphene.cli import main
from phosphene.sessions import service
service.Studio = lambda folder, **_: studio_fake.Studio(folder)
main()
"""


def started(tmp_path, *arguments):
    program = PROGRAM.format(tests=str(Path(__file__).parent))
    words = [sys.executable, "-W", "error", "-c", program, "studio", "--no-open", *arguments]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(words, text=True, env=os.environ | {"PHOSPHENE_STUDIO": str(tmp_path)}, **pipes)


@contextmanager
def killed_at_last(process):
    """So that a test that fails does not wait for it for ever."""
    try:
        yield
    finally:
        process.kill()


@pytest.mark.skipif(sys.platform == "win32", reason="there is no signal to send")
def test_the_command_prints_its_address_and_ends_with_ctrl_c(tmp_path):
    with started(tmp_path, "--folder", str(tmp_path)) as process, killed_at_last(process):
        address, _, token = process.stdout.readline().strip().partition("/?token=")
        port = int(address.removeprefix("http://127.0.0.1:"))
        assert len(token) >= 40
        bearer = {"Authorization": f"Bearer {token}"}
        assert exchange(port, "GET /api/folder", bearer)[0] == 200
        assert exchange(port, "GET /api/folder", {})[0] == 401
        id = json.loads(exchange(port, "POST /api/pictures", bearer, b"x")[2])["id"]
        with (
            connect(f"ws://127.0.0.1:{port}/api/pictures/{id}/live", additional_headers=bearer) as page,
            spoken(port) as half,
        ):
            page.recv()
            half.sendall(request("POST /api/pictures", port, bearer | {"Content-Length": "9"}))
            process.send_signal(signal.SIGINT)
            said, complained = process.communicate(timeout=30)
    assert process.returncode == 0
    assert said == "closed\nclosed\n"
    assert complained == "The studio is open. Ctrl-C closes it.\nThe studio is closed.\n"


def test_the_browser_gets_a_key_that_opens_once(monkeypatch, tmp_path):
    opened, told = [], threading.Event()
    monkeypatch.setattr(webbrowser, "open", lambda address: (opened.append(address), told.set()))
    monkeypatch.setattr("phosphene.sessions.service.Studio", lambda home, **_: Studio(home))
    monkeypatch.setenv("PHOSPHENE_STUDIO", str(tmp_path))
    monkeypatch.setattr(server.uvicorn.Server, "main_loop", lambda self: asyncio.sleep(0))
    result = CliRunner().invoke(main, ["studio", "--host", "0.0.0.0"])
    assert (result.exit_code, told.wait(20)) == (0, True)
    assert opened[0].startswith("http://127.0.0.1:")
    assert opened[0].strip() != result.stdout.strip()
    assert opened[0].partition("?")[0] == result.stdout.partition("?")[0]
    assert "nothing is encrypted" in result.stderr.replace("\n", " ")


def test_addresses():
    place = server.Place("::1", 5, server.Tokens("key"))
    assert place.address == "http://[::1]:5/?token=key"
    assert server.Place("::", 5, place.tokens).address == place.address
    assert place.tokens.opens(place.address_once().rpartition("=")[2])


def test_the_documents_example(studio, tmp_path):
    text = (Path(__file__).parents[1] / "docs" / "how-to" / "studio.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    (tmp_path / "my cat.jpg").write_bytes(b"pixels")
    with running(studio) as port:
        words = [sys.executable, "-W", "error", "-c", example, "my cat.jpg", f"http://127.0.0.1:{port}/?token={TOKEN}"]
        done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("cat-painting.png\n", "")
    assert (tmp_path / "cat-painting.png").read_bytes() == b"PNG"
    (session,) = studio.sessions.values()
    assert (session.name, session.strokes, session.ground.look.preset) == ("my cat.jpg", 1, "carnival")
