"""The command line that makes a picture of an atlas, at its own size or in full."""

from __future__ import annotations

import math
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath, PureWindowsPath

from phosphene.images.sources import bare_name
from phosphene.recipes.fields import flag
from phosphene.recipes.settings import DreamSettings
from phosphene.series.atlas.plan import FIELDS

_PLAIN = re.compile(r"[\w.,:=@+/\\-]+", re.ASCII)


@dataclass(frozen=True)
class Subject:
    """The photograph or canvas of an atlas, as a command line names it.

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


def in_full(subject: Subject, settings: DreamSettings, side: int) -> list[str]:
    """The words that dream the subject at its full size, as it was dreamt at a long side of `side` pixels.

    It begins as small as that dream began, so that what is large in the one is large in the other.
    """
    enlarged = max(subject.width, subject.height) / min(side, max(subject.width, subject.height))
    more = round(math.log(enlarged) / math.log(settings.octave_scale))
    size = ["--size", f"{subject.width}x{subject.height}"] if subject.sized else []
    return _words(subject, size, replace(settings, octaves=min(32, settings.octaves + more)))


def as_shown(subject: Subject, settings: DreamSettings, side: int) -> list[str]:
    """The words that make exactly the picture with a long side of `side` pixels."""
    if subject.painted:
        width, height = subject.shrunk(side)
        return _words(subject, ["--size", f"{width}x{height}"], settings)
    return _words(subject, ["--long-side", str(side)], settings)


def _words(subject: Subject, size: Sequence[str], settings: DreamSettings) -> list[str]:
    what = ["--layer", str(settings.layer)]
    if settings.channel is not None:
        what += ["--channel", str(settings.channel)]
    return ["phosphene", subject.word, *what, *size, *_others(settings)]


def _others(settings: DreamSettings) -> list[str]:
    """The settings that are not the defaults, as flags."""
    usual, words = DreamSettings(), list[str]()
    for name in FIELDS:
        value = getattr(settings, name)
        if value != getattr(usual, name):
            words += [flag(name), _without_folders(value) if name in ("model", "weights") else str(value)]
    return words


def _without_folders(model: str) -> str:
    """A network's name or file: where it lies is its owner's affair, unless it lies below the current folder."""
    absolute = PurePosixPath(model).is_absolute() or PureWindowsPath(model).drive or model.startswith(("~", "\\"))
    return bare_name(model) if absolute else model


def posix(words: Sequence[str]) -> str:
    """A line for the shells of Linux and macOS."""
    return shlex.join(words)


def windows(words: Sequence[str]) -> str:
    """A line for Windows, in double quotes, which both its shells understand."""
    return " ".join(word if _PLAIN.fullmatch(word) else '"' + word.replace('"', '\\"') + '"' for word in words)
