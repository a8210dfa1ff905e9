"""What a painting keeps of its photograph, and what it should not show: python benchmarks/quality.py

Edges: the share of the photograph's edges (Canny 1986) that are edges of the painting within two pixels, above what
chance gives: 0 is chance, 1 all. Chance is what the painting's edges meet of the photograph's when it is turned round.
Chequers: how much stronger a painting is at periods of 2 and 4 pixels than at periods near these. Colour: its mean
chroma in CIELAB, as a multiple of the style's. Copies: the highest likeness of a painting's detail in calm places to
the same some pixels on, less the same of the style's picture. Halo: how far a sky's colour beside a building is from
that further off, in CIELAB, less the photograph's own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import skimage
import sklearn
import torch
from numpy.typing import NDArray
from scipy import ndimage
from skimage.color import rgb2lab
from skimage.feature import canny
from torch import Tensor

import phosphene
import tables
from phosphene import filters
from region_pairs import SKY, Scene, china, rocket

METHODS: Mapping[str, Mapping[str, Any]] = {
    "gram": {"method": "gram", "strength": 0.5},  # as published: below it, this program keeps a share of the pixels
    "plain match": {"semantics": 0.0},
    "a hint": {"strength": 0.2},
    "ours": {},
}
SIDE = 384
NEAR, CALM = 2, 0.02  # pixels within which an edge is where it was; spread of brightness in calm places
LAGS = range(12, 65, 4)  # pixels
BESIDE, FURTHER = (3, 8), (16, 32)  # pixels from a building

Lab = NDArray[np.float64]  # [H, W, 3]


def lab(pixels: Tensor) -> Lab:
    return np.asarray(rgb2lab(pixels[0].permute(1, 2, 0).numpy()), float)


def edges(photograph: Lab, painting: Lab) -> float:
    """The share of edges that are kept, above chance."""
    of, by = (canny(each[..., 0] / 100, sigma=2.0) for each in (photograph, painting))
    away = [ndimage.distance_transform_edt(~each) for each in (by, by[:, ::-1], by[::-1], by[::-1, ::-1])]
    kept, *chance = ((each[of] <= NEAR).mean() for each in away)
    return float((kept - np.mean(chance)) / (1 - np.mean(chance)))


def chequers(painting: Lab) -> float:
    """The largest ratio of a spectrum's line at a period of 2 or 4 pixels to what is beside it."""
    light = painting[..., 0] - ndimage.gaussian_filter(painting[..., 0], 3)
    side = min(light.shape) // 8 * 8
    window = np.hanning(side)
    power = np.abs(np.fft.fft2(light[:side, :side] * window[:, None] * window)) ** 2
    ratios = []
    for axis in (0, 1):
        line = power.mean(axis)
        for place in (side // 2, side // 4):
            beside = [place + step for step in (-9, -8, -7, -6, -5, 5, 6, 7, 8, 9)]
            ratios.append(line[place] / np.median(line[[each % side for each in beside]]))
    return float(max(ratios))


def chroma(picture: Lab) -> float:
    return float(np.hypot(picture[..., 1], picture[..., 2]).mean())


def copies(picture: Lab, calm: NDArray[np.bool_]) -> float:
    """The highest correlation of detail with the same some pixels on, where a place and that other are calm."""
    light = picture[..., 0] / 100
    detail = light - ndimage.gaussian_filter(light, 4)

    def likeness(down: int, right: int) -> float:
        here = np.s_[: light.shape[0] - down, : light.shape[1] - right]
        there = np.s_[down:, right:]
        both = calm[here] & calm[there]
        a, b = detail[here][both], detail[there][both]
        return float((a * b).mean() / max(1e-9, np.sqrt((a * a).mean() * (b * b).mean()))) if both.sum() > 500 else 0.0

    return max(likeness(down, right) for down in (0, *LAGS) for right in (0, *LAGS) if down or right)


def calm_places(photograph: Lab) -> NDArray[np.bool_]:
    light = photograph[..., 0] / 100
    mean = ndimage.uniform_filter(light, 17)
    return ndimage.uniform_filter(light * light, 17) - mean * mean < CALM**2


def halo(picture: Lab, map_: NDArray[np.int64]) -> float:
    """How far the sky's colours beside what is built are from those further off."""
    away = np.where(map_ == SKY, ndimage.distance_transform_edt(map_ == SKY), 0)
    beside, further = ((low <= away) & (away < high) for low, high in (BESIDE, FURTHER))
    return float(np.linalg.norm(picture[beside].mean(0) - picture[further].mean(0)))


def photographs() -> Iterator[tuple[str, Tensor, NDArray[np.int64] | None]]:
    """Names, pixels and, where they are known, stuffs."""

    def pixels(scene: Scene) -> Tensor:
        return torch.from_numpy(scene.pixels).permute(2, 0, 1)[None].float()

    for name, scene in (("china", china()), ("rocket", rocket())):
        yield name, pixels(scene), scene.map
    coffee = Path(skimage.__file__).parent / "data" / "coffee.png"
    hopper = Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg"
    for name, path in (("coffee", coffee), ("hopper", hopper)):
        yield name, phosphene.load(path, long_side=SIDE).pixels, None


def styles() -> Iterator[tuple[str, Tensor]]:
    flower = Path(sklearn.__file__).parent / "datasets" / "images" / "flower.jpg"
    yield "flower", phosphene.load(flower, long_side=512).pixels
    for name in ("impasto", "night"):
        yield name, filters.read(name).pixels()


def measured(photograph: Tensor, style: Tensor, painting: Tensor, map_: NDArray[np.int64] | None) -> dict[str, float]:
    of, by, made = lab(photograph), lab(style), lab(painting)
    calm = calm_places(of)
    return {
        "edges": edges(of, made),
        "chequers": chequers(made),
        "colour": chroma(made) / chroma(by),
        "copies": copies(made, calm) - copies(by, np.ones(by.shape[:2], bool)),
        "halo": float("nan") if map_ is None else halo(made, map_) - halo(of, map_),
    }


def main() -> None:
    asked = tables.asked(__doc__)
    network, rows = phosphene.network(), []
    for name, photograph, map_ in photographs():
        for look, style in styles():
            for method, settings in METHODS.items():
                painted = phosphene.style(photograph, style, network=network, **settings).pixels
                measures = measured(photograph, style, painted, map_)
                rows.append({"photograph": name, "style": look, "method": method, **measures})
                tables.show(rows[-1])
                if asked.pictures:
                    phosphene.save(painted, asked.pictures / f"{name}, {look}, {method}.png", overwrite=True)
    for method in METHODS:
        mine = torch.tensor([[row[key] for key in measures] for row in rows if row["method"] == method])
        means = dict(zip(measures, mine.nanmean(0).tolist(), strict=True))
        rows.append({"photograph": "mean", "style": "", "method": method, **means})
        tables.show(rows[-1])
    if asked.output:
        tables.write(rows, asked.output)


if __name__ == "__main__":
    main()
