"""How far the tiled gradient lies from the untiled one, by overlap; prints the tables of docs/explanation/tiles.md.

    python benchmarks/overlap.py [--googlenet FILE.caffemodel]

The yardstick is the change that rounding the picture to 8 bits makes in the untiled gradient: an error below it is less
than what nobody sees in any file. Cores are small (160 pixels), so that borders are many: a hard case.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import sklearn.datasets
import torch
from torch import Tensor

from phosphene import images, networks
from phosphene.ascent import gradient
from phosphene.ascent.gradient import Tiling
from phosphene.networks import Network
from phosphene.objectives import layer

PHOTOGRAPH = Path(sklearn.datasets.__file__).parent / "images" / "china.jpg"
CORE = 160
SHARES = (0, 1 / 8, 1 / 4, 3 / 8, 1 / 2, 5 / 8, 3 / 4, None)  # of the receptive field; None is exact
LAYERS = {
    "efficientnet-lite0": ("block3", "block5", "block8", "block11"),
    "googlenet": ("inception_3b/output", "inception_4a/output", "inception_4c/output"),
}


def relative(g: Tensor, reference: Tensor) -> float:
    return float((g - reference).norm() / reference.norm())


def row(network: Network, name: str, pixels: Tensor, rounded: Tensor) -> str:
    objective, field = layer(name), network.layer(name).receptive_field
    stride = network.layer(name).stride
    whole = Tiling(10**6, 0)
    reference, _ = gradient.compute(pixels, network, objective, whole)
    yardstick = relative(gradient.compute(rounded, network, objective, whole)[0], reference)
    errors = []
    for share in SHARES:
        overlap = field - 1 if share is None else int(share * field)
        tiling = Tiling(2 * overlap + CORE + 2 * stride, overlap)
        errors.append(relative(gradient.compute(pixels, network, objective, tiling)[0], reference))
    cells = " | ".join(f"{error:.1e}" if error < 1e-4 else f"{error:.2%}" for error in errors)
    return f"| `{name}` | {field} | {yardstick:.2%} | {cells} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--googlenet", metavar="FILE.caffemodel", default="googlenet")
    files = {"efficientnet-lite0": "efficientnet-lite0", "googlenet": parser.parse_args().googlenet}
    rounded = images.load(PHOTOGRAPH, dtype=torch.float64).pixels
    noise = torch.rand(rounded.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64) - 0.5
    pixels = (rounded + noise / 255).clamp(0, 1)
    heads = " | ".join("exact" if share is None else f"{share:g}" for share in SHARES)
    for name, file in files.items():
        network = networks.load(file, dtype=torch.float64)
        print(f"\n{name}\n\n| layer | receptive field | rounding to 8 bits | {heads} |")
        print("|---" * (len(SHARES) + 3) + "|")
        for chosen in LAYERS[name]:
            print(row(network, chosen, pixels, rounded), flush=True)


if __name__ == "__main__":
    main()
