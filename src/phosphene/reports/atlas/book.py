"""The folder of an atlas: its pictures, its page, and what it says of itself; every file is written whole."""

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Literal

from phosphene import images
from phosphene.errors import ImageError
from phosphene.images import Picture
from phosphene.records.record import Facts
from phosphene.reports import html
from phosphene.reports.atlas.plan import Entry
from phosphene.reports.folder import PAGE, PICTURES, Shelf, Subject
from phosphene.run import Dream

# The page of an atlas: one HTML file that needs nothing but its pictures, and asks nothing of any network


ALIVE = (
    "A channel is alive where it answers to this picture more than it answers to scraps of noise in the same colours,"
    " counted in its own spread there. Those are shown whose liveliest places stand out most from the rest of the"
    " picture: not the channels that are bright for everything, and of several that answer to the same places only the"
    " first. Liveliness is how far they stand out."
)


@dataclass(frozen=True)
class Commands:
    """Command lines that make an entry's picture: in full, and as it is shown; for two kinds of shell."""

    full: str
    full_windows: str
    same: str
    same_windows: str


@dataclass(frozen=True)
class View:
    """What a page shows.

    Attributes:
        subject: the photograph or canvas.
        network: which dreams.
        entries: layers first, then channels, those of a layer together.
        commands: of each entry.
        size: width and height of a finished picture of a layer.
    """

    subject: Subject
    network: str
    entries: tuple[Entry, ...]
    commands: tuple[Commands, ...]
    size: tuple[int, int]


def page(view: View, state: Mapping[str, object]) -> str:
    """The page; `state` says how far each entry is, and whether there is more to come."""
    numbered = list(enumerate(view.entries))
    of_channels = (each for each in numbered if each[1].channel is not None)
    width, height = view.size
    return html.render(
        "phosphene.reports.atlas",
        title=f"Atlas of {view.subject.name}",
        view=view,
        state=state,
        width=width,
        height=height,
        layers=[each for each in numbered if each[1].channel is None],
        channels=[list(each) for _, each in groupby(of_channels, key=lambda each: each[1].layer)],
        alive=ALIVE,
    )


FACTS, STATE, ORIGINAL = "atlas.json", "state.js", "original.jpg"
ATLASES = Shelf("atlas", FACTS)
SCHEMA = 1
_QUALITY = 88  # of the JPEG files
_OFTEN = 0.5  # seconds between two writings of the page, at least

Stage = Literal["", "sketch", "picture"]


@dataclass
class Book:
    """An atlas while it is made.

    Attributes:
        folder: where it lies.
        view: what the page shows, but for how far it is.
        facts: what `atlas.json` says beside the entries.
        stages: how far each entry is, by its place among the entries.
        running: whether it is being made.
        done: share of the work that is done, 0 to 1.
        left: seconds that it will take, if that is known.
    """

    folder: Path
    view: View
    facts: Facts
    stages: list[Stage] = field(default_factory=list)
    running: bool = True
    done: float = 0.0
    left: float | None = None
    _written: float = -1e9

    def path(self, entry: Entry) -> Path:
        """An entry's picture."""
        return self.folder / PICTURES / entry.file

    def keep_original(self, picture: Picture) -> None:
        """Puts the photograph in, as large as the finished pictures are."""
        path = self.folder / PICTURES / ORIGINAL
        images.save(picture.pixels, path, alpha=picture.alpha, quality=_QUALITY, overwrite=True)

    def keep(self, index: int, entry: Entry, dreamt: Dream, stage: Stage) -> None:
        """Puts a picture in, in place of a smaller one."""
        dreamt.save(self.path(entry), overwrite=True, quality=_QUALITY)
        self.stages[index] = stage

    def write(self, *, now: bool = False) -> None:
        """Writes the page, and what a page that is open already looks at; unless it was done only just now."""
        if now:
            self._write()
        elif time.monotonic() - self._written >= _OFTEN:
            # On Windows a browser that reads the page at this very moment keeps it; the next one will do.
            with suppress(ImageError):
                self._write()

    def _write(self) -> None:
        state = {
            "plan": _digest(self.view.entries, self.facts), "running": self.running, "done": round(self.done, 4),
            "left": None if self.left is None else round(self.left), "stages": self.stages,
        }  # fmt: skip
        self._put(FACTS, json.dumps(self.facts | {"entries": self._entries()}, indent=1))
        self._put(STATE, f"phospheneAtlas({json.dumps(state)});\n")
        self._put(PAGE, page(self.view, state))
        self._written = time.monotonic()

    def _entries(self) -> list[dict[str, object]]:
        return [
            {
                "layer": entry.layer,
                "channel": entry.channel,
                "liveliness": entry.liveliness,
                "picture": f"{PICTURES}/{entry.file}",
                "stage": stage or None,
                "command": self.view.commands[index].full,
            }
            for index, (entry, stage) in enumerate(zip(self.view.entries, self.stages, strict=True))
        ]

    def _put(self, name: str, text: str) -> None:
        # Names of files may hold bytes that are no text; a page has no place for them.
        images.write_atomically(self.folder / name, text.encode("utf-8", "replace"), overwrite=True)


def _digest(entries: Sequence[Entry], facts: dict[str, object]) -> str:
    """Tells a page of one plan from a page of another."""
    named = [[entry.layer, entry.channel] for entry in entries]
    return hashlib.sha256(json.dumps([named, facts], sort_keys=True).encode()).hexdigest()[:16]
