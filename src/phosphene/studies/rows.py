"""A study's rows: one for each variant, flat, as tables take them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from phosphene.measures import MEASURES
from phosphene.series.commands import posix
from phosphene.series.shelf import PAGE, PICTURES
from phosphene.studies.axes import Axis, spoken
from phosphene.studies.maker import VariantMaker
from phosphene.studies.plan import Variant

Row = dict[str, Any]


class Rows(list[Row]):
    """The rows of a study: `pandas.DataFrame(rows)` takes them as they are.

    Attributes:
        folder: where the report lies.
        page: to be opened in a browser.
        complete: whether all variants are there.
        failures: what became of those that could not be made, by name.
    """

    def __init__(self, rows: Iterable[Row], folder: Path, *, complete: bool, failures: Mapping[str, str]) -> None:
        super().__init__(rows)
        self.folder, self.page = folder, folder / PAGE
        self.complete, self.failures = complete, dict(failures)


@dataclass(frozen=True)
class Entry:
    """A variant that is there, and its facts."""

    variant: Variant
    facts: Mapping[str, Any]

    @property
    def file(self) -> str:
        """Its picture, from the study's folder."""
        return f"{PICTURES}/{self.variant.file}"


def row(entry: Entry, axes: Sequence[Axis], maker: VariantMaker) -> Row:
    """Its name, its place on each axis, its seconds, every measure, its picture and its command line."""
    variant, facts = entry.variant, entry.facts
    columns = column_names(axes)
    return {
        "variant": variant.name,
        "baseline": variant.baseline,
        **{axis.name: plain(variant.values[axis.name]) for axis in axes},
        "seconds": facts["seconds"],
        **{columns[name]: facts["measures"][name] for name in MEASURES},
        "picture": entry.file,
        "command": posix(maker.words(variant.settings, variant.file)),
    }


def column_names(axes: Sequence[Axis]) -> dict[str, str]:
    """What the column of each measure is called: by its name, unless an axis has the same."""
    taken = {axis.name for axis in axes}
    return {name: f"measured_{name}" if name in taken else name for name in MEASURES}


def plain(value: Any) -> Any:
    """A setting's value as a table has it."""
    return spoken(value) if isinstance(value, tuple) else value
