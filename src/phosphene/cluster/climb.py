"""The pixels of a big dream where they are worked on: each worker of a crew holds some, and climbs with them.

Between two steps only sums, and what lies around the borders of the workers' parts, cross the wire. Boxes and
operations are those of one computer, and numbers are added in the same order: the pixels are the same, however many
workers there are.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from functools import reduce

import torch
from distributed import Future

from phosphene.ascent import blocks
from phosphene.ascent.gradient import Shift
from phosphene.cluster import tasks
from phosphene.cluster.crew import Crew
from phosphene.cluster.spread import Part, Run, Spread, Window, share
from phosphene.images.rasters import Raster
from phosphene.recipes import hands
from phosphene.recipes.hands import SHARES, Tell, Work

WHOLE = slice(None), slice(None)


class Climb:
    """Pixels shared out among a crew's workers.

    Args:
        crew: who works, as they are now.
        work: what is to be done; its network and objective are sent to everyone.
        source: has the pixels; each worker is sent its own.
    """

    def __init__(self, crew: Crew, work: Work, source: Raster) -> None:
        self.crew, self.work, self.size = crew, work, source.size
        self.tiles = share(work.tiles, crew.owners)
        self.blocks = share(blocks.blocks(*self.size, hands.SIDE), crew.owners)
        self.network, self.objective = crew.everywhere(work.network), crew.everywhere(work.objective)
        self.pixels = Spread(self.size, [self._given(source, run) for run in self.blocks])

    def step(self, shift: Shift, length: float, tell: Tell) -> float:
        """Takes the pixels a step further uphill; returns the score.

        Raises:
            Lost: a worker left; the pixels are not whole any more.
            NumberError: the gradient left the numbers.
        """
        g, score = self._gradient(shift, tell)
        contexts = [self._window(g, run.context, shift, run.owner) for run in self.blocks]
        divisors = self._divisors(contexts, tell)
        self.pixels = self._climbed(contexts, divisors, shift, length)
        return score / math.prod(self.size)

    def collect(self, into: Raster) -> None:
        """Writes the pixels into a file, part by part.

        Raises:
            Lost: a worker left.
        """
        self.crew.wait([part.held for part in self.pixels.parts])
        for part in self.pixels.parts:
            (found,) = self.crew.fetch([part.held])
            into.write(torch.from_numpy(found.copy()), *part.where, shift=self.pixels.shift)

    def _given(self, source: Raster, run: Run) -> Part:
        own = source.read(*run.core, dtype=self.work.network.dtype)
        return Part(run.core, run.owner, self.crew.give(run.owner, own.numpy()))

    def _gradient(self, shift: Shift, tell: Tell) -> tuple[Spread, float]:
        """The gradient of the picture shifted by `shift`, spread out, and the score of all its pixels."""
        with self.crew.counting() as (topic, told):
            found = [self._uphill(run, shift, topic) for run in self.tiles]
            scores = [self.crew.run(run.owner, tasks.scores, each) for run, each in zip(self.tiles, found, strict=True)]
            self.crew.wait(scores, lambda: tell(SHARES["gradient"] * min(1.0, told() / len(self.work.tiles))))
        parts = [Part(run.core, run.owner, each) for run, each in zip(self.tiles, found, strict=True)]
        return Spread(self.size, parts, shift), _total(itertools.chain(*self.crew.fetch(scores)))

    def _uphill(self, run: Run, shift: Shift, topic: str) -> Future:
        pixels = self._window(self.pixels, run.context, shift, run.owner)
        network, objective = self.network[run.owner], self.objective[run.owner]
        return self.crew.run(run.owner, tasks.uphill, pixels, network, objective, run, self.size, topic)

    def _divisors(self, contexts: Sequence[Future], tell: Tell) -> list[float]:
        """The gradient's sizes, from the sums of all blocks."""
        rule, mine = self.work.rule, zip(self.blocks, contexts, strict=True)
        found = [self.crew.run(run.owner, tasks.sums, context, run, rule) for run, context in mine]
        parts = list(itertools.chain(*self.crew.fetch(found)))
        tell(SHARES["gradient"] + SHARES["sizes"])
        return blocks.sizes(tuple(_total(each) for each in zip(*parts, strict=True)), rule, *self.size)

    def _climbed(self, contexts: Sequence[Future], divisors: list[float], shift: Shift, length: float) -> Spread:
        """The pixels a step further; they are being computed when this returns."""
        parts = []
        for run, context in zip(self.blocks, contexts, strict=True):
            pixels = self._window(self.pixels, run.core, shift, run.owner)
            further = self.crew.run(run.owner, tasks.climb, pixels, context, run, divisors, length, self.work.rule)
            parts.append(Part(run.core, run.owner, further))
        return Spread(self.size, parts, shift)

    def _window(self, spread: Spread, window: Window, shift: Shift, owner: str) -> Future:
        """A window of a spread picture, put together where it is wanted; others send only what they have of it."""
        places, held = [], []
        for piece in spread.pieces(window, shift):
            source, part = piece.source, piece.part
            if part.owner == owner:
                held.append(part.held)
            else:
                held.append(self.crew.run(part.owner, tasks.cut, part.held, source))
                source = WHOLE
            places.append((source, piece.place))
        size = tuple(side.stop - side.start for side in window)
        return self.crew.run(owner, tasks.window, size, places, held)


def _total(numbers: Iterable[float]) -> float:
    """A sum from left to right, as it is made on one computer."""
    return reduce(float.__add__, numbers, 0.0)
