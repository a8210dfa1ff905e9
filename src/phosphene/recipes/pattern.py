"""Feature visualisation: the pattern that a channel looks for, brought out of noise.

After Olah, Mordvintsev and Schubert, "Feature Visualization" (Distill, 2017): the picture is optimised as waves with
the colours of photographs, and shown to the network turned, scaled and shifted at random, so that only what bears this
remains. We add octaves: broad forms are found at a small size, where a step costs little.
"""

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from phosphene import objectives
from phosphene.ascent import OnStep, Reached, Tell, gradient, planning, teller
from phosphene.errors import SettingsError
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import params
from phosphene.pixels.params import Painting
from phosphene.pixels.transforms import enlarge, roll, turn
from phosphene.recipes.fields import memory_bytes
from phosphene.recipes.pattern_settings import PatternSettings

PreparedObjective = Callable[[Tensor], tuple[Tensor, float]]
"""Pixels to ∂objective/∂pixels and the score."""

SMALLEST = 64  # pixels: a side below this shows a deep layer nothing
LARGEST = 512  # pixels: the side of the squares that get all steps; of larger ones the small sizes have found the forms
FEWEST = 12  # steps at a large size
CONTRASTS = (0.04, 0.12, 0.3)  # of the first noise; more where less leaves the objective silent
TURN, SCALE, SHIFT = 10.0, 0.2, 12.0  # at robustness 1: degrees, share, and pixels, each way


def pattern(
    network: Network,
    objective: Objective | None = None,
    *,
    size: tuple[int, int] = (320, 320),
    settings: PatternSettings | None = None,
    reached: Reached | None = None,
    on_reached: Callable[[Reached], None] = lambda _: None,
    on_step: OnStep | None = None,
) -> Tensor:
    """The pattern of an objective, `[1, 3, H, W]`, sRGB 0..1.

    Args:
        network: whose pattern.
        objective: ready for the network; by default the settings' channel or words.
        size: height and width, in pixels.
        settings: by default `PatternSettings()`.
        reached: where the same pattern stopped, in octaves: it goes on there, and ends with the same pixels.
        on_reached: told what is reached with each octave.
        on_step: called with each `Step`; an exception raised there ends the run.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
        SettingsError: no objective, or one that noise leaves silent; too little memory.
        NonFiniteError: the ascent left the numbers.
    """
    settings = settings or PatternSettings()
    network = network.to(settings.device)
    objective = objective or resolve_objective(network, settings).prepare(network)
    sizes = octave_sizes(*size, settings)
    counts = [steps(settings, *each) for each in sizes]
    work = [math.prod(each) * count for each, count in zip(sizes, counts, strict=True)]
    tilings = planning.plan(
        network, objective, sizes=sizes, tile=None, overlap="auto", memory=memory_bytes(settings.memory)
    )
    generator = torch.Generator().manual_seed(settings.seed)
    pixels, beyond = torch.empty(0), "circular" if settings.tileable else "reflect"
    for octave, (each, tiling) in enumerate(zip(sizes, tilings, strict=True)):
        aim = partial(gradient.compute, network=network, objective=objective.fit(*each), tiling=tiling)
        first = _first(aim, each, settings, generator, network.dtype) if octave == 0 else None
        if reached and octave < reached.octave:
            for _ in range(counts[octave]):
                _drawn(generator)  # so that the steps to come draw what they would have drawn
            pixels = reached.pixels
            continue
        painting = first or _painted(enlarge(pixels, *each, beyond=beyond), settings)
        told = teller(on_step, work, octave, counts[octave], size, partial(_whole, size))
        pixels = _optimised(painting, aim, counts[octave], settings, generator, told)
        on_reached(Reached(octave + 1, 0, pixels))
    return pixels


def resolve_objective(network: Network, settings: PatternSettings) -> Objective:
    """The objective that the settings describe: in words, or one channel of a layer.

    A channel is looked at before its ReLU where there is one: behind it, a channel that noise leaves silent has no
    gradient to follow.

    Raises:
        SettingsError: the words are no objective, or no channel is named.
        UnknownNameError: a layer that is not there.
    """
    if settings.objective is not None:
        return objectives.read(settings.objective)
    if settings.channel is None:
        raise SettingsError("Name a channel, as block8:37, or an --objective.")
    layer = network.layer(settings.layer or network.default_layer).name
    before = f"{layer}_pre_relu"
    return objectives.channel(before if before in network.layers else layer, settings.channel)


def octave_sizes(height: int, width: int, settings: PatternSettings) -> list[tuple[int, int]]:
    """Heights and widths to work at, the smallest first; small sizes that show nothing are left out.

    >>> octave_sizes(256, 256, PatternSettings())
    [(64, 64), (128, 128), (256, 256)]
    """
    sizes = [(height, width)]
    while len(sizes) < settings.octaves:
        scale = settings.octave_scale ** len(sizes)
        smaller = round(height / scale), round(width / scale)
        if min(smaller) < SMALLEST:
            break
        sizes.append(smaller)
    return sizes[::-1]


def steps(settings: PatternSettings, height: int, width: int) -> int:
    """How many steps at a size: all of them up to 512×512, and the fewer the larger it is."""
    share = min(1.0, LARGEST / math.sqrt(height * width))
    return max(min(settings.steps, FEWEST), round(settings.steps * share))


def _whole(size: tuple[int, int], pixels: Tensor) -> Tensor:
    """The pattern at full size."""
    return enlarge(pixels, *size).clamp(0, 1) if pixels.shape[-2:] != size else pixels


def _painted(pixels: Tensor, settings: PatternSettings) -> Painting:
    return params.painting(settings.parameterisation, pixels, decorrelate=settings.colours == "natural")


def _first(
    aim: PreparedObjective,
    size: tuple[int, int],
    settings: PatternSettings,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> Painting:
    """Noise that the objective answers to: as soft as may be."""
    for contrast in CONTRASTS:
        pixels = params.noise(*size, generator=generator, contrast=contrast, dtype=dtype)
        if aim(pixels)[0].any():
            return _painted(pixels, settings)
    raise SettingsError(
        "Noise leaves this objective silent, so that there is no way uphill.\n"
        "Another --seed may help; or name the layer before its ReLU, which ends in _pre_relu."
    )


def _optimised(
    painting: Painting,
    aim: PreparedObjective,
    steps: int,
    settings: PatternSettings,
    generator: torch.Generator,
    told: Tell,
) -> Tensor:
    """The painting's pixels after so many steps of Adam (Kingma and Ba 2014)."""
    optimiser = params.Adam(painting.variables, settings.step_size)
    pixels = painting.pixels()
    for number in range(1, steps + 1):
        seen = _shown(pixels, settings, generator)
        g, score = aim(seen.detach())
        if settings.normalise == "laplacian":
            g = gradient.normalise_(g, "laplacian")
        optimiser.descend(torch.autograd.grad(seen, painting.variables, -g))
        pixels = painting.pixels()
        told(number, pixels.detach(), score)
    return pixels.detach()


def _drawn(generator: torch.Generator) -> list[float]:
    """Four numbers from -1 to 1: what one step is turned, scaled and shifted by."""
    drawn: list[float] = (2 * torch.rand(4, generator=generator, dtype=torch.float64) - 1).tolist()
    return drawn


def _shown(pixels: Tensor, settings: PatternSettings, generator: torch.Generator) -> Tensor:
    """The picture as the network sees it in one step: shifted, turned and scaled at random.

    A picture that is to repeat is shifted by any amount, so that its seam is seen like every other place. So is a
    large one: turned and enlarged in place, its edges would often be out of sight, and its few steps pass them by.
    """
    a, b, c, d = _drawn(generator)
    height, width = pixels.shape[-2:]
    wraps = settings.tileable or height * width > LARGEST**2
    if wraps:
        pixels = roll(pixels, round(c * height / 2), round(d * width / 2))
    if not settings.robustness:
        return pixels
    shift = (c * SHIFT * settings.robustness, d * SHIFT * settings.robustness)
    scale = (1 + SCALE) ** (b * settings.robustness)
    return turn(pixels, a * TURN * settings.robustness, scale, shift, beyond="circular" if wraps else "reflect")
