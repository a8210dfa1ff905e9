"""DeepDream: a layer's patterns brought out of a picture, octave by octave.

After Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks" (Google, 2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from phosphene import gradient, masks, objectives, pyramid
from phosphene.ascent import Part, Rule, Step, climb
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.fields import memory_bytes
from phosphene.recipes.settings import DreamSettings
from phosphene.transforms import resize

OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class Region:
    """A part of the picture that dreams of something else.

    Attributes:
        mask: `[1, 1, H, W]`, 0..1; what is grey dreams of both.
        objective: ready for the network.
        strength: a factor for its steps.
    """

    mask: Tensor
    objective: Objective
    strength: float = 1.0


def dream(
    pixels: Tensor,
    network: Network,
    objective: Objective | None = None,
    *,
    settings: DreamSettings | None = None,
    mask: Tensor | None = None,
    regions: Sequence[Region] = (),
    on_step: OnStep | None = None,
) -> Tensor:
    """`pixels` `[1, 3, H, W]`, sRGB 0..1, dreamt upon: the same size and range.

    The detail found at one size is enlarged and laid over the photograph at the next, so that the photograph's own
    fine structure comes back at every octave, and the ascent goes on from there.

    Args:
        pixels: the picture, in the network's dtype.
        network: what dreams.
        objective: what it dreams of; by default the settings' layer.
        settings: by default `DreamSettings()`.
        mask: `[1, 1, H, W]`: 1 dreams, 0 stays as it is, to the last bit.
        regions: what dreams otherwise where; where they overlap, they add up.
        on_step: called with each `Step`; an exception raised there ends the dream.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
        SettingsError: tiles too small for their overlap, or too little memory for the tiles.
        NumberError: the ascent left the numbers.
    """
    settings = settings or DreamSettings()
    areas = _areas(objective or goal(network, settings).prepare(network), mask, regions)
    generator = torch.Generator().manual_seed(settings.seed)
    bases = pyramid.octaves(pixels, settings.octaves, settings.octave_scale)
    plans = [_plan(network, area.objective, settings, bases) for area in areas]
    dreamt = bases[0]
    for octave, base in enumerate(bases):
        detail = dreamt - bases[max(octave - 1, 0)]
        dreamt = climb(
            base + resize(detail, *base.shape[-2:]),
            [_part(network, area, plan[octave], base) for area, plan in zip(areas, plans, strict=True)],
            steps=settings.steps,
            rule=_rule(settings),
            generator=generator,
            on_step=partial(_tell, on_step, settings.steps, bases, octave),
        )
    return dreamt.clamp(0, 1)


def goal(network: Network, settings: DreamSettings) -> Objective:
    """The objective that `layer`, `channel` and `maximise` describe."""
    layer = network.default_layer if settings.layer is None else settings.layer
    return objectives.parse(layer, settings.channel, settings.maximise)


@dataclass(frozen=True)
class _Area:
    """A region, or all that no region claims."""

    mask: Tensor | None
    objective: Objective
    strength: float = 1.0


def _areas(objective: Objective, mask: Tensor | None, regions: Sequence[Region]) -> list[_Area]:
    """Regions and the rest, all within the mask, without those that would be empty."""
    rest = mask
    for region in regions:
        rest = 1 - region.mask if rest is None else rest * (1 - region.mask)
    inside = [region.mask if mask is None else region.mask * mask for region in regions]
    areas = [_Area(rest, objective)]
    areas += [_Area(part, region.objective, region.strength) for part, region in zip(inside, regions, strict=True)]
    return [area for area in areas if area.mask is None or area.mask.any()]


def _part(network: Network, area: _Area, tiling: gradient.Tiling, base: Tensor) -> Part:
    """An area at an octave's size."""
    compute = partial(gradient.compute, network=network, objective=area.objective, tiling=tiling)
    mask = None if area.mask is None else masks.at(area.mask, *base.shape[-2:])
    return Part(compute, mask, area.strength)


def _plan(
    network: Network, objective: Objective, settings: DreamSettings, bases: list[Tensor]
) -> list[gradient.Tiling]:
    return gradient.plan(
        network,
        objective,
        sizes=[(base.shape[-2], base.shape[-1]) for base in bases],
        tile=settings.tile,
        overlap=settings.overlap,
        memory=memory_bytes(settings.memory),
    )


def _rule(settings: DreamSettings) -> Rule:
    return Rule(
        step_size=settings.step_size * settings.strength,
        jitter=settings.jitter,
        normalise=settings.normalise,
        colour=settings.colour,
        clip=settings.clip,
    )


def _tell(
    on_step: OnStep | None, steps: int, bases: list[Tensor], octave: int, step: int, pixels: Tensor, score: float
) -> None:
    """Passes a step on, with the share of the run's pixels that are done and a way to see the whole picture."""
    if on_step is None:
        return
    areas = [base[0, 0].numel() for base in bases]
    done = (sum(areas[:octave]) + areas[octave] * step / steps) / sum(areas)
    on_step(Step(pixels, score, step, steps, octave + 1, len(bases), done, partial(_whole, bases, octave, pixels)))


def _whole(bases: list[Tensor], octave: int, pixels: Tensor) -> Tensor:
    """The picture at full size, as it would be if the dream ended here."""
    detail = pixels - bases[octave]
    return (bases[-1] + resize(detail, *bases[-1].shape[-2:])).clamp(0, 1)
