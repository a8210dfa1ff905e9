"""Starts the command `phosphene` for another program, and tells how far it is.

It runs in the Python of that program: it needs Python 3.8 and the standard library, and imports nothing of Phosphene.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, List, Optional

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
    return {**kept, "PHOSPHENE_PROGRESS": "json", "NO_COLOR": "1"}


def _started(words: List[str], **streams: Any) -> "subprocess.Popen[str]":
    try:
        return subprocess.Popen(
            [*command(), *words], env=_environment(), text=True, encoding="utf-8", creationflags=_NO_WINDOW, **streams
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
        """Ends it; what there is of the picture is saved."""
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
