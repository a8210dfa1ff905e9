"""Draws the films of the documents: python benchmarks/film_strip.py

The clip is a camera that moves over scikit-learn's `china.jpg`. The strip shows some of its frames, the dream of each
by itself, and the film; two animations show the film and a zoom into the same photograph.
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path

import sklearn.datasets
from PIL import Image

import phosphene
from phosphene.films.functions import FilmOptions, ZoomOptions
from phosphene.pixels.sheets import sheet

PICTURES = Path(__file__).parents[1] / "docs" / "pictures"
PALACE = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
FRAMES, RATE = 36, 12  # of the clip, and how many it shows in a second
SIZE = (480, 320)
SHOWN = (12, 14, 16, 18)  # frames of the strip
CELL = (264, 176)
SMALL = (240, 160)  # of an animation


def clip(folder: Path) -> list[Path]:
    """The camera's frames: it goes round on an ellipse, so that the film ends where it began."""
    folder.mkdir()
    with Image.open(PALACE) as photograph:
        palace = photograph.convert("RGB")
    paths = [folder / f"{number:03}.png" for number in range(FRAMES)]
    for number, path in enumerate(paths):
        angle = 2 * math.pi * number / FRAMES
        left, top = 80 + 70 * math.cos(angle), 53 + 25 * math.sin(angle)
        palace.resize(SIZE, Image.Resampling.BICUBIC, (left, top, left + SIZE[0], top + SIZE[1])).save(path)
    return paths


def strip(frames: list[Path], film: list[Path]) -> None:
    """Source, each frame by itself, and the film, below one another."""
    rows = {
        "source": [frames[number] for number in SHOWN],
        "by itself": [phosphene.dream(frames[number]) for number in SHOWN],
        "film": [film[number] for number in SHOWN],
    }
    cells = [
        (f"{row}, frame {number}", phosphene.load(picture, long_side=CELL[0]).pixels)
        for row, pictures in rows.items()
        for number, picture in zip(SHOWN, pictures, strict=True)
    ]
    phosphene.save(sheet(cells, columns=len(SHOWN)), PICTURES / "film-strip.jpg", quality=80, overwrite=True)


def animation(frames: list[Path], name: str) -> None:
    """A small animated WebP of frames, without end."""
    small = []
    for path in frames:
        with Image.open(path) as frame:
            small.append(frame.convert("RGB").resize(SMALL, Image.Resampling.LANCZOS))
    duration = round(1000 / RATE)
    small[0].save(
        PICTURES / name, save_all=True, append_images=small[1:], duration=duration, loop=0, quality=45, method=6
    )


def main() -> None:
    """All three pictures."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        frames = clip(folder / "clip")
        phosphene.film(folder / "clip", folder / "film", options=FilmOptions(fps=RATE))
        film = sorted((folder / "film").glob("*.png"))
        animation(film, "film.webp")
        strip(frames, film)
        flight = ZoomOptions(seconds=4, fps=RATE, speed=1.4, loop=True)
        phosphene.zoom(PALACE, folder / "zoom", flight=flight, options=FilmOptions(long_side=SIZE[0]))
        animation(sorted((folder / "zoom").glob("*.png")), "zoom.webp")


if __name__ == "__main__":
    main()
