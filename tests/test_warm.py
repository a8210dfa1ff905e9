"""A process that has everything in memory, and commands that it does: `phosphene serve`, `phosphene --warm`."""

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time

import numpy as np
import psutil
import pytest
from PIL import Image

from phosphene import __main__ as entry
from phosphene.startup import warm

pytestmark = pytest.mark.skipif(not warm.POSSIBLE, reason="this system cannot fork")
PHOSPHENE = [sys.executable, "-m", "phosphene"]
SMALL = ["--octaves", "1", "--steps", "2", "--threads", "1", "-q"]


class Warm:
    """`phosphene serve` in a folder of its own."""

    def __init__(self, folder, *words):
        self.environment = os.environ | {"XDG_RUNTIME_DIR": str(folder), "OMP_NUM_THREADS": "1"}
        self.folder = folder
        self.process = subprocess.Popen(
            [*PHOSPHENE, "serve", *words], stderr=subprocess.PIPE, text=True, env=self.environment
        )
        self.said = self.process.stderr.readline()

    def run(self, *words, warm=True, **more):
        told = {"capture_output": True, "timeout": 60, "cwd": self.folder, "env": self.environment}
        return subprocess.run([*PHOSPHENE, *(["--warm"] if warm else []), *words], **told | more)

    def children(self):
        return psutil.Process(self.process.pid).children()

    def ended(self):
        self.process.communicate(timeout=30)
        return self.process.returncode

    def end(self):
        self.process.send_signal(signal.SIGINT)
        return self.ended()


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    server = Warm(tmp_path_factory.mktemp("warm"))
    assert "Ready" in server.said
    Image.fromarray(np.random.default_rng(3).integers(0, 256, (60, 80, 3), np.uint8)).save(server.folder / "a.png")
    yield server
    server.end()


def until(come_true, what):
    end = time.monotonic() + 30
    while not come_true():
        assert time.monotonic() < end, what
        time.sleep(0.02)


def pixels(path):
    with Image.open(path) as found:
        return np.asarray(found)


def test_a_warm_command_does_what_a_cold_one_does(server):
    told = server.run("a.png", *SMALL, "-o", "warm.png", "--json")
    assert (told.returncode, told.stderr) == (0, b"")
    assert json.loads(told.stdout)["output"] == "warm.png"
    assert server.run("a.png", *SMALL, "-o", "cold.png", warm=False).returncode == 0
    assert np.array_equal(pixels(server.folder / "warm.png"), pixels(server.folder / "cold.png"))
    again = server.run("a.png", "--warm", *SMALL, "-o", "again.png", warm=False)  # wherever it stands
    assert again.returncode == 0
    assert np.array_equal(pixels(server.folder / "again.png"), pixels(server.folder / "cold.png"))


def test_streams_folders_and_environments_are_those_of_whoever_asks(server, tmp_path):
    piped = server.run("-", *SMALL, "-o", "-", input=(server.folder / "a.png").read_bytes(), cwd=tmp_path)
    assert piped.stdout.startswith(b"\x89PNG")
    assert not list(tmp_path.iterdir())
    environment = server.environment | {"PHOSPHENE_PROGRESS": "json"}
    told = server.run("clouds", "--size", "64x48", "--octaves", "1", "--steps", "3", "-o", "c.png", env=environment)
    shares = [json.loads(line)["progress"] for line in told.stderr.splitlines() if line.startswith(b"{")]
    assert shares[-1] == 1.0
    assert shares == sorted(shares)


def test_mistakes_have_the_same_code_and_words(server):
    cold, warmed = (server.run("gone.png", warm=warmed) for warmed in (False, True))
    assert (warmed.returncode, warmed.stderr) == (cold.returncode, cold.stderr) == (2, cold.stderr)
    assert b"gone.png" in warmed.stderr


def serving(folder):
    """The warm processes of a runtime folder."""
    found = []
    for each in psutil.process_iter(["cmdline", "environ"]):
        if "serve" in (each.info["cmdline"] or ()) and (each.info["environ"] or {}).get("XDG_RUNTIME_DIR") == str(
            folder
        ):
            found.append(each)
    return found


def begun(server, name, before=()):
    """A dream that takes long."""
    words = ["clouds", "--size", "256x192", "--steps", "4000", "--octaves", "1", "-o", name, "--threads", "1"]
    environment = server.environment | {"PHOSPHENE_PROGRESS": "json"}
    asked = subprocess.Popen(
        [*before, *PHOSPHENE, "--warm", *words], stderr=subprocess.PIPE, text=True, cwd=server.folder, env=environment
    )
    while "progress" not in asked.stderr.readline():
        assert asked.poll() is None
    return asked


def test_ctrl_c_reaches_the_command_and_what_there_is_is_saved(server):
    asked = begun(server, "stopped.png")
    asked.send_signal(signal.SIGINT)
    asked.communicate(timeout=30)
    assert asked.returncode == 130
    assert pixels(server.folder / "stopped.png").shape == (192, 256, 3)
    assert server.process.poll() is None


def test_a_command_whose_asker_is_killed_ends(server):
    asked = begun(server, "killed.png")
    assert len(server.children()) == 1
    asked.kill()
    asked.communicate(timeout=30)
    until(lambda: not server.children(), "its child ends")


def test_nonsense_is_refused_and_harms_nobody(server, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(server.folder))
    for sent in (b"", b"\0", b"\xff\xff\xff\xff{}", b"\2\0\0\0{}", b"\x08\0\0\0nonsense"):
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(warm.address()))
            socket.send_fds(link, [sent], [0, 1, 2]) if sent else link.shutdown(socket.SHUT_WR)
            with contextlib.suppress(ConnectionResetError):  # what it did not read
                assert link.recv(10) == b""
    assert server.run("presets").returncode == 0


def test_a_process_of_another_installation_is_not_used_and_ends(tmp_path):
    old = Warm(tmp_path)
    code = "from phosphene.startup import warm; warm.IDENTITY = ['0.0.0']; print(warm.ask(['presets']))"
    told = subprocess.run([sys.executable, "-c", code], env=old.environment, capture_output=True, text=True)
    assert told.stdout == "None\n"  # it is done without it
    assert old.ended() == 0


def test_what_was_accepted_is_not_done_twice(tmp_path):
    """The process is told to end while it works: its command saves what there is, and whoever asked hears of it."""
    short = Warm(tmp_path)
    asked = begun(short, "once.png")
    short.process.terminate()
    asked.communicate(timeout=30)
    assert asked.returncode == 130
    assert pixels(tmp_path / "once.png").shape == (192, 256, 3)
    assert short.ended() == 0
    again = Warm(tmp_path)
    asked = begun(again, "lost.png")
    for each in serving(tmp_path):
        each.kill()
    told = asked.communicate(timeout=30)[1]
    assert asked.returncode == 1
    assert "Give it again" in told
    again.ended()


def test_one_ctrl_c_of_a_shared_terminal_arrives_once(tmp_path):
    """The server, the command and whoever asked for it are of one group, as in a script."""
    server = Warm(tmp_path)
    asked = begun(server, "stopped.png")
    for process in (server.process, asked):
        process.send_signal(signal.SIGINT)
    asked.communicate(timeout=30)
    assert asked.returncode == 130
    assert pixels(tmp_path / "stopped.png").shape == (192, 256, 3)
    server.ended()


def test_nothing_of_the_folder_is_run_or_held(tmp_path, monkeypatch):
    """A module that lies where somebody asks is not imported, and what is open there is not kept open."""
    (tmp_path / "run").mkdir(mode=0o700)
    (tmp_path / "psutil.py").write_text("open('imported', 'w')\n")
    (tmp_path / "lock").write_text("")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path / "run"))
    with (tmp_path / "lock").open() as held:
        os.set_inheritable(held.fileno(), True)
        warm.start()
        until(lambda: (tmp_path / "run" / "phosphene" / "warm.sock").exists(), "it listens")
    (process,) = serving(tmp_path / "run")
    assert not (tmp_path / "imported").exists()
    assert process.cwd() == "/"
    assert str(tmp_path / "lock") not in [each.path for each in process.open_files()]
    process.terminate()


def test_niceness_and_closed_streams_are_those_of_whoever_asks(server):
    words = f"nice -n 7 {sys.executable} -m phosphene --warm - -o - <&-"
    told = subprocess.run(["sh", "-c", words], env=server.environment, capture_output=True, text=True, timeout=60)
    assert told.returncode == 2
    assert "Nothing is piped in" in told.stderr
    asked = begun(server, "nice.png", ["nice", "-n", "7"])
    (child,) = server.children()
    assert child.nice() == psutil.Process(server.process.pid).nice() + 7
    asked.send_signal(signal.SIGINT)
    asked.communicate(timeout=30)


def test_there_is_one_at_a_time_and_it_ends_when_nobody_needs_it(tmp_path):
    short = Warm(tmp_path, "--minutes", "0.1")
    second = Warm(tmp_path)
    assert "kept warm already" in second.said
    assert second.ended() == 2
    assert short.ended() == 0
    assert not (tmp_path / "phosphene" / "warm.sock").exists()


def test_a_folder_that_others_may_enter_is_not_used(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    (tmp_path / "phosphene").mkdir(mode=0o755)
    with pytest.raises(PermissionError, match="not this user's alone"):
        warm.address()
    assert warm.ask(["presets"]) is None
    refused = Warm(tmp_path)
    assert "not this user's alone" in refused.said
    assert refused.ended() == 2


def test_without_such_a_process_the_command_runs_and_one_is_started(monkeypatch, capsys):
    started = []
    monkeypatch.setattr(warm, "ask", lambda argv: None)
    monkeypatch.setattr(warm, "start", lambda: started.append(True))
    monkeypatch.setattr(entry.loading, "begin", lambda: None)
    monkeypatch.setattr(sys, "argv", ["phosphene", "presets", "--warm"])
    with pytest.raises(SystemExit) as ended:
        entry.main()
    assert ended.value.code == 0
    assert started == [True]
    assert "carnival" in capsys.readouterr().out


def test_what_is_started_serves(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    try:
        warm.start()
        until(lambda: (tmp_path / "phosphene" / "warm.sock").exists(), "it listens")
        told = subprocess.run([*PHOSPHENE, "--warm", "--version"], capture_output=True, timeout=30)
        assert (told.returncode, told.stderr) == (0, b"")
        assert len(serving(tmp_path)) == 1
    finally:
        for each in serving(tmp_path):
            each.terminate()
