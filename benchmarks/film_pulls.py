"""How strongly layers pull in a sum of two, so that one look fades into another at an even pace.

    python benchmarks/film_pulls.py [-o film_pulls.csv]             the pulls; about five minutes on one thread
    python benchmarks/film_pulls.py --held-out [-o held_out.csv]    whether they hold for other pairs and photographs

A dream of two layers is compared with a dream of each alone. How far it went with a layer is the logarithm of that
layer's score, 0 in the other layer's dream and 1 in its own. A layer's pull is the weight at which `block8` goes as far
as it does. The check dreams half of each of two layers: with plain weights, with weights divided by the pulls, and with
the two gradients normalised one by one, which takes twice the time. `ahead` is how much farther the first one went.
"""

from __future__ import annotations

import math
import statistics
from functools import cache

import torch
from skimage import data
from sklearn.datasets import load_sample_image
from torch import Tensor

import tables
from phosphene import features, images, networks
from phosphene.films.timeline import PULLS
from phosphene.objectives import Objective, layer
from phosphene.recipes.dream import Region, dream
from phosphene.recipes.settings import DreamSettings

SIDE = 112  # pixels of a photograph's long side
SETTINGS = DreamSettings(octaves=4, steps=10, colour=0.5)
REFERENCE = "block8"
HALVINGS = 5
LEAST, MOST = 0.15, 6.0
TUNED, HELD_OUT = ("china", "flower", "chelsea"), ("astronaut", "coffee")
PAIRS = (
    ("block11", "block10"), ("block1", "block11"), ("block13", "block3"), ("block9", "block4"), ("block6", "block1"),
    ("block10", "block6"),
)  # fmt: skip

NETWORK = networks.load("efficientnet-lite0")


@cache
def photograph(name: str) -> Tensor:
    array = load_sample_image(f"{name}.jpg") if name in ("china", "flower") else getattr(data, name)()
    return images.load(array, long_side=SIDE).pixels


def dreamt(name: str, objective: Objective, *regions: Region) -> Tensor:
    return dream(photograph(name), NETWORK, objective.prepare(NETWORK), settings=SETTINGS, regions=regions)


@cache
def alone(name: str, of: str) -> Tensor:
    return dreamt(name, layer(of))


@torch.no_grad()
def score(pixels: Tensor, of: str) -> float:
    return math.log(float(layer(of).prepare(NETWORK)(features.extract(NETWORK, pixels, {of}))))


def went(pixels: Tensor, name: str, of: str, other: str) -> float:
    """How far a dream went with a layer."""
    none, all_ = score(alone(name, other), of), score(alone(name, of), of)
    return (score(pixels, of) - none) / (all_ - none)


def ahead(pixels: Tensor, name: str, one: str, other: str) -> float:
    return went(pixels, name, one, other) - went(pixels, name, other, one)


def pull(name: str, of: str) -> float:
    """The weight of the reference at which neither is ahead."""
    low, high = math.log(LEAST), math.log(MOST)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        mixed = dreamt(name, layer(of) + math.exp(middle) * layer(REFERENCE))
        low, high = (middle, high) if ahead(mixed, name, of, REFERENCE) > 0 else (low, middle)
    return math.exp((low + high) / 2)


def pulls() -> list[tables.Row]:
    rows = []
    for of in sorted(PULLS.keys() - {REFERENCE}):
        found = {name: pull(name, of) for name in TUNED}
        rows.append({"layer": of, "pull": statistics.geometric_mean(found.values()), **found})
        tables.show(rows[-1])
    return rows


def checks() -> list[tables.Row]:
    rows = []
    for name in HELD_OUT:
        for one, other in PAIRS:
            half = torch.full((1, 1, *photograph(name).shape[-2:]), 0.5)
            ways = {
                "plain": dreamt(name, layer(one) + layer(other)),
                "by pulls": dreamt(name, layer(one) / PULLS[one] + layer(other) / PULLS[other]),
                "one by one": dreamt(name, layer(one), Region(half, layer(other).prepare(NETWORK))),
            }
            found = {way: ahead(pixels, name, one, other) for way, pixels in ways.items()}
            rows.append({"photograph": name, "layers": f"{one} {other}", **found})
            tables.show(rows[-1])
    sizes = {way: statistics.mean(abs(float(row[way])) for row in rows) for way in ways}
    tables.show({"mean |ahead|": "", **sizes})
    return rows


def main() -> None:
    parser = tables.parser(__doc__)
    parser.add_argument("--held-out", action="store_true", help="check the pulls that the program has")
    asked = parser.parse_args()
    rows = checks() if asked.held_out else pulls()
    if asked.output:
        tables.write(rows, asked.output)


if __name__ == "__main__":
    main()
