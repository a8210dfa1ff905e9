"""One painting, from a picture and a style to a picture that says how it was made; and the same again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from torch import Tensor

from phosphene import correspondence, filters, images, networks
from phosphene.ascent import OnStep, Step
from phosphene.errors import SettingsError, Stop
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.recipes import dream as recipe_of_dreams
from phosphene.recipes import style as recipe
from phosphene.recipes.painter import Source
from phosphene.recipes.settings import settings as choose_dream
from phosphene.recipes.style_settings import StyleSettings, weighted
from phosphene.record import Record
from phosphene.run.aims import fitted, mask_of
from phosphene.run.album import Album
from phosphene.run.kept import Checkpoint, Keep
from phosphene.run.once import Dream
from phosphene.run.provenance import origin_of
from phosphene.run.regions import drawn
from phosphene.run.watch import Watch, telling_of_memory
from phosphene.run.wishes import Wishes

MISSING = 0.05  # of the picture: with so much that has no counterpart, the user is told
DREAM_SHARE = 0.3  # of all work, for the dream that follows a painting


@dataclass(frozen=True)
class Painting(Dream):
    """A finished painting, or what there was when it was stopped.

    Attributes:
        sources: the styles, with what of them was matched with what.
    """

    sources: tuple[Source, ...] = ()

    @cached_property
    def regions(self) -> Tensor:
        """A picture of what was matched with what: the content and the styles, in shared colours.

        Raises:
            SettingsError: nothing was, because only looks counted.
        """
        return drawn(self.source.pixels, self.sources)


def style(
    image: images.Source,
    *styles: images.Source,
    network: Network | None = None,
    mask: images.Source | None = None,
    initial: images.Source | None = None,
    regions: tuple[images.Source, images.Source] | None = None,
    on_step: OnStep | None = None,
    long_side: int | None = None,
    max_pixels: int = images.MAX_PIXELS,
    keep: Keep | None = None,
    **changes: Any,
) -> Painting:
    """Repaints a picture as another one is painted.

    Args:
        image: the content: a path, an image of Pillow's, an array, a tensor, or bytes.
        *styles: pictures, or their names with weights, as "waves.jpg:2"; none where `filter` names one.
        network: by default the one that the setting `model` names.
        mask: a picture of where: white is repainted; or `alpha`, the picture's own transparency.
        initial: what to begin with in place of the content.
        regions: maps of the content and of the style, in which one colour is one stuff.
        on_step: called with each `Step`; raise `phosphene.Stop` there to end early and keep what there is.
        long_side: shrinks the content first.
        max_pixels: refuses larger contents; 0 refuses none.
        keep: where the run keeps how far it came; a painting that stopped goes on from there.
        **changes: any field of `StyleSettings`.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    wishes = Wishes()
    named: dict[str, Any] = {"style": (*changes.pop("style", ()), *(wishes.name(each, "style") for each in styles))}
    if mask is not None:
        named["mask"] = wishes.name(mask, "mask")
    if initial is not None:
        named["initial"] = wishes.name(initial, "initial")
    if regions is not None:
        named["regions"] = tuple(wishes.name(each, "regions") for each in regions)
    chosen = settings(**{**changes, **named})
    network = network or networks.load_for(chosen)
    with telling_of_memory():
        source = images.load(image, dtype=network.dtype, long_side=long_side, max_pixels=max_pixels)
        return make(
            source,
            origin_of(source, long_side),
            chosen,
            network,
            Album(network.dtype, named=wishes.named),
            on_step,
            keep,
        )


def settings(**changes: Any) -> StyleSettings:
    """The settings that suit a filter, if one is named, and changes to them.

    Raises:
        SettingsError: no style, or an impossible value.
        UnknownNameError: there is no such filter or preset.
    """
    name = changes.get("filter")
    suits = {} if name is None else dict(filters.read(str(name)).style)
    try:
        chosen = StyleSettings(**{**suits, **changes})
    except TypeError as error:
        raise SettingsError(f"{error}. The settings are {', '.join(StyleSettings.names())}.") from error
    if not chosen.style and chosen.filter is None:
        raise SettingsError("Name a style: a picture, or a --filter. List the filters: phosphene filters")
    if chosen.then_dream is not None:
        choose_dream(preset=chosen.then_dream)
    return chosen


def make(
    source: Picture,
    origin: Mapping[str, Any],
    chosen: StyleSettings,
    network: Network,
    album: Album,
    on_step: OnStep | None = None,
    keep: Keep | None = None,
) -> Painting:
    """The painting of a picture that is open, with its record; a `Stop` keeps what there is.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    chosen = replace(chosen, dtype=network.precision)
    finish = _Finish(source.pixels, mask_of(source, chosen, album), chosen.keep_colour)
    initial = None if chosen.initial is None else fitted(chosen.initial, source, album, "initial picture")
    sources, notes = _sources(source, chosen, network, album)
    known = provenance(chosen, network) | {"input": dict(origin), "pictures": album.hashes}
    checkpoint, watch = Checkpoint(keep.journal(known)) if keep else None, Watch(on_step)
    share = 1.0 if chosen.then_dream is None else 1 - DREAM_SHARE
    try:
        pixels = recipe.style(
            source.pixels,
            network,
            sources,
            settings=chosen,
            initial=initial,
            reached=checkpoint.reached(network.dtype) if checkpoint else None,
            on_window=checkpoint.now_and_then if checkpoint else None,
            on_step=finish.telling(watch, 0.0, share),
        )
        if chosen.then_dream is not None:
            pixels = _dreamt(pixels, chosen, network, finish.telling(watch, share, 1.0))
        pixels, complete = finish(pixels).clamp(0, 1), True
    except Stop:
        pixels, complete = watch.picture(), False
    made = Record(**known, **watch.ended(pixels.shape[-2:], source.depth, complete))
    said = source.notes + network.notes + notes + (checkpoint.notes if checkpoint else ())
    return Painting(pixels, made, source, said, checkpoint.journal if checkpoint else None, sources=tuple(sources))


def provenance(chosen: StyleSettings, network: Network) -> dict[str, Any]:
    """Fields of a painting's record: the recipe, the settings, whose styles, and the network."""
    styles = [*map(images.name_of, chosen.style), *([chosen.filter] if chosen.filter else [])]
    settings = recorded(chosen, network)
    return {"recipe": "style", "settings": settings, "objective": " + ".join(styles), "network": network.identity}


@dataclass(frozen=True)
class _Finish:
    """What is done to a painting before it is shown or saved.

    Attributes:
        content: the picture that is repainted.
        mask: where it may be; elsewhere it stays.
        keep_colour: whether it keeps its own colours.
    """

    content: Tensor
    mask: Tensor | None
    keep_colour: bool

    def __call__(self, pixels: Tensor) -> Tensor:
        """The finished pixels."""
        if self.keep_colour:
            pixels = _recoloured(pixels, self.content)
        return pixels if self.mask is None else self.content + self.mask * (pixels - self.content)

    def telling(self, watch: OnStep, begin: float, end: float) -> OnStep:
        """Tells of the steps of one part of the work, which goes from one share of all to another."""

        def tell(step: Step) -> None:
            done = end if step.done >= 1 else begin + step.done * (end - begin)
            watch(replace(step, done=done, picture=lambda: self(step.picture())))

        return tell


def _dreamt(pixels: Tensor, chosen: StyleSettings, network: Network, on_step: OnStep) -> Tensor:
    """The dream that follows a painting; a preset's layer is one of the network that it is made for."""
    look = choose_dream(preset=chosen.then_dream, seed=chosen.seed, memory=chosen.memory, dtype=chosen.dtype)
    if network.name != look.model:
        look = replace(look, layer=None)
    return recipe_of_dreams.dream(pixels, network, settings=look, on_step=on_step)


def _sources(
    source: Picture, chosen: StyleSettings, network: Network, album: Album
) -> tuple[list[Source], tuple[str, ...]]:
    """The styles, each with its share and its correspondence with the content; and what the user should hear."""
    named = [weighted(word) for word in chosen.style]
    pictures = [(name, album(name, long_side=recipe.LARGEST_STYLE), weight) for name, weight in named]
    if chosen.filter is not None:
        pictures.append((chosen.filter, filters.read(chosen.filter).pixels(network.dtype), 1.0))
    total = sum(weight for _, _, weight in pictures)
    if not total:
        raise SettingsError("All styles have weight 0. Give one of them more, as waves.jpg:1.")
    found: list[Source] = []
    notes: list[str] = []
    for name, pixels, weight in pictures:
        stuff, words = _stuff(name, pixels, source, chosen, network, album)
        found.append(Source(pixels, weight / total, stuff))
        notes += words
    return found, tuple(notes)


def _stuff(
    name: str, pixels: Tensor, source: Picture, chosen: StyleSettings, network: Network, album: Album
) -> tuple[correspondence.Correspondence | None, list[str]]:
    if chosen.method == "gram" or (not chosen.stuff and not chosen.regions):
        return None, []
    if not chosen.regions:
        found = correspondence.found(network, source.pixels, pixels)
        if found.missing < MISSING:
            return found, []
        about = f"about {found.missing:.0%} of it has no counterpart in {images.name_of(name)}"
        return found, [f"{about}, and takes its calmest texture; --show-regions draws the match"]
    of, by = (album(each) for each in chosen.regions)
    found, lost = correspondence.drawn(of, by)
    if not lost:
        return found, []
    return found, [f"the style's map has no {', '.join(lost[:3])}: those regions take whatever looks like them"]


def _recoloured(pixels: Tensor, content: Tensor) -> Tensor:
    """The painting's brightness with the content's colours."""
    weights = pixels.new_tensor([0.299, 0.587, 0.114])[None, :, None, None]  # of brightness, ITU-R BT.601
    change: Tensor = ((pixels - content) * weights).sum(1, keepdim=True)
    return (content + change).clamp(0, 1)


def recorded(chosen: StyleSettings, network: Network) -> dict[str, Any]:
    """The settings as a record holds them: pictures and weights without their folders."""

    def bare(name: str | None) -> str | None:
        return None if name is None else images.name_of(name)

    return chosen.to_dict() | {
        "model": network.name,
        "weights": bare(chosen.weights),
        "style": [bare(word) for word in chosen.style],
        "mask": bare(chosen.mask),
        "initial": bare(chosen.initial),
        "regions": [bare(name) for name in chosen.regions],
    }
