"""How still a film of dreams holds, and what a frame costs.

    python benchmarks/films.py street.mp4 face.mp4 --frames 48 --side 480
    python benchmarks/films.py --frames 400 --side 240        a camera that moves over a packaged photograph
    python benchmarks/films.py face.mp4 --filter woodcut

error:  mean squared difference, x 1000, between a frame and the one before, moved along the SOURCE's optical flow,
        where that is seen in both (Ruder, Dosovitskiy and Brox 2016); the source's own error is the floor
change: mean difference from the source, of 255: a film that holds still because nothing was dreamt does not count
drift:  how far the mean of result - source moves from the first tenth to the last, of 255
cost:   seconds of a frame that goes on, over those of the first; what decoding takes is left out
alone:  the error where each frame is made by itself, for the first 8
"""

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import skimage.data
import torch
from torch import Tensor

from phosphene.films import motion
from phosphene.films.carry import CUT, CarriedFrames
from phosphene.films.frames import Frame
from phosphene.films.reading import FilmReader
from phosphene.pixels.transforms import at, turn, within
from phosphene.recipes.fields import Settings
from phosphene.run import Prepared, prepare
from phosphene.techniques import DREAM, STYLE

ALONE = 8  # frames that are made each by itself


@dataclass(frozen=True)
class Source:
    """The frames of a film, small enough to be held."""

    name: str
    pixels: Sequence[Tensor]

    def frames(self, first: int) -> Iterator[Frame]:
        for number in range(first, len(self.pixels)):
            yield Frame(number, Fraction(number, 25), self.pixels[number])


def of_file(path: Path, count: int, side: int) -> Source:
    with FilmReader(path) as reader:
        return Source(path.name, [within(frame.pixels, side) for frame in islice(reader.frames(), count)])


def of_camera(count: int, side: int) -> Source:
    photo = torch.from_numpy(skimage.data.coffee().copy()).permute(2, 0, 1)[None].float() / 255
    photo = at(photo, round(side * 0.9), round(side * 1.35))
    top, left = (photo.shape[-2] - side * 5 // 8) // 2, (photo.shape[-1] - side) // 2
    frames = []
    for number in range(count):
        phase = torch.tensor(number / 40.0)
        moved = turn(photo, 0.0, 1 + 0.1 * float(phase.sin()), (8 * float(phase.cos()), 20 * float(phase.sin())))
        frames.append(moved[..., top : top + side * 5 // 8, left : left + side].clamp(0, 1))
    return Source("camera over a photograph", frames)


def error(source: Sequence[Tensor], result: Sequence[Tensor]) -> float:
    found = []
    for number in range(1, len(result)):
        moved = motion.between(motion.grey(source[number - 1]), motion.grey(source[number]))
        if moved.known > CUT:
            off = (result[number] - moved.carried(result[number - 1])).square() * moved.seen
            found.append(float(off.sum() / (3 * moved.seen.sum())))
    return 1e3 * sum(found) / max(1, len(found))


def measured(source: Source, requested: dict[str, str]) -> str:
    technique = STYLE if "filter" in requested else DREAM
    settings = technique.choose(**requested)
    ready, seconds, result = prepare(technique, settings), [], []
    began = time.perf_counter()
    for frame in CarriedFrames(source.frames, ready, lambda _: settings).frames(0, {}):
        seconds.append(time.perf_counter() - began)
        result.append(frame.pixels)
        began = time.perf_counter()
    alone = [_alone(frame, ready, settings) for frame in islice(source.frames(0), ALONE)]
    differences = [255 * (made - began) for made, began in zip(result, source.pixels, strict=True)]
    means, tenth = [float(each.mean()) for each in differences], max(1, len(result) // 10)
    drift = abs(sum(means[-tenth:]) - sum(means[:tenth])) / tenth
    change = sum(float(each.abs().mean()) for each in differences) / len(differences)
    cost = sum(seconds[1:]) / max(1, len(seconds) - 1) / seconds[0]
    return (
        f"{source.name}: {len(result)} frames, error {error(source.pixels, result):.3f}"
        f" (source {error(source.pixels, source.pixels):.3f}, alone {error(source.pixels, alone):.3f}),"
        f" change {change:.1f}, drift {drift:.2f}, cost {cost:.3f}"
    )


def _alone(frame: Frame, ready: Prepared, settings: Settings) -> Tensor:
    """A frame made as if there were no other."""
    return next(CarriedFrames(lambda _: iter([frame]), ready, lambda _: settings).frames(0, {})).pixels


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("films", nargs="*", type=Path)
    parser.add_argument("--frames", type=int, default=48)
    parser.add_argument("--side", type=int, default=480)
    parser.add_argument("--filter")
    asked = parser.parse_args()
    requested = {"filter": asked.filter} if asked.filter else {}
    sources = [of_file(path, asked.frames, asked.side) for path in asked.films]
    for source in sources or [of_camera(asked.frames, asked.side)]:
        print(measured(source, requested), flush=True)


if __name__ == "__main__":
    main()
