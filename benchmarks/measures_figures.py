"""Draws the figures of docs/explanation/measures.md from its table: python benchmarks/measures_figures.py

The table is made by `python benchmarks/measures.py -o benchmarks/measures.csv`. One figure shows a dream of
scikit-image's chelsea.png with planted seams.
"""

from __future__ import annotations

import argparse
import csv
from collections import defaultdict
from pathlib import Path

import matplotlib as mpl

mpl.use("Agg")
import matplotlib.pyplot as plt

import measures
import planting
from phosphene import images
from phosphene.measures import SEAM_ALARM, measure

HERE = Path(__file__).parent
INK, WARM, COOL, PALE = "#222222", "#c2571a", "#3b6ea5", "#9a9a9a"
SEEN = {
    "change, known": (COOL, "o-", "borders known, photograph given"),
    "picture, known": (WARM, "s-", "borders known, picture alone"),
    "change, searched": (COOL, "o:", "borders searched, photograph given"),
    "picture, searched": (WARM, "s:", "borders searched, picture alone"),
}
PLANTED = {
    "step": "Every other tile lighter\nby so many levels of 255",
    "swap": "Patterns stop: so much of every\nother tile dreamt elsewhere",
    "fade": "Patterns fade: so much\nlost at the border",
}
SHOWN = {
    "step": ("{} of 255 lighter", (1, 4, 16)),
    "swap": ("{:.0%} dreamt elsewhere", (0.1, 0.4, 1)),
    "fade": ("{:.0%} lost at the border", (0.12, 0.5, 1)),
}
CURVES = (
    ("noise", "grain planted, of 255", "noise", {"photograph": (PALE, "photograph"), "dream": (WARM, "dream")}),
    ("scale", "period planted, pixels", "scale", {"waves of such a period": (COOL, "noise of one period")}),
    (
        "faithfulness", "share of the other picture", "faithfulness",
        {"so much of a dream": (WARM, "a dream of it"), "so much of another picture": (PALE, "it, turned round")},
    ),
    ("clipping", "share planted", "clipping", {"share beyond the limits": (COOL, "contrast raised")}),
    (
        "repetition", "motifs planted", "repetition",
        {"so many of one motif": (WARM, "all the same"), "so many different motifs": (PALE, "all different")},
    ),
)  # fmt: skip

Rows = list[dict[str, str]]


def grouped(rows: Rows, **wanted: str) -> dict[float, list[float]]:
    """Strength → values, in order."""
    found = defaultdict(list)
    for row in rows:
        if all(row[key] == value for key, value in wanted.items()):
            found[float(row["strength"])].append(float(row["value"]))
    return dict(sorted(found.items()))


def detection(rows: Rows, to: Path) -> None:
    figure, panels = plt.subplots(1, 3, figsize=(11, 4.2), sharey=True, layout="constrained")
    for panel, (kind, title) in zip(panels, PLANTED.items(), strict=True):
        for seen, (colour, style, label) in SEEN.items():
            found = grouped(rows, measure="seam", case=kind, seen=seen)
            shares = [100 * sum(each > SEAM_ALARM for each in values) / len(values) for values in found.values()]
            panel.plot([*found], shares, style, color=colour, label=label, markersize=5)
        panel.axhline(5, color=PALE, linewidth=0.8)
        panel.set_xscale("log")
        panel.set_xticks([*found], [f"{each:g}" for each in found])
        panel.minorticks_off()
        panel.set_title(title, fontsize=10)
        panel.grid(alpha=0.25)
    panels[0].set_ylabel("detected, % (5 % without a seam)")
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(to, dpi=110)


def beside(rows: Rows, to: Path) -> None:
    figure, panel = plt.subplots(figsize=(7.5, 3.4), layout="constrained")
    for case, colour in (("untiled", PALE), ("tiles, no overlap, no shift", WARM)):
        found = grouped(rows, measure="beside", case=case)
        changes = [100 * (2.718281828 ** (sum(values) / len(values)) - 1) for values in found.values()]
        panel.step([*found], changes, where="mid", color=colour, label=case)
    panel.axvline(0, color=INK, linewidth=0.6, linestyle=":")
    panel.set_xlabel("pixels from a tile's border")
    panel.set_ylabel("variation along the border,\n% above its surroundings")
    panel.legend(frameon=False, loc="lower left")
    panel.grid(alpha=0.25)
    figure.savefig(to, dpi=110)


def curves(rows: Rows, to: Path) -> None:
    figure, panels = plt.subplots(1, 5, figsize=(15, 3.2), layout="constrained")
    for panel, (name, across, up, lines) in zip(panels, CURVES, strict=True):
        for line, (colour, label) in lines.items():
            key = "seen" if name == "noise" else "case"
            found = grouped(rows, measure=name, **{key: line})
            if name == "clipping":
                panel.plot([*found], [values[0] for values in found.values()], "o", color=colour, label=label, ms=4)
                continue
            middle = [sum(values) / len(values) for values in found.values()]
            panel.fill_between(
                [*found], [*map(min, found.values())], [*map(max, found.values())], color=colour, alpha=0.15
            )
            panel.plot([*found], middle, "o-", color=colour, label=label, markersize=4)
        if name in ("noise", "scale", "clipping"):
            panel.axline((0, 0), slope=1, color=INK, linewidth=0.6, linestyle=":")
        panel.set_xlabel(across)
        panel.set_title(up, fontsize=11)
        panel.legend(frameon=False, fontsize=8)
        panel.grid(alpha=0.25)
    figure.savefig(to, dpi=110)


def planted(to: Path) -> None:
    """What a score looks like: three kinds of seam, each in three strengths, where two borders cross."""
    base = images.load(measures.photograph("chelsea")).pixels
    change = measures.dreamt("chelsea", "carnival", 0, None) - base
    lattice = planting.even(base, 128, 128)
    figure, panels = plt.subplots(3, 3, figsize=(9, 9.6), layout="constrained")
    for line, (kind, (words, strengths)) in zip(panels, SHOWN.items(), strict=True):
        for panel, strength in zip(line, strengths, strict=True):
            pixels = planting.rounded(planting.KINDS[kind][0](base, change, lattice, strength))
            seam = measure(pixels, base, lattice=lattice)["seam"]
            panel.imshow(pixels[0, :, 64:192, 192:320].permute(1, 2, 0), interpolation="nearest")
            panel.set_title(f"{words.format(strength)}: seam {seam:.1f}", fontsize=10)
            panel.set_axis_off()
    figure.savefig(to, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--table", type=Path, default=HERE / "measures.csv")
    parser.add_argument("--to", type=Path, default=HERE.parent / "docs" / "pictures")
    asked = parser.parse_args()
    with asked.table.open(newline="") as file:
        rows = [*csv.DictReader(file)]
    for name, draw in (("seams", detection), ("borders", beside), ("curves", curves)):
        draw(rows, asked.to / f"measures-{name}.png")
    planted(asked.to / "measures-planted.png")


if __name__ == "__main__":
    main()
