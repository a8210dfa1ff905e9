"""Decoding: the bytes of a picture, or Pillow's image of it, become samples."""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import PurePath

import numpy as np
import pyvips
from PIL import Image, ImageOps, UnidentifiedImageError

from phosphene.errors import ImageError, PhospheneError, RoomError
from phosphene.images.samples import (
    BARE_CMYK,
    BROKEN,
    Array,
    Samples,
    check_size,
    from_array,
    is_srgb,
    to_srgb,
    unless_damaged,
)
from phosphene.images.texts import kept_exif

# Sixteen bits per channel, read and written with libvips: Pillow would cut them to eight and not say so


_PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, ordinary and BigTIFF


def is_deep(data: bytes) -> bool:
    """Whether these bytes are a PNG or TIFF of more than 8 bits per channel; False for all that is unreadable."""
    if data.startswith(_PNG):
        return data[24:25] == b"\x10"  # the bit depth in the header
    if data.startswith(TIFF):
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


READABLE = {
    "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
    "MPO": (".mpo", ".jpg", ".jpeg", ".jpe", ".jfif"),  # a JPEG with further pictures inside, as phones write it
    "PNG": (".png", ".apng"),
    "WEBP": (".webp",),
    "TIFF": (".tif", ".tiff"),
    "BMP": (".bmp", ".dib"),
    "GIF": (".gif",),
    "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
    "AVIF": (".avif",),
    "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"),
}
"""What is read, and the suffixes it goes by. Pillow knows more, some of which starts other programs (EPS)."""

_STRANGERS = (
    (b"%PDF", "a PDF. Export the page as PNG"),
    (b"%!PS", "PostScript. Export it as PNG"),
    (b"<svg", "a vector drawing. Export it as PNG"),
    (b"<?xml", "XML. If it is a drawing, export it as PNG"),
    (b"<!doctype", "a web page: the download went to the page around the picture"),
    (b"<html", "a web page: the download went to the page around the picture"),
    (b"PK\x03\x04", "a zip archive. Unpack it first"),
    (b"8BPS", "a Photoshop file. Export it as PNG or TIFF"),
    (b"version https://git-lfs", "a pointer to a file in Git LFS. Fetch the real one: git lfs pull"),
)
_LONG_GREY = ("I", "I;16", "I;16L", "I;16B")
_PPM_HEADER = re.compile(rb"P[36]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s+(\d+)\s")
_PILLOW = threading.RLock()


@contextmanager
def pillow(called: str) -> Iterator[None]:
    """Lets Pillow work undisturbed, and translates all it raises into errors that teach.

    Its size limit and Python's warning filters are global: one thread at a time, both put back afterwards.

    Raises:
        ImageError: For whatever Pillow raises on malformed data.
        RoomError: If memory runs out.
    """
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        except PhospheneError:
            raise
        except MemoryError as error:
            raise RoomError(f"{called} does not fit into memory.\nMake it smaller first, or close programs.") from error
        except Exception as error:  # Pillow's plugins raise whatever a malformed file brings about
            raise ImageError(f"{called} is damaged: {_reason(error)}.\nFetch or export it again.") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def decode(data: bytes, called: str, max_pixels: int) -> Samples:
    """Decodes a picture file's bytes.

    Args:
        data: The whole file.
        called: Its name, for messages.
        max_pixels: The limit, 0 for none.

    Raises:
        ImageError: If it is no picture, damaged or too large.
        RoomError: If memory runs out.
    """
    with pillow(called):
        if is_deep(data):
            samples = read(data, called, max_pixels)
            return Samples(samples.colour, samples.alpha, _exif_alone(data), samples.notes)
        image = open_image(data, called)
        check_size(called, *image.size, max_pixels)
        samples = from_pillow(image, called)
        notes = _about_file(image, data, called)
    return Samples(samples.colour, samples.alpha, samples.exif, notes + samples.notes)


def open_image(data: bytes, called: str) -> Image.Image:
    """Reads the header alone.

    Raises:
        ImageError: If it is none of the readable formats.
    """
    if not data:
        raise ImageError(f"{called} is empty (0 bytes).\nFetch or export it again.")
    try:
        return Image.open(BytesIO(data), formats=_available())
    except UnidentifiedImageError as error:
        raise ImageError(_no_picture(data, called)) from error


def from_pillow(image: Image.Image, called: str) -> Samples:
    """Turns Pillow's image into samples; turns the image itself upright.

    Raises:
        ImageError: If it holds numbers that are no picture.
    """
    exif = kept_exif(image)
    image.load()
    notes = _turn_upright_(image)
    if image.mode in _LONG_GREY or image.mode == "F":
        samples = from_array(_long_grey(image, called), called, 0)
        return Samples(samples.colour, samples.alpha, exif, notes)
    colour, alpha = _split(image)
    colour, more = to_srgb(colour, image.info.get("icc_profile"))
    array = np.asarray(colour)
    return Samples(array[..., None] if array.ndim == 2 else array, alpha, exif, notes + more)


def _available() -> list[str]:
    """The readable formats that this build of Pillow knows."""
    Image.init()
    return [name for name in READABLE if name in Image.OPEN]


def _turn_upright_(image: Image.Image) -> tuple[str, ...]:
    turned = unless_damaged(lambda: ImageOps.exif_transpose(image, in_place=True) is None, False)
    return () if turned else ("its EXIF orientation is unreadable: shown as stored",)


def _split(image: Image.Image) -> tuple[Image.Image, Array | None]:
    """Colour (mode L, RGB, CMYK or LAB), and alpha `[H, W]` if there is transparency of any kind."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA")
        image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), np.asarray(image.getchannel("A"))
    if image.mode in ("1", "L"):
        return image.convert("L"), None
    return (image if image.mode in ("CMYK", "LAB") else image.convert("RGB")), None


def _long_grey(image: Image.Image, called: str) -> Array:
    """`[H, W]` of uint16, or of float where the mode is F."""
    array = np.asarray(image)
    if image.mode != "I":
        return array
    if array.min() < 0 or array.max() > 65535:
        raise ImageError(
            f"{called} counts from {array.min()} to {array.max()}; 16 bits reach from 0 to 65535.\n"
            "Export it again with 16 bits per channel."
        )
    return array.astype(np.uint16)


def _about_file(image: Image.Image, data: bytes, called: str) -> tuple[str, ...]:
    """Notes on what the file is: mislabelled, animated, finer than it can be read."""
    notes = []
    suffix = PurePath(called).suffix.lower()
    known = {each for suffixes in READABLE.values() for each in suffixes}
    if suffix in known and suffix not in READABLE.get(image.format or "", (suffix,)):
        notes.append(f"it is called {suffix} but is a {image.format}: read as what it is")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a phone's second picture is a preview
        notes.append(f"it holds {frames} frames: the first is read")
    bits = _bits(data, image.format)
    if bits > 8 and image.mode not in _LONG_GREY:
        notes.append(f"{image.format} of {bits} bits per channel is read at 8: as PNG or TIFF it keeps 16")
    return tuple(notes)


def _bits(data: bytes, format: str | None) -> int:
    """Bits per channel of PPM and JPEG 2000, which Pillow cuts to 8 without a word."""
    if format == "PPM":
        header = _PPM_HEADER.match(data)
        return int(header[1]).bit_length() if header else 8
    start = data.find(b"\xff\x4f\xff\x51") if format == "JPEG2000" else -1
    return (data[start + 42] & 0x7F) + 1 if 0 <= start < len(data) - 42 else 8


def _exif_alone(data: bytes) -> dict[int, str]:
    """The tags worth keeping of a file whose pixels libvips reads."""
    return unless_damaged(lambda: kept_exif(Image.open(BytesIO(data), formats=_available())), {})


def _no_picture(data: bytes, called: str) -> str:
    start = data[:64].lstrip().lower()
    kinds = ", ".join(name for name in _available() if name != "MPO")
    for magic, what in _STRANGERS:
        if start.startswith(magic.lower()):
            return f"{called} is not a picture but {what}.\nRead are: {kinds}."
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return f"{called} is a HEIC photograph, as phones write them. Export it as JPEG or PNG.\nRead are: {kinds}."
    return f"{called} is not a picture, or its beginning is damaged.\nRead are: {kinds}."


def _reason(error: Exception) -> str:
    """Pillow's own words, if it has any."""
    said = str(error).splitlines()[0].strip(" .") if str(error).strip() else ""
    return said or "its data ends too early or makes no sense"
