"""A window of a painting, sharper than it was painted: what `render` makes of it, without the rest of the picture."""

import math
from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from phosphene.painting.document import Document
from phosphene.painting.engine import PaintEngine
from phosphene.painting.look_cache import Box, Size
from phosphene.painting.render import coverage, refine_
from phosphene.pixels import masks
from phosphene.pixels.transforms import at, resize_window, sizes_above
from phosphene.recipes.settings import DreamSettings

WIDEST = 8192  # pixels of a window's side: a screen's, several times
MARGIN = 128  # pixels around the window that are dreamt with it: what they show reaches into it


class Part(NamedTuple):
    """A rectangle of a picture, in shares of its height and width, 0..1."""

    top: float
    left: float
    bottom: float
    right: float

    def at(self, size: Size, margin: int = 0) -> Box:
        """Its rows and columns at a size, and `margin` pixels more on each side where the picture has them."""
        rows, columns = (
            slice(max(0, min(int(low * length), length - 1) - margin), min(length, math.ceil(high * length) + margin))
            for low, high, length in ((self.top, self.bottom, size[0]), (self.left, self.right, size[1]))
        )
        return rows, columns


class CloseUp(NamedTuple):
    """The window at one of the sizes above the view's."""

    pixels: Tensor  # `[1, 3, h, w]`, 0..1
    box: Box  # its rows and columns
    size: Size  # of the whole picture


def closeups(
    document: Document,
    engine: PaintEngine,
    photograph: Tensor,
    part: Part,
    long_side: int,
    between: Callable[[], None] = lambda: None,
) -> Iterator[CloseUp]:
    """A part of a painting at one size after the other, each sharper, up to `long_side` pixels of the whole picture.

    At the photograph's own size it foretells what `render` makes there. It differs, as a window does not see the rest
    of the picture; and styles stay as they were painted in the view.

    Args:
        document: what was painted with the engine.
        engine: its pixels are the smallest octave.
        photograph: `[1, 3, H, W]`, at its own size.
        part: of the picture.
        long_side: no size is needed beyond the first that has it.
        between: is called now and then; what it raises ends the work.
    """
    full, view, usual = (photograph.shape[-2], photograph.shape[-1]), engine.look_cache.size, DreamSettings()
    found = coverage(document, engine.look_cache, usual.steps, engine.grown(document.ground))
    styles = [(engine.shown(style, lambda _: between()), share) for style, share in found.styles.items()]
    detail, held = engine.pixels - _under(engine.photograph, styles), (slice(0, view[0]), slice(0, view[1]))
    before = view
    for size in sizes_above(view, full, usual.octave_scale):
        seen = part.at(size, MARGIN)
        if max(side.stop - side.start for side in seen) > WIDEST:
            return
        plain = resize_window(photograph, seen, corner=(0, 0), source=full, size=size)
        base = _under(
            plain, [(_enlarged(each, seen, size), masks.at(share, *size)[(..., *seen)]) for each, share in styles]
        )
        dreamt = resize_window(detail, seen, corner=_corner(held), source=before, size=size).add_(base)
        for look, (_, strength) in found.dreams.items():
            mask = masks.at(found.worth_carrying(look), *size)[(..., *seen)]
            if mask.any():
                refine_(dreamt, mask, look, strength, engine, size, between)
        box = part.at(size)
        rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(box, seen, strict=True))
        shown = torch.lerp(plain, dreamt, document.opacity)
        if size != full:  # octaves are not smoothed when they are made smaller, but what is looked at is
            shown.add_(at(photograph, *size)[(..., *seen)] - plain)
        yield CloseUp(shown[..., rows, columns].clamp(0, 1), box, size)
        if max(size) >= long_side:
            return
        detail, before, held = dreamt.sub_(base), size, seen


def _under(photograph: Tensor, styles: list[tuple[Tensor, Tensor]]) -> Tensor:
    """What lies under all dreams: the photograph, and each style as far as it covers it."""
    return photograph + sum((share * (styled - photograph) for styled, share in styles), torch.zeros(()))


def _enlarged(styled: Tensor, window: Box, size: Size) -> Tensor:
    """A window of a style that the view is in."""
    return resize_window(styled, window, corner=(0, 0), source=(styled.shape[-2], styled.shape[-1]), size=size)


def _corner(box: Box) -> tuple[int, int]:
    return box[0].start, box[1].start
