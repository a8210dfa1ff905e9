"""Reading films: a file or a folder becomes frames, one after another."""

import os
from collections.abc import Generator, Iterator
from contextlib import closing
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from types import TracebackType
from weakref import WeakSet

from phosphene import images
from phosphene.errors import ImageError, SettingsError, nearest
from phosphene.films.frames import Frame
from phosphene.films.pictures import Animation, Folder, is_animation
from phosphene.films.shots import Shot, Shots, at_rate, exactly, rate_of, slot, within
from phosphene.films.videos import Video
from phosphene.images import sources

FOLDER_RATE = 24  # frames a second of a folder of pictures


class FilmReader:
    """A film that can be read: a video file, an animated GIF, WebP or PNG, or a folder of numbered pictures.

    Args:
        path: of the file or folder.
        begin: seconds from the film's beginning; frames before are left out.
        end: seconds; frames from there on are left out.
        fps: a constant rate: of a folder's pictures (24 by default); of a file, frames are chosen so that it results.
        max_pixels: refuses larger frames before decoding them; 0 refuses none.

    Attributes:
        size: height and width, upright and with square pixels.
        rate: frames a second, on average.
        count: frames within `begin` and `end`; estimated where the file does not say; `None` where nobody knows.
        seconds: the length within `begin` and `end`, or `None`.
        start: where the first frame given is within the file, in seconds; sound is cut there.
        alpha: whether the frames have transparency.

    Raises:
        ImageError: no such film, damaged, encrypted, interlaced, too large; or it ends before `begin`.
        SettingsError: `begin`, `end`, `fps` or `max_pixels` is impossible.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        begin: float = 0.0,
        end: float | None = None,
        fps: float | None = None,
        max_pixels: int = images.MAX_PIXELS,
    ) -> None:
        _check_settings(begin, end, max_pixels)
        self.path = Path(path)
        self.begin, self.end = exactly(begin), None if end is None else exactly(end)
        rate = None if fps is None else rate_of(fps)
        self._film = _open(self.path, rate, max_pixels)
        self._even = None if isinstance(self._film, Folder) else rate
        self._readers: WeakSet[Generator[Frame]] = WeakSet()
        self.size, self.alpha = self._film.size, self._film.alpha
        self.rate = self._even or self._film.rate
        self.seconds, self.count = self._extent()

    def _extent(self) -> tuple[float | None, int | None]:
        """How long the part that is read is, and how many frames it has."""
        whole = self._film.duration
        if whole is not None and self.begin >= whole:
            raise _beyond(self.path, self.begin, whole)
        until = min((each for each in (self.end, whole) if each is not None), default=None)
        if until is None:
            return None, None
        if self._film.count and until == whole and not self.begin and not self._even:
            return float(until), self._film.count
        return float(until - self.begin), max(1, slot(until - self.begin, self.rate))

    @cached_property
    def sha256(self) -> str:
        """Of the file's bytes, in hexadecimal; of the folder's files, in order."""
        return self._film.sha256() if isinstance(self._film, Folder) else sources.sha256_of(self.path)

    @cached_property
    def start(self) -> Fraction:
        """Seconds in the file at which the first frame given is shown."""
        if self._even:
            return self.begin
        with closing(self._film.shots(self.begin)) as shots:
            return next((shot.seconds for shot in shots if shot.seconds >= self.begin), self.begin)

    @property
    def notes(self) -> tuple[str, ...]:
        """What the user should hear; it grows while frames are read."""
        return tuple(self._film.notes)

    def frames(self, first: int = 0) -> Iterator[Frame]:
        """The frames from number `first` on, the same ones whatever `first` is.

        Those before are decoded too, as the codecs ask for, but not turned into pixels.

        Raises:
            ImageError: a picture cannot be read, or there is none after `begin`.
        """
        frames = self._frames(first)
        self._readers.add(frames)
        return frames

    def _frames(self, first: int) -> Generator[Frame]:
        number = -1
        for number, (seconds, shot) in enumerate(self._chosen()):
            if number >= first:
                yield Frame(number, seconds, *shot.read())
        if number < 0:
            raise _beyond(self.path, self.begin, None)

    def _chosen(self) -> Iterator[tuple[Fraction, Shot]]:
        shots = self._film.shots(self.begin)
        if self._even:
            return at_rate(shots, self._even, self.begin, self.end)
        return within(shots, self.begin, self.end)

    def close(self) -> None:
        """Closes the file, if frames are still being read from it."""
        for frames in list(self._readers):
            frames.close()

    def __enter__(self) -> "FilmReader":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _check_settings(begin: float, end: float | None, max_pixels: int) -> None:
    if not begin >= 0:
        raise SettingsError(f"--from {begin:g} is not possible. Allowed: seconds from 0.")
    if end is not None and not end > begin:
        raise SettingsError(f"--to {end:g} is not possible. Allowed: more than the {begin:g} seconds of --from.")
    if max_pixels < 0:
        raise SettingsError(f"--max-pixels {max_pixels} is not possible. Allowed: 0 (no limit) or more.")


def _open(path: Path, rate: Fraction | None, max_pixels: int) -> Shots:
    try:
        if path.is_dir():
            return Folder(path, max_pixels, rate or Fraction(FOLDER_RATE))
        if not path.is_file():
            raise _missing(path)
        return Animation(path, max_pixels) if is_animation(path) else Video(path, max_pixels)
    except OSError as error:
        raise ImageError(f"{path} cannot be read: {error.strerror or error}.") from error


def _missing(path: Path) -> ImageError:
    if path.exists():
        return ImageError(f"{path} is a device, not a file: a film is read more than once.\nSave it to a file first.")
    if path.is_symlink():
        return ImageError(f"{path} is a link to {os.fsdecode(path.readlink())!r}, which is not there.")
    if sources.is_address(path):
        return ImageError(
            f"{path} is an address, and Phosphene fetches nothing.\nFetch the film first, as with your browser."
        )
    names = [each.name for each in path.parent.iterdir()] if path.parent.is_dir() else []
    return ImageError(f"There is no film {os.fsdecode(path)!r}.{nearest(path.name, sorted(names))}")


def _beyond(path: Path, begin: Fraction, whole: Fraction | None) -> ImageError:
    if not begin:
        return ImageError(f"{path.name} holds no picture that can be read.\nFetch or export it again.")
    length = f", which is {float(whole):.2f} seconds long" if whole else ""
    return ImageError(f"--from {float(begin):g} is beyond the end of {path.name}{length}.\nBegin earlier.")
