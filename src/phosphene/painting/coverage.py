"""How much of each look lies at each place of a painting, after all that was painted over it."""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from torch import Tensor

from phosphene.painting.document import DREAM, ERASE, STYLE, Document, Ground, Look
from phosphene.painting.easel import TOUCH_STEPS, amount
from phosphene.painting.marks import mark

Size = tuple[int, int]


@dataclass
class Coverage:
    """Shares of looks.

    Attributes:
        size: height and width of the view.
        dreams: of each dream's look, how much of a whole dream each place has had, `[1, 1, h, w]`, 0..1, and its
            strength.
        styles: of each style, a stroke's look or a ground, how far it covers each place; the rest is the photograph.
    """

    size: Size
    dreams: dict[Look, tuple[Tensor, float]] = field(default_factory=dict)
    styles: dict[Look | Ground, Tensor] = field(default_factory=dict)

    def add(self, look: Look, box: tuple[slice, slice], share: Tensor, strength: float) -> None:
        """More of a dream; it adds up to a whole one."""
        found, before = self.dreams.setdefault(look, (torch.zeros(1, 1, *self.size), strength))
        part = found[(..., *box)]
        part.add_(share).clamp_(max=1)
        self.dreams[look] = found, max(before, strength)

    def hide_(self, box: tuple[slice, slice], share: Tensor) -> None:
        """Less of everything."""
        for layer in (*(found for found, _ in self.dreams.values()), *self.styles.values()):
            layer[(..., *box)].mul_(1 - share)

    def show(self, style: Look | Ground, box: tuple[slice, slice], share: Tensor) -> None:
        """A style over everything else."""
        self.hide_(box, share)
        found = self.styles.setdefault(style, torch.zeros(1, 1, *self.size))
        found[(..., *box)].add_(share)


def coverage(document: Document, size: Size, steps: int, grown: float = 1.0) -> Coverage:
    """The shares of looks in a painting.

    Args:
        document: the painting.
        size: height and width of its view.
        steps: of a whole dream, at each size.
        grown: how far its ground came at the view's own size, 0..1.
    """
    found, everywhere = Coverage(size), (slice(0, size[0]), slice(0, size[1]))
    if document.ground is not None:
        whole, ground = torch.ones(1, 1, *size), document.ground
        if ground.look.kind == STYLE:
            found.show(ground, everywhere, whole)
        else:
            found.add(ground.look, everywhere, whole * grown, ground.strength)
    for stroke in document.strokes:
        brush = stroke.brush
        for touch in stroke.touches:
            made = mark(touch, brush, *size)
            if made is None:
                continue
            if brush.look.kind == DREAM:
                found.add(brush.look, made.box, made.mask * min(1.0, TOUCH_STEPS / steps), brush.strength)
            elif brush.look.kind == ERASE:
                found.hide_(made.box, made.mask * amount(brush))
            else:
                found.show(brush.look, made.box, made.mask * amount(brush))
    return found
