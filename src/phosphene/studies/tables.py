"""The tables of a study's page: what the measures say of each variant, and what each of them means."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import numpy as np

from phosphene import measures
from phosphene.measures import MEASURES
from phosphene.studies.axes import spoken
from phosphene.studies.rows import Entry
from phosphene.studies.view import View

_BETTER = {"lower": "less is better", "higher": "more is better", "": "neither is better"}


def table(view: View) -> Iterator[str]:
    """A row for each variant; sorted by a click on a column's head."""
    yield '<section id="table" aria-labelledby="table-title">'
    yield '<h2 id="table-title">Table <small>a click on a head sorts</small></h2>'
    yield '<div class="wide" tabindex="0" role="group" aria-labelledby="table-title">'
    yield '<table class="sortable"><thead><tr>'
    yield _head("variant")
    yield from (_head(axis.name.replace("_", " ")) for axis in view.axes)
    yield _head("seconds", number=True)
    yield from (_head(name, about=measure.unit, number=True) for name, measure in MEASURES.items())
    yield "</tr></thead><tbody>"
    best = {name: _best(view, name) for name in MEASURES}
    yield from (_row(view, entry, best) for entry in view.entries)
    yield "</tbody>"
    yield "</table></div></section>"


def _head(title: str, *, about: str = "", number: bool = False) -> str:
    unit = f' <span class="unit">{escape(about)}</span>' if about else ""
    kind = ' class="number"' if number else ""
    return f'<th scope="col"{kind}><button type="button">{escape(title)}{unit}</button></th>'


def _row(view: View, entry: Entry, best: Mapping[str, float | None]) -> str:
    variant, facts = entry.variant, entry.facts
    axes = "".join(_axis(variant.values[axis.name]) for axis in view.axes)
    cells = "".join(_cell(name, facts["measures"][name], best=best[name]) for name in MEASURES)
    seconds = facts["seconds"]
    return (
        f'<tr><th scope="row">{escape(variant.name)}</th>{axes}'
        f'<td class="number" data-value="{seconds}">{seconds:.1f}</td>{cells}</tr>'
    )


def _axis(value: Any) -> str:
    key = f' data-value="{value}"' if isinstance(value, (int, float)) and not isinstance(value, bool) else ""
    return f"<td{key}>{escape(spoken(value))}</td>"


def _cell(name: str, value: float | None, *, best: float | None = None) -> str:
    """A measure's value; the best of its column is marked, and so is a seam that one would see."""
    if value is None or not math.isfinite(value):
        return '<td class="number">–</td>'
    marks = "number best" if value == best else "number"
    seen = ' <span class="mark">seam</span>' if name == "seam" and value > measures.SEAM_ALARM else ""
    return f'<td class="{marks}" data-value="{value!r}">{_figure(value)}{seen}</td>'


def _figure(value: float) -> str:
    """A number with three digits that count.

    >>> _figure(0.0000243), _figure(-12.345), _figure(117.7)
    ('0.0000243', '−12.3', '118')
    """
    text: str = np.format_float_positional(value, precision=3, fractional=False, trim="-")
    return text.replace("-", "−")


def _best(view: View, name: str) -> float | None:
    """The best value of a measure, where one is better than another: of seams, only whether they show counts."""
    values: list[float] = [each for entry in view.entries if math.isfinite(each := entry.facts["measures"][name])]
    if len(set(values)) < 2 or not MEASURES[name].better or name == "seam":
        return None
    return min(values) if MEASURES[name].better == "lower" else max(values)


def measures_table() -> Iterator[str]:
    """What each measure sees, and what it cannot see."""
    yield '<section id="measures" aria-labelledby="measures-title"><h2 id="measures-title">Measures</h2><dl>'
    for name, measure in MEASURES.items():
        unit = f", {measure.unit}" if measure.unit else ""
        yield f"<div><dt>{escape(name)}<small>{escape(unit)}; {_BETTER[measure.better]}</small></dt>"
        yield f"<dd>{escape(measure.about)}</dd>"
        yield f'<dd class="blind"><b>Does not see:</b> {escape(measure.blind)}</dd></div>'
    yield "</dl></section>"
