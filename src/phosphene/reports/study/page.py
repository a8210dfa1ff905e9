"""The page of a study: one HTML file beside its pictures, which asks nothing of any network."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from phosphene.measures import MEASURES, SEAM_ALARM
from phosphene.reports.folder import PICTURES, Subject, posix, render, windows
from phosphene.reports.study.plan import Axis, Variant, name_of, spoken
from phosphene.reports.study.results import PHOTOGRAPH, PLOTS, TABLE, Entry, Row, command
from phosphene.reports.variants import VariantMaker

# What a report shows, and how it is laid out by the axes


@dataclass(frozen=True)
class Group:
    """Variants that differ in the last axis alone."""

    title: str  # what they have in common; empty where there is but one axis
    members: tuple[tuple[str, Entry], ...]  # each with its value on the last axis, as a person writes it


@dataclass(frozen=True)
class View:
    """What a report shows."""

    maker: VariantMaker  # what was made
    subject: Subject  # of which picture
    axes: tuple[Axis, ...]  # what was varied
    variants: tuple[Variant, ...]  # all of them, the baseline first
    entries: tuple[Entry, ...]  # those that are there
    rows: tuple[Row, ...]  # of the entries
    failures: Mapping[str, str]  # why others are not, by name
    photograph: Mapping[str, object] | None  # the spectrum of the picture that all began as; `None` of a pattern

    @property
    def baseline(self) -> Entry | None:
        """What the others are compared with, if it is there."""
        return next((entry for entry in self.entries if entry.variant.baseline), None)

    @property
    def outside(self) -> Entry | None:
        """The baseline, where it is none of the combinations."""
        found = self.baseline
        return None if found is None or self._is_combination(found.variant) else found

    def _is_combination(self, variant: Variant) -> bool:
        return all(variant.values[axis.name] in axis.values for axis in self.axes)

    @property
    def last(self) -> str:
        """The last axis, as a person says it."""
        return self.axes[-1].name.replace("_", " ")

    def groups(self) -> list[Group]:
        """The combinations that are there, those together that differ in the last axis alone."""
        found: dict[str, list[tuple[str, Entry]]] = {}
        for entry in self.entries:
            if entry is not self.outside:
                values = dict(entry.variant.values)
                value = values.pop(self.axes[-1].name)
                found.setdefault(name_of(values), []).append((spoken(value), entry))
        return [Group(title, self._ordered(members)) for title, members in self._sorted(found)]

    def _sorted(
        self, found: Mapping[str, Sequence[tuple[str, Entry]]]
    ) -> list[tuple[str, Sequence[tuple[str, Entry]]]]:
        """Groups in the order of the axes' values, wherever the baseline came first."""

        def place(item: tuple[str, Sequence[tuple[str, Entry]]]) -> list[int]:
            values = item[1][0][1].variant.values
            return [axis.values.index(values[axis.name]) for axis in self.axes[:-1]]

        return sorted(found.items(), key=place)

    def _ordered(self, members: Sequence[tuple[str, Entry]]) -> tuple[tuple[str, Entry], ...]:
        axis = self.axes[-1]
        return tuple(sorted(members, key=lambda member: axis.values.index(member[1].variant.values[axis.name])))


_CAPTIONS = {
    "measures": "Each measure against {last}, a line for each combination of the other settings.",
    "spectra": (
        "Which sizes the variants paint: the energy of {what}, in each octave band of its wavelength. Other panels'"
        " curves are grey behind."
    ),
    "scores": (
        "The objective at each step, octave by octave; the last octave has the full size, so that curves of fewer"
        " octaves begin farther right. Scores of different layers or networks cannot be compared."
    ),
}
_BETTER = {"lower": "less is better", "higher": "more is better", "": "neither is better"}
PHOTO, PHOTO_FILE = "the photograph", f"{PICTURES}/{PHOTOGRAPH}"


def page(view: View, figures: Mapping[str, str]) -> str:
    """The page; `figures` are SVG by name."""
    octave = view.entries[0].facts["curve"][-1]
    photograph = {PHOTO: PHOTO_FILE} if view.photograph else {}
    pictures = [*photograph.items(), *((entry.variant.name, entry.variant.picture) for entry in view.entries)]
    what = "what was added to the photograph" if view.photograph else "the pattern"
    return render(
        "phosphene.reports.study",
        title=f"Study of {view.subject.name}",
        view=view,
        width=octave["width"],
        height=octave["height"],
        photo=PHOTO,
        photo_file=PHOTO_FILE,
        pictures=pictures,
        first=int(len(pictures) > 2),
        second=len(pictures) - 1,
        references=photograph | ({"the baseline": view.baseline.variant.picture} if view.baseline else {}),
        commands={entry.variant.name: _commands(view, entry.variant) for entry in view.entries},
        figures=figures,
        captions={name: text.format(last=view.last, what=what) for name, text in _CAPTIONS.items()},
        measures=MEASURES,
        best={name: _best(view, name) for name in MEASURES},
        better=_BETTER,
        seam_alarm=SEAM_ALARM,
        finite=math.isfinite,
        spoken=spoken,
        figure_of=figure_of,
        files={"table": TABLE, "facts": "study.json", "pictures": PICTURES, "plots": PLOTS},
    )


def _commands(view: View, variant: Any) -> tuple[str, str]:
    """The command line of a picture, for two kinds of shell."""
    words = command(variant, view.maker)
    return posix(words), windows(words)


def figure_of(value: float) -> str:
    """A number with three digits that count.

    >>> figure_of(0.0000243), figure_of(-12.345), figure_of(117.7)
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
