"""The steps of one big dream on many workers: what is kept when, and what happens when a worker is lost.

A worker that is lost takes its pixels with it, and the others could not go on without them. So all go back to the
pixels that were last kept, and make the steps since then once more: each of these needs the one before it, so that to
make only the lost pixels anew would take as long.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import TypeVar

from distributed import Client

from phosphene.ascent.gradient import Shift
from phosphene.cluster.climb import Climb
from phosphene.cluster.crew import GO_ON, Crew, Lost
from phosphene.errors import ClusterError
from phosphene.images.rasters import Raster
from phosphene.objectives import Objective
from phosphene.recipes.hands import Tell, Work
from phosphene.records import journal

ATTEMPTS = 5  # at one step: workers that are lost again and again are lost through the work
RARELY = 20  # keeping the pixels may take one part in so many of the time

Result = TypeVar("Result")


class OnWorkers:
    """Makes a big dream's steps on the workers of a scheduler: `large.dream(..., hands=OnWorkers(client))`."""

    def __init__(self, client: Client) -> None:
        self.crew = Crew(client)

    def __call__(self, work: Work) -> Octave:
        """The hands for one octave; the network goes to the workers once, whatever the number of octaves."""
        return Octave(self.crew, replace(work, objective=bare(work.objective)))


@dataclass
class Octave:
    """The hands for one octave.

    Attributes:
        crew: the workers.
        work: what is to be done.
        since: the steps made since the pixels were last kept.
    """

    crew: Crew
    work: Work
    since: list[tuple[Shift, float]] = field(default_factory=list)
    _now: Raster | None = None
    _climb: Climb | None = None
    _kept: float = field(default_factory=time.monotonic)
    _took: float = 0.0

    def step(self, now: Raster, spare: Raster, shift: Shift, length: float, tell: Tell) -> float:
        """As `Hands.step`.

        Raises:
            ClusterError: the scheduler is lost, or workers are again and again.
        """
        self._now = now
        score = self._persistently(now, lambda pixels: pixels.step(shift, length, tell))
        self.since.append((shift, length))
        return score

    def keep(self, spare: Raster, *, must: bool) -> int:
        """As `Hands.keep`; the larger the picture, the more seldom it is due."""
        due = time.monotonic() - self._kept >= max(journal.PAUSE, RARELY * self._took)
        return self.rescue(spare) if due or must else 0

    def rescue(self, spare: Raster) -> int:
        """As `Hands.rescue`."""
        if not self.since or self._now is None:
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
        self.crew.muster()
        pixels = Climb(self.crew, self.work, now)
        for shift, length in self.since:
            pixels.step(shift, length, _silence)
        return pixels


def _silence(_: float) -> None:
    """A step that was told of before is not told of again."""


def bare(objective: Objective) -> Objective:
    """A fitted objective without what it was prepared and fitted by, which holds the network and whole pictures."""
    return Objective(tuple(replace(term, prepare=None, fit=None, pictures=()) for term in objective.terms))
