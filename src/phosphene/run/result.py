"""A finished picture, which says how it was made."""

import io
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from phosphene import images
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.pixels.transforms import within
from phosphene.records.journal import Journal
from phosphene.records.record import Record

SHOWN = 1024  # pixels of the longer side, in a notebook


@dataclass(frozen=True)
class Dream:
    """A finished dream, painting or pattern, or what there was when it was stopped.

    Attributes:
        pixels: `[1, 3, H, W]`, sRGB 0..1.
        record: how it was made.
        source: the picture it began as; its transparency, depth and EXIF go into the files that `save` writes.
        notes: what the user should hear.
        journal: of a run that was kept while it grew; close it when the picture is saved.
        draw_regions: draws what a style matched with what, if it did.
    """

    pixels: Tensor
    record: Record
    source: Picture
    notes: tuple[str, ...] = ()
    journal: Journal | None = None
    draw_regions: Callable[[], Tensor] | None = None

    @cached_property
    def regions(self) -> Tensor:
        """A picture of what was matched with what: the content and the styles, in shared colours.

        Raises:
            SettingsError: nothing was, because only looks counted.
        """
        if self.draw_regions is None:
            raise SettingsError("--show-regions: only looks counted, so that nothing was matched by what it is.")
        return self.draw_regions()

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.pixels.shape[-2], self.pixels.shape[-1]

    @property
    def alpha(self) -> Tensor | None:
        """`[1, 1, H, W]`, 0..1, or `None`: that of the picture it began as."""
        return self.source.alpha

    @cached_property
    def image(self) -> Image.Image:
        """The picture for Pillow, 8 bits a channel."""
        return Image.open(io.BytesIO(self.encode("png", depth=8)[0]))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
        """The picture for numpy, `[H, W, C]`, 8 bits a channel."""
        return np.array(self.image, dtype)

    def __getattr__(self, name: str) -> Any:
        """What else a picture of Pillow's can do: `resize`, `crop`, `show`, …"""
        if name.startswith("_"):
            raise AttributeError(f"a {type(self).__name__} has no attribute {name!r}")
        return getattr(self.image, name)

    def encode(
        self, format: str, *, metadata: bool = True, quality: int = 95, depth: int | None = None
    ) -> tuple[bytes, tuple[str, ...]]:
        """The bytes of a `png`, `jpeg`, `webp` or `tiff` file, and what the user should hear about them."""
        return images.encode(self.pixels, format, **self._extras(metadata, quality, depth))

    def save(
        self, path: str | os.PathLike[str], *, overwrite: bool = False, metadata: bool = True, quality: int = 95
    ) -> tuple[str, ...]:
        """Writes the picture, whole or not at all, with its record unless `metadata` is false.

        Returns:
            What the user should hear, such as that JPEG has no transparency.

        Raises:
            ImageError: the name, the folder or an existing file stands in the way.
            RoomError: the disk is full.
        """
        return images.save(self.pixels, path, overwrite=overwrite, **self._extras(metadata, quality, None))

    def _extras(self, metadata: bool, quality: int, depth: int | None) -> dict[str, Any]:
        texts = {"metadata": self.record.metadata(), "exif": self.source.exif} if metadata else {}
        return {"alpha": self.source.alpha, "depth": depth or self.source.depth, "quality": quality, **texts}

    def _repr_jpeg_(self) -> bytes:
        """For notebooks: small, since as PNG twelve megapixels would add 25 MB to the notebook's file."""
        alpha = None if self.source.alpha is None else within(self.source.alpha, SHOWN)
        return images.encode(within(self.pixels, SHOWN), "jpeg", alpha=alpha, quality=90)[0]
