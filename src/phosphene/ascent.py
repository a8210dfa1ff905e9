"""Gradient ascent on the pixels: the step rule and the loop."""

from __future__ import annotations

from collections.abc import Callable
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


def climb(
    pixels: Tensor,
    gradient_at: gradient.At,
    *,
    steps: int,
    rule: Rule,
    generator: torch.Generator,
    on_step: Callable[[int, Tensor, float], None],
) -> Tensor:
    """`pixels` `[1, 3, H, W]` after `steps` steps uphill; `on_step` is told number, pixels and score of each.

    At each step the picture is shifted at random, so that no grid of the network or of the tiles can settle in it.
    """
    for number in range(1, steps + 1):
        down, right = torch.randint(-rule.jitter, rule.jitter + 1, (2,), generator=generator).tolist()
        g, score = gradient_at(roll(pixels, down, right))
        g = gradient.normalise(mute(g, rule.colour), rule.normalise)
        pixels = _step(pixels, roll(g, -down, -right).mul_(rule.step_size / 255), rule.clip)
        on_step(number, pixels, score)
    return pixels


def _step(pixels: Tensor, change: Tensor, clip: str) -> Tensor:
    """`pixels` a step further, kept within range; the memory of `change` is used again."""
    if clip == "none":
        return pixels + change
    if clip == "soft":
        room = torch.where(change > 0, 1 - pixels, pixels)
        change.mul_(room.div_(HEADROOM).clamp_(0, 1))
    return change.add_(pixels).clamp_(0, 1)
