"""The folder of an atlas while it is made: its pictures, its page, and what it says of itself."""

import hashlib
import json
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from phosphene import images
from phosphene.errors import ImageError
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.records import record
from phosphene.records.record import Facts
from phosphene.reports.atlas.plan import Entry, Pass, Stage
from phosphene.reports.folder import PAGE, PICTURES, ReportFolder, Subject, posix, render, windows
from phosphene.run import Dream

ACTIVE = (
    "A channel is active where it answers to this picture more than it answers to scraps of noise in the same colours,"
    " counted in its own spread there. Those are shown whose most active places stand out most from the rest of the"
    " picture: not the channels that are bright for everything, and of several that answer to the same places only the"
    " first. The activation score is how far they stand out."
)


STATE, ORIGINAL = "state.js", "original.jpg"
_QUALITY = 88  # of the JPEG files
_OFTEN = 0.5  # seconds between two writings of the page, at least


@dataclass(frozen=True)
class View:
    """What a page shows."""

    subject: Subject  # the photograph or canvas
    network: Network  # which dreams
    entries: tuple[Entry, ...]  # layers first, then channels, those of a layer together
    commands: tuple[tuple[list[str], list[str]], ...]  # the words that make each entry in full, and as it is shown
    finished: Pass  # how finished pictures are made


def page(view: View, state: Mapping[str, object]) -> str:
    """The page; `state` says how far each entry is, and whether there is more to come."""
    numbered = list(enumerate(view.entries))
    of_channels = (each for each in numbered if each[1].channel is not None)
    width, height = view.subject.shrunk(view.finished.layer_side)
    return render(
        "phosphene.reports.atlas",
        title=f"Atlas of {view.subject.name}",
        view=view,
        state=state,
        width=width,
        height=height,
        layers=[each for each in numbered if each[1].channel is None],
        channels=[list(each) for _, each in groupby(of_channels, key=lambda each: each[1].layer)],
        active=ACTIVE,
        posix=posix,
        windows=windows,
    )


@dataclass
class AtlasReport:
    """An atlas while it is made."""

    folder: ReportFolder  # where it lies
    view: View  # what the page shows, but for how far it is
    stages: list[Stage] = field(init=False)  # how far each entry is, by its place among the entries
    running: bool = True  # whether it is being made
    done: float = 0.0  # share of the work that is done, 0 to 1
    left: float | None = None  # seconds that it will take, if that is known
    _written: float = -1e9

    def __post_init__(self) -> None:
        self.stages = [""] * len(self.view.entries)

    def path(self, entry: Entry) -> Path:
        """An entry's picture."""
        return self.folder.path / PICTURES / entry.file

    def keep_original(self, picture: Picture) -> None:
        """Puts the photograph in, as large as the finished pictures are."""
        path = self.folder.path / PICTURES / ORIGINAL
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
        facts = self._facts()
        named = [[entry.layer, entry.channel] for entry in self.view.entries]
        plan = hashlib.sha256(json.dumps([named, facts], sort_keys=True).encode()).hexdigest()[:16]
        left = None if self.left is None else round(self.left)
        state = {
            "plan": plan, "running": self.running, "done": round(self.done, 4), "left": left, "stages": self.stages,
        }  # fmt: skip
        self.folder.put_facts(facts | {"entries": self._entries()})
        self.folder.put(STATE, f"phospheneAtlas({json.dumps(state)});\n")
        self.folder.put(PAGE, page(self.view, state))
        self._written = time.monotonic()

    def _facts(self) -> Facts:
        subject, finished = self.view.subject, self.view.finished
        return {
            "subject": subject.name,
            "width": subject.width,
            "height": subject.height,
            "network": self.view.network.identity,
            "settings": finished.settings.to_dict() | {"model": self.view.network.name},
            "long_side": finished.layer_side,
            "versions": record.versions(),
        }

    def _entries(self) -> list[Facts]:
        shown = zip(self.view.entries, self.stages, self.view.commands, strict=True)
        return [
            {
                "layer": entry.layer,
                "channel": entry.channel,
                "score": entry.score,
                "picture": f"{PICTURES}/{entry.file}",
                "stage": stage or None,
                "command": posix(full),
            }
            for entry, stage, (full, _) in shown
        ]
