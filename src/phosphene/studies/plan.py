"""What a study makes: the baseline, and a variant for each combination of the axes' values. It needs no torch."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from phosphene.errors import SettingsError
from phosphene.recipes.fields import Settings
from phosphene.studies.axes import Axis, spoken

MOST = 1000  # variants; more would fill a day, a disk and a page
BASELINE = "baseline"
_UNFIT = re.compile(r"[^A-Za-z0-9.]+")  # what a file's name should not hold, on any system
_LONGEST = 80  # letters of a file's name

Choose = Callable[[Mapping[str, Any]], Settings]
"""Settings from names and values; a look among them is several settings at once."""


@dataclass(frozen=True)
class Variant:
    """One picture of a study.

    Attributes:
        name: as people say it: `baseline`, or `jitter 0, octaves 4`.
        stem: of its files' names.
        values: what it has on each axis.
        settings: of the recipe, all of them.
        baseline: whether it is what the others are compared with.
    """

    name: str
    stem: str
    values: Mapping[str, Any]
    settings: Settings
    baseline: bool = False

    @property
    def file(self) -> str:
        """Its picture's name."""
        return f"{self.stem}.png"


def variants(axes: Sequence[Axis], given: Mapping[str, Any], choose: Choose) -> tuple[Variant, ...]:
    """The baseline first, then every combination, the last axis changing fastest.

    A combination that is the baseline, or the same as one before it, is left out.

    Args:
        axes: what is varied.
        given: settings and looks of all, as far as the axes leave them.
        choose: makes settings of both.

    Raises:
        SettingsError: an impossible value, before any is made; too many combinations.
        UnknownNameError: a name that does not exist.
    """
    count = prod(len(axis.values) for axis in axes)
    if count > MOST:
        raise SettingsError(f"These axes make {count:,} variants; a study has at most {MOST:,}. Vary less at once.")
    usual = choose(given)
    values = {axis.name: getattr(usual, axis.name, given.get(axis.name)) for axis in axes}
    found = {usual: Variant(BASELINE, BASELINE, values, usual, baseline=True)}
    for combination in product(*(axis.values for axis in axes)):
        values = dict(zip((axis.name for axis in axes), combination, strict=True))
        chosen = choose({**given, **values})
        found.setdefault(chosen, Variant(name_of(values), stem_of(values), values, chosen))
    return tuple(found.values())


def name_of(values: Mapping[str, Any]) -> str:
    """A variant's name.

    >>> name_of({"octave_scale": 1.4, "layer": None})
    'octave scale 1.4, layer none'
    """
    return ", ".join(f"{name.replace('_', ' ')} {spoken(value)}" for name, value in values.items())


def stem_of(values: Mapping[str, Any]) -> str:
    """A name for a variant's files: the same whatever else is studied beside it, and another for other values.

    >>> stem_of({"jitter": 0, "octave_scale": 1.4})
    'jitter-0-octave-scale-1.4'
    """
    plain = "-".join(f"{name}-{spoken(value)}" for name, value in values.items())
    fit = _UNFIT.sub("-", plain).strip("-.")
    if fit == plain.replace("_", "-") and len(fit) <= _LONGEST:
        return fit
    return f"{fit[:_LONGEST].rstrip('-.')}-{hashlib.sha256(plain.encode('utf-8', 'replace')).hexdigest()[:8]}"
