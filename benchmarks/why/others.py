"""What the defaults of patterns and styles are worth: one setting changed after another.

A pattern is the better, the more its channel answers to it, seen as it is, without the turning and shifting of its
making. A style is the better, the nearer the picture's places come to their counterparts: its own distance at the last
step, at full size. Both stand beside the work, in pixels of all steps; all as multiples of the defaults'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch

import phosphene
from choices import one_by_one
from phosphene import features
from phosphene.ascent import Step
from phosphene.recipes.fields import Settings
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.style_settings import StyleSettings
from subjects import PHOTOGRAPHS, Subject

Row = dict[str, Any]

PATTERNS: Mapping[str, Sequence[Any]] = {
    "octaves": (1, 3, 5),
    "octave_scale": (1.4, 2.0, 3.0),
    "steps": (12, 24, 48, 96),
    "step_size": (0.02, 0.05, 0.1),
}
STYLES: Mapping[str, Sequence[Any]] = {
    "scales": (2, 3, 8),
    "steps": (20, 40, 80, 160),
    "step_size": (0.6, 1.3, 2.6),
}
CHANNELS = ("block4", 7), ("block8", 37), ("block11", 5)
PAIRS = ("china", "coffee"), ("astronaut", "flower")


def patterns(subject: Subject, *, side: int, channels: int) -> list[Row]:
    """The mean answer of a channel to its pattern."""
    settings = list(one_by_one(PatternSettings(), PATTERNS))
    made = [[_pattern(subject, chosen, side, *each) for each in CHANNELS[:channels]] for chosen in settings]
    return _rows("answer", settings, PATTERNS, made)


def styles(*, side: int, pairs: int) -> list[Row]:
    """The distance that is left."""
    settings = list(one_by_one(StyleSettings(), STYLES))
    made = [[_style(chosen, side, *pair) for pair in PAIRS[:pairs]] for chosen in settings]
    return _rows("distance", settings, STYLES, made)


Made = Sequence[tuple[float, float]]  # of each subject, what was reached, and the work


def _rows(
    what: str, settings: Sequence[Settings], axes: Mapping[str, Sequence[Any]], made: Sequence[Made]
) -> list[Row]:
    """What was reached, and the work, as multiples of the first's: the means over subjects."""
    rows = []
    for chosen, found in zip(settings, made, strict=True):
        pairs = list(zip(found, made[0], strict=True))
        reached, work = (sum(each[place] / first[place] for each, first in pairs) / len(pairs) for place in (0, 1))
        rows.append({**{name: getattr(chosen, name) for name in axes}, what: reached, "work": work})
    return rows


def _pattern(subject: Subject, chosen: PatternSettings, side: int, layer: str, channel: int) -> tuple[float, float]:
    work, given = _Work(), _given(chosen, PATTERNS)
    words = f"{layer}:{channel}"
    made = phosphene.pattern(words, size=(side, side), network=subject.network, on_step=work, **given)
    with torch.no_grad():
        answer = features.extract(subject.network, made.pixels, {layer})[layer][0, channel].mean()
    return float(answer), work.pixels


def _style(chosen: StyleSettings, side: int, picture: str, style: str) -> tuple[float, float]:
    work = _Work()
    phosphene.style(PHOTOGRAPHS[picture], PHOTOGRAPHS[style], long_side=side, on_step=work, **_given(chosen, STYLES))
    return work.score, work.pixels


def _given(chosen: Settings, axes: Mapping[str, Sequence[Any]]) -> dict[str, Any]:
    return {name: getattr(chosen, name) for name in axes}


class _Work:
    """Counts the pixels of all steps, and remembers the last score."""

    def __init__(self) -> None:
        self.pixels, self.score = 0.0, 0.0

    def __call__(self, step: Step) -> None:
        self.pixels += step.pixels.shape[-2] * step.pixels.shape[-1]
        self.score = step.score
