"""A film or a zoom, from the settings requested to a file: what `phosphene.film` and `phosphene.zoom` do."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

from torch import Tensor

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.errors import SettingsError, nearest
from phosphene.films import sound
from phosphene.films.carry import CarriedFrames
from phosphene.films.flight import ZoomOptions
from phosphene.films.formats import format_for, is_film
from phosphene.films.frames import Frame
from phosphene.films.making import Film, FilmRun, MadeFilm, Progress
from phosphene.films.outputs import check_apart, check_output
from phosphene.films.reading import FilmReader
from phosphene.films.timeline import Timeline
from phosphene.films.tracks import Sound
from phosphene.films.zoom import Zoom
from phosphene.images import Picture, name_of
from phosphene.networks import Network
from phosphene.pixels.modes import standard_modes
from phosphene.pixels.transforms import at
from phosphene.recipes.fields import ValueDict, Values, earlier, flag
from phosphene.records.journal import folder_of
from phosphene.records.record import Facts, beside
from phosphene.run import Prepared, prepare
from phosphene.run.checkpoint import CheckpointOptions
from phosphene.techniques import DREAM, STYLE, Technique
from phosphene.techniques.engine import pictures
from phosphene.techniques.opening import Opening

FILM, ZOOM = "film", "zoom"  # what their records are called
LEAST_SIDE = 16  # pixels of a frame's longer side
_NUMBER = (int, float)
ZOOM_SIDE = 1280  # pixels of a zoom's longer side, where nobody says


@dataclass(frozen=True)
class FilmOptions:
    """How a film is read and written.

    Raises:
        SettingsError: a value out of its range, with the range.
    """

    begin: float = 0.0  # seconds at which it begins within the film
    end: float | None = None  # and ends
    fps: float | None = None  # frames a second, where these are not the film's own
    codec: str | None = None  # by default the usual one of the container
    quality: int | None = None  # 1 to 100
    long_side: int | None = None  # shrinks frames first
    max_pixels: int = images.MAX_PIXELS  # refuses larger frames; 0 refuses none

    def __post_init__(self) -> None:
        for name, wanted in (("begin", _NUMBER), ("end", _NUMBER), ("fps", _NUMBER), ("quality", int), ("codec", str)):
            value = getattr(self, name)
            if isinstance(value, bool) or (value is not None and not isinstance(value, wanted)):
                raise SettingsError(f"{name} is {value!r}; it takes {'text' if wanted is str else 'a number'}.")
        side = self.long_side
        if side is not None and (isinstance(side, bool) or not isinstance(side, int) or side < LEAST_SIDE):
            raise SettingsError(f"--long-side is {side!r}; it takes a number of pixels from {LEAST_SIDE}.")

    def told(self) -> Facts:
        """What a record says of it."""
        return {name: value for name in self.names() if (value := getattr(self, name)) not in (None, 0.0)}

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """What a record knows of it: all but what is asked of whoever makes the film again."""
        return tuple(each.name for each in fields(cls) if each.name != "max_pixels")


def technique_of(requested: Values) -> Technique:
    """What makes the frames: a style where one is named, else dreams.

    Raises:
        SettingsError: a name that the technique does not know.
    """
    technique = STYLE if any(map(requested.get, STYLE.needs)) else DREAM
    for name, value in requested.items():
        if name not in technique.names and value is not None:
            other = STYLE if technique is DREAM else DREAM
            home = f" It is for {other.plural}." if name in other.names else nearest(name, technique.names)
            raise SettingsError(f"{flag(name)} is no setting of a film of {technique.plural}.{home}")
    return technique


@standard_modes()
def prepare_film(
    source: str | os.PathLike[str],
    output: Path,
    requested: Values,
    options: FilmOptions,
    *,
    network: Network | str | None = None,
    folder: Path | None = None,
    on_step: OnStep = lambda _: None,
) -> Film:
    """Makes a film ready: everything that can be wrong is found here.

    Args:
        source: a video, an animated GIF, WebP or PNG, or a folder of numbered pictures.
        output: where it will go; the suffix says what it is written as.
        requested: settings and looks by name, for dreams or for styles; those that change over time are texts.
        options: how it is read and written.
        network: by default the one that the setting `model` names.
        folder: where files without a folder are looked for first.
        on_step: is told of each step of each frame.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    reader = FilmReader(source, begin=options.begin, end=options.end, fps=options.fps, max_pixels=options.max_pixels)
    technique = technique_of(requested)
    timeline = _timeline(technique, requested, reader)
    size = _shrunk(reader.size, options.long_side)
    ready = prepare(
        technique, timeline.settings_at(0.0), network, folder=folder, opening=Opening(max_pixels=options.max_pixels)
    )
    read = reader.path, *_files_of(ready)
    check_apart(output, read)
    masks = _mask_films(ready, options)
    objective = _checked(ready, timeline)
    maker = CarriedFrames(_frames_of(reader, size), ready, timeline.settings_at, on_step, masks)
    known = _known(ready, timeline, objective, options.told()) | {"recipe": FILM}
    known["settings"] |= {"technique": technique.name}
    known["input"] = {
        "name": reader.path.name,
        "sha256": reader.sha256,
        "width": reader.size[1],
        "height": reader.size[0],
    }
    known["pictures"] |= {name_of(name): each.sha256 for name, each in masks.items()}
    return Film(
        maker,
        size,
        reader.rate,
        reader.count,
        format_for(output, codec=options.codec, quality=options.quality, alpha=reader.alpha),
        known,
        Sound(reader.path, reader.start, options.end) if reader.path.is_file() else None,
        read,
        lambda: (*reader.notes, *ready.network.notes),
    )


@standard_modes()
def prepare_zoom(
    image: images.Source,
    output: Path,
    requested: Values,
    flight: ZoomOptions,
    options: FilmOptions,
    *,
    canvas: tuple[int, int] | None = None,
    folder: Path | None = None,
    on_step: OnStep = lambda _: None,
) -> Film:
    """Makes a zoom into a picture, or a `canvas` of a width and height, ready; the rest is as for `prepare_film`."""
    timeline = Timeline.of(DREAM, requested, seconds=flight.seconds)
    if timeline.needs_sound:
        raise SettingsError("A zoom has no sound for a setting to follow. Give points of time: --strength '0:0.5, 5:1'")
    opening = Opening(canvas, None, options.max_pixels)
    ready = prepare(DREAM, timeline.settings_at(0.0), folder=folder, opening=opening)
    picture, origin = DREAM.engine.open(image, ready.settings, opening, ready.network.dtype)
    read = *((Path(image),) if isinstance(image, (str, os.PathLike)) else ()), *_files_of(ready)
    check_apart(output, read)
    objective = _checked(ready, timeline)
    height, width = _even(_shrunk((picture.pixels.shape[-2], picture.pixels.shape[-1]), options.long_side or ZOOM_SIDE))
    maker = Zoom(
        _cropped(picture.pixels, height, width), ready, flight, timeline.settings_at, on_step, size=(height, width)
    )
    options = replace(options, long_side=max(height, width))
    known = _known(ready, timeline, objective, options.told()) | {"recipe": ZOOM, "input": origin}
    known["settings"] |= asdict(flight) | {"towards": list(flight.towards)}
    form = format_for(output, codec=options.codec, quality=options.quality)
    return Film(maker, (height, width), maker.rate, maker.count, form, known, None, read, lambda: picture.notes)


@standard_modes()
def film(
    source: str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    options: FilmOptions | None = None,
    network: Network | str | None = None,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    **requested: object,
) -> MadeFilm:
    """Makes a film of dreams, or of paintings where `style` or `filter` is named, with the sound of its source.

    A run that is killed keeps what it has in a folder beside the output; the same call goes on with it.

    Args:
        source: a video, an animated GIF, WebP or PNG, or a folder of numbered pictures.
        output: by default in-dream.mp4 beside in.mp4.
        options: how it is read and written.
        network: by default the one that the setting `model` names.
        overwrite: whether another file may be replaced.
        on_progress: is told of each frame; raise `phosphene.StopRequested` there to end early and keep what there is.
        **requested: settings and looks of dreams or styles; a number may be points of time, as `strength="0:0, 5:1"`.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    path = Path(output) if output is not None else film_output(Path(source), technique_of(requested).name)
    begun = check_output(path, overwrite=overwrite)
    made = prepare_film(source, path, requested, options or FilmOptions(), network=network)
    return FilmRun(made, path, CheckpointOptions(folder_of(path)), overwrite or begun, on_progress=on_progress).make()


@standard_modes()
def zoom(
    image: images.Source,
    output: str | os.PathLike[str] | None = None,
    *,
    flight: ZoomOptions | None = None,
    options: FilmOptions | None = None,
    overwrite: bool = False,
    on_progress: Callable[[Progress], None] = lambda _: None,
    **requested: object,
) -> MadeFilm:
    """Makes an endless zoom into a picture: new forms grow out of the old ones.

    Args:
        image: a path, an image of Pillow's, an array, a tensor, bytes, or the name of a canvas, as `clouds`.
        output: by default photo-zoom.mp4 beside photo.jpg.
        flight: how long, how fast, where to.
        options: how it is written.
        overwrite: as for `film`.
        on_progress: as for `film`.
        **requested: settings and looks of dreams.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    if output is None:
        output = film_output(Path(image if isinstance(image, (str, os.PathLike)) else name_of(image)), ZOOM)
    path = Path(output)
    begun = check_output(path, overwrite=overwrite)
    made = prepare_zoom(image, path, requested, flight or ZoomOptions(), options or FilmOptions())
    return FilmRun(made, path, CheckpointOptions(folder_of(path)), overwrite or begun, on_progress=on_progress).make()


def film_output(source: Path, name: str) -> Path:
    """Where a film goes unless told otherwise: of GIF, WebP and WebM films the same, of others MP4.

    >>> film_output(Path("a/cat.mov"), "dream").name, film_output(Path("cat.gif"), "dream").name
    ('cat-dream.mp4', 'cat-dream.gif')
    """
    suffix = source.suffix.lower()
    kept = suffix if suffix in (".mkv", ".webm") or (suffix in (".gif", ".webp", ".apng") and name != ZOOM) else ".mp4"
    return source.with_name(f"{source.stem or source.name}-{name}{kept}")


def _frames_of(reader: FilmReader, size: tuple[int, int]) -> Callable[[int], Iterator[Frame]]:
    """The reader's frames from a number on, shrunk to a size."""

    def frames(first: int) -> Iterator[Frame]:
        for frame in reader.frames(first):
            alpha = None if frame.alpha is None else at(frame.alpha, *size)
            yield replace(frame, pixels=at(frame.pixels, *size), alpha=alpha)

    return frames


def _timeline(technique: Technique, requested: Values, reader: FilmReader) -> Timeline:
    """The settings over the film's time; its sound is read where one of them follows it."""
    timeline = Timeline.of(technique, requested, seconds=reader.seconds)
    if not timeline.needs_sound:
        return timeline
    end = None if reader.end is None else float(reader.end)
    heard = sound.envelope(reader.path, begin=float(reader.start), end=end)
    return Timeline.of(technique, requested, seconds=reader.seconds, envelope=heard)


def _checked(ready: Prepared, timeline: Timeline) -> str:
    """Tries all settings that will be; gives the objective of the first."""
    told = [ready.technique.engine.check(each, ready.network, ready.cache) for each in timeline.tried]
    return told[0]


def _files_of(ready: Prepared) -> dict[Path, str]:
    """The files that settings name, with these names: beside the film that is made again, or where their names say."""
    found = {}
    for name in pictures(ready.settings):
        path = (ready.cache.folder and beside(ready.cache.folder, name)) or Path(name)
        if path.is_file():
            found[path] = name
    return found


def _mask_films(ready: Prepared, options: FilmOptions) -> dict[str, FilmReader]:
    """The masks that are films themselves, by the names that settings have for them; they begin where the film does."""
    found = {}
    for path, name in _files_of(ready).items():
        if is_film(path):
            found[name] = FilmReader(path, begin=options.begin, max_pixels=options.max_pixels)
            frame = next(found[name].frames())
            ready.cache.put(name, Picture(frame.pixels, frame.alpha, 8, path.name, None))
    return found


def _known(ready: Prepared, timeline: Timeline, objective: str, told: Facts) -> Facts:
    """What a record says of a film before it is made; settings that change stand as they were typed."""
    known = ready.technique.engine.provenance(ready.settings, ready.network, objective)
    values: ValueDict = known["settings"]
    if not timeline.fixed:
        # A record without these counts as one of a version that did not have them.
        newer = {name: values[name] for name in earlier(ready.technique.settings)}
        values = newer | timeline.to_record()
    return known | {"settings": values | told, "pictures": dict(ready.cache.hashes)}


def _shrunk(size: tuple[int, int], long_side: int | None) -> tuple[int, int]:
    """Height and width with a longer side of at most so many pixels."""
    share = 1.0 if long_side is None else min(1.0, long_side / max(size))
    if share == 1.0:
        return size
    return _even((max(2, round(size[0] * share)), max(2, round(size[1] * share))))


def _even(size: tuple[int, int]) -> tuple[int, int]:
    """The next smaller even sides, which every player takes."""
    return max(2, size[0] - size[0] % 2), max(2, size[1] - size[1] % 2)


def _cropped(pixels: Tensor, height: int, width: int) -> Tensor:
    """The middle of a picture in the proportions of a frame."""
    rows, columns = pixels.shape[-2:]
    share = min(rows / height, columns / width)
    down, right = min(rows, round(height * share)), min(columns, round(width * share))
    top, left = (rows - down) // 2, (columns - right) // 2
    return pixels[..., top : top + down, left : left + right]
