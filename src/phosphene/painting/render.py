"""A painting at full size: what was painted small is enlarged, and goes on dreaming at the sizes above.

This is how a dream's own octaves work: the detail found at one size is carried up and laid over the photograph, whose
fine structure comes back. The painter's octave is the smallest here, and each place goes on in the looks that it has.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import psutil
import torch
from torch import Tensor

from phosphene.ascent import AscentTerm, Step, climb_, gradient, planning
from phosphene.errors import OutOfSpaceError, StopRequested
from phosphene.images import Picture
from phosphene.painting.document import DREAM, ERASE, STYLE, Document, Ground, Look, Stroke
from phosphene.painting.engine import TOUCH_STEPS, PaintEngine, amount
from phosphene.painting.look_cache import Box, LookCache, Size
from phosphene.painting.marks import mark
from phosphene.pixels import masks
from phosphene.pixels.transforms import at_long_side, resize, sizes_above
from phosphene.recipes import dream as recipe
from phosphene.recipes.settings import DreamSettings

# How much of each look lies at each place of a painting, after all that was painted over it


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

    def add(self, look: Look, box: Box, share: Tensor, strength: float) -> None:
        """More of a dream; it adds up to a whole one."""
        found, before = self.dreams.setdefault(look, (torch.zeros(1, 1, *self.size, dtype=torch.float32), strength))
        part = found[(..., *box)]
        part.add_(share).clamp_(max=1)
        self.dreams[look] = found, max(before, strength)

    def worth_carrying(self, look: Look) -> Tensor:
        """The share of a dream's look, where it is more than next to nothing."""
        share, _ = self.dreams[look]
        return share * (share > LEAST)

    def hide_(self, box: Box, share: Tensor) -> None:
        """Less of everything."""
        for layer in (*(found for found, _ in self.dreams.values()), *self.styles.values()):
            layer[(..., *box)].mul_(1 - share)

    def show(self, style: Look | Ground, box: Box, share: Tensor) -> None:
        """A style over everything else."""
        self.hide_(box, share)
        found = self.styles.setdefault(style, torch.zeros(1, 1, *self.size, dtype=torch.float32))
        found[(..., *box)].add_(share)


def coverage(document: Document, look_cache: LookCache, steps: int, grown: float = 1.0) -> Coverage:
    """The shares of looks in a painting.

    Args:
        document: the painting.
        look_cache: of its view.
        steps: of a whole dream, at each size.
        grown: how far its ground came at the view's own size, 0..1.
    """
    size = look_cache.size
    found, everywhere = Coverage(size), (slice(0, size[0]), slice(0, size[1]))
    if document.ground is not None:
        whole, ground = torch.ones(1, 1, *size, dtype=torch.float32), document.ground
        if ground.look.kind == STYLE:
            found.show(ground, everywhere, whole * document.ground_opacity)
        else:
            found.add(ground.look, everywhere, whole * grown * document.ground_opacity, ground.strength)
    for stroke in document.strokes:
        if stroke.visible and stroke.opacity:
            _add_stroke(found, stroke, steps, look_cache.selected(stroke.brush.inside))
    return found


def _add_stroke(found: Coverage, stroke: Stroke, steps: int, inside: Tensor | None) -> None:
    """The share of one stroke: of a dream the sum of its touches, of others how far they cover, times its opacity."""
    brush, share = stroke.brush, torch.zeros(1, 1, *found.size, dtype=torch.float32)
    everywhere = slice(0, found.size[0]), slice(0, found.size[1])
    for touch in stroke.touches:
        made = mark(touch, brush, *found.size, inside)
        if made is None:
            continue
        part = share[(..., *made.box)]
        if brush.look.kind == DREAM:
            part.add_(made.mask * min(1.0, TOUCH_STEPS / steps)).clamp_(max=1)
        else:
            part.add_(made.mask * amount(brush) * (1 - part))
    share.mul_(stroke.opacity)
    if brush.look.kind == ERASE:
        found.hide_(everywhere, share)
    elif brush.look.kind == STYLE:
        found.show(brush.look, everywhere, share)
    elif stroke.blend != "colour":  # whose fine detail is light, and is not wanted
        look = replace(brush.look, colour="keep") if stroke.blend == "luminosity" else brush.look
        found.add(look, everywhere, share, brush.strength)


LEAST = 0.02  # of a whole dream: less of it is not carried on
ROOM = 0.8  # of the memory that is free
STYLE_SHARE = 4.0  # of a style's work for a pixel, where a dream's step is 1

Tell = Callable[[float], None]


def enlarged(photograph: Picture, long_side: int | None, engine: PaintEngine) -> Picture:
    """A photograph of at least that long side: a smaller one is enlarged smoothly, and is dreamt upon at that size.

    Raises:
        OutOfSpaceError: too little memory to paint at that size.
    """
    height, width = photograph.pixels.shape[-2:]
    if long_side is None or long_side <= max(height, width):
        return photograph
    size = at_long_side(height, width, long_side)
    check_room(engine, size)
    return photograph.enlarged(*size)


def check_room(engine: PaintEngine, full: Size) -> None:
    """Refuses what memory cannot hold before it is begun: an `OutOfSpaceError` names the long side that it can."""
    needed = planning.picture_bytes(engine.look_cache.network, full) + planning.STEP_BYTES
    free = ROOM * psutil.virtual_memory().available
    if needed > free:
        most = math.sqrt(max(0.0, free - planning.STEP_BYTES) / needed) * max(full)
        raise OutOfSpaceError(
            f"{full[1]}×{full[0]} pixels take {needed / 1e9:.1f} GB of memory, and {free / 1e9:.1f} GB are free.\n"
            f"Render at a long side of {100 * int(most // 100)} pixels, or close other programs."
        )


def render(
    document: Document, engine: PaintEngine, photograph: Picture, tell: Tell, between: Callable[[], None] = lambda: None
) -> Tensor:
    """The painting of a paint engine, `[1, 3, H, W]`, at the size of `photograph`.

    Args:
        document: what was painted with the engine.
        engine: its pixels are the smallest octave.
        photograph: at the size that is wanted.
        tell: is told what share is done.
        between: is called now and then; what it raises ends the render.

    Raises:
        OutOfSpaceError: too little memory.
        PhospheneError: a look that cannot be.
    """
    full = photograph.pixels.shape[-2], photograph.pixels.shape[-1]
    if max(full) <= max(engine.look_cache.size):
        return _shown(resize(engine.pixels, *full).clamp(0, 1), photograph, document)
    check_room(engine, full)
    usual = DreamSettings()
    found = coverage(document, engine.look_cache, usual.steps, engine.grown(document.ground))
    sizes = sizes_above(engine.look_cache.size, full, usual.octave_scale)
    work = _Work(_amount(found, sizes, full), tell, between)
    small, large = _bases(found, engine, photograph, work)
    detail = engine.pixels - small
    for size in sizes:
        base = resize(large, *size)
        dreamt = resize(detail, *size).add_(base)
        for look in found.dreams:
            _dream_(dreamt, look, found, engine, work)
        detail = dreamt.sub_(base)
    return _shown(detail.add_(large).clamp_(0, 1), photograph, document)


def _shown(painted: Tensor, photograph: Picture, document: Document) -> Tensor:
    """What is painted over the photograph, as far as it covers it."""
    return painted if document.opacity == 1 else torch.lerp(photograph.pixels, painted, document.opacity)


def _bases(found: Coverage, engine: PaintEngine, photograph: Picture, work: _Work) -> tuple[Tensor, Tensor]:
    """What lies under all dreams, in the view and at full size: the photograph, and styles where they were shown."""
    small, large = engine.photograph.clone(), photograph.pixels.clone()
    for style, share in found.styles.items():
        small.add_(share * (engine.shown(style, lambda _: work.between()) - engine.photograph))
        styled = _styled(style, engine, photograph, work)
        large.add_(styled.sub_(photograph.pixels).mul_(masks.at(share, *large.shape[-2:])))
    return small, large


@dataclass
class _Work:
    """How much is to be done, and has been."""

    total: float
    tell: Tell
    between: Callable[[], None]
    done: float = 0.0

    def add(self, amount: float) -> None:
        self.done += amount
        self.tell(min(1.0, self.done / max(1.0, self.total)))


def _amount(found: Coverage, sizes: list[Size], full: Size) -> float:
    """Pixels times steps, for a bar."""
    shares = sum(float((share > LEAST).float().mean()) for share, _ in found.dreams.values())
    dreams = DreamSettings().steps * shares * sum(map(math.prod, sizes))
    return dreams + STYLE_SHARE * len(found.styles) * DreamSettings().steps * math.prod(full)


def _dream_(pixels: Tensor, look: Look, found: Coverage, engine: PaintEngine, work: _Work) -> None:
    """One look goes on at one size, in place, where it was painted."""
    height, width = pixels.shape[-2:]
    mask = masks.at(found.worth_carrying(look), height, width)
    if painted := int(mask.count_nonzero()):
        refine_(
            pixels, mask, look, found.dreams[look][1], engine, (height, width), work.between, lambda: work.add(painted)
        )


def refine_(
    pixels: Tensor,
    mask: Tensor,
    look: Look,
    strength: float,
    engine: PaintEngine,
    size: Size,
    between: Callable[[], None],
    on_step: Callable[[], None] = lambda: None,
) -> None:
    """Dreams on in place, at a size above the view's, in pixels that are all of the picture or a window of it.

    Args:
        pixels: `[1, 3, h, w]`.
        mask: where, and how far, `[1, 1, h, w]`; not 0 everywhere.
        look: what is dreamt.
        strength: how far.
        engine: whose view it was painted in.
        size: height and width of the whole picture at this size.
        between: is called before each tile.
        on_step: is called after each step.
    """
    asked, network = engine.look_cache.dream(look), engine.look_cache.network
    settings = replace(asked.settings, strength=asked.settings.strength * strength)
    here = pixels.shape[-2], pixels.shape[-1]
    objective = asked.objective.fit(*size)
    (tiling,) = recipe.tilings_of(network, objective, settings, [here])
    tiling = gradient.around(mask, network, objective, tiling)
    compute = partial(
        gradient.compute, network=network.to(settings.device), objective=objective, tiling=tiling, between=between
    )
    rule = recipe.refining_rule(recipe.rule_of(settings, engine.look_cache.share), engine.look_cache.size, size)
    generator = torch.Generator().manual_seed(settings.seed + size[0])
    climb_(
        pixels,
        [AscentTerm(compute, mask, sees=tiling.overlap)],
        rule=rule,
        shifts=rule.shifts(settings.steps, generator),
        on_step=lambda *_: on_step(),
    )


def _styled(style: Look | Ground, engine: PaintEngine, photograph: Picture, work: _Work) -> Tensor:
    """The whole picture in a style."""
    look, strength = (style.look, style.strength) if isinstance(style, Ground) else (style, None)
    height, width = photograph.pixels.shape[-2:]
    amount, before = STYLE_SHARE * DreamSettings().steps * height * width, work.done

    def watch(step: Step) -> None:
        work.add(before + amount * step.done - work.done)
        work.between()

    made = engine.look_cache.styled(look, strength, photograph, watch)
    if not made.record.complete:
        raise StopRequested
    return made.pixels
