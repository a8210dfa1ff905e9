"""What can be maximised: layers, channels, neurons, directions, classes; and penalties on the pixels."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from numbers import Real

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import features, images
from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.features import matching
from phosphene.images.sources import several
from phosphene.networks import PIXELS, Network
from phosphene.objectives.language import Value, write
from phosphene.objectives.objective import Measure, Objective, Open, Place, Prepare, Term, total
from phosphene.pixels.transforms import shrink

LEVELS = 255  # penalties count differences of pixels in these


def layer(name: str, *, maximise: str = "squares") -> Objective:
    """All of a layer: ½ Σ activation² (`squares`, as Google's notebook does), or Σ activation (`sum`)."""
    if maximise == "sum":
        return _term(name, "sum", name, measure=lambda a, _: a[0].sum(0))
    return _term(name, "layer", name, measure=lambda a, _: a[0].square().sum(0) / 2)


def channel(name: str, index: int) -> Objective:
    """One channel of a layer: Σ activation over its positions."""
    return _term(name, "channel", name, index, measure=lambda a, _: a[0, index], channel=index)


def neuron(name: str, index: int, down: float = 0.5, right: float = 0.5) -> Objective:
    """One channel at one position: `down` and `right` are shares 0..1 of the picture's height and width.

    Raises:
        SettingsError: a place outside the picture.
    """
    if not (0 <= down <= 1 and 0 <= right <= 1):
        raise SettingsError(
            f"A neuron's place is a share of the picture, 0 to 1 down and right; given: {down}, {right}."
        )
    where = () if (down, right) == (0.5, 0.5) else (down, right)

    def prepare(term: Term, network: Network, _: Open) -> Term:
        stride = network.layer(name).stride
        return replace(term, measure=_at(index, down, right, stride))

    return _term(name, "neuron", name, index, *where, channel=index, prepare=prepare)


def _at(index: int, down: float, right: float, stride: int) -> Measure:
    def measure(a: Tensor, place: Place | None) -> Tensor:
        """The channel, silent but at one position, which may lie in another tile."""
        rows, columns = a.shape[-2:]
        place = place or Place(0, 0, rows * stride, columns * stride)
        row, column = (
            min(int(share * side), side - 1) // stride - start // stride
            for share, side, start in ((down, place.height, place.top), (right, place.width, place.left))
        )
        only = torch.zeros_like(a[0, index])
        if 0 <= row < rows and 0 <= column < columns:
            only[row, column] = 1
        return a[0, index] * only

    return measure


def direction(name: str, *towards: images.Source | Sequence[images.Source] | Sequence[float]) -> Objective:
    """A direction among a layer's channels: Σ activation · direction, of length 1, over all positions.

    Args:
        name: the layer.
        *towards: a number for each channel, in a list or an array; or a picture, whose mean features are the
            direction; or two pictures: from the mean features of the second to those of the first.

    Raises:
        SettingsError: neither numbers nor one or two pictures, or no direction at all.
    """
    given = [one for each in towards for one in several(each)]
    if len(given) == 1 and getattr(given[0], "ndim", 0) == 1:  # an array of numbers
        given = given[0].tolist()
    if given and all(isinstance(each, Real) for each in given):
        numbers = tuple(map(float, given))
        return _term(name, "direction", name, numbers, prepare=lambda term, network, _: _along(term, network, numbers))
    pictures = tuple(given)
    if len(pictures) not in (1, 2) or any(isinstance(each, Real) for each in pictures):
        raise SettingsError("A direction takes a number for each channel, or one picture, or two to go between.")

    def prepare(term: Term, network: Network, open: Open) -> Term:
        means = [features.of_picture(network, open(each), {name})[name].mean((0, 2, 3)) for each in pictures]
        return _along(term, network, tuple((means[0] - means[1] if len(means) == 2 else means[0]).tolist()))

    return _term(name, "direction", name, *map(images.name_of, pictures), pictures=pictures, prepare=prepare)


def _along(term: Term, network: Network, numbers: tuple[float, ...]) -> Term:
    channels = network.layer(term.layer).channels
    if len(numbers) != channels:
        raise SettingsError(f"Layer {term.layer!r} has {channels} channels; the direction has {len(numbers)} numbers.")
    towards = torch.tensor(numbers, dtype=network.dtype)
    if not towards.any():
        raise SettingsError(f"{term.text} has no direction: all its numbers are 0.")
    towards = towards / towards.norm()
    return replace(term, measure=lambda a, _: torch.einsum("chw,c->hw", a[0], towards))


def class_(of: str | int) -> Objective:
    """A class of the network's, by its name or number: Σ over positions of what speaks for it, before the softmax.

    A classifier behind a mean over positions is a sum over positions, and so can be computed by tiles.
    """

    def prepare(term: Term, network: Network, _: Open) -> Term:
        head = network.classifier
        if head is None:
            raise UnknownNameError(f"{network.name} names no classes. Choose a layer: phosphene layers {network.name}")
        number = _class_number(of, head.names, len(head.weight))
        weight, bias = head.weight[number], head.bias[number]
        return replace(term, layer=head.layer, measure=lambda a, _: torch.einsum("chw,c->hw", a[0], weight) + bias)

    return _term("", "class", of, prepare=prepare)


def _class_number(of: str | int, names: tuple[str, ...], count: int) -> int:
    """A class's number; a name may be one of several that a class has, as `tabby` of `tabby, tabby cat`."""
    if isinstance(of, int):
        if 0 <= of < count:
            return of
        raise UnknownNameError(f"There are the classes 0 to {count - 1}; there is no class {of}.")
    wanted = of.strip().lower()
    for number, name in enumerate(names):
        lowered = name.lower()
        if wanted == lowered or wanted in (part.strip() for part in lowered.split(",")):
            return number
    parts = [part.strip().lower() for name in names for part in name.split(",")]
    within = [part for part in parts if wanted in part.split()]
    offered = f" Did you mean {within[0]!r}?" if within else nearest(wanted, parts)
    raise UnknownNameError(f"Unknown class {of!r}.{offered} A number from 0 to {count - 1} will do too.")


def tv() -> Objective:
    """Total variation: Σ of how much each pixel differs from the next below and to the right, in levels of 255.

    As a penalty, `- 1.5*tv()`, it makes smooth (Rudin, Osher and Fatemi 1992).
    """

    def measure(x: Tensor, _: Place | None) -> Tensor:
        x = F.pad(x, (0, 1, 0, 1), mode="replicate")
        down, right = x[..., 1:, :-1] - x[..., :-1, :-1], x[..., :-1, 1:] - x[..., :-1, :-1]
        # Nearly flat places count as flat, or the gradient would flicker there.
        return ((down.square() + right.square()) * LEVELS**2 + 1).sqrt().sub(1).sum((0, 1))

    return _term(PIXELS, "tv", measure=measure)


def l2() -> Objective:
    """Half the squared distance of each pixel from grey, in levels of 255: as a penalty it keeps from extremes."""
    return _term(PIXELS, "l2", measure=lambda x, _: ((x - 0.5) * LEVELS).square().sum((0, 1)) / 2)


def blur() -> Objective:
    """Half the squared difference of each pixel from its surroundings, in levels of 255: a penalty on grain."""

    def measure(x: Tensor, _: Place | None) -> Tensor:
        around = F.avg_pool2d(F.pad(x, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
        return ((x - around) * LEVELS).square().sum((0, 1)) / 2

    return _term(PIXELS, "blur", measure=measure)


def _term(
    of: str,
    called: str,
    *arguments: Value,
    measure: Measure | None = None,
    channel: int | None = None,
    pictures: tuple[images.Source, ...] = (),
    prepare: Prepare | None = None,
) -> Objective:
    text = write(called, arguments)
    return Objective((Term(1, of, text, measure, channel, pictures, prepare),))


# Guides: pictures from which the dream grows shapes

SCALES = (1.0,)
EMPHASIS = 2.0  # of the guide's features over their mean: above 1 it is overdone, as a dream does
MOST = 4096  # feature vectors of guides that are compared by angle; more are thinned out


def guide(
    name: str,
    *pictures: images.Source | Sequence[images.Source],
    match: str = "cosine",
    scales: tuple[float, ...] = SCALES,
) -> Objective:
    """Guide pictures: each position of a layer goes towards the feature vector of theirs that fits it best.

    By `dot`, as in Google's notebook, the best is the one with the largest dot product, and that product is maximised
    without end. By `cosine` it is the one at the smallest angle, seen from the guides' mean, and the position
    approaches it: the distance is made small, in units of the guides' own spread, so that layers add up.

    Args:
        name: the layer.
        *pictures: one or more, or lists of them.
        match: `cosine` or `dot`.
        scales: the guides' long side, as shares of the long side of the picture that dreams, at each of its octaves;
            0 is their own size, whatever the octave.

    Raises:
        SettingsError: no picture, or an impossible option.
    """
    shown = tuple(one for each in pictures for one in several(each))
    _check(name, shown, match, scales)
    options: list[tuple[str, Value]] = [("match", match)] if match != "cosine" else []
    options += [("scales", tuple(scales))] if tuple(scales) != SCALES else []
    text = write("guide", (name, *map(images.name_of, shown)), tuple(options))

    def prepare(term: Term, network: Network, open: Open) -> Term:
        network.layer(name)
        opened = [open(picture) for picture in shown]
        return replace(term, fit=lambda term, *size: replace(term, measure=measure(network, opened, size)))

    def measure(network: Network, opened: list[Tensor], size: tuple[int, ...]) -> Measure:
        seen = torch.cat([_seen(network, name, picture, max(size) * scale) for picture in opened for scale in scales])
        if match == "dot":
            return _products(seen)
        if len(seen) > MOST:
            seen = seen[torch.linspace(0, len(seen) - 1, MOST).long()]  # evenly spread
        return _approach(seen, network.layer(name).stride)

    return Objective((Term(1, name, text, pictures=shown, prepare=prepare),))


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


def parse(text: str, index: int | None = None, maximise: str = "squares") -> Objective:
    """The objective that flags describe: layers with weights, `block5:0.5,block8`, and perhaps one channel.

    Raises:
        SettingsError: a weight that is no number, or a channel asked of several layers.

    >>> print(parse("block5:0.5,block8"))
    0.5*layer(block5) + layer(block8)
    """
    weighted = [weigh(part) for part in text.split(",")]
    if index is not None and len(weighted) > 1:
        raise SettingsError(f"--channel {index} is of one layer, but --layer names {len(weighted)}: {text}. Name one.")
    of = partial(layer, maximise=maximise) if index is None else partial(channel, index=index)
    return total([weight * of(name) for name, weight in weighted])


def weigh(part: str) -> tuple[str, float]:
    """A layer's name and weight, of `block5:0.5` or `block5`."""
    name, _, weight = part.strip().partition(":")
    try:
        number = float(weight or 1)
    except ValueError:
        number = math.nan
    if not math.isfinite(number) or number == 0:
        raise SettingsError(f"The weight of layer {name!r} is {weight!r}; it takes a number but 0, as {name}:0.5.")
    return name, number
