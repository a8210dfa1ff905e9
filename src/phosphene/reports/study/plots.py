"""The figures of a report: how the score rose, what was added at which size, and what the measures say."""

import io
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle, product
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

from phosphene.measures import MEASURES
from phosphene.recipes.fields import ValueDict, Values
from phosphene.reports.study.page import Group, View
from phosphene.reports.study.results import Entry
from phosphene.techniques import STYLE as STYLING

# How a report's figures look: lines named where they end, colours that all can tell apart, and the page's own ink


# Okabe and Ito, "Color universal design" (2008), without the yellow, which white paper swallows.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES: tuple[object, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
# Stand-ins, which become the page's own colours where a figure stands in it.
INK, SOFT, LINE = "#010203", "#040506", "#070809"
ON_PAPER = {INK: "#1d1d1b", SOFT: "#66645f", LINE: "#dfdcd5"}
ON_PAGE = {INK: "var(--ink)", SOFT: "var(--soft)", LINE: "var(--line)"}
STYLE: Any = {
    "font.size": 9, "svg.fonttype": "none", "text.color": INK, "axes.labelcolor": SOFT, "xtick.color": SOFT,
    "ytick.color": SOFT, "xtick.labelcolor": SOFT, "ytick.labelcolor": SOFT, "axes.edgecolor": LINE,
    "axes.spines.top": False, "axes.spines.right": False, "axes.titlesize": 9.5, "axes.titlelocation": "left",
    "axes.titleweight": "bold", "axes.grid": True, "axes.axisbelow": True, "grid.color": LINE, "grid.linewidth": 0.6,
    "lines.linewidth": 1.8, "lines.solid_capstyle": "round", "xtick.major.size": 0, "ytick.major.size": 0,
    "ytick.minor.size": 0, "figure.facecolor": "none", "axes.facecolor": "none",
}  # fmt: skip
REFERENCE: ValueDict = {"color": SOFT, "linewidth": 1.2, "linestyle": (0, (2, 2))}
FAINT: dict[str, object] = {"color": LINE, "linewidth": 1.1, "zorder": 1}
_GAP = 10.5  # points between two names
_FONTS = re.compile(r"'DejaVu Sans'[^;\"]*")

End = tuple[float, float, str, str]
"""Where a curve ends, its name and its colour."""


def looks() -> Iterator[ValueDict]:
    """Colours, and dashes where they do not suffice; always one more."""
    return ({"color": colour, "linestyle": dash} for dash, colour in cycle(product(DASHES, COLOURS)))


def name_(panel: Axes, ends: Sequence[End]) -> None:
    """Names curves at their ends."""
    for x, y, text, colour in ends:
        panel.annotate(
            text, (x, y), (6, 0), textcoords="offset points", va="center", color=colour, fontsize=8.5,
            annotation_clip=False,
        )  # fmt: skip


def as_svg(figure: Figure, salt: str) -> str:
    """A figure as SVG, its text as text, no name upon another."""
    names = [[text for text in panel.texts if isinstance(text, Annotation)] for panel in figure.axes]
    engine = figure.get_layout_engine()
    for _ in range(2):  # names that move need room, and panels that make room move their names
        if engine is not None:
            engine.execute(figure)
        moved = [_spread_(each, figure.dpi / 72) for each in names]
        if not any(moved):
            break
    figure.set_layout_engine("none")  # else it is laid out once more while it is saved, which takes longer than drawing
    data = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        figure.savefig(data, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return data.getvalue()


def _spread_(names: Sequence[Annotation], point: float) -> bool:
    """Moves names apart where they would touch: each a line above the one below, and all as near as that allows.

    Returns:
        Whether one of them moved.
    """
    if not names:
        return False
    heights = {name: float(name.axes.transData.transform(name.xy)[1]) / point for name in names if name.axes}
    ordered = sorted(heights, key=heights.__getitem__)
    placed: list[float] = []
    for name in ordered:
        placed.append(max(heights[name], placed[-1] + _GAP) if placed else heights[name])
    down = sum(place - heights[name] for place, name in zip(placed, ordered, strict=True)) / len(placed)
    for place, name in zip(placed, ordered, strict=True):
        name.set_position((6, place - min(down, place) - heights[name]))
    return placed != [heights[name] for name in ordered]


def coloured(text: str, colours: Mapping[str, str]) -> str:
    """A figure with other colours in place of the stand-ins."""
    for stand_in, colour in colours.items():
        text = text.replace(stand_in, colour)
    return _FONTS.sub("system-ui, 'DejaVu Sans', sans-serif", text)


def for_page(text: str, name: str, about: str) -> str:
    """A figure that stands in a page: in its colours, its names its own, without addresses."""
    body = text[text.index("<svg") :]
    body = re.sub(r"<metadata>.*?</metadata>", "", body, flags=re.DOTALL)
    body = re.sub(r'\sxmlns(:\w+)?="[^"]*"', "", body)
    body = re.sub(r'\bid="([^"]*)"', rf'id="{name}-\1"', body)
    body = re.sub(r'xlink:href="#([^"]*)"', rf'href="#{name}-\1"', body)
    body = body.replace("url(#", f"url(#{name}-")
    body = body.replace("<svg ", f'<svg role="img" aria-label="{about}" ', 1)
    return coloured(body, ON_PAGE)


_WIDTH, _HEIGHT, _ALONE, _ABREAST = 9.0, 2.75, 3.6, 3  # inches of a figure, a panel and one alone; panels side by side
_LEAST = 1e-9  # energy that a logarithm can show
_SAME = 1e-9  # a measure's values that differ by less are one
# Axes along which scores are of different things.
_OBJECTIVE = {
    "model", "weights", "layer", "channel", "objective", "maximise", "guide", "match", "guide_scales", "top", "preset",
    "recipe", "method", STYLING.further, "filter",
}  # fmt: skip

Draw = Callable[[Axes, Entry, Mapping[str, object]], tuple[float, float]]
"""Draws an entry's curve, and says where it ends."""


@dataclass(frozen=True)
class Figures:
    """Figures as files, and as they stand in the page."""

    files: list[tuple[str, bytes]]  # names and SVG
    inline: dict[str, str]  # by name


def figures(view: View) -> Figures:
    """All figures of a study."""
    with mpl.rc_context(STYLE):
        drawn = {name: as_svg(draw(view), name) for name, (draw, _) in _FIGURES.items()}
    files = [(f"{name}.svg", coloured(svg, ON_PAPER).encode()) for name, svg in drawn.items()]
    return Figures(files, {name: for_page(svg, name, _FIGURES[name][1]) for name, svg in drawn.items()})


def scores(view: View) -> Figure:
    """The score at each step; octaves stand side by side, the full size last."""
    most = max(len(entry.facts["curve"]) for entry in view.entries)
    alike = not any(axis.name in _OBJECTIVE for axis in view.axes)

    def draw(panel: Axes, entry: Entry, look: Values) -> tuple[float, float]:
        curve, end = entry.facts["curve"], (0.0, 0.0)
        for number, octave in enumerate(curve):
            count = len(octave["scores"])
            steps = [number - len(curve) + (step + 1) / count for step in range(count)]
            panel.plot(steps, octave["scores"], **look)
            end = (steps[-1], octave["scores"][-1])
        return end

    def furnish(panel: Axes) -> None:
        smaller = [f"{number} smaller" if most < 4 else f"−{number}" for number in range(1, most)]
        panel.set_xticks([-number - 0.5 for number in range(most)], ["full size", *smaller])
        panel.set_xlim(-most, 0)
        panel.xaxis.grid(False)
        for number in range(1, most):
            panel.axvline(-number, color=LINE, linewidth=0.6)

    return _panels(
        view, draw, furnish, x="octaves, each from its first step to its last", y="score per pixel", alike=alike
    )


def spectra(view: View) -> Figure:
    """The energy of what was added to the photograph, in each octave band; of a pattern, that of the pattern."""
    of = "change" if view.photograph else "spectrum"
    periods = view.entries[0].facts[of]["periods"]
    places = [math.log2(period) for period in periods]

    def draw(panel: Axes, entry: Entry, look: Values) -> tuple[float, float]:
        energy = [max(each, _LEAST) for each in entry.facts[of]["energy"]]
        panel.plot(places, energy, marker="o", markersize=3, **look)
        return min(zip(places, energy, strict=True))

    def furnish(panel: Axes) -> None:
        labels = [f"{period:.0f}" if period > 10 else f"{period:.1f}" for period in periods]
        panel.set_xticks(places, [label if number % 2 == 0 else "" for number, label in enumerate(labels)])
        panel.set_xlim(max(places) + 0.3, min(places) - 0.3)
        panel.set_yscale("log")

    return _panels(view, draw, furnish, x="period in pixels, from coarse to fine", y="energy (variance)")


def measured(view: View) -> Figure:
    """Each measure against the last axis, a line for each combination of the others."""
    rows = math.ceil(len(MEASURES) / _ABREAST)
    figure = Figure(figsize=(_WIDTH, rows * _HEIGHT * 0.9), layout="constrained")
    panels = list(figure.subplots(rows, _ABREAST, squeeze=False).flat)
    for panel, name in zip(panels, MEASURES, strict=False):
        _measure(panel, name, view)
    for panel in panels[len(MEASURES) :]:
        panel.set_axis_off()
    figure.supxlabel(view.last, color=SOFT, fontsize=9)
    return figure


def _measure(panel: Axes, name: str, view: View) -> None:
    """One measure's panel."""
    groups = view.groups()
    words = list(dict.fromkeys(word for group in groups for word, _ in group.members))
    ends: list[End] = []
    for group, look in zip(groups, looks(), strict=False):
        points = [(words.index(word), entry.facts["measures"][name]) for word, entry in group.members]
        panel.plot(*zip(*points, strict=True), marker="o", markersize=4, **look)
        ends.append((*points[-1], group.title, look["color"]))
    if view.outside:
        value = view.outside.facts["measures"][name]
        panel.axhline(value, **REFERENCE)
        ends.append((max(0, len(words) - 1) + 0.15, value, "baseline", SOFT))
    unit = MEASURES[name].unit
    panel.set_title(f"{name}, {unit}" if unit else name)
    panel.set_xticks(range(len(words)), words)
    panel.margins(y=0.15)
    low, high = panel.dataLim.intervaly
    if high - low < _SAME:  # matplotlib would magnify what is nothing
        panel.set_ylim(low - 1, high + 1)
    panel.set_xlim(-0.15, max(0, len(words) - 1) + 0.15)
    name_(panel, [end for end in ends if end[2]])


def _panels(view: View, draw: Draw, furnish: Callable[[Axes], None], *, x: str, y: str, alike: bool = True) -> Figure:
    """A panel for each group; where groups are `alike`, the others' curves are faint behind its own, to compare."""
    groups = view.groups() or [Group("", ())]
    columns = min(_ABREAST, len(groups))
    rows = math.ceil(len(groups) / columns)
    figure = Figure(figsize=(_WIDTH, rows * (_ALONE if len(groups) == 1 else _HEIGHT)), layout="constrained")
    panels = list(figure.subplots(rows, columns, sharex=True, sharey=alike, squeeze=False).flat)
    for panel, group in zip(panels, groups, strict=False):
        for other in groups:
            for _, entry in other.members if alike and other is not group else ():
                draw(panel, entry, FAINT)
        name_(panel, list(_own(panel, group, view, draw)))
        panel.set_title(group.title)
        furnish(panel)
    for panel in panels[len(groups) :]:
        panel.set_axis_off()
    figure.supxlabel(x, color=SOFT, fontsize=9)
    figure.supylabel(y, color=SOFT, fontsize=9)
    return figure


def _own(panel: Axes, group: Group, view: View, draw: Draw) -> Iterator[End]:
    """Draws a group's curves, and the baseline's, and says where they end."""
    if view.outside:
        yield *draw(panel, view.outside, REFERENCE), "baseline", SOFT
    for (word, entry), look in zip(group.members, looks(), strict=False):
        yield *draw(panel, entry, {**look, "zorder": 3}), f"{view.last} {word}", look["color"]


_FIGURES: Mapping[str, tuple[Callable[[View], Figure], str]] = {
    "measures": (measured, "Each measure against the last axis"),
    "spectra": (spectra, "The energy of the change in each octave band"),
    "scores": (scores, "The score at each step of each octave"),
}
