"""Tags: what of a photograph's own data is kept, beside its pixels."""

from __future__ import annotations

import contextlib
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from xml.dom import minidom

from PIL import ExifTags, Image, ImageFile, IptcImagePlugin

from phosphene.errors import unless_damaged

KEPT_EXIF: Mapping[int, str] = {
    ExifTags.Base[name].value: name
    for name in ("ImageDescription", "Make", "Model", "DateTime", "Artist", "Copyright", "DateTimeOriginal")
}
"""The EXIF tags that travel from a photograph to what is painted on it. A position is never one of them."""

EXIF_IFD = ExifTags.IFD.Exif.value
RESOLUTION = (282, 283, 296)
"""The tags of a resolution: across, down, and in which unit (2 for inches, 3 for centimetres)."""

PNG_XMP = "XML:com.adobe.xmp"
_LARGEST_XMP = 1_000_000  # bytes
_LONGEST_TAG = 2_000  # characters

_ExifValues = Mapping[int, Any]
_Exif = tuple[_ExifValues, _ExifValues]


@dataclass(frozen=True)
class Tags:
    """What of a photograph's own data travels to what is painted on it. Never a position.

    Args:
        exif: Tags from `KEPT_EXIF`, decoded.
        dpi: Pixels per inch, across and down, or None where the file does not say.
        xmp: An XMP packet, without positions and without what is true of the photograph alone; b"" if there is none.
        profile: The ICC profile that the pixels' numbers are in; b"" for sRGB.
    """

    exif: Mapping[int, str] = field(default_factory=dict)
    dpi: tuple[float, float] | None = None
    xmp: bytes = b""
    profile: bytes = b""

    def written(self, *, whole: bool, dpi: float | None = None) -> Tags:
        """What goes into a file: all, or what its pixels need to be shown as they are; `dpi` is another resolution."""
        kept = self if whole else Tags(profile=self.profile)
        return kept if dpi is None else replace(kept, dpi=(dpi, dpi))


def read_tags(image: Image.Image) -> Tags:
    """What an opened image says of itself that is kept, as far as it is not damaged."""
    exif, inner = exif_of(image)
    values = {**exif, **inner}
    kept = {tag: text for tag in KEPT_EXIF if isinstance(value := values.get(tag), str) and (text := _clean(value))}
    others: dict[int, str] = unless_damaged(lambda: {**_png_keywords(image), **_iptc(image)}, {})
    return Tags({**others, **kept}, unless_damaged(lambda: _dpi(image, exif), None), _xmp(image))


_KEYWORDS = {
    "Author": "Artist",
    "Copyright": "Copyright",
    "Description": "ImageDescription",
    "Title": "ImageDescription",
}
_IPTC = {(2, 80): "Artist", (2, 116): "Copyright", (2, 120): "ImageDescription"}


def _png_keywords(image: Image.Image) -> dict[int, str]:
    """Author, rights and description in a PNG's texts, as EXIF has them."""
    if image.format != "PNG":
        return {}
    found = {ExifTags.Base[name].value: image.info.get(key) for key, name in _KEYWORDS.items()}
    return {tag: _clean(text) for tag, text in found.items() if isinstance(text, str) and text}


def _iptc(image: Image.Image) -> dict[int, str]:
    """The same in the records of the IPTC, in JPEG and TIFF."""
    if not isinstance(image, ImageFile.ImageFile) or image.format not in ("JPEG", "MPO", "TIFF"):
        return {}
    found: dict[int, str] = {}
    for key, value in (IptcImagePlugin.getiptcinfo(image) or {}).items():
        text = value[0] if isinstance(value, list) else value
        if key in _IPTC and isinstance(text, bytes):
            found[ExifTags.Base[_IPTC[key]].value] = _clean(text.decode("latin-1"))
    return found


def _dpi(image: Image.Image, exif: _ExifValues) -> tuple[float, float] | None:
    across, down = image.info.get("dpi") or _resolution(exif)
    found = round(float(across), 2), round(float(down), 2)
    turned = exif.get(ExifTags.Base.Orientation.value) in (5, 6, 7, 8)
    usable = all(math.isfinite(each) and 1 <= each <= 100_000 for each in found)
    return (found[::-1] if turned else found) if usable else None


def _resolution(exif: _ExifValues) -> tuple[float, float]:
    across, down, unit = map(exif.get, RESOLUTION)
    by = {3: 2.54, 2: 1.0, None: 1.0}.get(unit, 0.0)  # 1: no unit, but a shape of pixels
    return float(across or 0) * by, float(down or 0) * by


def _xmp(image: Image.Image) -> bytes:
    found = image.info.get("xmp") or image.info.get(PNG_XMP) or b""
    return kept_xmp(found.encode() if isinstance(found, str) else bytes(found))


_POSITIONS = re.compile(r"gps|latitude|longitude|location|geo", re.IGNORECASE)
_UNTRUE = (  # namespaces, by how they begin, of what holds for the photograph's own pixels and file
    *("http://ns.adobe.com/tiff/", "http://ns.adobe.com/camera-raw", "http://ns.adobe.com/hdr-gain-map"),
    *("http://ns.adobe.com/xap/1.0/mm/", "http://ns.adobe.com/xap/1.0/g/img", "http://ns.adobe.com/xmp/note/"),
    *("http://ns.google.com/photos/", "http://ns.apple.com/", "http://ns.adobe.com/lightroom-settings"),
)


def kept_xmp(packet: bytes) -> bytes:
    """An XMP packet without positions, and without what is true of the photograph alone; b"" for one that is damaged.

    Positions are all properties whose names speak of one. What goes beside them are the camera's edits, thumbnails,
    the history of the file, and how the sensor's picture was turned.
    """
    if not packet or len(packet) > _LARGEST_XMP or b"<!" in packet:  # nobody declares entities in XMP but an attacker
        return b""
    return unless_damaged(lambda: _cleaned(packet), b"")


def _cleaned(packet: bytes) -> bytes:
    with minidom.parseString(packet.strip(b"\0 \r\n\t")) as document:
        root = document.documentElement
        if root is None:
            return b""
        for element in list(_elements(root)):
            _prune(element)
        return root.toxml().encode()


def _elements(root: minidom.Element) -> Iterator[minidom.Element]:
    for child in list(root.childNodes):
        if isinstance(child, minidom.Element):
            yield child
            yield from _elements(child)


def _prune(element: minidom.Element) -> None:
    """Takes an element off its parent, or its attributes off it, if they are not to be kept."""
    if _goes(element.namespaceURI, element.localName) and element.parentNode is not None:
        element.parentNode.removeChild(element)
    for attribute in list(element.attributes.values()):
        if _goes(attribute.namespaceURI, attribute.localName):
            element.removeAttributeNode(attribute)


def _goes(namespace: str | None, name: str | None) -> bool:
    return bool(_POSITIONS.search(name or "")) or (namespace or "").startswith(_UNTRUE)


def exif_of(image: Image.Image) -> _Exif:
    """The tags of the main directory, and those of the Exif directory; none if they are damaged."""
    none: _Exif = ({}, {})
    return unless_damaged(lambda: (image.getexif(), image.getexif().get_ifd(EXIF_IFD)), none)


def _clean(text: str) -> str:
    """A tag's text: Pillow takes it for Latin-1, cameras mostly write UTF-8."""
    with contextlib.suppress(UnicodeError):
        text = text.encode("latin-1").decode("utf-8")
    return text.replace("\0", " ").strip()[:_LONGEST_TAG]
