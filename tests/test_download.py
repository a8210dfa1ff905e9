import dataclasses
import hashlib
import http.server
import socket
import threading
from functools import partial

import pytest

from phosphene.errors import OutOfSpaceError, UnknownNameError, WeightsError
from phosphene.networks import registry
from phosphene.networks.registry import fetch

WEIGHTS = bytes(range(256)) * 1000


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """The address of a server on this computer that offers `weights.bin`."""
    folder = tmp_path / "offered"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(WEIGHTS)
    httpd = http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=folder))
    thread = threading.Thread(target=httpd.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_port}"
    httpd.shutdown()
    httpd.server_close()
    thread.join()


@pytest.fixture
def models(tmp_path, monkeypatch):
    folder = tmp_path / "models"
    monkeypatch.setenv("PHOSPHENE_MODELS", str(folder))
    return folder


@pytest.fixture
def offer(monkeypatch):
    """Makes GoogLeNet a file of that address and hash."""

    def change(address, content=WEIGHTS):
        digest = hashlib.sha1(content).hexdigest()
        source = dataclasses.replace(
            registry.SOURCES["googlenet"], address=address, hashes=(f"sha1:{digest}",), file="weights.bin"
        )
        monkeypatch.setitem(registry.SOURCES, "googlenet", source)

    return change


class Recorder:
    total = 0

    def __init__(self):
        self.calls = []

    def update(self, amount):
        self.calls.append(amount)

    def reset(self):
        self.calls.append("reset")

    def close(self):
        self.calls.append("close")


def test_weights_come_whole_and_alone(server, models, offer):
    offer(f"{server}/weights.bin")
    path = fetch("googlenet")
    assert path == models / "weights.bin"
    assert path.read_bytes() == WEIGHTS
    assert [each.name for each in models.iterdir()] == ["weights.bin"]


def test_progress_is_told(server, models, offer):
    offer(f"{server}/weights.bin")
    recorder = Recorder()
    fetch("googlenet", progress=recorder)
    assert recorder.total == len(WEIGHTS)
    assert recorder.calls[-1] == "close"


def test_what_is_there_is_not_fetched_again(models, offer):
    offer("http://127.0.0.1:1/nobody-is-there")
    models.mkdir()
    (models / "weights.bin").write_bytes(WEIGHTS)
    assert fetch("googlenet") == models / "weights.bin"


def test_what_is_there_and_wrong_is_named(models, offer):
    offer("http://127.0.0.1:1/nobody-is-there")
    models.mkdir()
    (models / "weights.bin").write_bytes(b"half")
    with pytest.raises(WeightsError, match="--force"):
        fetch("googlenet")


def test_force_replaces(server, models, offer):
    offer(f"{server}/weights.bin")
    models.mkdir()
    (models / "weights.bin").write_bytes(b"half")
    assert fetch("googlenet", force=True).read_bytes() == WEIGHTS


@pytest.mark.parametrize(
    ("path", "content", "says"), [("weights.bin", b"another", "checksum"), ("gone.bin", WEIGHTS, "404")]
)
def test_a_wrong_answer_leaves_the_old_file(server, models, offer, path, content, says):
    offer(f"{server}/{path}", content)
    models.mkdir()
    (models / "weights.bin").write_bytes(b"old")
    with pytest.raises(WeightsError, match=says) as error:
        fetch("googlenet", force=True)
    message = str(error.value)
    assert f"{server}/{path}" in message
    assert str(models / "weights.bin") in message
    assert len(message.splitlines()) <= 3
    assert [each.read_bytes() for each in models.iterdir()] == [b"old"]


def test_no_connection(models, offer):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    offer(f"http://127.0.0.1:{port}/weights.bin")
    with pytest.raises(WeightsError, match="no connection"):
        fetch("googlenet")
    assert list(models.iterdir()) == []


def test_a_full_disk(server, models, offer, monkeypatch):
    offer(f"{server}/weights.bin")

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pooch.retrieve", full)
    with pytest.raises(OutOfSpaceError):
        fetch("googlenet")


def test_the_default_network_is_installed(models):
    assert fetch("efficientnet-lite0").is_file()


def test_an_unknown_network():
    with pytest.raises(UnknownNameError, match="googlenet"):
        fetch("gogglenet")
