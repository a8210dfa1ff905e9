"""A process that has torch and the network in memory, and does what command lines ask: `phosphene serve`.

`phosphene --warm photo.jpg` hands its words, its folder, its environment and its three standard streams to that process
over a Unix socket. The process forks for it: the child is as an ordinary command, but has loaded everything already.
Signals go to the child, and its exit code comes back. Without such a process the command runs by itself; but what was
accepted once is never done a second time.

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
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from phosphene import __version__

MOST = 1 << 20  # bytes of a request
PATIENCE = 5.0  # seconds within which a request is sent, read and accepted
ACCEPTED = b"+"
INSIST = 3  # signals after which the asker ends without an answer
_LENGTH = struct.Struct("<I")
IDENTITY = [__version__, sys.executable, str(Path(__file__).parents[1])]  # who is to do what somebody asks
POSSIBLE = hasattr(os, "fork") and hasattr(socket, "AF_UNIX") and hasattr(socket, "send_fds")


class Request(NamedTuple):
    """A command line, and where it is given."""

    argv: list[str]
    folder: str
    environment: dict[str, str]
    umask: int
    niceness: int
    closed: list[int]  # numbers of the standard streams that are closed
    identity: list[str]

    @classmethod
    def here(cls, argv: list[str]) -> Request:
        """A command line of this process."""
        umask = os.umask(0o077)
        os.umask(umask)
        closed = [number for number, stream in enumerate((sys.stdin, sys.stdout, sys.stderr)) if stream is None]
        return cls(argv, str(Path.cwd()), dict(os.environ), umask, os.nice(0), closed, IDENTITY)


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
    """Has a command line done by the warm process; gives its exit code, or `None` where no such process takes it."""
    if not POSSIBLE:
        return None
    with socket.socket(socket.AF_UNIX) as link:
        try:
            link.settimeout(PATIENCE)
            link.connect(str(address()))
            _send(link, Request.here(argv))
            if link.recv(1) != ACCEPTED:
                return None
        except OSError:
            return None
        except KeyboardInterrupt:
            return 128 + signal.SIGINT
        link.settimeout(None)
        return _answer(link)


def _send(link: socket.socket, request: Request) -> None:
    """Sends a request with the standard streams; nothing stands for one that is closed."""
    data = json.dumps(request._asdict()).encode()
    streams = [sys.stdin, sys.stdout, sys.stderr]
    for stream in filter(None, streams[1:]):
        stream.flush()
    numbers = [os.open(os.devnull, os.O_RDWR) if stream is None else stream.fileno() for stream in streams]
    socket.send_fds(link, [_LENGTH.pack(len(data))], numbers)
    link.sendall(data)


def _answer(link: socket.socket) -> int:
    """Hands signals on, and waits for the exit code."""
    caught: list[int] = []

    def hand_on(number: int, _: object) -> None:
        caught.append(number)
        try:
            link.sendall(bytes([number]))
        except OSError:
            raise SystemExit(128 + number) from None
        if len(caught) >= INSIST:
            raise SystemExit(128 + number)

    before = {number: signal.signal(number, hand_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        answer = link.makefile("rb").readline()
    except OSError:
        answer = b""
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
    if answer.strip():
        return int(answer)
    sys.stderr.write("Error: The process that was kept warm is gone, and this command with it.\nGive it again.\n")
    return 128 + caught[-1] if caught else 1


def receive(link: socket.socket) -> tuple[Request, list[int]]:
    """A request, and the numbers of its streams.

    Raises:
        ValueError: it is none, or another installation's.
        OSError: it does not come in time.
    """
    end = time.monotonic() + PATIENCE
    link.settimeout(PATIENCE)
    head, streams, _, _ = socket.recv_fds(link, _LENGTH.size, 3)
    try:
        request = _read(link, head, len(streams), end)
    except (ValueError, TypeError, OSError, RecursionError) as error:
        for number in streams:
            os.close(number)
        raise error if isinstance(error, (ValueError, OSError)) else ValueError("this is no request") from error
    link.settimeout(None)
    return request, list(streams)


class OtherInstallationError(ValueError):
    """The request is of another version, or of another copy of the program."""


def _read(link: socket.socket, head: bytes, streams: int, end: float) -> Request:
    if len(head) < _LENGTH.size or streams != 3:
        raise ValueError("this is no request")
    (length,) = _LENGTH.unpack(head)
    if length > MOST:
        raise ValueError("the request is too long")
    request = Request(**json.loads(_exactly(link, length, end)))
    if request.identity != IDENTITY:
        raise OtherInstallationError(f"the request is of {request.identity}")
    return request


def _exactly(link: socket.socket, length: int, end: float) -> bytes:
    gathered = bytearray()
    while len(gathered) < length:
        link.settimeout(max(0.001, end - time.monotonic()))
        part = link.recv(length - len(gathered))
        if not part:
            raise ValueError("the request ends too early")
        gathered += part
    return bytes(gathered)


def start() -> None:
    """Starts a warm process for later command lines; it ends by itself when nobody needs it any more."""
    words = [sys.executable, "-P", "-m", "phosphene", "serve", "--quiet"]
    nothing = subprocess.DEVNULL
    begun = subprocess.Popen(words, stdin=nothing, stdout=nothing, stderr=nothing, cwd="/", start_new_session=True)
    begun.returncode = 0  # nobody waits for it
