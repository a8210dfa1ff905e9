"""What octaves do: a layer paints one band of periods, in pixels; each octave puts it at another place of the picture.

A layer's gradient has most of its energy around a period P, counted in the pixels that the network sees; how much,
`preferred` measures on a picture as it is. At an octave whose picture is r times smaller, a period of P pixels is one
of r·P pixels of the finished picture. So the octaves of a dream should paint at P, r·P, r²·P …: `painted` takes a real
dream apart, and measures where each did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from lattice import bands, by_band, spectrum, waves
from phosphene import features
from phosphene.ascent import StepRule
from phosphene.pixels import transforms
from phosphene.pixels.transforms import resize, shrink
from subjects import Subject, google, seeded


@dataclass(frozen=True)
class Octaves:
    """How a dream is laid out.

    Attributes:
        count: sizes.
        scale: how much larger each is than the last.
        steps: at each size.
        carry: `detail` over the photograph, as Google did, or the `picture` itself, enlarged.
    """

    count: int = 4
    scale: float = 1.4
    steps: int = 10
    carry: str = "detail"


@dataclass(frozen=True)
class Dreamt:
    """A dream and its parts.

    Attributes:
        pixels: the picture, `[1, 3, H, W]`.
        parts: what each octave added, at the picture's size, the smallest first.
    """

    pixels: Tensor
    parts: list[Tensor]


def dream(subject: Subject, pixels: Tensor, octaves: Octaves, *, rule: StepRule, seed: int = 0) -> Dreamt:
    """As `phosphene.dream`, but that what each octave adds is kept."""
    bases, generator, parts = transforms.octaves(pixels, octaves.count, octaves.scale), seeded(seed), []
    picture = bases[0].clone()
    for base, before in zip(bases, [None, *bases[:-1]], strict=True):
        size = base.shape[-2:]
        if before is not None:
            picture = resize(picture - before, *size) + base if octaves.carry == "detail" else resize(picture, *size)
        begun = picture.clone()
        subject.climb_(picture, rule, rule.shifts(octaves.steps, generator))
        parts.append(resize(picture - begun, *pixels.shape[-2:]))
    return Dreamt(picture, parts)


def shares(x: Tensor) -> Tensor:
    """Energy by band of `[1, 3, S, S]`, of 1 in all."""
    found = by_band(spectrum(x))
    return found / found.sum()


def centre(energy: Tensor, side: int) -> float:
    """The mean period, in pixels, of energy by band; the mean is one of logarithms, as the ear takes a pitch."""
    middles = torch.tensor(bands(side)[0]).log2()
    return float(2 ** ((energy * middles).sum() / energy.sum()))


def preferred(subject: Subject, pictures: Sequence[Tensor], *, steps: int = 10, normalise: str = "mean") -> Tensor:
    """Energy by band of what so many steps at a picture's own size bring out of it."""
    one = Octaves(1, 1.4, steps)
    parts = [dream(subject, pixels, one, rule=google(normalise=normalise)).parts[0] for pixels in pictures]
    return sum(map(shares, parts)) / len(parts)


def painted(subject: Subject, pictures: Sequence[Tensor], octaves: Octaves, *, normalise: str = "mean") -> list[Tensor]:
    """Energy by band of what each octave added, the smallest octave first."""
    found = [dream(subject, pixels, octaves, rule=google(normalise=normalise)).parts for pixels in pictures]
    return [sum(map(shares, parts)) / len(parts) for parts in zip(*found, strict=True)]


def evenness(energy: Tensor) -> float:
    """Over how many of the bands energy is spread: the exponential of its entropy."""
    share = energy / energy.sum()
    return float(torch.exp(-(share * share.clamp(min=1e-12).log()).sum()))


def kept(picture: Tensor, photograph: Tensor) -> Tensor:
    """By band, how much of the photograph is still in the picture: ⟨picture, photograph⟩/⟨photograph, photograph⟩."""
    both = [waves(x) for x in (picture, photograph)]
    cross = (both[0] * both[1].conj()).real.sum((0, 1))
    return by_band(cross) / by_band(both[1].abs().square().sum((0, 1)))


SCALES = (1.0, 1.4, 2.0, 2.8, 4.0)


ANOTHER = 5, 11  # pixels: the layer's lattice meets the picture elsewhere than the dream's steps, if not shifted, did


@torch.no_grad()
def louder(subject: Subject, picture: Tensor, photograph: Tensor) -> list[float]:
    """How much more the layer answers to the dream than to the photograph, seen at each of `SCALES` times smaller.

    In factors of two. It sees what a spectrum cannot: whether what is there at a size is a pattern to the network. The
    pictures are cut by a few pixels first, so that a dream is not read as it was written.
    """
    both = [x[..., ANOTHER[0] :, ANOTHER[1] :] for x in (picture, photograph)]
    answers = [[answer(subject, shrink(x, 1 / scale)) for scale in SCALES] for x in both]
    return [float(torch.log2(dreamt / plain)) for dreamt, plain in zip(*answers, strict=True)]


def answer(subject: Subject, pixels: Tensor) -> Tensor:
    """The mean of the layer's squared activations."""
    return features.extract(subject.network, pixels, {subject.layer})[subject.layer].square().mean()
