"""The functions of Python that make one picture."""

from __future__ import annotations

import os
from collections.abc import Collection, Sequence

from typing_extensions import Unpack

from phosphene import images, objectives
from phosphene.ascent import OnStep
from phosphene.ascent.executor import MakeExecutor
from phosphene.features import ranking
from phosphene.filters import library
from phosphene.images.sources import mask_source, several
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.fields import ValueDict
from phosphene.recipes.settings import PRESETS, join_region
from phosphene.recipes.typed import DreamChanges, PatternChanges, StyleChanges
from phosphene.run.checkpoint import CheckpointOptions
from phosphene.run.large import LargeDream, OnForecast
from phosphene.run.prepared import Dream, prepare
from phosphene.techniques import DREAM, PATTERN, STYLE, known
from phosphene.techniques.opening import SRGB, Opening


def presets() -> dict[str, str]:
    """The looks of dreams that have a name, with what one sees: `dream(image, preset=NAME)`."""
    return {name: each.about for name, each in PRESETS.items()}


def style_filters() -> dict[str, str]:
    """The looks of paintings that have a name, with what one sees: `style(image, filter=NAME)`."""
    return {name: library.read(name).about for name in library.names()}


class _Named(dict[str, images.Source]):
    """Pictures that are no files, by the names under which settings and records know them."""

    def add(self, source: images.Source, usual: str) -> str:
        """A file's path, or a name under which the image cache finds what is no file."""
        if isinstance(source, (str, os.PathLike)):
            return os.fspath(source)
        name, number = usual, 1
        while name in self:
            number += 1
            name = f"{usual}{number}"
        self[name] = source
        return name


def dream(
    image: images.Source,
    *,
    recipe: str | None = None,
    preset: str | None = None,
    network: Network | str | None = None,
    objective: Objective | str | None = None,
    guide: images.Source | Sequence[images.Source] | None = None,
    mask: images.Source | None = None,
    regions: Sequence[tuple[images.Source, Objective | str, float]] = (),
    on_step: OnStep | None = None,
    size: tuple[int, int] | None = None,
    long_side: int | None = None,
    max_pixels: int = images.MAX_PIXELS,
    profile: str = SRGB,
    enlarge: float = 1.0,
    keep: CheckpointOptions | None = None,
    on_forecast: OnForecast | None = None,
    executor: MakeExecutor | None = None,
    **changes: Unpack[DreamChanges],
) -> Dream | LargeDream:
    """Dreams upon a picture; one that memory cannot hold dreams on disk.

    Args:
        image: a path, an image of Pillow's, an array, a tensor, bytes, or the name of a canvas, as `clouds`.
        recipe: somebody's settings: `google2015`, `tensorflow2016`.
        preset: a look; `phosphene.presets()` lists them.
        network: by default the one that the setting `model` names.
        objective: by default what `layer`, `channel` and `maximise` describe, or a text as `--objective` takes it.
        guide: a picture, or several, whose shapes are dreamt into this one.
        mask: a picture of where: white dreams, black stays; `sky`; regions by number, as "1,3"; or `alpha`, the
            picture's own transparency.
        regions: masks, what is dreamt there (`""`: the same), and at what strength.
        on_step: called with each `Step`; raise `phosphene.StopRequested` there to end early and keep what there is.
        size: width and height of a canvas, in pixels.
        long_side: shrinks the picture first.
        max_pixels: refuses larger pictures; 0 refuses none.
        profile: `keep` leaves the picture in its own colour profile, as Display P3; `srgb` converts it.
        enlarge: how many times as high and wide it becomes first, 1 to 16: a poster from a small picture.
        keep: where the run keeps how far it came; a run that stopped goes on from there.
        on_forecast: is told what a long dream will take, before it is begun.
        executor: makes the steps of a dream on disk; by default this computer.
        **changes: any field of `DreamSettings`: strength, layer, channel, colour, seed, octaves, steps, …

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    requested: ValueDict = {**changes}
    named, given = _Named(), objective if isinstance(objective, Objective) else None
    if given is not None:
        requested |= {"layer": None, "channel": None}  # an objective stands in their place
    if objective is not None:
        requested["objective"] = str(objective)
    if guide is not None:
        requested["guide"] = tuple(named.add(each, "guide") for each in several(guide))
    if mask is not None:
        requested["mask"] = named.add(mask_source(mask), "mask")
    if regions:
        requested["region"] = tuple(
            join_region(named.add(mask_source(each), "region"), str(what), by) for each, what, by in regions
        )
    for source in given.pictures if given else ():
        named.add(source, "picture")
    chosen, opening = (
        DREAM.choose(recipe=recipe, preset=preset, **requested),
        Opening(size, long_side, max_pixels, profile, enlarge),
    )
    ready = prepare(DREAM, chosen, network, named=named, opening=opening, objective=given)
    return ready.make(image, on_step=on_step, keep=keep, on_forecast=on_forecast, executor=executor)


def style(
    image: images.Source,
    *styles: images.Source | Sequence[images.Source],
    network: Network | str | None = None,
    mask: images.Source | None = None,
    initial: images.Source | None = None,
    regions: tuple[images.Source, images.Source] | None = None,
    on_step: OnStep | None = None,
    long_side: int | None = None,
    max_pixels: int = images.MAX_PIXELS,
    profile: str = SRGB,
    enlarge: float = 1.0,
    keep: CheckpointOptions | None = None,
    **changes: Unpack[StyleChanges],
) -> Dream:
    """Repaints a picture as another one is painted.

    Args:
        image: the content: a path, an image of Pillow's, an array, a tensor, or bytes.
        *styles: pictures or lists of them, or their names with weights, as "waves.jpg:2"; none where `filter` names
            one.
        network: by default the one that the setting `model` names.
        mask: a picture of where: white is repainted; `sky`; regions by number, as "1,3"; or `alpha`, the picture's
            own transparency.
        initial: what to begin with in place of the content.
        regions: maps of the content and of the style, in which one colour is one stuff.
        on_step: called with each `Step`; raise `phosphene.StopRequested` there to end early and keep what there is.
        long_side: shrinks the content first.
        max_pixels: refuses larger pictures; 0 refuses none.
        profile: `keep` leaves the content in its own colour profile, as Display P3; `srgb` converts it.
        enlarge: how many times as high and wide it becomes first, 1 to 16.
        keep: where the run keeps how far it came; a painting that stopped goes on from there.
        **changes: any field of `StyleSettings`: filter, strength, scale, keep_colour, seed, …

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    requested: ValueDict = {**changes}
    named = _Named()
    given = [each for one_or_more in styles for each in several(one_or_more)]
    requested["style"] = (*requested.get("style", ()), *(named.add(each, "style") for each in given))
    if mask is not None:
        requested["mask"] = named.add(mask_source(mask), "mask")
    if initial is not None:
        requested["initial"] = named.add(initial, "initial")
    if regions is not None:
        requested["regions"] = tuple(named.add(each, "regions") for each in regions)
    chosen, opening = STYLE.choose(**requested), Opening(None, long_side, max_pixels, profile, enlarge)
    return _in_memory(
        prepare(STYLE, chosen, network, named=named, opening=opening).make(image, on_step=on_step, keep=keep)
    )


def pattern(
    of: str | None = None,
    *,
    network: Network | str | None = None,
    objective: Objective | str | None = None,
    size: tuple[int, int] | None = None,
    on_step: OnStep | None = None,
    **changes: Unpack[PatternChanges],
) -> Dream:
    """A pattern out of noise: what a channel looks for; of a layer, a sheet of its channels.

    Args:
        of: `block8:37` for a channel, `block8` for a sheet.
        network: by default the one that the setting `model` names.
        objective: in place of a channel; or its text, as `--objective` takes it.
        size: width and height in pixels, of each pattern.
        on_step: called with each `Step`; raise `phosphene.StopRequested` there to end early and keep what there is.
        **changes: any field of `PatternSettings`: layer, channel, channels, seed, tileable, octaves, steps, …

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    requested: ValueDict = {**changes}
    if objective is not None:
        words = str(objectives.read(objective) if isinstance(objective, str) else objective)
        requested |= {"objective": words, "layer": None, "channel": None, "channels": None}
    chosen = PATTERN.choose(of=None if objective is not None else of, **requested)
    given = objective if isinstance(objective, Objective) else None
    ready = prepare(PATTERN, chosen, network, opening=Opening(size), objective=given)
    return _in_memory(ready.make(None, on_step=on_step))


def rank(
    image: images.Source,
    guides: images.Source | Sequence[images.Source],
    network: Network | str | None = None,
    *,
    layers: Collection[str] | None = None,
    by: str = "cosine",
    scale: float = 1.0,
    seed: int = 0,
) -> list[ranking.Ranked]:
    """The layers by how well the guides' features can be found in a picture, best first.

    Args:
        image: a path, an image of Pillow's, an array, a tensor, bytes, or the name of a canvas.
        guides: one picture, or several.
        network: by default the usual one.
        layers: their names; by default the network's main layers.
        by: `cosine`, relative to shapeless pictures, or `dot`, raw, as in leimao's notes.
        scale: the guides' long side, as a share of the picture's.
        seed: of the positions that are looked at, and of the shapeless pictures.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    named = _Named()
    shown, *given = (named.add(each, "picture") for each in (image, *several(guides)))
    ready = prepare(DREAM, DREAM.choose(), network, named=named)
    looked_at, *opened = map(ready.cache, (shown, *given))
    return ranking.rank(looked_at, opened, ready.network, layers=layers, by=by, scale=scale, seed=seed)


def make(
    of: str,
    image: images.Source | None = None,
    *,
    network: Network | str | None = None,
    opening: Opening | None = None,
    on_step: OnStep | None = None,
    keep: CheckpointOptions | None = None,
    **requested: object,
) -> Dream | LargeDream:
    """A picture of any technique, by name.

    Args:
        of: the technique: `dream`, `style`, `pattern`, or one that was registered.
        image: the picture that it begins with, where it takes one.
        network: by default the one that the setting `model` names.
        opening: how the picture is opened: its long side, a canvas's size.
        on_step: called with each `Step`; raise `phosphene.StopRequested` there to end early and keep what there is.
        keep: where the run keeps how far it came; a run that stopped goes on from there.
        **requested: any setting of the technique.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    technique = known(of)
    ready = prepare(technique, technique.choose(**requested), network, opening=opening)
    return ready.make(image, on_step=on_step, keep=keep)


def _in_memory(made: Dream | LargeDream) -> Dream:
    assert isinstance(made, Dream)  # dreams alone are made on disk
    return made
