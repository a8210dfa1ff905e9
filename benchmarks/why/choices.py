"""Is Google's choice a good one: 4 octaves of 1.4, 10 steps, shifts of 32 pixels? And is ours?

Each row is a dream of the photographs with one choice changed. What a dream should do, as far as it can be counted:
the layer should find its patterns at many sizes (`louder`, the mean over a factor of four of how much more it answers,
and the least of them), the photograph should still be seen (`kept`, the structural similarity of Wang, Bovik, Sheikh
and Simoncelli, 2004), and it should not cost much (`cost`, in gradients of the whole picture).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import product
from statistics import stdev
from typing import Any, TypeVar

from skimage.metrics import structural_similarity
from torch import Tensor

from octaves import louder
from phosphene.recipes.dream import dream
from phosphene.recipes.fields import Settings
from phosphene.recipes.settings import DreamSettings, settings
from subjects import Subject

Row = dict[str, Any]
Chosen = TypeVar("Chosen", bound=Settings)

AXES: Mapping[str, Sequence[Any]] = {
    "octaves": (1, 3, 4, 5, 6, 8),
    "octave_scale": (1.2, 1.4, 1.6, 2.0),
    "steps": (6, 10, 12, 20, 40),
    "jitter": (0, 4, 8, 16, 32, 64),
    "step_size": (0.75, 1.3, 1.5, 2.0),
    "normalise": ("mean", "std", "laplacian"),
    "clip": ("soft", "hard", "none"),
    "colour": (0.0, 0.25, 0.5, 0.75, 1.0),
    "decay": (0.0, 1.0),
}


def google(subject: Subject) -> DreamSettings:
    """Their settings, on a network that is loaded."""
    return replace(settings(recipe="google2015"), layer=subject.layer)


def ours(subject: Subject) -> DreamSettings:
    """This program's defaults, with colours that do not depend on the photograph."""
    return DreamSettings(layer=subject.layer, colour=DreamSettings.chroma)


def one_by_one(base: Chosen, axes: Mapping[str, Sequence[Any]]) -> Iterator[Chosen]:
    """The baseline, and each that differs in one setting."""
    yield base
    for name, values in axes.items():
        yield from (replace(base, **{name: value}) for value in values if value != getattr(base, name))


def layouts(base: DreamSettings, axes: Mapping[str, Sequence[Any]]) -> Iterator[DreamSettings]:
    """Every combination; steps are shared out so that all take as long a way: octaves · steps is the baseline's.

    One octave is the same at every scale.
    """
    for octaves, scale in product(axes["octaves"], axes["octave_scale"]):
        if octaves == 1 and scale != axes["octave_scale"][0]:
            continue
        steps = max(1, round(base.octaves * base.steps / octaves))
        yield replace(base, octaves=octaves, octave_scale=scale, steps=steps)


def row(subject: Subject, chosen: DreamSettings, pictures: Sequence[Tensor]) -> Row:
    """What becomes of the pictures, on average."""
    found = [_measured(subject, pixels, dream(pixels, subject.network, settings=chosen)) for pixels in pictures]
    mean = {name: sum(each[name] for each in found) / len(found) for name in found[0]}
    return {**{name: getattr(chosen, name) for name in AXES}, "cost": cost(chosen), **mean}


def chance(subject: Subject, base: DreamSettings, pictures: Sequence[Tensor], *, seeds: int) -> Row:
    """How far the baseline's own row moves with nothing but the seed: standard deviations."""
    rows = [row(subject, replace(base, seed=seed), pictures) for seed in range(seeds)]
    return {name: stdev(each[name] for each in rows) for name in ("louder", "least", "kept")}


def cost(chosen: DreamSettings) -> float:
    """Gradients of the whole picture."""
    return chosen.steps * sum(chosen.octave_scale ** (-2 * octave) for octave in range(chosen.octaves))


def _measured(subject: Subject, photograph: Tensor, picture: Tensor) -> dict[str, float]:
    gain = louder(subject, picture, photograph)
    return {
        "louder": sum(gain) / len(gain),
        "least": min(gain),
        "kept": similar(picture, photograph),
        "clipped": float(((picture <= 0) | (picture >= 1)).float().mean()),
    }


def similar(picture: Tensor, photograph: Tensor) -> float:
    """Structural similarity, of brightness."""
    grey = [x[0].mean(0).numpy() for x in (picture, photograph)]
    return float(
        structural_similarity(*grey, data_range=1.0, gaussian_weights=True, sigma=1.5, use_sample_covariance=False)
    )
