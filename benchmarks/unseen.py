"""How the map of stuffs does on pairs of scenes that it was not tuned on: python benchmarks/unseen.py

Nothing is painted. For each place of the content, the style's place that the map finds likest is looked up, and counted
as right where it is of the same stuff.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

import phosphene
from phosphene.features import correspondence, matching
from region_pairs import SKY, Pair, unseen

PLACE = 4  # pixels of a style's place
ENOUGH = 0.9


def right(pair: Pair, network: phosphene.Network) -> Tensor:
    """Whether each pixel of the content finds its own stuff, `[H, W]`."""
    found = correspondence.found(network, pair.content, correspondence.kinds_of(network, pair.style))
    height, width = (side // PLACE for side in pair.style.shape[-2:])
    style = F.interpolate(found.style, size=(height, width), mode="bilinear", align_corners=False)
    stuff = F.interpolate(pair.style_map[None, None].float(), size=(height, width)).flatten().long()
    content = F.interpolate(found.content, size=pair.content_map.shape, mode="bilinear", align_corners=False)
    where = matching.best(matching.vectors(content), matching.vectors(style)).where
    return (stuff[where] == pair.content_map.flatten()).reshape(pair.content_map.shape)


def main() -> None:
    network, everywhere, skies = phosphene.network(), [], []
    for pair in unseen():
        correct, map_ = right(pair, network).double(), pair.content_map
        everywhere.append(correct[map_ >= 0].mean())
        if (map_ == SKY).any():
            skies.append(correct[map_ == SKY].mean())
        print(f"{pair.name}: {everywhere[-1]:.3f}", flush=True)
    enough = sum(bool(share >= ENOUGH) for share in everywhere)
    print(f"{len(everywhere)} pairs, mean {torch.stack(everywhere).mean():.3f}, {enough} with {ENOUGH} or more")
    print(f"sky {torch.stack(skies).mean():.3f}")


if __name__ == "__main__":
    main()
