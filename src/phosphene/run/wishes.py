"""What a caller in Python may hand over as it is: objectives, pictures, arrays; the settings name them."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from phosphene import images
from phosphene.objectives import Objective
from phosphene.recipes.settings import join_region


@dataclass
class Wishes:
    """Objectives and pictures, and the names by which the settings and the record know them."""

    objective: Objective | None = None
    named: dict[str, images.Source] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        objective: Objective | str | None,
        guide: images.Source | Sequence[images.Source] | None,
        mask: images.Source | None,
        regions: Sequence[tuple[images.Source, Objective | str, float]],
    ) -> Wishes:
        """The wishes of a call."""
        wishes = cls(objective if isinstance(objective, Objective) else None)
        if objective is not None:
            wishes.settings["objective"] = str(objective)
        if guide is not None:
            several: Sequence[Any] = guide if isinstance(guide, (list, tuple)) else [guide]
            wishes.settings["guide"] = tuple(wishes.name(each, "guide") for each in several)
        if mask is not None:
            wishes.settings["mask"] = wishes.name(mask, "mask")
        if regions:
            wishes.settings["region"] = tuple(wishes._region(*each) for each in regions)
        for source in objective.pictures if isinstance(objective, Objective) else ():
            wishes.name(source, "picture")
        return wishes

    def changes(self, others: Mapping[str, Any]) -> dict[str, Any]:
        """The settings that they come to, over others; an objective stands in place of layers and channels."""
        kept = {} if self.objective is None else {"layer": None, "channel": None}
        return {**others, **kept, **self.settings}

    def name(self, source: images.Source, usual: str) -> str:
        """A file's path, or a name under which the album finds what is no file."""
        if isinstance(source, (str, os.PathLike)):
            return os.fspath(source)
        name, number = usual, 1
        while name in self.named:
            number += 1
            name = f"{usual}{number}"
        self.named[name] = source
        return name

    def _region(self, mask: images.Source, objective: Objective | str, strength: float) -> str:
        return join_region(self.name(mask, "region"), str(objective), strength)
