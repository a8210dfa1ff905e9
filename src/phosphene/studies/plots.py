"""The figures of a report: how the score rose, what was added at which size, and what the measures say."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from phosphene.measures import MEASURES
from phosphene.studies import drawing
from phosphene.studies.drawing import FAINT, LINE, REFERENCE, SOFT, End
from phosphene.studies.rows import Entry
from phosphene.studies.view import Group, View

_WIDTH, _HEIGHT, _ALONE, _ABREAST = 9.0, 2.75, 3.6, 3  # inches of a figure, a panel and one alone; panels side by side
_LEAST = 1e-9  # energy that a logarithm can show
_SAME = 1e-9  # a measure's values that differ by less are one
# Axes along which scores are of different things.
_OBJECTIVE = {
    "model", "weights", "layer", "channel", "objective", "maximise", "guide", "match", "guide_scales", "top", "preset",
    "recipe", "method", "style", "filter",
}  # fmt: skip

Draw = Callable[[Axes, Entry, Mapping[str, Any]], tuple[float, float]]
"""Draws an entry's curve, and says where it ends."""


@dataclass(frozen=True)
class Figures:
    """Figures as files, and as they stand in the page.

    Attributes:
        files: names and SVG.
        inline: by name.
    """

    files: list[tuple[str, bytes]]
    inline: dict[str, str]


def figures(view: View) -> Figures:
    """All figures of a study."""
    with mpl.rc_context(drawing.STYLE):
        drawn = {name: drawing.svg(draw(view), name) for name, (draw, _) in _FIGURES.items()}
    files = [(f"{name}.svg", drawing.coloured(svg, drawing.ON_PAPER).encode()) for name, svg in drawn.items()]
    return Figures(files, {name: drawing.for_page(svg, name, _FIGURES[name][1]) for name, svg in drawn.items()})


def scores(view: View) -> Figure:
    """The score at each step; octaves stand side by side, the full size last."""
    most = max(len(entry.facts["curve"]) for entry in view.entries)
    alike = not any(axis.name in _OBJECTIVE for axis in view.axes)

    def draw(panel: Axes, entry: Entry, look: Mapping[str, Any]) -> tuple[float, float]:
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

    def draw(panel: Axes, entry: Entry, look: Mapping[str, Any]) -> tuple[float, float]:
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
    for group, look in zip(groups, drawing.looks(), strict=False):
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
    drawing.name_(panel, [end for end in ends if end[2]])


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
        drawing.name_(panel, list(_own(panel, group, view, draw)))
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
    for (word, entry), look in zip(group.members, drawing.looks(), strict=False):
        yield *draw(panel, entry, {**look, "zorder": 3}), f"{view.last} {word}", look["color"]


_FIGURES: Mapping[str, tuple[Callable[[View], Figure], str]] = {
    "measures": (measured, "Each measure against the last axis"),
    "spectra": (spectra, "The energy of the change in each octave band"),
    "scores": (scores, "The score at each step of each octave"),
}
