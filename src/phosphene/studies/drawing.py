"""How a report's figures look: lines named where they end, colours that all can tell apart, and the page's own ink."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import cycle, product
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Annotation

# Okabe and Ito, "Color universal design" (2008), without the yellow, which white paper swallows.
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
DASHES: tuple[Any, ...] = ("-", (0, (4, 1.5)), (0, (1, 1.2)))
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
REFERENCE: dict[str, Any] = {"color": SOFT, "linewidth": 1.2, "linestyle": (0, (2, 2))}
FAINT: dict[str, Any] = {"color": LINE, "linewidth": 1.1, "zorder": 1}
_GAP = 10.5  # points between two names
_FONTS = re.compile(r"'DejaVu Sans'[^;\"]*")

End = tuple[float, float, str, str]
"""Where a curve ends, its name and its colour."""


def looks() -> Iterator[dict[str, Any]]:
    """Colours, and dashes where they do not suffice; always one more."""
    return ({"color": colour, "linestyle": dash} for dash, colour in cycle(product(DASHES, COLOURS)))


def name_(panel: Axes, ends: Sequence[End]) -> None:
    """Names curves at their ends."""
    for x, y, text, colour in ends:
        panel.annotate(
            text, (x, y), (6, 0), textcoords="offset points", va="center", color=colour, fontsize=8.5,
            annotation_clip=False,
        )  # fmt: skip


def svg(figure: Figure, salt: str) -> str:
    """A figure as SVG, its text as text, no name upon another."""
    figure.draw_without_rendering()
    for panel in figure.axes:
        _spread_([text for text in panel.texts if isinstance(text, Annotation)], figure.dpi / 72)
    data = io.StringIO()
    with mpl.rc_context({"svg.hashsalt": salt}):
        figure.savefig(data, format="svg", metadata=dict.fromkeys(("Date", "Creator", "Format", "Type")))
    return data.getvalue()


def _spread_(names: Sequence[Annotation], point: float) -> None:
    """Moves names apart where they would touch: each a line above the one below, and all as near as that allows."""
    if not names:
        return
    heights = {name: float(name.axes.transData.transform(name.xy)[1]) / point for name in names if name.axes}
    ordered = sorted(heights, key=heights.__getitem__)
    placed: list[float] = []
    for name in ordered:
        placed.append(max(heights[name], placed[-1] + _GAP) if placed else heights[name])
    down = sum(place - heights[name] for place, name in zip(placed, ordered, strict=True)) / len(placed)
    for place, name in zip(placed, ordered, strict=True):
        name.set_position((6, place - min(down, place) - heights[name]))


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
