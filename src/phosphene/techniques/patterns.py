"""Patterns: what a channel looks for, brought out of noise; of a layer, a sheet of its channels."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import zip_longest

import torch
from torch import Tensor

from phosphene import images, objectives
from phosphene.ascent import OnStep, Reached, Step
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import sheets
from phosphene.recipes import pattern as recipe
from phosphene.recipes.pattern_settings import SHEET, PatternSettings, channel_numbers
from phosphene.techniques.engine import Engine, ImageCache, OnReached, PreparedPicture
from phosphene.techniques.opening import Opened, Opening

SIZE = (320, 320)  # width and height of a pattern
CELL_SIZE = (128, 128)  # of each pattern of a sheet


class Patterns(Engine[PatternSettings]):
    """Makes patterns and sheets of them."""

    def open(
        self, image: images.Source | None, settings: PatternSettings, opening: Opening, dtype: torch.dtype
    ) -> Opened:
        """Nothing is opened: a pattern begins as noise of its own."""
        width, height = opening.size or (CELL_SIZE if settings.is_sheet else SIZE)
        if opening.max_pixels and width * height > opening.max_pixels:
            asked = f"--size {width}x{height} is {width * height:,} pixels"
            raise SettingsError(f"{asked}; allowed are {opening.max_pixels:,}.")
        blank = torch.zeros((), dtype=dtype).expand(1, 3, height, width)
        return Picture(blank, None, 8, "noise", None), {"name": "noise", "width": width, "height": height}

    def begin(
        self,
        picture: Picture,
        settings: PatternSettings,
        network: Network,
        cache: ImageCache,
        objective: Objective | None = None,
    ) -> PreparedPicture:
        """As `Engine.begin`: one objective, or one for each channel of a sheet."""
        size = picture.pixels.shape[-2], picture.pixels.shape[-1]
        if objective is None and settings.is_sheet:
            aims, notes = channels(settings, network)
            return PreparedPicture(settings, _told(aims, settings), _Sheet(aims, network, size).make, notes)
        ready = self._ready(settings, network, cache, objective)
        return PreparedPicture(
            settings, str(ready), partial(recipe.pattern, network, ready, size=size, settings=settings)
        )

    def check(self, settings: PatternSettings, network: Network, cache: ImageCache) -> str:
        """As `Engine.check`."""
        if settings.is_sheet:
            aims, _ = channels(settings, network)
            return _told(aims, settings)
        return str(self._ready(settings, network, cache, None))

    def for_variant(self, settings: PatternSettings, network: Network) -> PatternSettings:
        """As `Engine.for_variant`; a sheet is of many."""
        if settings.is_sheet:
            raise SettingsError("A study is of one pattern at a time, not of a sheet. Name its channel, as block8:37.")
        return settings

    @staticmethod
    def _ready(
        settings: PatternSettings, network: Network, cache: ImageCache, objective: Objective | None
    ) -> Objective:
        return (objective or recipe.resolve_objective(network, settings)).prepare(network, cache)


# A sheet


def channels(chosen: PatternSettings, network: Network) -> tuple[list[PatternSettings], tuple[str, ...]]:
    """The settings of each pattern of a sheet, and what the user should hear.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
    """
    layer = network.layer(chosen.layer or network.default_layer)
    if chosen.channels is not None:
        numbers, notes = channel_numbers(chosen.channels), tuple[str, ...]()
    else:
        numbers = tuple(range(min(SHEET, layer.channels)))
        more = f"the first {SHEET} of {layer.channels} channels; all: --channels 0-{layer.channels - 1}"
        notes = (more,) if layer.channels > SHEET else ()
    objectives.channel(layer.name, max(numbers)).prepare(network)
    return [replace(chosen, layer=layer.name, channels=None, channel=number) for number in numbers], notes


def _told(aims: list[PatternSettings], settings: PatternSettings) -> str:
    """What a record says of whose sheet it is."""
    return f"{aims[0].layer}, channels {settings.channels or f'{aims[0].channel}-{aims[-1].channel}'}"


@dataclass(frozen=True)
class _Sheet:
    """Patterns of these settings, one after the other, each of that height and width."""

    aims: list[PatternSettings]
    network: Network
    size: tuple[int, int]

    def make(self, on_step: OnStep, reached: Reached | None, on_reached: OnReached) -> Tensor:
        """The sheet, which reaches something with each of its patterns."""
        done = list(torch.split(reached.pixels, self.size[0], dim=-2)) if reached else []
        for each in self.aims[len(done) :]:
            grow = partial(self._grow, on_step, tuple(done))
            done.append(recipe.pattern(self.network, size=self.size, settings=each, on_step=grow))
            on_reached(Reached(len(done), 0, torch.cat(done, dim=-2)))
        return self._laid_out(done)

    def _grow(self, on_step: OnStep, before: tuple[Tensor, ...], step: Step) -> None:
        """Tells of a step as one of the sheet's."""
        count, whole = len(self.aims), len(before) + step.done
        on_step(
            replace(
                step,
                octave=len(before) + 1,
                octaves=count,
                done=1.0 if whole >= count else whole / count,
                size=sheets.layout(count, step.size, headed=True).size,
                picture=lambda: self._laid_out([*before, step.picture()]),
                counted="pattern",
            )
        )

    def _laid_out(self, done: Sequence[Tensor]) -> Tensor:
        cells = [(str(each.channel), picture) for each, picture in zip_longest(self.aims, done)]
        return sheets.sheet(cells, heading=f"{self.network.name}   {self.aims[0].layer}")
