"""The campaign of `tests/hostile` finds what is planted: a part that cannot fail proves nothing."""

import os
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from hostile import disks, interrupted, kills, pictures, strangers, studio, texts, weights
from hostile.parts import PARTS
from hostile.tally import MADE, Options, Tally, table
from hostile.workers import hunt
from phosphene.errors import ImageError

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="forks processes, and sends them signals")

# What is planted: functions of this module, since other processes look them up by name.


def crashes(name, data):
    os.kill(os.getpid(), 11)


def hangs(name, data):
    time.sleep(60)


def raises(name, data):
    raise ZeroDivisionError("planted")


def prints(name, data):
    os.write(2, b"libplanted: warning\n")


def leaves(name, data):
    Path("stray.tmp").touch()


def speechless(name, data):
    raise ImageError("")


def refuses(name, data):
    raise ImageError("planted")


def well(name, data):
    return None


@pytest.fixture
def options(tmp_path):
    return Options(tmp_path / "work", tmp_path / "kept", fast=True)


PLANTED = [
    (crashes, "SIGSEGV"),
    (hangs, "hangs"),
    (raises, "ZeroDivisionError: planted"),
    (prints, "it printed: 'libplanted"),
    (leaves, "it left stray.tmp"),
    (speechless, "without a word"),
]


def test_workers_see_every_way_to_fail(options):
    for number, (attack, says) in enumerate(PLANTED):
        tally = Tally(f"planted{number}")
        hunt(tally, attack, lambda number: (f"{number}.txt", b"input"), 2, options, 3.0)
        assert len(tally.faults) == 2, attack
        assert all(says in fault.what for fault in tally.faults), tally.faults
        assert Path(tally.faults[0].input).read_bytes() == b"input"
    assert any("ZeroDivisionError" in line for line in table([tally, Tally("x")])) is False


@pytest.mark.parametrize("part", [pictures, weights, texts], ids=lambda part: part.PART)
def test_parts_of_files_and_texts_count_what_is_tried(options, part):
    assert len(part.run(options, raises, 3).faults) == 3
    told = part.run(Options(options.work / "again", options.kept), refuses, 2)
    assert (told.trials, told.refused, told.faults) == (2, 2, [])


def reads_the_secret(words):
    Path(strangers.SECRET.replace("..", str(Path(words[-1]).parents[1]))).read_bytes()


def test_strangers_are_seen_to_leave_their_folder(options):
    base = options.place("strangers")
    strangers.furnish(base)
    secrets = strangers.Secrets(base / "secret")
    case = strangers.Case("planted", ("info", "dream.png"), texts.true_record())
    for act, says in ((reads_the_secret, "secret/picture.png"), (asks_the_network, "socket.connect"), (runs, "ran")):
        assert says in strangers.attempt(case, base, act, secrets), act
    assert strangers.attempt(case, base, idles, secrets) == MADE
    secrets.close()


def asks_the_network(words):
    import socket

    with socket.socket() as caller:
        caller.connect_ex(("127.0.0.1", 9))


def runs(words):
    import runpy

    runpy.run_path(str(Path(words[-1]).parent / "evil.py"))


def idles(words):
    return None


# Runs that are cut off: a program that copies its input, well or badly.

JOB = interrupted.Job("copy", ("a.png", "-o", "out.png"), "out.png", resumes=False)


def writes_in_place(words):
    data = Path("a.png").read_bytes()
    with Path("out.png").open("wb", buffering=0) as file:
        for at in range(0, len(data), 100):
            file.write(data[at : at + 100])
            os.fsync(file.fileno())
            time.sleep(0.002)


def copies(words):
    from phosphene import images

    if not Path("out.png").exists():
        images.write_atomically("out.png", Path("a.png").read_bytes())


def test_a_partial_file_after_a_kill_is_seen(options, monkeypatch):
    place = options.place("kills")
    monkeypatch.setattr(interrupted, "command", partial(command, copies))
    whole = interrupted.unbroken(JOB, place)
    assert isinstance(whole, interrupted.Whole), whole
    told = (kills.attempt(JOB, whole, place, options, number, writes_in_place) for number in range(40))
    assert any("no whole file" in each for each in told)


def command(usual, job, words, folder, act=None, before=None, aside=None):
    act = usual if act in (None, kills.cli) else act
    return interrupted.Command(words, folder, act, aside, before and partial(before, words))


def test_a_partial_file_on_a_full_disk_is_seen(options, monkeypatch):
    place = options.place("disks")
    monkeypatch.setattr(interrupted, "command", partial(command, copies))
    whole = interrupted.unbroken(JOB, place)
    _, wrong = disks.attempt(JOB, whole, place / "bad", None, 500, writes_in_place, place)
    assert "no whole file" in wrong
    assert "Traceback" in wrong


SPOILT = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    kept = []
    def answer(self):
        self.kept.append(b"x" * 400_000)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(500 if self.path == "/api/pictures" and self.command == "POST" else 200)
        self.end_headers()
        self.wfile.write(b'{"pictures": []}')
    do_GET = do_POST = do_PUT = do_DELETE = answer
    def log_message(self, *_): pass
import signal
signal.signal(signal.SIGUSR1, lambda *_: None)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
print(f"http://127.0.0.1:{server.server_port}/?token=x", flush=True)
try:
    server.serve_forever()
except KeyboardInterrupt:
    pass
"""


def test_a_studio_that_fails_leaks_and_serves_strangers_is_seen(options):
    told = "\n".join(fault.what for fault in studio.run(options, SPOILT, 4.0).faults)
    assert "500" in told
    assert "memory grew" in told
    assert "another site is served" in told


def test_every_part_is_run_and_shown(tmp_path):
    assert set(PARTS) == {"pictures", "weights", "texts", "strangers", "kills", "disks", "studio"}
    line = [sys.executable, "-m", "tests.hostile", "--help"]
    said = subprocess.run(line, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=True).stdout
    for word in ("--fast", "--seed", "--only", "--minutes"):
        assert word in said
