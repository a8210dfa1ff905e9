"""How much of the style a painting has, and how much of the drawing: python benchmarks/paintings.py --googlenet FILE

GoogLeNet judges, which paints nothing here. Style: 1 less how far the Gram matrices of the painting's features around
their mean, and of the mean, are from the style's, as a share of how far the photograph's are; a mean over four layers.
0 is the photograph, 1 the style. Content: the correlation of the likenesses of 900 places with each other in the
painting and in the photograph, a mean over two layers (Kolkin et al. 2019). 1 is the photograph.

--published names a folder with the photograph tubingen.jpg, paintings and what others made of them, as
the_scream.jpg and published_scream.png; these pairs come first, with their published point.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import skimage
import sklearn
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

import phosphene
import tables
from phosphene import features, filters

SIDE = 384  # pixels of the long side at which a painting is made and judged
GRAMS = ("inception_3a/5x5_reduce", "inception_3a/output", "inception_3b/output", "inception_4c/output")
DRAWN = GRAMS[2:]
PLACES = 900
STRENGTHS = [tenth / 10 for tenth in range(1, 11)]
PUBLISHED = {"the_scream": "scream", "starry_night": "starry", "shipwreck": "shipwreck"}
PACKAGED = {
    "china": (Path(sklearn.__file__).parent / "datasets/images/china.jpg", "impasto"),
    "flower": (Path(sklearn.__file__).parent / "datasets/images/flower.jpg", "coloured_pencil"),
    "coffee": (Path(skimage.__file__).parent / "data/coffee.png", "woodcut"),
    "rocket": (Path(skimage.__file__).parent / "data/rocket.jpg", "night"),
    "hopper": (Path(matplotlib.__file__).parent / "mpl-data/sample_data/grace_hopper.jpg", "pointillism"),
}


@dataclass(frozen=True)
class Pair:
    """A photograph, a style, and a painting that others made of them, if there is one; `[1, 3, H, W]` each."""

    name: str
    content: Tensor
    style: Tensor
    published: Tensor | None = None


def pairs(folder: Path | None) -> Iterator[Pair]:
    for name, short in PUBLISHED.items() if folder else ():
        others = Image.open(folder / f"published_{short}.png")
        yield _pair(name, Image.open(folder / "tubingen.jpg"), Image.open(folder / f"{name}.jpg"), others)
    for name, (path, look) in PACKAGED.items():
        drawn = (filters.read(look).pixels()[0].permute(1, 2, 0) * 255).round().byte().numpy()
        yield _pair(f"{name} – {look}", Image.open(path), Image.fromarray(drawn))


def _pair(name: str, content: Image.Image, style: Image.Image, published: Image.Image | None = None) -> Pair:
    pixels = shrunk(content)
    return Pair(name, pixels, shrunk(style), None if published is None else shrunk(published))


def shrunk(picture: Image.Image) -> Tensor:
    share = SIDE / max(picture.size)
    size = round(picture.width * share), round(picture.height * share)
    small = picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)
    return torch.from_numpy(np.float32(small) / 255).permute(2, 0, 1)[None]


class Judge:
    """What GoogLeNet says of the paintings of one pair."""

    def __init__(self, network: phosphene.Network, pair: Pair) -> None:
        self.network = network
        self.content, self.style = self.seen(pair.content), self.seen(pair.style)

    @torch.no_grad()
    def seen(self, pixels: Tensor) -> features.Features:
        return features.extract(self.network, pixels, set(GRAMS))

    def __call__(self, painting: Tensor) -> tuple[float, float]:
        """Style and content."""
        now, chance = self.seen(painting), torch.Generator().manual_seed(0)
        styles = [
            1
            - (gram(now[name]) - gram(self.style[name])).norm()
            / (gram(self.content[name]) - gram(self.style[name])).norm()
            for name in GRAMS
        ]
        contents = []
        for name in DRAWN:
            places = torch.randperm(now[name][0, 0].numel(), generator=chance)[:PLACES]
            both = torch.stack([alike(each[name], places) for each in (now, self.content)])
            contents.append(torch.corrcoef(both)[0, 1])
        return float(torch.stack(styles).mean()), float(torch.stack(contents).mean())


def gram(activations: Tensor) -> Tensor:
    """The covariance of a layer's channels above the product of their means, `[2C, C]`."""
    vectors = activations[0].flatten(1)
    mean = vectors.mean(1, keepdim=True)
    around = vectors - mean
    return torch.cat([around @ around.T / around.shape[1], mean @ mean.T])


def alike(activations: Tensor, places: Tensor) -> Tensor:
    """The cosines of places with each other, around the mean of these."""
    vectors = activations[0].flatten(1)[:, places]
    around = F.normalize(vectors - vectors.mean(1, keepdim=True), dim=0)
    return (around.T @ around)[~torch.eye(len(places), dtype=torch.bool)]


def measured(
    pair: Pair, judge: Judge, settings: dict[str, Any], pictures: Path | None, runs: int
) -> Iterator[tables.Row]:
    if pair.published is not None:
        style, content = judge(pair.published)
        yield {"pair": pair.name, "strength": "published", "style": style, "content": content}
    for strength in STRENGTHS:
        judged = []
        for run in range(runs):
            painted = phosphene.style(pair.content, pair.style, strength=strength, seed=run, **settings)
            judged.append(judge(painted.pixels))
            if pictures and not run:
                painted.save(pictures / f"{pair.name}, {strength:.1f}.png", overwrite=True)
        style, content = (sum(each) / runs for each in zip(*judged, strict=True))
        yield {"pair": pair.name, "strength": f"{strength:.1f}", "style": style, "content": content}


def main() -> None:
    parser = tables.parser(__doc__)
    parser.add_argument("--googlenet", type=Path, required=True, help="bvlc_googlenet.caffemodel")
    parser.add_argument("--published", type=Path, help="a folder of pairs that others painted")
    parser.add_argument("--method", default="match", choices=("match", "gram"))
    parser.add_argument("--runs", type=int, default=3, help="paintings, of seeds 0, 1, …, whose mean is taken")
    parser.add_argument("--semantics", type=float, default=1.0, help="as phosphene style has it")
    asked = parser.parse_args()
    network, rows = phosphene.network(asked.googlenet), []
    for pair in pairs(asked.published):
        judge = Judge(network, pair)
        for row in measured(
            pair, judge, {"method": asked.method, "semantics": asked.semantics}, asked.pictures, asked.runs
        ):
            rows.append(row)
            tables.show(row)
    if asked.output:
        tables.write(rows, asked.output)


if __name__ == "__main__":
    main()
