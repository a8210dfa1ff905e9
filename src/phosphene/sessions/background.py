"""Long work about a picture beside painting: thumbnails of looks, layers ranked for a guide, the full render, films."""

import contextlib
import re
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from phosphene import features, filters, images
from phosphene.errors import OutOfSpaceError, SettingsError, StopRequested
from phosphene.features import ranking
from phosphene.images import Picture
from phosphene.painting import again
from phosphene.painting.closeup import Part, closeups
from phosphene.painting.document import DREAM, ERASE, STYLE, Ground, Look
from phosphene.painting.engine import PaintEngine
from phosphene.painting.look_cache import LookCache
from phosphene.painting.render import check_room, enlarged
from phosphene.painting.selection import numbered
from phosphene.pixels.transforms import SMALLEST, at
from phosphene.recipes.fields import numbers
from phosphene.recipes.settings import PRESETS, DreamSettings
from phosphene.run import extras
from phosphene.sessions.jobs import Job, Rank, Worker
from phosphene.sessions.painter import Painter
from phosphene.sessions.screen import eight_bits, webp
from phosphene.sessions.states import FilmKind, Format, JobKind, LookSet
from phosphene.sessions.store import PICTURE, THUMBNAILS, References, SessionFolder

SMALL, SMALL_STYLE = 240, 200  # pixels of the long side at which a dream is tried, and a style
STYLE_STEPS = 24  # of a style that is tried: with 80, a dozen took a minute
CHANNELS = 24  # of a layer that are shown: those that answer this picture most
TRIED = {DREAM: 1.0, STYLE: 0.5}  # the strength there
SCALE = max(numbers(DreamSettings.guide_scales, "--guide-scales"))  # of a guide, as a dream has it
SUFFIXES: dict[Format, str] = {"png": "png", "jpeg": "jpg", "webp": "webp", "tiff": "tif", "avif": "avif"}
KEY = re.compile(r"(?:preset|filter|layer|channel|seed)-[\w.:+/-]{1,80}")


@dataclass(frozen=True)
class Background:
    """Begins long work about one picture.

    Attributes:
        name: the picture's, for people.
        folder: where it is kept.
        references: guides and styles.
        painter: what is painted on it.
        worker: computes, and lets more urgent things go first.
        add_job: has a job done, and those who watch told of it.
    """

    name: str
    folder: SessionFolder
    references: References
    painter: Painter
    worker: Worker
    add_job: Callable[[JobKind, Rank, Callable[[Job], dict[str, object]], str], Job]
    _latest: dict[str, Job] = field(default_factory=dict)  # of those of which a new one takes the place of the last
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def thumbnails(self, of: LookSet, layer: str | None = None) -> Job:
        """Tries looks on the picture, small; each is told of as soon as it is there. Channels are of a layer.

        Raises:
            UnknownNameError: there is no such layer.
        """
        look_cache = self.painter.engine.look_cache
        if layer is not None:
            look_cache.network.layer(layer)

        def work(job: Job) -> dict[str, object]:
            return self._try(job, _looks(look_cache, of, layer))

        return self.add_job("thumbnails", Rank.THUMBNAILS, work, f"trying {of} on your picture")

    def variations(self, look: Look, seeds: Sequence[int]) -> Job:
        """Tries a look with other seeds, small; the key of each is `seed-` and the seed.

        Raises:
            PhospheneError: a look that cannot be.
        """
        self.painter.engine.look_cache.check(look)
        if look.kind == ERASE:
            raise SettingsError("The eraser has no others: it brings the photograph back.\nName a dream or a style.")
        looks = [(f"seed-{seed}", replace(look, seed=seed)) for seed in seeds]

        def work(job: Job) -> dict[str, object]:
            for path in self.folder.path.glob(f"{THUMBNAILS}/seed-*"):  # of earlier looks
                path.unlink(missing_ok=True)
            return self._try(job, looks)

        return self._take_place("seeds", lambda: self.add_job("thumbnails", Rank.LOOK, work, "dreaming others"))

    def _try(self, job: Job, looks: Sequence[tuple[str, Look]]) -> dict[str, object]:
        """Makes the thumbnails of looks by their keys, as far as they are not made."""
        look_cache = self.painter.engine.look_cache
        small = _small(look_cache.view, SMALL_STYLE if looks[0][1].kind == STYLE else SMALL)
        engine = PaintEngine(LookCache(look_cache.network, small, self.references, style_steps=STYLE_STEPS))
        for number, (key, look) in enumerate(looks):
            if self.made_thumbnail(key) is None:
                self.worker.draw_filter(job, look)
                grown = engine.grow(Ground(look, TRIED[look.kind]), lambda _: self.worker.breathe(job))
                if grown is not None and grown.until is not None:
                    self.worker.breathe(job)
                self.folder.write(_file(key), webp(eight_bits(engine.pixels)))
            self.painter.emit({"event": "thumbnail", "key": key})
            job.tell((number + 1) / len(looks))
            self.worker.breathe(job)
        return {"keys": [key for key, _ in looks]}

    def made_thumbnail(self, key: str) -> bytes | None:
        """A thumbnail, if it was made."""
        path = self.folder.path / _file(key)
        return path.read_bytes() if KEY.fullmatch(key) and ".." not in key and path.is_file() else None

    def segments(self) -> bytes:
        """The photograph's regions at view size: each pixel's red is its region's number, from 1; WebP."""
        look_cache = self.painter.engine.look_cache
        regions = self.worker.ask(lambda: look_cache.regions).result()
        numbers = numbered(regions, *look_cache.size)[0].to(torch.uint8).numpy()
        return webp(np.stack([numbers] * 3, -1), lossless=True)

    def rank(self, reference: str) -> Job:
        """Ranks the layers by how well a guide's shapes can be found in the picture.

        Raises:
            UnknownNameError: there is no such guide.
        """
        data = self.references[reference]

        def work(job: Job) -> dict[str, object]:
            network, view = self.painter.engine.look_cache.network, self.painter.engine.photograph
            guide = images.load(data, dtype=network.dtype).pixels
            ranked = ranking.rank(view, [guide], network, scale=SCALE)
            best = [each.layer for each in ranking.companions(ranked, network, DreamSettings.top)]
            told = [
                {"layer": each.layer, "score": round(each.score, 4), "shows": network.layer(each.layer).shows}
                for each in ranked
            ]
            return {"layers": told, "best": best}

        return self.add_job("ranking", Rank.LOOK, work, "looking for your guide's shapes, layer by layer")

    def render(self, format: Format, long_side: int | None) -> Job:
        """Makes the painting again at full size, or at a long side of so many pixels, which may be more than it has."""

        def work(job: Job) -> dict[str, object]:
            began, document, engine = time.monotonic(), self.painter.history.document, self.painter.engine.copy()
            data = self.folder.read(PICTURE)
            opening = partial(images.load, data, long_side=long_side, max_pixels=0, name=self.name)
            photograph = self.worker.beside(job, lambda: enlarged(opening(), long_side, engine))
            names = {id: str(each.get("name")) for id, each in self.references.facts.items()}
            breathe = partial(self.worker.breathe, job)
            made = again.rendered(document, engine, photograph, job.tell, breathe, names=names, long_side=long_side)
            data, notes = self.worker.beside(job, partial(made.encode, format))
            self.folder.write(f"renders/{job.id}", data)
            job.result_file, job.media_type = self.folder.path / "renders" / job.id, f"image/{format}"
            height, width = made.size
            return {
                "name": f"{self._stem}-painting.{SUFFIXES[format]}",
                "width": width,
                "height": height,
                "bytes": len(data),
                "seconds": round(time.monotonic() - began, 1),
                "notes": list(made.notes + notes),
            }

        return self.add_job("render", Rank.RENDER, work, "painting it again at full size")

    def closeup(self, part: Part | None, long_side: int = 0) -> None:
        """Shows a part of the painting sharper than it was painted, in the place of the one before; `None` shows none.

        It ends when the painting changes, and is sharp enough at `long_side` pixels of the whole picture.
        """
        if part is None:
            with self._lock:
                self._end_last("closeup")
            return

        def work(job: Job) -> dict[str, object]:
            with contextlib.suppress(OutOfSpaceError):  # it is seen as it was painted
                self._show_closely(job, part, long_side)
            return {}

        self._take_place("closeup", lambda: self.add_job("closeup", Rank.CLOSEUP, work, "sharpening what you look at"))

    def _take_place(self, of: str, begin: Callable[[], Job]) -> Job:
        """Begins a job in the place of the last one of its kind."""
        with self._lock:
            self._end_last(of)
            self._latest[of] = begun = begin()
        return begun

    def _end_last(self, of: str) -> None:
        """Ends the last job of a kind, with the lock held."""
        if (last := self._latest.pop(of, None)) is not None:
            self.worker.drop([last])

    def _show_closely(self, job: Job, part: Part, long_side: int) -> None:
        document, engine, screen = self.painter.history.document, self.painter.engine.copy(), self.painter.screen
        facts, revision = self.folder.facts(), screen.revision
        check_room(engine, (int(facts["height"]), int(facts["width"])))
        opening = partial(images.load, self.folder.read(PICTURE), max_pixels=0)
        photograph = self.worker.beside(job, opening).pixels

        def breathe() -> None:
            self.worker.breathe(job)
            if screen.revision != revision:
                raise StopRequested

        for found in closeups(document, engine, photograph, part, long_side, breathe):
            breathe()
            self.painter.emit(screen.closeup(found.pixels, found.box, found.size))
            self.painter.engine.styled = {**engine.styled, **self.painter.engine.styled}  # a style was looked at once

    def film(self, kind: FilmKind, seconds: int, *, loop: bool = False) -> Job:
        """Makes a film of the painting: a zoom into it, which may be a loop, or its strokes in time.

        Raises:
            SettingsError: films cannot be made here.
        """
        room = extras.films("strokes")

        def work(job: Job) -> dict[str, object]:
            began, document, engine = time.monotonic(), self.painter.history.document, self.painter.engine.copy()
            folder = self.folder.path / "renders"
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                path = Path(scratch) / "film.mp4"
                watch = _watching(self.worker, job)
                if kind == "zoom":
                    film = room.zoom_film(document, engine, path, room.ZoomOptions(seconds, loop=loop), watch)
                else:
                    film = room.strokes_film(document, engine, path, seconds, watch)
                made = room.make(film, path, partial(_tell_frames, self.worker, job))
                if not made.record.complete:
                    raise StopRequested
                job.result_file, job.media_type = path.replace(folder / job.id), "video/mp4"
            height, width = made.size
            return {
                "name": f"{self._stem}-{kind}.mp4",
                "width": width,
                "height": height,
                "bytes": job.result_file.stat().st_size,
                "seconds": round(time.monotonic() - began, 1),
                "notes": list(made.notes),
            }

        said = "flying into your painting" if kind == "zoom" else "painting it again, stroke by stroke"
        return self.add_job("film", Rank.RENDER, work, said)

    @property
    def _stem(self) -> str:
        """The picture's name without its suffix."""
        return self.name.rpartition(".")[0] or self.name


def _watching(worker: Worker, job: Job) -> Callable[[object], None]:
    """What lets more urgent things go first, at each step of a dream."""
    return lambda _: worker.breathe(job)


def _tell_frames(worker: Worker, job: Job, progress: Any) -> None:
    """Says how many frames of a film are made."""
    job.tell(progress.frames / (progress.count or progress.frames))
    worker.breathe(job)


def _looks(look_cache: LookCache, of: LookSet, layer: str | None) -> list[tuple[str, Look]]:
    """The looks of a set, with the keys of their thumbnails."""
    if of == "presets":
        return [(f"preset-{name}", Look(DREAM, preset=name)) for name in PRESETS]
    if of == "filters":
        return [(f"filter-{name}", Look(STYLE, filter=name)) for name in filters.names()]
    if of == "layers":
        return [(f"layer-{name}", Look(DREAM, layer=name)) for name in ranking.main_layers(look_cache.network)]
    name = str(layer)
    return [(f"channel-{name}-{each}", Look(DREAM, layer=name, channel=each)) for each in _strongest(look_cache, name)]


def _strongest(look_cache: LookCache, layer: str) -> Sequence[int]:
    """The channels that answer the picture most, each in proportion to what it does on the average."""
    seen = _small(look_cache.view, SMALL).pixels
    found = features.of_picture(look_cache.network, seen, {layer})[layer][0].flatten(1)
    peaks = found.amax(1) / (found.abs().mean(1) + found.abs().mean())
    return [int(each) for each in torch.argsort(peaks, descending=True)[:CHANNELS]]


def _small(view: Picture, side: int) -> Picture:
    height, width = view.pixels.shape[-2:]
    share = min(1.0, side / max(height, width))
    return replace(
        view, pixels=at(view.pixels, max(SMALLEST, round(height * share)), max(SMALLEST, round(width * share)))
    )


def _file(key: str) -> str:
    return f"{THUMBNAILS}/{key}"
