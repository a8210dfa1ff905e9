"""What a report shows, and how it is laid out by the axes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from phosphene.studies.axes import Axis, spoken
from phosphene.studies.maker import VariantMaker
from phosphene.studies.plan import Variant, name_of
from phosphene.studies.rows import Entry, Row


@dataclass(frozen=True)
class Group:
    """Variants that differ in the last axis alone.

    Attributes:
        title: what they have in common; empty where there is but one axis.
        members: each with its value on the last axis, as a person writes it.
    """

    title: str
    members: tuple[tuple[str, Entry], ...]


@dataclass(frozen=True)
class View:
    """What a report shows.

    Attributes:
        maker: what was made, of which picture.
        axes: what was varied.
        variants: all of them, the baseline first.
        entries: those that are there.
        rows: of the entries.
        failures: why others are not, by name.
        photograph: the spectrum of the picture that all began as; `None` of a pattern.
    """

    maker: VariantMaker
    axes: tuple[Axis, ...]
    variants: tuple[Variant, ...]
    entries: tuple[Entry, ...]
    rows: tuple[Row, ...]
    failures: Mapping[str, str]
    photograph: Mapping[str, Any] | None

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
