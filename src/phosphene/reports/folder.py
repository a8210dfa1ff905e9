"""A report's folder, made or taken if it holds the same; and the command lines that a report shows."""

import json
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import jinja2
from markupsafe import Markup

from phosphene import images
from phosphene.errors import DISK_FULL, ImageError, OutOfSpaceError
from phosphene.images.sources import bare_name, check_folder
from phosphene.recipes.fields import Setting, Settings, described, flag
from phosphene.records.record import Facts

PAGE, PICTURES = "index.html", "pictures"
_SCHEMA = 1


@dataclass(frozen=True)
class ReportFolder:
    """A report's folder. It says in a JSON file what it holds; every file is written whole."""

    path: Path  # where it lies
    kind: str  # `atlas` or `study`

    @property
    def page(self) -> Path:
        """The report, to be opened in a browser."""
        return self.path / PAGE

    def claim(self, subject: str, *, force: bool, read: Iterable[str] = ()) -> None:
        """Makes the folder, or takes one that is empty or holds such a report of the same picture.

        Raises:
            ImageError: it holds something else, one of the files that are `read`, or cannot be made.
            OutOfSpaceError: the disk is full.
        """
        if self.path.exists():
            self._check(subject, force=force)
        else:
            check_folder(self.path.parent)
        inside = [name for name in read if Path(name).is_file() and self._holds(Path(name))]
        if inside:
            raise ImageError(
                f"{self.path} holds the input {inside[0]}, and is left alone.\nChoose another folder with -o."
            )
        try:
            (self.path / PICTURES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            if error.errno in DISK_FULL:
                raise OutOfSpaceError(
                    f"The disk has no room for {self.path}.\nFree some, or choose another disk."
                ) from error
            advice = "Choose another folder with -o, such as your home folder."
            raise ImageError(f"{self.path} cannot be made: {error.strerror}.\n{advice}") from error

    def _holds(self, file: Path) -> bool:
        root = self.path.resolve()
        return file.resolve().is_relative_to(root) and file.resolve().parent in (root, root / PICTURES)

    def _check(self, subject: str, *, force: bool) -> None:
        if not self.path.is_dir():
            raise ImageError(
                f"{self.path} is a file, and is left alone.\nChoose another folder for the {self.kind} with -o."
            )
        there = (path for path in self.path.rglob("*") if path.is_file() or path.is_symlink())
        if all(path.suffix == ".tmp" for path in there):
            return  # a report that was cut off before its first file leaves folders, and half a file
        known = self.facts()
        if known is None:
            raise ImageError(
                f"{self.path} exists already and holds no {self.kind}, so it is left alone.\n"
                "Choose another folder with -o."
            )
        of = str(known.get("subject"))
        if of != subject and not force:
            raise ImageError(
                f"{self.path} holds the {self.kind} of {of!r}, not of {subject!r}.\n"
                "Choose another folder with -o, or replace it with --force."
            )

    @property
    def facts_file(self) -> str:
        """The file in which the folder says what it holds."""
        return f"{self.kind}.json"

    @property
    def _mark(self) -> str:
        return f"phosphene-{self.kind}"

    def facts(self) -> Facts | None:
        """What the report says of itself; `None` if there is none in the folder."""
        try:
            known = json.loads((self.path / self.facts_file).read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return None
        return known if isinstance(known, dict) and isinstance(known.get(self._mark), int) else None

    def put_facts(self, facts: Facts) -> None:
        """Writes what the report says of itself."""
        self.put(self.facts_file, json.dumps({self._mark: _SCHEMA, **facts}, indent=1))

    def put(self, name: str, data: str | bytes) -> None:
        """Writes a file; `name` is relative to the folder."""
        # Names of pictures may hold bytes that are no text; a page has no place for them.
        data = data.encode("utf-8", "replace") if isinstance(data, str) else data
        images.write_atomically(self.path / name, data, overwrite=True)


# Command lines to copy: how a picture is named in them, its settings as flags, and how shells quote them

_PLAIN = re.compile(r"[\w.,:=@+/\\-]+", re.ASCII)


@dataclass(frozen=True)
class Subject:
    """The photograph or canvas as a command line names it."""

    name: str  # without folders
    width: int  # in full, pixels
    height: int  # in full, pixels
    painted: bool = False  # whether it is a canvas
    sized: bool = False  # whether a canvas has another size than canvases usually have

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


# The HTML of reports: pages open without a network, and can load nothing from elsewhere


_FRAME = jinja2.PackageLoader("phosphene.reports", "")


@cache
def _pages(package: str) -> jinja2.Environment:
    """Templates of a package, and ours. What is put into them is escaped; `part` gives the text of a file as it is."""
    loader = jinja2.ChoiceLoader([jinja2.PackageLoader(package, ""), _FRAME])
    made = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    made.globals["part"] = lambda name: Markup(loader.get_source(made, name)[0])
    return made


def render(package: str, **values: object) -> str:
    """The page of a package: its `page.html`, which extends our `frame.html`, with these values."""
    return _pages(package).get_template("page.html").render(values)
