"""Decoding: the bytes of a picture, or Pillow's image of it, become samples."""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import PurePath

import numpy as np
import pyvips
from PIL import Image, ImageOps, UnidentifiedImageError

from phosphene.errors import ImageError, OutOfSpaceError, PhospheneError
from phosphene.images import samples
from phosphene.images.samples import Array, Samples, check_size, from_array, unless_damaged
from phosphene.images.texts import kept_exif

# Sixteen bits per channel, read and written with libvips: Pillow would cut them to eight and not say so

PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, ordinary and BigTIFF


def is_deep(data: bytes) -> bool:
    """Whether these bytes are a PNG or TIFF of more than 8 bits per channel; False for all that is unreadable."""
    if data.startswith(PNG):
        return data[24:25] == b"\x10"  # the bit depth in the header
    with suppress(pyvips.Error):
        return data.startswith(TIFF) and bool(_open(data).format != "uchar")
    return False


def read(data: bytes, called: str, max_pixels: int) -> Samples:
    """A PNG or TIFF of 16 bits (or floats) per channel; an `ImageError` if damaged, too large, or of other numbers."""
    try:
        image = _open(data)
        check_size(called, image.width, image.height, max_pixels)
        if image.format in ("float", "double"):
            return from_array(image.autorot().numpy(), called, 0)
        image, notes = upright_srgb(image, called, lazy=False)
        array = image.numpy()
        return Samples(array[..., :3], array[..., 3] if image.hasalpha() else None, notes=notes)
    except pyvips.Error as error:
        raise ImageError(f"{called} is damaged: {first_line(error.detail)}.\nFetch or export it again.") from error


def write_png(array: Array) -> bytes:
    """A 16-bit PNG, without metadata, of `[H, W, 3]` or `[H, W, 4]` uint16."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(array)).copy(interpretation="rgb16")
    data: bytes = image.pngsave_buffer(bitdepth=16, keep="none")
    return data


def _open(data: bytes) -> pyvips.Image:
    """The header; pixels come later. The loader is named, so that libvips tries no other."""
    loader = pyvips.Image.pngload_buffer if data.startswith(PNG) else pyvips.Image.tiffload_buffer
    return loader(data, fail_on="error")


def upright_srgb(image: pyvips.Image, called: str, *, lazy: bool) -> tuple[pyvips.Image, tuple[str, ...]]:
    """The image upright and in sRGB, of 8 or 16 bits per channel, and notes.

    A broken profile is a note, as where Pillow reads; but a `lazy` image fails only when its pixels are asked for. One
    of other numbers is refused with an `ImageError`.
    """
    if image.format not in ("uchar", "ushort"):
        raise ImageError(
            f"{called} holds {image.format} numbers; pictures of 8 or 16 bits or of floats are read.\n"
            "Export it again with 16 bits per channel."
        )
    space, depth = ("rgb16", 16) if image.format == "ushort" else ("srgb", 8)
    image = image.autorot()
    if "icc-profile-data" not in image.get_fields():
        notes = (samples.BARE_CMYK,) if image.interpretation == "cmyk" else ()
        return image.colourspace(space), notes
    if image.interpretation == space and samples.is_srgb(image.get("icc-profile-data")):
        return image, ()
    try:
        converted = image.icc_transform("srgb", embedded=True, depth=depth, black_point_compensation=True)
        return converted if lazy else converted.copy_memory(), ()
    except pyvips.Error:
        return image.colourspace(space), (samples.BROKEN,)


def first_line(said: object) -> str:
    """What libvips or Pillow said of a picture, without repetitions; what it mostly is where they said nothing."""
    return str(said).strip().partition("\n")[0].strip(" .") or "its data ends too early or makes no sense"


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
    """Lets Pillow work undisturbed, and teaches in an `ImageError` what it raises on malformed data.

    If memory runs out, that is an `OutOfSpaceError`. Its size limit and Python's warning filters are global: one thread
    at a time, both put back afterwards.
    """
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            yield
        except PhospheneError:
            raise
        except MemoryError as error:
            raise OutOfSpaceError(
                f"{called} does not fit into memory.\nMake it smaller first, or close programs."
            ) from error
        except Exception as error:  # Pillow's plugins raise whatever a malformed file brings about
            raise ImageError(f"{called} is damaged: {first_line(error)}.\nFetch or export it again.") from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def decode(data: bytes, called: str, max_pixels: int) -> Samples:
    """Decodes a picture file's bytes; `called` is its name for messages, and `max_pixels` the limit, 0 for none.

    What is no picture, damaged or too large is an `ImageError`; it is a `OutOfSpaceError` if memory runs out.
    """
    with pillow(called):
        if is_deep(data):
            exif: dict[int, str] = unless_damaged(lambda: kept_exif(open_image(data, called)), {})
            return replace(read(data, called, max_pixels), exif=exif)
        image = open_image(data, called)
        check_size(called, *image.size, max_pixels)
        found = from_pillow(image, called)
        return replace(found, notes=_about_file(image, data, called) + found.notes)


def open_image(data: bytes, called: str) -> Image.Image:
    """Reads the header alone; an `ImageError` says that it is none of the readable formats."""
    if not data:
        raise ImageError(f"{called} is empty (0 bytes).\nFetch or export it again.")
    try:
        return Image.open(BytesIO(data), formats=_available())
    except UnidentifiedImageError as error:
        raise ImageError(_no_picture(data, called)) from error


def from_pillow(image: Image.Image, called: str) -> Samples:
    """Turns Pillow's image into samples, and itself upright; an `ImageError` refuses numbers that are no picture."""
    exif = kept_exif(image)
    image.load()
    upright = unless_damaged(lambda: ImageOps.exif_transpose(image, in_place=True) is None, False)
    notes = () if upright else ("its EXIF orientation is unreadable: shown as stored",)
    if image.mode in _LONG_GREY or image.mode == "F":
        return replace(from_array(_long_grey(image, called), called, 0), exif=exif, notes=notes)
    colour, alpha = _split(image)
    colour, more = samples.to_srgb(colour, image.info.get("icc_profile"))
    array = np.asarray(colour)
    return Samples(array[..., None] if array.ndim == 2 else array, alpha, exif, notes + more)


def _available() -> list[str]:
    """The readable formats that this build of Pillow knows."""
    Image.init()
    return [name for name in READABLE if name in Image.OPEN]


def _split(image: Image.Image) -> tuple[Image.Image, Array | None]:
    """Colour (mode L, RGB, CMYK or LAB), and alpha `[H, W]` if there is transparency of any kind."""
    if image.mode in ("La", "RGBa"):
        image = image.convert(image.mode.upper())
    if image.has_transparency_data:
        grey = image.mode in ("1", "L", "LA")
        image = image.convert("LA" if grey else "RGBA")
        return image.convert("L" if grey else "RGB"), np.asarray(image.getchannel("A"))
    kept = image.mode in ("CMYK", "LAB")
    return image if kept else image.convert("L" if image.mode in ("1", "L") else "RGB"), None


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


def _no_picture(data: bytes, called: str) -> str:
    start = data[:64].lstrip().lower()
    kinds = ", ".join(name for name in _available() if name != "MPO")
    for magic, what in _STRANGERS:
        if start.startswith(magic.lower()):
            return f"{called} is not a picture but {what}.\nRead are: {kinds}."
    if data[4:12] in (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftyphevc"):
        return f"{called} is a HEIC photograph, as phones write them. Export it as JPEG or PNG.\nRead are: {kinds}."
    return f"{called} is not a picture, or its beginning is damaged.\nRead are: {kinds}."
