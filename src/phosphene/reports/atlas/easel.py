"""Dreams one picture of an atlas, and knows a picture that was dreamt so before."""

from dataclasses import replace
from pathlib import Path

import torch

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.errors import PhospheneError, Stop
from phosphene.networks import Network
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.dream import goal
from phosphene.recipes.settings import DreamSettings
from phosphene.records import record
from phosphene.reports.atlas.plan import Entry, Pass
from phosphene.reports.folder import Subject
from phosphene.run import Dream, prepare
from phosphene.run.kept import telling_of_memory
from phosphene.techniques import DREAM
from phosphene.techniques.engine import CANVAS_SIZE, Opened, Opening


class Easel:
    """A photograph or canvas, opened once at each size that is dreamt upon.

    Attributes:
        subject: its name, and its size in full.
    """

    def __init__(
        self,
        image: images.Source,
        network: Network,
        settings: DreamSettings,
        *,
        size: tuple[int, int] | None,
        max_pixels: int,
    ) -> None:
        self._image = _kept(image)
        self._network, self._settings, self._max_pixels = network, settings, max_pixels
        self._opened: dict[int, Opened] = {}
        self.subject = self._described(image, size)

    def _described(self, image: images.Source, size: tuple[int, int] | None) -> Subject:
        if is_canvas(image):
            return Subject(image, *(size or CANVAS_SIZE), painted=True, sized=size not in (None, CANVAS_SIZE))
        _, origin = self._open(size, None)
        return Subject(images.name_of(image), origin["width"], origin["height"])

    def _open(self, size: tuple[int, int] | None, long_side: int | None) -> Opened:
        with telling_of_memory():
            opening = Opening(size, long_side, self._max_pixels)
            return opening.open(self._image, getattr(torch, self._settings.dtype), self._settings.seed)

    def at(self, side: int) -> Opened:
        """The picture with a long side of at most `side` pixels, and what a record says of it."""
        if side not in self._opened:
            painted = self.subject.painted
            self._opened[side] = self._open(self.subject.shrunk(side) if painted else None, None if painted else side)
        return self._opened[side]

    def dream(self, entry: Entry, stage: Pass, on_step: OnStep | None) -> Dream:
        """Dreams one entry.

        Raises:
            Stop: it was ended early; half a dream is none.
            PhospheneError: it could not be dreamt.
        """
        source, origin = self.at(stage.side(entry))
        ready = prepare(DREAM, stage.of(entry), self._network)
        with telling_of_memory():
            dreamt = ready.make_opened(source, origin, on_step=on_step)
        if not dreamt.record.complete:
            raise Stop
        return dreamt

    def made(self, path: Path, entry: Entry, stage: Pass) -> bool:
        """Whether a file is what `dream` makes."""
        if not path.is_file():
            return False
        try:
            found = record.read(path)
        except PhospheneError:
            return False
        settings, (_, origin) = stage.of(entry), self.at(stage.side(entry))
        objective = str(goal(self._network, settings).prepare(self._network))
        of_it = found.input == origin and not found.pictures and found.complete
        return of_it and DREAM.engine.is_of(found, settings, self._network, objective)


def _kept(image: images.Source) -> images.Source:
    """A picture that can be read more than once."""
    read = getattr(image, "read", None)
    return read() if callable(read) else image


def for_network(settings: DreamSettings, network: Network) -> DreamSettings:
    """The settings as they are with a network that is loaded already."""
    return replace(settings, dtype=network.precision)
