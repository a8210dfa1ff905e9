"""Makes the README's pictures: python docs/make.py front"""

from __future__ import annotations

from pathlib import Path

import sklearn.datasets
from PIL import Image, ImageDraw, ImageFont

import phosphene
from phosphene.pixels.sheets import sheet
from phosphene.recipes.settings import PRESETS

HERE = Path(__file__).parents[1] / "pictures"
PALACE = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
PAINTED = ("night", "impasto", "coloured_pencil", "woodcut", "sanguine")
SMALL = 360  # pixels of a preset's picture


def hero() -> None:
    """The first picture of the README: the dahlia that scikit-learn ships, three times as large, with the defaults."""
    dahlia = Path(sklearn.datasets.__file__).parent / "images" / "flower.jpg"
    dreamt = phosphene.dream(dahlia, enlarge=3).image
    dreamt.resize((1280, 854), Image.Resampling.LANCZOS).save(HERE / "dahlia-dream.jpg", quality=86)


def clouds() -> None:
    """What the README's first line makes: the built-in clouds, dreaming with the defaults."""
    phosphene.dream("clouds", size=(1024, 576)).save(HERE / "clouds-dream.jpg", quality=90, overwrite=True)


def painted() -> None:
    """The palace that scikit-learn ships, as five of the program's own pictures are painted."""
    palace, network = phosphene.load(PALACE).pixels, phosphene.network()
    cells = [("the photograph", palace)]
    cells += [(name, phosphene.style(PALACE, filter=name, network=network).pixels) for name in PAINTED]
    phosphene.save(sheet(cells, columns=2), HERE / "painted.jpg", quality=80, overwrite=True)


def guided() -> None:
    """The same clouds, dreaming towards the built-in dahlias."""
    dreamt = phosphene.dream("clouds", size=(1024, 576), guide="dahlias")
    dreamt.save(HERE / "guided.jpg", quality=86, overwrite=True)


def presets() -> None:
    """Every preset on the same photograph, the palace that scikit-learn ships."""
    looks = [(name, phosphene.dream(PALACE, long_side=SMALL, preset=name).image) for name in PRESETS]
    columns, (width, height) = 4, looks[0][1].size
    rows = -(-len(looks) // columns)
    page = Image.new("RGB", (columns * width, rows * height))
    for index, (name, image) in enumerate(looks):
        corner = (index % columns * width, index // columns * height)
        page.paste(image, corner)
        _label(page, name, corner)
    page.save(HERE / "presets.jpg", quality=88)


def _label(page: Image.Image, name: str, corner: tuple[int, int]) -> None:
    place = (corner[0] + 10, corner[1] + 6)
    ImageDraw.Draw(page).text(place, name, "white", ImageFont.load_default(22), stroke_width=2, stroke_fill="black")


if __name__ == "__main__":
    HERE.mkdir(exist_ok=True)
    hero()
    clouds()
    painted()
    guided()
    presets()
