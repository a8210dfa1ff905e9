"""A technique with its settings and its network, made ready once: for a picture, for a thousand, or for a brush."""

import io
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import psutil
from PIL import Image
from torch import Tensor

from phosphene import images, networks
from phosphene.ascent import OnStep, planning
from phosphene.ascent.executor import MakeExecutor
from phosphene.errors import SettingsError, StopRequested
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels.modes import standard_modes
from phosphene.pixels.transforms import within
from phosphene.recipes.fields import earlier, memory_bytes
from phosphene.records.journal import Journal
from phosphene.records.record import Facts, Record
from phosphene.run import large
from phosphene.run.checkpoint import Checkpoint, CheckpointOptions, StepRecorder, translate_oom
from phosphene.run.large import LargeDream, OnForecast
from phosphene.techniques import DREAM, Technique
from phosphene.techniques.engine import ImageCache
from phosphene.techniques.opening import Opening

# A finished picture, which says how it was made


SHOWN = 1024  # pixels of the longer side, in a notebook
ENOUGH = 2_000_000_000  # bytes that a dream on disk takes where nobody said how many


@dataclass(frozen=True)
class Dream:
    """A finished dream, painting or pattern, or what there was when it was stopped.

    Attributes:
        pixels: `[1, 3, H, W]`, sRGB 0..1.
        record: how it was made.
        source: the picture it began as; its transparency, depth and EXIF go into the files that `save` writes.
        notes: what the user should hear.
        journal: of a run that was kept while it grew; close it when the picture is saved.
        draw_regions: draws the picture's regions; of a style, what was matched with what, if it was.
    """

    pixels: Tensor
    record: Record
    source: Picture
    notes: tuple[str, ...] = ()
    journal: Journal | None = None
    draw_regions: Callable[[], Tensor] | None = None

    @cached_property
    def regions(self) -> Tensor:
        """A picture of the regions, with their numbers; of a style, what was matched with what, in shared colours.

        Raises:
            SettingsError: nothing was, because only looks counted.
        """
        if self.draw_regions is None:
            raise SettingsError("--show-regions: only looks counted, so that nothing was matched by what it is.")
        return self.draw_regions()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    @property
    def alpha(self) -> Tensor | None:
        """`[1, 1, H, W]`, 0..1, or `None`: that of the picture it began as."""
        return self.source.alpha

    @cached_property
    def image(self) -> Image.Image:
        """The picture for Pillow, 8 bits a channel."""
        return Image.open(io.BytesIO(self.encode("png", depth=8)[0]))

    def __repr__(self) -> str:
        return large.described(self.record, self.size)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The picture for numpy, `[H, W, C]`, 8 bits a channel."""
        return np.array(self.image, dtype)

    def __getattr__(self, name: str) -> object:
        """What else a picture of Pillow's can do: `resize`, `crop`, `show`, …"""
        if name.startswith("_"):
            raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")
        return getattr(self.image, name)

    def encode(
        self, format: str, *, metadata: bool = True, quality: int = 95, depth: int | None = None
    ) -> tuple[bytes, tuple[str, ...]]:
        """The bytes of a `png`, `jpeg`, `webp`, `tiff`, `avif` or `jxl` file, and what the user should hear of them."""
        return images.encode(self.pixels, format, **self._extras(metadata, quality, depth))

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        metadata: bool = True,
        quality: int = 95,
        dpi: float | None = None,
    ) -> tuple[str, ...]:
        """Writes the picture, whole or not at all, with its record unless `metadata` is false.

        Author, rights and resolution of the picture that it began as go with it; `dpi` sets another resolution.

        Returns:
            What the user should hear, such as that JPEG has no transparency.

        Raises:
            ImageError: the name, the folder or an existing file stands in the way.
            OutOfSpaceError: the disk is full.
        """
        return images.save(self.pixels, path, overwrite=overwrite, **self._extras(metadata, quality, dpi=dpi))

    def _extras(self, metadata: bool, quality: int, depth: int | None = None, dpi: float | None = None) -> Facts:
        texts = {"metadata": self.record.metadata()} if metadata else {}
        tags = self.source.tags.written(whole=metadata, dpi=dpi)
        return {
            "alpha": self.source.alpha,
            "depth": depth or self.source.depth,
            "quality": quality,
            "tags": tags,
        } | texts

    def _repr_jpeg_(self) -> bytes:
        """For notebooks: small, since as PNG twelve megapixels would add 25 MB to the notebook's file."""
        alpha = None if self.source.alpha is None else within(self.source.alpha, SHOWN)
        return images.encode(within(self.pixels, SHOWN), "jpeg", alpha=alpha, quality=90)[0]


@dataclass(frozen=True)
class Prepared:
    """What is to be made, whatever the picture."""

    technique: Technique  # makes it
    settings: Any  # of the technique, with the network's precision
    network: Network  # computes features
    cache: ImageCache  # opens the pictures that the settings name, each once
    opening: Opening = field(default_factory=Opening)  # how pictures are opened
    objective: Objective | None = None  # one of Python's, in place of what the settings describe

    def __post_init__(self) -> None:
        if self.settings.dtype != self.network.precision:
            object.__setattr__(self, "settings", replace(self.settings, dtype=self.network.precision))

    @standard_modes()
    def check(self) -> str:
        """Finds before any work whatever is wrong for every picture; gives the objective, as far as it is known.

        Raises:
            PhospheneError: names that are not there, pictures that cannot be read.
        """
        return self.technique.engine.check(self.settings, self.network, self.cache)

    def on_disk(self, path: str | os.PathLike[str]) -> bool:
        """Whether a picture file is so large that it is made on disk, where the run is told of a folder for that.

        A large one is even where memory would hold it: in memory, whole copies of it come and go, and clearing their
        pages takes longer than reading and writing blocks.
        """
        size = self._size_in_strips(path)
        return size is not None and math.prod(size) > planning.LARGE and not large.obstacle(self.settings)

    def _size_in_strips(self, path: str | os.PathLike[str]) -> tuple[int, int] | None:
        """Height and width of a picture file that could be dreamt upon on disk; `None` for what is made in memory."""
        as_it_is = self.opening.long_side is None and self.opening.enlarge == 1
        dreams = self.technique.name == DREAM.name and as_it_is
        return images.size_of(Path(path)) if dreams and Path(path).is_file() else None

    def _disk_memory(self, path: str | os.PathLike[str], keep: CheckpointOptions | None) -> int | None:
        """How many bytes of memory a dream on disk may take; `None` for a picture that is made in memory.

        Raises:
            PhospheneError: memory cannot hold it, and it cannot be made on disk.
        """
        size = self._size_in_strips(path)
        if size is None:
            return None
        given, free = memory_bytes(self.settings.memory), int(planning.SHARE * psutil.virtual_memory().available)
        if keep and (keep.begun("memory") or self.on_disk(path)):
            return given or min(free, ENOUGH)
        held = planning.picture_bytes(self.network, size)
        if held > (given or free):
            raise large.too_large(Path(path), held, large.obstacle(self.settings))
        return None

    @standard_modes()
    def make(
        self,
        image: images.Source | None,
        *,
        on_step: OnStep | None = None,
        keep: CheckpointOptions | None = None,
        on_forecast: OnForecast | None = None,
        executor: MakeExecutor | None = None,
    ) -> Dream | LargeDream:
        """Makes a picture; a dream that memory cannot hold is made on disk.

        Args:
            image: what it begins as; nothing where a technique takes words.
            on_step: called with each `Step`; a `StopRequested` raised there ends the run and keeps what there is.
            keep: where the run keeps how far it came; a run that stopped goes on from there.
            on_forecast: is told what a long run will take, before it is begun.
            executor: makes the steps of a dream on disk; by default this computer.

        Raises:
            PhospheneError: with a message for the person who asked.
        """
        with translate_oom():
            path = image if isinstance(image, (str, os.PathLike)) else ""
            if (memory := self._disk_memory(path, keep)) and keep:
                return large.dream(
                    self, Path(path), keep, memory, on_step=on_step, on_forecast=on_forecast, executor=executor
                )
            source, origin = self.technique.engine.open(image, self.settings, self.opening, self.network.dtype)
            return self.make_opened(source, origin, on_step=on_step, keep=keep, on_forecast=on_forecast)

    @standard_modes()
    def make_opened(
        self,
        source: Picture,
        origin: Mapping[str, object],
        *,
        on_step: OnStep | None = None,
        keep: CheckpointOptions | None = None,
        on_forecast: OnForecast | None = None,
    ) -> Dream:
        """Makes a picture of one that is open; `origin` is what the record says of it, the rest is as for `make`."""
        engine = self.technique.engine
        work = engine.begin(source, self.settings, self.network, self.cache, self.objective)
        if on_forecast and (forecast := work.forecast()):
            on_forecast(forecast)
        known = engine.provenance(work.settings, self.network, work.objective)
        known |= {"pictures": dict(self.cache.hashes), "input": dict(origin)}
        checkpoint = Checkpoint(keep.journal(known, earlier(self.technique.settings))) if keep else None
        recorder = StepRecorder(on_step)
        try:
            reached = checkpoint.reached(self.network.dtype) if checkpoint else None
            on_reached = checkpoint.now_and_then if checkpoint else lambda _: None
            pixels = work.make(on_step=recorder, reached=reached, on_reached=on_reached)
            complete = True
        except StopRequested:
            pixels, complete = recorder.picture(), False
        made = Record(**known, **recorder.finish_record(pixels.shape[-2:], source.depth, complete))
        notes = source.notes + self.network.notes + work.notes + (checkpoint.notes if checkpoint else ())
        notes += _unchanged(source, pixels, recorder, work.objective) if complete else ()
        journal = checkpoint.journal if checkpoint else None
        return Dream(pixels, made, source, notes, journal, work.regions)


_SEEN = 0.5 / 255  # a smaller change is none once the picture is written with 8 bits


def _unchanged(source: Picture, pixels: Tensor, recorder: StepRecorder, objective: str) -> tuple[str, ...]:
    """Word of a run through which nothing happened, and why."""
    same = source.pixels.shape == pixels.shape and bool((source.pixels - pixels).abs().max() < _SEEN)
    if recorder.last is None or (recorder.answered and not same):
        return ()
    asked = objective or "what was asked for"
    return (
        f"the picture is as it was: nothing in it answers to {asked}, or its mask, strength or steps leave nothing to"
        " change. Try another --layer, a whiter --mask, more --strength",
    )


@standard_modes()
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
    opening = opening or Opening()
    cache = ImageCache(network.dtype, named=named or {}, folder=folder, max_pixels=opening.max_pixels)
    return Prepared(technique, settings, network, cache, opening, objective)
