"""Writing: pixels become a file. The bytes are complete before the disk is touched."""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from phosphene.errors import ImageError, NonFiniteError, OutOfSpaceError, SettingsError, nearest
from phosphene.images import decoding, texts
from phosphene.images.samples import Array
from phosphene.images.sources import Pixels, refuse, write_atomically

FORMATS: Mapping[str, str] = MappingProxyType(
    {".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"}
)
"""Suffixes that can be written, and their formats."""

_LONGEST_SIDE = {"jpeg": 65_500, "webp": 16_383}  # pixels; JPEG's is libjpeg's, 35 below what its files could say
_LARGEST_TIFF = 4 << 30  # bytes: its offsets have 32 bits
_JPEG_SEGMENT = 65_533  # bytes of EXIF that fit into a JPEG
_NONE: Mapping[Any, str] = MappingProxyType({})


def formats() -> tuple[str, ...]:
    """The formats that can be written: png, jpeg, webp, tiff."""
    return tuple(dict.fromkeys(FORMATS.values()))


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a file's suffix asks for.

    Raises:
        ImageError: If it asks for none that can be written.

    >>> format_of("dream.JPG")
    'jpeg'
    """
    suffix = PurePath(path).suffix.lower()
    if suffix in FORMATS:
        return FORMATS[suffix]
    given = f"the suffix {suffix!r}" if suffix else "no suffix"
    raise ImageError(
        f"{PurePath(path).name} has {given}, so its format is unknown.{nearest(suffix, FORMATS)}\n"
        f"Allowed: {', '.join(FORMATS)}."
    )


def save(
    pixels: Tensor | Pixels,
    path: str | os.PathLike[str],
    *,
    alpha: Tensor | None = None,
    depth: int = 8,
    metadata: Mapping[str, str] = _NONE,
    exif: Mapping[int, str] = _NONE,
    quality: int = 95,
    overwrite: bool = False,
) -> tuple[str, ...]:
    """Writes a picture in the format of its suffix: whole, or not at all.

    Args:
        pixels: `[1, 3, H, W]`, sRGB; clamped to 0..1; or a picture that was read or made, with its transparency.
        path: The file to write.
        alpha: `[1, 1, H, W]`, 0..1, or None. JPEG has none: the picture is laid on white.
        depth: Bits per channel, 8 or 16 (PNG and TIFF).
        metadata: Texts named "parameters" and "phosphene".
        exif: Tags to keep; any that is not in `KEPT_EXIF` is left out.
        quality: Of JPEG and WebP, 1 to 100; WebP at 100 loses nothing.
        overwrite: Whether it may replace another.

    Returns:
        Notes on what the format could not hold.

    Raises:
        ImageError: If the path or the format does not allow it.
        NonFiniteError: If the pixels are not finite.
        OutOfSpaceError: If memory or disk space does not suffice.
        SettingsError: If depth, quality or a text's name is impossible.
    """
    format = format_of(path)
    refuse(Path(path), overwrite=overwrite)
    data, notes = encode(pixels, format, alpha=alpha, depth=depth, metadata=metadata, exif=exif, quality=quality)
    write_atomically(path, data, overwrite=overwrite)
    return notes


def encode(
    pixels: Tensor | Pixels,
    format: str,
    *,
    alpha: Tensor | None = None,
    depth: int = 8,
    metadata: Mapping[str, str] = _NONE,
    exif: Mapping[int, str] = _NONE,
    quality: int = 95,
) -> tuple[bytes, tuple[str, ...]]:
    """A file's bytes, and notes on what the format could not hold: "png", "jpeg", "webp" or "tiff".

    Arguments and errors are those of `save`.
    """
    _check_settings(format, depth, quality, metadata)
    if not isinstance(pixels, Tensor):
        alpha = pixels.alpha if alpha is None else alpha
        pixels = pixels.pixels
    _check_pixels(pixels, alpha, format)
    try:
        pixels, alpha, depth, notes = _fit(pixels, alpha, depth, format)
        data, more = _encode(_whole_numbers(pixels, alpha, depth), format, metadata, exif, quality)
        return data, notes + more
    except MemoryError as error:
        raise OutOfSpaceError("The picture does not fit into memory while it is written.\nClose programs.") from error


def _check_settings(format: str, depth: int, quality: int, metadata: Mapping[str, str]) -> None:
    if format not in formats():
        raise ImageError(f"Unknown format {format!r}.{nearest(format, formats())} Allowed: {', '.join(formats())}.")
    if depth not in (8, 16):
        raise SettingsError(f"{depth} bits per channel are not possible. Allowed: 8, 16.")
    if not 1 <= quality <= 100:
        raise SettingsError(f"A quality of {quality} is not possible. Allowed: 1 to 100.")
    if unknown := set(metadata) - set(texts.TEXTS):
        raise SettingsError(f"No text named {min(unknown)!r} is written. Allowed: {', '.join(texts.TEXTS)}.")


def _check_pixels(pixels: Tensor, alpha: Tensor | None, format: str) -> None:
    if pixels.ndim != 4 or pixels.shape[:2] != (1, 3) or 0 in pixels.shape or not pixels.is_floating_point():
        raise ImageError(f"Pixels of shape {list(pixels.shape)}, {pixels.dtype}, are not [1, 3, H, W] of floats.")
    height, width = pixels.shape[2:]
    if alpha is not None and alpha.shape != (1, 1, height, width):
        raise ImageError(f"Alpha of shape {list(alpha.shape)} does not fit pixels of {list(pixels.shape)}.")
    check_sides(format, height, width)
    for plane in (pixels, alpha):
        if plane is not None and not torch.isfinite(plane).all():
            raise NonFiniteError("The picture holds NaN or infinite pixels, so it is not written.")


def check_sides(format: str, height: int, width: int) -> None:
    """Raises an `ImageError` if a format cannot hold a picture so large; worth asking before hours of work."""
    limit = _LONGEST_SIDE.get(format)
    if limit and max(height, width) > limit:
        raise ImageError(
            f"{width}×{height} is too large for {format.upper()}, whose sides end at {limit} pixels.\n"
            "Choose PNG or TIFF: name the file .png or .tif."
        )


def _fit(
    pixels: Tensor, alpha: Tensor | None, depth: int, format: str
) -> tuple[Tensor, Tensor | None, int, tuple[str, ...]]:
    """What the format can hold of a picture, and notes on what it cannot."""
    notes: tuple[str, ...] = ()
    if depth == 16 and format in ("jpeg", "webp"):
        depth, notes = 8, (f"written with 8 bits per channel, since {format.upper()} has no 16: PNG and TIFF have",)
    if alpha is not None and format == "jpeg":
        if (alpha < 1).any():
            notes += ("laid on white, since JPEG has no transparency: PNG, WebP and TIFF have",)
        pixels, alpha = pixels * alpha + (1 - alpha), None
    return pixels, alpha, depth, notes


def _whole_numbers(pixels: Tensor, alpha: Tensor | None, depth: int) -> Array:
    """`[H, W, 3 or 4]` of uint8 or uint16, rounded in the pixels' own dtype."""
    stack = pixels if alpha is None else torch.cat([pixels, alpha.to(pixels)], 1)
    stack = stack if stack.dtype == torch.float64 else stack.float()
    peak, kind = (255, np.uint8) if depth == 8 else (65535, np.uint16)
    values = stack.detach().cpu()[0].clamp(0, 1).mul_(peak).round_()
    return values.permute(1, 2, 0).numpy().astype(kind, order="C")


def _encode(
    array: Array, format: str, metadata: Mapping[str, str], exif: Mapping[int, str], quality: int
) -> tuple[bytes, tuple[str, ...]]:
    if format == "png":
        png = _pillow(array, "png") if array.dtype == np.uint8 else decoding.write_png(array)
        at, chunks = texts.inserted("png", exif, metadata)
        return png[:at] + chunks + png[at:], ()
    if format == "tiff":
        if array.nbytes > _LARGEST_TIFF:
            raise ImageError("A TIFF ends at 4 GB, and this one could be larger.\nChoose PNG: name the file .png.")
        return texts.write(array, exif, metadata), ()
    block = texts.exif_block(exif, metadata)
    if format == "webp":
        return _pillow(array, format, exif=block, quality=quality, lossless=quality == 100, exact=True), ()
    notes: tuple[str, ...] = ()
    if len(block) > _JPEG_SEGMENT:
        notes = (f"written without its record of {len(block)} bytes: JPEG holds {_JPEG_SEGMENT}, PNG any number",)
        block = texts.exif_block(exif, {})
    # 4:4:4: a dream's colours are as fine as its lines.
    return _pillow(array, format, exif=block, quality=quality, subsampling=0), notes


def _pillow(array: Array, format: str, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, format, **options)
    return file.getvalue()
