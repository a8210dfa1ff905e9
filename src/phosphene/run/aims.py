"""What a run aims at: from settings to objectives that are ready, masks, and regions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import Tensor

from phosphene import images, masks, objectives, ranking
from phosphene.errors import SettingsError
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.networks.devices import device_for
from phosphene.objectives import Objective
from phosphene.recipes.dream import Region, goal
from phosphene.recipes.fields import numbers
from phosphene.recipes.settings import BEST, DreamSettings
from phosphene.recipes.style_settings import StyleSettings
from phosphene.run.album import Album

ALPHA = "alpha"
_PROPORTION = 0.02  # by which a mask's proportions may differ from the picture's


@dataclass(frozen=True)
class Aim:
    """An objective ready for the network, and where it holds.

    Attributes:
        settings: with the layers that were chosen for a guide.
        objective: ready for the network.
        mask: `[1, 1, H, W]`, or `None` for everywhere.
        regions: what is aimed at elsewhere.
        notes: what the user should hear.
    """

    settings: DreamSettings
    objective: Objective
    mask: Tensor | None = None
    regions: tuple[Region, ...] = ()
    notes: tuple[str, ...] = ()


def aim(
    picture: Picture, settings: DreamSettings, network: Network, album: Album, objective: Objective | None = None
) -> Aim:
    """Makes everything ready that the settings ask for, for this picture.

    Raises:
        PhospheneError: names that are not there, pictures that cannot be read, masks that do not fit.
    """
    settings, notes = chosen_layers(picture, settings, network, album)
    wanted = (objective or goal(network, settings)).prepare(network, album)
    mask = mask_of(picture, settings, album)
    regions = tuple(_region(text, picture, settings, network, album, wanted) for text in settings.region)
    return Aim(settings, wanted, mask, regions, notes)


def asks_for_best(settings: DreamSettings) -> bool:
    """Whether layers are to be chosen for a guide."""
    return bool(settings.guide) and settings.layer in (None, BEST)


def chosen_layers(
    picture: Picture, settings: DreamSettings, network: Network, album: Album
) -> tuple[DreamSettings, tuple[str, ...]]:
    """The settings with the layers that suit the guide best, where that was asked for, and word of it."""
    if not asks_for_best(settings):
        return settings, ()
    guides = [album(name) for name in settings.guide]
    scale = max(numbers(settings.guide_scales, "--guide-scales"))
    ranked = ranking.rank(picture.pixels, guides, network, scale=scale or 1.0)
    layers = [each.layer for each in ranking.companions(ranked, network, settings.top)]
    also = f", with {' and '.join(layers[1:])}" if layers[1:] else ""
    note = f"the layer that suits the guide best: {layers[0]}{also}"
    return replace(settings, layer=",".join(layers)), (note,)


def mask_of(picture: Picture, settings: DreamSettings | StyleSettings, album: Album) -> Tensor | None:
    """Where the picture may dream, at its size."""
    if settings.mask is None:
        return None
    if settings.mask == ALPHA:
        if picture.alpha is None:
            raise SettingsError(f"--mask {ALPHA}: {picture.name} has no transparency. Name a picture as its mask.")
        mask = picture.alpha
    else:
        mask = _brightness(settings.mask, picture, album)
    mask = masks.feather(1 - mask if settings.invert else mask, settings.feather)
    if not mask.any():
        raise SettingsError("The mask is black everywhere: nothing may dream.\nWhite dreams; --invert turns it round.")
    return mask


def _brightness(name: str, picture: Picture, album: Album) -> Tensor:
    """A mask `[1, 1, H, W]` of the picture's size: brightness, and nothing where the mask's own picture is transparent.

    Raises:
        SettingsError: its proportions are others.
    """
    brightness, alpha = fitted(name, picture, album, "mask").mean(1, keepdim=True), album.picture(name).alpha
    return brightness if alpha is None else brightness * masks.at(alpha, *brightness.shape[-2:])


def fitted(name: str, picture: Picture, album: Album, kind: str) -> Tensor:
    """The pixels of a mask or the like, `[1, 3, H, W]`, at the picture's size.

    Raises:
        SettingsError: its proportions are others.
    """
    found = album.picture(name)
    (height, width), (rows, columns) = found.pixels.shape[-2:], picture.pixels.shape[-2:]
    if abs(height / width * columns / rows - 1) > _PROPORTION:
        raise SettingsError(
            f"The {kind} {found.name} is {width}×{height}, the picture {columns}×{rows}: their proportions differ."
            " Crop one to fit the other."
        )
    return masks.at(found.pixels, rows, columns)


def _region(
    text: str, picture: Picture, settings: DreamSettings, network: Network, album: Album, usual: Objective
) -> Region:
    """A region from `mask.png=OBJECTIVE @ STRENGTH`, where either of the two may be left out."""
    name, wish, strength = split_region(text)
    mask = masks.feather(_brightness(name, picture, album), settings.feather)
    if not mask.any():
        raise SettingsError(f"The region {name} is black everywhere: nothing may dream there. White dreams.")
    objective = objectives.read(wish).prepare(network, album) if wish else usual
    return Region(mask, objective, strength)


def split_region(text: str) -> tuple[str, str, float]:
    """A region's mask, objective and strength.

    Raises:
        SettingsError: it is written otherwise.

    >>> split_region("sky.png=layer(block3) @ 0.5")
    ('sky.png', 'layer(block3)', 0.5)
    """
    name, equals, rest = text.partition("=")
    ending = re.fullmatch(r"(.*)@([^@'\"()]*)", rest, re.DOTALL)  # an @ within a name is none of ours
    wish, at, strength = (ending[1], "@", ending[2]) if ending else (rest, "", "1")
    try:
        factor = float(strength)
    except ValueError:
        factor = -1.0
    if not (name.strip() and equals and (wish.strip() or at) and 0 <= factor <= 100):
        raise SettingsError(
            f"--region is {text!r}; it takes a mask and what is dreamt there, as 'sky.png=layer(block3)',\n"
            "'sky.png=layer(block3) @ 0.5' with a strength from 0 to 100, or 'sky.png=@ 0.5' for a strength alone."
        )
    return name.strip(), wish.strip(), factor


def check(settings: DreamSettings, network: Network) -> Objective:
    """Finds before any work whatever is wrong for every picture; gives the objective, as far as it is known.

    Raises:
        PhospheneError: names that are not there, guides and masks that cannot be read.
    """
    album = Album(network.dtype)
    known = replace(settings, layer=None) if settings.layer == BEST else settings
    for name, wish, _ in map(split_region, settings.region):
        album.picture(name)
        if wish:
            objectives.read(wish).prepare(network, album)
    if settings.mask not in (None, ALPHA):
        album.picture(str(settings.mask))
    wanted = goal(network, known)
    wanted.prepare(network, album)
    return wanted


def recorded(settings: DreamSettings, network: Network) -> dict[str, Any]:
    """The settings as a record holds them: objectives as they print, pictures without their folders."""
    regions = [split_region(text) for text in settings.region]
    said = settings.objective
    layer = None if said else settings.layer or network.default_layer
    return settings.to_dict() | {
        "model": network.name,
        "device": device_for(settings.device),
        "weights": None if settings.weights is None else images.name_of(settings.weights),
        "layer": layer,
        "objective": None if said is None else str(objectives.read(said)),
        "guide": [images.name_of(name) for name in settings.guide],
        "mask": None if settings.mask is None else images.name_of(settings.mask),
        "region": [
            join_region(images.name_of(name), str(objectives.read(wish)) if wish else "", strength)
            for name, wish, strength in regions
        ],
    }


def join_region(name: str, wish: str, strength: float) -> str:
    """The inverse of `split_region`."""
    return f"{name}={wish}" + (f" @ {strength:g}" if strength != 1 or not wish else "")


def names(settings: DreamSettings) -> Sequence[str]:
    """The pictures that the settings name, beside the one that dreams."""
    of_objective = () if settings.objective is None else objectives.read(settings.objective).pictures
    of_regions = [split_region(text) for text in settings.region]
    wishes = [objectives.read(wish).pictures for _, wish, _ in of_regions if wish]
    mask = () if settings.mask in (None, ALPHA) else (settings.mask,)
    found = [*settings.guide, *mask, *of_objective, *(name for name, _, _ in of_regions)]
    return [str(name) for name in (*found, *(picture for each in wishes for picture in each)) if name is not None]
