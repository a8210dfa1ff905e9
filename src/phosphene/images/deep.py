"""Sixteen bits per channel, read and written with libvips: Pillow would cut them to eight and not say so."""

from __future__ import annotations

import numpy as np
import pyvips

from phosphene.errors import ImageError
from phosphene.images.colour import BARE_CMYK, BROKEN, is_srgb
from phosphene.images.samples import Array, Samples, check_size, from_array

_PNG = b"\x89PNG\r\n\x1a\n"
_TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, ordinary and BigTIFF


def is_deep(data: bytes) -> bool:
    """Whether these bytes are a PNG or TIFF of more than 8 bits per channel; False for all that is unreadable."""
    if data.startswith(_PNG):
        return data[24:25] == b"\x10"  # the bit depth in the header
    if data.startswith(_TIFF):
        try:
            return bool(_open(data).format != "uchar")
        except pyvips.Error:
            return False
    return False


def read(data: bytes, called: str, max_pixels: int) -> Samples:
    """Decodes a PNG or TIFF of 16 bits (or floats) per channel.

    Raises:
        ImageError: If it is damaged, too large, or of another kind of number.
    """
    try:
        image = _open(data)
        check_size(called, image.width, image.height, max_pixels)
        return _samples(image, called)
    except pyvips.Error as error:
        raise ImageError(f"{called} is damaged: {first_line(error)}.\nFetch or export it again.") from error


def write_png(array: Array) -> bytes:
    """A 16-bit PNG, without metadata, of `[H, W, 3]` or `[H, W, 4]` uint16."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(array)).copy(interpretation="rgb16")
    data: bytes = image.pngsave_buffer(bitdepth=16, keep="none")
    return data


def _open(data: bytes) -> pyvips.Image:
    """The header; pixels come later. The loader is named, so that libvips tries no other."""
    loader = pyvips.Image.pngload_buffer if data.startswith(_PNG) else pyvips.Image.tiffload_buffer
    return loader(data, fail_on="error")


def _samples(image: pyvips.Image, called: str) -> Samples:
    if image.format in ("float", "double"):
        return from_array(image.autorot().numpy(), called, 0)
    image, notes = upright_srgb(image, called, lazy=False)
    array = image.numpy()
    return Samples(array[..., :3], array[..., 3] if image.hasalpha() else None, notes=notes)


def upright_srgb(image: pyvips.Image, called: str, *, lazy: bool) -> tuple[pyvips.Image, tuple[str, ...]]:
    """The image upright and in sRGB, of 8 or 16 bits per channel, and notes.

    A broken profile is a note, as where Pillow reads; but a `lazy` image fails only when its pixels are asked for.

    Raises:
        ImageError: It holds other numbers.
    """
    if image.format not in ("uchar", "ushort"):
        raise ImageError(
            f"{called} holds {image.format} numbers; pictures of 8 or 16 bits or of floats are read.\n"
            "Export it again with 16 bits per channel."
        )
    return _to_srgb(image.autorot(), lazy)


def _to_srgb(image: pyvips.Image, lazy: bool) -> tuple[pyvips.Image, tuple[str, ...]]:
    fields, (space, depth) = image.get_fields(), ("rgb16", 16) if image.format == "ushort" else ("srgb", 8)
    if "icc-profile-data" not in fields:
        notes = (BARE_CMYK,) if image.interpretation == "cmyk" else ()
        return image.colourspace(space), notes
    if image.interpretation == space and is_srgb(image.get("icc-profile-data")):
        return image, ()
    try:
        converted = image.icc_transform("srgb", embedded=True, depth=depth, black_point_compensation=True)
        return converted if lazy else converted.copy_memory(), ()
    except pyvips.Error:
        return image.colourspace(space), (BROKEN,)


def first_line(error: pyvips.Error) -> str:
    """What libvips said, without its repetitions."""
    lines = [line.strip() for line in str(error.detail).splitlines() if line.strip()]
    return lines[0].rstrip(".") if lines else "its data ends too early or makes no sense"
