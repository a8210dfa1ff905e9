"""The pictures that a run looks at beside the one that dreams: guides and masks, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from phosphene import images
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.pixels.canvases import canvas, is_canvas

CANVAS_SIZE = (512, 768)  # height and width of a canvas that is a guide


@dataclass
class Album:
    """Opens pictures, each once, and remembers their hashes for the record.

    Attributes:
        dtype: of their pixels.
        named: pictures that have names but are no files.
        folder: where names without a folder are looked for first.
        hashes: name → SHA-256 of what was opened.
    """

    dtype: torch.dtype
    named: Mapping[str, images.Source] = field(default_factory=dict)
    folder: Path | None = None
    hashes: dict[str, str] = field(default_factory=dict)
    _opened: dict[tuple[str, int | None], Picture] = field(default_factory=dict)

    def __call__(self, source: images.Source, *, long_side: int | None = None) -> Tensor:
        """Its pixels `[1, 3, H, W]`, shrunk to a long side."""
        return self.picture(source, long_side=long_side).pixels

    def picture(self, source: images.Source, *, long_side: int | None = None) -> Picture:
        """The picture, opened, and shrunk to a long side.

        Raises:
            ImageError: it cannot be read.
            SettingsError: another one of that name was opened before.
        """
        key = source if isinstance(source, str) else f"{images.name_of(source)} {id(source)}"
        if (key, long_side) not in self._opened:
            self._opened[key, long_side] = self._open(source, long_side)
        return self._opened[key, long_side]

    def _open(self, source: images.Source, long_side: int | None) -> Picture:
        if is_canvas(source) and source not in self.named:
            painted = canvas(source, *CANVAS_SIZE, seed=0, dtype=self.dtype)
            return Picture(painted, None, 8, source, None)
        picture = images.load(self._found(source), dtype=self.dtype, long_side=long_side, max_pixels=0)
        known = self.hashes.setdefault(images.name_of(source), picture.sha256 or "")
        if known != (picture.sha256 or ""):
            raise SettingsError(
                f"Two different pictures are called {images.name_of(source)!r}, and a record tells them by their names."
                " Rename one."
            )
        return picture

    def _found(self, source: images.Source) -> images.Source:
        if not isinstance(source, str):
            return source
        if source in self.named:
            return self.named[source]
        beside = None if self.folder is None else self.folder / source
        return beside if beside is not None and beside.is_file() else source
