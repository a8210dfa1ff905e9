"""What a study is of, whatever the recipe: opened once, made, known again, and asked for on a command line."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from phosphene import images, networks
from phosphene.ascent import OnStep
from phosphene.canvases import is_canvas
from phosphene.errors import SettingsError
from phosphene.images import Picture, name_of
from phosphene.images.sources import Sent
from phosphene.measures import Lattice
from phosphene.networks import Network
from phosphene.recipes.fields import Settings
from phosphene.record import Record
from phosphene.run import Dream
from phosphene.run.album import Album
from phosphene.run.once import open_source
from phosphene.series.commands import Subject
from phosphene.studies.axes import Axis, Kind

Opened = tuple[Picture, dict[str, Any]]
"""A picture, and what a record says of it."""


@dataclass
class Library:
    """The networks of a study, each loaded once."""

    loaded: dict[tuple[Any, ...], Network] = field(default_factory=dict)

    def take(self, network: Network, axes: Sequence[Axis]) -> dict[str, Any]:
        """Takes a network that is loaded already; gives the settings that stand for it.

        Raises:
            SettingsError: the networks are what is varied.
        """
        varied = [axis.name for axis in axes if axis.name in ("model", "weights", "dtype")]
        if varied:
            raise SettingsError(f"The network is given, and {varied[0]} is varied. Leave one of the two out.")
        named = {"model": network.name, "weights": None, "dtype": network.precision}
        self.loaded[tuple(named.values())] = network
        return named

    def __call__(self, settings: Any) -> Network:
        """The network that settings name.

        Raises:
            PhospheneError: it cannot be loaded.
        """
        key = (settings.model, settings.weights, settings.dtype)
        if key not in self.loaded:
            self.loaded[key] = networks.load_for(settings)
        return self.loaded[key]


@dataclass
class Technique(ABC):
    """A recipe, and the picture that it works on.

    Attributes:
        image: what the picture is read from; of a pattern, what it is of.
        library: the networks.
        size: width and height of a canvas or a pattern.
        long_side: shrinks a picture first.
        max_pixels: refuses larger pictures; 0 refuses none.
        named: the files that settings name, by name: workers need not reach them.
    """

    image: images.Source
    library: Library
    size: tuple[int, int] | None = None
    long_side: int | None = None
    max_pixels: int = images.MAX_PIXELS
    named: dict[str, Sent] = field(default_factory=dict)
    _opened: dict[tuple[Any, ...], Opened] = field(default_factory=dict)

    @property
    @abstractmethod
    def kind(self) -> Kind:
        """The recipe's."""

    @abstractmethod
    def choose(self, values: Mapping[str, Any]) -> Settings:
        """Settings of values, as complete as they can be before a picture is made.

        Raises:
            PhospheneError: an impossible value, a layer or a network that is not there.
        """

    @abstractmethod
    def make(self, settings: Any, on_step: OnStep) -> Dream:
        """Makes a picture."""

    @abstractmethod
    def known(self, settings: Any) -> dict[str, Any]:
        """What the record of such a picture says, as far as it is known before."""

    @abstractmethod
    def files(self, settings: Any) -> Sequence[str]:
        """The pictures that settings name."""

    @property
    @abstractmethod
    def subject(self) -> Subject:
        """The picture's name, and its size in full."""

    @abstractmethod
    def words(self, settings: Any, output: str) -> list[str]:
        """The command line that makes such a picture."""

    def lattice(self, settings: Any) -> Lattice | None:
        """Where tiles meet in such a picture; `None` if nobody knows, so that it is searched for."""
        return None

    def photograph(self, settings: Any) -> Tensor | None:
        """The picture that such a picture began as, `[1, 3, H, W]`."""
        return self.opened(settings)[0].pixels

    def prepare(self, settings: Any) -> None:
        """Opens everything that such a picture needs, so that nothing is wanting later, wherever it is made.

        Raises:
            PhospheneError: it cannot be read.
        """
        self.opened(settings)
        for name in self.files(settings):
            if name not in self.named and not is_canvas(name):
                self.named[name] = Sent.of(name)

    def album(self, network: Network) -> Album:
        """The pictures that settings name, to be opened."""
        return Album(network.dtype, named={name: sent.open() for name, sent in self.named.items()})

    def hashes(self, settings: Any) -> dict[str, str]:
        """SHA-256 of the files that settings name, by names without folders."""
        found = [name for name in self.files(settings) if name in self.named]
        return {name_of(name): hashlib.sha256(self.named[name].data).hexdigest() for name in found}

    def opened(self, settings: Any) -> Opened:
        """The picture; a canvas is painted with the seed."""
        key = (settings.dtype, settings.seed if is_canvas(self.image) else None)
        if key not in self._opened:
            self._opened[key] = open_source(
                self.image,
                getattr(torch, settings.dtype),
                size=self.size,
                long_side=self.long_side,
                max_pixels=self.max_pixels,
                seed=settings.seed,
            )
        return self._opened[key]

    def is_of(self, found: Record, settings: Any) -> bool:
        """Whether a record is that of such a picture."""
        wanted = self.known(settings)
        same = all(getattr(found, fact) == value for fact, value in wanted.items())
        return same and found.complete and found.pictures.items() <= self.hashes(settings).items()
