"""Makes the variants of one picture, whatever the technique: opened once, known again, asked for on a command line."""

import hashlib
import os
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from phosphene import images, networks
from phosphene.ascent import OnStep
from phosphene.errors import PhospheneError, SettingsError, StopRequested
from phosphene.images import name_of
from phosphene.images.sources import Sent
from phosphene.measures import Lattice
from phosphene.networks import Network
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings, Values
from phosphene.records import record
from phosphene.records.record import Facts
from phosphene.reports.folder import Subject, flags
from phosphene.run import Dream, Prepared
from phosphene.run.checkpoint import translate_oom
from phosphene.techniques import Technique
from phosphene.techniques.engine import ImageCache, pictures
from phosphene.techniques.opening import CANVAS_SIZE, Opened, Opening


@dataclass
class Library:
    """Networks, each loaded once."""

    loaded: dict[tuple[object, ...], Network] = field(default_factory=dict)

    def take(self, network: Network, varied: Collection[str] = ()) -> Facts:
        """Takes a network that is loaded already; gives the settings that stand for it.

        Raises:
            SettingsError: the networks are what is varied.
        """
        varied = [name for name in varied if name in ("model", "weights", "dtype")]
        if varied:
            raise SettingsError(f"The network is given, and {varied[0]} is varied. Leave one of the two out.")
        named = {"model": network.name, "weights": None, "dtype": network.precision}
        self.loaded[tuple(named.values())] = network
        return named

    def __call__(self, settings: Any) -> Network:
        """The network that settings name. Raises `PhospheneError`: it cannot be loaded."""
        key = (settings.model, settings.weights, settings.dtype)
        if key not in self.loaded:
            self.loaded[key] = networks.load_for(settings)
        return self.loaded[key]


@dataclass
class VariantMaker:
    """A technique, and the picture whose variants it makes.

    Attributes:
        technique: makes them.
        image: what the picture is read from; of a pattern, what it is of.
        library: the networks.
        opening: how the picture is opened.
        named: the files that settings name, by name: workers need not reach them.
    """

    technique: Technique
    image: images.Source
    library: Library
    opening: Opening = field(default_factory=Opening)
    named: dict[str, Sent] = field(default_factory=dict)
    _opened: dict[tuple[object, ...], Opened] = field(default_factory=dict)
    _objectives: dict[Any, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if callable(read := getattr(self.image, "read", None)):
            self.image = read()  # so that it can be read more than once

    def choose(self, values: Values) -> Any:
        """Settings of values, as complete as they can be before a picture is made.

        Raises:
            PhospheneError: an impossible value, a layer or a network that is not there.
        """
        word = {"of": str(self.image) if self.image else None} if self._words else {}
        chosen = self.technique.choose(**word, **values)
        network = self.library(chosen)
        chosen = self.technique.engine.for_variant(chosen, network)
        self._objective(chosen)
        return chosen

    def _objective(self, settings: Settings) -> str:
        """What a record says of the objective, as far as it is known before a picture is made."""
        if settings not in self._objectives:
            network = self.library(settings)
            self._objectives[settings] = self.technique.engine.check(settings, network, ImageCache(network.dtype))
        return self._objectives[settings]

    @property
    def _words(self) -> bool:
        return self.technique.takes == "words"

    @property
    def files(self) -> list[str]:
        """The files that are read, as far as they are known."""
        own = [os.fspath(self.image)] if isinstance(self.image, (str, os.PathLike)) and not self._words else []
        return [*own, *self.named]

    def prepare(self, settings: Settings) -> None:
        """Opens everything that such a picture needs, so that nothing is wanting later, wherever it is made.

        Raises:
            PhospheneError: it cannot be read, or tiles are too small for their overlap.
        """
        self.opened(settings)
        for name in pictures(settings):
            if name not in self.named and not is_canvas(name):
                self.named[name] = Sent.of(name)
        self.lattice(settings)

    def make(self, settings: Settings, on_step: OnStep | None) -> Dream:
        """Makes a picture.

        Raises:
            StopRequested: it was ended early; half a picture is none.
            PhospheneError: it could not be made.
        """
        network = self.library(settings)
        ready = Prepared(self.technique, settings, network, self._cache(network), self.opening)
        with translate_oom():
            made = ready.make_opened(*self.opened(settings), on_step=on_step)
        if not made.record.complete:
            raise StopRequested
        return made

    def is_there(self, path: Path, settings: Settings) -> bool:
        """Whether a file is the whole picture that `make` makes with these settings."""
        if not path.is_file():
            return False
        try:
            found = record.read(path)
        except PhospheneError:
            return False
        _, origin = self.opened(settings)
        of_it = found.input == origin and found.pictures.items() <= self._hashes(settings).items()
        same = self.technique.engine.is_of(found, settings, self.library(settings), self._objective(settings))
        return of_it and same and found.complete

    def subject(self, settings: Settings) -> Subject:
        """The picture's name, and its size as it is opened."""
        if is_canvas(self.image):
            size = self.opening.size or CANVAS_SIZE
            return Subject(self.image, *size, painted=True, sized=size != CANVAS_SIZE)
        _, origin = self.opened(settings)
        name = (str(self.image) if self.image else self.technique.name) if self._words else name_of(self.image)
        return Subject(
            name, origin["width"], origin["height"], painted=self._words, sized=self.opening.size is not None
        )

    def words(self, settings: Settings) -> list[str]:
        """The command line that makes such a picture, but for where it goes."""
        subject, side = self.subject(settings), self.opening.long_side
        command = [] if self.technique.name == "dream" else [self.technique.name]
        of = [] if self._words else [subject.word]
        own = flags(settings, self.technique.settings(), settings.names())
        size = ["--size", f"{subject.width}x{subject.height}"] if subject.sized else []
        return ["phosphene", *command, *of, *own, *size, *(["--long-side", str(side)] if side else [])]

    def lattice(self, settings: Settings) -> Lattice | None:
        """Where tiles meet in such a picture; `None` if nobody knows, so that it is searched for.

        Raises:
            SettingsError: tiles or memory too small for the overlap.
        """
        network, (height, width) = self.library(settings), self.opened(settings)[0].pixels.shape[-2:]
        boxes = self.technique.engine.tiles(settings, network, self._cache(network), (height, width))
        return None if boxes is None else Lattice.of(boxes)

    def photograph(self, settings: Settings) -> Tensor | None:
        """The picture that such a picture began as, `[1, 3, H, W]`; `None` where it began as noise."""
        return None if self._words else self.opened(settings)[0].pixels

    def opened(self, settings: Any) -> Opened:
        """The picture; a canvas is painted with the seed."""
        key = (settings.dtype, settings.seed if is_canvas(self.image) else None)
        if key not in self._opened:
            image = None if self._words else self.image
            engine, dtype = self.technique.engine, getattr(torch, settings.dtype)
            self._opened[key] = engine.open(image, settings, self.opening, dtype)
        return self._opened[key]

    def _cache(self, network: Network) -> ImageCache:
        """The pictures that settings name, to be opened."""
        return ImageCache(network.dtype, named={name: sent.open() for name, sent in self.named.items()})

    def _hashes(self, settings: Settings) -> dict[str, str]:
        """SHA-256 of the files that settings name, by names without folders."""
        found = [name for name in pictures(settings) if name in self.named]
        return {name_of(name): hashlib.sha256(self.named[name].data).hexdigest() for name in found}
