"""TIFF of 8 and 16 bits with EXIF: Pillow writes no 16-bit colour, and no EXIF where it compresses; libvips no EXIF."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from io import BytesIO

import numpy as np
from PIL import TiffImagePlugin, TiffTags

from phosphene.images.samples import Array
from phosphene.images.texts import EXIF_IFD, exif_tags

_ROWS = 64  # per strip: readers may fetch a part
_ADOBE_DEFLATE, _RGB, _DIFFERENCES, _PLAIN_ALPHA = 8, 2, 2, 2  # as the specification and its supplements number them


def write(array: Array, exif: Mapping[int, str], texts: Mapping[str, str]) -> bytes:
    """A deflated TIFF with its EXIF.

    Args:
        array: `[H, W, 3]` or `[H, W, 4]` (with alpha), uint8 or uint16.
        exif: Tags to keep.
        texts: Named texts, written as EXIF.
    """
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
