"""Which pictures are meant by files, folders, globs, canvases and pipes."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from phosphene.errors import ImageError, nearest
from phosphene.images import FORMATS
from phosphene.images.decoding import READABLE
from phosphene.images.sources import read_bytes
from phosphene.pixels.canvases import CANVASES, is_canvas
from phosphene.records.journal import SUFFIX
from phosphene.techniques import TECHNIQUES

PIPE = "-"
_SUFFIXES = frozenset(suffix for suffixes in READABLE.values() for suffix in suffixes)
_UNFIT = re.compile(r"[^\w.+-]+")  # what is left out of a name that is made of words
_LONGEST = 60  # letters of such a name
_REPORTS = ("-atlas", "-study", SUFFIX)  # ends of the names of folders that hold what was made


@dataclass(frozen=True)
class Input:
    """What a picture is made of.

    Attributes:
        name: a path, a canvas, `-` for standard input, or words.
        kind: which of them it is.
        below: the folders between one that was named and the file, where subfolders are looked through.
    """

    name: str
    kind: Literal["file", "canvas", "pipe", "words"] = "file"
    below: Path = Path()

    @property
    def stem(self) -> str:
        """What the output's name begins with."""
        if self.kind == "words":
            return _UNFIT.sub("-", self.name).strip("-")[:_LONGEST]
        return {"file": Path(self.name).stem, "canvas": self.name, "pipe": "stdin"}[self.kind]

    @property
    def folder(self) -> Path:
        """Where its picture goes unless told otherwise."""
        return Path(self.name).parent if self.kind == "file" else Path()

    @property
    def extension(self) -> str:
        """Its own, if such files can be written; else png."""
        suffix = Path(self.name).suffix.lower() if self.kind == "file" else ""
        return suffix[1:] if suffix in FORMATS else "png"


def expand(names: Sequence[str], *, recursive: bool = False) -> tuple[list[Input], bool]:
    """The pictures that are meant, each once, and whether they are a batch: several, a folder's or a glob's.

    Args:
        names: files, folders, globs, canvases, `-`.
        recursive: whether folders are looked through with all below them.

    Raises:
        ImageError: no such picture, or no picture in a folder.
    """
    found: dict[tuple[str, str], Input] = {}
    many = False
    for name in names:
        inputs, group = _expanded(name, recursive)
        many |= group
        for each in inputs:
            key = str(Path(each.name).resolve()) if each.kind == "file" else each.name
            found.setdefault((each.kind, key), each)
    many |= len(found) > 1
    if not many:
        _check_there(next(iter(found.values())))
    return list(found.values()), many


def _expanded(name: str, recursive: bool) -> tuple[list[Input], bool]:
    """The inputs that a word stands for, and whether it stands for a group."""
    path = Path(name)
    if name == PIPE:
        return [Input(name, "pipe")], False
    if path.is_dir() and path.suffix.lower() not in _SUFFIXES:
        found = _below(path) if recursive else path.iterdir()
        inputs = _pictures(found, f"{path} holds no picture")
        return [replace(each, below=Path(each.name).parent.relative_to(path)) for each in inputs], True
    if not os.path.lexists(path) and glob.has_magic(name):
        return _pictures(map(Path, glob.glob(name, recursive=True)), f"No picture matches {name!r}"), True  # noqa: PTH207
    if is_canvas(name):
        return [Input(name, "canvas")], False
    return [Input(name)], False


def _below(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those below it, without hidden ones and without reports."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not name.endswith(_REPORTS))
        yield from (Path(path) / name for name in files)


def _pictures(paths: Iterable[Path], nothing: str) -> list[Input]:
    """The pictures among paths, sorted, without what was made here: it would be worked on again each time."""
    pictures = sorted(
        path
        for path in paths
        if path.suffix.lower() in _SUFFIXES and path.is_file() and not path.name.startswith(".") and not is_ours(path)
    )
    if not pictures:
        made = ", ".join(f"…-{name}.png" for name in TECHNIQUES)
        raise ImageError(
            f"{nothing}; what was made of others ({made}) is not counted.\nRead are: {', '.join(sorted(_SUFFIXES))}."
        )
    return [Input(str(path)) for path in pictures]


def is_ours(path: Path) -> bool:
    """Whether a file is called as pictures that are made here are.

    >>> is_ours(Path("cat-dream.png")), is_ours(Path("cat.png"))
    (True, False)
    """
    return bool(re.search(rf"-({'|'.join(TECHNIQUES)}|redo\d*)\.[^.]+$", path.name))


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
