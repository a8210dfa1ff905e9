"""Whether the measures see what they should and nothing else; the table of docs/explanation/measures.md.

    python benchmarks/measures.py -o benchmarks/measures.csv [--pictures FOLDER] [--fast]

Photographs are those that come with matplotlib, scikit-learn and scikit-image, of 512 pixels. The alarm's threshold was
chosen on the first four of them, and is checked on the others (`chosen`, `held`).
"""

from __future__ import annotations

import argparse
import random
import statistics
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import matplotlib
import skimage
import sklearn
import torch
from PIL import Image
from torch import Tensor

import phosphene
import planting
import tables
from phosphene import images, measures, networks
from phosphene.ascent import gradient
from phosphene.measures import Lattice, seams
from phosphene.measures.catalogue import clipping
from phosphene.measures.likeness import centre, change, faithfulness, luma, noise, repetition
from phosphene.recipes import dream as recipe
from phosphene.recipes.settings import settings

_PACKAGES = {
    "sklearn": Path(sklearn.__file__).parent / "datasets/images",
    "skimage": Path(skimage.__file__).parent / "data",
    "matplotlib": Path(matplotlib.get_data_path()) / "sample_data",
}
PHOTOGRAPHS = {
    "astronaut": "skimage/astronaut.png",
    "flower": "sklearn/flower.jpg",
    "grace_hopper": "matplotlib/grace_hopper.jpg",
    "chelsea": "skimage/chelsea.png",
    "china": "sklearn/china.jpg",
    "coffee": "skimage/coffee.png",
    "rocket": "skimage/rocket.jpg",
}
CHOSEN = ("astronaut", "flower", "grace_hopper", "chelsea")  # where the threshold was chosen
SIDE = 512
BARE = {"tile": 160, "overlap": "0", "jitter": 0}
TILES = {"carnival": 320, "spots": 256, "quilt": 256}  # the preset, and tiles that its overlap allows
WIDE, CLOSE = (112, 144), (48, 72)  # pixels between planted borders: those that are known, and those searched
LATTICES = 40  # per picture, for false alarms

Row = Mapping[str, Any]


def photograph(name: str) -> Image.Image:
    package, file = PHOTOGRAPHS[name].split("/")
    with Image.open(_PACKAGES[package] / file) as image:
        scale = SIDE / max(image.size)
        return image.convert("RGB").resize([round(side * scale) for side in image.size], Image.Resampling.LANCZOS)


def dreamt(name: str, preset: str, seed: int, folder: Path | None, **changes: Any) -> Tensor:
    """A dream's pixels, out of the folder if it is there."""
    file = folder and folder / f"{preset}-{name}-{seed}-{'-'.join(map(str, changes.values())) or 'whole'}.png"
    if file and file.exists():
        return images.load(file).pixels
    found = phosphene.dream(photograph(name), preset=preset, seed=seed, **changes).image
    if file:
        found.save(file)
    return images.load(found).pixels


def borders(like: Tensor, preset: str, **changes: Any) -> Lattice:
    """Where the tiles of the last octave meet, unshifted."""
    chosen, network = settings(preset=preset, **changes), networks.load("efficientnet-lite0")
    objective = recipe.resolve_objective(network, chosen).prepare(network)
    sizes = recipe.sizes_of(chosen, *like.shape[-2:])
    tiling = recipe.tilings_of(network, objective, chosen, sizes)[-1]
    return Lattice.of(gradient.boxes(sizes[-1], network, objective, tiling))


def row(measure: str, case: str, seen: str, picture: str, strength: float, value: float) -> Row:
    return {
        "measure": measure, "case": case, "seen": seen, "picture": picture, "strength": float(strength), "value": value,
    }  # fmt: skip


class Looked:
    """A picture's evidence, made once for many lattices."""

    def __init__(self, light: Tensor) -> None:
        self.down, self.right = seams.profiles(light), seams.profiles(light.T)

    def known(self, lattice: Lattice) -> float:
        return max(0.0, seams.known(self.down, self.right, lattice))

    def searched(self) -> float:
        return max(0.0, seams.searched(self.down, self.right))


def false_alarms(pixels: Tensor, base: Tensor | None, seen: str, picture: str) -> Iterator[Row]:
    """Scores of lattices where nothing is."""
    found, draw = Looked(change(pixels, base)), random.Random(picture)
    for _ in range(LATTICES):
        spacing = draw.randint(64, 192)
        lattice = planting.even(pixels, spacing, draw.randint(13, spacing))
        yield row("seam", "nothing", f"{seen}, known", picture, 0, found.known(lattice))
    yield row("seam", "nothing", f"{seen}, searched", picture, 0, found.searched())


def planted(pixels: Tensor, base: Tensor, picture: str) -> Iterator[Row]:
    draw = random.Random(picture)
    wide, close = (planting.even(pixels, *[draw.randint(*span)] * 2) for span in (WIDE, CLOSE))
    for kind, (plant, strengths) in planting.KINDS.items():
        for strength in strengths:
            for lattice in (wide, close):
                seamed = planting.rounded(plant(base, pixels - base, lattice, strength))
                for seen, under in (("change", base), ("picture", None)):
                    found = Looked(change(seamed, under))
                    if lattice is wide:
                        yield row("seam", kind, f"{seen}, known", picture, strength, found.known(lattice))
                    else:
                        yield row("seam", kind, f"{seen}, searched", picture, strength, found.searched())


def real(pixels: Tensor, base: Tensor, lattice: Lattice, case: str, picture: str) -> Iterator[Row]:
    for seen, under in (("change", base), ("picture", None)):
        found = Looked(change(pixels, under))
        yield row("seam", case, f"{seen}, known", picture, len(lattice.rows + lattice.columns), found.known(lattice))
        yield row("seam", case, f"{seen}, searched", picture, 0, found.searched())
        yield row("jump", case, seen, picture, 0, jump(change(pixels, under), lattice))


def jump(light: Tensor, lattice: Lattice) -> float:
    """What one would look at first: the mean difference across borders over that elsewhere."""
    across, elsewhere = [], []
    for x, borders in ((light, lattice.rows), (light.T, lattice.columns)):
        lines = x.diff(dim=0).abs().mean(1)
        at = torch.zeros_like(lines, dtype=torch.bool)
        at[[border - 1 for border in borders]] = True
        across.append(lines[at])
        elsewhere.append(lines[~at])
    return float(torch.cat(across).mean() / torch.cat(elsewhere).mean())


def beside(pixels: Tensor, base: Tensor, lattice: Lattice, case: str, picture: str) -> Iterator[Row]:
    """How much the change varies along borders, by distance from them, in log units about its own middle."""
    found = change(pixels, base)
    lines = []
    for light, places in ((found, lattice.rows), (found.T, lattice.columns)):
        energy = light.diff(dim=1).square().unfold(1, 16, 16).mean(2).add(1e-7).log()
        lines += [energy[place - 24 : place + 24].mean(1) for place in places if 24 <= place <= len(light) - 24]
    for distance, value in enumerate((torch.stack(lines) - torch.stack(lines).mean(1, keepdim=True)).mean(0), -24):
        if -12 <= distance < 12:
            yield row("beside", case, "change", picture, distance + 0.5, float(value))


def of_dreams(name: str, *, presets: Mapping[str, int], seeds: int, folder: Path | None) -> list[Row]:
    """All that is measured on one photograph and its dreams."""
    base = images.load(photograph(name)).pixels
    rows = [*false_alarms(base, None, "photograph", name), *curves(base, name, folder)]
    for preset, tile in presets.items():
        for seed in range(seeds if preset == "carnival" else 1):
            picture = f"{name} {preset} {seed}"
            whole, cut = dreamt(name, preset, seed, folder), borders(base, preset, **BARE)
            rows += false_alarms(whole, base, "change", picture)
            rows += false_alarms(whole, None, "picture", picture)
            rows += [] if seed else planted(whole, base, picture)
            rows += real(whole, base, cut, "untiled", picture)
            rows += beside(whole, base, cut, "untiled", picture)
        bare, cut = dreamt(name, preset, 0, folder, **BARE), borders(base, preset, **BARE)  # seeds are for shifts
        rows += real(bare, base, cut, "tiles, no overlap, no shift", f"{name} {preset} 0")
        rows += beside(bare, base, cut, "tiles, no overlap, no shift", f"{name} {preset} 0")
        tiled, cut = dreamt(name, preset, 0, folder, tile=tile), borders(base, preset, tile=tile)
        rows += real(tiled, base, cut, "tiles, our defaults", f"{name} {preset} 0")
    still = dreamt(name, "carnival", 0, folder, jitter=0)
    cut = borders(base, "carnival", **BARE)
    return [*rows, *real(still, base, cut, "untiled, no shift", f"{name} carnival 0")]


def curves(base: Tensor, name: str, folder: Path | None) -> Iterator[Row]:
    """What each of the other measures says of what was planted."""
    dream = dreamt(name, "carnival", 0, folder)
    other = base.flip(2, 3)
    for sigma in (0, 1, 2, 4, 8, 16):
        for seen, ground in (("photograph", base), ("dream", dream)):
            noisy = planting.rounded(ground + planting.grain(ground, sigma))
            yield row("noise", "grain of so many levels", seen, name, sigma, noise(luma(noisy)))
    for share in (0, 0.25, 0.5, 1, 1.5, 2):
        for case, towards in (("so much of a dream", dream), ("so much of another picture", other)):
            mixed = planting.rounded(base + share * (towards - base))
            yield row("faithfulness", case, "picture", name, share, faithfulness(luma(mixed), luma(base)))
    for sigma in (0, 1, 2, 4, 8):
        found = faithfulness(luma(planting.blurred(base, sigma)), luma(base))
        yield row("faithfulness", "blur of so many pixels", "picture", name, sigma, found)
        found = centre(luma(planting.blurred(dream - base, sigma)))
        yield row("scale", "change blurred by so many pixels", "change", name, sigma, found)
    for period in (4, 8, 16, 32, 64):
        found = centre(luma(planting.waves(base, period)))
        yield row("scale", "waves of such a period", "change", name, period, found)
    for factor in (1, 1.25, 1.5, 2, 3):
        hard = (base - 0.5) * factor + 0.5
        beyond = float((((hard < 0) | (hard > 1)) & (base > 0.5 / 255) & (base < 1 - 0.5 / 255)).double().mean())
        yield row("clipping", "share beyond the limits", "change", name, beyond, clipping(hard.clamp(0, 1), base))
    for count in (0, 4, 8, 16, 32, 64):
        for case, same in (("so many of one motif", True), ("so many different motifs", False)):
            changed = planting.motifs(dream - base, dream - base, count, same=same)
            yield row("repetition", case, "change", name, count, repetition(luma(changed)))


def summary(rows: list[Row]) -> Iterator[str]:
    """The table in few lines."""
    for measure, case, seen in dict.fromkeys((each["measure"], each["case"], each["seen"]) for each in rows):
        alike = [each for each in rows if (each["measure"], each["case"], each["seen"]) == (measure, case, seen)]
        strengths = (
            [0.0] if measure == "seam" and case not in planting.KINDS else sorted({e["strength"] for e in alike})
        )
        if measure == "clipping":
            worst = max(abs(each["value"] - each["strength"]) for each in alike)
            yield f"{measure} | {case} | {seen} | off by at most {worst:.4f}"
            continue
        if measure == "beside":
            strengths = [-1.5, -0.5, 0.5, 1.5]
        if measure == "jump":
            values = [each["value"] for each in alike]
            yield f"{measure} | {case} | {seen} | {min(values):.2f} to {max(values):.2f}"
            continue
        said = []
        for strength in strengths:
            values = [e["value"] for e in alike if len(strengths) == 1 or e["strength"] == strength]
            said.append(f"{strength:g}: {_said(measure, values)}")
        yield f"{measure} | {case} | {seen} | {', '.join(said)}"
    for part, inside in (("chosen", True), ("held", False)):
        for seen in ("change, known", "change, searched", "picture, known", "picture, searched", "photograph, known"):
            values = [
                each["value"] for each in rows
                if (each["case"], each["seen"]) == ("nothing", seen)
                and (each["picture"].split()[0] in CHOSEN) == inside
            ]  # fmt: skip
            if values:
                yield f"false alarms | {part} | {seen} | {_said('seam', values)}"


def _said(measure: str, values: list[float]) -> str:
    if measure == "seam":
        seen = sum(value > measures.SEAM_ALARM for value in values)
        return f"{seen}/{len(values)} = {seen / len(values):.1%} (median {statistics.median(values):.1f})"
    return f"{statistics.mean(values):.3f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", type=Path, help="the table as CSV")
    parser.add_argument("--pictures", type=Path, help="a folder where dreams are kept")
    parser.add_argument("--fast", action="store_true", help="two photographs and one preset, in less than a minute")
    asked = parser.parse_args()
    if asked.pictures:
        asked.pictures.mkdir(parents=True, exist_ok=True)
    names = ["chelsea", "coffee"] if asked.fast else list(PHOTOGRAPHS)
    presets = {"carnival": TILES["carnival"]} if asked.fast else TILES
    one = partial(of_dreams, presets=presets, seeds=1 if asked.fast else 2, folder=asked.pictures)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        rows = [each for part in pool.map(one, names) for each in part]
    print(*summary(rows), sep="\n")
    if asked.output:
        tables.write(rows, asked.output)


if __name__ == "__main__":
    main()
