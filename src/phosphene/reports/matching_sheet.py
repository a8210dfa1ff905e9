"""A sheet for the eye: a picture, its guides, and the small dreams that the best layers have with them."""

from collections.abc import Sequence

from torch import Tensor

from phosphene import images, objectives
from phosphene.ascent import OnStep
from phosphene.errors import SettingsError
from phosphene.networks import Network
from phosphene.pixels.transforms import shrink
from phosphene.recipes.dream import dream
from phosphene.recipes.settings import RECIPES, DreamSettings, settings

SIDE = 384  # pixels of a small dream's long side: fewer leave the smallest octaves no motif

Cell = tuple[str, Tensor]


def small(picture: Tensor) -> Tensor:
    """`picture` `[1, 3, H, W]` as it stands on the sheet, no longer than `SIDE`."""
    return shrink(picture, min(1.0, SIDE / max(picture.shape[-2:])))


def beginning(picture: Tensor, guides: Sequence[Tensor]) -> list[Cell]:
    """The sheet's first cells: the picture and its guides, small."""
    names = [f"guide {number}" for number in range(1, len(guides) + 1)] if len(guides) > 1 else ["guide"]
    return [("picture", small(picture)), *zip(names, map(small, guides), strict=True)]


def guided(
    picture: Tensor,
    guides: Sequence[Tensor],
    network: Network,
    layers: Sequence[str],
    *,
    scale: float = 1.0,
    chosen: DreamSettings | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """The dream that layers have of a picture with guides, `[1, 3, H, W]`.

    Args:
        picture: `[1, 3, H, W]`, sRGB 0..1; it is dreamt upon at its own size.
        guides: one or more.
        network: what dreams.
        layers: one, or several together.
        scale: the guides' long side, as a share of the picture's.
        chosen: how to dream; by default as this program does with a guide.
        on_step: called with each `Step`.

    Raises:
        PhospheneError: from the dream.
    """
    wanted = objectives.total([objectives.guide(layer, *guides, scales=(scale,)) for layer in layers])
    return dream(
        picture, network, wanted.prepare(network, _opened), settings=chosen or recipe(network), on_step=on_step
    )


def recipe(network: Network) -> DreamSettings:
    """How this program dreams with a guide."""
    return settings(**{**RECIPES["phosphene"].guided, "model": network.name})


def _opened(source: images.Source) -> Tensor:
    """A guide that was opened before."""
    if not isinstance(source, Tensor):
        raise SettingsError("Guides on a sheet are pixels; open them with phosphene.load.")
    return source
