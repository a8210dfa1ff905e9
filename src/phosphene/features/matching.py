"""The best match of feature vectors: for each position of one picture, the position of another that is most like it.

Two pictures of any size make a table of similarities that no memory holds, so it is made in pieces, and only the best
of each row is kept. Where one picture is searched again and again, `Groups` looks at the likeliest of its positions
alone.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from phosphene.pixels.transforms import shrink

TABLE_NUMBERS = 8_000_000  # similarities held at a time, 32 MB in float32
GROUPS, FEWEST = 128, 64  # groups of candidates, and how many a group holds at least, in the mean
LOOKED_IN = 8  # groups that a search looks in; docs/explanation/style.md has what that costs
ROUNDS = 4  # of k-means that make the groups: they need not be good ones


class Match(NamedTuple):
    """For each query, the index of its best candidate and how alike they are, both `[N]`."""

    where: Tensor
    similarity: Tensor


def best(queries: Tensor, candidates: Tensor, *, by: str = "dot", table: int | None = None) -> Match:
    """The best of `candidates` `[M, C]` for each of `queries` `[N, C]`, by `dot` product or by `cosine`.

    Args:
        queries: feature vectors to be matched.
        candidates: those they are matched with.
        by: `dot`, as Google's notebook has it, or `cosine`, which does not favour long vectors.
        table: similarities held in memory at a time, by default `TABLE_NUMBERS`; the result does not depend on it, but
            for ties.

    >>> best(torch.eye(2), torch.tensor([[0.0, 3.0], [1.0, 2.0]])).where
    tensor([1, 0])
    """
    if by == "cosine":
        queries, candidates = F.normalize(queries, dim=1), F.normalize(candidates, dim=1)
    table = table or TABLE_NUMBERS
    across = min(len(candidates), max(1, table // min(len(queries), 4096)))
    rows = max(1, table // across)
    found = [_best_of_few(some, candidates, across) for some in torch.split(queries, rows)]
    return Match(torch.cat([match.where for match in found]), torch.cat([match.similarity for match in found]))


def _best_of_few(queries: Tensor, candidates: Tensor, across: int) -> Match:
    """The best for queries so few that a table of them and `across` candidates fits in memory."""
    where = queries.new_zeros(len(queries), dtype=torch.long)
    similarity = queries.new_full((len(queries),), -torch.inf)
    for start in range(0, len(candidates), across):
        here, place = (queries @ candidates[start : start + across].T).max(dim=1)
        better = here > similarity
        where[better], similarity[better] = place[better] + start, here[better]
    return Match(where, similarity)


class Groups:
    """Candidates in groups of like ones, so that a search looks in few of them: an inverted file.

    After Sivic and Zisserman, "Video Google" (2003), who look in one group, and Jégou, Douze and Schmid, "Product
    Quantization for Nearest Neighbor Search" (2011), who look in several.
    """

    def __init__(self, candidates: Tensor, *, groups: int = GROUPS, looked_in: int = LOOKED_IN) -> None:
        """Sorts `candidates` `[M, C]`; each search looks in so many of the groups, and is exact if that is all."""
        count = max(1, min(groups, len(candidates) // FEWEST))
        begun = candidates[torch.arange(count) * len(candidates) // count]
        self.centres, names = k_means(candidates, begun, ROUNDS)
        self.looked_in = min(looked_in, count)
        self.order, self.sizes = names.argsort(stable=True), torch.bincount(names, minlength=count).tolist()
        self.sorted = candidates[self.order]

    def best(self, queries: Tensor) -> Match:
        """As the function `best`, by dot product, but for the few whose best lies in a group that is not looked in."""
        found = Match(queries.new_zeros(len(queries), dtype=torch.long), queries.new_full((len(queries),), -torch.inf))
        wanted = (queries @ self.centres.T).topk(self.looked_in).indices.flatten()
        askers = torch.split(
            wanted.argsort(stable=True) // self.looked_in, torch.bincount(wanted, minlength=len(self.sizes)).tolist()
        )
        groups = (torch.split(each, self.sizes) for each in (self.order, self.sorted))
        for who, order, group in zip(askers, *groups, strict=True):
            if len(who) and len(group):
                here = best(queries[who], group)
                better = here.similarity > found.similarity[who]
                found.where[who[better]] = order[here.where[better]]
                found.similarity[who[better]] = here.similarity[better]
        return found


def k_means(vectors: Tensor, centres: Tensor, rounds: int) -> tuple[Tensor, Tensor]:
    """The centres `[K, C]` after so many rounds, and the nearest to each of `vectors` `[N, C]`, an index `[N]`.

    When no vector changes its centre, further rounds would change nothing.
    """
    before = None
    for _ in range(rounds):
        nearest = _nearest(vectors, centres)
        if before is not None and torch.equal(nearest, before):
            return centres, nearest
        before = nearest
        filled = torch.bincount(nearest, minlength=len(centres))[:, None]
        sums = torch.zeros_like(centres).index_add_(0, nearest, vectors)
        centres = torch.where(filled > 0, sums / filled.clamp(min=1), centres)
    return centres, _nearest(vectors, centres)


def _nearest(vectors: Tensor, centres: Tensor) -> Tensor:
    """The index `[N]` of the nearest centre: |x − c|² without |x|², which is the same for all; a matrix product."""
    return torch.addmm(centres.square().sum(1), vectors, centres.T, alpha=-2).argmin(1)


def vectors(activations: Tensor) -> Tensor:
    """The feature vectors `[h·w, C]` of `activations` `[1, C, h, w]`, row by row."""
    return activations[0].flatten(1).T


# The guided filter: a map is made to follow the edges of a picture

SMALLER = 4  # times


def filtered(maps: Tensor, picture: Tensor, radius: int, smoothness: float) -> Tensor:
    """Maps `[1, D, H, W]` that change where `picture` `[1, 3, H, W]` changes, and nowhere else.

    Args:
        maps: each filtered by itself; of any size.
        picture: the guide, 0..1.
        radius: of windows, in pixels.
        smoothness: variance of colours below which the picture counts as flat; the published ε.
    """
    small = shrink(picture, 1 / SMALLER)
    slopes, offsets = _functions(_sized(maps, small), small, max(1, radius // SMALLER), smoothness)
    found = _sized(offsets, picture)
    for slope, colour in zip(slopes, picture[0], strict=True):  # a colour at a time: a third of the memory
        found.addcmul_(_sized(slope[None], picture), colour)
    return found


def _functions(maps: Tensor, picture: Tensor, radius: int, smoothness: float) -> tuple[Tensor, Tensor]:
    """The slopes `[3, D, h, w]` and offsets `[1, D, h, w]` by which colours make maps, each around its pixel."""
    guide, values, colours = picture[0], mean_around(maps, radius), mean_around(picture, radius)[0]
    spread = mean_around(guide[:, None] * guide, radius) - colours[:, None] * colours
    along = mean_around(guide[:, None] * maps, radius) - colours[:, None] * values
    flat = smoothness * torch.eye(3, dtype=maps.dtype)
    slopes = torch.linalg.solve(spread.permute(2, 3, 0, 1) + flat, along.permute(2, 3, 0, 1)).permute(2, 3, 0, 1)
    offsets = values - torch.einsum("cdhw,chw->dhw", slopes, colours)
    return mean_around(slopes, radius), mean_around(offsets, radius)


def mean_around(x: Tensor, radius: int) -> Tensor:
    """The mean of `x` `[N, C, h, w]` over a square around each place; beyond its border `x` is repeated.

    The square's side is `2 * radius + 1` places, or less where `x` is smaller.
    """
    across, down = (min(radius, side - 1) for side in reversed(x.shape[-2:]))
    x = F.avg_pool2d(F.pad(x, (across, across, 0, 0), mode="replicate"), (1, 2 * across + 1), 1)
    return F.avg_pool2d(F.pad(x, (0, 0, down, down), mode="replicate"), (2 * down + 1, 1), 1)


def _sized(x: Tensor, like: Tensor) -> Tensor:
    return F.interpolate(x, like.shape[-2:], mode="bilinear", align_corners=False)
