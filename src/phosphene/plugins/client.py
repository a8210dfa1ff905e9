"""Starts the command `phosphene` for another program, and tells how far it is.

It runs in the Python of that program: it needs Python 3.8 and the standard library, and imports nothing of Phosphene.
"""

from __future__ import annotations

import json
import os
import signal
import struct
import subprocess
import sys
import threading
import zlib
from pathlib import Path
from typing import Any, Dict, List, Optional

HERE = Path(__file__).parent
WORDS = HERE / "command.json"  # the words that start the command, written when the plug-in is installed
_NO_WINDOW = getattr(subprocess, "CREATE_NO_WINDOW", 0)  # on Windows


class Failure(Exception):
    """The command could not be started, or said what is wrong."""


def command() -> List[str]:
    """The words that start the command."""
    if WORDS.is_file():
        found = json.loads(WORDS.read_text("utf-8"))
        return [str(word) for word in found]
    return ["phosphene"]


def _environment() -> "dict[str, str]":
    """That of this process, without what a program that brings its own Python sets for that."""
    own = ("PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "QT_PLUGIN_PATH")
    kept = {name: value for name, value in os.environ.items() if name not in own}
    return {**kept, "PHOSPHENE_PROGRESS": "json", "NO_COLOR": "1", "PYTHONUTF8": "1"}


def _started(words: List[str], **streams: Any) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(
            [*command(), *words],
            env=_environment(),
            encoding="utf-8",
            errors="replace",
            creationflags=_NO_WINDOW,
            **streams,
        )
    except OSError as error:
        raise Failure(f"Phosphene cannot be started: {error}.\nInstall it, and then: phosphene plugins") from error


def ask(*words: str) -> Any:
    """What a command answers in JSON, as `presets --json` does. Raises `Failure`: it does not."""
    process = _started([*words, "--json"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL)
    told, said = process.communicate()
    if process.returncode:
        raise Failure(_reason(said))
    return json.loads(told)


def _reason(said: str) -> str:
    lines = [line for line in said.splitlines() if line.strip() and not line.startswith("{")]
    return "\n".join(lines[-3:]).replace("Error: ", "") or "Phosphene ended without a word."


FLAGS = {"Dream": "--preset", "Style": "style --filter", "Guide": "--guide"}
"""What can be done, by the flag under which `phosphene looks` lists its looks."""

STRENGTHS = {"Dream": (0.2, 1.0, 5.0), "Style": (0.0, 0.5, 1.0), "Guide": (0.2, 1.0, 5.0)}
"""The least strength, the usual one and the most."""


def looks() -> Dict[str, List[str]]:
    """The names of looks by what can be done. Raises `Failure`: the program does not answer."""
    told = ask("looks")
    return {kind: [each["name"] for each in told if each["flag"] == flag] for kind, flag in FLAGS.items()}


def words(kind: str, look: str, strength: float, folder: Path, picture: Optional[str] = None) -> List[str]:
    """The command line for `in.png` of a folder, within its `mask.png` if there is one; it makes `out.png` there.

    Args:
        kind: Dream, Style or Guide.
        look: a name of `looks`.
        strength: how far.
        folder: where the files lie.
        picture: a guide or style of the painter's own, in place of the look.
    """
    source, mask, target = (str(folder / name) for name in ("in.png", "mask.png", "out.png"))
    *subcommand, flag = FLAGS[kind].split()
    named = [picture] if picture and kind == "Style" else [flag, (kind == "Guide" and picture) or look]
    asked = [*(subcommand or ["dream"]), source, *named, "--strength", f"{strength:.2f}"]
    within = ["--mask", mask] if Path(mask).exists() else []
    return [*asked, *within, "-o", target, "--force"]


def write_png(path: Path, width: int, height: int, channels: int, data: bytes) -> None:
    """Writes pixels of 8 bits, row by row, as a PNG: 1 channel is grey, 3 are red, green, blue, 4 have alpha, too."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    row = width * channels
    lines = b"".join(b"\0" + data[row * number : row * (number + 1)] for number in range(height))
    kind = {1: 0, 3: 2, 4: 6}[channels]
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(lines, 4)) + chunk(b"IEND", b""))


class Run:
    """A command that runs beside: `progress` is 0 to 1, `done` says whether it has ended.

    Args:
        words: of the command line, as `["dream", "in.png", "-o", "out.png"]`.
    """

    def __init__(self, words: List[str]) -> None:
        self.progress, self.cancelled = 0.0, False
        self._said: List[str] = []
        nothing = subprocess.DEVNULL
        self._process = _started(["--warm", *words], stdin=nothing, stdout=nothing, stderr=subprocess.PIPE)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self._process.stderr or ():
            try:
                self.progress = float(json.loads(line)["progress"])
            except (ValueError, KeyError, TypeError):
                self._said.append(line)

    @property
    def done(self) -> bool:
        """Whether it has ended."""
        return self._process.poll() is not None and not self._reader.is_alive()

    def cancel(self) -> None:
        """Ends it, if it runs; what there is of the picture is saved."""
        if self._process.poll() is not None:
            return
        self.cancelled = True
        if sys.platform == "win32":
            self._process.terminate()
        else:
            self._process.send_signal(signal.SIGINT)

    def wait(self, seconds: Optional[float] = None) -> None:
        """Waits until it has ended."""
        self._process.wait(seconds)
        self._reader.join()
        if self._process.stderr:
            self._process.stderr.close()

    @property
    def failure(self) -> Optional[str]:
        """What went wrong, once it has ended; `None` if nothing did, or if it was cancelled."""
        if self.cancelled or not self._process.returncode:
            return None
        return _reason("".join(self._said))
