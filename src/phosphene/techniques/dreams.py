"""Dreams: a picture or a canvas, dreamt upon in memory; what a dream aims at, where, and what it will take."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from phosphene import features, objectives
from phosphene.ascent import OnStep, Reached, Step, gradient, planning
from phosphene.errors import SettingsError
from phosphene.features import ranking
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import masks
from phosphene.pixels.canvases import is_canvas
from phosphene.pixels.tiles import Box
from phosphene.recipes import dream as recipe
from phosphene.recipes.fields import Values, combined, numbers
from phosphene.recipes.settings import BEST, DreamSettings, split_region
from phosphene.recipes.settings import settings as choose
from phosphene.techniques.engine import Engine, ImageCache, OnReached, PreparedPicture, open_pictures
from phosphene.techniques.masking import drawn_regions, mask_of, named_mask
from phosphene.techniques.technique import Continuation

FRAME_STEPS = 2  # of the last octave, for a frame of a film that goes on from the one before
COARSE_OCTAVES, COARSE_STEPS = 3, 5  # for the forms of what comes into view; fewer steps, each longer


class Dreams(Engine[DreamSettings]):
    """Makes dreams."""

    def begin(
        self,
        picture: Picture,
        settings: DreamSettings,
        network: Network,
        cache: ImageCache,
        objective: Objective | None = None,
    ) -> PreparedPicture:
        """As `Engine.begin`: objectives, masks and regions, and the layers that suit a guide."""
        network = network.to(settings.device)
        aimed = aim(picture, settings, network, cache, objective)
        make = partial(_dreamt, picture, aimed, network)
        notes = aimed.notes + _small(picture, aimed.settings)
        return PreparedPicture(
            aimed.settings,
            str(aimed.objective),
            make,
            notes,
            partial(_expected, picture, aimed, network),
            partial(drawn_regions, picture.pixels, network),
        )

    def check(self, settings: DreamSettings, network: Network, cache: ImageCache) -> str:
        """As `Engine.check`; layers that are to suit a guide are not known yet."""
        open_pictures(settings, cache)
        for _, wish, _ in map(split_region, settings.region):
            if wish:
                objectives.read(wish).prepare(network, cache)
        return str(self._objective(settings, network, cache))

    def continued(self, settings: DreamSettings, size: tuple[int, int]) -> Continuation:
        """As `Engine.continued`: the last steps of the last octave."""
        count = len(recipe.sizes_of(settings, *size))
        share = settings.steps / COARSE_STEPS
        coarse = replace(settings, octaves=COARSE_OCTAVES, steps=COARSE_STEPS, strength=settings.strength * share)
        return Continuation(settings, count, max(0, settings.steps - FRAME_STEPS), coarse, unbounded=True)

    def for_variant(self, settings: DreamSettings, network: Network) -> DreamSettings:
        """As `Engine.for_variant`: the layer that the network dreams of by itself."""
        named = settings.layer or settings.objective or settings.guide
        return settings if named else replace(settings, layer=network.default_layer)

    def recorded(self, settings: DreamSettings, network: Network) -> dict[str, object]:
        """As `Engine.recorded`, with the layer that the network dreams of by itself."""
        layer = None if settings.objective else settings.layer or network.default_layer
        return super().recorded(settings, network) | {"layer": layer}

    def again(self, then: Values, changes: Values) -> DreamSettings:
        """As `Engine.again`; a change may be a preset."""
        return choose(**combined(DreamSettings, then, changes))

    def for_network(
        self, settings: DreamSettings, network: Network, changes: Values
    ) -> tuple[DreamSettings, tuple[str, ...]]:
        """As `Engine.for_network`: a network that lacks the recorded layer dreams at its own."""
        asked = "layer" in changes or settings.objective is not None
        if asked or recipe.resolve_objective(network, settings).layers <= set(network.layers):
            return settings, ()
        note = f"{network.name} has no {settings.layer}: it dreams at {network.default_layer}"
        return replace(settings, layer=None), (note,)

    def chosen_for_each(self, settings: DreamSettings) -> tuple[str, ...]:
        """As `Engine.chosen_for_each`: the layers that suit a guide."""
        return ("layer",) if asks_for_best(settings) else ()

    def tiles(
        self, settings: DreamSettings, network: Network, cache: ImageCache, size: tuple[int, int]
    ) -> list[Box] | None:
        """As `Engine.tiles`: those of the last octave, where all is dreamt alike."""
        if settings.region or settings.mask:
            return None
        objective = self._objective(settings, network, cache)
        sizes = recipe.sizes_of(settings, *size)
        tiling = recipe.tilings_of(network, objective, settings, sizes)[-1]
        return gradient.boxes(sizes[-1], network, objective, tiling)

    def _objective(self, settings: DreamSettings, network: Network, cache: ImageCache) -> Objective:
        """What is maximised, ready for the network."""
        known = replace(settings, layer=None) if settings.layer == BEST else settings
        return recipe.resolve_objective(network, known).prepare(network, cache)


def coloured(settings: DreamSettings, picture: Picture) -> DreamSettings:
    """The settings for a picture; a canvas has no colours that a dream is to keep near to."""
    free = settings.colour is None and is_canvas(picture.name)
    return replace(settings, colour=settings.chroma) if free else settings


def _dreamt(
    picture: Picture,
    aimed: PreparedObjective,
    network: Network,
    on_step: OnStep,
    reached: Reached | None,
    on_reached: OnReached,
) -> Tensor:
    """The dream, which reaches something with each step."""

    def told(step: Step) -> None:
        if step.done < 1:
            on_reached(Reached(step.octave, step.step, step.pixels))
        on_step(step)

    return recipe.dream(
        picture.pixels,
        network,
        aimed.objective,
        settings=coloured(aimed.settings, picture),
        mask=aimed.mask,
        regions=aimed.regions,
        reached=reached,
        on_step=told,
    )


def _expected(picture: Picture, aimed: PreparedObjective, network: Network) -> Forecast | None:
    """The forecast of a dream without a mask."""
    if aimed.mask is not None:
        return None
    height, width = picture.pixels.shape[-2:]
    sizes = recipe.sizes_of(aimed.settings, height, width)
    tilings = recipe.tilings_of(network, aimed.objective, aimed.settings, sizes)
    return forecast(network, aimed.objective, sizes, tilings, aimed.settings)


def _small(picture: Picture, settings: DreamSettings) -> tuple[str, ...]:
    """Word of a picture that is too small for all octaves."""
    height, width = picture.pixels.shape[-2:]
    fit = len(recipe.sizes_of(settings, height, width))
    return (f"the picture is small: it dreamt at {fit} of {settings.octaves} sizes",) if fit < settings.octaves else ()


# What a dream aims at


@dataclass(frozen=True)
class PreparedObjective:
    """An objective ready for the network, and where it holds."""

    settings: DreamSettings  # with the layers that were chosen for a guide
    objective: Objective
    mask: Tensor | None = None  # `[1, 1, H, W]`, or `None` for everywhere
    regions: tuple[recipe.Region, ...] = ()  # what is aimed at elsewhere
    notes: tuple[str, ...] = ()  # what the user should hear


def aim(
    picture: Picture, settings: DreamSettings, network: Network, cache: ImageCache, objective: Objective | None = None
) -> PreparedObjective:
    """Makes everything ready that the settings ask for, for this picture.

    Raises:
        PhospheneError: names that are not there, pictures that cannot be read, masks that do not fit.
    """
    settings, notes = chosen_layers(picture, settings, network, cache)
    wanted = (objective or recipe.resolve_objective(network, settings)).prepare(network, cache)
    mask = mask_of(picture, network, cache, settings)
    regions = tuple(_region(text, picture, settings, network, cache, wanted) for text in settings.region)
    return PreparedObjective(settings, wanted, mask, regions, notes)


def asks_for_best(settings: DreamSettings) -> bool:
    """Whether layers are to be chosen for a guide."""
    return bool(settings.guide) and settings.layer in (None, BEST)


def chosen_layers(
    picture: Picture, settings: DreamSettings, network: Network, cache: ImageCache
) -> tuple[DreamSettings, tuple[str, ...]]:
    """The settings with the layers that suit the guide best, where that was asked for, and word of it."""
    if not asks_for_best(settings):
        return settings, ()
    guides = [cache(name) for name in settings.guide]
    scale = max(numbers(settings.guide_scales, "--guide-scales"))
    ranked = ranking.rank(picture.pixels, guides, network, scale=scale or 1.0)
    layers = [each.layer for each in ranking.companions(ranked, network, settings.top)]
    also = f", with {' and '.join(layers[1:])}" if layers[1:] else ""
    note = f"the layer that suits the guide best: {layers[0]}{also}"
    return replace(settings, layer=",".join(layers)), (note,)


def _region(
    text: str, picture: Picture, settings: DreamSettings, network: Network, cache: ImageCache, usual: Objective
) -> recipe.Region:
    """A region from `mask.png=OBJECTIVE @ STRENGTH`, where either of the two may be left out."""
    name, wish, strength = split_region(text)
    mask = masks.feather(named_mask(name, picture, network, cache), settings.feather)
    if not mask.any():
        raise SettingsError(f"The region {name} is black everywhere: nothing may dream there. White dreams.")
    objective = objectives.read(wish).prepare(network, cache) if wish else usual
    return recipe.Region(mask, objective, strength)


# What a long dream will take, said before it is begun: measured on a tile of its own size

WORTH = 100_000_000  # pixels times steps: with fewer, a dream is done before a forecast is of use
BESIDE = 1.5  # a dream's time over its tiles': blocks are read and written; 1.6 at 12 megapixels
Size = tuple[int, int]


@dataclass(frozen=True)
class Forecast:
    """What a dream will take."""

    size: Size  # height and width, in pixels
    tiles: int  # at the largest octave, at each step
    seconds: float
    memory: int  # bytes of the whole process
    disk: int = 0  # bytes of the files beside the output; 0 for a dream in memory
    free: int = 0  # bytes of the disk that are free

    def __str__(self) -> str:
        height, width = self.size
        tiles = f"{self.tiles:,} tiles" if self.tiles > 1 else "one tile"
        room = f", {self.disk / 1e9:.1f} GB of disk ({self.free / 1e9:.0f} GB free)" if self.disk else ""
        megapixels = f"{height * width / 1e6:,.0f} megapixels"
        return f"{width}×{height} ({megapixels}), {tiles} a step, {self.memory / 1e9:.1f} GB of memory{room}"


def forecast(
    network: Network,
    objective: Objective,
    sizes: Sequence[Size],
    tilings: Sequence[gradient.Tiling],
    settings: DreamSettings,
) -> Forecast | None:
    """What a dream in memory with octaves of these sizes will take; `None` where that is not worth while.

    Its time is that of a first tile, as often as there are. Tiles are counted by the pixels that they see, so that
    overlaps count as often as they are looked at.
    """
    boxes = [gradient.boxes(size, network, objective, tiling) for size, tiling in zip(sizes, tilings, strict=True)]
    seen = settings.steps * sum(box.seen for octave in boxes for box in octave)
    if seen < WORTH:
        return None
    seconds = BESIDE * seen * _per_pixel(network, objective.fit(*sizes[-1]), boxes[-1][0], sizes[-1], settings)
    tile = max(box.seen for box in boxes[-1]) * features.bytes_per_pixel(network, objective.layers)
    memory = planning.PROCESS_BYTES + planning.picture_bytes(network, sizes[-1]) + int(tile)
    return Forecast(sizes[-1], len(boxes[-1]), seconds, memory)


def _per_pixel(network: Network, objective: Objective, box: Box, size: Size, settings: DreamSettings) -> float:
    """Seconds for each pixel of a tile, on the device that will compute it; a first run warms up."""
    rows, columns = (side.stop - side.start for side in box.context)
    pixels = torch.rand(1, 3, rows, columns, dtype=network.dtype, generator=torch.Generator().manual_seed(0))
    network = network.to(settings.device)
    gradient.of_box(pixels, box, size, network, objective)
    started = time.perf_counter()
    gradient.of_box(pixels, box, size, network, objective)
    return (time.perf_counter() - started) / box.seen
