"""A process that has torch and the network in memory, and does what command lines ask: `phosphene serve`.

`phosphene --warm photo.jpg` hands its words, its folder, its environment and its three standard streams to that process
over a Unix socket. The process forks for it: the child is as an ordinary command, but has loaded everything already.
Signals go to the child, and its exit code comes back. Without such a process the command runs by itself.

The socket lies in a folder that only its owner may enter, and both ends check that.

Whoever asks has loaded nothing but this module, so that it costs next to nothing: it needs the standard library alone.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import struct
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from phosphene import __version__

MOST = 1 << 20  # bytes of a request
PATIENCE = 5.0  # seconds within which a request is read whole
_LENGTH = struct.Struct("<I")
POSSIBLE = hasattr(os, "fork") and hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")


class Request(NamedTuple):
    """A command line, and where it is given."""

    argv: list[str]
    folder: str
    environment: dict[str, str]
    umask: int
    version: str = __version__

    @classmethod
    def here(cls, argv: list[str]) -> Request:
        """A command line of this process."""
        umask = os.umask(0o077)
        os.umask(umask)
        return cls(argv, str(Path.cwd()), dict(os.environ), umask)


def runtime_folder() -> Path:
    """Where the socket lies; it is made if it is not there.

    Raises:
        PermissionError: others may enter it, or it is somebody else's.
    """
    base = os.environ.get("XDG_RUNTIME_DIR")
    folder = Path(base) / "phosphene" if base else Path(tempfile.gettempdir()) / f"phosphene-{os.getuid()}"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise PermissionError(f"{folder} is not this user's alone.")
    return folder


def address() -> Path:
    """The socket of this user's warm process."""
    return runtime_folder() / "warm.sock"


def ask(argv: list[str]) -> int | None:
    """Has a command line done by the warm process; gives its exit code, or `None` where there is no such process."""
    if not POSSIBLE:
        return None
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.connect(str(address()))
            return _asked(link, Request.here(argv))
    except OSError:
        return None


def _asked(link: socket.socket, request: Request) -> int | None:
    """Sends a request with the standard streams, hands signals on, and waits for the exit code."""
    data = json.dumps(request._asdict()).encode()
    streams = [_number_of(stream) for stream in (sys.stdin, sys.stdout, sys.stderr)]
    for stream in (sys.stdout, sys.stderr):
        if stream is not None:
            stream.flush()
    wishes = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda caught, _: _hand_on(link, caught)) for number in wishes}
    try:
        socket.send_fds(link, [_LENGTH.pack(len(data))], streams)
        link.sendall(data)
        answer = link.makefile("rb").readline()
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    return int(answer) if answer.strip() else None


def _hand_on(link: socket.socket, caught: int) -> None:
    link.sendall(bytes([caught]))


def _number_of(stream: object) -> int:
    """A stream's number; that of nothing, where it is closed."""
    try:
        return int(stream.fileno())  # type: ignore[attr-defined]
    except (AttributeError, OSError, ValueError):
        return os.open(os.devnull, os.O_RDWR)


def receive(link: socket.socket) -> tuple[Request, list[int]]:
    """A request, and the numbers of its streams.

    Raises:
        ValueError: it is none, or another version's.
        OSError: it does not come.
    """
    link.settimeout(PATIENCE)
    head, streams, _, _ = socket.recv_fds(link, _LENGTH.size, 3)
    try:
        request = _read(link, head, len(streams))
    except (ValueError, TypeError, OSError):
        for number in streams:
            os.close(number)
        raise
    link.settimeout(None)
    return request, list(streams)


def _read(link: socket.socket, head: bytes, streams: int) -> Request:
    if len(head) < _LENGTH.size or streams != 3:
        raise ValueError("this is no request")
    (length,) = _LENGTH.unpack(head)
    if length > MOST:
        raise ValueError("the request is too long")
    request = Request(**json.loads(_exactly(link, length)))
    if request.version != __version__:
        raise ValueError(f"the request is of version {request.version}")
    return request


def _exactly(link: socket.socket, length: int) -> bytes:
    gathered = bytearray()
    while len(gathered) < length:
        part = link.recv(length - len(gathered))
        if not part:
            raise ValueError("the request ends too early")
        gathered += part
    return bytes(gathered)


def start() -> None:
    """Starts a warm process for later command lines; it ends by itself when nobody needs it any more."""
    words = [sys.executable, "-m", "phosphene", "serve", "--quiet"]
    nothing = [(os.POSIX_SPAWN_OPEN, number, os.devnull, os.O_RDWR, 0) for number in range(3)]
    os.posix_spawn(sys.executable, words, os.environ, file_actions=nothing, setsid=True)
