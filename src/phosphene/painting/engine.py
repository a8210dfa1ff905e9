"""The painting at the size at which it is painted: touches change its pixels, and only where they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import torch
from torch import Tensor

from phosphene.ascent import OnStep, Step
from phosphene.errors import SettingsError, StopRequested
from phosphene.painting.document import DREAM, ERASE, STYLE, Brush, Document, Ground, Look, Stroke, Touch
from phosphene.painting.look_cache import Box, LookCache
from phosphene.painting.marks import FAINTEST, Mark, StrokeLayer, mark
from phosphene.painting.settling import settled
from phosphene.pixels import transforms
from phosphene.pixels.masks import window
from phosphene.recipes import dream as recipe
from phosphene.techniques.dreams import coloured

MARGIN = 48  # pixels of the view around a mark that are looked at with it
TOUCH_STEPS = 2  # at each octave; a whole dream has 14
TOUCH_LENGTH = 1.6  # of a touch's steps: it is seen at once, and half a second of holding still is a strong dream
TOUCH_JITTER = 12  # pixels: a window is small
ROOM = 400_000_000  # bytes of strokes that can be adjusted at once; others are painted again for it
SKETCH, SKETCH_STEPS = 384, 9  # pixels of the long side, and steps at each size, of a style that is wanted at once
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
        opacity: how far all that is painted covers the photograph, where it is shown.
        begun: how all was when the stroke began that is being painted.
    """

    look_cache: LookCache
    pixels: Tensor = field(init=False)
    styled: dict[Look | Ground, Tensor] = field(default_factory=dict)
    regions: Tensor | None = None
    opacity: float = 1.0
    begun: Begun | None = None
    _ground: Tensor | None = None  # the whole view under the strokes, if it is known
    _layers: dict[int, StrokeLayer] = field(default_factory=dict)  # of strokes, by the `id` of their touches

    def __post_init__(self) -> None:
        self.pixels, self._ground = self.photograph.clone(), self.photograph

    def restore(self, pixels: Tensor, document: Document) -> None:
        """Takes a document's pixels, which were painted earlier; what each stroke did is not known then."""
        self.pixels, self._layers, self.begun = pixels, {}, None
        self._ground = None if document.strokes or document.ground_opacity != 1 else pixels.clone()

    @property
    def photograph(self) -> Tensor:
        """The photograph, `[1, 3, h, w]`."""
        return self.look_cache.view.pixels

    def copy(self) -> PaintEngine:
        """As it stands, for a look at it later."""
        copied = PaintEngine(self.look_cache, dict(self.styled), self.regions)
        copied.pixels, copied.opacity, copied._ground = self.pixels.clone(), self.opacity, None
        return copied

    def visible(self, pixels: Tensor, box: Box = (slice(None), slice(None))) -> Tensor:
        """Pixels of a box as they are shown: between the photograph and what is painted."""
        if self.opacity == 1:
            return pixels
        return torch.lerp(self.photograph[(..., *box)], pixels, self.opacity)

    def touch(self, brush: Brush, touch: Touch, number: int) -> Box | None:
        """Paints the touch of that number, the first of a stroke being 0; returns the part that has changed.

        Raises:
            SettingsError: a style that was not prepared.
            PhospheneError: a look that cannot be.
        """
        found = mark(touch, brush, *self.look_cache.size, self.look_cache.selected(brush.inside))
        if found is None:
            return None
        if number == 0 or self.begun is None:
            self.begun = Begun(self.pixels.clone(), torch.zeros_like(self.pixels[:, :1]))
        part, begun = self.pixels[(..., *found.box)], self.begun.pixels[(..., *found.box)]
        cover, wanted = self.begun.cover[(..., *found.box)], self._wanted(brush, found, number)
        if brush.look.kind == DREAM:  # as far as the farthest touch goes there, however often the place is touched
            torch.maximum(cover, found.mask, out=cover)
            wanted = begun + cover * (wanted - begun)
            part.copy_(part + found.mask / cover.clamp(min=FAINTEST) * (wanted - part))
        else:
            share = found.mask * amount(brush)
            cover.add_(share * (1 - cover))
            part.copy_(part + share * (wanted - part))
        return found.box

    def finish(self, stroke: Stroke) -> None:
        """Keeps what the stroke that was painted last did, so that it can be adjusted."""
        begun = self.begun or Begun(self.pixels, torch.zeros_like(self.pixels[:, :1]))
        box = window(begun.cover, 0) if begun.cover.any() else (slice(0, 0), slice(0, 0))
        cover, before = begun.cover[(..., *box)], begun.pixels[(..., *box)]
        covered = torch.zeros_like(cover) if stroke.brush.look.kind == DREAM else cover.clone()
        colours = self.pixels[(..., *box)] - (1 - covered) * before
        self._layers[id(stroke.touches)] = StrokeLayer(box, covered, colours, stroke.touches)
        while sum(each.nbytes for each in self._layers.values()) > ROOM and len(self._layers) > 1:
            del self._layers[next(iter(self._layers))]
        self.begun = None

    def layer(self, stroke: Stroke) -> StrokeLayer | None:
        """What a stroke did, if that is known: it was painted since the painting was opened, and there was room."""
        return self._layers.get(id(stroke.touches))

    def composed(self, document: Document) -> bool:
        """Lays the strokes on the ground again, as a document has them; `False`: not all are known."""
        layers = [self.layer(stroke) for stroke in document.strokes if stroke.touches]
        if self._ground is None or None in layers:
            return False
        self.pixels = torch.lerp(self.photograph, self._ground, document.ground_opacity)
        for stroke in document.strokes:
            self._lay(stroke)
        return True

    def _lay(self, stroke: Stroke) -> None:
        found = self.layer(stroke)
        if found is not None:
            part = self.pixels[(..., *found.box)]
            part.copy_(found.on(part, stroke))

    def grow(self, ground: Ground | None, on_step: OnStep | None = None) -> Ground | None:
        """Lays the ground; after a `StopRequested` in `on_step` it stands as it is, and what is returned says so."""
        self.pixels, self.regions = self.photograph.clone(), None
        self._ground, self._layers = self.photograph, {}
        if ground is None:
            return None
        last: list[Step] = []

        def watch(step: Step) -> None:
            last[:] = [step]
            if on_step:
                on_step(step)
            if ground.until == (step.octave, step.step):
                raise StopRequested

        reached = ground
        try:
            self.pixels = self._grown(ground, watch)
        except StopRequested:
            if last:
                self.pixels = last[0].picture().clone()
            reached = replace(ground, until=(last[0].octave, last[0].step) if last else (1, 1))
        self._ground, self._layers = self.pixels.clone(), {}
        if ground.look.kind == STYLE:
            self.styled = {style: each for style, each in self.styled.items() if isinstance(style, Look)}
            self.styled[reached] = self.pixels.clone()
        return reached

    def grown(self, ground: Ground | None) -> float:
        """How far a ground came at the view's own size, 0..1: less than all if its growing was stopped."""
        if ground is None or ground.until is None or ground.look.kind != DREAM:
            return 1.0
        settings, (octave, step) = self.look_cache.dream(ground.look).settings, ground.until
        octaves = len(recipe.sizes_of(settings, *self.look_cache.size))
        return step / settings.steps if octave == octaves else 0.0

    def prepare(self, look: Look, on_step: OnStep | None = None) -> None:
        """Makes a look ready, so that a touch of it is quick: a style repaints the whole view once.

        Raises:
            PhospheneError: a look that cannot be.
            StopRequested: raised in `on_step`.
        """
        if look.kind == DREAM:
            self.look_cache.dream(look)
        elif look.kind == STYLE and look not in self.styled:
            self.styled[look] = self._styled(look, None, on_step)

    def sketch(self, look: Look, on_step: OnStep | None = None) -> bool:
        """Makes a style ready in seconds, from a small view with few steps; `False`: it is ready as it should be.

        Raises:
            PhospheneError: a look that cannot be.
            StopRequested: raised in `on_step`.
        """
        cache = self.look_cache
        if look in self.styled or max(cache.size) <= SKETCH:
            self.prepare(look, on_step)
            return False
        small = PaintEngine(cache.smaller(SKETCH, SKETCH_STEPS))
        small.prepare(look, on_step)
        self.styled[look] = transforms.at(small.styled[look], *cache.size)
        return True

    def refine(self, look: Look, on_step: OnStep | None = None) -> None:
        """Makes a style that was sketched ready as it should be. Raises as `sketch`."""
        self.styled[look] = self._styled(look, None, on_step)

    def reveal(self, look: Look, document: Document) -> bool:
        """Shows a style as it is now where a document's strokes were painted with it; `False`: nothing changes."""
        mine = [stroke for stroke in document.strokes if stroke.brush.look == look]
        for stroke in mine:
            if (layer := self.layer(stroke)) is not None:
                change = layer.cover * self.styled[look][(..., *layer.box)] - layer.colours
                layer.colours.add_(change)
                if stroke.visible:  # which is all that can be done where other strokes are not known
                    self.pixels[(..., *layer.box)].add_(change, alpha=stroke.opacity).clamp_(0, 1)
        self.composed(document)
        return bool(mine)

    def shown(self, style: Look | Ground, on_step: OnStep | None = None) -> Tensor:
        """The whole view in a stroke's style or a ground's, `[1, 3, h, w]`; looked at now, if it was not before.

        Raises:
            PhospheneError: a look that cannot be.
            StopRequested: raised in `on_step`.
        """
        if style not in self.styled and isinstance(style, Ground):
            other = PaintEngine(self.look_cache)
            if other.grow(style, on_step) != style:
                raise StopRequested
            self.styled[style] = other.pixels
        elif isinstance(style, Look):
            self.prepare(style, on_step)
        return self.styled[style]

    def paint(self, document: Document, on_step: OnStep | None = None) -> Iterator[Box]:
        """Paints it all again: the ground, then each touch; gives the parts as they change.

        The same document gives the same pixels on the same computer.

        Raises:
            StopRequested: raised in `on_step`.
        """
        if self.grow(document.ground, on_step) != document.ground:
            raise StopRequested
        yield from self.paint_strokes(document, on_step)

    def paint_strokes(self, document: Document, on_step: OnStep | None = None) -> Iterator[Box]:
        """Paints the strokes alone, upon the ground that is there."""
        if self.fade_ground(document):
            yield slice(0, self.look_cache.size[0]), slice(0, self.look_cache.size[1])
        for stroke in document.strokes:
            self.prepare(stroke.brush.look, on_step)
            for number, touch in enumerate(stroke.touches):
                box = self.touch(stroke.brush, touch, number)
                if box is not None:
                    yield box
            if (box := self.finish_adjusted(stroke)) is not None:
                yield box

    def finish_adjusted(self, stroke: Stroke) -> Box | None:
        """As `finish`; then lays a stroke that was adjusted as it is now, and returns the part that has changed."""
        begun = self.begun
        self.finish(stroke)
        found = self.layer(stroke)
        if begun is None or found is None or (stroke.opacity, stroke.visible, stroke.blend) == (1, True, "normal"):
            return None
        self.pixels[(..., *found.box)] = found.on(begun.pixels[(..., *found.box)], stroke)
        return found.box

    def fade_ground(self, document: Document) -> bool:
        """Brings the ground that was laid to the opacity that a document gives it; says whether it changes."""
        if document.ground_opacity == 1:
            return False
        self.pixels = torch.lerp(self.photograph, self.pixels, document.ground_opacity)
        return True

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
            seed=self.look_cache.seed_of(brush.look) + number,
        )
        small = transforms.shrink(window, 1 / max(1.0, brush.look.scale or 1.0))  # where forms are to be large
        objective = self.look_cache.brushed(brush.look, (small.shape[-2], small.shape[-1]))
        dreamt = recipe.dream(small, self.look_cache.network, objective, settings=settings)
        dreamt = transforms.resize(dreamt - small, *window.shape[-2:]).add_(window).clamp_(0, 1)
        begun = self.pixels if self.begun is None else self.begun.pixels
        held = settled(dreamt, begun[..., rows, columns], self.look_cache.contrast[..., rows, columns], share)
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
            raise StopRequested
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
