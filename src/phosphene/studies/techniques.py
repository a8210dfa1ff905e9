"""The recipes that can be studied: a dream, a painting, a pattern."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from phosphene import backends, gradient, pyramid
from phosphene.ascent import OnStep
from phosphene.errors import SettingsError
from phosphene.images import name_of
from phosphene.measures import Lattice
from phosphene.objectives import Objective
from phosphene.recipes import dream as recipe_of_dreams
from phosphene.recipes.dream import goal
from phosphene.recipes.fields import Settings
from phosphene.recipes.pattern import goal as goal_of_pattern
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import DreamSettings
from phosphene.recipes.settings import settings as choose_dream
from phosphene.recipes.style_settings import StyleSettings, weighted
from phosphene.record import Record
from phosphene.run import CANVAS_SIZE, Dream, asks_for_best, check, names, provenance
from phosphene.run import pattern as patterns
from phosphene.run import style as styles
from phosphene.run.aims import ALPHA, aim
from phosphene.run.once import make
from phosphene.series.commands import Subject, flags
from phosphene.studies.axes import KINDS
from phosphene.studies.technique import Technique
from phosphene.tiles import Box


class Dreams(Technique):
    """A dream upon a picture or a canvas."""

    kind = KINDS["dream"]

    def choose(self, values: Mapping[str, Any]) -> DreamSettings:
        """Settings, with the layer that the network dreams of by itself where none is named."""
        chosen = choose_dream(**values)
        network = self.library(chosen)
        if chosen.layer is None and chosen.objective is None and not chosen.guide:
            chosen = replace(chosen, layer=network.default_layer)
        check(chosen, network)
        return chosen

    def prepare(self, settings: DreamSettings) -> None:
        """Opens what is needed, and finds what would go wrong later: a backend that cannot, tiles too small."""
        super().prepare(settings)
        network = self.library(settings)
        if settings.backend == backends.OPENVINO and (why := backends.obstacle(network)):
            raise SettingsError(f"--backend {backends.OPENVINO} {why}")
        self.known(settings)
        self._tiles(settings)

    def make(self, settings: DreamSettings, on_step: OnStep) -> Dream:
        """Dreams."""
        (source, origin), network = self.opened(settings), self.library(settings)
        album = self.album(network)
        return make(source, origin, aim(source, settings, network, album), network, album, on_step)

    def known(self, settings: DreamSettings) -> dict[str, Any]:
        """All but the pictures."""
        known = provenance(settings, self.library(settings), self._objective(settings))
        return known | {"input": self.opened(settings)[1]}

    def is_of(self, found: Record, settings: DreamSettings) -> bool:
        """As for all; the layers that suited a guide are taken from the record, since they are not looked for again."""
        if asks_for_best(settings):
            settings = replace(settings, layer=found.settings.get("layer"))
        return super().is_of(found, settings)

    def files(self, settings: DreamSettings) -> Sequence[str]:
        """Guides, masks, and what objectives name."""
        return names(settings)

    @property
    def subject(self) -> Subject:
        """The photograph or the canvas."""
        _, origin = next(iter(self._opened.values()))
        if "canvas" in origin:
            width, height = origin["width"], origin["height"]
            return Subject(origin["canvas"], width, height, painted=True, sized=(width, height) != CANVAS_SIZE)
        return Subject(name_of(self.image), origin["width"], origin["height"])

    def words(self, settings: DreamSettings, output: str) -> list[str]:
        """`phosphene photo.jpg …`."""
        subject = self.subject
        size = ["--size", f"{subject.width}x{subject.height}"] if subject.sized else []
        side = ["--long-side", str(self.long_side)] if self.long_side else []
        return ["phosphene", subject.word, *_flags(settings, DreamSettings()), *size, *side, "-o", output]

    def lattice(self, settings: DreamSettings) -> Lattice | None:
        """Where the tiles of the last octave meet, with shifts on average; one tile has no borders."""
        return None if settings.region or settings.mask else Lattice.of(self._tiles(settings))

    def _objective(self, settings: DreamSettings) -> Objective:
        """What is maximised, ready for the network."""
        network = self.library(settings)
        return goal(network, settings).prepare(network, self.album(network))

    def _tiles(self, settings: DreamSettings) -> list[Box]:
        """The tiles of the last octave, where nothing is masked.

        Raises:
            SettingsError: tiles or memory too small for the overlap.
        """
        network, objective = self.library(settings), self._objective(settings)
        height, width = self.opened(settings)[0].pixels.shape[-2:]
        sizes = pyramid.sizes(height, width, settings.octaves, settings.octave_scale)
        tiling = recipe_of_dreams.tilings_of(network, objective, settings, sizes)[-1]
        return gradient.boxes(sizes[-1], network, objective, tiling)


class Paintings(Technique):
    """A picture repainted as another one is painted."""

    kind = KINDS["style"]

    def choose(self, values: Mapping[str, Any]) -> StyleSettings:
        """Settings, with what suits a filter."""
        chosen = styles.settings(**values)
        self.library(chosen)
        return chosen

    def make(self, settings: StyleSettings, on_step: OnStep) -> Dream:
        """Paints."""
        (source, origin), network = self.opened(settings), self.library(settings)
        return styles.make(source, origin, settings, network, self.album(network), on_step)

    def known(self, settings: StyleSettings) -> dict[str, Any]:
        """All but the pictures."""
        return styles.provenance(settings, self.library(settings)) | {"input": self.opened(settings)[1]}

    def files(self, settings: StyleSettings) -> Sequence[str]:
        """Styles, maps, a mask, and what it begins with."""
        mask = None if settings.mask == ALPHA else settings.mask
        found = [*(weighted(word)[0] for word in settings.style), *settings.regions, mask, settings.initial]
        return [name for name in found if name is not None]

    @property
    def subject(self) -> Subject:
        """The content."""
        _, origin = next(iter(self._opened.values()))
        return Subject(name_of(self.image), origin["width"], origin["height"])

    def words(self, settings: StyleSettings, output: str) -> list[str]:
        """`phosphene style photo.jpg …`."""
        side = ["--long-side", str(self.long_side)] if self.long_side else []
        own = _flags(settings, StyleSettings())
        return ["phosphene", "style", self.subject.word, *own, *side, "-o", output]


class Patterns(Technique):
    """A pattern out of noise."""

    kind = KINDS["pattern"]

    def choose(self, values: Mapping[str, Any]) -> PatternSettings:
        """Settings of the word and of values."""
        chosen = patterns.settings(self._word, **values)
        network = self.library(chosen)
        if chosen.is_sheet:
            raise SettingsError("A study is of one pattern at a time, not of a sheet. Name its channel, as block8:37.")
        goal_of_pattern(network, chosen).prepare(network, self.album(network))
        return chosen

    @property
    def _word(self) -> str | None:
        return str(self.image) if self.image else None

    def make(self, settings: PatternSettings, on_step: OnStep) -> Dream:
        """Brings it out."""
        return patterns.make(settings, self.library(settings), size=self.size, on_step=on_step)

    def known(self, settings: PatternSettings) -> dict[str, Any]:
        """All but the objective, which the settings say already."""
        network, (width, height) = self.library(settings), self.size or patterns.SIZE
        noise = {"name": "noise", "width": width, "height": height}
        return {
            "recipe": "pattern",
            "settings": patterns.recorded(settings, network),
            "network": network.identity,
            "input": noise,
        }

    def files(self, settings: PatternSettings) -> Sequence[str]:
        """None but what the objective names."""
        return () if settings.objective is None else names(DreamSettings(objective=settings.objective))

    def prepare(self, settings: PatternSettings) -> None:
        """Nothing is opened: it begins as noise."""

    def photograph(self, settings: PatternSettings) -> None:
        """None: it begins as noise."""

    @property
    def subject(self) -> Subject:
        """What it is of."""
        return Subject(self._word or "pattern", *(self.size or patterns.SIZE), painted=True)

    def words(self, settings: PatternSettings, output: str) -> list[str]:
        """`phosphene pattern …`."""
        size = ["--size", f"{self.size[0]}x{self.size[1]}"] if self.size else []
        return ["phosphene", "pattern", *_flags(settings, PatternSettings()), *size, "-o", output]


def _flags(settings: Settings, usual: Settings) -> list[str]:
    return flags(settings, usual, settings.names())


TECHNIQUES: Mapping[str, type[Technique]] = {"dream": Dreams, "style": Paintings, "pattern": Patterns}
