"""Who opens what: an audit hook in the process, and the system's own word (inotify), which no library passes by."""

from __future__ import annotations

import ctypes
import json
import os
import struct
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

TOLD = 200  # letters of each argument that a report holds
_READS = ("open", "os.listdir", "os.scandir")
_WRITES = ("os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "os.chown",
           "os.truncate", "os.utime", "shutil.rmtree", "shutil.move", "shutil.copyfile")  # fmt: skip
_NEVER = ("socket.connect", "socket.bind", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto",
          "subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.forkpty",
          "pty.spawn", "pickle.find_class", "webbrowser.open", "urllib.Request", "http.client.connect",
          "ftplib.connect", "sqlite3.connect")  # fmt: skip
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_SYSTEM = ("/usr", "/lib", "/lib64", "/proc", "/sys", "/etc/ld.so.cache", "/etc/localtime", "/etc/mime.types",
           "/etc/fonts", "/dev/null", "/dev/urandom", "/dev/random")  # fmt: skip


@dataclass(frozen=True)
class Watch:
    """An audit hook, as a function that a process calls first."""

    report: Path  # where it writes what is not allowed, a line each
    folders: Sequence[str]  # in which files may be read and written

    def __call__(self) -> None:
        """Begins to watch; there is no way to end it."""
        line = os.open(self.report, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        written = [os.path.realpath(each) for each in self.folders]
        read = [*written, *_SYSTEM, *map(os.path.realpath, _of_python())]

        def hook(event: str, arguments: tuple[object, ...]) -> None:
            if (wrong := _wrong(event, arguments, read, written)) is not None:
                os.write(line, json.dumps({"event": event, "what": wrong[:TOLD]}).encode() + b"\n")

        sys.addaudithook(hook)


def _of_python() -> list[str]:
    """Where Python, its packages and the program itself lie."""
    import phosphene

    places = [sys.prefix, sys.base_prefix, str(Path(phosphene.__file__).parent), str(Path(__file__).parents[1])]
    return [*places, *filter(None, sys.path)]


def _wrong(event: str, arguments: tuple[object, ...], read: Sequence[str], written: Sequence[str]) -> str | None:
    """What is not allowed about an event."""
    if event in _NEVER:
        return repr(arguments)
    if event == "open":
        flags = arguments[2] if isinstance(arguments[2], int) else 0
        return _outside(arguments[:1], written if flags & _WRITING else read)
    if event in _READS:
        return _outside(arguments[:1] if arguments[0] is not None else ("",), read)
    if event in ("os.remove", "os.rmdir") and isinstance(arguments[1], int) and arguments[1] >= 0:
        folder = Path(f"/proc/self/fd/{arguments[1]}").readlink()
        return _outside((str(folder / os.fsdecode(arguments[0])),), written)  # type: ignore[arg-type]
    if event in _WRITES:
        return _outside(arguments[:2], written)
    if event in ("exec", "compile"):
        source = arguments[0] if event == "exec" else arguments[1]
        name = getattr(source, "co_filename", source)
        return _outside((name,), _without(read, written)) if isinstance(name, str) and _is_path(name) else None
    if event == "import" and isinstance(arguments[1], str):
        return _outside(arguments[1:2], _without(read, written))
    return None


def _is_path(name: str) -> bool:
    """Whether code can lie there: compiled libraries call theirs by names of files that are not here."""
    return Path(name).exists() and not name.startswith("<") and ("/" in name or name.endswith(".py"))


def _without(read: Sequence[str], written: Sequence[str]) -> list[str]:
    """Where code may lie: not among what strangers send."""
    return [each for each in read if each not in written]


def _outside(paths: Sequence[object], folders: Sequence[str]) -> str | None:
    """The first path that is in none of the folders, wherever links lead."""
    for path in paths:
        if not isinstance(path, (str, bytes)):
            continue
        place = os.path.realpath(os.fsdecode(path))
        if "\0" not in place and not any(place == each or place.startswith(each + os.sep) for each in folders):
            return place
    return None


# The system's word


_OPEN, _MODIFY, _CREATE, _DELETE, _MOVED, _IS_FOLDER = 0x20, 0x2, 0x100, 0x200, 0xC0, 0x40000000
_EVENT = struct.Struct("iIII")


class Secrets:
    """Watches folders whose files nobody may open; on systems without inotify it sees nothing."""

    def __init__(self, *folders: Path) -> None:
        self.works, self._names = sys.platform == "linux", dict[int, Path]()
        if not self.works:
            return
        self._system = ctypes.CDLL(None, use_errno=True)
        self._descriptor = self._system.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        self.works = self._descriptor >= 0
        for folder in folders:
            mask = _OPEN | _MODIFY | _CREATE | _DELETE | _MOVED
            self._names[self._system.inotify_add_watch(self._descriptor, os.fsencode(folder), mask)] = folder

    def opened(self) -> list[str]:
        """What was opened or changed there since this was last asked; that a folder was listed does not count."""
        return list(dict.fromkeys(self._events())) if self.works else []

    def _events(self) -> Iterator[str]:
        while True:
            try:
                data = os.read(self._descriptor, 65536)
            except BlockingIOError:
                return
            at = 0
            while at < len(data):
                watched, mask, _, length = _EVENT.unpack_from(data, at)
                name = data[at + _EVENT.size : at + _EVENT.size + length].rstrip(b"\0")
                at += _EVENT.size + length
                if not mask & _IS_FOLDER or mask & (_CREATE | _DELETE | _MOVED):
                    yield str(self._names[watched] / os.fsdecode(name))

    def close(self) -> None:
        """Ends it."""
        if self.works:
            os.close(self._descriptor)
