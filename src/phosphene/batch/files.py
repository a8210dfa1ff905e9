"""Which pictures are meant by files, folders, globs, canvases and pipes."""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, count
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from phosphene.errors import WINDOWS, ImageError, PhospheneError, SettingsError, UnknownNameError, in_words, nearest
from phosphene.images import FORMATS, format_of, name_of
from phosphene.images.filetypes import SUFFIXES, begins_a_picture
from phosphene.images.sources import read_bytes, refuse
from phosphene.names import CANVASES
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings, described
from phosphene.records.journal import SUFFIX, folder_of
from phosphene.records.record import Facts
from phosphene.techniques import DREAM, TECHNIQUES, Technique

PIPE = "-"
_UNFIT = re.compile(r"[^\w.+-]+")  # what is left out of a name that is made of words
_LONGEST = 60  # letters of such a name
_RESERVED = re.compile(
    r"^(?:con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\.|$)|[^. ][. ]+$|[<>\"|?*\0-\x1f]", re.IGNORECASE
)
_KINDS = 8  # kinds of files that are left out and told of one by one
_REPORTS = ("-atlas", "-study", SUFFIX)  # ends of the names of folders that hold what was made


@dataclass(frozen=True)
class Input:
    """What a picture is made of."""

    name: str  # a path, a canvas, `-` for standard input, or words
    kind: Literal["file", "canvas", "pipe", "words"] = "file"  # which of them it is
    below: Path = Path()  # the folders between one that was named and the file, where subfolders are looked through
    refusal: PhospheneError | None = None  # why no picture can be made of it, where that is known before

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
    def suffix(self) -> str:
        """Its own, without the point."""
        return Path(self.name).suffix.lower()[1:] if self.kind == "file" else ""

    @property
    def extension(self) -> str:
        """Its own, if such files can be written; else png."""
        suffix = Path(self.name).suffix.lower() if self.kind == "file" else ""
        return suffix[1:] if suffix in FORMATS else "png"


def expand(
    names: Sequence[str], *, recursive: bool = False, others: Counter[str] | None = None
) -> tuple[list[Input], bool]:
    """The pictures that are meant, each once, and whether they are a batch: several, a folder's or a glob's.

    Args:
        names: files, folders, globs, canvases, `-`.
        recursive: whether folders are looked through with all below them.
        others: is told of the files that are no pictures: how many of which kind.

    Raises:
        ImageError: no such picture, or no picture in a folder. Of several names that one alone is refused.
    """
    found: dict[tuple[str, str], Input] = {}
    many, others = False, Counter() if others is None else others
    for name in names:
        try:
            inputs, group = _expanded(name, recursive, others)
        except (PhospheneError, OSError, ValueError) as error:
            if len(names) == 1:
                raise in_words(error) from error
            inputs, group = [Input(name, refusal=in_words(error))], True
        many |= group
        for each in inputs:
            key = os.path.realpath(each.name) if each.kind == "file" else each.name
            found.setdefault((each.kind, key), each)
    first, *more = found.values()
    if not (many or more) and first.kind == "file" and (Path(first.name).is_dir() or not Path(first.name).exists()):
        read_bytes(first.name, also=CANVASES)  # says why not, before a network is loaded for it
    return [first, *more], many or bool(more)


def _expanded(name: str, recursive: bool, others: Counter[str]) -> tuple[list[Input], bool]:
    """The inputs that a word stands for, and whether it stands for a group."""
    path = Path(name)
    if not name.strip():
        raise ImageError(f"The name of a picture is empty: {name!r}. Name a picture, a folder, or a canvas.")
    if name == PIPE:
        return [Input(name, "pipe")], False
    if path.is_dir() and path.suffix.lower() not in SUFFIXES:
        found = _below(path) if recursive else path.iterdir()
        inputs = _pictures(found, f"{path} holds no picture", others)
        return [replace(each, below=Path(each.name).parent.relative_to(path)) for each in inputs], True
    if not os.path.lexists(path) and glob.has_magic(name):
        matches = map(Path, glob.glob(name, recursive=True))  # noqa: PTH207
        return _pictures(matches, f"No picture matches {name!r}", others), True
    if is_canvas(name):
        return [Input(name, "canvas")], False
    return [Input(name)], False


def _below(folder: Path) -> Iterator[Path]:
    """The files of a folder and of those below it, without hidden ones and without reports."""
    for path, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".") and not name.endswith(_REPORTS))
        yield from (Path(path) / name for name in files)


def _pictures(paths: Iterable[Path], nothing: str, others: Counter[str]) -> list[Input]:
    """The pictures among paths, sorted, without what was made here: it would be worked on again each time."""
    files = [path for path in paths if not path.name.startswith(".") and not is_ours(path) and _is_file(path)]
    pictures = sorted(path for path in files if is_picture(path))
    others.update(path.suffix.lower() for path in set(files) - set(pictures))
    if not pictures:
        made = ", ".join(f"…-{name}.png" for name in TECHNIQUES)
        raise ImageError(
            f"{nothing}; what was made of others ({made}) is not counted. {in_kinds(others)}\n"
            f"Supported: {', '.join(sorted(SUFFIXES))}."
        )
    return [Input(str(path)) for path in pictures]


def _is_file(path: Path) -> bool:
    """Whether it is a file, or a link that leads nowhere, which is told of when it is opened."""
    try:
        return path.is_file() or (path.is_symlink() and not path.exists())
    except OSError:
        return True


def is_picture(path: Path) -> bool:
    """Whether a file is taken for a picture: by its suffix; where that says nothing, by its first bytes."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES:
        return True
    try:
        with path.open("rb") as file:
            return begins_a_picture(file.read(32))
    except OSError:
        return False


def in_kinds(others: Mapping[str, int]) -> str:
    """The files that are no pictures, in words.

    >>> in_kinds({".heic": 3, "": 1})
    'Left out: 3 of HEIC, 1 without a suffix.'
    """
    told = [f"{count} of {kind[1:].upper()}" if kind else f"{count} without a suffix" for kind, count in _first(others)]
    return f"Left out: {', '.join(told)}." if told else ""


def _first(others: Mapping[str, int]) -> list[tuple[str, int]]:
    """The kinds of which there are most; all the others are one, called other kinds."""
    kinds = sorted(others.items(), key=lambda each: (not each[0], -each[1], each[0]))
    if len(kinds) <= _KINDS:
        return kinds
    return [*kinds[:_KINDS], (".other kinds", sum(count for _, count in kinds[_KINDS:]))]


def is_ours(path: Path) -> bool:
    """Whether a file is called as pictures that are made here are.

    >>> is_ours(Path("cat-dream.png")), is_ours(Path("cat-dream-2.png")), is_ours(Path("cat.png"))
    (True, True, False)
    """
    return bool(re.search(rf"-({'|'.join(TECHNIQUES)}|redo\d*)(-\d+)?\.[^.]+$", path.name))


# Where dreams go: names beside the inputs, folders, templates; and what stands in their way

_UNFIT_FOR_FILES = re.compile(r'[\\/:*?"<>|\s]+')  # what a file name should not hold, on any system


def target(source: Input, output: str | None, facts: Mapping[str, object], technique: Technique = DREAM) -> Path | None:
    """Where a picture goes; in a folder, below the folders that the source lies below.

    Raises:
        UnknownNameError: a template names what is not known.
        SettingsError: a template is malformed.

    >>> print(target(Input("clouds", "canvas"), "{stem}_{seed}.{ext}", {"seed": 7}))
    clouds_7.png
    """
    if output == PIPE:
        return None
    if output is not None and not output.strip():
        raise SettingsError(f"-o is empty: {output!r}. Name a file or a folder, or leave it out.")
    usual = f"{source.stem}-{technique.name}.png"
    if output is None:
        return source.folder / usual
    if "{" in output or "}" in output:
        own = {"stem": source.stem, "ext": source.extension, "suffix": source.suffix, "folder": source.below.as_posix()}
        return Path(_filled(output, {**facts, **own}))
    return Path(output) / source.below / usual if is_folder(output) else Path(output)


def is_folder(output: str) -> bool:
    """Whether `-o` names a folder; one called x.png is more likely a slip than a wish."""
    path = Path(output)
    return output.endswith(("/", os.sep)) or (path.is_dir() and path.suffix.lower() not in FORMATS)


def make_folder(output: str, path: Path) -> None:
    """Makes a picture's folder if `-o` names it, by a slash at its end or before a template, in one that is there."""
    before, brace, _ = output.partition("{")
    named = Path(before) if before.endswith(("/", os.sep)) else Path(before).parent if brace else None
    if path.parent == named and not named.exists() and named.parent.is_dir():
        named.mkdir()


def facts(settings: Settings, looks: Mapping[str, str | None]) -> Facts:
    """What a template may name, fit for file names: the settings, and by which looks they were chosen."""
    known = described(type(settings))
    values = {name: _short(value, known[name].holds) for name, value in settings.to_dict().items()}
    if looks:
        recipe = looks.get("recipe") or "phosphene"
        values |= {"recipe": recipe, "preset": looks.get("preset") or recipe}
    return {key: _UNFIT_FOR_FILES.sub("-", value) if isinstance(value, str) else value for key, value in values.items()}


def _short(value: Any, holds: str) -> Any:
    """A setting's value as part of a name: of files their stems, of several one after the other."""
    if value is None and holds == "layer":
        return "default"
    if isinstance(value, list):
        return "+".join(Path(name_of(str(each))).stem for each in value)
    return Path(value).stem if holds == "model" else value


def _filled(template: str, facts: Mapping[str, object]) -> str:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
        for field in fields:
            if field not in facts:
                known = ("stem", "suffix", "ext", "number", "folder", "preset", "recipe")
                names = ", ".join(f"{{{name}}}" for name in known if name in facts)
                raise UnknownNameError(
                    f"{{{field}}} in {template!r} is unknown.{nearest(field, facts)}"
                    f" There are {names} and the settings, as {{layer}}, {{seed}}."
                )
        return template.format_map(facts)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise SettingsError(
            f"The template {template!r} cannot be read: {error}.\n"
            "Write it as {stem}_{seed}.png, and a brace as {{."
        ) from error


def check(output: Path, *, force: bool) -> None:
    """Refuses what could not be written, so that no minutes are lost.

    Raises:
        ImageError: the file exists already, is a folder or a device, has an unknown suffix, or its folder is not there
            or not to be written.
    """
    if WINDOWS and (bad := next((part for part in output.parts if _RESERVED.search(part)), None)):
        raise ImageError(f"{output}: Windows takes no file called {bad!r}.\nChoose another name with -o.")
    refuse(output, overwrite=True)
    format_of(output)
    if output.exists() and not force and not begun(output):
        raise ImageError(
            f"{output} exists already, and is left alone.\nReplace it with --force, or choose another name with -o."
        )
    if not os.access(output.parent, os.W_OK):
        raise ImageError(f"You may not write into {output.parent}.\nChoose another folder with -o.")


def begun(output: Path | None) -> bool:
    """Whether a run that writes this file was begun and stopped."""
    return output is not None and folder_of(output).is_dir()


def numbered(path: Path) -> Iterator[Path]:
    """The name itself, and then further ones: `cat-dream.png`, `cat-dream-2.png`, …"""
    yield path
    yield from (path.with_name(f"{path.stem}-{number}{path.suffix}") for number in count(2))


def again(path: Path, suffix: str | None = None) -> Path:
    """A free name, or one that was begun, for a dream made again: `cat-dream-redo.png`, `cat-dream-redo2.png`, …"""
    if suffix is None:
        suffix = path.suffix if path.suffix.lower() in FORMATS else ".png"
    names = (path.with_name(f"{path.stem}-redo{number}{suffix}") for number in chain([""], count(2)))
    return next(name for name in names if begun(name) or not name.exists())
