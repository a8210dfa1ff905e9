"""Which pictures are meant by files, folders, globs, canvases and pipes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from phosphene.canvases import CANVASES, is_canvas
from phosphene.errors import ImageError, nearest
from phosphene.images import FORMATS
from phosphene.images.decoding import READABLE
from phosphene.images.sources import read_bytes

PIPE = "-"
_SUFFIXES = frozenset(suffix for suffixes in READABLE.values() for suffix in suffixes)
_OURS = re.compile(r"-(dream|style|redo\d*)\.[^.]+$")


@dataclass(frozen=True)
class Input:
    """A picture to dream upon.

    Attributes:
        name: a path, a canvas, or `-` for standard input.
        kind: which of them it is.
    """

    name: str
    kind: Literal["file", "canvas", "pipe"] = "file"

    @property
    def stem(self) -> str:
        """What the output's name begins with."""
        return {"file": Path(self.name).stem, "canvas": self.name, "pipe": "stdin"}[self.kind]

    @property
    def folder(self) -> Path:
        """Where its dream goes unless told otherwise."""
        return Path(self.name).parent if self.kind == "file" else Path()

    @property
    def extension(self) -> str:
        """Its own, if such files can be written; else png."""
        suffix = Path(self.name).suffix.lower() if self.kind == "file" else ""
        return suffix[1:] if suffix in FORMATS else "png"


def expand(names: Sequence[str]) -> tuple[list[Input], bool]:
    """The pictures that are meant, each once, and whether they are a batch: several, a folder's or a glob's.

    Raises:
        ImageError: no such picture, or no picture in a folder.
    """
    found: dict[tuple[str, str], Input] = {}
    many = False
    for name in names:
        inputs, group = _expanded(name)
        many |= group
        for each in inputs:
            key = str(Path(each.name).resolve()) if each.kind == "file" else each.name
            found.setdefault((each.kind, key), each)
    many |= len(found) > 1
    if not many:
        _check_there(next(iter(found.values())))
    return list(found.values()), many


def _expanded(name: str) -> tuple[list[Input], bool]:
    """The inputs that a word stands for, and whether it stands for a group."""
    path = Path(name)
    if name == PIPE:
        return [Input(name, "pipe")], False
    if path.is_dir() and path.suffix.lower() not in _SUFFIXES:
        return _pictures(path.iterdir(), f"{path} holds no picture"), True
    if not os.path.lexists(path) and glob.has_magic(name):
        return _pictures(map(Path, glob.glob(name, recursive=True)), f"No picture matches {name!r}"), True  # noqa: PTH207
    if is_canvas(name):
        return [Input(name, "canvas")], False
    return [Input(name)], False


def _pictures(paths: Iterable[Path], nothing: str) -> list[Input]:
    """The pictures among paths, sorted, without dreams: they would be dreamt upon again each time."""
    pictures = sorted(
        path
        for path in paths
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".") and not is_ours(path)
    )
    if not pictures:
        raise ImageError(f"{nothing}; dreams (…-dream.png) are not counted.\nRead are: {', '.join(sorted(_SUFFIXES))}.")
    return [Input(str(path)) for path in pictures]


def is_ours(path: Path) -> bool:
    """Whether a file is called as a dream is.

    >>> is_ours(Path("cat-dream.png")), is_ours(Path("cat.png"))
    (True, False)
    """
    return bool(_OURS.search(path.name))


def _check_there(source: Input) -> None:
    """Refuses a single picture that is not there, before a network is loaded for it."""
    path = Path(source.name)
    if source.kind != "file" or path.is_file():
        return
    if not os.path.lexists(path) and path.parent.is_dir():
        known = [*sorted(each.name for each in path.parent.iterdir()), *CANVASES]
        raise ImageError(f"There is no picture {source.name!r}.{nearest(path.name, known)}")
    if path.is_dir() or not path.exists():
        read_bytes(path)  # says why not
