"""Makes again every figure and number of docs/explanation/why.md: python benchmarks/why --googlenet FILE.caffemodel

About twenty minutes on two cores; --fast, two minutes, makes rougher ones of all, for tests.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

import borders
import choices
import essay
import figures
import lattice
import octaves
import others
import shifts
from octaves import Octaves
from phosphene.ascent.gradient import Tiling
from subjects import PHOTOGRAPHS, Subject, google, photograph, subjects

ROOT = Path(__file__).parents[2]
Found = dict[str, Any]


@dataclass(frozen=True)
class Effort:
    """How much is computed: the essay's, or a rough one."""

    side: int = 384
    pictures: int = 4
    draws: int = 48
    steps: int = 20

    @property
    def rough(self) -> bool:
        return self == ROUGH

    def photographs(self, *, side: int | None = None) -> list[Tensor]:
        return [photograph(name, side or self.side) for name in self._names]

    def wide(self) -> list[Tensor]:
        """Photographs with room for a border in the middle."""
        return [photograph(name, 400, width=640) for name in self._names]

    @property
    def _names(self) -> list[str]:
        return list(PHOTOGRAPHS)[: self.pictures]


ROUGH = Effort(side=256, pictures=1, draws=6, steps=4)


def border_lost(subject: Subject, effort: Effort) -> Tensor:
    """L, measured."""
    return borders.lost(subject, effort.wide(), reach=min(160, subject.field))


def of_borders(subject: Subject, effort: Effort) -> Found:
    """L, measured and foretold."""
    lost = border_lost(subject, effort)
    reach = len(lost)
    energy = borders.spread(subject, effort.photographs(), draws=1)
    unheard = borders.unheard(subject, energy, reach=reach)
    kept = (1 - unheard) * borders.unthrown(subject, effort.wide(), reach=reach)
    shares = (0.5, 0.1, 0.05, 0.01)
    return {
        "field": subject.field,
        "lost": lost.tolist(),
        "unheard": unheard.tolist(),
        "foretold": (1 - kept).tolist(),
        "miss_mean": float((1 - kept - lost)[: subject.field // 4].abs().mean()),
        "at_quarter": float(lost[min(subject.field // 4, reach - 1)]),
        "less_than": {f"{share:g}": _reach(lost, share) for share in shares},
    }


def _reach(lost: Tensor, share: float) -> int:
    """The distance from which on less than this share is lost."""
    return int((lost > share).nonzero().max()) + 1


TILE = 128


def of_shifts(subject: Subject, effort: Effort) -> Found:
    """Bias, noise, and troughs."""
    pictures, tiling = effort.photographs(), Tiling(TILE, 0)
    lost = border_lost(subject, effort)
    error = shifts.error(subject, pictures[0], tiling, shifts.drawn(max(4, effort.draws // 3), TILE, seed=1))
    averaged = shifts.averaged(subject, pictures[0], tiling, shifts.drawn(effort.draws, TILE, seed=2))
    still, moved = [(0, 0)] * effort.steps, shifts.drawn(effort.steps, TILE)
    fixed, shifted = (
        [shifts.depth(*each) for each in shifts.climb(subject, pictures, tiling, order)] for order in (still, moved)
    )
    return {
        "depth": shifts.foretold_depth(lost, TILE),
        "fixed": fixed,
        "shifted": shifted,
        "lost": error.lost,
        "lost_foretold": shifts.mean_lost(lost, TILE, sides=1 - TILE / effort.side),
        "bias": error.bias,
        "noise": error.noise,
        "averaged": averaged,
        "after": [error.after(count) for count in range(1, len(averaged) + 1)],
        "troughs": {
            str(jitter): {
                "foretold": shifts.trough(lost, jitter, reach=96).tolist(),
                "measured": shifts.trough_measured(
                    subject, pictures, jitter, reach=96, draws=max(2, effort.draws // 3)
                ).tolist(),
            }
            for jitter in (0, 32, 64)
        },
        "overlaps": {str(share): _overlap(subject, pictures[0], share, effort) for share in (0, 0.125, 0.25)},
    }


def _overlap(subject: Subject, pixels: Tensor, share: float, effort: Effort) -> Found:
    """What overlap leaves of the error, and what it costs, with tiles whose cores are of one size."""
    overlap = int(share * subject.field)
    tiling = Tiling(TILE + 2 * overlap, overlap)
    error = shifts.error(subject, pixels, tiling, shifts.drawn(max(3, effort.draws // 8), TILE, seed=3))
    return {"cost": ((TILE + 2 * overlap) / TILE) ** 2, "one": error.after(1), "ten": error.after(10)}


def of_lattice(subject: Subject, effort: Effort) -> Found:
    """What does not move with the picture."""
    drawn = shifts.drawn(max(6, effort.draws // 2), 32, seed=4)
    side = 384
    sky = lattice.sky(side)
    still, moved = (lattice.grown(subject, sky, jitter=jitter, steps=effort.steps) for jitter in (0, 32))
    return {
        "weights": lattice.weights_say(subject),
        "still": lattice.by_period(still - sky, subject.stride),
        "moved": lattice.by_period(moved - sky, subject.stride),
        "flat": lattice.flat(subject, drawn),
        "periods": lattice.bands(side - 2 * lattice.MARGIN)[0],
        "agreed": lattice.agreed(subject, effort.photographs(side=side)[:2], drawn[:12]).tolist(),
    }


LAYOUTS = {
    "1 octave, 10 steps": Octaves(1, 1.4, 10),
    "1 octave, 40 steps": Octaves(1, 1.4, 40),
    "4 octaves of 1.4": Octaves(4, 1.4, 10),
    "4 octaves of 2": Octaves(4, 2.0, 10),
    "the picture carried": Octaves(4, 1.4, 10, carry="picture"),
}


def of_octaves(subject: Subject, effort: Effort) -> Found:
    """Bands, foretold and painted; and what layouts do."""
    pictures = effort.photographs()
    found: Found = {"periods": octaves.bands(effort.side)[0], "scales": octaves.SCALES}
    for normalise in ("mean", "laplacian"):
        preferred = octaves.preferred(subject, pictures, normalise=normalise)
        painted = octaves.painted(subject, pictures, Octaves(), normalise=normalise)
        own = octaves.centre(preferred, effort.side)
        found[normalise] = {
            "painted": [each.tolist() for each in painted],
            "centres": [octaves.centre(each, effort.side) for each in painted],
            "foretold": [own * 1.4**smaller for smaller in range(len(painted) - 1, -1, -1)],
        }
    found["layouts"] = {label: _layout(subject, layout, pictures) for label, layout in LAYOUTS.items()}
    return found


def _layout(subject: Subject, layout: Octaves, pictures: list[Tensor]) -> Found:
    dreams = [octaves.dream(subject, pixels, layout, rule=google()).pixels for pixels in pictures]
    pairs = list(zip(dreams, pictures, strict=True))
    energy = sum(octaves.shares(picture - photograph) for picture, photograph in pairs) / len(pairs)
    return {
        "louder": np.mean([octaves.louder(subject, *pair) for pair in pairs], 0).tolist(),
        "kept": (sum(octaves.kept(*pair) for pair in pairs) / len(pairs)).tolist(),
        "even": octaves.evenness(energy),
    }


def of_choices(subject: Subject, effort: Effort) -> Found:
    """One setting after another, and layouts of octaves."""
    base = choices.google(subject) if subject.network.name == "googlenet" else choices.ours(subject)
    pictures = effort.photographs(side=128 if effort.rough else 320)[:2]
    axes = {"octaves": (1, 2)} if effort.rough else choices.AXES
    grid: dict[str, tuple[Any, ...]] = {"octaves": (1, 2, 3, 4, 5, 6), "octave_scale": (1.2, 1.4, 2.0)}
    if effort.rough:
        grid = {"octaves": (1, 2), "octave_scale": (1.4,)}
    rows = [choices.row(subject, chosen, pictures) for chosen in choices.one_by_one(base, axes)]
    layouts = [choices.row(subject, chosen, pictures) for chosen in choices.layouts(base, grid)]
    six = next((row for row in layouts if (row["octaves"], row["octave_scale"]) == (6, 1.4)), rows[0])
    return {
        "base": rows[0],
        "cheaper": 1 - six["cost"] / rows[0]["cost"],
        "one_by_one": rows,
        "chance": choices.chance(subject, base, pictures, seeds=2 if effort.rough else 6),
        "layouts": layouts,
    }


def of_others(subject: Subject, effort: Effort) -> Found:
    """Patterns and styles, one setting after another."""
    if effort.rough:
        return {"patterns": others.patterns(subject, side=64, channels=1), "styles": []}
    return {"patterns": others.patterns(subject, side=256, channels=3), "styles": others.styles(side=256, pairs=2)}


OURS, THEIRS = "block11", "inception_4c/output"  # where they dream


@dataclass(frozen=True)
class Section:
    """A part of the essay.

    Attributes:
        measure: what is measured of a network's layer.
        draw: its figure, if it has one.
        layers: of which layers; by default of all.
    """

    measure: Callable[[Subject, Effort], Found]
    draw: Callable[[Any, Path], None] | None = None
    layers: tuple[str, ...] = ()


SECTIONS = {
    "borders": Section(of_borders, figures.borders),
    "shifts": Section(of_shifts, figures.shifts, (OURS, THEIRS)),
    "lattice": Section(of_lattice, figures.lattice),
    "octaves": Section(of_octaves, figures.octaves, (OURS, THEIRS)),
    "choices": Section(of_choices, figures.choices, (OURS, THEIRS)),
    "others": Section(of_others, layers=(OURS,)),
}


def pictures(found: list[Subject], effort: Effort, folder: Path) -> None:
    """The sheets: the same sky without and with shifts, and the same photograph by layouts of octaves."""
    skies = [
        [_crop(lattice.grown(subject, lattice.sky(), jitter=jitter, steps=effort.steps)) for jitter in (0, 1, 8, 32)]
        for subject in found
    ]
    _sheet([_row(row, zoom=2) for row in skies], folder / "why-lattice-pictures.jpg")
    for subject in found:
        if subject.layer not in (OURS, THEIRS):
            continue
        photo = photograph("coffee", effort.side)
        made = [octaves.dream(subject, photo, layout, rule=google()).pixels for layout in LAYOUTS.values()]
        rows = [_row([photo, *made[:2]]), _row(made[2:])]
        _sheet(rows, folder / f"why-octaves-{subject.network.name}.jpg")


def _crop(pixels: Tensor, side: int = 160) -> Tensor:
    return pixels[..., 100 : 100 + side, 100 : 100 + side]


def _row(pictures: list[Tensor], *, zoom: int = 1) -> np.ndarray[Any, Any]:
    """Pictures side by side, with a white line after each."""
    arrays = [(each[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255).round().astype("uint8") for each in pictures]
    larger = [
        np.pad(each.repeat(zoom, 0).repeat(zoom, 1), ((0, 6), (0, 6), (0, 0)), constant_values=255) for each in arrays
    ]
    return np.concatenate(larger, 1)


def _sheet(rows: list[np.ndarray[Any, Any]], path: Path) -> None:
    Image.fromarray(np.concatenate(rows)).save(path, quality=88)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--googlenet", metavar="FILE.caffemodel", help="Google's network; without it, only ours")
    parser.add_argument("--fast", action="store_true", help="rough, in two minutes; needs -o")
    parser.add_argument("-o", "--output", type=Path, help="a folder for all of it, in place of the documents'")
    parser.add_argument(
        "--only",
        choices=[*SECTIONS, "pictures", "draw"],
        action="append",
        help="this section alone; draw: only the figures",
    )
    asked = parser.parse_args()
    if asked.fast and not asked.output:
        parser.error("--fast makes rough figures, not the documents'; say where: -o FOLDER")
    effort, folder = (ROUGH if asked.fast else Effort()), asked.output or ROOT / "docs/pictures"
    numbers = (asked.output or ROOT / "benchmarks") / "why.json"
    make(subjects(asked.googlenet), effort, folder, numbers, asked.only or [*SECTIONS, "pictures"])
    if not asked.output:
        for page in essay.PAGES:
            essay.fill(ROOT / page, json.loads(numbers.read_text("utf-8")))


def make(found: list[Subject], effort: Effort, folder: Path, numbers: Path, wanted: list[str]) -> None:
    """Computes the sections that are wanted, keeps their numbers, and draws."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = json.loads(numbers.read_text("utf-8")) if numbers.exists() else {}
    for name, section in SECTIONS.items():
        if name in wanted:
            kept[name] = {}
            for subject in found:
                if not section.layers or subject.layer in section.layers:
                    began = time.monotonic()
                    kept[name][subject.name] = section.measure(subject, effort)
                    print(f"{name}: {subject.name}, {time.monotonic() - began:.0f} s", flush=True)
            numbers.write_text(json.dumps(essay.rounded(kept), indent=1) + "\n", "utf-8")
        if name in kept and section.draw:
            section.draw(kept[name], folder / f"why-{name}.png")
    if "octaves" in kept:
        figures.scales(kept["octaves"], folder / "why-scales.png")
    if "pictures" in wanted:
        pictures(found, effort, folder)


if __name__ == "__main__":
    main()
