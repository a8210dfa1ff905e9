"""What a run aims at: from settings to objectives that are ready, masks, and regions."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from phosphene import objectives
from phosphene.errors import SettingsError
from phosphene.features import ranking
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import masks
from phosphene.recipes.dream import Region, goal
from phosphene.recipes.fields import numbers
from phosphene.recipes.settings import ALPHA, BEST, DreamSettings, split_region
from phosphene.recipes.style_settings import StyleSettings
from phosphene.techniques.album import Album

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
