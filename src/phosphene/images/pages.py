"""Pages of TIFF, of which the photograph need not be the first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from phosphene.errors import unless_damaged

_SUBFILE, _OLD_SUBFILE, _WIDTH, _HEIGHT, _PHOTOMETRIC, _CHILDREN, _DNG = 254, 255, 256, 257, 262, 330, 50706
_SENSOR = (32803, 34892)  # photometric: a colour filter array, and linear raw
_MOST_PAGES = 64
_PREVIEW = 4  # times as many pixels, in the same shape, tell a photograph from a preview of it


@dataclass(frozen=True)
class Page:
    """One picture of a TIFF."""

    place: Mapping[str, int]  # where libvips finds it: its page, and its number among the children of that page
    width: int
    height: int
    reduced: bool  # it says that it is a preview
    sensor: bool  # it holds what a camera's sensor saw

    def previews(self, other: Page) -> bool:
        """Whether it is a preview of the other one."""
        if self.width * self.height * _PREVIEW > other.width * other.height:
            return False
        within = "subifd" in other.place and other.place["page"] == self.place["page"]
        return within or abs(self.width * other.height - other.width * self.height) * 50 < other.width * self.height


def pages(file: BinaryIO) -> Iterator[Page]:
    """The pictures of an open TIFF, each followed by its children; it ends where the file makes no sense."""
    file.seek(0)
    start = file.read(16)
    start = start if 43 in start[2:4] else start[:8]  # of BigTIFF, or of ordinary ones
    offset, seen, number = ImageFileDirectory_v2(start).next, set[int](), 0
    while offset and offset not in seen and number < _MOST_PAGES:
        seen.add(offset)
        directory = _directory(file, start, offset)
        yield _page(directory, {"page": number})
        for child, at in enumerate(_numbers(directory.get(_CHILDREN))[:_MOST_PAGES]):
            yield _page(_directory(file, start, at), {"page": number, "subifd": child})
        offset, number = directory.next, number + 1


def _directory(file: BinaryIO, start: bytes, offset: int) -> ImageFileDirectory_v2:
    directory = ImageFileDirectory_v2(start)
    file.seek(offset)
    directory.load(file)
    return directory


def _page(directory: ImageFileDirectory_v2, place: Mapping[str, int]) -> Page:
    kind, old = _number(directory.get(_SUBFILE)), _number(directory.get(_OLD_SUBFILE))
    sensor = _number(directory.get(_PHOTOMETRIC)) in _SENSOR or _DNG in directory
    size = _number(directory.get(_WIDTH)), _number(directory.get(_HEIGHT))
    return Page(place, *size, bool(kind & 1) or old == 2, sensor)


def _numbers(value: object) -> list[int]:
    return [each for each in (value if isinstance(value, tuple) else (value,)) if isinstance(each, int)]


def _number(value: object) -> int:
    return next(iter(_numbers(value)), 0)


def photograph(file: BinaryIO) -> tuple[Page | None, int]:
    """Which page of an open TIFF is the photograph, or `None` for the first; and how many pictures there are.

    The first page is not the photograph where it says that it is a preview, or where another one has its shape and far
    more pixels.
    """
    found: list[Page] = []
    unless_damaged(lambda: found.extend(pages(file)), None)  # those before the damage stay
    if sensor := next((each for each in found if each.sensor), None):
        return sensor, len(found)
    others = [each for each in found[1:] if not each.reduced and each.width and each.height]
    best = max(others, key=lambda each: each.width * each.height, default=None)
    if best is not None and (found[0].reduced or found[0].previews(best)):
        return best, len(found)
    return None, len(found)
