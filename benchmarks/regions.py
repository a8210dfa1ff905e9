"""Where each place's style came from, on pairs whose regions are known: python benchmarks/regions.py

For each method the picture is painted, and every pixel judged: from which of the style's regions has it its look? The
judge knows nothing of the methods. It compares colours and their spread around a pixel with those of the style's
regions. Its own mistakes, on the style pictures themselves, are in the last column.

--labelled names a folder of pairs that were labelled by hand, NAME-content.jpg, NAME-content-labels.png and the same of
the style; one colour, each of its numbers 0 or 255, is one stuff. These are measured instead, and black is the sky.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

import phosphene
import tables
from region_pairs import NOWHERE, SKY, Pair, pairs

METHODS: Mapping[str, Mapping[str, Any]] = {
    "gram": {"method": "gram", "strength": 0.5},  # as published: below it, this program keeps a share of the pixels
    "plain match": {"method": "match", "semantics": 0.0},
    "ours": {"method": "match"},
}
AROUND = 13  # pixels of the window whose colours are judged
BORDER = 6  # pixels around the content's borders that are not counted
SPREAD = 0.25  # weight of the colours' spread: a content's own edges add to it, whatever the style
KNOWN = 1500  # of the style's pixels that a judgement compares with
PURE = 40  # of 255: how far a label's colour may be from its stuff's; on a border it is further, and counts for none


def labelled(folder: Path) -> Iterator[Pair]:
    """The pairs of a folder, in the order of their names."""
    for file in sorted(folder.glob("*-content.jpg")):
        name = file.name.removesuffix("-content.jpg")
        content, style = (_labels(folder / f"{name}-{each}-labels.png") for each in ("content", "style"))
        pictures = (phosphene.load(folder / f"{name}-{each}.jpg").pixels for each in ("content", "style"))
        yield Pair(name, *pictures, content, style)


def _labels(file: Path) -> Tensor:
    """A number for each pixel, from 0, black, to 7, white; `NOWHERE` where the colour is none of these."""
    colours = phosphene.load(file).pixels[0].permute(1, 2, 0) * 255
    full = (colours > 127).long()
    stuff = (full * torch.tensor([4, 2, 1])).sum(-1)
    return torch.where(((colours - 255 * full).abs() > PURE).any(-1), NOWHERE, stuff)


def looks(pixels: Tensor) -> Tensor:
    """What the judge sees of each pixel: mean brightness and colours around it, and their spread."""
    opponent = torch.tensor([[0.17, 0.17, 0.17], [1.0, -1.0, 0.0], [0.5, 0.5, -1.0]], dtype=pixels.dtype)
    x = torch.einsum("oc,nchw->nohw", opponent, pixels)
    mean = blurred(x)
    spread = (blurred(x.square()) - mean.square()).clamp(min=0).sqrt()
    return torch.cat([mean, spread], 1)[0].flatten(1).T


def blurred(x: Tensor) -> Tensor:
    return F.avg_pool2d(F.pad(x, (AROUND // 2,) * 4, mode="reflect"), AROUND, 1)


def came_from(result: Tensor, pair: Pair) -> Tensor:
    """The stuff of the style's pixel that looks most like each pixel of a result, `[H, W]`."""
    known, stuff = looks(pair.style), pair.style_map.flatten()
    inside = away_from_borders(pair.style_map).flatten() & (stuff != NOWHERE)
    chosen = []
    for each in sorted(set(stuff[inside].tolist())):
        where = (inside & (stuff == each)).nonzero()[:, 0]
        chosen.append(where[torch.linspace(0, len(where) - 1, KNOWN).long()])
    places = torch.cat(chosen)
    weights = known.new_tensor([1, 1, 1, SPREAD, SPREAD, SPREAD])
    scale = known[places].std(0).clamp(min=1e-6) / weights
    nearest = torch.cat(
        [torch.cdist(part / scale, known[places] / scale).argmin(1) for part in torch.split(looks(result), 8192)]
    )
    return stuff[places][nearest].reshape(result.shape[-2:])


def away_from_borders(map_: Tensor) -> Tensor:
    """Pixels around which all is one stuff, `[H, W]`."""
    x = F.pad(map_[None, None].double(), (BORDER,) * 4, mode="replicate")
    side = 2 * BORDER + 1
    return (F.max_pool2d(x, side, 1) == -F.max_pool2d(-x, side, 1))[0, 0]


def shares(result: Tensor, pair: Pair) -> tuple[float, float]:
    """The share of pixels that took their style from the right region: of all, and of the sky's."""
    right, counted = came_from(result, pair) == pair.content_map, away_from_borders(pair.content_map)
    everywhere = counted & (pair.content_map != NOWHERE)
    sky = counted & (pair.content_map == SKY)
    return right[everywhere].double().mean().item(), right[sky].double().mean().item()


def honest(pair: Pair) -> float:
    """The share of the style's own pixels that the judge puts where they are."""
    counted = away_from_borders(pair.style_map) & (pair.style_map != NOWHERE)
    return (came_from(pair.style, pair) == pair.style_map)[counted].double().mean().item()


def measured(pair: Pair, network: phosphene.Network, pictures: Path | None) -> dict[str, Any]:
    row: dict[str, Any] = {"pair": pair.name}
    for name, settings in METHODS.items():
        painted = phosphene.style(pair.content, pair.style, network=network, **settings).pixels
        row[name], row[f"{name}, sky"] = shares(painted, pair)
        if pictures:
            phosphene.save(painted, pictures / f"{pair.name}, {name}.png", overwrite=True)
    return row | {"judge": honest(pair)}


def main() -> None:
    parser = tables.parser(__doc__)
    parser.add_argument("--labelled", type=Path, help="a folder of pairs that were labelled by hand")
    asked = parser.parse_args()
    network, rows = phosphene.network(), []
    for pair in labelled(asked.labelled) if asked.labelled else pairs():
        rows.append(measured(pair, network, asked.pictures))
        tables.show(rows[-1])
    mean = {key: float(torch.tensor([row[key] for row in rows]).nanmean()) for key in list(rows[0])[1:]}
    rows.append({"pair": "mean", **mean})
    tables.show(rows[-1])
    if asked.output:
        tables.write(rows, asked.output)


if __name__ == "__main__":
    main()
