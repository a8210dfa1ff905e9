"""Where a picture may change: masks by a picture's name, or by what is in the picture itself: sky, regions, alpha."""

from typing import Protocol

import torch
from torch import Tensor

from phosphene.errors import SettingsError
from phosphene.features import correspondence
from phosphene.images import Picture
from phosphene.networks import Network
from phosphene.pixels import masks, sheets, transforms
from phosphene.recipes.settings import ALPHA, SKY, is_region_word
from phosphene.techniques.engine import ImageCache, open_mask

_PROPORTION = 0.02  # by which a mask's proportions may differ from the picture's
REGION_SIDE = 384  # pixels of a picture's long side on the sheet of regions


class MaskSettings(Protocol):
    """Settings of a picture that may be changed in some places only."""

    @property
    def mask(self) -> str | None:
        """Where: a picture's name, or a place in the picture itself."""

    @property
    def feather(self) -> float:
        """How soft its border is, in pixels."""

    @property
    def invert(self) -> bool:
        """Whether it is turned round."""


def mask_of(picture: Picture, network: Network, cache: ImageCache, settings: MaskSettings) -> Tensor | None:
    """Where the picture may change, at its size, by its settings. Raises `SettingsError`: nowhere."""
    mask = read_mask(picture, network, cache, settings)
    if mask is not None and not mask.any():
        if settings.mask == SKY and not settings.invert:
            raise SettingsError(
                f"--mask {SKY}: no sky was found in {picture.name}.\n"
                "--show-regions regions.png draws its regions; name one by its number, as --mask 2."
            )
        raise SettingsError("The mask is black everywhere: nothing may dream.\nWhite dreams; --invert turns it round.")
    return mask


def read_mask(picture: Picture, network: Network, cache: ImageCache, settings: MaskSettings) -> Tensor | None:
    """As `mask_of`, but black everywhere it is a mask like others."""
    if settings.mask is None:
        return None
    mask = named_mask(settings.mask, picture, network, cache)
    return masks.feather(1 - mask if settings.invert else mask, settings.feather)


def named_mask(name: str, picture: Picture, network: Network, cache: ImageCache) -> Tensor:
    """The mask `[1, 1, H, W]` of that name: a place in the picture itself, or a picture's brightness; no sky is black.

    Raises:
        SettingsError: the picture has no such place, or the mask's proportions are others.
    """
    if not is_region_word(name):
        return _brightness(name, picture, cache)
    if name == ALPHA:
        if picture.alpha is None:
            raise SettingsError(f"--mask {ALPHA}: {picture.name} has no transparency. Name a picture as its mask.")
        return picture.alpha
    regions = correspondence.regions_of(network, picture.pixels)
    which = regions.sky if name == SKY else tuple(int(number) - 1 for number in name.split(","))
    count = regions.shares.shape[1]
    if not all(0 <= each < count for each in which):
        raise SettingsError(
            f"--mask {name}: {picture.name} has the regions 1 to {count}, the largest first.\n"
            "--show-regions regions.png draws them."
        )
    return regions.mask(which, *picture.pixels.shape[-2:])


def drawn_regions(pixels: Tensor, network: Network) -> Tensor:
    """A sheet of a picture's regions `[1, 3, H, W]`, each with its number: what is in it has its colours."""
    regions = correspondence.regions_of(network, pixels.to(network.dtype))
    small = transforms.within(pixels.to(network.dtype), REGION_SIDE)
    grey = small.mean(1, keepdim=True) / 4
    cells = []
    for number in range(regions.shares.shape[1]):
        called = f"{number + 1}, {SKY}" if number in regions.sky else str(number + 1)
        cells.append((called, torch.lerp(grey, small, regions.mask([number], *small.shape[-2:]))))
    return sheets.sheet(cells, columns=3 if small.shape[-1] <= small.shape[-2] else 2, heading="--mask NUMBER")


def _brightness(name: str, picture: Picture, cache: ImageCache) -> Tensor:
    """A mask `[1, 1, H, W]` of the picture's size: brightness, and nothing where the mask's own picture is transparent.

    A picture file whose brightest value is 1 of 255 is one of 0 and 1, as segmentation programs write it: 1 is white.

    Raises:
        SettingsError: its proportions are others.
    """
    found, brightness = open_mask(name, cache), fitted(name, picture, cache, "mask").mean(1, keepdim=True)
    alpha, brightest = found.alpha, float(found.pixels.max())
    if found.sha256 and 0 < brightest < 1.5 / 255:  # the frames of a film, which have none, may fade to black
        brightness = brightness / brightest
    return brightness if alpha is None else brightness * masks.at(alpha, *brightness.shape[-2:])


def fitted(name: str, picture: Picture, cache: ImageCache, kind: str) -> Tensor:
    """The pixels of a mask or the like, `[1, 3, H, W]`, at the picture's size.

    Raises:
        SettingsError: its proportions are others.
    """
    found = cache.picture(name)
    (height, width), (rows, columns) = found.pixels.shape[-2:], picture.pixels.shape[-2:]
    if abs(height / width * columns / rows - 1) > _PROPORTION:
        raise SettingsError(
            f"The {kind} {found.name} is {width}×{height}, the picture {columns}×{rows}: their proportions differ."
            " Crop one to fit the other."
        )
    return masks.at(found.pixels, rows, columns)
