"""Makes the pictures of docs/explanation/style.md, docs/how-to/style.md and filters.md: python docs/make.py style"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

import matplotlib
import skimage
import sklearn
import torch

import phosphene
from phosphene import filters
from phosphene.pixels.sheets import sheet
from phosphene.pixels.transforms import at, shrink

HERE = Path(__file__).parents[1] / "pictures"
PHOTOGRAPHS = {
    "china": Path(sklearn.__file__).parent / "datasets" / "images" / "china.jpg",
    "rocket": Path(skimage.__file__).parent / "data" / "rocket.jpg",
    "coffee": Path(skimage.__file__).parent / "data" / "coffee.png",
    "hopper": Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg",
}
PAINTED, SHOWN = 512, 384  # pixels of the long side of a painting, and on a sheet
SIX = ("impasto", "coloured_pencil", "woodcut", "sanguine", "night", "comic")


def story(network: phosphene.Network) -> None:
    """What the old services did, the flaw, the map, the result."""
    city, dusk = (phosphene.load(PHOTOGRAPHS[name], long_side=512).pixels for name in ("china", "rocket"))
    cells = [("the photograph", city), ("the style", dusk)]
    for label, settings in (
        ("gram: the old services", {"method": "gram", "strength": 0.5}),
        ("match by looks alone", {"semantics": 0.0}),
        ("match by stuff, then by looks", {}),
    ):
        made = phosphene.style(city, dusk, network=network, **settings)
        cells.append((label, made.pixels))
    map_ = at(made.regions, *(round(side * 512 / made.regions.shape[-1]) for side in made.regions.shape[-2:]))
    phosphene.save(sheet([*cells, ("--show-regions", map_)], columns=2), HERE / "style.jpg", quality=80, overwrite=True)


def looks(network: phosphene.Network, file: str, names: Iterable[str], photographs: Sequence[str]) -> None:
    """Filters on photographs, one row for each."""
    cells: list[tuple[str, torch.Tensor]] = []
    for name in names:
        source = filters.read(name).pixels()
        cells.append((name, shrink(source, SHOWN / max(source.shape[-2:]))))
        for photograph in photographs:
            made = phosphene.style(PHOTOGRAPHS[photograph], network=network, filter=name, long_side=PAINTED)
            cells.append((photograph, shrink(made.pixels, SHOWN / PAINTED)))
        print(name, flush=True)
    phosphene.save(sheet(cells, columns=len(photographs) + 1), HERE / file, quality=70, overwrite=True)


def main() -> None:
    """Those that were asked for, or all."""
    network, wanted = phosphene.network(), sys.argv[1:] or ["story", "filters", "paintings"]
    if "story" in wanted:
        story(network)
    if "filters" in wanted:
        looks(network, "filters.jpg", filters.names(), ("china", "coffee", "hopper"))
    if "paintings" in wanted:
        looks(network, "paintings.jpg", SIX, tuple(PHOTOGRAPHS))


if __name__ == "__main__":
    main()
