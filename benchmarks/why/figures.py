"""The essay's figures, drawn from its numbers and pictures."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

# Okabe and Ito's colours (2008), which people see apart whatever their eyes.
BLUE, ORANGE, GREEN, PURPLE, SKY, GREY = "#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#777777"
COLOURS = (BLUE, ORANGE, GREEN, PURPLE, SKY)
MEASURED, FORETOLD = {"color": BLUE, "lw": 2}, {"color": ORANGE, "lw": 1.8, "ls": (0, (5, 2))}

Numbers = Mapping[str, Any]

STYLE = {
    "font.size": 10, "axes.titlesize": 10.5, "axes.titlelocation": "left", "axes.titleweight": "bold",
    "axes.spines.top": False, "axes.spines.right": False, "axes.grid": True, "grid.color": "#e6e6e6",
    "axes.axisbelow": True, "legend.frameon": False, "svg.hashsalt": "why", "figure.facecolor": "white",
}  # fmt: skip


@contextmanager
def page(path: Path, rows: int, columns: int, *, high: float = 3.1) -> Iterator[list[Axes]]:
    """Panels to draw on, written when all is drawn."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.1 * columns + 0.4, high * rows), layout="constrained")
        yield list(figure.subplots(rows, columns, squeeze=False).flat)
        figure.savefig(path, dpi=110, metadata={"Software": None})


def short(name: str) -> str:
    """A network's and layer's name, for a title."""
    return name.replace("EfficientNet-", "")


def borders(found: Numbers, path: Path) -> None:
    """The share of the gradient that is lost, by distance from a tile's border."""
    with page(path, -(-len(found) // 2), 2) as panels:
        for panel, (name, curve) in zip(panels, found.items(), strict=False):
            distances = range(len(curve["lost"]))
            panel.plot(distances, curve["lost"], label="measured", **MEASURED)
            panel.plot(distances, curve["foretold"], label="foretold, all three", **FORETOLD)
            panel.plot(
                distances, curve["unheard"], label="positions and what they see, alone", color=GREY, lw=1.2, ls=":"
            )
            panel.axvline(curve["field"] / 4, color=GREEN, lw=1.2)
            panel.annotate(
                "a quarter of the\nreceptive field",
                (curve["field"] / 4, 0.86),
                (4, 0),
                textcoords="offset points",
                color=GREEN,
                fontsize=9,
            )
            panel.set(
                title=f"{short(name)}, sees {curve['field']}",
                xlim=(0, len(curve["lost"]) - 1),
                ylim=(-0.03, 1),
                xlabel="distance from the border, pixels",
                ylabel="share lost",
            )
        panels[0].legend(loc="center right", fontsize=9)


def shifts(found: Numbers, path: Path) -> None:
    """Bias to noise, in three panels for each network."""
    with page(path, len(found), 3) as panels:
        for row, (name, of) in enumerate(found.items()):
            first, second, third = panels[3 * row : 3 * row + 3]
            _depths(first, name, of)
            _averages(second, of)
            _troughs(third, of["troughs"])
        panels[0].legend(fontsize=9, loc="lower left")


def _depths(panel: Axes, name: str, of: Numbers) -> None:
    steps = range(1, len(of["fixed"]) + 1)
    panel.loglog(steps, of["fixed"], color=GREY, lw=2, label="tiles fixed, measured")
    panel.loglog(steps, of["shifted"], label="shifted, measured", **MEASURED)
    panel.loglog(steps, [of["depth"] / step**0.5 for step in steps], label="foretold: sd(L)/√n", **FORETOLD)
    panel.axhline(of["depth"], color=ORANGE, lw=1, ls=":")
    panel.set(title=f"{short(name)}: the trough at borders", xlabel="steps of a dream", ylabel="unevenness of the loss")
    _plain(panel, steps)


def _averages(panel: Axes, of: Numbers) -> None:
    counts = range(1, len(of["averaged"]) + 1)
    panel.loglog(counts, of["averaged"], **MEASURED)
    panel.loglog(counts, of["after"], **FORETOLD)
    panel.axhline(of["bias"], color=ORANGE, lw=1, ls=":")
    panel.set(title="a mean of shifted gradients: its error", xlabel="shifts averaged", ylabel="share of the gradient")
    place = (counts[-1], of["bias"])
    label = {"xytext": (0, 4), "textcoords": "offset points", "ha": "right", "fontsize": 9}
    panel.annotate("what stays: an even loss", place, color=ORANGE, **label)
    _plain(panel, counts)


def _plain(panel: Axes, counts: Sequence[int]) -> None:
    """A logarithmic axis with numbers that people read."""
    ticks = [each for each in (1, 2, 4, 8, 16, 32, 64) if each <= counts[-1]]
    panel.set_xticks(ticks, [str(each) for each in ticks])
    panel.set_xticks([], minor=True)
    low, high = panel.get_ylim()
    levels = [each for each in (0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0) if low < each < high]
    panel.set_yticks(levels, [f"{each:g}" for each in levels])
    panel.set_yticks([], minor=True)


def _troughs(panel: Axes, found: Numbers) -> None:
    for colour, (jitter, curve) in zip((GREY, BLUE, GREEN), found.items(), strict=True):
        panel.plot(curve["measured"], color=colour, lw=2)
        panel.plot(curve["foretold"], color=colour, lw=1.5, ls=(0, (5, 2)))
        panel.annotate(f"±{jitter}", (0, curve["measured"][0]), (3, 3), textcoords="offset points", color=colour)
    panel.set(
        title="shifts of ±so many pixels (dashed: foretold)",
        xlabel="distance from the border's middle",
        ylabel="share lost",
        ylim=(-0.03, 1),
    )


def lattice(found: Numbers, path: Path) -> None:
    """What stays with the lattice of a strided layer."""
    with page(path, 1, 3, high=3.5) as (first, second, third):
        _periods(first, found)
        for colour, (name, of) in zip(COLOURS, found.items(), strict=False):
            second.loglog(range(1, len(of["flat"]) + 1), of["flat"], color=colour, lw=1.8)
            third.semilogx(of["periods"], of["agreed"], color=colour, lw=2, marker="o", ms=3, label=short(name))
        counts = range(1, len(of["flat"]) + 1)
        second.loglog(
            counts, [1 / count for count in counts], label="foretold: 1/n", color="black", lw=1.5, ls=(0, (5, 2))
        )
        second.set(title="grey: energy of the mean of n", xlabel="shifts averaged", ylabel="share of a single one's")
        second.legend(fontsize=9)
        _plain(second, counts)
        third.set(
            title="photographs: what all shifts agree on",
            xlabel="period, pixels",
            ylabel="share of the energy",
            ylim=(0, 0.8),
        )
        ticks = [2, 4, 8, 16, 32]
        third.set_xticks(ticks, [str(each) for each in ticks])
        third.set_xticks([], minor=True)
        third.legend(fontsize=8, loc="upper left")


def _periods(panel: Axes, found: Numbers) -> None:
    """What the weights say repeats, and what did in a sky; as shares of all that repeats, side by side."""
    places, labels, at = [], [], 0.0
    for name, of in found.items():
        said, grew = (_shares(of[key]) for key in ("weights", "still"))
        for period in said:
            panel.bar(
                at, grew[period], 0.4, color=BLUE, label="measured: a sky, 20 steps, no shifts" if at == 0 else None
            )
            panel.bar(at + 0.4, said[period], 0.4, color=ORANGE, label="foretold: grey" if at == 0 else None)
            places.append(at + 0.2)
            labels.append(str(period))
            at += 1
        panel.annotate(
            short(name).replace(" ", "\n"), (at - len(said) / 2 - 0.3, 1.02), ha="center", fontsize=7.5, va="bottom"
        )
        at += 0.8
    panel.set_xticks(places, labels, fontsize=8)
    panel.grid(False, axis="x")
    panel.set(
        xlabel="period of the lattice, pixels", ylabel="share of what repeats", ylim=(0, 1.45), yticks=(0, 0.5, 1)
    )
    panel.legend(fontsize=8, loc="upper left")


def _shares(found: Mapping[str, float]) -> dict[str, float]:
    total = sum(found.values()) or 1.0
    return {period: each / total for period, each in found.items()}


def octaves(found: Numbers, path: Path) -> None:
    """Which band each octave paints: Google's normalisation above, ours below."""
    with page(path, 2, len(found)) as panels:
        for column, (name, of) in enumerate(found.items()):
            for row, normalise in enumerate(("mean", "laplacian")):
                _bands(panels[row * len(found) + column], f"{short(name)}, {normalise}", of[normalise], of["periods"])
        panels[0].legend(fontsize=8, loc="upper right")


def _bands(panel: Axes, name: str, of: Numbers, periods: Sequence[float]) -> None:
    count = len(of["painted"])
    for octave, (energy, centre, foretold) in enumerate(zip(of["painted"], of["centres"], of["foretold"], strict=True)):
        colour = COLOURS[octave % len(COLOURS)]
        panel.semilogx(periods, energy, color=colour, lw=2, label=f"{1.4 ** (count - 1 - octave):.1f} times smaller")
        panel.axvline(centre, color=colour, lw=1.2)
        panel.axvline(foretold, color=colour, lw=1.2, ls=(0, (5, 2)))
    ticks = [2, 4, 8, 16, 32]
    panel.set_xticks(ticks, [str(each) for each in ticks])
    panel.set_xticks([], minor=True)
    panel.set(
        title=f"{name}: each octave's part",
        xlabel="period in the picture, pixels (dashed: foretold)",
        ylabel="share of the energy",
        ylim=(0, 0.4),
    )


def scales(found: Numbers, path: Path) -> None:
    """At which sizes the layer finds its patterns, and what is left of the photograph."""
    with page(path, len(found), 2, high=3.3) as panels:
        for row, (name, of) in enumerate(found.items()):
            left, right = panels[2 * row : 2 * row + 2]
            for colour, (label, curve) in zip((GREY, SKY, BLUE, GREEN, ORANGE), of["layouts"].items(), strict=False):
                left.semilogx(of["scales"], curve["louder"], color=colour, lw=2, marker="o", ms=4, label=label)
                right.semilogx(of["periods"], curve["kept"], color=colour, lw=2, label=label)
            left.set(
                title=f"{short(name)}: patterns by size",
                xlabel="the picture seen so many times smaller",
                ylabel="louder, factors of two",
            )
            left.set_xticks(of["scales"], [f"{each:g}" for each in of["scales"]])
            right.set(
                title="what is left of the photograph", xlabel="period, pixels", ylabel="share", ylim=(-0.02, 1.1)
            )
            right.set_xticks([2, 4, 8, 16, 32], ["2", "4", "8", "16", "32"])
            for panel in (left, right):
                panel.set_xticks([], minor=True)
        panels[1].legend(fontsize=8, loc="lower right")


def choices(found: Numbers, path: Path) -> None:
    """What layouts of octaves give for what they cost; one octave has no scale."""
    with page(path, 1, len(found), high=4.2) as panels:
        for panel, (name, of) in zip(panels, found.items(), strict=True):
            for colour, scale in zip(COLOURS, sorted({row["octave_scale"] for row in of["layouts"]}), strict=False):
                rows = sorted(
                    (row for row in of["layouts"] if row["octaves"] == 1 or row["octave_scale"] == scale),
                    key=lambda row: row["octaves"],
                )
                panel.plot(
                    [row["cost"] for row in rows],
                    [row["least"] for row in rows],
                    color=colour,
                    lw=1.5,
                    marker="o",
                    ms=4,
                    label=f"scale {scale:g}",
                )
                for row in rows:
                    panel.annotate(
                        str(row["octaves"]),
                        (row["cost"], row["least"]),
                        (3, 3),
                        textcoords="offset points",
                        color=colour,
                        fontsize=8,
                    )
            base = of["base"]
            panel.plot(base["cost"], base["least"], marker="*", ms=14, color="black", ls="", label="as it is")
            panel.set(
                title=short(name),
                xlabel="cost, gradients of the whole picture",
                ylabel="louder at the size where it is least, factors of two",
            )
            panel.legend(fontsize=8)
