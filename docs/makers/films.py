"""Makes the pictures of films: python docs/make.py films. It needs the extra `film`."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import torch
from PIL import Image
from sklearn.datasets import load_sample_image
from torch import Tensor

from phosphene.films.carry import CarriedFrames
from phosphene.films.flight import ZoomOptions
from phosphene.films.formats import format_for
from phosphene.films.frames import Frame
from phosphene.films.functions import FilmOptions, zoom
from phosphene.films.joining import join
from phosphene.films.segments import SegmentWriter
from phosphene.pixels import sheets
from phosphene.pixels.transforms import at, within
from phosphene.run import prepare
from phosphene.techniques import DREAM, STYLE

PICTURES = Path(__file__).parents[1] / "pictures"
COUNT, SIZE = 40, (216, 320)  # frames, and their height and width
SHOWN = (0, 1, 20, 39)  # frames of the strip
RATE = Fraction(12)


def photograph() -> Tensor:
    """The palace, larger than a frame."""
    pixels = torch.from_numpy(load_sample_image("china.jpg").copy()).permute(2, 0, 1)[None].float() / 255
    return at(pixels, round(SIZE[0] * 1.4), round(SIZE[1] * 1.4))


def camera(first: int) -> Iterator[Frame]:
    """A camera that moves over the photograph, there and back."""
    photo, (height, width) = photograph(), SIZE
    for number in range(first, COUNT):
        share = 1 - abs(1 - 2 * number / (COUNT - 1))
        top, left = round(share * (photo.shape[-2] - height)), round(share * (photo.shape[-1] - width))
        yield Frame(number, number / RATE, photo[..., top : top + height, left : left + width])


def made(technique: str, **requested: object) -> list[Tensor]:
    """The film's frames."""
    of = {"dream": DREAM, "style": STYLE}[technique]
    settings = of.choose(**requested)
    return [frame.pixels for frame in CarriedFrames(camera, prepare(of, settings), lambda _: settings).frames(0, {})]


def alone(number: int) -> Tensor:
    """A frame dreamt by itself, as if there were no other."""
    settings = DREAM.choose(seed=number)
    only = [frame for frame in camera(number) if frame.number == number]
    return next(CarriedFrames(lambda _: iter(only), prepare(DREAM, settings), lambda _: settings).frames(0, {})).pixels


def main() -> None:
    """The strip, and a small animation of the dream."""
    dreams, paintings = made("dream"), made("style", filter="coloured_pencil")
    source = [frame.pixels for frame in camera(0)]
    cells = []
    for name, found in (("source", source), ("dream", dreams), ("coloured_pencil", paintings)):
        cells += [(f"{name}, frame {number}", found[number]) for number in SHOWN]
    cells[4:4] = [(f"by itself, frame {number}", alone(number)) for number in SHOWN]
    sheet = sheets.sheet([(name, within(pixels, 240)) for name, pixels in cells], columns=len(SHOWN))
    _image(sheet).save(PICTURES / "film.jpg", quality=85)
    _animation(dreams, PICTURES / "film.webp")
    _zoom(PICTURES / "zoom.webp")


def _animation(frames: list[Tensor], target: Path) -> None:
    form = format_for(target, quality=50)
    with tempfile.TemporaryDirectory() as folder:
        part = Path(folder) / "part.mkv"
        small = [within(pixels, 240) for pixels in frames]
        with SegmentWriter(part, (small[0].shape[-2], small[0].shape[-1]), RATE, form) as writer:
            for number, pixels in enumerate(small):
                writer.write(Frame(number, number / RATE, pixels))
        join([part], target, format=form, overwrite=True)


def _zoom(target: Path) -> None:
    options = FilmOptions(long_side=240, quality=45)
    zoom(photograph().squeeze(0), target, flight=ZoomOptions(4, 12, 1.5), options=options, overwrite=True)


def _image(pixels: Tensor) -> Image.Image:
    return Image.fromarray((pixels[0].permute(1, 2, 0).clamp(0, 1) * 255).round().to(torch.uint8).numpy())


if __name__ == "__main__":
    main()
