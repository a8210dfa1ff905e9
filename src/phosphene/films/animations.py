"""Animated GIF, WebP and PNG files out of segments, one frame in memory at a time."""

import struct
from collections.abc import Iterator, Mapping
from fractions import Fraction
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import av
from av.filter import Graph
from av.filter.context import FilterContext
from PIL import Image

from phosphene.errors import ImageError
from phosphene.films.formats import FilmFormat
from phosphene.films.times import FrameTimes
from phosphene.images import texts
from phosphene.images.tags import Tags

_GIF_TICKS = 100  # in a second
_SHORTEST = 2  # ticks: browsers slow down what is shown for less
_MOST_TICKS = 65_535  # in a second of an animated PNG
_LARGEST_WEBP = 0xFFFFFFFF  # bytes
_ANIMATED, _WITH_EXIF, _TRANSPARENT = 0x02, 0x08, 0x10  # what a WebP says of itself
_NOT_BLENDED = 0x02  # of a frame: it replaces the one before


def write_webp(timing: FrameTimes, format: FilmFormat, target: Path, metadata: Mapping[str, str]) -> None:
    """Writes an animated WebP with its texts; at quality 100 it loses nothing.

    Each frame is a still WebP of Pillow's inside: libwebp's own writer of animations drops the transparency of some.

    Raises:
        ImageError: it would be larger than 4 GB.
    """
    exif = texts.exif_block(Tags(), metadata)
    first = next(timing.frames())
    flags = _ANIMATED | (_TRANSPARENT if format.alpha else 0) | (_WITH_EXIF if exif else 0)
    with target.open("xb") as file:
        file.write(b"RIFF\0\0\0\0WEBP")
        file.write(_chunk(b"VP8X", struct.pack("<I", flags) + _three(first.width - 1, first.height - 1)))
        file.write(_chunk(b"ANIM", bytes(6)))  # no background, and without end
        for frame, span in zip(timing.frames(), _milliseconds(timing), strict=True):
            about = _three(0, 0, frame.width - 1, frame.height - 1, span) + bytes([_NOT_BLENDED])
            file.write(_chunk(b"ANMF", about + _still(frame, format)))
        file.write(_chunk(b"EXIF", exif) if exif else b"")
        if file.tell() > _LARGEST_WEBP:
            raise ImageError("A WebP ends at 4 GB, and this one is larger.\nName the film .mp4 or .webm.")
        size = file.tell() - 8
        file.seek(4)
        file.write(struct.pack("<I", size))


def _milliseconds(timing: FrameTimes) -> Iterator[int]:
    """How long each frame is shown, so that roundings do not add up."""
    moments = [round(seconds * 1000) for seconds in (*timing.times, timing.length)]
    return (max(1, after - before) for before, after in pairwise(moments))


def _chunk(name: bytes, body: bytes) -> bytes:
    """A part of a WebP, filled up to an even length."""
    return name + struct.pack("<I", len(body)) + body + b"\0" * (len(body) % 2)


def _three(*numbers: int) -> bytes:
    """Whole numbers of three bytes."""
    return b"".join(struct.pack("<I", number)[:3] for number in numbers)


def _still(frame: av.VideoFrame, format: FilmFormat) -> bytes:
    """The chunks with a frame's pixels and transparency."""
    file = BytesIO()
    still = Image.fromarray(frame.to_ndarray(format="rgba" if format.alpha else "rgb24"))
    still.save(file, "WEBP", quality=format.quality, lossless=format.quality == 100, exact=True)
    data, at, kept = file.getvalue(), 12, []
    while at < len(data):
        size = 8 + struct.unpack_from("<I", data, at + 4)[0]
        size += size % 2
        if data[at : at + 4] in (b"ALPH", b"VP8 ", b"VP8L"):
            kept.append(data[at : at + size])
        at += size
    return b"".join(kept)


def write_png(timing: FrameTimes, format: FilmFormat, target: Path) -> None:
    """Writes an animated PNG without texts."""
    ticks = timing.ticks(_MOST_TICKS, 1000)
    last = timing.durations[-1].limit_denominator(_MOST_TICKS)
    options = {"plays": "0", "final_delay": f"{last.numerator}/{last.denominator}"}
    with av.open(f"file:{target}", "w", format="apng", container_options=options) as output:
        stream = _add_stream(output, "apng", "rgba" if format.alpha else "rgb24", timing, ticks)
        for frame, seconds in zip(timing.frames(), timing.times, strict=True):
            _encode(output, stream, frame, round(seconds * ticks))
        output.mux(stream.encode(None))


def _add_stream(
    output: av.container.OutputContainer, codec: str, pixels: str, timing: FrameTimes, ticks: int
) -> av.VideoStream:
    first = next(timing.frames())
    stream = output.add_stream(codec, rate=ticks)
    stream.width, stream.height, stream.pix_fmt = first.width, first.height, pixels
    stream.codec_context.thread_count, stream.codec_context.time_base = 1, Fraction(1, ticks)
    return stream


def _encode(output: av.container.OutputContainer, stream: av.VideoStream, frame: av.VideoFrame, tick: int) -> None:
    picture = frame.reformat(format=stream.pix_fmt, threads=1)
    picture.pts, picture.time_base = tick, stream.codec_context.time_base
    output.mux(stream.encode(picture))


def write_gif(timing: FrameTimes, target: Path) -> tuple[str, ...]:
    """Writes an animated GIF without texts, and gives what the user should hear.

    One palette serves all frames, so that colours do not flicker.
    """
    palette, ticks = _palette(timing), _gif_ticks(timing)
    with av.open(f"file:{target}", "w", format="gif", container_options={"loop": "0"}) as output:
        stream = _add_stream(output, "gif", "pal8", timing, _GIF_TICKS)
        for frame, tick in zip(_drawn(timing, palette), ticks, strict=True):
            if tick is not None:
                _encode(output, stream, frame, tick)
        output.mux(stream.encode(None))
    left_out = sum(tick is None for tick in ticks)
    return (f"{left_out} frames are left out: a GIF shows at most 50 in a second",) if left_out else ()


def _gif_ticks(timing: FrameTimes) -> list[int | None]:
    """When each frame is shown, in hundredths of a second; `None` for one that comes too soon after another."""
    ticks: list[int | None] = []
    last = -_SHORTEST
    for seconds in timing.times:
        tick = round(seconds * _GIF_TICKS)
        fits = tick - last >= _SHORTEST
        ticks.append(tick if fits else None)
        last = tick if fits else last
    return ticks


def _palette(timing: FrameTimes) -> av.VideoFrame:
    """The 256 colours that serve all frames best, as a frame of 16×16."""
    graph = Graph()
    source, filter, sink = _source(graph, next(timing.frames())), graph.add("palettegen"), graph.add("buffersink")
    source.link_to(filter)
    filter.link_to(sink)
    graph.configure()
    for frame in _numbered(timing):
        source.push(frame)
    source.push(None)
    return sink.pull()


def _drawn(timing: FrameTimes, palette: av.VideoFrame) -> Iterator[av.VideoFrame]:
    """The frames in the palette's colours, dithered."""
    graph = Graph()
    source, colours = _source(graph, next(timing.frames())), _source(graph, palette)
    filter, sink = graph.add("paletteuse"), graph.add("buffersink")
    source.link_to(filter, 0, 0)
    colours.link_to(filter, 0, 1)
    filter.link_to(sink)
    graph.configure()
    palette.pts, palette.time_base = 0, Fraction(1, _GIF_TICKS)
    colours.push(palette)
    colours.push(None)
    for frame in _numbered(timing):
        source.push(frame)
        yield from _pulled(sink)
    source.push(None)
    yield from _pulled(sink)


def _source(graph: Graph, frame: av.VideoFrame) -> FilterContext:
    """Where frames like this one enter a graph of FFmpeg's filters."""
    return graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=Fraction(1, _GIF_TICKS)
    )


def _numbered(timing: FrameTimes) -> Iterator[av.VideoFrame]:
    for number, frame in enumerate(timing.frames()):
        frame.pts, frame.time_base = number, Fraction(1, _GIF_TICKS)
        yield frame


def _pulled(sink: FilterContext) -> Iterator[av.VideoFrame]:
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield frame
