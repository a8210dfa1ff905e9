"""File types: what a file is by its first bytes, and which package reads it."""

from __future__ import annotations

import contextlib
import ctypes
import logging
import os
import re
import struct
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from ctypes import util
from functools import cache
from importlib import import_module
from pathlib import Path, PurePath
from types import MappingProxyType
from typing import Any

import pyvips
from PIL import Image

from phosphene.errors import ImageError

READABLE: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "JPEG": (".jpg", ".jpeg", ".jpe", ".jfif", ".mpo"),
        "MPO": (".mpo", ".jpg", ".jpeg", ".jpe", ".jfif"),  # a JPEG with further pictures inside, as phones write it
        "PNG": (".png", ".apng"),
        "WEBP": (".webp",),
        "TIFF": (".tif", ".tiff"),
        "BMP": (".bmp", ".dib"),
        "GIF": (".gif",),
        "PPM": (".ppm", ".pgm", ".pbm", ".pnm", ".pfm"),
        "AVIF": (".avif", ".avifs"),
        "JPEG2000": (".jp2", ".j2k", ".jpf", ".jpx", ".j2c"),
        "TGA": (".tga", ".icb", ".vda", ".vst"),
        "QOI": (".qoi",),
        "PCX": (".pcx",),
        "DDS": (".dds",),
        "HEIF": (".heic", ".heif", ".hif"),
        "JXL": (".jxl",),
        "RAW": (
            *(".dng", ".nef", ".nrw", ".cr2", ".cr3", ".crw", ".arw", ".sr2", ".srf", ".raf", ".orf", ".rw2", ".raw"),
            *(".pef", ".srw", ".3fr", ".fff", ".iiq", ".dcr", ".kdc", ".mef", ".mos", ".mrw", ".erf", ".rwl", ".x3f"),
        ),
    }
)
"""What is read, and the suffixes it goes by. Pillow knows more, some of which starts other programs (EPS)."""

SUFFIXES = frozenset(suffix for suffixes in READABLE.values() for suffix in suffixes)

_PACKAGES = {"HEIF": "pi_heif", "JXL": "pillow_jxl", "RAW": "rawpy"}  # the module that reads them
FULL_NAMES = {"HEIF": "HEIC photograph", "JXL": "JPEG XL picture", "RAW": "camera's raw photograph"}

PNG = b"\x89PNG\r\n\x1a\n"
TIFF = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")  # little and big endian, ordinary and BigTIFF

_RAW = (b"FUJIFILMCCD-RAW", b"IIRO", b"IIRS", b"MMOR", b"IIU\0", b"\0MRM", b"FOVb", b"II\x1a\0\0\0HEAPCCDR")
_JXL = (b"\xff\x0a", b"\0\0\0\x0cJXL \r\n\x87\n")
_BRANDS = {
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"), "HEIF"),
    **dict.fromkeys((b"avif", b"avis"), "AVIF"),
    b"crx ": "RAW",
}
"""The formats whose files begin like a film of MPEG-4, by the brand that stands there."""

Mark = tuple[int, bytes, str]
"""Where in a file a mark stands, the mark in lower or upper case, and what such a file is."""

LOST: tuple[Mark, ...] = (
    (0, b"version https://git-lfs", "a pointer to a file in Git LFS. Fetch the real one: git lfs pull"),
    (0, b"<!doctype", "a web page: the download went to the page around the file"),
    (0, b"<html", "a web page: the download went to the page around the file"),
    (0, b"\x1f\x8b", "a gzip archive. Unpack it first"),
    (0, b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive. Unpack it first"),
    (0, b"Rar!", "a RAR archive. Unpack it first"),
)
"""What comes in place of any file that was downloaded, or packed."""

_FILM = "a film. To dream its frames: phosphene film NAME"
_STRANGERS: tuple[Mark, ...] = (
    *LOST,
    (0, b"%PDF", "a PDF. Export the page as PNG"),
    (0, b"%!PS", "PostScript. Export it as PNG"),
    (0, b"<svg", "a vector drawing. Export it as PNG"),
    (0, b"<?xml", "XML. If it is a drawing, export it as PNG"),
    (30, b"mimetypeapplication/x-krita", "a painting of Krita's. Export it as PNG or TIFF"),
    (30, b"mimetypeimage/openraster", "a painting in layers (OpenRaster). Export it as PNG or TIFF"),
    (0, b"PK\x03\x04", "a zip archive. Unpack it first"),
    (0, b"8BPS", "a Photoshop file. Export it as PNG or TIFF"),
    (0, b"8BPB", "a Photoshop file. Export it as PNG or TIFF"),
    (0, b"gimp xcf", "a painting of GIMP's. Export it as PNG or TIFF"),
    (0, b"\x76\x2f\x31\x01", "an OpenEXR picture, of light beyond what a screen shows. Export it as a 16-bit TIFF"),
    (0, b"#?RADIANCE", "a Radiance HDR picture, of light beyond what a screen shows. Export it as a 16-bit TIFF"),
    (0, b"#?RGBE", "a Radiance HDR picture, of light beyond what a screen shows. Export it as a 16-bit TIFF"),
    (4, b"ftyp", _FILM),
    (4, b"moov", _FILM),
    (4, b"mdat", _FILM),
    (0, b"\x1a\x45\xdf\xa3", _FILM),
    (8, b"AVI ", _FILM),
    (0, b"\0\0\x01\xba", _FILM),
    (0, b"FLV", _FILM),
    (0, b"OggS", _FILM),
    (8, b"WAVE", "a sound"),
    (0, b"ID3", "a sound"),
    (0, b"fLaC", "a sound"),
    (0, b"{", "a text (JSON)"),
)
"""What comes instead of pictures."""


def kind_of(data: bytes) -> str | None:
    r"""The name in `READABLE` of a format that needs a package of its own, or has to be told from another one.

    >>> kind_of(b"\0\0\0\x18ftypheic"), kind_of(b"\xff\xd8\xff")
    ('HEIF', None)
    """
    if data.startswith(_RAW) or (data.startswith(TIFF) and data[8:10] == b"CR"):
        return "RAW"
    if data.startswith(_JXL):
        return "JXL"
    if data[4:8] == b"ftyp":
        box = min(int.from_bytes(data[:4], "big"), 128)
        brands = [data[8:12], *(data[at : at + 4] for at in range(16, min(len(data), box), 4))]
        return next((_BRANDS[each] for each in brands if each in _BRANDS), None)
    return None


_BEGINNINGS = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n\x1a\n|GIF8[79]a|RIFF.{4}WEBP|II[*+]\0|MM\0[*+]|BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0"
    rb"|P[1-6Ff]\s+\d+\s+\d+\s|\0\0\0\x0cjP  \r\n\x87\n|\xff\x4f\xff\x51|qoif|DDS ",
    re.DOTALL,
)


def begins_a_picture(start: bytes) -> bool:
    """Whether the first 32 bytes of a file, whatever it is called, are those of a picture that is read."""
    return kind_of(start) is not None or _BEGINNINGS.match(start) is not None


def what_else(start: bytes, marks: Iterable[Mark] = _STRANGERS) -> str | None:
    """What a file is, by its first 300 bytes, that is none of those wanted; and what to do. `None` if nobody knows."""
    bare = start.lstrip()
    return next(
        (what for at, mark, what in marks if (start[at:] if at else bare)[: len(mark)].lower() == mark.lower()), None
    )


def opened_by(data: bytes, called: str) -> list[str]:
    """The formats as which Pillow may try to open these bytes.

    Raises:
        ImageError: what reads this kind of file is not installed.
    """
    kind = kind_of(data)
    if kind in _PACKAGES:
        package(kind, called)
    Image.init()
    tga = PurePath(called).suffix.lower() in READABLE["TGA"]  # they have no mark: much else would be taken for one
    return [name for name in READABLE if name in Image.OPEN and (name != "TGA" or tga)]


@cache
def _import(module: str) -> Any:
    found = import_module(module)
    if module == "pi_heif":
        found.register_heif_opener()
    return found


def package(kind: str, called: str) -> Any:
    """The package that reads a kind of file. Raises `ImageError`: it is not installed."""
    try:
        return _import(_PACKAGES[kind])
    except ImportError as error:
        raise ImageError(
            f"{called} is a {FULL_NAMES[kind]}, and the package that reads these is not installed.\n"
            "Install it: pip install 'phosphene[formats]'. Or export the picture as JPEG, PNG or TIFF."
        ) from error


def writes_jxl() -> bool:
    """Whether JPEG XL can be written here."""
    with contextlib.suppress(ImportError):
        _import("pillow_jxl")
        return True
    return False


def jxl_size(data: bytes) -> tuple[int, int]:
    """Width and height in the header of a JPEG XL, without decoding it; zeros where there is no header.

    ISO/IEC 18181-1, section "Image header": SizeHeader; boxes as in 18181-2.
    """
    bits = _Bits(_codestream(data))
    if bits.take(16) != 0x0AFF:
        return 0, 0
    small = bits.take(1)
    height = (bits.take(5) + 1) * 8 if small else bits.length()
    ratio = bits.take(3)
    if ratio:
        up, down = ((1, 1), (12, 10), (4, 3), (3, 2), (16, 9), (5, 4), (2, 1))[ratio - 1]
        return height * up // down, height
    return ((bits.take(5) + 1) * 8 if small else bits.length()), height


def _codestream(data: bytes) -> bytes:
    """The beginning of the codestream in a JPEG XL, which may stand in boxes."""
    if data.startswith(_JXL[0]):
        return data[:32]
    at = 0
    while at + 8 <= len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        head = 8
        if length == 1 and at + 16 <= len(data):
            length, head = struct.unpack(">Q", data[at + 8 : at + 16])[0], 16
        if kind in (b"jxlc", b"jxlp"):
            begin = at + head + (4 if kind == b"jxlp" else 0)
            return data[begin : begin + 32]
        if length < head:
            break
        at += length
    return b""


class _Bits:
    """Bits of bytes, the lowest first."""

    def __init__(self, data: bytes) -> None:
        self._left = int.from_bytes(data, "little")

    def take(self, count: int) -> int:
        """The next ones as a number."""
        value = self._left & ((1 << count) - 1)
        self._left >>= count
        return value

    def length(self) -> int:
        """A side: two bits say how many follow."""
        return self.take((9, 13, 18, 30)[self.take(2)]) + 1


# Libraries that print: what they say of a damaged file is said in our words


@cache
def silence_libraries() -> None:
    """Tells Pillow and its libtiff to print nothing; a libtiff that is built into Pillow cannot be told.

    What libvips warns of may quote bytes of a file that are no UTF-8, which pyvips does not expect.
    """
    pyvips._to_string = pyvips.error._to_string = _decoded
    for name in ("PIL", "tifffile"):
        logging.getLogger(name).addHandler(logging.NullHandler())  # who configures logging still hears them

    folder = Path(Image.__file__).parent
    with contextlib.suppress(OSError, AttributeError):
        beside = [*folder.parent.glob("pillow.libs/libtiff*"), *folder.glob(".dylibs/libtiff*")]
        name = str(beside[0]) if beside else (util.find_library("tiff") or "")
        if name:
            library = ctypes.CDLL(name)
            for handler in ("TIFFSetWarningHandler", "TIFFSetErrorHandler"):
                setter = getattr(library, handler)
                setter.argtypes, setter.restype = [ctypes.c_void_p], ctypes.c_void_p
                setter(None)


def _decoded(words: object) -> str:
    """A text of libvips's, whatever its bytes are."""
    return "NULL" if words == pyvips.ffi.NULL else pyvips.ffi.string(words).decode("utf-8", "replace")


@contextlib.contextmanager
def silent() -> Iterator[None]:
    """Keeps a library in C from printing on standard error, where Python goes on speaking meanwhile."""
    try:
        kept = os.dup(2)
    except OSError:  # there is none
        yield
        return
    with os.fdopen(kept, "w", buffering=1) as speaker, tempfile.TemporaryFile() as lost:
        before = sys.stderr
        with contextlib.suppress(AttributeError, OSError, ValueError):  # there is none, or it is closed
            before.flush()
        sys.stderr = speaker if before is sys.__stderr__ else before
        os.dup2(lost.fileno(), 2)
        try:
            yield
        finally:
            os.dup2(speaker.fileno(), 2)
            sys.stderr = before
