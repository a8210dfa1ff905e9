"""Writing: pixels become a file. The bytes are complete before the disk is touched."""

import os
from collections.abc import Mapping
from io import BytesIO
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from PIL import Image, features
from torch import Tensor

from phosphene.errors import ImageError, NonFiniteError, OutOfSpaceError, SettingsError, nearest
from phosphene.images import decoding, texts
from phosphene.images.filetypes import writes_jxl
from phosphene.images.samples import Array, to_srgb
from phosphene.images.sources import Pixels, refuse, write_atomically
from phosphene.images.tags import Tags

FORMATS: Mapping[str, str] = MappingProxyType(
    {
        **{".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg", ".webp": "webp", ".tif": "tiff", ".tiff": "tiff"},
        **{".avif": "avif", ".jxl": "jxl"},
    }
)
"""Suffixes that can be written, and their formats."""

_LONGEST_SIDE = {"jpeg": 65_500, "webp": 16_383, "avif": 65_536}  # pixels; JPEG's is libjpeg's, 35 below its files'
_LARGEST_TIFF = 4 << 30  # bytes: its offsets have 32 bits
_SHALLOW = ("jpeg", "webp", "avif", "jxl")  # as they are written here: 8 bits per channel
_NONE: Mapping[Any, str] = MappingProxyType({})
_NO_TAGS = Tags()


def formats() -> tuple[str, ...]:
    """The formats that can be written here: png, jpeg, webp, tiff, avif, and jxl with the extra `formats`."""
    return tuple(format for format in dict.fromkeys(FORMATS.values()) if _is_written(format))


def format_of(path: str | os.PathLike[str]) -> str:
    """The format that a file's suffix asks for.

    Raises:
        ImageError: If it asks for none that can be written here.

    >>> format_of("dream.JPG")
    'jpeg'
    """
    suffix = PurePath(path).suffix.lower()
    if suffix in FORMATS:
        check_format(FORMATS[suffix])
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
    tags: Tags = _NO_TAGS,
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
        tags: Author, rights, resolution and colour profile, as `load` found them.
        quality: Of JPEG, WebP, AVIF and JPEG XL, 1 to 100; WebP and JPEG XL at 100 lose nothing.
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
    data, notes = encode(pixels, format, alpha=alpha, depth=depth, metadata=metadata, tags=tags, quality=quality)
    write_atomically(path, data, overwrite=overwrite)
    return notes


def encode(
    pixels: Tensor | Pixels,
    format: str,
    *,
    alpha: Tensor | None = None,
    depth: int = 8,
    metadata: Mapping[str, str] = _NONE,
    tags: Tags = _NO_TAGS,
    quality: int = 95,
) -> tuple[bytes, tuple[str, ...]]:
    """A file's bytes, and notes on what the format could not hold: "png", "jpeg", "webp", "tiff", "avif" or "jxl".

    Arguments and errors are those of `save`.
    """
    _check_settings(format, depth, quality, metadata)
    if not isinstance(pixels, Tensor):
        alpha = pixels.alpha if alpha is None else alpha
        pixels = pixels.pixels
    _check_pixels(pixels, alpha, format)
    try:
        pixels, alpha, depth, notes = _fit(pixels, alpha, depth, format)
        data, more = _encode(_whole_numbers(pixels, alpha, depth), format, metadata, tags, quality)
        return data, notes + more
    except MemoryError as error:
        raise OutOfSpaceError("The picture does not fit into memory while it is written.\nClose programs.") from error


def _check_settings(format: str, depth: int, quality: int, metadata: Mapping[str, str]) -> None:
    if format not in FORMATS.values():
        raise ImageError(f"Unknown format {format!r}.{nearest(format, formats())} Allowed: {', '.join(formats())}.")
    check_format(format)
    if depth not in (8, 16):
        raise SettingsError(f"{depth} bits per channel are not possible. Allowed: 8, 16.")
    if not 1 <= quality <= 100:
        raise SettingsError(f"A quality of {quality} is not possible. Allowed: 1 to 100.")
    if unknown := set(metadata) - set(texts.TEXTS):
        raise SettingsError(f"No text named {min(unknown)!r} is written. Allowed: {', '.join(texts.TEXTS)}.")


def check_format(format: str) -> None:
    """Raises an `ImageError` if what writes a format is not installed."""
    if not _is_written(format):
        raise ImageError(
            f"{_WRITTEN[format]} cannot be written here: a package is not installed.\n"
            "Install it: pip install 'phosphene[formats]'. Or name the file .png, .jpg, .webp or .tif."
        )


_WRITTEN = {"jxl": "JPEG XL", "avif": "AVIF"}


def _is_written(format: str) -> bool:
    return writes_jxl() if format == "jxl" else format != "avif" or bool(features.check("avif"))


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
    if depth == 16 and format in _SHALLOW:
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
    array: Array, format: str, metadata: Mapping[str, str], tags: Tags, quality: int
) -> tuple[bytes, tuple[str, ...]]:
    if format == "png":
        png = _pillow(array, "png") if array.dtype == np.uint8 else decoding.write_png(array)
        at, chunks = texts.png_chunks(tags, metadata)
        return png[:at] + chunks + png[at:], ()
    if format == "tiff":
        if array.nbytes > _LARGEST_TIFF:
            raise ImageError("A TIFF ends at 4 GB, and this one could be larger.\nChoose PNG: name the file .png.")
        return texts.write(array, tags, metadata), ()
    told: dict[str, object] = {"quality": quality, "icc_profile": tags.profile}
    if format == "jpeg":
        block, xmp, notes = texts.jpeg_exif(tags, metadata)
        # 4:4:4: a dream's colours are as fine as its lines.
        dpi = {"dpi": tags.dpi} if tags.dpi else {}
        return _pillow(array, format, exif=block, xmp=xmp, subsampling=0, **dpi, **told), notes
    told |= {"exif": texts.exif_block(tags, metadata), "xmp": tags.xmp}
    if format == "webp":
        return _pillow(array, format, lossless=quality == 100, exact=True, **told), ()
    if format == "avif":
        return _pillow(array, format, subsampling="4:4:4", **told), ()
    return _jxl(array, tags, told)


def _jxl(array: Array, tags: Tags, told: dict[str, object]) -> tuple[bytes, tuple[str, ...]]:
    """A JPEG XL; its writer knows sRGB alone."""
    notes: tuple[str, ...] = ()
    if tags.profile:
        colour, _, _ = to_srgb(Image.fromarray(array[..., :3]), tags.profile)
        array = np.dstack([np.asarray(colour), array[..., 3:]])
        notes = ("written in sRGB: of JPEG XL, other colour profiles are not written",)
    del told["icc_profile"]
    return _pillow(array, "jxl", lossless=told["quality"] == 100, **told), notes


def _pillow(array: Array, format: str, **options: object) -> bytes:
    file = BytesIO()
    Image.fromarray(array).save(file, format, **options)
    return file.getvalue()
