"""The best match of feature vectors: for each position of one picture, the position of another that is most like it.

Two pictures of any size make a table of similarities that no memory holds, so it is made in pieces, and only the best
of each row is kept.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

TABLE_NUMBERS = 8_000_000  # similarities held at a time, 32 MB in float32


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


def vectors(activations: Tensor) -> Tensor:
    """The feature vectors `[h·w, C]` of `activations` `[1, C, h, w]`, row by row."""
    return activations[0].flatten(1).T
