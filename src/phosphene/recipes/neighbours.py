"""Style by nearest neighbours: each place of a picture takes on the look of the style's place that is most like it.

After Kolkin et al., "Neural Neighbor Style Transfer" (2022). Beyond it, the whole takes on the style's statistics, as
with Gram matrices (Gatys, Ecker and Bethge 2016), which brings its large motifs; what is drawn stays drawn
(`structure`); places are alike by what they are before they are alike by how they look (`correspondence`), and perhaps
by their colours; several styles blend; and a place's colour is a target too, which keeps colours from washing out.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import features
from phosphene.features import hypercolumns, matching
from phosphene.features.correspondence import Correspondence
from phosphene.features.hypercolumns import GRID, LOOKS, Columns
from phosphene.features.matching import Groups
from phosphene.networks import Network
from phosphene.recipes.structure import (
    Moments,
    Shift,
    Structure,
    StyleImage,
    Window,
    apart,
    moments,
    structure_weight,
    surrounded,
)

PULL = 2.5  # by how much a strength draws from the photograph's own look to the style's, which is all from 0.4 on
OWN = 0.4  # at least so much of a search is for the photograph itself: else it finds the same few places over and over
STATISTICS = 1.0  # weight of the style's statistics beside cosines
SURELY = 8  # exponent of a map's certainty, with which statistics follow it: little where it is not nearly sure
COLOUR, HELD = 2.0, 8.0  # weight of the colours' squared distance beside cosines; and where they were searched for
RARE = 0.03  # share of the places that are darker than what counts as darkest; and brighter, as brightest
SEARCHED = 192  # numbers of a vector, its principal components, that a search compares: docs/explanation/style.md


class Target(NamedTuple):
    """What the places of a window are to become."""

    directions: Tensor  # of hypercolumns, `[C, N]`, of length 1
    colours: Tensor  # `[N, 3]`
    measure: Measure  # how the picture's own are joined, to be compared
    weight: float  # of this among other targets
    held: float = COLOUR  # weight of the colours' squared distance
    moments: Sequence[Moments] = ()  # the statistics that the layers are to have, or none


class Measure(NamedTuple):
    """The centres and lengths of layers, by which columns are joined."""

    centres: list[Tensor]
    lengths: list[Tensor]

    @classmethod
    def of_content(cls, network: Network, pixels: Tensor, names: Sequence[str]) -> Measure:
        """Those of a picture of any size."""
        centres = hypercolumns.means(hypercolumns.by_tile(network, pixels, names))
        return cls(centres, hypercolumns.sizes(hypercolumns.by_tile(network, pixels, names), centres))

    @classmethod
    def of_style(cls, columns: Columns, content: Measure) -> Measure:
        """Those of a style; a length is no less than a hundredth of the content's, for pictures of one colour."""
        centres = hypercolumns.means([columns])
        lengths = hypercolumns.sizes([columns], centres)
        least = [length / 100 for length in content.lengths]
        return cls(centres, [torch.maximum(*each) for each in zip(lengths, least, strict=True)])


class ColourWeights(NamedTuple):
    """How much a search minds differences of colour, beside how alike two places look."""

    brightness: float = 0.0
    chroma: float = 0.0  # hue and saturation; no less than brightness

    def of(self, colours: Tensor) -> Tensor:
        """What is kept of the colours `[M, 3]` of a style's places, `[M, 4]`.

        The product with `wanted` falls by the squared distance of two colours, weighted. Both have the root of the
        weight, so that the groups of a search do not become slices of brightness.
        """
        weighted = self._weighted(colours)
        return torch.cat([weighted, weighted.square().sum(1, keepdim=True)], 1) * math.sqrt(self.chroma)

    def wanted(self, colours: Tensor) -> Tensor:
        """What a search asks for, where places should have these colours, `[N, 4]`."""
        weighted = self._weighted(colours)
        return torch.cat([2 * weighted, -torch.ones_like(weighted[:, :1])], 1) * math.sqrt(self.chroma)

    @property
    def asked(self) -> float:
        """How surely what is found has the colours of what is sought, 0..1: the more they count, the more surely."""
        return 1 - math.exp(-self.chroma)

    def _weighted(self, colours: Tensor) -> Tensor:
        """Colours in which brightness has shrunk to what it counts beside hue and saturation."""
        grey = colours.mean(1, keepdim=True)
        return colours - grey * (1 - math.sqrt(self.brightness / self.chroma)) if self.chroma else colours


BY_LOOKS = ColourWeights()


class Tones(NamedTuple):
    """How bright a picture is, and how much that differs from place to place."""

    middle: Tensor  # between nearly the darkest place and nearly the brightest
    range: Tensor  # from the one to the other

    @classmethod
    def of(cls, colours: Tensor) -> Tones:
        """Those of places' colours `[N, 3]`."""
        ranked = colours.mean(1).sort().values
        rare = int(RARE * len(ranked))
        low, high = ranked[rare], ranked[-1 - rare]
        return cls((low + high) / 2, (high - low).clamp(min=0.05))

    def as_in(self, other: Tones, colours: Tensor) -> Tensor:
        """Colours as bright as they would be in another picture: its darkest are dark there."""
        bright = colours.mean(1, keepdim=True)
        there = (bright - self.middle) * other.range / self.range + other.middle
        return colours - bright + there.clamp(0, 1)


@dataclass(frozen=True)
class StyleFeatures:
    """All places of a style at one size."""

    vectors: Tensor  # hypercolumns `[M, C]`
    colours: Tensor  # `[M, 3]`
    measure: Measure  # the style's own
    basis: Tensor  # `[C, K]`, the directions in which the vectors differ most
    keys: Groups  # what a search compares, along these; what a place is; and its colour
    correspondence: Correspondence | None  # with the content
    stuff: Tensor  # what a place is, `[M, D]`
    weight: float  # among several styles
    tones: Tones  # of the style
    layers: list[Tensor]  # what it shows of each layer, `[1, C, h, w]`
    grid: tuple[int, int]  # rows and columns of the places

    def moments_of(self, where: Tensor, sure: Tensor | None = None) -> list[Moments]:
        """The statistics of the style's places that the content's `[N]` found, each as often as it was found.

        As far as these are not `sure`, `[N]`, 0..1, all places of the style count alike, and bring motifs that no place
        of the content looks like.
        """
        sure = torch.ones_like(where, dtype=self.vectors.dtype) if sure is None else sure
        counts = torch.bincount(where, sure, len(self.vectors)) + (1 - sure).sum() / len(self.vectors)
        weights = counts.to(self.vectors.dtype).view(1, 1, *self.grid)
        return [moments(each, F.interpolate(weights, each.shape[-2:], mode="area")) for each in self.layers]

    def found(self, vectors: Tensor, stuff: Tensor, colours: Tensor) -> Tensor:
        """The place most like each of `vectors` `[N, C]`, of such a stuff `[N, D]` and such colours `[N, 4]`."""
        keys = F.normalize(vectors, dim=1) @ self.basis
        return self.keys.best(torch.cat([keys, stuff, colours], 1)).where


class Neighbours:
    """The method `match`, ready for one size of the picture."""

    def __init__(
        self,
        network: Network,
        sources: Sequence[StyleImage],
        content: Tensor,
        *,
        strength: float,
        semantics: float,
        by_colour: ColourWeights = BY_LOOKS,
    ) -> None:
        """Prepares the features of the style images, which have the size that goes with the content's."""
        self.network, self.semantics, self.by_colour = network, semantics, by_colour
        self.own, self.pull = max(OWN, 1 - strength), min(1.0, PULL * strength)
        self.keep = structure_weight(strength)
        self.names = hypercolumns.layers(network, LOOKS)
        self.tones = Tones.of(hypercolumns.colours(content))
        self.content = Measure.of_content(network, content, self.names)
        self.features = [self._features_of(source) for source in sources if source.weight > 0]

    def _features_of(self, source: StyleImage) -> StyleFeatures:
        seen = features.of_picture(self.network, source.pixels, self.names)
        columns = hypercolumns.gridded(self.network, seen, self.names, source.pixels)
        measure = Measure.of_style(columns, self.content)
        vectors = hypercolumns.joined(columns, *measure)
        directions = F.normalize(vectors, dim=1)
        basis = principal(directions, SEARCHED)
        stuff = _numbers(
            source.correspondence.style if source.correspondence else None, columns[0], source.pixels.shape[-2:]
        )
        colours = hypercolumns.colours(source.pixels)
        keys = Groups(torch.cat([directions @ basis, stuff, self.by_colour.of(colours)], 1))
        layers, grid = [seen[name] for name in self.names], hypercolumns.size(*source.pixels.shape[-2:])
        tones = Tones.of(colours)
        return StyleFeatures(
            vectors, colours, measure, basis, keys, source.correspondence, stuff, source.weight, tones, layers, grid
        )

    def window(self, content: Tensor, window: Window) -> Targets:
        """What a window of the content is to become."""
        return Targets(self, content, window)


class Targets:
    """What one window is to become."""

    def __init__(self, method: Neighbours, content: Tensor, window: Window) -> None:
        """Keeps the content itself, `[1, 3, h, w]`."""
        self.method, self.content, self.seen = method, content, window
        self.shift: Shift = (0, 0)
        self.targets: list[Target] = []
        self.structure = Structure(method.network)
        self.names = {*method.names, *self.structure.names}

    @torch.no_grad()
    def look(self, pixels: Tensor, shift: Shift) -> None:
        """Finds all neighbours anew, of the picture as it stands and, for a share, of the content."""
        method, self.shift = self.method, shift
        content = surrounded(self.content, shift)
        seen = features.extract(method.network, hypercolumns.whole(content), self.names)
        self.structure.look(seen)
        once = hypercolumns.gridded(method.network, seen, method.names, content)
        now = hypercolumns.columns(method.network, surrounded(pixels, shift), method.names)
        colours = hypercolumns.colours(content)
        self.targets = [self._target(style, once, now, colours) for style in method.features]
        if method.pull < 1:
            own = _directions(hypercolumns.joined(once, *method.content))
            self.targets.append(Target(own, colours, method.content, 1 - method.pull))

    def _target(self, style: StyleFeatures, once: Columns, now: Columns, colours: Tensor) -> Target:
        method, lengths = self.method, style.measure.lengths
        centres = hypercolumns.means([now]) if self.seen.whole else method.content.centres
        wanted = (1 - method.own) * hypercolumns.joined(now, centres, lengths)
        wanted += method.own * hypercolumns.joined(once, method.content.centres, lengths)
        begin = (self.seen.box.rows.low - self.shift[0], self.seen.box.columns.low - self.shift[1])
        numbers = _numbers(
            style.correspondence.content if style.correspondence else None, once[0], self.seen.size, begin
        )
        sought = method.by_colour.wanted(method.tones.as_in(style.tones, colours))
        stuff = method.semantics * numbers
        where = style.found(wanted, stuff, sought)
        sure = certainty(stuff, style.stuff[where], method.by_colour.asked) if self.seen.whole else None
        there, weight = _directions(style.vectors[where]), style.weight * method.pull
        held = COLOUR + (HELD - COLOUR) * method.by_colour.asked
        return Target(there, style.colours[where], style.measure, weight, held, style.moments_of(where, sure))

    def distance(self, pixels: Tensor) -> Tensor:
        """How far `pixels` are from what they are to become: a mean over places, differentiable."""
        method, pixels = self.method, surrounded(pixels, self.shift)
        seen = features.extract(method.network, hypercolumns.whole(pixels), self.names)
        columns = hypercolumns.gridded(method.network, seen, method.names, pixels)
        colours = hypercolumns.colours(pixels)
        distances = [each.weight * features.anew(partial(_distance, each), colours, *columns) for each in self.targets]
        now = [moments(seen[name]) for name in method.names]
        distances += [STATISTICS * each.weight * apart(now, each.moments) for each in self.targets if each.moments]
        return torch.stack(distances).sum() + method.keep * self.structure.distance(seen)


def certainty(stuff: Tensor, found: Tensor, asked: float) -> Tensor:
    """How far statistics follow what was found, `[N]`, 0..1: where stuffs `[N, D]` are alike, or colours were `asked`.

    Without these a brown table took on a drawing's blues and greens, since the whole of that has them.
    """
    alike = (stuff * found).sum(1).clamp(0, 1) ** SURELY
    return alike + (1 - alike) * asked


def _distance(target: Target, colours: Tensor, *seen: Tensor) -> Tensor:
    now = hypercolumns.joined(list(seen), *target.measure).T
    cosines = (now * target.directions).sum(0) / now.norm(dim=0).clamp(min=1e-12)
    distances: Tensor = 1 - cosines + target.held * (colours - target.colours).square().sum(1)
    return distances.mean()


def _directions(vectors: Tensor) -> Tensor:
    """`[N, C]` to `[C, N]`, the layout that `joined` has, of length 1."""
    return F.normalize(vectors, dim=1).T.contiguous()


def principal(vectors: Tensor, count: int) -> Tensor:
    """The directions `[C, K]` along which vectors are largest.

    In double precision: in single, the search for them fails where there are fewer vectors than numbers in each.
    """
    directions: Tensor = torch.linalg.eigh((vectors.T @ vectors).double())[1]
    return directions[:, -count:].to(vectors.dtype)


def _numbers(map_: Tensor | None, layer: Tensor, size: tuple[int, ...], begin: tuple[int, int] = (0, 0)) -> Tensor:
    """A correspondence's numbers for a layer's places, `[N, D]`, `D` being 0 without one.

    The first place begins at pixel `begin` of a picture of `size`, perhaps outside of it.
    """
    rows, columns = layer.shape[-2:]
    if map_ is None:
        return layer.new_zeros(rows * columns, 0)
    down, right = (
        (2 * first + GRID * (2 * torch.arange(count, dtype=layer.dtype) + 1)) / side - 1
        for first, count, side in zip(begin, (rows, columns), size, strict=True)
    )
    places = torch.stack((right.expand(rows, -1), down[:, None].expand(-1, columns)), -1)
    numbers: Tensor = F.grid_sample(map_, places[None], padding_mode="border", align_corners=False)
    return matching.vectors(numbers)
