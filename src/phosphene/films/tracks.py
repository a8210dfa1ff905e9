"""What goes along with the frames of another film: its sound, subtitles, fonts and chapters, copied as they are."""

import io
import os
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av

from phosphene.films.pictures import is_animation
from phosphene.films.shots import exactly
from phosphene.films.videos import Video, translated

_COPIED = ("audio", "subtitle", "attachment")
_WORDS = {"audio": "sound", "subtitle": "subtitles", "attachment": "an attached file"}
_TAKERS = {"mp4": ".mp4", "mov": ".mov", "webm": ".webm", "matroska": ".mkv"}
_STALE = ("DURATION", "_STATISTICS", "BPS", "NUMBER_OF", "ENCODER")  # how tags begin that are wrong once a film is cut


@dataclass(frozen=True)
class Sound:
    """The film whose sound, subtitles and chapters go along with new frames.

    Args:
        path: of the film.
        begin: where the new frames begin in it, in seconds; `FilmReader.start` is exact.
        end: where they end, in seconds; `None` for the film's end.
    """

    path: str | os.PathLike[str]
    begin: float | Fraction = 0
    end: float | Fraction | None = None

    @property
    def exists(self) -> bool:
        """Whether there may be sound: there is none in folders and animations."""
        return Path(self.path).is_file() and not is_animation(Path(self.path))


class Copier:
    """Copies the streams of an opened film into another container.

    Args:
        source: the film, open in PyAV.
        sound: which part of it.
        length: seconds of the new frames. Where they end before the film does, so does all that is copied.
    """

    def __init__(self, source: av.container.InputContainer, sound: Sound, length: Fraction) -> None:
        video = Video(Path(sound.path), 0)
        self.source, self.path = source, Path(sound.path)
        self.begin = video.zero + exactly(sound.begin)
        self.cut = sound.begin > 0  # else what comes before the first frame is kept: decoders of sound start there
        self.until = self._until(video, sound, length)
        self.streams: dict[int, av.stream.Stream] = {}
        self.notes: list[str] = []

    def _until(self, video: Video, sound: Sound, length: Fraction) -> Fraction | None:
        """Seconds from the beginning of the part at which all that is copied ends; `None` for where the film ends."""
        if sound.end is not None:
            return min(exactly(sound.end) - exactly(sound.begin), length)
        whole = video.stored_duration or video.duration
        complete = whole is None or length >= whole - exactly(sound.begin) - 2 / video.rate
        return None if complete else length

    def add_streams(self, output: av.container.OutputContainer, container: str) -> None:
        """Adds to an output the streams that its container takes, and notes those that it does not."""
        for stream in self.source.streams:
            if stream.type not in _COPIED:
                continue
            if not _takes(container, stream):
                self.notes.append(_left_out(stream, container))
                continue
            copy = output.add_stream_from_template(stream)
            copy.disposition = stream.disposition.value
            kept = {key: text for key, text in stream.metadata.items() if not key.upper().startswith(_STALE)}
            copy.metadata.update(kept)
            if stream.type != "attachment":
                self.streams[stream.index] = copy
        output.set_chapters(self._chapters())

    def _chapters(self) -> list[dict[str, object]]:
        """The chapters that the part touches, as far as it does."""
        chapters = []
        for chapter in self.source.chapters():
            base = Fraction(chapter["time_base"])
            start, end = (chapter[side] * base - self.begin for side in ("start", "end"))
            end = end if self.until is None else min(end, self.until)
            first, last = int(max(start, 0) / base), int(end / base)
            if last > first:
                chapters.append({**chapter, "start": first, "end": last})
        return chapters

    def packets(self) -> Iterator[tuple[Fraction, av.Packet]]:
        """The packets of the part with their times in seconds, for the streams that were added."""
        if not self.streams:
            return
        with translated(self.path):
            if self.cut:
                self.source.seek(int(self.begin * av.time_base))
            for packet in self.source.demux([self.source.streams[index] for index in self.streams]):
                yield from self._placed(packet)

    def _placed(self, packet: av.Packet) -> Iterator[tuple[Fraction, av.Packet]]:
        if packet.pts is None:
            return
        base = Fraction(packet.time_base)
        seconds = packet.pts * base - self.begin
        if (self.cut and seconds < 0) or (self.until is not None and seconds >= self.until):
            return
        shift = round(self.begin / base)
        packet.pts -= shift
        packet.dts = packet.pts if packet.dts is None else packet.dts - shift
        packet.stream = self.streams[packet.stream.index]
        yield seconds, packet


def _takes(container: str, stream: av.stream.Stream) -> bool:
    """Whether a container takes a stream, found out by writing a header of it."""
    try:
        with av.open(io.BytesIO(), "w", format=container) as trial:
            trial.add_stream_from_template(stream)
            trial.start_encoding()
    except (av.FFmpegError, ValueError):
        return False
    return True


def _left_out(stream: av.stream.Stream, container: str) -> str:
    """A note on a stream that a container does not take, and which does."""
    codec = stream.codec_context.name if stream.codec_context else "unknown"
    remedy = next((suffix for each, suffix in _TAKERS.items() if each != container and _takes(each, stream)), None)
    advice = f"; {remedy} does" if remedy else ""
    return f"left out: its {_WORDS[stream.type]} ({codec}), which {_TAKERS[container]} does not take{advice}"
