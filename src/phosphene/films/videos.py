"""Videos: files that FFmpeg's libraries decode, by PyAV, one picture at a time."""

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from fractions import Fraction
from functools import partial
from pathlib import Path

import av
from torch import Tensor

from phosphene.errors import DISK_FULL, ImageError, OutOfSpaceError
from phosphene.films import colours
from phosphene.films.shots import Shot
from phosphene.images.samples import check_size

READ = "MP4, MOV, MKV, WebM, AVI, MPEG, FLV, Ogg, WMV; animated GIF, WebP and PNG; folders of pictures"
# Play lists are none of them: they would open other files, and addresses.
_DEMUXERS = "mov,matroska,avi,mpegts,mpeg,mpegvideo,flv,ogg,asf,nut,yuv4mpegpipe,h264,hevc,ivf,dv,mxf,obu"
_USUAL_RATE = Fraction(25)  # frames a second, where a file gives none
_HIGHEST_RATE = 480  # frames a second that a file is believed
_STRANGEST_ASPECT = 4  # of a pixel's sides; what is stranger is a mistake
_PATIENCE = 50  # failures to read one after another, before a file is taken to end there
_YADIF = "Make it progressive first: ffmpeg -i {0} -vf yadif out.mp4"


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Teaches what FFmpeg's libraries say of a file: an `ImageError`, or `OutOfSpaceError` where there is no room."""
    try:
        yield
    except av.FFmpegError as error:
        if error.errno in DISK_FULL:
            raise OutOfSpaceError(f"The disk has no room for {path}.\nFree some, or choose another disk.") from error
        raise ImageError(_why(path, error)) from error


@contextmanager
def opened(path: Path, max_pixels: int = 0, **options: str) -> Iterator[av.container.InputContainer]:
    """A film file for PyAV; what is none raises an `ImageError`."""
    options |= {"format_whitelist": _DEMUXERS, **_limit(max_pixels)}
    with translated(path), av.open(f"file:{path}", options=options, metadata_errors="replace") as container:
        yield container


def _limit(max_pixels: int) -> dict[str, str]:
    return {"max_pixels": str(max_pixels)} if max_pixels else {}


def _why(path: Path, error: Exception) -> str:
    """What FFmpeg's libraries could not do with a file, and what helps."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(4096)
    except PermissionError:
        return f"{path} may not be read by you.\nLook at its permissions: ls -l {path}"
    except OSError:
        return f"{path} cannot be read: {getattr(error, 'strerror', None) or error}."
    if not size:
        return f"{path.name} is empty (0 bytes).\nFetch or export it again."
    if start[4:8] == b"ftyp":
        return f"{path.name} is cut off or damaged: its table of pictures is missing.\nFetch or export it again."
    return f"{path.name} is not a film, or its beginning is damaged.\nSupported: {READ}."


class Video:
    """A video file, as `Shots` are. Every pass over it opens the file anew.

    Raises:
        ImageError: no film, damaged, encrypted, interlaced, too large, or coded in a way that is not known here.
    """

    def __init__(self, path: Path, max_pixels: int) -> None:
        self.path, self.max_pixels = path, max_pixels
        self.notes: list[str] = []
        with opened(path, max_pixels) as container:
            stream = video_stream(container, path)
            self._check_header(stream)
            self.rate = _rate(stream)
            frame = next(self._decoded(container, stream), None)
            if frame is None:
                raise ImageError(f"{path.name} holds no picture that can be decoded.\nFetch or export it again.")
            self.zero = _seconds(frame) or Fraction(0)
            self.stored_duration = _stored_duration(stream)
            self.duration = self.stored_duration or _container_duration(container)
            self.count = stream.frames or None
            self.alpha = colours.has_alpha(frame)
            self._look_at(frame, stream)

    def _check_header(self, stream: av.VideoStream) -> None:
        if stream.codec_context is None:
            raise ImageError(
                f"{self.path.name} is coded in a way that is not known here.\n"
                f"Convert it with a program that knows it: ffmpeg -i {self.path.name} -c:v libx264 out.mp4"
            )
        check_size(self.path.name, stream.width, stream.height, self.max_pixels)

    def _look_at(self, frame: av.VideoFrame, stream: av.VideoStream) -> None:
        """Learns from the first picture how all are to be understood."""
        if frame.interlaced_frame:
            raise ImageError(
                f"{self.path.name} is interlaced: each picture holds the lines of two moments.\n"
                f"{_YADIF.format(self.path.name)}"
            )
        self.turn = colours.turn_of(frame)
        self.stored = self._square(frame, stream.sample_aspect_ratio)
        self.size = self.stored[::-1] if self.turn.transposed else self.stored
        check_size(self.path.name, self.size[1], self.size[0], self.max_pixels)
        if colours.is_hdr(frame):
            self.notes.append("high dynamic range is mapped to the ordinary one, with a soft shoulder for its lights")
        elif (bits := colours.depth_of(frame)) > 8:
            self.notes.append(f"its {bits} bits per channel are read as they are; films are written with 8")

    def _square(self, frame: av.VideoFrame, aspect: Fraction | None) -> tuple[int, int]:
        """Height and width of the stored picture with square pixels: the side that is too short is stretched."""
        height, width, aspect = frame.height, frame.width, aspect or Fraction(1)
        if aspect == 1 or not Fraction(1, _STRANGEST_ASPECT) <= aspect <= _STRANGEST_ASPECT:
            return height, width
        size = (height, round(width * aspect)) if aspect > 1 else (round(height / aspect), width)
        self.notes.append(f"its pixels are not square: {width}×{height} is stretched to {size[1]}×{size[0]}")
        return size

    def shots(self, begin: Fraction) -> Generator[Shot]:
        """All shots from the key frame before `begin` seconds on."""
        for seek in (True, False) if begin > 0 else (False,):
            with opened(self.path, self.max_pixels) as container:
                stream = video_stream(container, self.path)
                if seek and not _seek(container, stream, begin + self.zero):
                    continue
                shots = self._timed(self._decoded(container, stream))
                first = next(shots, None)
                if first is None or (seek and first.seconds > begin):
                    continue  # the file's index is wrong: from the beginning, then
                yield first
                yield from shots
                self._note_end()
                return

    def _timed(self, frames: Iterator[av.VideoFrame]) -> Iterator[Shot]:
        """Frames with their times, which grow; one that is shown for no time is left out."""
        step, last = 1 / self.rate, None
        for frame in frames:
            stamp = _seconds(frame)
            seconds = stamp - self.zero if stamp is not None else Fraction(0) if last is None else last + step
            if last is not None and seconds <= last:
                continue
            if last is not None:
                self._note_gap((seconds - last) / step, step)
            last = seconds
            self._reached = seconds + step
            duration = frame.duration * frame.time_base if frame.duration else step
            yield Shot(seconds, duration, partial(self._read, frame))

    def _note_gap(self, steps: Fraction, step: Fraction) -> None:
        """Notes distances between frames that are not the usual step, as far as they are no rounding of the file's."""
        tolerance = max(Fraction(1, 10), Fraction(2, 1000) / step)
        if round(steps) > 1 and abs(steps - round(steps)) <= tolerance:
            self._note("frames are missing in it: the ones before them are shown for longer; --fps evens that out")
        elif abs(steps - 1) > tolerance:
            self._note("its frame rate varies: every frame keeps its time; --fps gives them an even one")

    def _read(self, frame: av.VideoFrame) -> tuple[Tensor, Tensor | None]:
        with translated(self.path):
            return colours.pixels_of(frame, self.stored, self.turn, alpha=self.alpha)

    def _decoded(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
        """Decoded frames; what is damaged is left out and noted."""
        decoder, damaged = _decoder(stream), 0
        decoder.options = {**decoder.options, **_limit(self.max_pixels)}
        for packet in self._packets(container, stream):
            if packet.has_sidedata("encryption_info"):
                raise ImageError(f"{self.path.name} is encrypted.\nOnly films without copy protection can be read.")
            try:
                frames = [frame for frame in decoder.decode(packet) if not frame.is_corrupt]
            except av.EOFError:
                return
            except av.FFmpegError:
                damaged, frames = damaged + 1, []
                self._note("parts of it are damaged, and are left out: the frame before is shown for longer")
            yield from frames

    def _packets(self, container: av.container.InputContainer, stream: av.VideoStream) -> Iterator[av.Packet]:
        failures = 0
        while failures < _PATIENCE:
            try:
                for packet in container.demux(stream):
                    yield packet
                    failures = 0
                break
            except av.FFmpegError:
                failures += 1

    def _note_end(self) -> None:
        known = self.stored_duration
        if known and self._reached < known - max(Fraction(1, 2), 2 / self.rate):
            self._note(f"it ends early: {float(self._reached):.1f} of {float(known):.1f} seconds can be read")

    def _note(self, text: str) -> None:
        if text not in self.notes:
            self.notes.append(text)


def video_stream(container: av.container.InputContainer, path: Path) -> av.VideoStream:
    """The stream of moving pictures; an `ImageError` if there is none, such as where a song shows its cover."""
    streams = [each for each in container.streams.video if not each.disposition & each.disposition.attached_pic]
    if not streams:
        raise ImageError(f"{path.name} holds no moving pictures.\nName a film: a file with a video stream.")
    best = container.streams.best("video")
    return best if best in streams else streams[0]


def _decoder(stream: av.VideoStream) -> av.VideoCodecContext:
    """FFmpeg's own decoders of VP8 and VP9 leave transparency out; libvpx has it."""
    name = stream.codec_context.name
    tags = {key.lower(): text for key, text in stream.metadata.items()}
    if name in ("vp8", "vp9") and tags.get("alpha_mode") == "1":
        return av.VideoCodecContext.create("libvpx-vp9" if name == "vp9" else "libvpx", "r")
    return stream.codec_context


def _seek(container: av.container.InputContainer, stream: av.VideoStream, seconds: Fraction) -> bool:
    try:
        container.seek(int(seconds / stream.time_base), stream=stream)
    except av.FFmpegError:
        return False
    return True


def _seconds(frame: av.VideoFrame) -> Fraction | None:
    return None if frame.pts is None else frame.pts * Fraction(frame.time_base)


def _rate(stream: av.VideoStream) -> Fraction:
    rates = (stream.average_rate, stream.guessed_rate, stream.base_rate)
    return next((Fraction(rate) for rate in rates if rate and 0 < rate <= _HIGHEST_RATE), _USUAL_RATE)


def _stored_duration(stream: av.VideoStream) -> Fraction | None:
    """Seconds of the stream: a number in MP4, a text in Matroska."""
    if stream.duration:
        return Fraction(stream.duration * stream.time_base)
    clock = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", "").strip("\0 "))
    return Fraction(clock[1]) * 3600 + Fraction(clock[2]) * 60 + Fraction(clock[3]) if clock else None


def _container_duration(container: av.container.InputContainer) -> Fraction | None:
    return Fraction(container.duration, av.time_base) if container.duration else None
