"""What the page shows of a painting: the view in 8 bits, and frames of the parts that change."""

import io
import json
import struct
import threading

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from phosphene.painting.look_cache import Box
from phosphene.pixels.transforms import at

THUMBNAIL = 256  # pixels of a long side
QUALITY = 82  # of WebP, where a picture is only looked at for a moment

Bytes = NDArray[np.uint8]


class Screen:
    """The view as it is shown, `[h, w, 3]`.

    Attributes:
        revision: a number that grows with every change.
    """

    def __init__(self, pixels: Tensor) -> None:
        self._lock = threading.Lock()
        self._shown = eight_bits(pixels)
        self.revision = 0

    def show(self, part: Tensor, box: Box, of: str) -> bytes:
        """Shows a part's pixels, and gives the frame that says so, without loss."""
        found = eight_bits(part)
        return self._frame(found, box, of, webp(found, lossless=True))

    def grow(self, pixels: Tensor, seen: tuple[int, int], of: str) -> bytes:
        """Shows a whole view that is only good to a size of `seen`, height and width; the frame is of that size."""
        height, width = pixels.shape[-2:]
        whole = slice(0, height), slice(0, width)
        return self._frame(eight_bits(pixels), whole, of, webp(eight_bits(at(pixels, *seen))))

    def closeup(self, pixels: Tensor, box: Box, size: tuple[int, int]) -> bytes:
        """The frame of a window that is sharper than the view: rows and columns of the picture at that larger size."""
        height, width = self._shown.shape[:2]
        down, right = height / size[0], width / size[1]
        head = {
            "x": box[1].start * right,
            "y": box[0].start * down,
            "width": pixels.shape[-1] * right,
            "height": pixels.shape[-2] * down,
        }
        return self._told(head, "closeup", webp(eight_bits(pixels), lossless=True))

    def picture(self) -> bytes:
        """All of it, without loss."""
        return webp(self._copy(), lossless=True)

    def thumbnail(self) -> bytes:
        """All of it, small."""
        return shrunk(Image.fromarray(self._copy()))

    def _copy(self) -> Bytes:
        with self._lock:
            return self._shown.copy()

    def _frame(self, found: Bytes, box: Box, of: str, picture: bytes) -> bytes:
        """Remembers what is shown in a box, and gives its frame."""
        with self._lock:
            self._shown[box] = found
            self.revision += 1
        head: dict[str, float] = {
            "x": box[1].start,
            "y": box[0].start,
            "width": found.shape[1],
            "height": found.shape[0],
        }
        return self._told(head, of, picture)

    def _told(self, head: dict[str, float], of: str, picture: bytes) -> bytes:
        told = json.dumps({**head, "revision": self.revision, "of": of}).encode()
        return struct.pack("<I", len(told)) + told + picture


def eight_bits(pixels: Tensor) -> Bytes:
    """`[1, 3, h, w]` of 0..1 as `[h, w, 3]` of 0..255."""
    found: Bytes = pixels[0].permute(1, 2, 0).clamp(0, 1).mul(255).round().to(torch.uint8).contiguous().numpy()
    return found


def webp(picture: Bytes, *, lossless: bool = False) -> bytes:
    """The bytes of a WebP file, made quickly."""
    return _encoded(Image.fromarray(picture), lossless)


def shrunk(picture: Image.Image, side: int = THUMBNAIL) -> bytes:
    """A small WebP of a picture."""
    small = picture.convert("RGB")
    small.thumbnail((side, side))
    return _encoded(small, False)


def _encoded(picture: Image.Image, lossless: bool) -> bytes:
    target = io.BytesIO()
    picture.save(target, "WEBP", lossless=lossless, quality=0 if lossless else QUALITY, method=0)
    return target.getvalue()
