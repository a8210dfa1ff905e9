"""Pictures at the door: files become pixels, pixels become files, and nothing else happens here.

Pixels are tensors `[1, 3, H, W]`, 0..1, sRGB. `load` turns every kind of picture into them, `save` and `encode` turn
them into PNG, JPEG, WebP or TIFF, and `metadata` reads back the texts that `save` wrote.
"""

from phosphene.images.reading import Picture, load, metadata, size_of
from phosphene.images.samples import MAX_PIXELS
from phosphene.images.sources import Source, name_of, write_atomically
from phosphene.images.writing import FORMATS, check_sides, encode, format_of, formats, save

__all__ = [
    "FORMATS",
    "MAX_PIXELS",
    "Picture",
    "Source",
    "check_sides",
    "encode",
    "format_of",
    "formats",
    "load",
    "metadata",
    "name_of",
    "save",
    "size_of",
    "write_atomically",
]
