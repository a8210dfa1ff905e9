"""The painting at the size at which it is painted: touches change its pixels, and only where they are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise

import torch
from torch import Tensor

from phosphene.ascent import OnStep, Step
from phosphene.errors import SettingsError, Stop
from phosphene.painting.document import DREAM, ERASE, STYLE, Brush, Document, Ground, Look, Touch
from phosphene.painting.look_cache import Box, LookCache
from phosphene.painting.settling import settled
from phosphene.pixels import transforms
from phosphene.recipes import dream as recipe
from phosphene.techniques.dreams import coloured

# The marks of a brush: where a touch is, and how far it goes there


NEAR = 1e-6  # square pixels: points that are nearer are one
FAINTEST = 1e-6  # of a mark: what is fainter counts as nothing
LIGHTEST = 0.25  # of a brush's size, that it has where a pen hardly presses


@dataclass(frozen=True)
class Mark:
    """A part of the view, and how far a touch goes at each of its pixels."""

    top: int  # of the part, in pixels of the view
    left: int  # likewise
    mask: Tensor  # `[1, 1, h, w]`, 0..1

    @property
    def box(self) -> Box:
        """Rows and columns of the part."""
        height, width = self.mask.shape[-2:]
        return slice(self.top, self.top + height), slice(self.left, self.left + width)


def mark(touch: Touch, brush: Brush, height: int, width: int) -> Mark | None:
    """The mark of a touch in a view of that size; `None` where it lies outside.

    It is as far along the way between its points as at the points, and fades towards the brush's edge by a cosine.
    """
    radius = brush.size / 2
    xs, ys = [x for x, _, _ in touch], [y for _, y, _ in touch]
    top, bottom = max(0, math.floor(min(ys) - radius)), min(height, math.ceil(max(ys) + radius) + 1)
    left, right = max(0, math.floor(min(xs) - radius)), min(width, math.ceil(max(xs) + radius) + 1)
    if top >= bottom or left >= right:
        return None
    rows, columns = (
        torch.arange(top, bottom, dtype=torch.float32)[:, None] + 0.5,
        torch.arange(left, right, dtype=torch.float32)[None] + 0.5,
    )
    ways = list(pairwise(touch)) or [(touch[0], touch[0])]
    covers = [_cover(rows, columns, begin, end, radius, brush.softness) for begin, end in ways]
    mask = torch.stack(covers).amax(0)[None, None]
    return Mark(top, left, mask) if mask.any() else None


def _cover(
    rows: Tensor, columns: Tensor, begin: tuple[float, float, float], end: tuple[float, float, float],
    radius: float, softness: float,
) -> Tensor:  # fmt: skip
    """How far a straight way from one point to the next goes, at each pixel."""
    (x, y, pressure), (dx, dy, change) = begin, tuple(b - a for a, b in zip(begin, end, strict=True))
    length = dx * dx + dy * dy
    along = ((columns - x) * dx + (rows - y) * dy).div(max(length, NEAR)).clamp(0, 1)
    distance = torch.hypot(columns - x - along * dx, rows - y - along * dy)
    pressed = pressure + along * change
    reach = radius * (LIGHTEST + (1 - LIGHTEST) * pressed)
    rim = (softness * reach).clamp(min=1.0)
    return 0.5 - 0.5 * torch.cos(math.pi * ((reach - distance) / rim).clamp(0, 1))


MARGIN = 48  # pixels of the view around a mark that are looked at with it
TOUCH_STEPS = 2  # at each octave; a whole dream has 14
TOUCH_LENGTH = 1.6  # of a touch's steps: it is seen at once, and half a second of holding still is a strong dream
TOUCH_JITTER = 12  # pixels: a window is small
ERASED, REVEALED = 0.35, 0.5  # of what a touch erases, or shows of a style


@dataclass(frozen=True)
class Begun:
    """How a view was when a stroke began, and what the stroke has covered since."""

    pixels: Tensor  # `[1, 3, h, w]`
    cover: Tensor  # `[1, 1, h, w]`, 0..1: how far the farthest touch went


@dataclass
class PaintEngine:
    """A view with what is painted on it.

    Attributes:
        look_cache: the looks, and the photograph.
        pixels: `[1, 3, h, w]`, as they stand.
        styled: the whole view in the styles of strokes and grounds, as far as they were looked at.
        regions: what the ground's style matched with what, as a picture; `None` without a style.
    """

    look_cache: LookCache
    pixels: Tensor = field(init=False)
    styled: dict[Look | Ground, Tensor] = field(default_factory=dict)
    regions: Tensor | None = None
    _begun: Begun | None = None  # how all was when the stroke began

    def __post_init__(self) -> None:
        self.pixels = self.photograph.clone()

    @property
    def photograph(self) -> Tensor:
        """The photograph, `[1, 3, h, w]`."""
        return self.look_cache.view.pixels

    def copy(self) -> PaintEngine:
        """As it stands, for a look at it later."""
        copied = PaintEngine(self.look_cache, dict(self.styled), self.regions)
        copied.pixels = self.pixels.clone()
        return copied

    def touch(self, brush: Brush, touch: Touch, number: int) -> Box | None:
        """Paints the touch of that number, the first of a stroke being 0; returns the part that has changed.

        Raises:
            SettingsError: a style that was not prepared.
            PhospheneError: a look that cannot be.
        """
        found = mark(touch, brush, *self.look_cache.size)
        if found is None:
            return None
        if number == 0 or self._begun is None:
            self._begun = Begun(self.pixels.clone(), torch.zeros_like(self.pixels[:, :1]))
        part, begun = self.pixels[(..., *found.box)], self._begun.pixels[(..., *found.box)]
        cover, wanted = self._begun.cover[(..., *found.box)], self._wanted(brush, found, number)
        if brush.look.kind == DREAM:  # as far as the farthest touch goes there, however often the place is touched
            torch.maximum(cover, found.mask, out=cover)
            wanted = begun + cover * (wanted - begun)
            part.copy_(part + found.mask / cover.clamp(min=FAINTEST) * (wanted - part))
        else:
            part.copy_(part + found.mask * amount(brush) * (wanted - part))
        return found.box

    def grow(self, ground: Ground | None, on_step: OnStep | None = None) -> Ground | None:
        """Lays the ground; after a `Stop` raised in `on_step` it stands as it is, and what is returned says so."""
        self.pixels, self.regions = self.photograph.clone(), None
        if ground is None:
            return None
        last: list[Step] = []

        def watch(step: Step) -> None:
            last[:] = [step]
            if on_step:
                on_step(step)
            if ground.until == (step.octave, step.step):
                raise Stop

        reached = ground
        try:
            self.pixels = self._grown(ground, watch)
        except Stop:
            if last:
                self.pixels = last[0].picture().clone()
            reached = replace(ground, until=(last[0].octave, last[0].step) if last else (1, 1))
        if ground.look.kind == STYLE:
            self.styled = {style: each for style, each in self.styled.items() if isinstance(style, Look)}
            self.styled[reached] = self.pixels.clone()
        return reached

    def grown(self, ground: Ground | None) -> float:
        """How far a ground came at the view's own size, 0..1: less than all if its growing was stopped."""
        if ground is None or ground.until is None or ground.look.kind != DREAM:
            return 1.0
        settings, (octave, step) = self.look_cache.dream(ground.look).settings, ground.until
        octaves = len(transforms.sizes(*self.look_cache.size, settings.octaves, settings.octave_scale))
        return step / settings.steps if octave == octaves else 0.0

    def prepare(self, look: Look, on_step: OnStep | None = None) -> None:
        """Makes a look ready, so that a touch of it is quick: a style repaints the whole view once.

        Raises:
            PhospheneError: a look that cannot be.
            Stop: raised in `on_step`.
        """
        if look.kind == DREAM:
            self.look_cache.dream(look)
        elif look.kind == STYLE and look not in self.styled:
            self.styled[look] = self._styled(look, None, on_step)

    def shown(self, style: Look | Ground, on_step: OnStep | None = None) -> Tensor:
        """The whole view in a stroke's style or a ground's, `[1, 3, h, w]`; looked at now, if it was not before.

        Raises:
            PhospheneError: a look that cannot be.
            Stop: raised in `on_step`.
        """
        if style not in self.styled and isinstance(style, Ground):
            other = PaintEngine(self.look_cache)
            if other.grow(style, on_step) != style:
                raise Stop
            self.styled[style] = other.pixels
        elif isinstance(style, Look):
            self.prepare(style, on_step)
        return self.styled[style]

    def paint(self, document: Document, on_step: OnStep | None = None) -> Iterator[Box]:
        """Paints it all again: the ground, then each touch; gives the parts as they change.

        The same document gives the same pixels on the same computer.

        Raises:
            Stop: raised in `on_step`.
        """
        if self.grow(document.ground, on_step) != document.ground:
            raise Stop
        yield from self.paint_strokes(document, on_step)

    def paint_strokes(self, document: Document, on_step: OnStep | None = None) -> Iterator[Box]:
        """Paints the strokes alone, upon what is there."""
        for stroke in document.strokes:
            self.prepare(stroke.brush.look, on_step)
            for number, touch in enumerate(stroke.touches):
                box = self.touch(stroke.brush, touch, number)
                if box is not None:
                    yield box

    def _wanted(self, brush: Brush, found: Mark, number: int) -> Tensor:
        """The pixels that a touch goes towards, within its mark."""
        if brush.look.kind == ERASE:
            return self.photograph[(..., *found.box)]
        if brush.look.kind == STYLE:
            if brush.look not in self.styled:
                raise SettingsError(f"{brush.look.name} has not looked at this picture yet. Wait until it is ready.")
            return self.styled[brush.look][(..., *found.box)]
        return self._dreamt(brush, found, number)

    def _dreamt(self, brush: Brush, found: Mark, number: int) -> Tensor:
        """A short dream of a window around a mark, within the mark."""
        rows, columns = (_wider(side, length) for side, length in zip(found.box, self.look_cache.size, strict=True))
        window, asked = self.pixels[..., rows, columns].clone(), self.look_cache.dream(brush.look)
        share = self.look_cache.share if asked.settings.colour is None else 1.0
        settings = replace(
            asked.settings,
            steps=TOUCH_STEPS,
            decay=0.0,
            strength=TOUCH_LENGTH * brush.strength,
            jitter=TOUCH_JITTER,
            colour=recipe.rule_of(asked.settings, share).colour,
            seed=self.look_cache.seed + number,
        )
        objective = self.look_cache.brushed(brush.look, (window.shape[-2], window.shape[-1]))
        dreamt = recipe.dream(window, self.look_cache.network, objective, settings=settings)
        begun = self.pixels if self._begun is None else self._begun.pixels
        held = settled(dreamt, begun[..., rows, columns], self.photograph[..., rows, columns], share)
        return held[..., _within(found.box[0], rows), _within(found.box[1], columns)]

    def _grown(self, ground: Ground, on_step: OnStep) -> Tensor:
        if ground.look.kind == STYLE:
            return self._styled(ground.look, ground.strength, on_step)
        asked = self.look_cache.dream(ground.look)
        settings = replace(
            coloured(asked.settings, self.look_cache.view), strength=asked.settings.strength * ground.strength
        )
        return recipe.dream(
            self.photograph, self.look_cache.network, asked.objective, settings=settings, on_step=on_step
        )

    def _styled(self, look: Look, strength: float | None, on_step: OnStep | None) -> Tensor:
        made = self.look_cache.styled(look, strength, self.look_cache.view, on_step)
        if not made.record.complete:
            raise Stop
        self.regions = made.regions if strength is not None and made.draw_regions else self.regions
        return made.pixels


def amount(brush: Brush) -> float:
    """How far a touch goes towards what is wanted; a dream goes all the way, and is short instead."""
    if brush.look.kind == DREAM:
        return 1.0
    return min(1.0, brush.strength * (ERASED if brush.look.kind == ERASE else REVEALED))


def _wider(side: slice, length: int) -> slice:
    return slice(max(0, side.start - MARGIN), min(length, side.stop + MARGIN))


def _within(side: slice, wide: slice) -> slice:
    return slice(side.start - wide.start, side.stop - wide.start)
