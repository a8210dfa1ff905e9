"""What the short cut in searches for neighbours costs and saves: python benchmarks/search.py

Places of one photograph look for the likest of another's: among all of them by whole vectors, by principal components
alone, and by principal components in a few groups, as `phosphene style` does. Times are ratios to the first, the best
of three. What is lost is how much less alike the neighbour is that was found, as a cosine.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import skimage
import sklearn
import torch.nn.functional as F
from torch import Tensor

import phosphene
from phosphene import features, images
from phosphene.features import hypercolumns, matching
from phosphene.recipes.neighbours import principal

CHINA = Path(sklearn.__file__).parent / "datasets" / "images" / "china.jpg"
ROCKET = Path(skimage.__file__).parent / "data" / "rocket.jpg"
COMPONENTS, LOOKED_IN = (64, 128, 192), (4, 8, 16)


def vectors(photograph: Path, side: int) -> Tensor:
    """Hypercolumns of a photograph, of length 1."""
    network = phosphene.network()
    names = hypercolumns.layers(network, hypercolumns.LOOKS)
    pixels = images.load(photograph, long_side=side).pixels
    columns = hypercolumns.gridded(network, features.of_picture(network, pixels, names), names, pixels)
    centres = hypercolumns.means([columns])
    return F.normalize(hypercolumns.joined(columns, centres, hypercolumns.sizes([columns], centres)), dim=1)


def timed(search: Callable[[], Tensor]) -> tuple[float, Tensor]:
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        found = search()
        times.append(time.perf_counter() - begun)
    return min(times), found


def main() -> None:
    queries, candidates = vectors(CHINA, 384), vectors(ROCKET, 1024)
    print(f"{len(queries)} places look among {len(candidates)}")
    exact, best = timed(lambda: matching.best(queries, candidates).where)
    alike = (queries * candidates[best]).sum(1)
    print("components  groups   time  same neighbour  lost: mean, 95 % below")

    def told(name: str, search: Callable[[], Tensor]) -> None:
        seconds, found = timed(search)
        lost = alike - (queries * candidates[found]).sum(1)
        same = (found == best).double().mean()
        print(f"{name}  {seconds / exact:5.3f}  {same:14.3f}  {lost.mean():.4f}, {lost.quantile(0.95):.4f}", flush=True)

    for count in (*COMPONENTS, candidates.shape[1]):
        basis = principal(candidates, count)
        few, keys = queries @ basis, candidates @ basis
        told(f"{count:10}     all", lambda few=few, keys=keys: matching.best(few, keys).where)
        for looked_in in LOOKED_IN:
            groups = matching.Groups(keys, looked_in=looked_in)
            told(f"{count:10}  {looked_in:6}", lambda few=few, groups=groups: groups.best(few).where)


if __name__ == "__main__":
    main()
