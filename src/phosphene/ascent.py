"""Gradient ascent on the pixels: the step rule and the loop."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from phosphene import gradient
from phosphene.transforms import mute, roll

HEADROOM = 0.15  # of 0..1: nearer to black or white than this, soft clipping shortens a step


@dataclass(frozen=True)
class Step:
    """A finished ascent step.

    Attributes:
        pixels: the octave's picture after the step, `[1, 3, h, w]`.
        score: the objective before the step, per pixel.
        step: its number, from 1, of `steps`.
        octave: the octave's number, from 1, the smallest first, of `octaves`.
        done: share of the whole run's work, 0..1, counted in pixels.
        picture: gives the whole picture at full size, `[1, 3, H, W]` in 0..1, as it stands now.
    """

    pixels: Tensor
    score: float
    step: int
    steps: int
    octave: int
    octaves: int
    done: float
    picture: Callable[[], Tensor]


@dataclass(frozen=True)
class Rule:
    """How a gradient becomes a step.

    Attributes:
        step_size: length of a step, of 255.
        jitter: random shift of each step, in pixels each way.
        normalise: what the gradient is divided by; see `gradient.normalise`.
        colour: how freely hues may wander, 0..1.
        clip: `hard` cuts at 0 and 1, `soft` slows down before them, `none` does neither.
    """

    step_size: float
    jitter: int
    normalise: str
    colour: float
    clip: str


@dataclass(frozen=True)
class Part:
    """What is brought out, and where.

    Attributes:
        gradient_at: pixels and mask to ∂objective/∂pixels and a score.
        mask: `[1, 1, H, W]`, 0..1, how far each pixel goes; `None` is all of them, all the way.
        strength: a factor for its steps.
    """

    gradient_at: gradient.At
    mask: Tensor | None = None
    strength: float = 1.0


def climb(
    pixels: Tensor,
    parts: Sequence[Part],
    *,
    steps: int,
    rule: Rule,
    generator: torch.Generator,
    on_step: Callable[[int, Tensor, float], None],
) -> Tensor:
    """`pixels` `[1, 3, H, W]` after `steps` steps uphill; `on_step` is told number, pixels and score of each.

    At each step the picture is shifted at random, so that no grid of the network or of the tiles can settle in it.
    Each part's gradient is normalised by itself, so that parts are equally strong whatever they maximise.
    """
    for number in range(1, steps + 1):
        down, right = torch.randint(-rule.jitter, rule.jitter + 1, (2,), generator=generator).tolist()
        shifted = roll(pixels, down, right)
        changes, scores = zip(*(_uphill(shifted, part, rule, down, right) for part in parts), strict=True)
        change = roll(sum(changes[1:], start=changes[0]), -down, -right)
        pixels = _step(pixels, change.mul_(rule.step_size / 255), rule.clip)
        on_step(number, pixels, sum(scores))
    return pixels


def _uphill(pixels: Tensor, part: Part, rule: Rule, down: int, right: int) -> tuple[Tensor, float]:
    """One part's way uphill for shifted pixels, of size 1 where it may go all the way; and its score."""
    mask = None if part.mask is None else roll(part.mask, down, right)
    g, score = part.gradient_at(pixels, mask=mask)
    g = gradient.normalise(mute(g, rule.colour), rule.normalise, mask)
    if mask is not None:
        g.mul_(mask)
    return (g if part.strength == 1 else g.mul_(part.strength)), score


def _step(pixels: Tensor, change: Tensor, clip: str) -> Tensor:
    """`pixels` a step further, kept within range; the memory of `change` is used again."""
    if clip == "none":
        return pixels + change
    if clip == "soft":
        room = torch.where(change > 0, 1 - pixels, pixels)
        change.mul_(room.div_(HEADROOM).clamp_(0, 1))
    return change.add_(pixels).clamp_(0, 1)
