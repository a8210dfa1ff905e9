"""Decoding: the bytes of a picture, or Pillow's image of it, become samples."""

import re
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import PurePath

import numpy as np
import pyvips
from PIL import Image, ImageOps, UnidentifiedImageError

from phosphene.errors import ImageError, OutOfSpaceError, translate, unless_damaged
from phosphene.images import samples
from phosphene.images.filetypes import (
    FULL_NAMES,
    PNG,
    READABLE,
    SUFFIXES,
    TIFF,
    jxl_size,
    kind_of,
    opened_by,
    package,
    silence_libraries,
    silent,
    what_else,
)
from phosphene.images.pages import Page, photograph
from phosphene.images.samples import MAX_PIXELS, Array, Samples, check_size, from_array, from_floats
from phosphene.images.tags import Tags, read_tags


@dataclass(frozen=True)
class Decoding:
    """How a picture is decoded."""

    max_pixels: int = MAX_PIXELS  # refuses larger ones; 0 refuses none
    keep_profile: bool = False  # leaves a picture of RGB in its own profile, which goes with it


# Sixteen bits per channel, read and written with libvips: Pillow would cut them to eight and not say so


def is_deep(data: bytes) -> bool:
    """Whether these bytes are a PNG or TIFF of more than 8 bits per channel; False for all that is unreadable."""
    if data.startswith(PNG):
        return data[24:25] == b"\x10"  # the bit depth in the header
    with suppress(pyvips.Error):
        return data.startswith(TIFF) and bool(_open(data).format != "uchar")
    return False


def read(data: bytes, called: str, how: Decoding, page: Page | None = None) -> Samples:
    """A PNG or TIFF of any depth, floats too; an `ImageError` if damaged, too large, or of other numbers."""
    try:
        image = _open(data, page)
        check_size(called, image.width, image.height, how.max_pixels)
        if image.format in ("float", "double"):
            return from_floats(image.autorot().numpy(), called)
        image, notes, profile = upright_srgb(image, called, lazy=False, keep=how.keep_profile)
        array = image.numpy()
        array = array[..., None] if array.ndim == 2 else array
        return Samples(array[..., :3], array[..., 3] if image.hasalpha() else None, notes, profile)
    except pyvips.Error as error:
        raise ImageError(f"{called} is damaged: {first_line(error.detail)}.\nFetch or export it again.") from error


def write_png(array: Array) -> bytes:
    """A 16-bit PNG, without metadata, of `[H, W, 3]` or `[H, W, 4]` uint16."""
    image = pyvips.Image.new_from_array(np.ascontiguousarray(array)).copy(interpretation="rgb16")
    data: bytes = image.pngsave_buffer(bitdepth=16, keep="none")
    return data


def _open(data: bytes, page: Page | None = None) -> pyvips.Image:
    """The header; pixels come later. The loader is named, so that libvips tries no other."""
    if data.startswith(PNG):
        return pyvips.Image.pngload_buffer(data, fail_on="error")
    return pyvips.Image.tiffload_buffer(data, fail_on="error", **(page.place if page else {}))


def upright_srgb(
    image: pyvips.Image, called: str, *, lazy: bool, keep: bool = False
) -> tuple[pyvips.Image, tuple[str, ...], bytes]:
    """The image upright and in sRGB, of 8 or 16 bits per channel; notes; and a profile that was kept.

    A broken profile is a note, as where Pillow reads; but a `lazy` image fails only when its pixels are asked for. One
    of other numbers is refused with an `ImageError`. With `keep`, an image of RGB stays in its own profile.
    """
    if image.format not in ("uchar", "ushort"):
        raise ImageError(
            f"{called} holds {image.format} numbers; pictures of 8 or 16 bits or of floats are read.\n"
            "Export it again with 16 bits per channel."
        )
    space, depth = ("rgb16", 16) if image.format == "ushort" else ("srgb", 8)
    image = image.autorot()
    if not image.get_typeof("icc-profile-data"):
        if image.interpretation == "cmyk":
            return _bare_cmyk(image, space), (samples.BARE_CMYK,), b""
        return image.colourspace(space), (), b""
    profile = image.get("icc-profile-data")
    if image.interpretation == space and samples.is_srgb(profile):
        return image, (), b""
    if keep and image.interpretation == space and samples.is_wide(profile):
        return image, (), bytes(profile)
    try:
        converted = image.icc_transform("srgb", embedded=True, depth=depth, black_point_compensation=True)
        return converted if lazy else converted.copy_memory(), (), b""
    except pyvips.Error:
        return image.colourspace(space), (samples.BROKEN,), b""


def _bare_cmyk(image: pyvips.Image, space: str) -> pyvips.Image:
    """Inks as Pillow shows them where no profile says what they look like: each takes away its part of the light."""
    white = 255 if image.format == "uchar" else 65535
    light = white - image[3]
    colour = (light - image.extract_band(0, n=3) * light / white).rint().cast(image.format)
    colour = colour.bandjoin(image[4]) if image.bands > 4 else colour
    return colour.copy(interpretation=space)


def first_line(said: object) -> str:
    """What libvips or Pillow said of a picture, without repetitions; what it mostly is where they said nothing."""
    return str(said).strip().partition("\n")[0].strip(" .") or "its data ends too early or makes no sense"


_LONG_GREY = ("I", "I;16", "I;16L", "I;16B")
_PPM_HEADER = re.compile(rb"P[36]\s+(?:#[^\n]*\n\s*)*\d+\s+\d+\s+(\d+)\s")
_PILLOW = threading.RLock()


@contextmanager
def pillow(called: str) -> Iterator[None]:
    """Lets Pillow work undisturbed, and teaches in an `ImageError` what it raises on malformed data.

    If memory runs out, that is an `OutOfSpaceError`. Its size limit and Python's warning filters are global: one thread
    at a time, both put back afterwards.
    """
    silence_libraries()
    with _PILLOW, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        limit, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            with translate(
                lambda error: ImageError(f"{called} is damaged: {first_line(error)}.\nFetch or export it again.")
            ):
                yield
        except MemoryError as error:
            raise OutOfSpaceError(
                f"{called} does not fit into memory.\nMake it smaller first, or close programs."
            ) from error
        finally:
            Image.MAX_IMAGE_PIXELS = limit


def decode(data: bytes, called: str, how: Decoding) -> tuple[Samples, Tags]:
    """Decodes a picture file's bytes, which messages name as `called`, and reads what it says of itself.

    What is no picture, damaged or too large is an `ImageError`; it is a `OutOfSpaceError` if memory runs out.
    """
    with pillow(called):
        page, many = photograph(BytesIO(data)) if data.startswith(TIFF) else (None, 1)
        if kind_of(data) == "RAW" or (page and page.sensor):
            return _developed(data, called, how), _tags(data, called)
        if page or is_deep(data):
            notes = (f"it holds {many} pictures: the largest is read, since the first is a preview",) if page else ()
            found = read(data, called, how, page)
            return replace(found, notes=notes + found.notes), _tags(data, called)
        image = open_image(data, called, how.max_pixels)
        check_size(called, *image.size, how.max_pixels)
        tags = read_tags(image)
        found = from_pillow(image, called, keep_profile=how.keep_profile)
        return replace(found, notes=_about_file(image, data, called) + found.notes), tags


def _tags(data: bytes, called: str) -> Tags:
    """What a file that Pillow does not decode says of itself, as far as Pillow understands it."""
    return unless_damaged(lambda: read_tags(open_image(data, called)), Tags())


def open_image(data: bytes, called: str, max_pixels: int = MAX_PIXELS) -> Image.Image:
    """Reads the header alone; an `ImageError` says that it is none of the readable formats, or too large."""
    if not data:
        raise ImageError(f"{called} is empty (0 bytes).\nFetch or export it again.")
    if kind_of(data) == "JXL":  # whose header is not read alone
        check_size(called, *jxl_size(data), max_pixels)
    try:
        return Image.open(BytesIO(data), formats=opened_by(data, called))
    except UnidentifiedImageError as error:
        raise ImageError(_no_picture(data, called)) from error


def _developed(data: bytes, called: str, how: Decoding) -> Samples:
    """A camera's raw photograph, developed by LibRaw: 16 bits, the camera's white balance, sRGB."""
    rawpy = package("RAW", called)
    try:
        with silent(), rawpy.imread(BytesIO(data)) as raw:
            check_size(called, raw.sizes.width, raw.sizes.height, how.max_pixels)
            array: Array = raw.postprocess(
                use_camera_wb=True, output_bps=16, output_color=rawpy.ColorSpace.sRGB, gamma=(2.4, 12.92)
            )
        return Samples(array)
    except rawpy.LibRawError as error:
        said = error.args[0].decode("ascii", "replace") if error.args and isinstance(error.args[0], bytes) else error
        raise ImageError(
            f"{called} is a camera's raw photograph that cannot be developed: {first_line(said)}.\n"
            "Export it as TIFF or JPEG with the camera's own program."
        ) from error


def from_pillow(image: Image.Image, called: str, *, keep_profile: bool) -> Samples:
    """Turns Pillow's image into samples, and itself upright; an `ImageError` refuses numbers that are no picture."""
    image.load()
    turned = image.format == "JXL" and not getattr(image, "jpeg", False)  # its decoder has turned it
    upright = turned or unless_damaged(lambda: ImageOps.exif_transpose(image, in_place=True) is None, False)
    notes = () if upright else ("its EXIF orientation is unreadable: shown as stored",)
    if image.mode in _LONG_GREY or image.mode == "F":
        array = _long_grey(image, called)
        found = from_floats(array, called) if image.mode == "F" else from_array(array, called, 0)
        return replace(found, notes=notes + found.notes)
    colour, alpha = _split(image)
    colour, more, profile = samples.to_srgb(colour, image.info.get("icc_profile"), keep=keep_profile)
    array = np.asarray(colour)
    return Samples(array[..., None] if array.ndim == 2 else array, alpha, notes + more, profile)


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
    if suffix in SUFFIXES and suffix not in READABLE.get(image.format or "", (suffix,)):
        notes.append(f"it is called {suffix} but is a {image.format}: read as what it is")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":  # a phone's second picture is a preview
        all_of_them = ". phosphene film dreams all" if image.format in ("GIF", "PNG", "WEBP", "AVIF") else ""
        notes.append(f"it holds {frames} frames: the first is read{all_of_them}")
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
    if name := FULL_NAMES.get(kind_of(data) or ""):
        return f"{called} is a {name}, and damaged.\nFetch or export it again."
    what = what_else(data[:300])
    said = f"not a picture but {what.replace('NAME', called)}" if what else "not a picture, or its beginning is damaged"
    return f"{called} is {said}.\nSupported: {', '.join(name for name in READABLE if name != 'MPO')}."
