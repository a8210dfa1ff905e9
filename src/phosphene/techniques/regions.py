"""A picture of what was matched with what: the content and its styles, in shared colours."""

from __future__ import annotations

import colorsys
from collections.abc import Sequence

from torch import Tensor

from phosphene.errors import SettingsError
from phosphene.features.correspondence import Correspondence
from phosphene.pixels import sheets
from phosphene.pixels.transforms import at, shrink
from phosphene.recipes.painter import Source

SIDE = 512  # pixels of a picture's long side on the sheet
SHOWS = 0.65  # share of the colour over the picture


def drawn(content: Tensor, sources: Sequence[Source]) -> Tensor:
    """The sheet `[1, 3, H, W]`: of each style's places, a colour; and the content's places in their counterparts'.

    Raises:
        SettingsError: no correspondence was looked for.
    """
    cells: list[tuple[str, Tensor]] = []
    for number, source in enumerate(sources, 1):
        if source.stuff is None:
            raise SettingsError("--show-regions: only looks counted, so that nothing was matched by what it is.")
        of, by = _colours(source.stuff)
        name = "the style" if len(sources) == 1 else f"style {number}"
        cells += [("your picture", _over(content, of)), (name, _over(source.pixels, by))]
    return sheets.sheet(cells, columns=2, heading="one colour, one stuff")


def _colours(stuff: Correspondence) -> tuple[Tensor, Tensor]:
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
