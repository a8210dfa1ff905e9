"""Making a film: frame after frame, kept on the disk as it grows, so that a run that is killed goes on.

The folder beside the output holds *segments*, which are finished parts of the film; the frames since the last one, as
numbers; what the next frame needs; and the journal that names them. The journal is replaced whole, and last.
"""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from phosphene.errors import DISK_FULL, OutOfSpaceError, RecordError, StopRequested
from phosphene.films.formats import FilmFormat, format_for
from phosphene.films.frames import Frame, FrameMaker, State
from phosphene.films.joining import join
from phosphene.films.outputs import PREVIEW_MARK
from phosphene.films.segments import SegmentWriter, padding
from phosphene.films.tracks import Sound
from phosphene.images.sources import replacing
from phosphene.pixels.transforms import within
from phosphene.records import journal, record
from phosphene.records.journal import Journal, folder_of
from phosphene.records.record import Facts, Record
from phosphene.run.checkpoint import CheckpointOptions, translate_oom

SEGMENT = 24  # frames of a segment: always the same, so that a run that goes on writes the same film
PREVIEW_SIDE = 480  # pixels of the longer side of a preview


@dataclass(frozen=True)
class Film:
    """A film that is ready to be made."""

    maker: FrameMaker
    size: tuple[int, int]  # height and width of its frames
    rate: Fraction  # frames a second
    count: int | None  # how many frames it will have; where no file says so, about
    format: FilmFormat  # what it is written as
    known: Facts  # what its record says that is known before it is made
    sound: Sound | None = None  # the film whose sound goes along
    read: tuple[Path, ...] = ()  # the files that it is made of
    notes: Callable[[], tuple[str, ...]] = tuple  # what the user should hear, when it is made


@dataclass(frozen=True)
class Progress:
    """How far a film is."""

    frames: int  # that are made
    count: int | None  # of how many
    size: tuple[int, int]


@dataclass(frozen=True)
class MadeFilm:
    """A film that is written, or what there was when it was stopped."""

    path: Path
    record: Record
    size: tuple[int, int]  # height and width
    frames: int
    notes: tuple[str, ...]  # what the user should hear
    journal: Journal  # of the run; it is closed when the film is whole


@dataclass(frozen=True)
class _Done:
    """What a run has done; one object, so that it is true wherever a `StopRequested` comes."""

    segments: int  # that are closed
    closed: int  # frames in them
    times: tuple[str, ...]  # of the frames since the last one
    state: State  # what the last frame leaves for the next

    @property
    def frames(self) -> int:
        """How many there are."""
        return self.closed + len(self.times)


@dataclass
class FilmRun:
    """One film on its way into a file."""

    film: Film
    output: Path
    keep: CheckpointOptions
    overwrite: bool = False
    metadata: bool = True  # whether the record goes into the film
    preview: Path | None = None  # a small film, rewritten with each segment
    on_progress: Callable[[Progress], None] = lambda _: None  # what it raises ends the run
    _journal: Journal = field(init=False)
    _done: _Done = field(default_factory=lambda: _Done(0, 0, (), {}))

    def make(self) -> MadeFilm:
        """Makes the film, or goes on with it, and writes it; a `StopRequested` on the way writes what there is.

        Raises:
            PhospheneError: with a message for the person who asked.
            StopRequested: before the first frame.
        """
        with translate_oom(), _full_disk(self.output):
            self._journal = self.keep.journal(self.film.known | {"format": _told(self.film.format)})
            self._journal.folder.mkdir(exist_ok=True)
            self._done = self._reached()
            complete = True
            with ExitStack() as failing:
                failing.callback(self._close_unless_begun)
                try:
                    self._make_frames()
                except StopRequested:
                    complete = False
                    if not self._done.frames:
                        self._journal.close()
                        raise
                    self._checkpoint()
                failing.pop_all()
            try:
                made = self._finished(complete)
            except StopRequested:  # nothing is left to be made: the film is joined all the same
                made = self._finished(complete)
            if complete:
                self._journal.close()
            return made

    def _close_unless_begun(self) -> None:
        if journal.read(self._journal.folder) is None:
            self._journal.close()  # nothing is there to go on from

    # Frames

    def _make_frames(self) -> None:
        """All frames that are not there; a run that stopped while it closed a segment closes it first."""
        if len(self._done.times) == SEGMENT:
            self._close_segment()
        frames = self.film.maker.frames(self._done.frames, self._done.state)
        for number in map(self._take, frames):  # a frame is not held while the next is made: in 4K it is 100 MB
            self.on_progress(Progress(number + 1, self.film.count, self.film.size))
        if self._done.times:
            self._close_segment()

    def _take(self, frame: Frame) -> int:
        """Keeps a frame, and gives its number; a segment is closed when it is full."""
        _write_frame(self._frame_path(frame.number), frame)
        times = (*self._done.times, str(frame.seconds))
        self._done = replace(self._done, times=times, state=self.film.maker.state())
        if len(times) == SEGMENT:
            self._close_segment()
        elif self._journal.due() or frame.number == 0:
            self._checkpoint()
        return frame.number

    def _close_segment(self) -> None:
        """Writes the frames since the last segment as one."""
        number, paths = self._done.segments, self._frame_paths()
        self._encode(self._segment_path(number), paths)
        if self.preview:
            self._show(number, paths)
        self._done = replace(self._done, segments=number + 1, closed=self._done.frames, times=())
        self._checkpoint()
        for path in paths:
            path.unlink(missing_ok=True)

    def _encode(self, path: Path, paths: list[Path]) -> None:
        path.unlink(missing_ok=True)
        with SegmentWriter(path, self.film.size, self.film.rate, self.film.format) as writer:
            for frame in self._frames_of(paths):
                writer.write(frame)

    def _frames_of(self, paths: list[Path]) -> Iterator[Frame]:
        for index, path in enumerate(paths):
            yield _read_frame(path, index, Fraction(self._done.times[index]))

    # What is kept

    def _checkpoint(self) -> None:
        """Keeps what the next frame needs, and then says so."""
        done, path = self._done, self._state_path(self._done.frames)
        _save_state(done.state, path)
        self._journal.note(now=True, segments=done.segments, closed=done.closed, times=done.times)
        for other in self._journal.folder.glob("state-*.safetensors"):
            if other != path:
                other.unlink()

    def _reached(self) -> _Done:
        """What an earlier run has done.

        Raises:
            RecordError: what was kept is not whole.
        """
        if not self._journal.state:
            return self._done
        self._done = _noted(self._journal)
        path, segments = self._state_path(self._done.frames), map(self._segment_path, range(self._done.segments))
        missing = next((each for each in (*self._frame_paths(), *segments, path) if not each.is_file()), None)
        try:
            if missing is None:
                return replace(self._done, state=load_file(path))
        except (OSError, SafetensorError):
            missing = path
        raise _damaged(missing)

    def _frame_paths(self) -> list[Path]:
        """The frames since the last segment."""
        return [self._frame_path(self._done.closed + index) for index in range(len(self._done.times))]

    def _frame_path(self, number: int) -> Path:
        return self._journal.folder / f"frame-{number:06d}.npy"

    def _segment_path(self, number: int) -> Path:
        return self._journal.folder / f"segment-{number:05d}.mkv"

    def _state_path(self, frames: int) -> Path:
        return self._journal.folder / f"state-{frames:06d}.safetensors"

    # The film

    def _finished(self, complete: bool) -> MadeFilm:
        """Joins what there is; of a film that was stopped, pending frames become a segment of their own."""
        segments = [self._segment_path(number) for number in range(self._done.segments)]
        if self._done.times:
            segments.append(self._journal.folder / "rest.mkv")
            self._encode(segments[-1], self._frame_paths())
        made = self._record(complete)
        notes = join(
            segments,
            self.output,
            format=self.film.format,
            sound=self.film.sound,
            metadata=made.metadata() if self.metadata else None,
            overwrite=self.overwrite,
        )
        told = (*self.film.notes(), *padding(self.film.format, self.film.size), *self.film.format.notes, *notes)
        return MadeFilm(self.output, made, self.film.size, self._done.frames, tuple(dict.fromkeys(told)), self._journal)

    def _record(self, complete: bool) -> Record:
        height, width = self.film.size
        where = "" if complete else f"frame {self._done.frames} of {self.film.count or 'the film'}"
        return Record(
            **self.film.known,
            output={
                "width": width,
                "height": height,
                "depth": 8,
                "frames": self._done.frames,
                "rate": str(self.film.rate),
            },
            versions=record.versions(),
            threads=torch.get_num_threads(),
            complete=complete,
            reached=where,
        )

    def _show(self, number: int, paths: list[Path]) -> None:
        """Adds a segment to the preview, which can be watched meanwhile."""
        assert self.preview is not None  # who calls this has one
        form = format_for(self.preview, quality=60)
        path = self._journal.folder / f"preview-{number:05d}.mkv"
        path.unlink(missing_ok=True)
        small = [replace(frame, pixels=within(frame.pixels, PREVIEW_SIDE)) for frame in self._frames_of(paths)]
        with SegmentWriter(
            path, (small[0].pixels.shape[-2], small[0].pixels.shape[-1]), self.film.rate, form
        ) as writer:
            for frame in small:
                writer.write(replace(frame, alpha=None))
        shown = [self._journal.folder / f"preview-{index:05d}.mkv" for index in range(number + 1)]
        there = [each for each in shown if each.is_file()]
        join(there, self.preview, format=form, metadata={"parameters": PREVIEW_MARK}, overwrite=True)


def _noted(journal: Journal) -> _Done:
    """What a journal says that is done. Raises `RecordError`: it is not to be understood."""
    state = journal.state
    try:
        return _Done(int(state["segments"]), int(state["closed"]), tuple(map(str, state["times"])), {})
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(journal.folder) from error


def _damaged(path: Path | None) -> RecordError:
    return RecordError(f"{path} is damaged, so the run cannot go on.\nBegin anew, and lose it: --force")


def _told(form: FilmFormat) -> Facts:
    return {"container": form.container or form.kind, "codec": form.codec, "quality": form.quality}


def _write_frame(path: Path, frame: Frame) -> None:
    """A frame as it will be encoded: 8 bits a channel, with its transparency if it has one."""
    planes = frame.pixels if frame.alpha is None else torch.cat([frame.pixels, frame.alpha.to(frame.pixels.dtype)], 1)
    file = io.BytesIO()  # what numpy itself says of a full disk names no cause
    np.save(file, (planes[0].clamp(0, 1) * 255).round().to(torch.uint8).numpy())
    path.write_bytes(file.getbuffer())
    _sync(path)


def _read_frame(path: Path, number: int, seconds: Fraction) -> Frame:
    planes = torch.from_numpy(np.load(path)).to(torch.float32)[None] / 255
    return Frame(number, seconds, planes[:, :3], planes[:, 3:] if planes.shape[1] > 3 else None)


def _save_state(state: Mapping[str, Tensor], path: Path) -> None:
    """Replaces a state whole: the journal may name the one that is there."""
    with replacing(path, overwrite=True) as temporary:
        save_file({name: tensor.contiguous() for name, tensor in state.items()}, temporary)


def _sync(path: Path) -> None:
    """Makes sure that a file is on the disk before the journal names it."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


@contextmanager
def _full_disk(output: Path) -> Iterator[None]:
    """Puts a full disk in our words, with how to go on."""
    try:
        yield
    except (OSError, SafetensorError, OutOfSpaceError) as error:
        if not _is_full(error):
            raise
        kept = f"what is done is in {folder_of(output)}.\nFree some, and go on: phosphene resume {output}"
        lost = "nothing is done yet.\nFree some, or write to another disk with -o."
        raise OutOfSpaceError(f"The disk is full; {kept if folder_of(output).is_dir() else lost}") from error


def _is_full(error: BaseException | None) -> bool:
    """Whether an error, or what caused it, says that a disk has no room; safetensors says it in words."""
    if error is None:
        return False
    number: Any = getattr(error, "errno", None)
    return number in DISK_FULL or os.strerror(errno.ENOSPC) in str(error) or _is_full(error.__cause__)
