"""The style sources, each drawn by code: a function of height, width and a seed that gives pixels `[1, 3, H, W]`."""

from collections.abc import Callable

from torch import Tensor

from phosphene.filters.drawings import pens, planes

DRAWINGS: dict[str, Callable[[int, int, int], Tensor]] = {
    draw.__name__: draw
    for draw in (
        *(pens.embroidery, pens.impasto, pens.night, pens.pointillism),
        *(planes.charcoal, planes.coloured_pencil, planes.comic, planes.delft, planes.hatching, planes.mosaic),
        *(planes.sanguine, planes.woodcut),
    )
}
