"""Command lines to copy: how a picture is named in them, its settings as flags, and how shells quote them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from phosphene.images.sources import bare_name
from phosphene.recipes.fields import Setting, Settings, described, flag

_PLAIN = re.compile(r"[\w.,:=@+/\\-]+", re.ASCII)


@dataclass(frozen=True)
class Subject:
    """The photograph or canvas as a command line names it.

    Attributes:
        name: without folders.
        width: in full, pixels.
        height: in full, pixels.
        painted: whether it is a canvas.
        sized: whether a canvas has another size than canvases usually have.
    """

    name: str
    width: int
    height: int
    painted: bool = False
    sized: bool = False

    @property
    def word(self) -> str:
        """The first word of a command line, which is no command and no flag."""
        plain = self.painted or ("." in self.name and not self.name.startswith("-"))
        return self.name if plain else f"./{self.name}"

    def shrunk(self, side: int) -> tuple[int, int]:
        """Its width and height where the longer one is at most `side`."""
        scale = min(1.0, side / max(self.width, self.height))
        return max(1, round(self.width * scale)), max(1, round(self.height * scale))


def flags(settings: Settings, usual: Settings, names: Sequence[str]) -> list[str]:
    """The settings of these names that are not the usual ones, as flags.

    >>> from phosphene.recipes.settings import DreamSettings
    >>> flags(DreamSettings(octaves=3, guide=("a.jpg", "/b.jpg")), DreamSettings(), ("octaves", "steps", "guide"))
    ['--octaves', '3', '--guide', 'a.jpg', '--guide', 'b.jpg']
    """
    known = described(type(settings))
    changed = [name for name in names if getattr(settings, name) != getattr(usual, name)]
    return [word for name in changed for word in _words(known[name], getattr(settings, name))]


def _words(of: Setting, value: Any) -> Iterator[str]:
    """A flag with its value; nothing stands for `None`."""
    if isinstance(value, bool):
        yield flag(of.name if value else f"no_{of.name}")
    elif isinstance(value, tuple) and of.words > 1:
        yield from (flag(of.name), *map(without_folders, value))
    elif value is not None:
        for each in value if isinstance(value, tuple) else (value,):
            yield from (flag(of.name), without_folders(str(each)))


def without_folders(name: str) -> str:
    """A name, or a file: where it lies is its owner's affair, unless it lies below the current folder."""
    absolute = PurePosixPath(name).is_absolute() or PureWindowsPath(name).drive or name.startswith(("~", "\\"))
    return bare_name(name) if absolute else name


def posix(words: Sequence[str]) -> str:
    """A line for the shells of Linux and macOS."""
    return shlex.join(words)


def windows(words: Sequence[str]) -> str:
    """A line for Windows, in double quotes, which both its shells understand."""
    return " ".join(word if _PLAIN.fullmatch(word) else '"' + word.replace('"', '\\"') + '"' for word in words)
