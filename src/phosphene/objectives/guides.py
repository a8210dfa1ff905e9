"""Guides: pictures whose features are to be found again in the dream."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from phosphene import features, images, matching
from phosphene.errors import SettingsError, nearest
from phosphene.language import Value, write
from phosphene.networks import Network
from phosphene.objectives.objective import Measure, Objective, Open, Place, Term
from phosphene.transforms import shrink

SIDE = 512  # pixels: a guide's long side, at which its motifs fit into what a layer sees
SCALES = (1.0,)
EMPHASIS = 1.5  # of the guide's features over their mean: above 1 it is overdone, as a dream does


def guide(
    name: str,
    *pictures: images.Source,
    match: str = "cosine",
    side: int = SIDE,
    scales: tuple[float, ...] = SCALES,
) -> Objective:
    """Guide pictures: each position of a layer goes towards the feature vector of theirs that fits it best.

    By `dot`, as in Google's notebook, the best is the one with the largest dot product, and that product is maximised
    without end. By `cosine` it is the one at the smallest angle, seen from the guides' mean, and the position
    approaches it: the distance is made small, in units of the guides' own spread, so that layers add up.

    Args:
        name: the layer.
        *pictures: one or more.
        match: `cosine` or `dot`.
        side: shrinks a guide to this long side in pixels; 0 leaves it alone.
        scales: sizes at which each guide is seen, of that.

    Raises:
        SettingsError: no picture, or an impossible option.
    """
    _check(name, pictures, match, side, scales)
    usual: tuple[tuple[str, Value], ...] = (("match", "cosine"), ("side", SIDE), ("scales", SCALES))
    given: tuple[Value, ...] = (match, side, tuple(scales))
    options = [(key, value) for (key, default), value in zip(usual, given, strict=True) if value != default]
    text = write("guide", (name, *map(images.name_of, pictures)), tuple(options))

    def prepare(term: Term, network: Network, open: Open) -> Term:
        seen = [_seen(network, name, open(picture), side, scales) for picture in pictures]
        measure = (
            _products(torch.cat(seen)) if match == "dot" else _approach(torch.cat(seen), network.layer(name).stride)
        )
        return replace(term, measure=measure)

    return Objective((Term(1, name, text, pictures=pictures, prepare=prepare),))


def _check(name: str, pictures: tuple[images.Source, ...], match: str, side: int, scales: tuple[float, ...]) -> None:
    if not pictures:
        raise SettingsError(f"A guide needs a picture, as guide({name}, 'flowers.jpg').")
    if match not in ("dot", "cosine"):
        raise SettingsError(
            f"A guide is matched by dot or cosine, not by {match!r}.{nearest(match, ('dot', 'cosine'))}"
        )
    if side < 0 or not scales or not all(0.05 <= scale <= 4 for scale in scales):
        raise SettingsError("A guide's side is 0 or more pixels, and its scales are numbers from 0.05 to 4.")


def _seen(network: Network, name: str, picture: Tensor, side: int, scales: tuple[float, ...]) -> Tensor:
    """A guide's feature vectors `[M, C]`, at all scales."""
    long = max(picture.shape[-2:])
    usual = min(1.0, side / long) if side else 1.0
    views = [shrink(picture, usual * scale) for scale in scales]
    return torch.cat([matching.vectors(features.of_picture(network, view, {name})[name]) for view in views])


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
