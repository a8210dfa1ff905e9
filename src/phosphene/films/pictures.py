"""Films that are pictures: animated GIF, WebP and PNG files, and folders of pictures with numbers in their names."""

import hashlib
import os
import re
from collections.abc import Generator, Iterator
from dataclasses import replace
from fractions import Fraction
from functools import partial
from itertools import count
from pathlib import Path

import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor

from phosphene import images
from phosphene.errors import ImageError
from phosphene.films.shots import Shot
from phosphene.images import Picture, filetypes, sources
from phosphene.images.decoding import pillow
from phosphene.images.filetypes import SUFFIXES
from phosphene.images.samples import check_size

ANIMATED = ("GIF", "WEBP", "PNG")
_AS_FAST_AS_POSSIBLE = Fraction(10)  # ms and below: browsers show such pictures for `_USUAL`
_USUAL = Fraction(100)  # ms
_CUT = "it is cut off or damaged: what there is before is read"
_LONGEST_DENOMINATOR = 65_535  # of a delay in an animated PNG


def is_animation(path: Path) -> bool:
    """Whether a file begins as a GIF, a WebP or a PNG."""
    with path.open("rb") as file:
        start = file.read(12)
    return start.startswith((b"GIF8", filetypes.PNG)) or (start.startswith(b"RIFF") and start[8:] == b"WEBP")


def _is_cut(path: Path) -> bool:
    """Whether an animation lacks its end."""
    with path.open("rb") as file:
        start = file.read(12)
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 64))
        end = file.read().rstrip(b"\0")
    if start.startswith(b"RIFF"):
        return int.from_bytes(start[4:8], "little") + 8 > size
    return not end.endswith(b";") if start.startswith(b"GIF8") else b"IEND" not in end


class Animation:
    """An animated GIF, WebP or PNG, as `Shots` are; a still one is a film of one frame.

    Raises:
        ImageError: damaged or too large.
    """

    def __init__(self, path: Path, max_pixels: int) -> None:
        self.path, self.max_pixels = path, max_pixels
        self.notes = [_CUT] if _is_cut(path) else []
        frames = self._frames()
        first, delay = next(frames)
        picture = images.load(first, max_pixels=0, name=path.name)
        self.alpha = picture.alpha is not None and bool((picture.alpha < 1).any())
        self.size = (picture.pixels.shape[-2], picture.pixels.shape[-1])
        delays = [delay, *(delay for _, delay in self._whole(frames))]
        self.count: int | None = len(delays)
        self.duration: Fraction | None = sum(delays, Fraction(0))
        self.rate = len(delays) / self.duration

    def shots(self, begin: Fraction) -> Generator[Shot]:
        """All shots; a file of this kind can only be read from its beginning."""
        del begin
        seconds = Fraction(0)
        for frame, delay in self._whole(self._frames()):
            yield Shot(seconds, delay, partial(self._read, frame))
            seconds += delay

    def _whole(self, frames: Iterator[tuple[Image.Image, Fraction]]) -> Iterator[tuple[Image.Image, Fraction]]:
        """The frames as far as they are not damaged."""
        try:
            yield from frames
        except ImageError:
            if _CUT not in self.notes:
                self.notes.append(_CUT)

    def _frames(self) -> Iterator[tuple[Image.Image, Fraction]]:
        """Frames, and the seconds that each is shown."""
        with pillow(self.path.name):
            try:
                image = Image.open(self.path, formats=ANIMATED)
            except UnidentifiedImageError as error:
                raise ImageError(f"The beginning of {self.path.name} is damaged.\nFetch or export it again.") from error
            check_size(self.path.name, image.width, image.height, self.max_pixels)
        with image:
            size = image.size
            for number in count():
                with pillow(self.path.name):
                    if not _sought(image, number):
                        return
                    if image.size != size:  # a damaged GIF's frame may claim to be of any size
                        raise ImageError(f"Frame {number} of {self.path.name} is damaged.\nFetch or export it again.")
                    frame, delay = image.copy(), _delay(image)
                yield frame, delay

    def _read(self, frame: Image.Image) -> tuple[Tensor, Tensor | None]:
        return _as_film(images.load(frame, max_pixels=0, name=self.path.name), self.size, self.alpha)


def _sought(image: Image.Image, number: int) -> bool:
    """Goes to a frame; false where there are no more."""
    try:
        image.seek(number)
    except EOFError:
        return False
    return True


def _delay(image: Image.Image) -> Fraction:
    """Seconds that the picture just read is shown."""
    image.load()
    delay = Fraction(image.info.get("duration", 0)).limit_denominator(_LONGEST_DENOMINATOR)
    return (delay if delay > (_AS_FAST_AS_POSSIBLE if image.format == "GIF" else 0) else _USUAL) / 1000


class Folder:
    """A folder of pictures, as `Shots` are; in the order of the numbers in their names.

    Raises:
        ImageError: it holds no picture, or the first cannot be read.
    """

    def __init__(self, path: Path, max_pixels: int, rate: Fraction) -> None:
        self.path, self.max_pixels, self.rate = path, max_pixels, rate
        self.notes: list[str] = []
        self.files = numbered(path)
        first = images.load(self.files[0], max_pixels=max_pixels)
        self.size = (first.pixels.shape[-2], first.pixels.shape[-1])
        self.alpha = first.alpha is not None
        self.count: int | None = len(self.files)
        self.duration: Fraction | None = len(self.files) / rate

    def shots(self, begin: Fraction) -> Generator[Shot]:
        """All shots from the one that is seen at `begin` seconds on."""
        start = int(begin * self.rate)
        for number, file in enumerate(self.files[start:], start):
            yield Shot(number / self.rate, 1 / self.rate, partial(self._read, file))

    def sha256(self) -> str:
        """Of the files' own, in order."""
        digests = "".join(sources.sha256_of(file) for file in self.files)
        return hashlib.sha256(digests.encode()).hexdigest()

    def _read(self, file: Path) -> tuple[Tensor, Tensor | None]:
        return _as_film(images.load(file, max_pixels=self.max_pixels), self.size, self.alpha)


def _as_film(picture: Picture, size: tuple[int, int], alpha: bool) -> tuple[Tensor, Tensor | None]:
    """A picture's pixels and alpha, if it is as large as the film; an `ImageError` if it is not."""
    height, width = picture.pixels.shape[-2:]
    if (height, width) != size:
        raise ImageError(
            f"{picture.name} is {width}×{height}, the first picture {size[1]}×{size[0]}: a film has one size.\n"
            "Make all pictures equally large, or move this one elsewhere."
        )
    if alpha and picture.alpha is None:
        picture = replace(picture, alpha=torch.ones_like(picture.pixels[:, :1]))
    return picture.pixels, picture.alpha if alpha else None


def numbered(path: Path) -> list[Path]:
    """The pictures of a folder, so that 2 comes before 10; an `ImageError` if there is none."""
    files = [file for file in path.iterdir() if file.suffix.lower() in SUFFIXES and not file.name.startswith(".")]
    if not files:
        raise ImageError(f"The folder {path} holds no pictures.\nName a film, or a folder of numbered pictures.")
    return sorted(files, key=lambda file: (natural(file.name), file.name))


def natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts numbers in names by their values.

    >>> sorted(["f10.png", "f2.png"], key=natural)
    ['f2.png', 'f10.png']
    """
    return [(int(number or 0), text.lower()) for number, text in re.findall(r"(\d+)|(\D+)", name)]
