"""A technique with its settings and its network, made ready once: for a picture, for a thousand, or for a brush."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from phosphene import images, networks
from phosphene.ascent import OnStep
from phosphene.ascent.executor import MakeHands
from phosphene.errors import ClusterError, PhospheneError, SettingsError, Stop
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.records.record import Record
from phosphene.run.kept import Checkpoint, Keep, Watch, telling_of_memory
from phosphene.run.large import LargeDream, OnForecast, dreams_on_disk, large
from phosphene.run.result import Dream
from phosphene.techniques import DREAM, Technique
from phosphene.techniques.engine import Album, Opening


@dataclass(frozen=True)
class Prepared:
    """What is to be made, whatever the picture.

    Attributes:
        technique: makes it.
        settings: of the technique, with the network's precision.
        network: computes features.
        album: opens the pictures that the settings name, each once.
        opening: how pictures are opened.
        objective: one of Python's, in place of what the settings describe.
    """

    technique: Technique
    settings: Any
    network: Network
    album: Album
    opening: Opening = field(default_factory=Opening)
    objective: Objective | None = None

    def __post_init__(self) -> None:
        precise = replace(self.settings, dtype=self.network.precision)
        object.__setattr__(self, "settings", precise)

    def check(self) -> str:
        """Finds before any work whatever is wrong for every picture; gives the objective, as far as it is known.

        Raises:
            PhospheneError: names that are not there, pictures that cannot be read.
        """
        return self.technique.engine.check(self.settings, self.network, self.album)

    def on_disk(self, path: str) -> bool:
        """Whether a picture file is so large that it is made on disk, where the run is told of a folder for that."""
        dreams = self.technique.name == DREAM.name and self.opening.long_side is None
        return dreams and dreams_on_disk(path, self.settings)

    def make(
        self,
        image: images.Source | None,
        *,
        on_step: OnStep | None = None,
        keep: Keep | None = None,
        on_forecast: OnForecast | None = None,
        hands: MakeHands | None = None,
    ) -> Dream | LargeDream:
        """Makes a picture; a dream that memory cannot hold is made on disk.

        Args:
            image: what it begins as; nothing where a technique takes words.
            on_step: called with each `Step`; a `Stop` raised there ends the run and keeps what there is.
            keep: where the run keeps how far it came; a run that stopped goes on from there.
            on_forecast: is told what a long run will take, before it is begun.
            hands: makes the steps of a dream on disk; by default this computer.

        Raises:
            PhospheneError: with a message for the person who asked.
        """
        with telling_of_memory():
            if self.technique.name == DREAM.name and self.opening.long_side is None:
                found = large(image, self.settings, self.network, self.objective, self.album, keep)
                if found:
                    return found.dream(on_step, on_forecast, max_pixels=self.opening.max_pixels, hands=hands)
            source, origin = self.technique.engine.open(image, self.settings, self.opening, self.network.dtype)
            return self.make_opened(source, origin, on_step=on_step, keep=keep, on_forecast=on_forecast)

    def make_opened(
        self,
        source: Picture,
        origin: Mapping[str, Any],
        *,
        on_step: OnStep | None = None,
        keep: Keep | None = None,
        on_forecast: OnForecast | None = None,
    ) -> Dream:
        """Makes a picture of one that is open; `origin` is what the record says of it, the rest is as for `make`."""
        engine = self.technique.engine
        work = engine.begin(source, self.settings, self.network, self.album, self.objective)
        if on_forecast and (forecast := work.forecast()):
            on_forecast(forecast)
        known = engine.provenance(work.settings, self.network, work.objective)
        known |= {"pictures": dict(self.album.hashes), "input": dict(origin)}
        checkpoint = Checkpoint(keep.journal(known)) if keep else None
        watch = Watch(on_step)
        try:
            reached = checkpoint.reached(self.network.dtype) if checkpoint else None
            on_reached = checkpoint.now_and_then if checkpoint else lambda _: None
            pixels = work.make(on_step=watch, reached=reached, on_reached=on_reached)
            complete = True
        except Stop:
            pixels, complete = watch.picture(), False
        made = Record(**known, **watch.ended(pixels.shape[-2:], source.depth, complete))
        notes = source.notes + self.network.notes + work.notes + (checkpoint.notes if checkpoint else ())
        journal = checkpoint.journal if checkpoint else None
        return Dream(pixels, made, source, notes, journal, work.regions)


def prepare(
    technique: Technique,
    settings: Any,
    network: Network | str | os.PathLike[str] | None = None,
    *,
    named: Mapping[str, images.Source] | None = None,
    folder: Path | None = None,
    opening: Opening | None = None,
    objective: Objective | None = None,
) -> Prepared:
    """Makes a technique ready.

    Args:
        technique: makes pictures.
        settings: of the technique.
        network: itself, or its name or file; by default the one that the settings name.
        named: pictures that settings name and that are no files.
        folder: where files without a folder are looked for first.
        opening: how pictures are opened.
        objective: in place of what the settings describe.

    Raises:
        PhospheneError: the network cannot be loaded.
    """
    if isinstance(network, (str, os.PathLike)):
        settings, network = replace(settings, model=os.fspath(network)), None
    if network is not None and not isinstance(network, Network):
        raise SettingsError(
            f"network is a {type(network).__name__}; it takes a name, as 'efficientnet-lite0', a weights file, or what"
            " phosphene.network() gives."
        )
    network = network or networks.load_for(settings)
    album = Album(network.dtype, named=named or {}, folder=folder)
    return Prepared(technique, settings, network, album, opening or Opening(), objective)


# Packages that not everybody has: asked for when they are needed, with word of how to install them


_NO_DASK = "Many machines need Dask, which is not installed. Install it with: pip install 'phosphene[distributed]'"


def extra(module: str, *packages: str, missing: PhospheneError) -> Any:
    """A module that needs other packages.

    Raises:
        PhospheneError: `missing`, where one of the packages is not installed.
    """
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in packages:
            raise
        raise missing from error


def cluster() -> Any:
    """The room `cluster`, where Dask is.

    Raises:
        ClusterError: it is not installed.
    """
    return extra("phosphene.cluster", "distributed", "dask", missing=ClusterError(_NO_DASK))
