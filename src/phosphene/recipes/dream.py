"""DeepDream: a layer's patterns brought out of a picture, octave by octave.

After Mordvintsev, Olah and Tyka, "Inceptionism: Going Deeper into Neural Networks" (Google, 2015).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from phosphene import gradient, objectives, pyramid
from phosphene.ascent import Rule, Step, climb
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes.fields import memory_bytes
from phosphene.recipes.settings import DreamSettings
from phosphene.transforms import resize

OnStep = Callable[[Step], None]


def dream(
    pixels: Tensor,
    network: Network,
    objective: Objective | None = None,
    *,
    settings: DreamSettings | None = None,
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
        on_step: called with each `Step`; an exception raised there ends the dream.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
        SettingsError: tiles too small for their overlap, or too little memory for the tiles.
        NumberError: the ascent left the numbers.
    """
    settings = settings or DreamSettings()
    objective = objective or goal(network, settings)
    objective.check(network)
    generator = torch.Generator().manual_seed(settings.seed)
    bases = pyramid.octaves(pixels, settings.octaves, settings.octave_scale)
    tilings = _plan(network, objective, settings, bases)
    dreamt = bases[0]
    for octave, base in enumerate(bases):
        detail = dreamt - bases[max(octave - 1, 0)]
        dreamt = climb(
            base + resize(detail, *base.shape[-2:]),
            partial(gradient.compute, network=network, objective=objective, tiling=tilings[octave]),
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
