"""What came of trials, and how many there shall be."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MADE, REFUSED = "made", "refused"


@dataclass(frozen=True)
class Options:
    """How much is tried, and where it happens."""

    work: Path  # a folder for what is made and thrown away
    kept: Path  # a folder for the inputs of faults
    seed: int = 0
    fast: bool = False
    minutes: float = 10.0  # that the studio is kept busy

    def times(self, fast: int, long: int) -> int:
        """The one number or the other."""
        return fast if self.fast else long

    def chance(self, *of: object) -> random.Random:
        """Random numbers of their own for a trial, the same with the same seed."""
        return random.Random(":".join(map(str, (self.seed, *of))))

    def place(self, name: str) -> Path:
        """A new folder for what is made and thrown away."""
        path = self.work / name
        path.mkdir(parents=True)
        return path


@dataclass(frozen=True)
class Fault:
    """Something that must not happen."""

    what: str
    trial: str  # its name: with the seed, it makes the same input again
    input: str = ""  # the file that brought it about


@dataclass
class Tally:
    """The trials of a part, counted by how they ended."""

    part: str
    made: int = 0
    refused: int = 0
    faults: list[Fault] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # what a person should know who reads the table
    began: float = field(default_factory=time.monotonic)
    seconds: float = 0.0

    @property
    def trials(self) -> int:
        """All of them."""
        return self.made + self.refused + len(self.faults)

    def count(self, outcome: str) -> None:
        """One more that ended well."""
        if outcome == MADE:
            self.made += 1
        elif outcome == REFUSED:
            self.refused += 1
        else:
            raise ValueError(f"{outcome!r} is no way to end a trial")

    def fault(self, what: str, trial: str, *, data: bytes = b"", name: str = "", kept: Path | None = None) -> None:
        """One more that did not; its input is kept."""
        path = ""
        if kept is not None and data:
            kept.mkdir(parents=True, exist_ok=True)
            file = kept / f"{self.part}-{trial}-{Path(name).name[-40:]}"
            file.write_bytes(data)
            path = str(file)
        self.faults.append(Fault(what, trial, path))

    def ended(self) -> Tally:
        """Itself, with the time that it took."""
        self.seconds = time.monotonic() - self.began
        return self


def table(tallies: list[Tally]) -> Iterator[str]:
    """The counts as lines of a table, then the notes and the faults."""
    yield f"{'part':<12}{'trials':>8}{'made':>8}{'refused':>9}{'FAULTS':>8}{'seconds':>9}"
    for each in tallies:
        counts = f"{each.trials:>8}{each.made:>8}{each.refused:>9}{len(each.faults):>8}"
        yield f"{each.part:<12}{counts}{each.seconds:>9.1f}"
    for each in tallies:
        yield from (f"{each.part}: {note}" for note in each.notes)
        for fault in each.faults:
            where = f"\n    input: {fault.input}" if fault.input else ""
            yield f"FAULT in {each.part}, trial {fault.trial}: {fault.what}{where}"
