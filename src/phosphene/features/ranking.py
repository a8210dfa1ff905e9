"""Which layer matches: how well a guide's features can be found in a picture, layer by layer.

leimao's notes on DeepDream ask for the layer with the highest dot product between the features of a picture and those
of a guide. Dot products favour layers of many or large activations. Ours compares each layer with itself: what does
the guide get, and what does a shapeless one of the same colours and spectrum? `docs/explanation/guides.md` says how
this was chosen, and how often it is wrong.
"""

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from phosphene import features
from phosphene.errors import SettingsError, nearest
from phosphene.features import matching
from phosphene.networks import Network
from phosphene.pixels.modes import standard_modes
from phosphene.pixels.transforms import shrink

SIDE = 768  # pixels of a picture's long side that are looked at
SHARES = (1, 1 / 1.4, 1 / 1.4**2)  # of that: sizes at which it is dreamt
QUERIES, CANDIDATES = 2048, 4096  # positions of the picture, and of the guides, that are compared
TINY = 1e-6
KINDS = ((8, 24), (24, 80), (160, 400))  # pixels that layers of colour, of line and of shape see
BY = ("cosine", "dot")


@dataclass(frozen=True)
class Ranked:
    """How well the guides match a picture at one layer; cosines and lengths are taken around the guides' mean.

    Attributes:
        layer: its name.
        score: what ranks: `match / unrelated * response`, 1 for a guide without shapes; or `dot`, if asked for.
        error: standard error of `score`, from the spread of the match over the picture, as if positions were
            independent.
        match: mean over the picture's positions of the cosine with the guides' position that fits best.
        shuffled: the same with guides whose channels were shuffled among the positions, each on its own.
        unrelated: the same with shapeless guides of the same colours and spectrum.
        response: mean square of the guides' features over that of the shapeless guides': how much the layer sees in
            the guides beside colours and grain.
        dot: mean over the picture's positions of the largest dot product with one of the guides', as they are.
    """

    layer: str
    score: float
    error: float
    match: float
    shuffled: float
    unrelated: float
    response: float
    dot: float


@standard_modes()
def rank(
    picture: Tensor,
    guides: Sequence[Tensor],
    network: Network,
    *,
    layers: Collection[str] | None = None,
    by: str = "cosine",
    scale: float = 1.0,
    seed: int = 0,
) -> list[Ranked]:
    """The layers by how well the guides' features can be found in the picture, best first.

    The picture is looked at in three of the sizes at which it would be dreamt, and the figures are means over them.

    Args:
        picture: `[1, 3, H, W]`, sRGB 0..1.
        guides: one or more, of any size.
        network: whose layers are compared.
        layers: their names; by default the network's main layers.
        by: `cosine`, relative to the controls, or `dot`, raw, as in leimao's notes.
        scale: the guides' long side, as a share of the picture's.
        seed: of the positions that are looked at, and of the controls.

    Raises:
        SettingsError: no guide, or an impossible option.
        UnknownNameError: a layer that the network does not have.
    """
    _check(guides, by, scale)
    names = list(dict.fromkeys(layers or main_layers(network)))
    largest = min(1.0, SIDE / max(picture.shape[-2:]))
    looks = [_look(shrink(picture, largest * share), guides, network, names, scale, seed) for share in SHARES]
    found = [_ranked(name, [look[name] for look in looks], by) for name in names]
    return sorted(found, key=lambda ranked: -ranked.score)


def main_layers(network: Network) -> list[str]:
    """The layers that are described, or all where none is."""
    return [name for name, layer in network.layers.items() if layer.shows] or list(network.layers)


def companions(ranked: Sequence[Ranked], network: Network, count: int) -> list[Ranked]:
    """The best layer and those that go with it, `count` in all.

    Colour is in layers that see little, line in those that see more, and whole shapes in those that see much: what the
    best layer lacks comes from the best of each other kind, the finest first. Layers of no kind come last.

    Args:
        ranked: best first.
        network: whose layers they are.
        count: how many are wanted; fewer are returned where there are no more.
    """
    best, kinds = ranked[0], {each.layer: _kind(network.layer(each.layer).receptive_field) for each in ranked}
    firsts = {kinds[each.layer]: each for each in reversed(ranked)}  # the best of each kind

    def turn(each: Ranked) -> tuple[int, int]:
        kind = kinds[each.layer]
        if each == best:
            return 0, 0
        if kind is None:
            return 3, 0
        return (1, kind) if each == firsts[kind] and kind != kinds[best.layer] else (2, 0)

    return sorted(ranked, key=turn)[:count]


def _kind(sees: int) -> int | None:
    """Which of `KINDS` a layer is, that sees so many pixels."""
    return next((kind for kind, (least, most) in enumerate(KINDS) if least <= sees < most), None)


def scrambled(picture: Tensor, generator: Generator) -> Tensor:
    """Noise `[1, 3, H, W]` of `picture`'s colours and spectrum, and without its shapes: waves are shifted at random.

    Its three channels are shifted alike, which keeps how they go together (Galerne, Gousseau and Morel, "Random phase
    textures", 2011). It leaves 0..1 a little.
    """
    size = picture.shape[-2:]
    phase = torch.fft.rfft2(torch.rand(size, generator=generator, dtype=picture.dtype)).angle()
    phase[0, 0] = 0
    shifted = torch.fft.rfft2(picture) * torch.polar(torch.ones_like(phase), phase)
    noise: Tensor = torch.fft.irfft2(shifted, s=size)
    return noise


def _check(guides: Sequence[Tensor], by: str, scale: float) -> None:
    if not guides:
        raise SettingsError("There is no guide to be matched.")
    if by not in BY:
        raise SettingsError(f"Layers are ranked by cosine or dot, not by {by!r}.{nearest(by, BY)}")
    if not 0.05 <= scale <= 4:
        raise SettingsError("A guide's scale is a number from 0.05 to 4.")


def _look(
    picture: Tensor, guides: Sequence[Tensor], network: Network, names: Sequence[str], scale: float, seed: int
) -> dict[str, tuple[float, ...]]:
    """Every layer's figures for a picture of one size."""
    side = max(picture.shape[-2:]) * scale
    guides = [shrink(guide, side / max(guide.shape[-2:])) for guide in guides]
    shapeless = [scrambled(guide, Generator().manual_seed(seed)).clamp(0, 1) for guide in guides]
    queries = _seen(network, [picture], names, QUERIES, seed)
    shown, others = (_seen(network, each, names, CANDIDATES, seed) for each in (guides, shapeless))
    return {name: _figures(queries[name], shown[name], others[name], seed) for name in names}


def _seen(
    network: Network, pictures: Sequence[Tensor], names: Collection[str], most: int, seed: int
) -> dict[str, Tensor]:
    """Each layer's feature vectors `[M, C]`: at most so many positions, as many of each picture."""
    seen = [features.of_picture(network, picture, names) for picture in pictures]
    return {
        name: torch.cat([_sample(matching.vectors(found[name]), most // len(pictures), seed) for found in seen])
        for name in names
    }


def _sample(vectors: Tensor, most: int, seed: int) -> Tensor:
    """At most so many of the vectors; the same places in pictures of one size."""
    if len(vectors) <= most:
        return vectors
    return vectors[torch.randperm(len(vectors), generator=Generator().manual_seed(seed))[:most]]


def _shuffled(vectors: Tensor, seed: int) -> Tensor:
    """`vectors` `[M, C]` with each channel's values in an order of their own, so that nothing goes together."""
    order = torch.rand(vectors.shape, generator=Generator().manual_seed(seed), dtype=torch.float32).argsort(0)
    return vectors.gather(0, order)


def _figures(queries: Tensor, shown: Tensor, shapeless: Tensor, seed: int) -> tuple[float, ...]:
    """One layer's: every guide, true or not, has as many positions, and is seen from the same mean."""
    products = matching.best(queries, shown).similarity
    mean = shown.mean(0)
    around = [vectors - mean for vectors in (shown, _shuffled(shown, seed), shapeless)]
    found, mixed, other = (matching.best(queries - mean, each, by="cosine").similarity for each in around)
    response = _energy(around[0]) / max(_energy(around[2]), TINY)
    return *_mean(found), _mean(mixed)[0], _mean(other)[0], response, *_mean(products)


def _ranked(name: str, looks: Sequence[tuple[float, ...]], by: str) -> Ranked:
    """One layer's figures at all sizes as one, and what ranks."""
    means = (sum(figures) / len(looks) for figures in zip(*looks, strict=True))
    match, match_error, shuffled, unrelated, response, dot, dot_error = means
    factor = response / max(unrelated, TINY)
    score, error = (dot, dot_error) if by == "dot" else (factor * match, factor * match_error)
    return Ranked(name, score, error, match, shuffled, unrelated, response, dot)


def _mean(values: Tensor) -> tuple[float, float]:
    """The mean, and its standard error."""
    return values.mean().item(), values.std(correction=0).item() / math.sqrt(len(values))


def _energy(vectors: Tensor) -> float:
    return vectors.square().sum(1).mean().item()
