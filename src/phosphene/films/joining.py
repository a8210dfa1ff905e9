"""Joining: the segments of a film become the film, with the sound of another."""

import contextlib
import heapq
import shutil
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import torch

from phosphene import images
from phosphene.errors import ImageError
from phosphene.films import animations, texts
from phosphene.films.formats import FilmFormat
from phosphene.films.times import FrameTimes, frame_times
from phosphene.films.tracks import Copier, Sound
from phosphene.films.videos import opened, translated
from phosphene.images import sources

_MOST_TICKS = 1_000_000_000  # in a second of a video
_USUAL_TICKS = 90_000
# The table of pictures comes first, so that browsers begin at once; texts of any name; times of tracks in 1/90000 s
_MOV_OPTIONS = {"movflags": "+faststart+use_metadata_tags", "movie_timescale": str(_USUAL_TICKS)}
FRAME_NAME = "frame-{:06d}.png"


def join(
    segments: Sequence[Path],
    output: Path,
    *,
    format: FilmFormat,
    times: Sequence[Fraction] | None = None,
    sound: Sound | None = None,
    metadata: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Writes a film out of its segments, whole or not at all.

    The packets of a video are copied, those of the sound too. Some of the segments give the film up to there.

    Args:
        segments: in their order, all written in this format.
        output: the film; without a suffix, a folder of PNG files.
        format: of the segments.
        times: seconds at which frames are shown; by default those that they were written with.
        sound: the film whose sound, subtitles and chapters go along; only videos have them.
        metadata: the texts "phosphene" and "parameters".
        overwrite: whether another film may be replaced.

    Returns:
        What the user should hear.

    Raises:
        ImageError: there is no segment, or they do not fit together; the output cannot be written.
        OutOfSpaceError: the disk is full.
        SettingsError: there are not as many times as frames.
    """
    timing, metadata = frame_times(segments, times), metadata or {}
    if format.kind == "folder":
        return _join_folder(timing, output, metadata, overwrite)
    with sources.replacing(output, overwrite=overwrite) as temporary, translated(output):
        if format.kind == "video":
            return _join_video(timing, temporary, format, sound, metadata)
        notes = _join_animation(timing, temporary, format, metadata)
    silent = (f"without sound, which a {format.kind.upper()} has not: .mp4 has",) if sound and sound.exists else ()
    return notes + silent


def _join_animation(
    timing: FrameTimes, target: Path, format: FilmFormat, metadata: Mapping[str, str]
) -> tuple[str, ...]:
    if format.kind == "webp":
        animations.write_webp(timing, format, target, metadata)
        return ()
    notes: tuple[str, ...] = ()
    with _beside(target) as bare:
        if format.kind == "gif":
            notes = animations.write_gif(timing, bare)
        else:
            animations.write_png(timing, format, bare)
        texts.embed(format.kind, bare, target, metadata)
    return notes


@contextlib.contextmanager
def _beside(path: Path) -> Iterator[Path]:
    """Another temporary file in the same folder, which is gone afterwards."""
    temporary = sources.temporary_beside(path)
    try:
        yield temporary
    finally:
        temporary.unlink(missing_ok=True)


def _join_video(
    timing: FrameTimes, target: Path, format: FilmFormat, sound: Sound | None, metadata: Mapping[str, str]
) -> tuple[str, ...]:
    with contextlib.ExitStack() as stack:
        options = _MOV_OPTIONS if format.container in ("mp4", "mov") else {}
        output = stack.enter_context(av.open(f"file:{target}", "w", format=format.container, container_options=options))
        first = stack.enter_context(opened(timing.segments[0]))
        stream = _add_video(output, first.streams.video[0], timing, format)
        packets, notes = [_video_packets(timing, stream)], list[str]()
        if sound and sound.exists:
            copier = Copier(stack.enter_context(opened(Path(sound.path))), sound, timing.length)
            copier.add_streams(output, format.container)
            packets, notes = [*packets, copier.packets()], copier.notes
        output.metadata.update(metadata)
        for _, packet in heapq.merge(*packets, key=lambda placed: placed[0]):
            output.mux(packet)
    return tuple(notes)


def _add_video(
    output: av.container.OutputContainer, template: av.VideoStream, timing: FrameTimes, format: FilmFormat
) -> av.VideoStream:
    stream = output.add_stream_from_template(template, opaque=True)
    stream.time_base = Fraction(1, timing.ticks(_MOST_TICKS, _USUAL_TICKS))
    stream.codec_context.framerate = timing.rate
    if format.tag:
        stream.codec_context.codec_tag = format.tag
    if format.alpha and format.codec == "vp9":
        stream.metadata["alpha_mode"] = "1"
    return stream


def _video_packets(timing: FrameTimes, stream: av.VideoStream) -> Iterator[tuple[Fraction, av.Packet]]:
    """The packets of all segments with their times in seconds."""
    ticks, extra = timing.ticks(_MOST_TICKS, _USUAL_TICKS), stream.codec_context.extradata
    packets = chain.from_iterable(_packets_of(path, extra) for path in timing.segments)
    for packet, seconds, duration in zip(packets, timing.times, timing.durations, strict=True):
        packet.time_base = Fraction(1, ticks)
        packet.pts = packet.dts = round(seconds * ticks)
        packet.duration = round((seconds + duration) * ticks) - packet.pts
        packet.stream = stream
        yield seconds, packet


def _packets_of(path: Path, extradata: bytes | None) -> Iterator[av.Packet]:
    with opened(path) as container:
        video = container.streams.video[0]
        if video.codec_context.extradata != extradata:
            raise ImageError(f"{path.name} was written with other settings than the first segment.\nWrite all again.")
        for packet in container.demux(video):
            if packet.size:
                yield packet


def _join_folder(timing: FrameTimes, output: Path, metadata: Mapping[str, str], overwrite: bool) -> tuple[str, ...]:
    """Numbered PNG files in a new folder; the texts are in the first."""
    _refuse(output, overwrite=overwrite)
    temporary = sources.temporary_beside(output)
    try:
        temporary.mkdir()
        for number, frame in enumerate(timing.frames(), 1):
            array = frame.to_ndarray(format="rgba" if frame.format.name == "bgra" else "rgb24")
            planes = torch.from_numpy(array).permute(2, 0, 1)[None].float() / 255
            alpha = planes[:, 3:] if planes.shape[1] == 4 else None
            about = metadata if number == 1 else {}
            images.save(planes[:, :3], temporary / FRAME_NAME.format(number), alpha=alpha, metadata=about)
        if output.exists():
            shutil.rmtree(output)
        temporary.rename(output)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return (f"the pictures are meant for {float(timing.rate):g} frames a second: --fps {float(timing.rate):g}",)


def _refuse(output: Path, *, overwrite: bool) -> None:
    """Refuses a folder that holds anything, except frames where they may be replaced."""
    sources.check_folder(output.parent)
    if not output.exists():
        return
    names = [each.name for each in output.iterdir()] if output.is_dir() else [output.name]
    if names and not overwrite:
        raise ImageError(f"{output} exists already, and is left alone.\nReplace it with --force (overwrite=True).")
    if not output.is_dir() or any(not (name.startswith("frame-") and name.endswith(".png")) for name in names):
        raise ImageError(f"{output} holds other things than frames, and is left alone.\nName another folder.")
