"""Style by nearest neighbours: each place of a picture takes on the look of the style's place that is most like it.

After Kolkin et al., "Neural Neighbor Style Transfer" (2022). Beyond it, places are alike by what they are before they
are alike by how they look (`correspondence`), several styles blend, and a place's colour is a target too, which keeps
colours from washing out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene import hypercolumns, matching
from phosphene.hypercolumns import LOOKS, Columns
from phosphene.networks import Network
from phosphene.recipes.painter import Source, Window
from phosphene.transforms import resize

COLOUR = 2.0  # weight of the colours' squared distance beside cosines
SEARCHED = 64  # numbers of a vector that a search compares, its principal components; docs/style.md has what that costs


class Target(NamedTuple):
    """What the places of a window are to become.

    Attributes:
        vectors: hypercolumns, `[N, C]`.
        colours: `[N, 3]`.
        measure: how the picture's own are joined, to be compared.
        weight: of this among other targets.
    """

    vectors: Tensor
    colours: Tensor
    measure: Measure
    weight: float


class Measure(NamedTuple):
    """The centres and lengths of layers, by which columns are joined."""

    centres: list[Tensor]
    lengths: list[Tensor]

    @classmethod
    def of(cls, columns: Columns, least: Sequence[Tensor] | None = None) -> Measure:
        """Those of a picture; a layer's length is no less than a hundredth of `least`, for pictures of one colour."""
        centres = hypercolumns.means(columns)
        lengths = hypercolumns.sizes(columns, centres)
        if least is not None:
            lengths = [torch.maximum(each, other / 100) for each, other in zip(lengths, least, strict=True)]
        return cls(centres, lengths)


@dataclass(frozen=True)
class Palette:
    """All places of a style at one size.

    Attributes:
        vectors: hypercolumns `[M, C]`.
        colours: `[M, 3]`.
        measure: the style's own.
        basis: `[C, K]`, the directions in which the vectors differ most.
        keys: what a search compares, `[M, K]`.
        stuff: as many numbers for what a place is, `[M, D]`, `D` may be 0.
        weight: among several styles.
    """

    vectors: Tensor
    colours: Tensor
    measure: Measure
    basis: Tensor
    keys: Tensor
    stuff: Tensor
    weight: float

    def found(self, vectors: Tensor, stuff: Tensor, firmness: float) -> Tensor:
        """The place that is most like each of `vectors` `[N, C]`, whose stuff is `[N, D]`."""
        keys = F.normalize(vectors, dim=1) @ self.basis
        return matching.best(torch.cat([keys, firmness * stuff], 1), torch.cat([self.keys, self.stuff], 1)).where


class Neighbours:
    """The method `match`: a `Method` for one size of the picture."""

    def __init__(
        self, network: Network, sources: Sequence[Source], content: Tensor, *, strength: float, firmness: float
    ) -> None:
        """Makes palettes of the sources, which have the size that goes with the content's."""
        self.network, self.firmness = network, firmness
        self.own, self.pull = 1 - strength, min(1.0, 2 * strength)
        self.names = hypercolumns.layers(network, LOOKS)
        self.content = Measure.of(hypercolumns.of_picture(network, content, self.names))
        self.palettes = [self._palette(source) for source in sources if source.weight > 0]
        self.stuffs = [source.stuff for source in sources if source.weight > 0]

    def _palette(self, source: Source) -> Palette:
        columns = hypercolumns.of_picture(self.network, source.pixels, self.names)
        measure = Measure.of(columns, least=self.content.lengths)
        vectors, grid = hypercolumns.joined(columns, *measure), columns[0].shape[-2:]
        keys = F.normalize(vectors, dim=1)
        basis = _principal(keys, SEARCHED)
        stuff = vectors.new_zeros(len(vectors), 0) if source.stuff is None else _numbers(source.stuff.style, grid)
        colours = hypercolumns.colours(source.pixels)
        return Palette(vectors, colours, measure, basis, keys @ basis, stuff, source.weight)

    def window(self, content: Tensor, window: Window) -> Targets:
        """What a window of the content is to become."""
        return Targets(self, content, window)


class Targets:
    """What one window is to become; an `Aim`."""

    def __init__(self, method: Neighbours, content: Tensor, window: Window) -> None:
        """Looks at the content itself, `[1, 3, h, w]`."""
        self.method, self.whole = method, window.whole
        with torch.no_grad():
            self.columns = hypercolumns.columns(method.network, content, method.names)
        self.colours, grid = hypercolumns.colours(content), self.columns[0].shape[-2:]
        self.stuffs = [
            content.new_zeros(grid[0] * grid[1], 0) if stuff is None else _numbers(stuff.content, grid, window)
            for stuff in method.stuffs
        ]
        self.targets: list[Target] = []

    def look(self, pixels: Tensor) -> None:
        """Finds all neighbours anew, of the picture as it stands and, for a share, of the content."""
        method = self.method
        with torch.no_grad():
            seen = hypercolumns.columns(method.network, pixels, method.names)
            centres = hypercolumns.means(seen) if self.whole else method.content.centres
            self.targets = [
                self._target(*each, seen, centres) for each in zip(method.palettes, self.stuffs, strict=True)
            ]
        if method.pull < 1:
            vectors = hypercolumns.joined(self.columns, *method.content)
            self.targets.append(Target(vectors, self.colours, method.content, 1 - method.pull))

    def _target(self, palette: Palette, stuff: Tensor, seen: Columns, centres: list[Tensor]) -> Target:
        own, lengths = self.method.own, palette.measure.lengths
        now = hypercolumns.joined(seen, centres, lengths)
        once = hypercolumns.joined(self.columns, self.method.content.centres, lengths)
        where = palette.found((1 - own) * now + own * once, stuff, self.method.firmness)
        weight = palette.weight * self.method.pull
        return Target(palette.vectors[where], palette.colours[where], palette.measure, weight)

    def distance(self, pixels: Tensor) -> Tensor:
        """How far `pixels` are from what they are to become: a mean over places, differentiable."""
        seen, colours = (
            hypercolumns.columns(self.method.network, pixels, self.method.names),
            hypercolumns.colours(pixels),
        )
        distances = [each.weight * _distance(each, seen, colours) for each in self.targets]
        return torch.stack(distances).sum()


def _distance(target: Target, seen: Columns, colours: Tensor) -> Tensor:
    along = F.cosine_similarity(hypercolumns.joined(seen, *target.measure), target.vectors, dim=1)
    return (1 - along + COLOUR * (colours - target.colours).square().sum(1)).mean()


def _principal(vectors: Tensor, count: int) -> Tensor:
    """The directions `[C, K]` along which vectors are largest."""
    directions: Tensor = torch.linalg.eigh(vectors.T @ vectors)[1]
    return directions[:, -count:]


def _numbers(map_: Tensor, grid: tuple[int, ...], window: Window | None = None) -> Tensor:
    """A correspondence's numbers for the places of a picture, or of a window of it, `[N, D]`."""
    whole = window.grid if window else grid
    rows, columns = (window.rows, window.columns) if window else (slice(None), slice(None))
    return matching.vectors(resize(map_, *whole)[..., rows, columns])
