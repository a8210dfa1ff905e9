"""Texts inside pictures: what `save` writes beside the pixels, and what of a photograph's own data is kept.

PNG has a place for named texts. JPEG, WebP and TIFF have not: there `parameters` goes to the EXIF tag UserComment,
where other painting programs look for it, and `phosphene` to ImageHistory, whose meaning fits.
"""

import contextlib
import json
import re
import struct
import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin, TiffTags

from phosphene.images.samples import MAX_PIXELS, Array, unless_damaged

KEPT_EXIF: Mapping[int, str] = {
    ExifTags.Base[name].value: name
    for name in ("ImageDescription", "Make", "Model", "DateTime", "Artist", "Copyright", "DateTimeOriginal")
}
"""The EXIF tags that travel from a photograph to what is painted on it. A position is never one of them."""

TEXTS = ("parameters", "phosphene")
"""The named texts that a picture can carry."""

Tags = dict[int, str | bytes]

EXIF_IFD = ExifTags.IFD.Exif.value
_USER_COMMENT, _IMAGE_HISTORY = ExifTags.Base.UserComment.value, ExifTags.Base.ImageHistory.value
_ASCII, _UNICODE = b"ASCII\0\0\0", b"UNICODE\0"
_LONGEST_TEXT = 1_000_000  # characters read back; a record has some thousand
_LONGEST_TAG = 2_000
_PNG_HEADER = 33  # signature and IHDR, after which other chunks may follow
_JPEG_HEADER = 2  # the mark that an image starts, after which segments follow

_Exif = tuple[Mapping[int, object], Mapping[int, object]]


def read_texts(image: Image.Image) -> dict[str, str]:
    """Those of `TEXTS` that an opened image carries, at most 1,000,000 characters each."""
    found = _png_texts(image) if image.format == "PNG" else _exif_texts(image)
    return {key: text for key, text in found.items() if text and len(text) <= _LONGEST_TEXT}


def kept_exif(image: Image.Image) -> dict[int, str]:
    """The tags of `KEPT_EXIF` that an image has; {} if its EXIF is damaged."""
    exif, inner = _exif(image)
    values = {**exif, **inner}
    return {tag: text for tag in KEPT_EXIF if isinstance(value := values.get(tag), str) and (text := _clean(value))}


def _exif(image: Image.Image) -> _Exif:
    """The tags of the main directory, and those of the Exif directory; none if they are damaged."""
    none: _Exif = ({}, {})
    return unless_damaged(lambda: (image.getexif(), image.getexif().get_ifd(EXIF_IFD)), none)


def exif_tags(exif: Mapping[int, str], texts: Mapping[str, str]) -> tuple[Tags, Tags]:
    """What to write as EXIF: the main directory and the Exif directory."""
    # Pillow writes a str as ASCII; as bytes, other letters stay what they are, in UTF-8.
    kept: Tags = {tag: text if text.isascii() else text.encode() for tag, text in exif.items() if tag in KEPT_EXIF}
    inner: Tags = {tag: kept.pop(tag) for tag in (ExifTags.Base.DateTimeOriginal.value,) if tag in kept}
    if "parameters" in texts:
        inner[_USER_COMMENT] = _comment(texts["parameters"])
    if "phosphene" in texts:
        inner[_IMAGE_HISTORY] = _escape(texts["phosphene"])
    return kept, inner


def exif_block(exif: Mapping[int, str], texts: Mapping[str, str]) -> bytes:
    """The same as one block that starts with `Exif`, as JPEG and WebP hold it; b"" if there is nothing to write."""
    main, inner = exif_tags(exif, texts)
    if not main and not inner:
        return b""
    block = Image.Exif()
    block.update(main)
    if inner:
        block[EXIF_IFD] = inner
    return block.tobytes()


def inserted(format: str, exif: Mapping[int, str], texts: Mapping[str, str]) -> tuple[int, bytes]:
    """Where in a finished PNG or JPEG its texts and EXIF go, and their bytes."""
    if format == "png":
        info, chunks = PngImagePlugin.PngInfo(), BytesIO()
        for key, text in texts.items():
            info.add_text(key, text.encode("utf-8", "replace").decode())
        if block := exif_block(exif, {}):
            info.add(b"eXIf", block.removeprefix(b"Exif\0\0"))
        for kind, body, *_ in info.chunks:
            PngImagePlugin.putchunk(chunks, kind, body)
        return _PNG_HEADER, chunks.getvalue()
    block = exif_block(exif, texts)
    return _JPEG_HEADER, b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block if block else b""


def as_description(texts: Mapping[str, str]) -> str:
    """The texts as a TIFF's ImageDescription, where there is no place for EXIF: `read_texts` finds them there."""
    return "\n".join(_escape(texts[key]) for key in TEXTS if key in texts)


def _png_texts(image: Image.Image) -> dict[str, str]:
    if not all(key in image.info for key in TEXTS) and image.width * image.height <= MAX_PIXELS:
        # Some programs move the texts behind the pixels; a cut picture may still name its maker.
        unless_damaged(image.load, None)
    return {key: str(image.info[key]) for key in TEXTS if isinstance(image.info.get(key), str)}


def _exif_texts(image: Image.Image) -> dict[str, str]:
    exif, inner = _exif(image)
    history = inner.get(_IMAGE_HISTORY)
    if not inner and image.format == "TIFF":
        return _described(exif.get(ExifTags.Base.ImageDescription))
    return {
        "parameters": _uncomment(inner.get(_USER_COMMENT)),
        "phosphene": history if isinstance(history, str) else "",
    }


def _described(value: object) -> dict[str, str]:
    """What `as_description` wrote."""
    parameters, _, record = value.rpartition("\n") if isinstance(value, str) else ("", "", "")
    return {"parameters": parameters, "phosphene": record} if record.startswith("{") else {}


def _comment(text: str) -> bytes:
    """A UserComment names its encoding in its first eight bytes; the byte order is the one other programs expect."""
    return _ASCII + text.encode() if text.isascii() else _UNICODE + text.encode("utf-16-be", "replace")


def _uncomment(value: object) -> str:
    if isinstance(value, bytes) and value.startswith(_UNICODE):
        return value.removeprefix(_UNICODE).decode("utf-16-be", "replace")
    if isinstance(value, bytes):
        return value.removeprefix(_ASCII).decode("utf-8", "replace").strip("\0 ")
    return value if isinstance(value, str) else ""


def _escape(text: str) -> str:
    r"""JSON in pure ASCII, as EXIF wants it.

    >>> _escape('{"name": "für"}')
    '{"name": "f\\u00fcr"}'
    """
    return re.sub(r"[^\x01-\x7f]", lambda match: json.dumps(match[0])[1:-1], text)


def _clean(text: str) -> str:
    """A tag's text: Pillow takes it for Latin-1, cameras mostly write UTF-8."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return text.replace("\0", " ").strip()[:_LONGEST_TAG]


# TIFF of 8 and 16 bits with EXIF: Pillow writes no 16-bit colour, and no EXIF where it compresses; libvips no EXIF

_ROWS = 64  # per strip: readers may fetch a part
_ADOBE_DEFLATE, _RGB, _DIFFERENCES, _PLAIN_ALPHA = 8, 2, 2, 2  # as the specification and its supplements number them


def write(array: Array, exif: Mapping[int, str], texts: Mapping[str, str]) -> bytes:
    """A deflated TIFF of `[H, W, 3]` or `[H, W, 4]` (with alpha), uint8 or uint16; tags and texts are its EXIF."""
    strips = [_strip(array[row : row + _ROWS]) for row in range(0, len(array), _ROWS)]
    directory = _directory(array, [len(strip) for strip in strips])
    main, inner = exif_tags(exif, texts)
    for tag, value in main.items():
        directory[tag] = value
    if inner:
        directory.tagtype[EXIF_IFD] = TiffTags.LONG
        directory[EXIF_IFD] = inner
    file = BytesIO()
    directory.save(file)
    return b"".join([file.getvalue(), *strips])


def _directory(array: Array, lengths: list[int]) -> TiffImagePlugin.ImageFileDirectory_v2:
    """The tags that say how to read the strips, which follow the directory one after another."""
    height, width, channels = array.shape
    directory = TiffImagePlugin.ImageFileDirectory_v2()
    tags = TiffImagePlugin
    directory[tags.IMAGEWIDTH], directory[tags.IMAGELENGTH] = width, height
    directory[tags.BITSPERSAMPLE] = (array.dtype.itemsize * 8,) * channels
    directory[tags.COMPRESSION], directory[tags.PREDICTOR] = _ADOBE_DEFLATE, _DIFFERENCES
    directory[tags.PHOTOMETRIC_INTERPRETATION], directory[tags.SAMPLESPERPIXEL] = _RGB, channels
    if channels == 4:
        directory[tags.EXTRASAMPLES] = _PLAIN_ALPHA
    directory[tags.ROWSPERSTRIP], directory[tags.STRIPBYTECOUNTS] = _ROWS, tuple(lengths)
    # Counted from the directory's end: Pillow adds where that is.
    directory[tags.STRIPOFFSETS] = tuple(int(end) for end in np.cumsum([0, *lengths[:-1]]))
    directory.tagtype[tags.STRIPOFFSETS] = TiffTags.LONG
    return directory


def _strip(rows: Array) -> bytes:
    """Compressed rows. Each pixel is stored as its difference from its left neighbour, which packs better."""
    little = rows.dtype.newbyteorder("<")
    differences = np.diff(rows, axis=1, prepend=np.zeros_like(rows[:, :1])).astype(little, copy=False)
    return zlib.compress(differences.tobytes())
