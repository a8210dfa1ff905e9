"""A dream of a picture that memory cannot hold, from a file to a file that says how it was made."""

import math
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psutil

from phosphene import images
from phosphene.ascent import OnStep, gradient, planning
from phosphene.ascent.executor import MakeHands, OnDisk
from phosphene.ascent.gradient import Tiling
from phosphene.errors import DISK_FULL, PhospheneError, RoomError, SettingsError, Stop
from phosphene.images import huge
from phosphene.images.huge import Opened
from phosphene.images.rasters import Raster
from phosphene.images.samples import check_size
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import transforms
from phosphene.recipes import large as recipe
from phosphene.recipes.dream import goal
from phosphene.recipes.fields import memory_bytes
from phosphene.recipes.settings import DreamSettings
from phosphene.records.journal import SUFFIX, Journal
from phosphene.records.record import Record
from phosphene.run.kept import Keep, Watch
from phosphene.techniques import DREAM
from phosphene.techniques.aims import Forecast, asks_for_best, seconds
from phosphene.techniques.engine import Album

SHARE = 0.6  # of the memory that is free: the rest is for the user's other programs
BLOCK_BYTES = 240_000_000  # held of blocks and strips, beside a tile
ENOUGH = 2_000_000_000  # bytes that a dream on disk takes where nobody said how many

OnForecast = Callable[[Forecast], None]


@dataclass(frozen=True)
class LargeDream:
    """A finished dream that lies on disk.

    Attributes:
        raster: its pixels.
        record: how it was made.
        source: the picture it began as.
        journal: in whose folder it lies.
        notes: what the user should hear.
    """

    raster: Raster
    record: Record
    source: Opened
    journal: Journal
    notes: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.raster.size

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, metadata: bool = True, quality: int = 95
    ) -> tuple[str, ...]:
        """As `Dream.save`; TIFF files are pyramids."""
        facts = self.record.metadata() if metadata else None
        huge.save(self.raster, self.source, Path(path), metadata=facts, quality=quality, overwrite=overwrite)
        return ()


@dataclass(frozen=True)
class Large:
    """A picture file that is to dream on disk.

    Attributes:
        path: of the picture.
        size: its height and width.
        chosen: how to dream.
        network: what dreams.
        objective: ready for the network.
        album: the pictures that the objective looks at.
        keep: where the dream grows.
        memory: bytes for the whole process.
    """

    path: Path
    size: tuple[int, int]
    chosen: DreamSettings
    network: Network
    objective: Objective
    album: Album
    keep: Keep
    memory: int

    def dream(
        self,
        on_step: OnStep | None = None,
        on_forecast: OnForecast | None = None,
        *,
        max_pixels: int = images.MAX_PIXELS,
        hands: MakeHands | None = None,
    ) -> LargeDream:
        """The finished dream.

        Args:
            on_step: is told of tiles and steps.
            on_forecast: is told what it will take.
            max_pixels: refuses larger pictures.
            hands: makes the steps; by default this computer.

        Raises:
            Stop: it was asked for; the journal keeps what there is.
            PhospheneError: with a message for the person who asked.
        """
        check_size(self.path.name, self.size[1], self.size[0], max_pixels)
        origin = {"name": self.path.name, "sha256": huge.sha256(self.path)}
        known = DREAM.engine.provenance(self.chosen, self.network, str(self.objective)) | {
            "pictures": self.album.hashes
        }
        journal, watch = self.keep.journal(known | {"input": origin}), Watch(on_step)
        with _kept(journal):
            source = self._unpacked(journal, max_pixels)
            tilings = self._tilings(journal.state["memory"])
            if on_forecast and (forecast := self._forecast(journal, tilings)):
                on_forecast(forecast)
            dreamt = recipe.dream(
                source.raster,
                self.network,
                self.objective,
                settings=self.chosen,
                tilings=tilings,
                journal=journal,
                on_step=watch,
                hands=hands or OnDisk,
            )
        began = {**origin, "width": dreamt.width, "height": dreamt.height}
        made = Record(**known, input=began, **watch.ended(dreamt.size, source.depth, complete=True))
        return LargeDream(dreamt, made, source, journal, source.notes + self.network.notes)

    @property
    def _disk(self) -> int:
        return recipe.disk_bytes(self.size, self.chosen, self.network.dtype.itemsize)

    @property
    def _sizes(self) -> list[tuple[int, int]]:
        return transforms.sizes(*self.size, self.chosen.octaves, self.chosen.octave_scale)

    def _unpacked(self, journal: Journal, max_pixels: int) -> Opened:
        """The picture as a raster in the journal's folder; unpacked once."""
        journal.room_for(self._disk)
        source = journal.folder / "source.raw"
        opened = huge.unpack(self.path, source, max_pixels=max_pixels, again="memory" in journal.state)
        journal.state.setdefault("memory", self.memory)  # a dream that goes on has the tiles that it began with
        return opened

    def _tilings(self, memory: int) -> list[Tiling]:
        return planning.plan(
            self.network,
            self.objective,
            sizes=self._sizes,
            tile=self.chosen.tile,
            overlap=self.chosen.overlap,
            memory=memory,
            beside=BLOCK_BYTES,
        )

    def _forecast(self, journal: Journal, tilings: list[Tiling]) -> Forecast | None:
        expected = seconds(self.network, self.objective, self._sizes, tilings, self.chosen)
        if expected is None:
            return None
        count = len(gradient.boxes(self.size, self.network, self.objective, tilings[-1]))
        free = shutil.disk_usage(journal.folder).free
        return Forecast(self.size, count, expected, journal.state["memory"], self._disk, free)


def large(
    image: images.Source | None,
    chosen: DreamSettings,
    network: Network,
    objective: Objective | None,
    album: Album,
    keep: Keep | None,
) -> Large | None:
    """The picture as one that dreams on disk, if it is large; `None` if it dreams in memory.

    A large one dreams on disk even where memory would hold it: in memory, whole copies of it come and go, and clearing
    their pages takes longer than reading and writing blocks.

    Raises:
        PhospheneError: it does not fit, and cannot dream on disk.
    """
    if not isinstance(image, (str, os.PathLike)) or not Path(image).is_file():
        return None
    path = Path(image)
    size, given = huge.size_of(path), memory_bytes(chosen.memory)
    if size is None:
        return None
    free = int(SHARE * psutil.virtual_memory().available)
    obstacle = _needs_memory(chosen)
    if keep and (keep.begun("memory") or dreams_on_disk(path, chosen)):
        wanted = (objective or goal(network, chosen)).prepare(network, album)
        return Large(path, size, chosen, network, wanted, album, keep, given or min(free, ENOUGH))
    if planning.picture_bytes(network, size) > (given or free):
        raise _too_large(path, planning.picture_bytes(network, size), obstacle)
    return None


def dreams_on_disk(path: str | os.PathLike[str], chosen: DreamSettings) -> bool:
    """Whether a picture file is so large that it dreams on disk, where it is told of a folder for that."""
    size = huge.size_of(Path(path)) if Path(path).is_file() else None
    return size is not None and math.prod(size) > planning.LARGE and not _needs_memory(chosen)


def _needs_memory(chosen: DreamSettings) -> str | None:
    """What was asked for that cannot be done on disk."""
    asked = ((chosen.mask, "--mask"), (chosen.region, "--region"), (asks_for_best(chosen), "a guide without --layer"))
    return next((name for wish, name in asked if wish), None)


def _too_large(path: Path, held: int, obstacle: str | None) -> PhospheneError:
    takes = f"{path.name} takes {held / 1e9:.1f} GB of memory and more"
    if obstacle is None:
        return RoomError(f"{takes}, or a file to dream into.\nName one: -o dream.tif (in Python: keep=Keep(folder))")
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
    except Stop as stop:
        journal.write()
        raise Stop(f"Stopped; nothing is lost. To go on: phosphene resume {name}") from stop
    except OSError as error:
        if error.errno not in DISK_FULL:
            raise
        raise RoomError(
            f"The disk is full. What was done is kept in {journal.folder}.\n"
            f"Free some room, and go on: phosphene resume {name}"
        ) from error
