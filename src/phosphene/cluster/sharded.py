"""Gradient ascent on a picture that is sharded over workers: each holds some of its pixels, and steps them.

Between two steps only sums, and what lies around the borders of the workers' shards, cross the wire. Boxes and
operations are those of one computer, and numbers are added in the same order: the pixels are the same, however many
workers there are.
"""

from __future__ import annotations

import itertools
import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from functools import reduce
from operator import itemgetter
from typing import TypeVar

import torch
from distributed import Client, Future

from phosphene.ascent import executor
from phosphene.ascent.executor import SHARES, Tell, Work
from phosphene.ascent.gradient import Shift
from phosphene.cluster import tasks
from phosphene.cluster.pool import GO_ON, Lost, WorkerPool
from phosphene.cluster.tasks import BoxRow, Shard, ShardedImage, Window, assign
from phosphene.errors import ClusterError
from phosphene.images.rasters import Raster
from phosphene.objectives import Objective
from phosphene.records import journal

WHOLE = slice(None), slice(None)


class ShardedAscent:
    """The ascent on one octave's pixels, which a pool's workers hold; each has the network and the objective."""

    def __init__(self, pool: WorkerPool, work: Work, source: Raster) -> None:
        self.pool, self.work, self.size = pool, work, source.size
        self.tiles = assign(work.tiles, pool.owners)
        self.blocks = assign(executor.blocks(*self.size, executor.SIDE), pool.owners)
        self.network, self.objective = pool.everywhere(work.network), pool.everywhere(work.objective)
        self.pixels = ShardedImage(self.size, [self._given(source, row) for row in self.blocks])

    def step(self, shift: Shift, length: float, tell: Tell) -> float:
        """Takes the pixels a step further uphill; returns the score.

        Raises:
            Lost: a worker left; the pixels are not whole any more.
            NonFiniteError: the gradient left the numbers.
        """
        g, score = self._gradient(shift, tell)
        contexts = [self._window(g, row.context, shift, row.owner) for row in self.blocks]
        divisors = self._divisors(contexts, tell)
        self.pixels = self._stepped(contexts, divisors, shift, length)
        return score / math.prod(self.size)

    def collect(self, into: Raster) -> None:
        """Writes the pixels into a file, shard by shard. Raises `Lost`: a worker left."""
        self.pool.wait([shard.held for shard in self.pixels.shards])
        for shard in self.pixels.shards:
            (found,) = self.pool.fetch([shard.held])
            into.write(torch.from_numpy(found.copy()), *shard.where, shift=self.pixels.shift)

    def _given(self, source: Raster, row: BoxRow) -> Shard:
        own = source.read(*row.core, dtype=self.work.network.dtype)
        return Shard(row.core, row.owner, self.pool.give(own.numpy(), row.owner))

    def _gradient(self, shift: Shift, tell: Tell) -> tuple[ShardedImage, float]:
        """The gradient of the picture shifted by `shift`, and the score of all its pixels."""
        with self.pool.counting() as (topic, told):
            found = [(row, self._gradient_of(row, shift, topic)) for row in self.tiles]
            shards = [Shard(row.core, row.owner, self.pool.run(row.owner, itemgetter(0), each)) for row, each in found]
            scores = [self.pool.run(row.owner, itemgetter(1), each) for row, each in found]
            self.pool.wait(scores, lambda: tell(SHARES["gradient"] * min(1.0, told() / len(self.work.tiles))))
        return ShardedImage(self.size, shards, shift), _total(itertools.chain(*self.pool.fetch(scores)))

    def _gradient_of(self, row: BoxRow, shift: Shift, topic: str) -> Future:
        pixels = self._window(self.pixels, row.context, shift, row.owner)
        network, objective = self.network[row.owner], self.objective[row.owner]
        return self.pool.run(row.owner, tasks.gradient_of, pixels, network, objective, row, self.size, topic)

    def _divisors(self, contexts: Sequence[Future], tell: Tell) -> list[float]:
        """The gradient's sizes, from the sums of all blocks."""
        rule, mine = self.work.rule, zip(self.blocks, contexts, strict=True)
        found = [self.pool.run(row.owner, tasks.sums, context, row, rule) for row, context in mine]
        parts = list(itertools.chain(*self.pool.fetch(found)))
        tell(SHARES["gradient"] + SHARES["sizes"])
        return executor.sizes(tuple(_total(each) for each in zip(*parts, strict=True)), rule, *self.size)

    def _stepped(self, contexts: Sequence[Future], divisors: list[float], shift: Shift, length: float) -> ShardedImage:
        """The pixels a step further; they are being computed when this returns."""
        shards = []
        for row, context in zip(self.blocks, contexts, strict=True):
            pixels = self._window(self.pixels, row.core, shift, row.owner)
            further = self.pool.run(row.owner, tasks.step, pixels, context, row, divisors, length, self.work.rule)
            shards.append(Shard(row.core, row.owner, further))
        return ShardedImage(self.size, shards, shift)

    def _window(self, image: ShardedImage, window: Window, shift: Shift, owner: str) -> Future:
        """A window of a sharded image, put together at its owner; other workers send only what they have of it."""
        places, held = [], []
        for shard, (source, place) in image.pieces(window, shift):
            if shard.owner == owner:
                held.append(shard.held)
            else:
                held.append(self.pool.run(shard.owner, tasks.cut, shard.held, source))
                source = WHOLE
            places.append((source, place))
        size = tuple(side.stop - side.start for side in window)
        return self.pool.run(owner, tasks.window, size, places, held)


def _total(numbers: Iterable[float]) -> float:
    """A sum from left to right, as it is made on one computer."""
    return reduce(float.__add__, numbers, 0.0)


# The steps of one big dream on many workers: what is kept when, and what happens when a worker is lost

ATTEMPTS = 5  # at one step: workers that are lost again and again are lost through the work
RARELY = 20  # keeping the pixels may take one part in so many of the time

Result = TypeVar("Result")


class ClusterExecutor:
    """Makes a big dream's steps on a scheduler's workers: `large.dream(..., make_executor=ClusterExecutor(client))`."""

    def __init__(self, client: Client) -> None:
        self.pool = WorkerPool(client)

    def __call__(self, work: Work) -> Octave:
        """The executor of one octave; the network goes to the workers once, whatever the number of octaves."""
        # What a fitted objective was prepared and fitted by stays here: it holds the network and whole pictures.
        terms = (replace(term, prepare=None, fit=None, pictures=()) for term in work.objective.terms)
        return Octave(self.pool, replace(work, objective=Objective(tuple(terms))))


@dataclass
class Octave:
    """The executor of one octave; `since` are the steps made since the pixels were last kept."""

    pool: WorkerPool
    work: Work
    since: list[tuple[Shift, float]] = field(default_factory=list)
    _now: Raster | None = None
    _ascent: ShardedAscent | None = None
    _kept: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    def step(self, now: Raster, spare: Raster, shift: Shift, length: float, tell: Tell) -> float:
        """As `StepExecutor.step`. Raises `ClusterError`: the scheduler is lost, or workers are again and again."""
        self._now = now
        score = self._persistently(now, lambda ascent: ascent.step(shift, length, tell))
        self.since.append((shift, length))
        return score

    def keep(self, spare: Raster, *, must: bool) -> int:
        """As `StepExecutor.keep`; the larger the picture, the more seldom it is due."""
        due = time.monotonic() - self._kept >= max(journal.PAUSE, RARELY * self._took)
        if not (due or must) or not self.since or self._now is None:
            return 0
        began = time.monotonic()
        self._persistently(self._now, lambda ascent: ascent.collect(spare))
        kept, self.since = len(self.since), []
        self._kept, self._took = time.monotonic(), time.monotonic() - began
        return kept

    def _persistently(self, now: Raster, act: Callable[[ShardedAscent], Result]) -> Result:
        """Acts on the pixels as they are after the last step; if a worker is lost, on those made again."""
        for _ in range(ATTEMPTS):
            try:
                self._ascent = self._ascent or self._made_again(now)
                return act(self._ascent)
            except Lost:
                self._ascent = None
        raise ClusterError(
            f"Workers were lost {ATTEMPTS} times at the same step. Has each enough memory? --tile 512 takes less.\n"
            f"{GO_ON}"
        )

    def _made_again(self, now: Raster) -> ShardedAscent:
        """The ascent from the pixels that were kept, with the steps made since then."""
        self.pool.refresh()
        ascent = ShardedAscent(self.pool, self.work, now)
        for shift, length in self.since:
            ascent.step(shift, length, lambda _: None)  # a step that was told of before is not told of again
        return ascent
