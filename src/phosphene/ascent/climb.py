"""Gradient ascent on the pixels: the step rule and the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from phosphene.ascent import gradient
from phosphene.pixels import masks
from phosphene.pixels.transforms import roll, scale_chroma_

HEADROOM = 0.15  # of 0..1: nearer to black or white than this, soft clipping shortens a step
STRIP = 256  # rows that a step is made of at a time


@dataclass(frozen=True)
class Step:
    """A finished ascent step.

    Attributes:
        pixels: the octave's picture after the step, `[1, 3, h, w]`; the next step changes it in place.
        score: the objective before the step, per pixel.
        step: its number, from 1, of `steps`.
        octave: the octave's number, from 1, the smallest first, of `octaves`.
        done: share of the whole run's work, 0..1, counted in pixels.
        size: height and width of the whole picture.
        picture: gives the whole picture at full size, `[1, 3, H, W]` in 0..1, as it stands now.
        counted: what `octave` counts, where it is not octaves.
    """

    pixels: Tensor
    score: float
    step: int
    steps: int
    octave: int
    octaves: int
    done: float
    size: tuple[int, int]
    picture: Callable[[], Tensor]
    counted: str = "octave"


OnStep = Callable[[Step], None]
"""Is told of each step; what it raises ends the run, and `StopRequested` keeps what there is."""


Tell = Callable[[int, Tensor, float], None]
"""Is told of a step by its number, its pixels and its score."""


def teller(
    on_step: OnStep | None,
    work: Sequence[int],
    octave: int,
    steps: int,
    size: tuple[int, int],
    picture: Callable[[Tensor], Tensor],
    counted: str = "octave",
) -> Tell:
    """What tells of the steps of one octave, from 0.

    `work` is that of each octave, in pixels times steps or in proportion; `picture` shows pixels at full size.
    """

    def tell(step: int, pixels: Tensor, score: float) -> None:
        if on_step is not None:
            share, whole = done(work, octave, step / steps), partial(picture, pixels)
            on_step(Step(pixels, score, step, steps, octave + 1, len(work), share, size, whole, counted))

    return tell


def done(work: Sequence[int], octave: int, share: float) -> float:
    """Share of the whole run's work that is done with this much of an octave, from 0."""
    return (sum(work[:octave]) + work[octave] * share) / sum(work)


@dataclass(frozen=True)
class Reached:
    """Where a run stopped that is to go on."""

    octave: int  # the octave's number, or the size's, from 1, the smallest first
    step: int  # how many steps of it, or windows, are done
    pixels: Tensor  # its picture as it was then, `[1, 3, h, w]`; the run goes on in it


@dataclass(frozen=True)
class StepRule:
    """How a gradient becomes a step."""

    step_size: float  # mean length of a step, of 255
    jitter: int  # random shift of each step, in pixels each way
    normalise: str  # what the gradient is divided by; see `gradient.normalise_`
    colour: float  # how freely hues may wander: 0 keeps them, 1 leaves the gradient as it is
    clip: str  # `hard` cuts at 0 and 1, `soft` slows down before them, `none` does neither
    decay: float = 0.0  # how much steps shorten from the first to the last, 0..1; 1 ends at nothing
    bands: tuple[float, ...] = ()  # factors of the gradient's Laplacian bands, the finest first; none are all 1

    def length(self, number: int, steps: int) -> float:
        """Of step `number`, from 1, of `steps`, on a scale of pixels from 0 to 1."""
        return self.step_size / 255 * (1 + self.decay * (1 - (2 * number - 1) / steps))

    def shifts(self, steps: int, generator: torch.Generator) -> list[gradient.Shift]:
        """Each of so many steps' shift, down and to the right."""
        drawn = (torch.randint(-self.jitter, self.jitter + 1, (2,), generator=generator) for _ in range(steps))
        return [(int(down), int(right)) for down, right in drawn]


@dataclass(frozen=True)
class AscentTerm:
    """What is brought out, and where."""

    gradient_at: gradient.At  # pixels and mask to ∂objective/∂pixels and a score
    mask: Tensor | None = None  # `[1, 1, H, W]`, 0..1, how far each pixel goes; `None` is all of them, all the way
    strength: float = 1.0  # a factor for its steps
    sees: int = 0  # how far around a pixel its gradient looks, in pixels

    def within(self, rows: slice, columns: slice) -> AscentTerm:
        """The same for a window of the picture."""
        return self if self.mask is None else replace(self, mask=self.mask[..., rows, columns])


def climb_(
    pixels: Tensor,
    parts: Sequence[AscentTerm],
    *,
    rule: StepRule,
    shifts: Sequence[gradient.Shift],
    on_step: Tell,
    made: int = 0,
) -> Tensor:
    """Takes `pixels` `[1, 3, H, W]` uphill in place, a step for each shift.

    The first `made` steps were made by a run that stopped.

    At each step the picture is shifted at random, so that no grid of the network or of the tiles can settle in it.
    Each part's gradient is normalised by itself, so that parts are equally strong whatever they maximise. Where all are
    masked, only a window around their masks is worked on.
    """
    rows, columns = _window(parts, rule, *pixels.shape[-2:])
    inside, parts = pixels[..., rows, columns], [part.within(rows, columns) for part in parts]
    for number, shift in enumerate(shifts[made:], made + 1):
        changes, scores = zip(*map(partial(_uphill, inside, rule=rule, shift=shift), parts), strict=True)
        change = sum(changes[1:], start=changes[0]).mul_(rule.length(number, len(shifts)))
        step_(inside, change, rule.clip)
        on_step(number, pixels, sum(scores))
    return pixels


def _window(parts: Sequence[AscentTerm], rule: StepRule, height: int, width: int) -> tuple[slice, slice]:
    """Rows and columns that hold all masks and what bears on them."""
    marks = [part.mask for part in parts if part.mask is not None]
    if len(marks) < len(parts):
        return slice(0, height), slice(0, width)
    return masks.window(torch.stack(marks).amax(0), rule.jitter + max(part.sees for part in parts))


def _uphill(pixels: Tensor, part: AscentTerm, *, rule: StepRule, shift: gradient.Shift) -> tuple[Tensor, float]:
    """One part's way uphill, of size 1 where it may go all the way; and its score."""
    g, score = part.gradient_at(pixels, mask=part.mask, shift=shift)
    if rule.normalise == "laplacian" or rule.bands:
        # Bands have a grid and edges of their own, which would settle in the picture: they are shifted as well.
        mask = None if part.mask is None else roll(part.mask, *shift)
        moved = gradient.normalise_(roll(scale_chroma_(g, rule.colour), *shift), rule.normalise, mask, rule.bands)
        g = roll(moved, *(-by for by in shift))
    else:
        g = gradient.normalise_(scale_chroma_(g, rule.colour), rule.normalise, part.mask)
    if part.mask is not None:
        g.mul_(part.mask)
    return (g if part.strength == 1 else g.mul_(part.strength)), score


def step_(pixels: Tensor, change: Tensor, clip: str) -> None:
    """Takes `pixels` a step further in place, within range; a strip at a time, so that this takes no room."""
    for strip, further in zip(torch.split(pixels, STRIP, 2), torch.split(change, STRIP, 2), strict=True):
        if clip == "soft":
            room = torch.where(further > 0, 1 - strip, strip)
            further.mul_(room.div_(HEADROOM).clamp_(0, 1))
        strip.add_(further)
        if clip != "none":
            strip.clamp_(0, 1)
