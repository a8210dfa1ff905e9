"""Animated GIF, WebP and PNG files out of segments, one frame in memory at a time."""

from collections.abc import Iterator, Sequence
from fractions import Fraction
from math import lcm
from pathlib import Path
from typing import Any

import av
from av.filter import Graph

from phosphene.film.formats import FilmFormat
from phosphene.film.segments import frames_of

_GIF_TICKS = 100  # in a second
_SHORTEST = 2  # ticks: browsers slow down what is shown for less
_WEBP_TICKS = 1000  # in a second
_MOST_TICKS = 65_535  # in a second of an animated PNG


def write(
    segments: Sequence[Path], times: Sequence[Fraction], length: Fraction, format: FilmFormat, target: Path
) -> tuple[str, ...]:
    """Writes an animated picture without texts.

    Args:
        segments: what it consists of.
        times: of its frames, in seconds.
        length: of the film, in seconds.
        format: of the kind gif, webp or png.
        target: the file to write.

    Returns:
        What the user should hear.
    """
    if format.kind == "gif":
        return _write_gif(segments, times, target)
    if format.kind == "webp":
        _write_webp(segments, times, format, target)
    else:
        _write_png(segments, times, length, format, target)
    return ()


def _write_webp(segments: Sequence[Path], times: Sequence[Fraction], format: FilmFormat, target: Path) -> None:
    lossless = format.quality == 100
    options = {"loop": "0", "quality": str(format.quality), "lossless": str(int(lossless))}
    with av.open(f"file:{target}", "w", format="webp", container_options={"loop": "0"}) as output:
        stream = _add_stream(output, "libwebp_anim", segments, _WEBP_TICKS, options)
        stream.pix_fmt = "bgra"
        for frame, seconds in zip(frames_of(segments), times, strict=True):
            _encode(output, stream, frame, round(seconds * _WEBP_TICKS))
        output.mux(stream.encode(None))


def _write_png(
    segments: Sequence[Path], times: Sequence[Fraction], length: Fraction, format: FilmFormat, target: Path
) -> None:
    exact = lcm(*(time.denominator for time in times))
    ticks = exact if exact <= _MOST_TICKS else _WEBP_TICKS
    last = (length - times[-1]).limit_denominator(_MOST_TICKS)
    options = {"plays": "0", "final_delay": f"{last.numerator}/{last.denominator}"}
    with av.open(f"file:{target}", "w", format="apng", container_options=options) as output:
        stream = _add_stream(output, "apng", segments, ticks, {})
        stream.pix_fmt = "rgba" if format.alpha else "rgb24"
        for frame, seconds in zip(frames_of(segments), times, strict=True):
            _encode(output, stream, frame, round(seconds * ticks))
        output.mux(stream.encode(None))


def _add_stream(output: Any, codec: str, segments: Sequence[Path], ticks: int, options: dict[str, str]) -> Any:
    first = next(frames_of(segments[:1]))
    stream = output.add_stream(codec, rate=ticks, options=options)
    stream.width, stream.height, stream.codec_context.thread_count = first.width, first.height, 1
    stream.codec_context.time_base = Fraction(1, ticks)
    return stream


def _encode(output: Any, stream: Any, frame: Any, tick: int) -> None:
    picture = frame.reformat(format=stream.pix_fmt, threads=1)
    picture.pts, picture.time_base = tick, stream.codec_context.time_base
    output.mux(stream.encode(picture))


def _write_gif(segments: Sequence[Path], times: Sequence[Fraction], target: Path) -> tuple[str, ...]:
    """One palette serves all frames, so that colours do not flicker."""
    palette, ticks = _palette(segments), _gif_ticks(times)
    with av.open(f"file:{target}", "w", format="gif", container_options={"loop": "0"}) as output:
        stream = _add_stream(output, "gif", segments, _GIF_TICKS, {})
        stream.pix_fmt = "pal8"
        for frame, tick in zip(_drawn(segments, palette), ticks, strict=True):
            if tick is not None:
                _encode(output, stream, frame, tick)
        output.mux(stream.encode(None))
    left_out = sum(tick is None for tick in ticks)
    return (f"{left_out} frames are left out: a GIF shows at most 50 in a second",) if left_out else ()


def _gif_ticks(times: Sequence[Fraction]) -> list[int | None]:
    """When each frame is shown, in hundredths of a second; `None` for one that comes too soon after another.

    >>> _gif_ticks([Fraction(0), Fraction(1, 100), Fraction(1, 25)])
    [0, None, 4]
    """
    ticks: list[int | None] = []
    last = -_SHORTEST
    for seconds in times:
        tick = round(seconds * _GIF_TICKS)
        fits = tick - last >= _SHORTEST
        ticks.append(tick if fits else None)
        last = tick if fits else last
    return ticks


def _palette(segments: Sequence[Path]) -> Any:
    """The 256 colours that serve all frames best, as a frame of 16×16."""
    graph = Graph()
    source, sink = _source(graph, next(frames_of(segments[:1]))), graph.add("buffersink")
    filter = graph.add("palettegen")
    source.link_to(filter)
    filter.link_to(sink)
    graph.configure()
    for frame in _numbered(segments):
        source.push(frame)
    source.push(None)
    return sink.pull()


def _drawn(segments: Sequence[Path], palette: Any) -> Iterator[Any]:
    """The frames in the palette's colours, dithered."""
    graph = Graph()
    source, colours = _source(graph, next(frames_of(segments[:1]))), _source(graph, palette)
    filter, sink = graph.add("paletteuse"), graph.add("buffersink")
    source.link_to(filter, 0, 0)
    colours.link_to(filter, 0, 1)
    filter.link_to(sink)
    graph.configure()
    palette.pts, palette.time_base = 0, Fraction(1, _GIF_TICKS)
    colours.push(palette)
    colours.push(None)
    for frame in _numbered(segments):
        source.push(frame)
        yield from _pulled(sink)
    source.push(None)
    yield from _pulled(sink)


def _source(graph: Any, frame: Any) -> Any:
    """Where frames like this one enter a graph of FFmpeg's filters."""
    return graph.add_buffer(
        width=frame.width, height=frame.height, format=frame.format.name, time_base=Fraction(1, _GIF_TICKS)
    )


def _numbered(segments: Sequence[Path]) -> Iterator[Any]:
    for number, frame in enumerate(frames_of(segments)):
        frame.pts, frame.time_base = number, Fraction(1, _GIF_TICKS)
        yield frame


def _pulled(sink: Any) -> Iterator[Any]:
    while True:
        try:
            frame = sink.pull()
        except (av.BlockingIOError, av.EOFError):
            return
        yield frame
