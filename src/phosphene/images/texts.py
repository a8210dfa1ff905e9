"""Texts inside pictures: what `save` writes beside the pixels, and what of a photograph's own data is kept.

PNG has a place for named texts. JPEG, WebP and TIFF have not: there `parameters` goes to the EXIF tag UserComment,
where other painting programs look for it, and `phosphene` to ImageHistory, whose meaning fits.
"""

import json
import re
import struct
import zlib
from collections.abc import Mapping
from io import BytesIO
from typing import Any

import numpy as np
from PIL import ExifTags, Image, PngImagePlugin, TiffImagePlugin, TiffTags

from phosphene.errors import unless_damaged
from phosphene.images.samples import MAX_PIXELS, Array
from phosphene.images.tags import EXIF_IFD, KEPT_EXIF, PNG_XMP, RESOLUTION, Tags, exif_of

TEXTS = ("parameters", "phosphene")
"""The named texts that a picture can carry."""

ExifValues = dict[int, Any]

_USER_COMMENT, _IMAGE_HISTORY = ExifTags.Base.UserComment.value, ExifTags.Base.ImageHistory.value
_ASCII, _UNICODE = b"ASCII\0\0\0", b"UNICODE\0"
_LONGEST_TEXT = 1_000_000  # characters read back; a record has some thousand
_PNG_HEADER = 33  # signature and IHDR, after which other chunks may follow
_JPEG_HEADER = 2  # the mark that an image starts, after which segments follow

XMP, ICC = 700, 34675  # tags of TIFF
_JPEG_XMP, _JPEG_ICC = b"http://ns.adobe.com/xap/1.0/\0", b"ICC_PROFILE\0"
_SEGMENT = 65_533  # bytes of a JPEG's segment
_PROFILE_PART = 65_519  # bytes of a profile in one of them


def read_texts(image: Image.Image) -> dict[str, str]:
    """Those of `TEXTS` that an opened image carries, at most 1,000,000 characters each."""
    found = _png_texts(image) if image.format == "PNG" else _exif_texts(image)
    return {key: text for key, text in found.items() if text and len(text) <= _LONGEST_TEXT}


def exif_tags(tags: Tags, texts: Mapping[str, str]) -> tuple[ExifValues, ExifValues]:
    """What to write as EXIF: the main directory and the Exif directory."""
    # Pillow writes a str as ASCII; as bytes, other letters stay what they are, in UTF-8.
    kept: ExifValues = {
        tag: text if text.isascii() else text.encode() for tag, text in tags.exif.items() if tag in KEPT_EXIF
    }
    inner: ExifValues = {tag: kept.pop(tag) for tag in (ExifTags.Base.DateTimeOriginal.value,) if tag in kept}
    if tags.dpi:
        kept |= dict(zip(RESOLUTION, (*tags.dpi, 2), strict=True))
    if "parameters" in texts:
        inner[_USER_COMMENT] = _comment(texts["parameters"])
    if "phosphene" in texts:
        inner[_IMAGE_HISTORY] = _escape(texts["phosphene"])
    return kept, inner


def exif_block(tags: Tags, texts: Mapping[str, str]) -> bytes:
    """The same as one block that starts with `Exif`, as JPEG and WebP hold it; b"" if there is nothing to write."""
    main, inner = exif_tags(tags, texts)
    if not main and not inner:
        return b""
    block = Image.Exif()
    block.update(main)
    if inner:
        block[EXIF_IFD] = inner
    return block.tobytes()


def jpeg_exif(tags: Tags, texts: Mapping[str, str]) -> tuple[bytes, bytes, tuple[str, ...]]:
    """A JPEG's EXIF and XMP, each b"" if there is none, and notes on what its segments cannot hold."""
    block, notes = exif_block(tags, texts), tuple[str, ...]()
    if len(block) > _SEGMENT:
        notes = (f"written without its record of {len(block)} bytes: JPEG holds {_SEGMENT}, PNG any number",)
        block = exif_block(tags, {})
    fits = len(_JPEG_XMP) + len(tags.xmp) <= _SEGMENT
    return block, tags.xmp if fits else b"", notes + (() if fits else ("written without its XMP: JPEG holds less",))


def png_chunks(tags: Tags, texts: Mapping[str, str]) -> tuple[int, bytes]:
    """Where in a finished PNG its texts, EXIF, resolution and profile go, and their bytes."""
    info, chunks = PngImagePlugin.PngInfo(), BytesIO()
    if tags.profile:
        info.add(b"iCCP", b"ICC Profile\0\0" + zlib.compress(tags.profile))
    if tags.dpi:
        info.add(b"pHYs", struct.pack(">IIB", *(round(each / 0.0254) for each in tags.dpi), 1))
    for key, text in texts.items():
        info.add_text(key, text.encode("utf-8", "replace").decode())
    if tags.xmp:
        info.add_itxt(PNG_XMP, tags.xmp.decode("utf-8", "replace"))
    if block := exif_block(tags, {}):
        info.add(b"eXIf", block.removeprefix(b"Exif\0\0"))
    for kind, body, *_ in info.chunks:
        PngImagePlugin.putchunk(chunks, kind, body)
    return _PNG_HEADER, chunks.getvalue()


def jpeg_segments(tags: Tags, texts: Mapping[str, str]) -> tuple[int, bytes, tuple[str, ...]]:
    """Where in a finished JPEG its EXIF, XMP and profile go, their bytes, and notes on what it cannot hold."""
    block, xmp, notes = jpeg_exif(tags, texts)
    parts = [tags.profile[at : at + _PROFILE_PART] for at in range(0, len(tags.profile), _PROFILE_PART)]
    segments = [(b"\xff\xe1", block)] if block else []
    segments += [(b"\xff\xe1", _JPEG_XMP + xmp)] if xmp else []
    segments += [(b"\xff\xe2", _JPEG_ICC + bytes([n, len(parts)]) + part) for n, part in enumerate(parts, 1)]
    written = b"".join(mark + struct.pack(">H", len(body) + 2) + body for mark, body in segments)
    return _JPEG_HEADER, written, notes


def as_description(texts: Mapping[str, str]) -> str:
    """The texts as a TIFF's ImageDescription, where there is no place for EXIF: `read_texts` finds them there."""
    return "\n".join(_escape(texts[key]) for key in TEXTS if key in texts)


def _png_texts(image: Image.Image) -> dict[str, str]:
    if not all(key in image.info for key in TEXTS) and image.width * image.height <= MAX_PIXELS:
        # Some programs move the texts behind the pixels; a cut picture may still name its maker.
        unless_damaged(image.load, None)
    return {key: str(image.info[key]) for key in TEXTS if isinstance(image.info.get(key), str)}


def _exif_texts(image: Image.Image) -> dict[str, str]:
    exif, inner = exif_of(image)
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


# TIFF of 8 and 16 bits with EXIF: Pillow writes no 16-bit colour, and no EXIF where it compresses; libvips no EXIF

_ROWS = 64  # per strip: readers may fetch a part
_ADOBE_DEFLATE, _RGB, _DIFFERENCES, _PLAIN_ALPHA = 8, 2, 2, 2  # as the specification and its supplements number them


def write(array: Array, tags: Tags, texts: Mapping[str, str]) -> bytes:
    """A deflated TIFF of `[H, W, 3]` or `[H, W, 4]` (with alpha), uint8 or uint16, with tags and texts."""
    strips = [_strip(array[row : row + _ROWS]) for row in range(0, len(array), _ROWS)]
    directory = _directory(array, [len(strip) for strip in strips])
    main, inner = exif_tags(tags, texts)
    for tag, value in main.items():
        directory[tag] = value
    for tag, blob, kind in ((XMP, tags.xmp, TiffTags.BYTE), (ICC, tags.profile, TiffTags.UNDEFINED)):
        if blob:
            directory.tagtype[tag] = kind
            directory[tag] = blob
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
