"""Styles: a picture repainted as another one is painted."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from torch import Tensor

from phosphene import filters, images
from phosphene.ascent import OnStep, Reached, Step
from phosphene.errors import PhospheneError, SettingsError
from phosphene.features import correspondence
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import sheets
from phosphene.pixels.transforms import at, luma, shrink
from phosphene.recipes import dream as recipe_of_dreams
from phosphene.recipes import style as recipe
from phosphene.recipes.fields import Values, combined
from phosphene.recipes.settings import settings as choose_dream
from phosphene.recipes.structure import StyleImage
from phosphene.recipes.style_settings import StyleSettings, weighted
from phosphene.techniques.engine import Engine, ImageCache, OnReached, PreparedPicture, open_pictures
from phosphene.techniques.masking import fitted, mask_of
from phosphene.techniques.technique import Continuation

# A picture of what was matched with what: the content and its styles, in shared colours


SIDE = 512  # pixels of a picture's long side on the sheet
SHOWS = 0.65  # share of the colour over the picture


def drawn(content: Tensor, sources: Sequence[StyleImage]) -> Tensor:
    """The sheet `[1, 3, H, W]`: of each style's places, a colour; and the content's places in their counterparts'."""
    cells: list[tuple[str, Tensor]] = []
    for number, source in enumerate(sources, 1):
        assert source.correspondence is not None  # who asks for the sheet knows that something was matched
        of, by = _colours(source.correspondence)
        name = "the style" if len(sources) == 1 else f"style {number}"
        cells += [("your picture", _over(content, of)), (name, _over(source.pixels, by))]
    return sheets.sheet(cells, columns=2, heading="one colour, one stuff")


def _colours(stuff: correspondence.Correspondence) -> tuple[Tensor, Tensor]:
    """Colours for the places of both; a style's places by the numbers that are theirs, and a content's likewise."""
    count = stuff.kinds
    style, content = stuff.style[:, :count], stuff.content[:, :count]
    hues = [colorsys.hls_to_rgb(index * 0.381966 % 1, 0.55, 0.75) for index in range(count)]  # golden section
    palette = style.new_tensor(hues)
    by, of = (each[0].flatten(1).argmax(0) for each in (style, content))
    return tuple(
        palette[index].T.reshape(1, 3, *map_.shape[-2:]) for index, map_ in ((of, stuff.content), (by, stuff.style))
    )  # type: ignore[return-value]


def _over(picture: Tensor, colours: Tensor) -> Tensor:
    small = shrink(picture, min(1.0, SIDE / max(picture.shape[-2:])))
    grey = small.mean(1, keepdim=True)
    return ((1 - SHOWS) * grey + SHOWS * at(colours.to(small.dtype), *small.shape[-2:]).clamp(0, 1)).clamp(0, 1)


MISSING = 0.05  # of the picture: with so much that has no counterpart, the user is told
DREAM_SHARE = 0.3  # of all work, for the dream that follows a painting

FRAME_STEPS = 6  # at the full size, for a frame of a film that goes on from the one before


class Styles(Engine[StyleSettings]):
    """Makes paintings."""

    def begin(
        self,
        picture: Picture,
        settings: StyleSettings,
        network: Network,
        cache: ImageCache,
        objective: Objective | None = None,
    ) -> PreparedPicture:
        """As `Engine.begin`: styles, with what of them is matched with what, a mask, and what it begins with."""
        network = network.to(settings.device)
        mask = mask_of(picture, network, cache, settings)
        initial = None if settings.initial is None else fitted(settings.initial, picture, cache, "initial picture")
        sources, notes = _sources(picture, settings, network, cache)
        make = _Painting(picture.pixels, settings, network, sources, mask, initial).make
        matched = all(source.correspondence is not None for source in sources)
        regions = partial(drawn, picture.pixels, sources) if matched else None
        return PreparedPicture(settings, _told(settings), make, notes, regions=regions)

    def check(self, settings: StyleSettings, network: Network, cache: ImageCache) -> str:
        """As `Engine.check`."""
        _pictures(settings, network, cache)
        open_pictures(settings, cache, but="style")
        return _told(settings)

    def continued(self, settings: StyleSettings, size: tuple[int, int]) -> Continuation:
        """As `Engine.continued`: a few steps at the full size."""
        return Continuation(replace(settings, steps=FRAME_STEPS), len(recipe.scales(*size, settings)), 0)

    def again(self, then: Values, changes: Values) -> StyleSettings:
        """As `Engine.again`. What suited a filter that goes, goes with it; another's comes with that."""
        other = changes.get("filter")
        if other is not None or changes.get("style"):
            suited = _suited(then.get("filter"))
            then = {name: value for name, value in then.items() if name not in suited or value != suited[name]}
        suits = {} if other is None else filters.read(other).style
        again: StyleSettings = super().again(combined(StyleSettings, then, suits), changes)
        return again


def _suited(name: str | None) -> Mapping[str, object]:
    """The settings that suit a filter; none where it is gone or damaged."""
    try:
        return {} if name is None else filters.read(name).style
    except PhospheneError:
        return {}


def _told(settings: StyleSettings) -> str:
    """What a record says of whose styles they are."""
    return " + ".join([*map(images.name_of, settings.style), *([settings.filter] if settings.filter else [])])


@dataclass(frozen=True)
class _Painting:
    """A painting of `content` that is ready to be made; where its mask is 0, the content stays."""

    content: Tensor
    settings: StyleSettings
    network: Network
    sources: list[StyleImage]
    mask: Tensor | None
    initial: Tensor | None

    def make(self, on_step: OnStep, reached: Reached | None, on_reached: OnReached) -> Tensor:
        """The painting, which reaches something with each window, and then dreams if that is wished."""
        dreams = self.settings.then_dream is not None
        pixels = recipe.style(
            self.content,
            self.network,
            self.sources,
            settings=self.settings,
            initial=self.initial,
            reached=reached,
            on_window=on_reached,
            on_step=self._telling(on_step, 0.0, 1 - DREAM_SHARE if dreams else 1.0),
        )
        if dreams:
            pixels = _dreamt(pixels, self.settings, self.network, self._telling(on_step, 1 - DREAM_SHARE, 1.0))
        return self._finished(pixels).clamp(0, 1)

    def _finished(self, pixels: Tensor) -> Tensor:
        """What is shown or saved: with the content's colours, and the content where no painting may be."""
        if self.settings.keep_colour:
            pixels = _recoloured(pixels, self.content)
        return pixels if self.mask is None else self.content + self.mask * (pixels - self.content)

    def _telling(self, watch: OnStep, begin: float, end: float) -> OnStep:
        """Tells of the steps of one part of the work, which goes from one share of all to another."""

        def tell(step: Step) -> None:
            done = end if step.done >= 1 else begin + step.done * (end - begin)
            watch(replace(step, done=done, picture=lambda: self._finished(step.picture())))

        return tell


def _dreamt(pixels: Tensor, chosen: StyleSettings, network: Network, on_step: OnStep) -> Tensor:
    """The dream that follows a painting; a preset's layer is one of the network that it is made for."""
    look = choose_dream(
        preset=chosen.then_dream, seed=chosen.seed, memory=chosen.memory, dtype=chosen.dtype, device=chosen.device
    )
    if network.name != look.model:
        look = replace(look, layer=None)
    return recipe_of_dreams.dream(pixels, network, settings=look, on_step=on_step)


def _pictures(chosen: StyleSettings, network: Network, cache: ImageCache) -> list[tuple[str, Tensor, float]]:
    """The styles by name, with their weights. Raises `PhospheneError`: one cannot be read, or none has weight."""
    named = [weighted(word) for word in chosen.style]
    found = [(name, cache(name, long_side=recipe.LARGEST_STYLE), weight) for name, weight in named]
    if chosen.filter is not None:
        looks = cache.once(f"filter {chosen.filter}", partial(filters.read(chosen.filter).pixels, network.dtype))
        found.append((chosen.filter, looks, 1.0))
    if not sum(weight for _, _, weight in found):
        raise SettingsError("All styles have weight 0. Give one of them more, as waves.jpg:1.")
    return found


def _sources(
    source: Picture, chosen: StyleSettings, network: Network, cache: ImageCache
) -> tuple[list[StyleImage], tuple[str, ...]]:
    """The styles, each with its share and its correspondence with the content; and what the user should hear."""
    pictures = _pictures(chosen, network, cache)
    total = sum(weight for _, _, weight in pictures)
    found: list[StyleImage] = []
    notes: list[str] = []
    for name, pixels, weight in pictures:
        stuff, words = _stuff(name, pixels, source, chosen, network, cache)
        found.append(StyleImage(pixels, weight / total, stuff))
        notes += words
    return found, tuple(notes)


def _stuff(
    name: str, pixels: Tensor, source: Picture, chosen: StyleSettings, network: Network, cache: ImageCache
) -> tuple[correspondence.Correspondence | None, list[str]]:
    if chosen.method == "gram" or (not chosen.semantics and not chosen.regions):
        return None, []
    if not chosen.regions:
        kinds = cache.once(f"kinds {name}", partial(correspondence.kinds_of, network, pixels))
        found = correspondence.found(network, source.pixels, kinds)
        if found.missing < MISSING:
            return found, []
        about = f"about {found.missing:.0%} of it has no counterpart in {images.name_of(name)}"
        return found, [f"{about}, and is filled with a plain area of the style; --show-regions draws the match"]
    of, by = (cache(each) for each in chosen.regions)
    found, lost = correspondence.drawn(of, by)
    if not lost:
        return found, []
    return found, [f"the style's map has no {', '.join(lost[:3])}: those regions take whatever looks like them"]


def _recoloured(pixels: Tensor, content: Tensor) -> Tensor:
    """The painting's brightness with the content's colours."""
    return (content + luma(pixels - content)).clamp(0, 1)
