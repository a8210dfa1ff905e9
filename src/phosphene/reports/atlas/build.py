"""Makes an atlas: sketches of everything first, then the finished pictures, each put in as soon as it is there."""

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.errors import SettingsError, StopRequested
from phosphene.networks import Network
from phosphene.pixels.modes import standard_modes
from phosphene.recipes.fields import flag
from phosphene.recipes.settings import DreamSettings
from phosphene.reports.atlas import plan
from phosphene.reports.atlas.plan import Entry, Pass, Stage, active_channels
from phosphene.reports.atlas.report import AtlasReport, View
from phosphene.reports.folder import ReportFolder, Subject
from phosphene.reports.variants import Library, VariantMaker
from phosphene.techniques import DREAM
from phosphene.techniques.opening import Opening

_SMALLEST_SIDE = 32  # pixels; a smaller page shows nothing


@dataclass(frozen=True)
class Progress:
    """One more picture of an atlas is there."""

    entry: Entry  # what it shows
    stage: str  # `sketch` or `picture`
    kept: bool  # whether it was there already
    number: int  # how many are there in this pass
    total: int  # how many there will be
    done: float  # share of all the work, 0 to 1
    left: float | None  # seconds that the rest will take, as far as that can be told


@dataclass(frozen=True)
class Atlas:
    """An atlas, finished or as far as it came."""

    folder: Path  # where it lies
    page: Path  # to be opened in a browser
    entries: tuple[Entry, ...]  # what it shows
    made: int  # how many pictures were dreamt this time, sketches among them
    complete: bool  # whether nothing is left to do


OnEntry = Callable[[Progress], None]
OnPage = Callable[[Path], None]


@standard_modes()
def atlas(
    image: images.Source,
    folder: str | os.PathLike[str],
    *,
    network: Network | None = None,
    quick: bool = False,
    long_side: int | None = None,
    channels: int = plan.CHANNELS,
    size: tuple[int, int] | None = None,
    max_pixels: int = images.MAX_PIXELS,
    force: bool = False,
    on_page: OnPage | None = None,
    on_entry: OnEntry | None = None,
    on_step: OnStep | None = None,
    **changes: object,
) -> Atlas:
    """Dreams a picture with every layer, and with the channels that are most active in it, into a page to browse.

    What the folder holds already, made of the same picture with the same network and settings, is kept.

    Args:
        image: a path, the name of a canvas, or whatever else `phosphene.dream` takes.
        folder: is made, unless it is there.
        network: by default the one that the setting `model` names.
        quick: ends with the sketches.
        long_side: of a finished picture of a layer, in pixels; a channel's is three quarters of it. By default what
            makes them 0.27 megapixels.
        channels: how many of each layer that shows channels; 0 for none.
        size: width and height of a canvas in full.
        max_pixels: refuses larger pictures; 0 refuses none.
        force: makes everything anew, even where the folder holds the atlas of another picture.
        on_page: called as soon as there is a page to open; it grows.
        on_entry: called with each picture that is there.
        on_step: called with each `Step` of each dream; raise `phosphene.StopRequested` in any of these to end early.
        **changes: the fields of `DreamSettings` that `plan.FIELDS` names.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    _check(changes, long_side, channels)
    library = Library()
    named = library.take(network) if network else {}
    whole = VariantMaker(DREAM, image, library, Opening(size, None, max_pixels))
    settings = whole.choose({**changes, **named})
    network, subject = library(settings), whole.subject(settings)
    folder_ = ReportFolder(Path(folder), "atlas")
    folder_.claim(subject.name, force=force, read=whole.files)
    makers = _Makers(whole, subject)
    sketch, picture = plan.passes(settings, long_side or plan.usual_side(subject.width, subject.height))
    pixels = makers.of_side(picture.channel_side).opened(settings)[0].pixels
    active = active_channels(network, pixels, plan.channel_layers(network) if channels else [], count=channels)
    entries = plan.entries(network, active)
    view = View(subject, network, entries, tuple(makers.commands(entry, picture) for entry in entries), picture)
    # Where finished pictures are as small and quick as sketches, the sketches are the pictures.
    wanted = (picture,) if replace(sketch, name="picture") == picture else (sketch,) if quick else (sketch, picture)
    listeners = _Listeners(on_page, on_entry, on_step)
    return _AtlasRun(AtlasReport(folder_, view), makers, wanted, (sketch, picture), listeners, anew=force).run()


def _check(changes: dict[str, object], long_side: int | None, channels: int) -> None:
    for name in changes:
        if name not in plan.FIELDS and name in DreamSettings.names():
            raise SettingsError(
                f"An atlas takes no {flag(name)}: it dreams all of the picture, of each layer in turn.\n"
                f"It takes {', '.join(map(flag, plan.FIELDS))}."
            )
    if long_side is not None and long_side < _SMALLEST_SIDE:
        raise SettingsError(f"A long side of {long_side} pixels shows nothing; it takes {_SMALLEST_SIDE} or more.")
    if channels < 0:
        raise SettingsError(f"{channels} channels of a layer are not possible; it takes 0 or more.")


@dataclass
class _Makers:
    """Makes the pictures of an atlas, at whatever size."""

    whole: VariantMaker  # makes them in full
    subject: Subject  # the picture in full
    sides: dict[int, VariantMaker] = field(default_factory=dict)

    def of_side(self, side: int) -> VariantMaker:
        """Makes pictures with a long side of at most `side` pixels."""
        if side not in self.sides:
            painted, most = self.subject.painted, self.whole.opening.max_pixels
            opening = Opening(self.subject.shrunk(side) if painted else None, None if painted else side, most)
            self.sides[side] = replace(self.whole, opening=opening, _opened={})
        return self.sides[side]

    def of(self, entry: Entry, stage: Pass) -> VariantMaker:
        """Makes an entry's pictures in this pass."""
        return self.of_side(stage.side(entry))

    def commands(self, entry: Entry, stage: Pass) -> tuple[list[str], list[str]]:
        """The command lines that make an entry's picture in full, and as large as it is shown."""
        settings, side = stage.of(entry), stage.side(entry)
        return self.whole.words(plan.in_full(settings, self.subject, side)), self.of_side(side).words(settings)


@dataclass(frozen=True)
class _Listeners:
    on_page: OnPage | None
    on_entry: OnEntry | None
    on_step: OnStep | None


@dataclass
class _AtlasRun:
    """The way through all entries."""

    report: AtlasReport
    makers: _Makers
    wanted: tuple[Pass, ...]
    known: tuple[Pass, Pass]
    listeners: _Listeners
    anew: bool
    made: int = 0
    worked: float = 0.0
    began: float = 0.0

    @property
    def entries(self) -> tuple[Entry, ...]:
        return self.report.view.entries

    def run(self) -> Atlas:
        complete = False
        try:
            self._begin()
            for stage in self.wanted:
                self._through(stage)
            complete = True
        except StopRequested:
            pass
        finally:
            self.report.running, self.report.left = False, None
            self.report.write(now=True)
        folder = self.report.folder
        return Atlas(folder.path, folder.page, self.entries, self.made, complete)

    def _begin(self) -> None:
        """Finds what is there already, and opens the page."""
        picture = self.known[1]
        self.report.keep_original(self.makers.of_side(picture.layer_side).opened(picture.settings)[0])
        if not self.anew:
            self.report.stages[:] = [self._there(entry) for entry in self.entries]
        self.began = time.monotonic()
        self._write(now=True)
        if self.listeners.on_page:
            self.listeners.on_page(self.report.folder.page)

    def _there(self, entry: Entry) -> Stage:
        """The best that there is of an entry."""
        for stage in reversed(self.known):
            if self.makers.of(entry, stage).is_there(self.report.path(entry), stage.of(entry)):
                return stage.name
        return ""

    def _through(self, stage: Pass) -> None:
        for index, entry in enumerate(self.entries):
            kept = self._is_done(index, stage)
            if not kept:
                dreamt = self.makers.of(entry, stage).make(stage.of(entry), self.listeners.on_step)
                self.report.keep(index, entry, dreamt, stage.name)
                self.made += 1
                self.worked += stage.work(entry)
                self._write()
            if self.listeners.on_entry:
                told = Progress(
                    entry, stage.name, kept, index + 1, len(self.entries), self.report.done, self.report.left
                )
                self.listeners.on_entry(told)

    def _is_done(self, index: int, stage: Pass) -> bool:
        there = self.report.stages[index]
        return there == "picture" or (there == "sketch" and stage is self.known[0])

    def _left(self) -> Iterator[float]:
        for stage in self.wanted:
            for index, entry in enumerate(self.entries):
                if not self._is_done(index, stage):
                    yield stage.work(entry)

    def _write(self, *, now: bool = False) -> None:
        """Brings the page up to date."""
        left, whole = sum(self._left()), sum(stage.work(entry) for stage in self.wanted for entry in self.entries)
        self.report.done = 1 - left / whole if whole else 1.0
        self.report.left = left * (time.monotonic() - self.began) / self.worked if self.worked else None
        self.report.write(now=now)
