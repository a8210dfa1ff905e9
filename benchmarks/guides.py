"""Does the layer that `phosphene match` puts first show the guide more clearly than the median layer?

    python benchmarks/guides.py                                  eight pairs; about ten minutes on one thread
    python benchmarks/guides.py --tuning                         the twelve pairs on which the score was chosen
    python benchmarks/guides.py --together                       the winner alone, and with other layers
    python benchmarks/guides.py --read benchmarks/guides.csv     docs/explanation/guides.md, its tables

Every main layer ranks and dreams. Whether the guide shows is judged by others than the network that dreamt: by colour
and by texture (Gabor energies), without a network, and by GoogLeNet if its weights are there. A judge looks at many
places of the dream and says which of all the guides each is most like; the share that it gives to the true guide, less
what the undreamt photograph gets, is the clarity.
"""

from __future__ import annotations

import argparse
import csv
import math
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import features, images, networks
from phosphene.errors import WeightsError
from phosphene.features import matching, ranking
from phosphene.networks import Network
from phosphene.reports.matching_sheet import guided

SIDE = 320  # pixels of the long side of photographs, guides and dreams
PLACES = 256  # of each guide that the judges know
SEEN = ("inception_3b/output", "inception_4c/output", "inception_4e/output")

TUNING = (
    "astronaut-flower", "china-gravel", "chelsea-ihc", "rocket-hubble_deep_field", "coffee-coins", "flower-chelsea",
    "motorcycle_left-brick", "astronaut-grass", "china-flower", "rocket-china", "chelsea-retina", "coffee-ihc",
)  # fmt: skip
HELD_OUT = (
    "chelsea-china", "flower-gravel", "motorcycle_left-flower", "coffee-chelsea", "astronaut-hubble_deep_field",
    "rocket-coffee", "china-motorcycle_left", "flower-retina",
)  # fmt: skip

Features = Mapping[str, Tensor]
Judge = Callable[[Tensor], dict[str, Tensor]]
Row = dict[str, str | float]


def photograph(name: str) -> Tensor:
    """A photograph that scikit-learn or scikit-image ships."""
    import skimage
    import sklearn.datasets

    folders = Path(sklearn.datasets.__file__).parent / "images", Path(skimage.__file__).parent / "data"
    found = [path for folder in folders for path in folder.glob(f"{name}.*") if path.suffix in (".jpg", ".png")]
    return images.load(found[0], long_side=SIDE).pixels


# The judges: pictures to feature vectors at many places


def without_network(pixels: Tensor) -> dict[str, Tensor]:
    """Colour, its local mean and spread in CIELAB; texture, local Gabor energies of four sizes and six directions."""
    seen = lab(pixels)
    mean, square = blur(seen, 6), blur(seen * seen, 6)
    colour = F.avg_pool2d(torch.cat([mean, (square - mean * mean).clamp(min=0).sqrt()], 1), 8)
    return {"colour": colour, "texture": texture(seen[:, :1])}


def texture(light: Tensor) -> Tensor:
    size, energies = [side // 8 for side in light.shape[-2:]], []
    for level in range(4):
        waves = F.conv2d(F.pad(light, (5,) * 4, mode="reflect"), gabors())
        energy = blur(waves[:, 0::2] ** 2 + waves[:, 1::2] ** 2, max(1.5, 12 / 2**level))
        energies.append(F.interpolate((energy + 1e-5).log(), size=size, mode="bilinear"))
        light = F.avg_pool2d(light, 2)
    return torch.cat(energies, 1)


def gabors(wave: float = 4, sigma: float = 2, directions: int = 6) -> Tensor:
    rows, columns = torch.meshgrid(torch.arange(-5, 6.0), torch.arange(-5, 6.0), indexing="ij")
    window, kernels = torch.exp(-(rows**2 + columns**2) / (2 * sigma**2)), []
    for angle in (math.pi * step / directions for step in range(directions)):
        along = columns * math.cos(angle) + rows * math.sin(angle)
        for phase in (0, math.pi / 2):
            kernel = window * torch.cos(2 * math.pi * along / wave - phase)
            kernel = kernel - window * kernel.sum() / window.sum()
            kernels.append(kernel / kernel.norm())
    return torch.stack(kernels)[:, None]


def blur(x: Tensor, sigma: float) -> Tensor:
    reach, channels = math.ceil(2.5 * sigma), x.shape[1]
    line = torch.exp(-(torch.arange(-reach, reach + 1.0) ** 2) / (2 * sigma**2))
    line = (line / line.sum()).expand(channels, 1, 1, -1)
    x = F.conv2d(F.pad(x, (reach, reach, 0, 0), mode="reflect"), line, groups=channels)
    return F.conv2d(F.pad(x, (0, 0, reach, reach), mode="reflect"), line.transpose(2, 3), groups=channels)


def lab(pixels: Tensor) -> Tensor:
    light = torch.where(pixels <= 0.04045, pixels / 12.92, ((pixels + 0.055) / 1.055) ** 2.4)
    primaries = torch.tensor([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = torch.einsum("ij,njhw->nihw", primaries, light) / torch.tensor([0.9505, 1, 1.089])[:, None, None]
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=1e-9) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(1)
    return torch.stack([1.16 * y - 0.16, 5 * (x - y), 2 * (y - z)], 1)


def with_googlenet() -> Judge | None:
    try:
        network = networks.load("googlenet")
    except WeightsError:
        return None
    return lambda pixels: features.of_picture(network, pixels, SEEN)


class Judges:
    """They know all guides, and vote for one at each place of a picture."""

    def __init__(self, judges: Sequence[Judge], guides: Sequence[str], others: Sequence[str]) -> None:
        self.judges, self.guides = judges, guides
        known = {name: self._look(photograph(name)) for name in sorted({*guides, *others})}
        generator = torch.Generator().manual_seed(0)
        self.kinds = tuple(known[guides[0]])
        self.mean, self.spread, self.known = {}, {}, {}
        for kind in self.kinds:
            some = {
                name: found[kind][torch.randint(len(found[kind]), (PLACES,), generator=generator)]
                for name, found in known.items()
            }
            everything = torch.cat(list(some.values()))
            self.mean[kind], self.spread[kind] = everything.mean(0), everything.std(0) + 1e-6
            self.known[kind] = torch.cat([self._plain(kind, some[name]) for name in guides])

    def shares(self, pixels: Tensor, guide: str) -> dict[str, float]:
        """Of each judge, the share of places that it gives to that guide."""
        found, place = self._look(pixels), self.guides.index(guide)
        return {kind: self._votes(kind, found[kind], place) for kind in self.kinds}

    def _votes(self, kind: str, vectors: Tensor, place: int) -> float:
        nearest = matching.best(self._plain(kind, vectors), self.known[kind], by="cosine").where // PLACES
        return (nearest == place).float().mean().item()

    def _look(self, pixels: Tensor) -> dict[str, Tensor]:
        found = {kind: seen for judge in self.judges for kind, seen in judge(pixels).items()}
        return {kind.split("/")[0]: matching.vectors(seen) for kind, seen in found.items()}

    def _plain(self, kind: str, vectors: Tensor) -> Tensor:
        return (vectors - self.mean[kind]) / self.spread[kind]


def clarity(gain: Mapping[str, float]) -> dict[str, float]:
    """The judges' gains, and their mean: those without a network count as much as GoogLeNet."""
    plain = [gain["colour"], gain["texture"]]
    deep = [value for kind, value in gain.items() if kind.startswith("inception")]
    means = {"plain": statistics.mean(plain)} | ({"googlenet": statistics.mean(deep)} if deep else {})
    return dict(gain) | means | {"clarity": statistics.mean(means.values())}


# The trial


def trial(pair: str, network: Network, judges: Judges, keep: Path | None) -> Iterator[Row]:
    """A row for each layer: how it ranks, and how clear its dream is."""
    photo, guide = map(photograph, pair.split("-"))
    before = judges.shares(photo, pair.split("-")[1])
    for each in ranking.rank(photo, [guide], network):
        dreamt = guided(photo, [guide], network, [each.layer])
        if keep:
            images.save(dreamt, keep / f"{pair}-{each.layer}.png", overwrite=True)
        after = judges.shares(dreamt, pair.split("-")[1])
        yield {"pair": pair} | vars(each) | clarity({kind: after[kind] - before[kind] for kind in after})


def column(rows: Sequence[Row], name: str) -> list[float]:
    return [float(row[name]) for row in rows]


def correlation(rows: Sequence[Row], score: str, judged: str = "clarity") -> float:
    """Spearman's; layers of equal clarity are rare enough."""
    ranks = [torch.tensor(column(rows, name)).argsort().argsort().float() for name in (score, judged)]
    return torch.corrcoef(torch.stack(ranks))[0, 1].item()


def place(rows: Sequence[Row], layer: Row) -> int:
    return 1 + sum(value > float(layer["clarity"]) for value in column(rows, "clarity"))


def winner(rows: Sequence[Row], score: str = "score") -> Row:
    return max(rows, key=lambda row: float(row[score]))


def line(rows: Sequence[Row]) -> str:
    """A pair's row of the table."""
    first, clearest = winner(rows), winner(rows, "clarity")
    cells = (
        str(first["pair"]).replace("-", " ← "),
        first["layer"],
        f"{float(first['score']):.2f}",
        f"{float(first['clarity']):+.2f}",
        f"{statistics.median(column(rows, 'clarity')):+.2f}",
        f"{clearest['layer']} {float(clearest['clarity']):+.2f}",
        f"{place(rows, first)} of {len(rows)}",
        f"{correlation(rows, 'score'):.2f}",
    )
    return f"| {' | '.join(map(str, cells))} |"


HEADER = "| photo ← guide | winner | score | clarity | median layer's | clearest | winner's place | Spearman |"
WAYS: Mapping[str, Callable[[Mapping[str, float]], float]] = {
    "score: match / unrelated × response": lambda row: row["score"],
    "match / unrelated": lambda row: row["match"] / row["unrelated"],
    "response": lambda row: row["response"],
    "match − unrelated": lambda row: row["match"] - row["unrelated"],
    "match − shuffled": lambda row: row["match"] - row["shuffled"],
    "match": lambda row: row["match"],
    "dot product": lambda row: row["dot"],
}
FIXED = ("block2", "block5", "block8", "block11", "block15")


def summary(pairs: Sequence[Sequence[Row]]) -> Iterator[str]:
    """How each way of ranking does with each judge: pairs won against the median layer, and rank correlation."""
    judged = [name for name in ("clarity", "plain", "googlenet", "colour", "texture") if name in pairs[0][0]]
    yield f"| ranked by | {' | '.join(judged)} | mean place |"
    yield f"|{'---|' * (len(judged) + 2)}"
    for name, way in WAYS.items():
        rows = [[row | {"it": way(_figures(row))} for row in pair] for pair in pairs]
        yield _judged(name, rows, judged, correlated=True)
    for name in FIXED:
        rows = [[row | {"it": float(row["layer"] == name)} for row in pair] for pair in pairs]
        yield _judged(f"always {name}", rows, judged, correlated=False)


def _judged(name: str, pairs: Sequence[Sequence[Row]], judged: Sequence[str], *, correlated: bool) -> str:
    cells = []
    for kind in judged:
        won = sum(float(winner(pair, "it")[kind]) > statistics.median(column(pair, kind)) for pair in pairs)
        rho = f", {statistics.mean(correlation(pair, 'it', kind) for pair in pairs):.2f}" if correlated else ""
        cells.append(f"{won}/{len(pairs)}{rho}")
    places = statistics.mean(place(pair, winner(pair, "it")) for pair in pairs)
    return f"| {name} | {' | '.join(cells)} | {places:.1f} |"


def _figures(row: Row) -> dict[str, float]:
    return {name: float(value) for name, value in row.items() if name not in ("pair", "layer")}


def write(path: Path, pairs: Sequence[Sequence[Row]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(pairs[0][0]), lineterminator="\n")
        writer.writeheader()
        for row in (row for pair in pairs for row in pair):
            writer.writerow(
                {name: f"{value:.4g}" if isinstance(value, float) else value for name, value in row.items()}
            )


def read(path: Path, pairs: Sequence[str]) -> list[list[Row]]:
    with path.open(encoding="utf-8") as file:
        rows: list[Row] = list(csv.DictReader(file))
    return [found for pair in pairs if (found := [row for row in rows if row["pair"] == pair])]


def panel() -> Judges:
    """All judges that are here."""
    googlenet = with_googlenet()
    if googlenet is None:
        print("GoogLeNet's weights are not here, so it does not judge: phosphene networks get googlenet\n")
    split = [pair.split("-") for pair in (*TUNING, *HELD_OUT)]
    present = [without_network] + ([googlenet] if googlenet else [])
    return Judges(present, sorted({guide for _, guide in split}), [photo for photo, _ in split])


def tried(pairs: Sequence[str], keep: Path | None) -> Iterator[list[Row]]:
    network, judges = networks.load(), panel()
    for pair in pairs:
        yield list(trial(pair, network, judges, keep))


def together(pairs: Sequence[str]) -> Iterator[str]:
    """How clear the winner's dream is alone, with the next in rank, and with one and two companions."""
    network, judges = networks.load(), panel()
    yield "| photo ← guide | alone | with the next | with a companion | with two |"
    yield f"|{'---|' * 5}"
    for pair in pairs:
        photo, guide = map(photograph, pair.split("-"))
        before, ranked = judges.shares(photo, pair.split("-")[1]), ranking.rank(photo, [guide], network)
        cells = []
        for some in (ranked[:1], ranked[:2], *(ranking.companions(ranked, network, count) for count in (2, 3))):
            dreamt = guided(photo, [guide], network, [each.layer for each in some])
            after = judges.shares(dreamt, pair.split("-")[1])
            gain = clarity({kind: after[kind] - before[kind] for kind in after})["clarity"]
            cells.append(f"{gain:+.2f} {'+'.join(each.layer.removeprefix('block') for each in some)}")
        yield f"| {pair.replace('-', ' ← ')} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tuning", action="store_true", help="the pairs on which the score was chosen")
    parser.add_argument("--together", action="store_true", help="whether layers go together")
    parser.add_argument("--only", metavar="PAIR", action="append", help="only this pair, as china-gravel")
    parser.add_argument("--csv", metavar="FILE", type=Path, help="writes every figure")
    parser.add_argument("--read", metavar="FILE", type=Path, help="the figures of an earlier run, with no dreaming")
    parser.add_argument("--keep", metavar="FOLDER", type=Path, help="keeps the dreams")
    asked = parser.parse_args()
    pairs = asked.only or (TUNING if asked.tuning else HELD_OUT)
    if asked.together:
        for text in together(pairs):
            print(text, flush=True)
        return
    started, done = time.monotonic(), []
    print(HEADER, f"|{'---|' * 8}", sep="\n")
    for rows in read(asked.read, pairs) if asked.read else tried(pairs, asked.keep):
        done.append(rows)
        print(line(rows), flush=True)
    print("", *summary(done), f"\n{time.monotonic() - started:.0f} s", sep="\n")
    if asked.csv:
        write(asked.csv, done)


if __name__ == "__main__":
    main()
