"""The pixels of a big dream where they are worked on: each worker of a pool holds some, and climbs with them.

Between two steps only sums, and what lies around the borders of the workers' parts, cross the wire. Boxes and
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
from phosphene.cluster.tasks import Part, Run, Spread, Window, share
from phosphene.errors import ClusterError
from phosphene.images.rasters import Raster
from phosphene.objectives import Objective
from phosphene.records import journal

WHOLE = slice(None), slice(None)


class Climb:
    """Pixels of a source shared out among a pool's workers, as they are now; everyone has network and objective."""

    def __init__(self, pool: WorkerPool, work: Work, source: Raster) -> None:
        self.pool, self.work, self.size = pool, work, source.size
        self.tiles = share(work.tiles, pool.owners)
        self.blocks = share(executor.blocks(*self.size, executor.SIDE), pool.owners)
        self.network, self.objective = pool.everywhere(work.network), pool.everywhere(work.objective)
        self.pixels = Spread(self.size, [self._given(source, run) for run in self.blocks])

    def step(self, shift: Shift, length: float, tell: Tell) -> float:
        """Takes the pixels a step further uphill; returns the score.

        Raises:
            Lost: a worker left; the pixels are not whole any more.
            NonFiniteError: the gradient left the numbers.
        """
        g, score = self._gradient(shift, tell)
        contexts = [self._window(g, run.context, shift, run.owner) for run in self.blocks]
        divisors = self._divisors(contexts, tell)
        self.pixels = self._climbed(contexts, divisors, shift, length)
        return score / math.prod(self.size)

    def collect(self, into: Raster) -> None:
        """Writes the pixels into a file, part by part. Raises `Lost`: a worker left."""
        self.pool.wait([part.held for part in self.pixels.parts])
        for part in self.pixels.parts:
            (found,) = self.pool.fetch([part.held])
            into.write(torch.from_numpy(found.copy()), *part.where, shift=self.pixels.shift)

    def _given(self, source: Raster, run: Run) -> Part:
        own = source.read(*run.core, dtype=self.work.network.dtype)
        return Part(run.core, run.owner, self.pool.give(own.numpy(), run.owner))

    def _gradient(self, shift: Shift, tell: Tell) -> tuple[Spread, float]:
        """The gradient of the picture shifted by `shift`, spread out, and the score of all its pixels."""
        with self.pool.counting() as (topic, told):
            found = [(run, self._uphill(run, shift, topic)) for run in self.tiles]
            parts = [Part(run.core, run.owner, self.pool.run(run.owner, itemgetter(0), each)) for run, each in found]
            scores = [self.pool.run(run.owner, itemgetter(1), each) for run, each in found]
            self.pool.wait(scores, lambda: tell(SHARES["gradient"] * min(1.0, told() / len(self.work.tiles))))
        return Spread(self.size, parts, shift), _total(itertools.chain(*self.pool.fetch(scores)))

    def _uphill(self, run: Run, shift: Shift, topic: str) -> Future:
        pixels = self._window(self.pixels, run.context, shift, run.owner)
        network, objective = self.network[run.owner], self.objective[run.owner]
        return self.pool.run(run.owner, tasks.uphill, pixels, network, objective, run, self.size, topic)

    def _divisors(self, contexts: Sequence[Future], tell: Tell) -> list[float]:
        """The gradient's sizes, from the sums of all blocks."""
        rule, mine = self.work.rule, zip(self.blocks, contexts, strict=True)
        found = [self.pool.run(run.owner, tasks.sums, context, run, rule) for run, context in mine]
        parts = list(itertools.chain(*self.pool.fetch(found)))
        tell(SHARES["gradient"] + SHARES["sizes"])
        return executor.sizes(tuple(_total(each) for each in zip(*parts, strict=True)), rule, *self.size)

    def _climbed(self, contexts: Sequence[Future], divisors: list[float], shift: Shift, length: float) -> Spread:
        """The pixels a step further; they are being computed when this returns."""
        parts = []
        for run, context in zip(self.blocks, contexts, strict=True):
            pixels = self._window(self.pixels, run.core, shift, run.owner)
            further = self.pool.run(run.owner, tasks.climb, pixels, context, run, divisors, length, self.work.rule)
            parts.append(Part(run.core, run.owner, further))
        return Spread(self.size, parts, shift)

    def _window(self, spread: Spread, window: Window, shift: Shift, owner: str) -> Future:
        """A window of a spread picture, put together where it is wanted; others send only what they have of it."""
        places, held = [], []
        for part, (source, place) in spread.pieces(window, shift):
            if part.owner == owner:
                held.append(part.held)
            else:
                held.append(self.pool.run(part.owner, tasks.cut, part.held, source))
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
    _climb: Climb | None = None
    _kept: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    def step(self, now: Raster, spare: Raster, shift: Shift, length: float, tell: Tell) -> float:
        """As `StepExecutor.step`. Raises `ClusterError`: the scheduler is lost, or workers are again and again."""
        self._now = now
        score = self._persistently(now, lambda pixels: pixels.step(shift, length, tell))
        self.since.append((shift, length))
        return score

    def keep(self, spare: Raster, *, must: bool) -> int:
        """As `StepExecutor.keep`; the larger the picture, the more seldom it is due."""
        due = time.monotonic() - self._kept >= max(journal.PAUSE, RARELY * self._took)
        if not (due or must) or not self.since or self._now is None:
            return 0
        began = time.monotonic()
        self._persistently(self._now, lambda pixels: pixels.collect(spare))
        kept, self.since = len(self.since), []
        self._kept, self._took = time.monotonic(), time.monotonic() - began
        return kept

    def _persistently(self, now: Raster, act: Callable[[Climb], Result]) -> Result:
        """Acts on the pixels as they are after the last step; if a worker is lost, on those made again."""
        for _ in range(ATTEMPTS):
            try:
                self._climb = self._climb or self._made_again(now)
                return act(self._climb)
            except Lost:
                self._climb = None
        raise ClusterError(
            f"Workers were lost {ATTEMPTS} times at the same step. Has each enough memory? --tile 512 takes less.\n"
            f"{GO_ON}"
        )

    def _made_again(self, now: Raster) -> Climb:
        """The pixels that were kept, and the steps made since then."""
        self.pool.refresh()
        pixels = Climb(self.pool, self.work, now)
        for shift, length in self.since:
            pixels.step(shift, length, lambda _: None)  # a step that was told of before is not told of again
        return pixels
