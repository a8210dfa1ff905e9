"""Guides: pictures whose features are to be found again in the dream."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from phosphene import features, images
from phosphene.errors import SettingsError, nearest
from phosphene.features import matching
from phosphene.networks import Network
from phosphene.objectives.language import Value, write
from phosphene.objectives.objective import Measure, Objective, Open, Place, Term
from phosphene.pixels.transforms import shrink

SCALES = (1.0,)
EMPHASIS = 2.0  # of the guide's features over their mean: above 1 it is overdone, as a dream does
MOST = 4096  # feature vectors of guides that are compared by angle; more are thinned out


def guide(name: str, *pictures: images.Source, match: str = "cosine", scales: tuple[float, ...] = SCALES) -> Objective:
    """Guide pictures: each position of a layer goes towards the feature vector of theirs that fits it best.

    By `dot`, as in Google's notebook, the best is the one with the largest dot product, and that product is maximised
    without end. By `cosine` it is the one at the smallest angle, seen from the guides' mean, and the position
    approaches it: the distance is made small, in units of the guides' own spread, so that layers add up.

    Args:
        name: the layer.
        *pictures: one or more.
        match: `cosine` or `dot`.
        scales: the guides' long side, as shares of the long side of the picture that dreams, at each of its octaves;
            0 is their own size, whatever the octave.

    Raises:
        SettingsError: no picture, or an impossible option.
    """
    _check(name, pictures, match, scales)
    options: list[tuple[str, Value]] = [("match", match)] if match != "cosine" else []
    options += [("scales", tuple(scales))] if tuple(scales) != SCALES else []
    text = write("guide", (name, *map(images.name_of, pictures)), tuple(options))

    def prepare(term: Term, network: Network, open: Open) -> Term:
        network.layer(name)
        opened = [open(picture) for picture in pictures]
        return replace(term, fit=lambda term, *size: replace(term, measure=measure(network, opened, size)))

    def measure(network: Network, opened: list[Tensor], size: tuple[int, ...]) -> Measure:
        seen = torch.cat([_seen(network, name, picture, max(size) * scale) for picture in opened for scale in scales])
        return _products(seen) if match == "dot" else _approach(_thinned(seen), network.layer(name).stride)

    return Objective((Term(1, name, text, pictures=pictures, prepare=prepare),))


def _check(name: str, pictures: tuple[images.Source, ...], match: str, scales: tuple[float, ...]) -> None:
    if name == "best":
        raise SettingsError("Within an objective a guide's layer is named. Find it with: phosphene match PICTURE GUIDE")
    if not pictures:
        raise SettingsError(f"A guide needs a picture, as guide({name}, 'flowers.jpg').")
    if match not in ("dot", "cosine"):
        offered = nearest(match, ("dot", "cosine"))
        raise SettingsError(f"A guide is matched by dot or cosine, not by {match!r}.{offered}")
    if not scales or not all(scale == 0 or 0.05 <= scale <= 4 for scale in scales):
        raise SettingsError("A guide's scales are numbers from 0.05 to 4, or 0 for its own size.")


def _seen(network: Network, name: str, picture: Tensor, side: float) -> Tensor:
    """A guide's feature vectors `[M, C]`, where its long side has so many pixels; 0 leaves it alone."""
    view = shrink(picture, side / max(picture.shape[-2:])) if side else picture
    return matching.vectors(features.of_picture(network, view, {name})[name])


def _thinned(vectors: Tensor) -> Tensor:
    """At most `MOST` of the vectors, evenly spread over them."""
    if len(vectors) <= MOST:
        return vectors
    return vectors[torch.linspace(0, len(vectors) - 1, MOST).long()]


def _products(candidates: Tensor) -> Measure:
    def measure(a: Tensor, _: Place | None) -> Tensor:
        found = matching.vectors(a)
        best = candidates[matching.best(found.detach(), candidates).where]
        return (found * best).sum(1).reshape(a.shape[-2:])

    return measure


def _approach(candidates: Tensor, stride: int) -> Measure:
    mean = candidates.mean(0)
    around = candidates - mean
    spread = around.square().sum(1).mean().clamp(min=1e-12)

    def measure(a: Tensor, _: Place | None) -> Tensor:
        found = matching.vectors(a) - mean
        best = EMPHASIS * around[matching.best(found.detach(), around, by="cosine").where]
        # A position stands for so many pixels.
        return (found - best).square().sum(1).reshape(a.shape[-2:]) * (-(stride**2) / (2 * spread))

    return measure
