"""The folder of a series: made, or taken if it holds the same of the same picture; anything else is left alone."""

import json
import re
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

from phosphene.errors import DISK_FULL, ImageError, RoomError
from phosphene.images.sources import bare_name
from phosphene.recipes.fields import Setting, Settings, described, flag

PAGE, PICTURES = "index.html", "pictures"


@dataclass(frozen=True)
class Shelf:
    """A kind of series, and how its folders are known.

    Attributes:
        kind: as people say it, such as `atlas`.
        file: in which a folder says what it holds.
    """

    kind: str
    file: str

    @property
    def mark(self) -> str:
        """The key of that file under which the version of its form stands."""
        return f"phosphene-{self.kind}"

    def claim(self, folder: Path, subject: str, *, force: bool) -> None:
        """Makes the folder, or takes one that holds such a series of the same picture, or nothing.

        Raises:
            ImageError: it holds something else, or cannot be made.
            RoomError: the disk is full.
        """
        if folder.exists():
            self._check(folder, subject, force=force)
        elif not folder.parent.is_dir():
            raise ImageError(f"There is no folder {folder.parent}.\nCreate it: mkdir -p {folder.parent}")
        try:
            (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise RoomError(f"The disk has no room for {folder}.\nFree some, or choose another disk.") from error
            raise ImageError(
                f"{folder} cannot be made: {error.strerror}.\nChoose another folder with -o, such as your home folder."
            ) from error

    def _check(self, folder: Path, subject: str, *, force: bool) -> None:
        if not folder.is_dir():
            raise ImageError(
                f"{folder} is a file, and is left alone.\nChoose another folder for the {self.kind} with -o."
            )
        if not any(folder.iterdir()):
            return
        known = self.facts_of(folder)
        if known is None:
            raise ImageError(
                f"{folder} exists already and holds no {self.kind}, so it is left alone.\n"
                "Choose another folder with -o."
            )
        of = str(known.get("subject"))
        if of != subject and not force:
            raise ImageError(
                f"{folder} holds the {self.kind} of {of!r}, not of {subject!r}.\n"
                "Choose another folder with -o, or replace it with --force."
            )

    def facts_of(self, folder: Path) -> dict[str, object] | None:
        """What a series says of itself; `None` if there is none in the folder."""
        try:
            known = json.loads((folder / self.file).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return known if isinstance(known, dict) and isinstance(known.get(self.mark), int) else None


# Command lines to copy: how a picture is named in them, its settings as flags, and how shells quote them


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
