"""A dream of a picture that memory cannot hold, from a file to a file that says how it was made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from torch import Tensor

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.ascent.executor import DiskExecutor, MakeExecutor
from phosphene.errors import DISK_FULL, OutOfSpaceError, PhospheneError, SettingsError, StopRequested
from phosphene.images import huge
from phosphene.images.rasters import Raster
from phosphene.images.samples import check_size
from phosphene.images.sources import sha256_of
from phosphene.recipes import large as recipe
from phosphene.recipes.dream import resolve_objective, sizes_of, tilings_of
from phosphene.recipes.fields import earlier
from phosphene.recipes.settings import DreamSettings
from phosphene.records.journal import SUFFIX, Journal
from phosphene.records.record import Record
from phosphene.run.checkpoint import CheckpointOptions, StepRecorder
from phosphene.techniques.dreams import Forecast, asks_for_best, forecast
from phosphene.techniques.masking import drawn_regions
from phosphene.techniques.opening import KEEP

if TYPE_CHECKING:
    from phosphene.run.prepared import Prepared

BLOCK_BYTES = 240_000_000  # held of blocks and strips, beside a tile

OnForecast = Callable[[Forecast], None]


def described(record: Record, size: tuple[int, int]) -> str:
    """What Python shows of a picture that was made: its numbers and its record would fill pages."""
    (height, width), began_as = size, record.input.get("name") or record.input.get("canvas")
    return f"<phosphene {record.recipe} of {began_as}, {width}×{height}: {record.objective}>"


@dataclass(frozen=True)
class LargeDream:
    """A finished dream that lies on disk: its pixels in `raster`, within the journal's folder.

    Its record, source, journal and notes are as those of `Dream`.
    """

    raster: Raster
    record: Record
    source: huge.Opened
    journal: Journal
    notes: tuple[str, ...] = ()
    draw_regions: Callable[[], Tensor] | None = None

    @property
    def regions(self) -> Tensor:
        """As `Dream.regions`."""
        if self.draw_regions is None:
            raise SettingsError("--show-regions: this dream was made elsewhere, and has none.")
        return self.draw_regions()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.raster.size

    def __repr__(self) -> str:
        return described(self.record, self.size)

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = False,
        metadata: bool = True,
        quality: int = 95,
        dpi: float | None = None,
    ) -> tuple[str, ...]:
        """As `Dream.save`; TIFF files are pyramids."""
        facts, tags = self.record.metadata() if metadata else {}, self.source.tags.written(whole=metadata, dpi=dpi)
        return huge.save(
            self.raster, self.source, Path(path), metadata=facts, tags=tags, quality=quality, overwrite=overwrite
        )


def dream(
    ready: Prepared,
    path: Path,
    keep: CheckpointOptions,
    memory: int,
    *,
    on_step: OnStep | None = None,
    on_forecast: OnForecast | None = None,
    executor: MakeExecutor | None = None,
) -> LargeDream:
    """The dream of a picture file, which grows where `keep` says, with so many bytes of memory for the whole process.

    `on_step` is told of tiles, too; the rest is as for `Prepared.make`.

    Raises:
        StopRequested: it was asked for; the journal keeps what there is.
        PhospheneError: with a message for the person who asked.
    """
    height, width = images.size_of(path) or (0, 0)
    check_size(path.name, width, height, ready.opening.max_pixels)
    settings, network = ready.settings, ready.network
    objective = (ready.objective or resolve_objective(network, settings)).prepare(network, ready.cache)
    known = ready.technique.engine.provenance(settings, network, str(objective)) | {"pictures": ready.cache.hashes}
    origin = {"name": path.name, "sha256": sha256_of(path), **ready.opening.recorded()}
    sizes = sizes_of(settings, height, width)
    journal = keep.journal(known | {"input": origin}, earlier(ready.technique.settings))
    recorder = StepRecorder(on_step)
    disk = recipe.disk_bytes(sizes, network)
    with _kept(journal):
        journal.room_for(disk)
        keep_profile = ready.opening.profile == KEEP
        begun = "memory" in journal.state
        source = huge.unpack(path, journal.folder / "source.raw", again=begun, keep_profile=keep_profile)
        memory = journal.state.setdefault("memory", memory)  # a dream that goes on has the tiles that it began with
        tilings = tilings_of(network, objective, settings, sizes, memory=memory, beside=BLOCK_BYTES)
        if on_forecast and (found := forecast(network, objective, sizes, tilings, settings)):
            on_forecast(replace(found, memory=memory, disk=disk, free=shutil.disk_usage(journal.folder).free))
        dreamt = recipe.dream(
            source.raster,
            network,
            objective,
            settings=settings,
            tilings=tilings,
            journal=journal,
            on_step=recorder,
            make_executor=executor or DiskExecutor,
        )
    began = {**origin, "width": dreamt.width, "height": dreamt.height}
    made = Record(**known, input=began, **recorder.finish_record(dreamt.size, source.depth, complete=True))
    seen = recipe.small(source.raster)  # the file is gone when the dream is saved
    return LargeDream(
        dreamt, made, source, journal, source.notes + network.notes, partial(drawn_regions, seen, network)
    )


def obstacle(settings: DreamSettings) -> str | None:
    """What was asked for that cannot be done on disk."""
    best = asks_for_best(settings)
    asked = {"--mask": settings.mask, "--region": settings.region, "a guide without --layer": best}
    return next((name for name, wish in asked.items() if wish), None)


def too_large(path: Path, held: int, obstacle: str | None) -> PhospheneError:
    """Says of a picture that would hold so many bytes of memory how it can be made."""
    takes = f"{path.name} takes {held / 1e9:.1f} GB of memory and more"
    if obstacle is None:
        return OutOfSpaceError(
            f"{takes}, or a file to dream into.\nName one: -o dream.tif (in Python: keep=CheckpointOptions(folder))"
        )
    return SettingsError(
        f"{takes}, or dreams on disk; but {obstacle} needs it in memory.\n"
        f"Give --memory {1.2 * held / 1e9 + 0.5:.0f}GB, or a smaller picture, as --long-side 8000."
    )


@contextmanager
def _kept(journal: Journal) -> Iterator[None]:
    """Keeps what there is when the dream ends early, and says how to go on."""
    name = journal.folder.name.removesuffix(SUFFIX)
    try:
        yield
    except StopRequested as stop:
        journal.write()
        raise StopRequested(f"Stopped; nothing is lost. To go on: phosphene resume {name}") from stop
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise OutOfSpaceError(
            f"The disk is full. What was done is kept in {journal.folder}.\n"
            f"Free some room, and go on: phosphene resume {name}"
        ) from error
