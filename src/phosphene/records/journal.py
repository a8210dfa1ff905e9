"""What a run has done so far, kept in a folder beside its output, so that a run that stopped goes on.

The folder holds `run.json`, which says of which run it is and how far that came, and the pixels that belong to it.
`run.json` is replaced whole, and only when the pixels that it names are there.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from phosphene.errors import OutOfSpaceError, RecordError, SettingsError, in_shell
from phosphene.images import write_atomically
from phosphene.images.sources import sweep
from phosphene.records.record import Facts

SUFFIX = ".unfinished"
PAUSE = 20.0  # seconds from one writing to the next
_FILE = "run.json"


def folder_of(output: Path) -> Path:
    """Where the run that writes `output` keeps its journal.

    >>> folder_of(Path("cat-dream.png")).name
    'cat-dream.png.unfinished'
    """
    return output.with_name(output.name + SUFFIX)


@dataclass
class Journal:
    """The journal of one run."""

    folder: Path  # where it lies
    about: Mapping[str, object]  # what the run is, ready for JSON: another input or setting makes it another run
    command: Mapping[str, object] = field(default_factory=dict)  # what `phosphene resume` needs to ask for the same run
    earlier: Mapping[str, object] = field(default_factory=dict)  # what settings were in versions that did not have them
    state: Facts = field(default_factory=dict)  # how far it came; empty at the beginning
    _written: float = field(default_factory=time.monotonic)

    def open(self) -> Journal:
        """Takes up the journal of the same run, if there is one.

        A folder of another run's is a `SettingsError`, and a damaged one a `RecordError`.
        """
        found = read(self.folder)
        if found is not None:
            self._refuse_other(found.get("about", {}))
            self.state = dict(found.get("state", {}))
        return self

    def note(self, *, before: Callable[[], None] | None = None, now: bool = False, **state: object) -> None:
        """Adds to the state, and writes it if that was last done some time ago, or if it must be `now`.

        `before` makes sure that the pixels that the state speaks of are on the disk.
        """
        self.state |= state
        if now or self.due():
            if before:
                before()
            self.write()

    def write(self) -> None:
        """Writes it, whole or not at all; on a full disk the last state is kept, and an `OutOfSpaceError` says so."""
        self.folder.mkdir(exist_ok=True)
        facts = {"about": dict(self.about), "command": dict(self.command), "state": self.state}
        write_atomically(self.folder / _FILE, json.dumps(facts, indent=1).encode(), overwrite=True)
        self._written = time.monotonic()

    def due(self) -> bool:
        """Whether it was last written some time ago."""
        return time.monotonic() - self._written >= PAUSE

    def room_for(self, nbytes: int) -> None:
        """Makes the folder; an `OutOfSpaceError` if its disk has no room for so many bytes beside what is there."""
        self.folder.mkdir(exist_ok=True)
        files = [each.stat() for each in self.folder.iterdir()]
        held = sum(each.st_blocks * 512 if hasattr(each, "st_blocks") else each.st_size for each in files)
        free = shutil.disk_usage(self.folder).free + held
        if free < nbytes:
            raise OutOfSpaceError(
                f"The dream needs {nbytes / 1e9:.1f} GB of disk beside its output, and {free / 1e9:.1f} GB are free.\n"
                "Free some, or write to another disk: -o /OTHER/DISK/dream.tif"
            )

    def close(self) -> None:
        """Forgets the run, which is done."""
        _remove(self.folder)

    def _refuse_other(self, about: Mapping[str, object]) -> None:
        mine = json.loads(json.dumps(self.about))
        match about:
            case {"settings": dict(settings)}:  # else the journal is a stranger's, or damaged
                about = {**about, "settings": {**self.earlier, **settings}}
        others = _differences(mine, about)
        if not others:
            return
        named = ", ".join(_differences(mine.get(others[0]), about.get(others[0]))) or others[0]
        output = str(self.folder).removesuffix(SUFFIX)
        files = {"input", "pictures", "network"}.issuperset(others)  # with other files the same command stops here too
        then = "Put back the file that it was made of, and go on" if files else "Go on with that one"
        raise SettingsError(
            f"{self.folder} keeps a run that is not this one: its {'input' if 'input' in others else named} differs"
            f" ({named}).\n{then}: {in_shell('phosphene', 'resume', output)}\n"
            f"Or begin anew, and lose it: {self._anew()}"
        )

    def _anew(self) -> str:
        """What begins the run anew: its command, where that is known."""
        words = self.command.get("arguments")
        return in_shell("phosphene", *map(str, words), "--force") if isinstance(words, list) else "--force"


def forget(output: Path) -> None:
    """Forgets the run that wrote a file, if it was ended after the file was there and before its journal was gone."""
    sweep(output.parent)
    _remove(folder_of(output))


def _remove(folder: Path) -> None:
    """Deletes a journal, what says of which run it is last: one that is left half-way still says so."""
    with contextlib.suppress(OSError):
        for path in folder.iterdir():
            if path.name == _FILE:
                continue
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def read(folder: Path) -> Facts | None:
    """What a folder's journal says; `None` where there is none, and a `RecordError` if it cannot be understood."""
    path = folder / _FILE
    try:
        found = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    if not isinstance(found, dict) or not isinstance(found.get("state"), dict):
        raise _damaged(path)
    return found


def _damaged(path: Path) -> RecordError:
    return RecordError(f"{path} is damaged, so the run cannot go on.\nBegin anew, and lose it: --force")


def _differences(mine: object, others: object) -> list[str]:
    """The names under which two dictionaries differ."""
    if not isinstance(mine, dict) or not isinstance(others, dict):
        return []
    return sorted(name for name in {*mine, *others} if mine.get(name) != others.get(name))
