"""Makes the pictures of docs/tutorial: python docs/make.py tutorial

The photographs are scikit-learn's `china.jpg` and `flower.jpg`. Each picture is what the command beside it makes.
"""

from __future__ import annotations

from pathlib import Path

import sklearn.datasets
from PIL import Image, ImageDraw
from torch import Tensor

import phosphene
from phosphene.pixels.sheets import sheet

PICTURES = Path(__file__).parents[1] / "pictures"
PHOTOGRAPHS = Path(sklearn.datasets.__file__).parent / "images"
PALACE, DAHLIA = PHOTOGRAPHS / "china.jpg", PHOTOGRAPHS / "flower.jpg"
SIDE = 640
SKY = (
    (0, 0), (640, 0), (640, 156), (610, 136), (583, 140), (556, 183), (549, 201), (339, 203),
    (325, 187), (323, 136), (305, 122), (251, 75), (214, 27), (197, 27), (163, 81), (108, 115),
    (95, 133), (102, 156), (89, 183), (81, 203), (41, 176), (0, 142)
)  # fmt: skip


def first() -> None:
    """A photograph, and what the defaults make of it."""
    _save([("photo.jpg", _load(PALACE)), ("photo-dream.png", _dream())], 2, "tutorial-first.jpg")


def looks() -> None:
    """One flag at a time."""
    turned: tuple[tuple[str, dict[str, object]], ...] = (
        ("--strength 0.3", {"strength": 0.3}),
        ("--strength 3", {"strength": 3.0}),
        ("--layer block3", {"layer": "block3"}),
        ("--layer block8", {"layer": "block8"}),
        ("--octaves 2", {"octaves": 2}),
        ("--octaves 8", {"octaves": 8}),
    )
    _save([(name, _dream(**changes)) for name, changes in turned], 2, "tutorial-looks.jpg")


def guide() -> None:
    """A guide, and a mask."""
    cells = [("flowers.jpg", _load(DAHLIA)), ("--guide flowers.jpg", _dream(guide=DAHLIA))]
    mask = sky()
    cells += [
        ("sky.png", phosphene.load(mask.convert("RGB")).pixels),
        ("--guide flowers.jpg --mask sky.png --feather 20", _dream(guide=DAHLIA, mask=mask, feather=20.0)),
    ]
    _save(cells, 2, "tutorial-guide.jpg")


def sky() -> Image.Image:
    """White where the sky is."""
    mask = Image.new("L", (SIDE, 427), 0)
    ImageDraw.Draw(mask).polygon(SKY, fill=255)
    return mask


def _load(path: Path) -> Tensor:
    return phosphene.load(path, long_side=SIDE).pixels


def _dream(**changes: object) -> Tensor:
    return phosphene.dream(PALACE, long_side=SIDE, **changes).pixels


def _save(cells: list[tuple[str, Tensor]], columns: int, name: str) -> None:
    phosphene.save(sheet(cells, columns=columns), PICTURES / name, quality=82, overwrite=True)


if __name__ == "__main__":
    first()
    looks()
    guide()
