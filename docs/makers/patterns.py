"""Makes the pictures of docs/how-to/patterns.md: python docs/make.py patterns"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from phosphene import images, networks, pattern
from phosphene.pixels import sheets

HERE = Path(__file__).parents[1] / "pictures"
CHOSEN = (
    ("block2:5", "block4:11", "block6:11", "block8:3", "block8:37"),
    ("block8:11", "block10:20", "block11:5", "block12:40", "head:300"),
)
WALLPAPER = "block10:20"
BASES = ("pixel", "laplacian", "fourier")


def gallery() -> None:
    """A few channels, from the first blocks to the last."""
    network = networks.load("efficientnet-lite0")
    names = [name for row in CHOSEN for name in row]
    cells = [(name, pattern(name, network=network, size=(256, 256)).pixels) for name in names]
    _save(sheets.sheet(cells, columns=len(CHOSEN[0])), "patterns.jpg")


def contact_sheet() -> None:
    """Channels of one layer, as `phosphene pattern block8 --channels 0-23` makes it."""
    _save(pattern("block8", channels="0-23").pixels, "pattern-sheet.jpg")


def wallpaper() -> None:
    """A pattern that repeats, three times by two."""
    tile = pattern(WALLPAPER, tileable=True, size=(256, 256)).pixels
    _save(tile.repeat(1, 1, 2, 3), "pattern-wallpaper.jpg")


def parameterisations() -> None:
    """The same channel, optimised as pixels, bands and waves."""
    cells = [(name, pattern("block8:37", parameterisation=name, size=(256, 256)).pixels) for name in BASES]
    _save(sheets.sheet(cells, columns=3), "pattern-parameterisations.jpg")


def _save(pixels: Tensor, name: str) -> None:
    images.save(pixels, HERE / name, quality=76, overwrite=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    HERE.mkdir(exist_ok=True)
    gallery()
    contact_sheet()
    wallpaper()
    parameterisations()
