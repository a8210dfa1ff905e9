"""Segments: short parts of a film, each a file that can be decoded by itself, which are joined when all are there.

A segment is Matroska. Its second track holds the exact time of each frame as a text such as `1001/24000`: Matroska's
own times are whole milliseconds.
"""

import contextlib
import os
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from types import TracebackType

import av
import numpy as np
import torch
from av.container.core import Flags
from av.video.reformatter import ColorRange, Colorspace, Interpolation
from torch import Tensor

from phosphene.errors import ImageError, NonFiniteError
from phosphene.films.formats import FilmFormat
from phosphene.films.frames import Frame
from phosphene.films.videos import translated
from phosphene.images import sources
from phosphene.images.samples import Array

_BT709, _LIMITED = 1, 1  # as ITU-T H.273 numbers them
_SCALING = Interpolation.BICUBIC | Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INP | Interpolation.BITEXACT
_DEEP = "yuv422p10le", "yuva444p10le"


class SegmentWriter:
    """Writes a part of a film: whole, or not at all.

    The same frames give the same bytes. As a context manager it keeps the file if nothing went wrong.

    Args:
        path: the file; another of that name is replaced.
        size: height and width of the frames.
        rate: frames a second, on average.
        format: of the film that it is a part of.

    Attributes:
        notes: what the user should hear.

    Raises:
        ImageError: the folder is not there or may not be written, or the codec refuses frames of this size.
        OutOfSpaceError: the disk is full.
    """

    def __init__(self, path: Path, size: tuple[int, int], rate: Fraction, format: FilmFormat) -> None:
        self.path, self.size, self.format = path, size, format
        self.rate = Fraction(rate).limit_denominator(10_000)
        self.notes = format.notes + padding(format, size)
        self._count = 0
        self._undo = contextlib.ExitStack()
        temporary = self._undo.enter_context(sources.replacing(path, overwrite=True))
        with self._undoing():
            self._container = av.open(f"file:{temporary}", "w", format="matroska")
            self._container.flags |= Flags.bitexact.value  # no random numbers, no dates
            self._stream = self._add_stream()
            self._texts = self._container.add_mux_stream("subrip")

    def _add_stream(self) -> av.VideoStream:
        os.environ.setdefault("SVT_LOG", "0")  # else the encoder of AV1 speaks on standard error
        stream = self._container.add_stream(self.format.encoder, rate=self.rate, options=self.format.options)
        context = stream.codec_context
        context.height, context.width = self.format.padded(self.size)
        context.pix_fmt, context.thread_count, context.time_base = self.format.pixels, 1, 1 / self.rate
        if self.format.pixels.startswith("yuv"):
            context.colorspace = context.color_primaries = context.color_trc = _BT709
            context.color_range = _LIMITED
        return stream

    @contextlib.contextmanager
    def _undoing(self) -> Iterator[None]:
        """Removes the file if what is done here fails; what FFmpeg says of it becomes an error that teaches."""
        with contextlib.ExitStack() as failed:
            failed.push(self._undo)
            with translated(self.path):
                yield
            failed.pop_all()

    def write(self, frame: Frame) -> None:
        """Adds a frame; its number plays no part.

        Raises:
            ImageError: it is not as large as the film.
            NonFiniteError: it holds NaN or infinite pixels.
            OutOfSpaceError: the disk is full.
        """
        with self._undoing():
            if tuple(frame.pixels.shape) != (1, 3, *self.size):
                raise ImageError(f"A frame of shape {list(frame.pixels.shape)} does not fit a film of {self.size}.")
            self._write_time(frame.seconds)
            picture = to_video(_whole_numbers(frame, self.format), self.format)
            picture.pts, picture.time_base = self._count, 1 / self.rate
            self._container.mux(self._stream.encode(picture))
            self._count += 1

    def _write_time(self, seconds: Fraction) -> None:
        packet = av.Packet(str(seconds).encode())
        packet.stream, packet.time_base = self._texts, 1 / self.rate
        packet.pts = packet.dts = self._count
        packet.duration = 1
        if self._count == 0:
            self._container.start_encoding()
        self._container.mux(packet)

    def close(self) -> None:
        """Finishes the file and gives it its name.

        Raises:
            ImageError: it holds no frame.
            OutOfSpaceError: the disk is full.
        """
        with self._undoing():
            if not self._count:
                raise ImageError(f"{self.path.name} would hold no frame.")
            self._container.mux(self._stream.encode(None))
            self._container.close()
        self._undo.close()

    def __enter__(self) -> "SegmentWriter":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()
        else:
            self._undo.__exit__(kind, error, trace)


def padding(format: FilmFormat, size: tuple[int, int]) -> tuple[str, ...]:
    """What the user should hear of frames whose edges are repeated, as the codec needs it."""
    height, width = format.padded(size)
    if (height, width) == size:
        return ()
    return (f"{size[1]}×{size[0]} becomes {width}×{height}, its edge repeated: {format.codec} needs even sides",)


def _whole_numbers(frame: Frame, format: FilmFormat) -> Array:
    """`[H, W, 3 or 4]` of uint8, or uint16 for codecs of 10 bits; padded as the codec needs it."""
    pixels, alpha = frame.pixels, frame.alpha
    if alpha is not None and not format.alpha:
        pixels = pixels * alpha + (1 - alpha)
    if format.alpha:
        pixels = torch.cat([pixels, torch.ones_like(pixels[:, :1]) if alpha is None else alpha.to(pixels)], 1)
    if not torch.isfinite(pixels).all():
        raise NonFiniteError(f"Frame {frame.number} holds NaN or infinite pixels, so it is not written.")
    return _quantised(pixels, deep=format.pixels in _DEEP, padded=format.padded((pixels.shape[-2], pixels.shape[-1])))


def _quantised(pixels: Tensor, *, deep: bool, padded: tuple[int, int]) -> Array:
    peak, kind = (65535, np.uint16) if deep else (255, np.uint8)
    array = pixels[0].detach().cpu().float().clamp(0, 1).mul(peak).round().permute(1, 2, 0).numpy().astype(kind)
    rows, columns = padded[0] - array.shape[0], padded[1] - array.shape[1]
    return np.pad(array, ((0, rows), (0, columns), (0, 0)), mode="edge") if rows or columns else array.copy("C")


def to_video(array: Array, format: FilmFormat) -> av.VideoFrame:
    """`[H, W, 3 or 4]` of whole numbers as PyAV's frame, in the codec's pixel format."""
    kinds = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48le", (4, 2): "rgba64le"}
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(array), kinds[array.shape[2], array.dtype.itemsize])
    if not format.pixels.startswith("yuv"):
        return frame.reformat(format=format.pixels, threads=1)
    return frame.reformat(
        format=format.pixels,
        dst_colorspace=Colorspace.ITU709,
        dst_color_range=ColorRange.MPEG,
        interpolation=_SCALING,
        threads=1,
    )
