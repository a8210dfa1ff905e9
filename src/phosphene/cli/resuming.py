"""The command of a stopped run: kept in its journal, and given again where the journal lies now.

A journal is data, and may be a stranger's. The command of one that this user's own program wrote is given again as it
was typed; of any other, all that it names must lie in the folder of the picture, or beneath it.
"""

import contextlib
import glob
import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path, PureWindowsPath
from typing import NoReturn

import click

from phosphene.cli import configuration
from phosphene.errors import RecordError, in_shell
from phosphene.recipes.fields import ValueDict
from phosphene.techniques import TECHNIQUES

RESUMED = "phosphene.resumed"  # in click's context: the picture that a resumed command is to write
BEGIN_ANEW = ("--force",)  # what a run that is resumed must not be told again
_COMMANDS = ("redo", "film", "zoom")  # that leave journals, beside the techniques'
_ELSEWHERE = ("--scheduler",)  # what reaches other machines
_PRIVATE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
PART = re.compile(r"[^=,()@\"']+")  # of a word, as of `mask.png=guide(block5, "a.jpg") @ 2`


def key_file() -> Path:
    """Where the key lies by which a user's own journals are known."""
    from platformdirs import user_data_path

    return user_data_path("phosphene") / "journal.key"


def facts(output: Path, arguments: Sequence[str]) -> ValueDict:
    """What a journal keeps of the command line that writes `output`: what was typed, where, and where it lies."""
    places = dict.fromkeys((str(output.parent.absolute()), str(output.parent.resolve())))
    known = {"arguments": list(map(str, arguments)), "folder": str(Path.cwd()), "places": list(places)}
    return known | {"signature": _signature(known)}


def command(found: object, picture: Path) -> tuple[Path, list[str]]:
    """The folder and the words of a stopped command, as they are where the picture's journal lies now.

    Args:
        found: what the journal keeps of its command.
        picture: the output of the run.

    Raises:
        RecordError: there is no such command any more, or it is a stranger's and names what lies elsewhere.
    """
    kept = found if isinstance(found, dict) else {}
    arguments, folder = kept.get("arguments"), str(kept.get("folder", ""))
    if not isinstance(arguments, list) or not folder:
        raise RecordError(f"The journal of {picture} does not say how it was begun. Give the same command again.")
    words = [str(word) for word in arguments if word not in BEGIN_ANEW]
    places = kept.get("places") or [_place(words, folder, picture)]
    move = _Move(tuple(words), folder, tuple(map(str, places)), picture.resolve().parent)
    here, moved = move.here, [move.word(word) for word in words]
    signed = {name: kept.get(name) for name in ("arguments", "folder", "places")}
    own = kept.get("signature")
    if not own or not isinstance(own, str) or not hmac.compare_digest(own.encode(), _signature(signed).encode()):
        _refuse_elsewhere(moved, here, picture)
    if not here.is_dir():
        raise RecordError(
            f"The folder {here}, where the run of {picture} was begun, is gone. Give the same command again."
        )
    return here, moved


def check(outputs: Iterable[Path | None]) -> None:
    """Refuses a resumed command that writes other files than the picture that is resumed.

    Raises:
        RecordError: the picture that was to be written is not among them.
    """
    picture = click.get_current_context().find_root().meta.get(RESUMED)
    written = [output for output in outputs if output]
    if picture is not None and picture not in {output.resolve() for output in written}:
        where = f"it would write {written[0]}" if written else "it writes no file"
        raise RecordError(
            f"The journal of {picture} was begun by a command that writes another file: {where}.\n"
            "Give the command again where the picture lies now."
        )


def _signature(known: ValueDict) -> str:
    """What only this user's program can write under a command; empty where no key can be kept."""
    try:
        key = _key(key_file())
    except (OSError, RuntimeError):  # no home, or nothing may be written there
        return ""
    return hmac.new(key, json.dumps(known, sort_keys=True).encode(), hashlib.sha256).hexdigest()


def _key(path: Path) -> bytes:
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError), os.fdopen(os.open(path, _PRIVATE, 0o600), "wb") as file:
            file.write(secrets.token_bytes(32))
    if len(key := path.read_bytes()) != 32:
        raise OSError("the key is damaged")
    return key


# A command that was begun elsewhere: its folder was moved, or copied


@dataclass(frozen=True)
class _Move:
    """From where a run's output lay to where it lies now."""

    words: tuple[str, ...]  # as they were typed
    begun: str  # where they were typed
    places: tuple[str, ...]  # the output's folder as it was: as it was typed, and resolved
    now: Path  # the output's folder, resolved

    @cached_property
    def here(self) -> Path:
        """Where the command is to be given: where it was, or there as it lies now, if all is there that was named."""
        old = Path(self.begun)
        for new in map(Path, self._moved(self.begun)):
            lost = (word for word in self.words if os.path.lexists(old / word) and not os.path.lexists(new / word))
            if new.is_dir() and next(lost, None) is None:
                return new
        return old

    def word(self, word: str) -> str:
        """A word of the command, whose paths lead to where their files lie now."""
        whole = self._path(word)
        return whole if whole != word else PART.sub(lambda at: self._path(at[0]), word)

    def _path(self, part: str) -> str:
        """A part of a word: if it is a path to what was moved, the path to where that is."""
        text = part.strip()
        old = os.path.normpath(Path(self.begun, text))
        a_path = "/" in text or os.sep in text or os.path.lexists(self.here / text)
        if not text or text.startswith("-") or not a_path:
            return part
        for new in self._moved(old):
            if Path(new).is_relative_to(self.now) or os.path.lexists(new):
                ends = os.sep if text.endswith(("/", os.sep)) else ""
                same = os.path.normpath(self.here / text) == new
                return part if same else part.replace(text, new + ends)
        return part

    def _moved(self, old: str) -> Iterator[str]:
        """Where a path may lead now, which led into a folder that was moved: with the outermost such folder first."""
        for place in () if str(self.now) in self.places else map(Path, self.places):
            before, after = place, self.now
            pairs = [(before, after)]
            while before.name == after.name and before != before.parent and after != after.parent:
                before, after = before.parent, after.parent
                pairs.append((before, after))
            yield from (
                str(after / Path(old).relative_to(before))
                for before, after in reversed(pairs)
                if before != before.parent and Path(old).is_relative_to(before)
            )


def _place(words: Sequence[str], folder: str, picture: Path) -> str:
    """The output's folder, as far as a journal of an earlier version tells it: that of a word which is called so."""
    for word in words:
        stem = Path(word).stem
        if Path(word).name == picture.name or (stem and picture.name.startswith(f"{stem}-")):
            return os.path.normpath(Path(folder, word).parent)
    return folder


# A command that nobody of here is known to have typed


def _refuse_elsewhere(words: Sequence[str], here: Path, picture: Path) -> None:
    """Refuses the command of a stranger's journal that names what lies elsewhere than in the picture's folder."""
    root = picture.resolve().parent
    known = [*TECHNIQUES, *_COMMANDS]
    if not words or words[0] not in known:
        _refuse(" ".join(words[:1]), words, picture)
    for word in [*words[1:], *_configured(words, here, root)]:
        parts = (word, *PART.findall(word))
        if word.startswith(_ELSEWHERE) or not all(_lies_below(part, here, root) for part in parts):
            _refuse(word, words, picture)


def _configured(words: Sequence[str], here: Path, root: Path) -> list[str]:
    """The texts in the settings files that a command names, as far as these lie below."""
    named = [*_given("--config", words), *(name for name in _given("--like", words) if name.lower().endswith(".toml"))]
    files = [here / name for name in named if _lies_below(name, here, root)]
    return [text for path in files for text in _texts(configuration.toml(path))]


def _given(flag: str, words: Sequence[str]) -> list[str]:
    """The words that a command gives to a flag."""
    named = [word.removeprefix(f"{flag}=") for word in words if word.startswith(f"{flag}=")]
    return named + [name for word, name in pairwise(words) if word == flag]


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _texts(each)


def _refuse(word: str, words: Sequence[str], picture: Path) -> NoReturn:
    raise RecordError(
        f"The journal of {picture} was not written here by you, and names {word!r}, which lies elsewhere than the"
        f" picture.\nIf you trust it, give the command yourself: {in_shell('phosphene', *words)}"
    )


def _lies_below(part: str, here: Path, root: Path) -> bool:
    """Whether a part of a word is no path, or one to what lies in a folder or beneath it, as do all links there."""
    text = part.strip()
    path = here / text
    outward = PureWindowsPath(text).drive or "\\" in text or "\0" in text
    try:
        if outward or (glob.has_magic(text) and not here.resolve().is_relative_to(root)):
            return False
        if not (Path(text).is_absolute() or ".." in path.parts or os.path.lexists(path)) or not text:
            return True
        found = path.resolve()
        links = (each for each in found.rglob("*") if each.is_symlink()) if found.is_dir() else ()
        return all(each.resolve().is_relative_to(root) for each in (found, *links))
    except (OSError, ValueError, RuntimeError):
        return False
