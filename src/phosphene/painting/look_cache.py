"""Looks made ready: what a brush or a ground dreams of, prepared once for a network and a view."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property, partial

from torch import Tensor

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.errors import PhospheneError, SettingsError, UnknownNameError, nearest
from phosphene.features import correspondence
from phosphene.features.correspondence import Regions
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.objectives.objective import Term
from phosphene.painting import document
from phosphene.painting.document import STRENGTHS, Ground, Look, Selection
from phosphene.painting.selection import mask_of
from phosphene.painting.settling import contrast
from phosphene.pixels import transforms
from phosphene.pixels.canvases import is_canvas
from phosphene.pixels.colours import colourfulness
from phosphene.recipes.dream import sizes_of
from phosphene.recipes.fields import Settings, ValueDict, Values
from phosphene.recipes.settings import PRESETS, DreamSettings
from phosphene.recipes.settings import settings as choose
from phosphene.recipes.style_settings import settings as choose_style
from phosphene.records import record
from phosphene.run import Prepared
from phosphene.run.prepared import Dream
from phosphene.techniques import DREAM, STYLE
from phosphene.techniques.dreams import PreparedObjective, aim
from phosphene.techniques.engine import ImageCache

Size = tuple[int, int]
Box = tuple[slice, slice]
USUAL = "carnival"  # the preset of a dream that says nothing else


def made_with(data: bytes, network: Network) -> Ground | None:
    """What a picture was made with, as a ground, from its file's bytes; `None` if it does not say, or more than that.

    A guide and a style picture are not in the file, so that they are no look that could be taken from it; nor is the
    layer of another network.
    """
    try:
        made = record.read(data)
        if made.network.get("name") != network.name:
            return None
        return as_ground(made.recipe, made.settings)
    except (PhospheneError, KeyError, TypeError, ValueError, OverflowError):  # a record may be anybody's
        return None


def as_ground(technique: str, chosen: Values) -> Ground | None:
    """The settings of a picture as a ground, as far as that has them; `None` if they need a guide or a picture.

    A strength beyond a ground's is the nearest that it has.

    Raises:
        ValueError, TypeError, OverflowError: they are of no kind that it has, as two layers at once.
    """
    settings = {name: value for name, value in chosen.items() if value not in (None, [], (), "")}
    if technique not in STRENGTHS:
        return None
    low, high, usual = STRENGTHS[technique]
    strength = min(max(float(settings.get("strength", usual)), low), high)
    if technique == STYLE.name and "filter" in settings and not settings.get(STYLE.further):
        return Ground(Look(document.STYLE, filter=str(settings["filter"])), strength)
    if technique != DREAM.name or {"guide", "objective"} & settings.keys():
        return None
    if "layer" not in settings:
        return Ground(Look("dream", preset=USUAL), strength)
    return Ground(_dreamt(str(settings["layer"]), settings), strength)


def _dreamt(layer: str, settings: Values) -> Look:
    """The look of a dream: a preset if there is one of that layer and channel."""
    channel, words = settings.get("channel"), {0.0: "keep", 0.2: "tint", 1.0: "free"}
    colour = words.get(settings.get("colour", -1.0))
    more: ValueDict = {} if colour is None else {"colour": colour}
    for name, known in PRESETS.items():
        if (known.changes.get("layer"), known.changes.get("channel")) == (layer, channel):
            return Look("dream", preset=name, **more)
    return Look("dream", layer=layer, channel=channel, **more)


def scaled(settings: DreamSettings, scale: float, long_side: int = DreamSettings.base_size) -> DreamSettings:
    """A dream whose forms are so many times as large as usual in a picture of that long side.

    For larger ones it has its look at a smaller size, for smaller ones its smallest octaves are left out.

    >>> scaled(DreamSettings(), 2).base_size, scaled(DreamSettings(octaves=6, octave_scale=1.4), 0.5).octaves
    (400, 4)
    """
    if scale >= 1:
        return replace(settings, base_size=round(min(settings.base_size or long_side, long_side) / scale))
    fewer = round(math.log(1 / scale, settings.octave_scale))
    return replace(settings, octaves=max(1, settings.octaves - fewer))


@dataclass
class LookCache:
    """Looks for one view."""

    network: Network  # which dreams
    view: Picture  # the photograph at the size at which it is painted
    references: Mapping[str, images.Source] = field(default_factory=dict)  # guides and styles, by name
    seed: int = 0  # of the dreams
    style_steps: int | None = None  # of a style at each size; `None` is what suits a picture that is kept
    _prepared: dict[Look, PreparedObjective] = field(default_factory=dict)
    _selected: dict[Selection, Tensor] = field(default_factory=dict)
    _fitted: dict[tuple[Look, Size], Objective] = field(default_factory=dict)

    @property
    def size(self) -> Size:
        """Height and width of the view."""
        return self.view.pixels.shape[-2], self.view.pixels.shape[-1]

    @cached_property
    def share(self) -> float:
        """How far the photograph has colours of its own, 0..1."""
        return 1.0 if is_canvas(self.view.name) else colourfulness(self.view.pixels)

    @cached_property
    def contrast(self) -> Tensor:
        """That of the photograph, near each of its pixels: the measure of a brush that is held."""
        return contrast(self.view.pixels)

    @cached_property
    def regions(self) -> Regions:
        """The regions of the photograph."""
        return correspondence.regions_of(self.network, self.view.pixels)

    def selected(self, selection: Selection | None) -> Tensor | None:
        """Where a brush may paint, `[1, 1, h, w]`, 0..1; `None` is everywhere."""
        if selection is None:
            return None
        if selection not in self._selected:
            self._selected = {selection: mask_of(selection, self.regions, *self.size)}  # one is in use at a time
        return self._selected[selection]

    @cached_property
    def cache(self) -> ImageCache:
        """Opens the references, and keeps what is made of them for every view."""
        return ImageCache(self.network.dtype, named=self.references)

    def smaller(self, long_side: int, style_steps: int) -> "LookCache":
        """The same looks for a view of that long side."""
        view = replace(self.view, pixels=transforms.within(self.view.pixels, long_side))
        made = LookCache(self.network, view, self.references, self.seed, style_steps)
        made.cache = self.cache
        return made

    def dream(self, look: Look) -> PreparedObjective:
        """What a dream's look asks for.

        Raises:
            PhospheneError: a layer, channel or picture that is not there.
        """
        if look not in self._prepared:
            self.check(look)
            self._prepared[look] = aim(self.view, self._settings(look), self.network, self.cache)
        return self._prepared[look]

    def brushed(self, look: Look, window: Size) -> Objective:
        """A dream's objective for a window of the view: guides are seen at the size that they have for the view."""
        prepared = self.dream(look).objective
        if not any(term.fit for term in prepared.terms):
            return prepared
        return Objective(tuple(replace(term, fit=partial(self._fit, look, number, window))
                               for number, term in enumerate(prepared.terms)))  # fmt: skip

    def style(self, look: Look, strength: float | None = None) -> Settings:
        """The settings of a style's look.

        Raises:
            PhospheneError: a filter or picture that is not there.
        """
        self.check(look)
        named: dict[str, object] = {"filter": look.filter} if look.filter else {STYLE.further: (look.reference,)}
        changes = {"strength": strength, "steps": self.style_steps}
        given = {name: value for name, value in changes.items() if value is not None}
        return choose_style(**named, **given, seed=self.seed_of(look))

    def seed_of(self, look: Look) -> int:
        """The seed of a look's dreams."""
        return self.seed if look.seed is None else look.seed

    def styled(self, look: Look, strength: float | None, picture: Picture, on_step: OnStep | None) -> Dream:
        """A picture, repainted in a style's look. Raises `PhospheneError`: a filter or picture that is not there."""
        height, width = picture.pixels.shape[-2:]
        origin = {"name": picture.name, "width": width, "height": height}
        ready = Prepared(STYLE, self.style(look, strength), self.network, self.cache)
        return ready.make_opened(picture, origin, on_step=on_step)

    def _settings(self, look: Look) -> DreamSettings:
        asked: ValueDict = {
            "layer": look.layer,
            "channel": look.channel,
            "guide": (look.reference,) if look.reference else None,
            "colour": look.colour,
        }
        changes = {name: value for name, value in asked.items() if value is not None}
        found = choose(preset=look.preset, seed=self.seed_of(look), model=self.network.name, **changes)
        return found if look.scale is None else scaled(found, look.scale, max(self.size))

    def _fit(self, look: Look, number: int, window: Size, _: Term, height: int, width: int) -> Term:
        """One term, fitted to the view's octave that goes with a window's."""
        settings = self.dream(look).settings
        below = round(math.log(max(window) / max(height, width), settings.octave_scale))
        sizes = sizes_of(settings, *self.size)[::-1]
        size = sizes[min(below, len(sizes) - 1)]
        if (look, size) not in self._fitted:
            self._fitted[look, size] = self.dream(look).objective.fit(*size)
        return self._fitted[look, size].terms[number]

    def check(self, look: Look) -> None:
        """Refuses a look that cannot be.

        Raises:
            PhospheneError: a preset, layer, channel or picture that is not there.
        """
        if look.reference is not None and look.reference not in self.references:
            raise SettingsError(f"There is no picture {look.reference!r} here. Add it first, as a guide or a style.")
        if look.preset is not None and look.preset not in PRESETS:
            raise UnknownNameError(f"There is no preset {look.preset!r}.{nearest(look.preset, PRESETS)}")
        if look.layer is not None:
            check_layer(self.network, look.layer, look.channel)


def check_layer(network: Network, name: str, channel: int | None) -> None:
    """Refuses a layer or a channel that a network does not have, by an `UnknownNameError`."""
    channels = network.layer(name).channels
    if channel is not None and channel >= channels:
        raise UnknownNameError(f"Layer {name} has the channels 0 to {channels - 1}; there is no channel {channel}.")
