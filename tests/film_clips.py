"""Small films that tests make for themselves: gradients that move, a sine tone, subtitles, chapters."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np

SIZE = (90, 160)
RATE = Fraction(24000, 1001)
CHAPTERS = (("Begin", 0, 500), ("Middle", 500, 1000), ("End", 1000, 2000))


def picture(number, size=SIZE):
    """A gradient that moves by four levels a frame, with a red upper left corner; uint8 `[H, W, 3]`."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    planes = (columns * 200 // size[1] + number * 4, rows * 200 // size[0], (rows + columns) // 3 + number * 2)
    array = np.stack(planes, -1).astype(np.uint8)
    array[: size[0] // 4, : size[1] // 4] = (220, 20, 20)
    return array


def add_video(container, codec="libx264", *, size=SIZE, rate=RATE, pixels="yuv420p", options=None, **attributes):
    stream = container.add_stream(codec, rate=rate, options=options or {})
    stream.height, stream.width, stream.pix_fmt = *size, pixels
    stream.codec_context.thread_count = 1
    for name, value in attributes.items():
        setattr(stream.codec_context, name, value)
    return stream


def write_frames(container, stream, frames, times=None, base=None):
    base = base or 1 / Fraction(stream.codec_context.framerate)
    for number, array in enumerate(frames):
        frame = array if isinstance(array, av.VideoFrame) else av.VideoFrame.from_ndarray(array, "rgb24")
        frame.pts, frame.time_base = (number if times is None else round(times[number] / base)), base
        container.mux(stream.encode(frame))
    container.mux(stream.encode(None))


def add_tone(container, codec, seconds, rate=48_000):
    """A sine tone of 440 Hz; gives the function that writes it, once all streams are there."""
    stream = container.add_stream(codec, rate=rate)
    stream.codec_context.layout = "mono"
    stream.metadata["language"] = "fra"

    def write():
        for start in range(0, int(seconds * rate), 960):
            wave = np.sin(2 * np.pi * 440 * np.arange(start, start + 960) / rate).astype(np.float32)[None] / 2
            frame = av.AudioFrame.from_ndarray(wave, "fltp", "mono")
            frame.sample_rate, frame.pts, frame.time_base = rate, start, Fraction(1, rate)
            resampler = av.AudioResampler(stream.codec_context.format, "mono", rate)
            for part in resampler.resample(frame):
                part.pts = start
                container.mux(stream.encode(part))
        container.mux(stream.encode(None))

    return write


def add_subtitles(container, codec, texts):
    """Subtitles of a second each; gives the function that writes them."""
    stream = container.add_mux_stream(codec)
    stream.time_base = Fraction(1, 1000)

    def write():
        for number, text in enumerate(texts):
            data = text.encode()
            packet = av.Packet((len(data).to_bytes(2, "big") + data) if codec == "mov_text" else data)
            packet.stream, packet.time_base = stream, Fraction(1, 1000)
            packet.pts = packet.dts = number * 600
            packet.duration = 500
            container.mux(packet)

    return write


def clip(path: Path, frames=48, *, sound=None, subtitles=None, chapters=False, format=None, container=None, **video):
    """A film of moving gradients."""
    times, base = video.pop("times", None), video.pop("base", None)
    rotation = video.pop("rotation", None)
    size = video.get("size", SIZE)
    with av.open(str(path), "w", format=format, container_options=container or {}) as film:
        stream = add_video(film, **video)
        if base:
            stream.codec_context.time_base = stream.time_base = base
        if rotation is not None:
            stream.set_display_rotation(rotation)
        length = frames / Fraction(stream.codec_context.framerate)
        others = [add_tone(film, sound, length)] if sound else []
        others += [add_subtitles(film, subtitles, ["one", "two", "three"])] if subtitles else []
        if chapters:
            film.set_chapters(
                [
                    {"id": i, "start": start, "end": end, "time_base": Fraction(1, 1000), "metadata": {"title": title}}
                    for i, (title, start, end) in enumerate(CHAPTERS)
                ]
            )
        film.start_encoding()
        for write in others:
            write()
        write_frames(film, stream, (picture(number, size) for number in range(frames)), times, base)
    return path


def packets(path, kind):
    """The bytes of a kind of stream's packets, and their times in seconds."""
    with av.open(str(path)) as film:
        stream = next(each for each in film.streams if each.type == kind)
        found = [(bytes(p), p.pts * p.time_base) for p in film.demux(stream) if p.pts is not None]
    return [data for data, _ in found], [seconds for _, seconds in found]
