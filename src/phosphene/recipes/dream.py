"""DeepDream: a layer's patterns brought out of a picture, octave by octave.

After Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks" (Google, 2015).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from phosphene import objectives
from phosphene.ascent import AscentTerm, OnStep, Reached, StepRule, climb_, gradient, planning, teller
from phosphene.errors import SettingsError
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import colours, masks, transforms
from phosphene.recipes.fields import memory_bytes, numbers
from phosphene.recipes.settings import DreamSettings

COARSE = 0.3  # of a refining step's part that the base size shows already; docs/explanation/why.md


@dataclass(frozen=True)
class Region:
    """A part of the picture that dreams of something else."""

    mask: Tensor  # `[1, 1, H, W]`, 0..1; what is grey dreams of both
    objective: Objective  # ready for the network
    strength: float = 1.0  # a factor for its steps


def dream(
    pixels: Tensor,
    network: Network,
    objective: Objective | None = None,
    *,
    settings: DreamSettings | None = None,
    mask: Tensor | None = None,
    regions: Sequence[Region] = (),
    reached: Reached | None = None,
    on_step: OnStep | None = None,
) -> Tensor:
    """`pixels` `[1, 3, H, W]`, sRGB 0..1, dreamt upon: the same size and range.

    The detail found at one size is enlarged and laid over the photograph at the next, so that the photograph's own
    fine structure comes back at every octave, and the ascent goes on from there. Above the base size the steps refine:
    they hardly change what can be seen at that size, so that a large picture looks as it does when it is small.

    Args:
        pixels: the picture, in the network's dtype.
        network: what dreams.
        objective: what it dreams of; by default the settings' layer.
        settings: by default `DreamSettings()`.
        mask: `[1, 1, H, W]`: 1 dreams, 0 stays as it is, to the last bit.
        regions: what dreams otherwise where; where they overlap, they add up.
        reached: where the same dream stopped: it goes on there, and ends with the same pixels.
        on_step: called with each `Step`; an exception raised there ends the dream.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
        SettingsError: tiles too small for their overlap, or too little memory for the tiles.
        NonFiniteError: the ascent left the numbers.
    """
    settings = settings or DreamSettings()
    network = network.to(settings.device)
    areas = _areas(objective or resolve_objective(network, settings).prepare(network), mask, regions)
    bases = transforms.octaves(pixels, settings.octaves, settings.octave_scale, settings.base_size)
    sizes, start = sizes_of(settings, *pixels.shape[-2:]), base_size_of(settings, *pixels.shape[-2:])
    share = share_of(settings, bases[sizes.index(start)])
    finish = partial(_finished, photograph=pixels, share=share, mask=mask)
    plans = [tilings_of(network, area.objective, settings, sizes) for area in areas]
    generator, rule = torch.Generator().manual_seed(settings.seed), rule_of(settings, share)
    work = [math.prod(size) for size in sizes]
    dreamt, detail = pixels, torch.zeros_like(bases[0])
    for octave, size in enumerate(sizes):
        base, shifts = bases.pop(0), rule.shifts(settings.steps, generator)
        if reached and octave + 1 < reached.octave:
            continue
        here = reached if reached and octave + 1 == reached.octave else None
        parts = [_part(network, area, plan[octave], size, settings) for area, plan in zip(areas, plans, strict=True)]
        dreamt = climb_(
            here.pixels if here else transforms.resize(detail, *size).add_(base),
            parts,
            rule=refining_rule(rule, start, size),
            shifts=shifts,
            made=here.step if here else 0,
            on_step=teller(on_step, work, octave, settings.steps, sizes[-1], partial(_whole, base, pixels, finish)),
        )
        if bases:
            detail = dreamt.sub_(base)
    return finish(dreamt)


def sizes_of(settings: DreamSettings, height: int, width: int) -> list[transforms.Size]:
    """Heights and widths of the octaves of a picture's dream, smallest first."""
    return transforms.sizes(height, width, settings.octaves, settings.octave_scale, settings.base_size)


def base_size_of(settings: DreamSettings, height: int, width: int) -> transforms.Size:
    """The octave above which a picture's dream refines what it has: its own size unless that is larger."""
    return transforms.base_size(height, width, settings.octave_scale, settings.base_size)


def refining_rule(rule: StepRule, start: transforms.Size, size: transforms.Size) -> StepRule:
    """The rule for an octave: above the one at which a dream has its look, less is changed of what can be seen there.

    Band k, the finest is 0, holds periods of 2^(k+1) pixels and more; r times smaller, it can be seen if that is 2·r or
    more. In between, its factor goes from `COARSE` to 1.
    """
    if max(size) <= max(start):
        return rule
    unseen = math.log2(max(size) / max(start))
    fine = (COARSE + (1 - COARSE) * min(1.0, max(0.0, unseen - band)) for band in range(transforms.LEVELS))
    return replace(rule, bands=(*fine, COARSE))


def share_of(settings: DreamSettings, photograph: Tensor) -> float | None:
    """How far a dream may have colours of its own, by its photograph's; `None` where the settings say it."""
    return colours.colourfulness(photograph) if settings.colour is None else None


def resolve_objective(network: Network, settings: DreamSettings) -> Objective:
    """The objective that the settings describe: in words, by guides, or by layers.

    Raises:
        SettingsError: the words are no objective, or a weight is no number.
    """
    if settings.objective is not None:
        return objectives.read(settings.objective)
    layer = network.default_layer if settings.layer is None else settings.layer
    if not settings.guide:
        return objectives.parse(layer, settings.channel, settings.maximise)
    scales = numbers(settings.guide_scales, "--guide-scales")
    guided = partial(objectives.guide, match=settings.match, scales=scales)
    weighted = map(objectives.weigh, layer.split(","))
    return objectives.total([weight * guided(name, *settings.guide) for name, weight in weighted])


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
    inside = [_Area(each.mask if mask is None else each.mask * mask, each.objective, each.strength) for each in regions]
    areas = [area for area in (_Area(rest, objective), *inside) if area.mask is None or area.mask.any()]
    if not areas:
        raise SettingsError("The mask is black everywhere: nothing may dream.\nWhite dreams; --invert turns it round.")
    return areas


def _part(
    network: Network, area: _Area, tiling: gradient.Tiling, size: tuple[int, int], settings: DreamSettings
) -> AscentTerm:
    """An area at an octave's size."""
    objective = area.objective.fit(*size)
    mask = None if area.mask is None else masks.at(area.mask, *size)
    tiling = gradient.around(mask, network, objective, tiling)
    compute = partial(gradient.compute, network=network, objective=objective, tiling=tiling)
    return AscentTerm(compute, mask, area.strength, sees=tiling.overlap)


def tilings_of(
    network: Network,
    objective: Objective,
    settings: DreamSettings,
    sizes: Sequence[tuple[int, int]],
    *,
    memory: int | None = None,
    beside: int | None = None,
) -> list[gradient.Tiling]:
    """How octaves of these sizes are cut into tiles: as `planning.plan`, by default with the settings' memory."""
    return planning.plan(
        network,
        objective,
        sizes=sizes,
        tile=settings.tile,
        overlap=settings.overlap,
        memory=memory or memory_bytes(settings.memory),
        beside=beside,
    )


def rule_of(settings: DreamSettings, share: float | None) -> StepRule:
    """The step rule that the settings describe; for the share see `share_of`."""
    colour = settings.chroma * (1.0 if share is None else share) if settings.colour is None else settings.colour
    return StepRule(
        step_size=settings.step_size * settings.strength,
        jitter=settings.jitter,
        normalise=settings.normalise,
        colour=colour,
        clip=settings.clip,
        decay=settings.decay,
    )


def _whole(base: Tensor, picture: Tensor, finish: Callable[[Tensor], Tensor], pixels: Tensor) -> Tensor:
    """The picture at full size, as it would be if the dream ended at these pixels of the octave with this base."""
    return finish(transforms.resize(pixels - base, *picture.shape[-2:]).add_(picture))


def _finished(dreamt: Tensor, *, photograph: Tensor, share: float | None, mask: Tensor | None) -> Tensor:
    """A dream within range, in its photograph's colours if a share is given, and only where the mask is."""
    dreamt = dreamt.clamp_(0, 1)
    if share is not None:
        colours.natural_(dreamt, photograph, share)
    return dreamt if mask is None else torch.where(mask > 0, dreamt, photograph)
