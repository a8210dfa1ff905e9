"""Who makes the steps of a picture larger than memory: this computer, a block at a time, or others."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from phosphene.ascent import Rule, blocks, gradient
from phosphene.ascent.blocks import Sums
from phosphene.ascent.gradient import Backend, Shift
from phosphene.images.rasters import Raster
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels.tiles import Box
from phosphene.records.journal import Journal

SIDE = 1280  # pixels of a block's side, with its context
SHARES = {"gradient": 0.84, "sizes": 0.06, "climb": 0.10}  # of a step's time

Tell = Callable[[float], None]  # is told which share of a step is done


class Hands(Protocol):
    """Whoever makes an octave's steps, one after the other; the pixels may be elsewhere between them.

    `now` is the file that has the pixels as they were last kept, `spare` the one for the next time.
    """

    def step(self, now: Raster, spare: Raster, shift: Shift, length: float, tell: Tell) -> float:
        """Takes the pixels a step further uphill; returns the score."""

    def keep(self, spare: Raster, *, must: bool) -> int:
        """Puts the pixels after the last step into `spare`, if that is due or `must` be.

        Returns:
            How many steps further than `now` they are; 0 if they were not put there.
        """

    def rescue(self, spare: Raster) -> int:
        """The same after an interruption: the pixels after the last whole step, unless a file has them already."""


@dataclass(frozen=True)
class Work:
    """What is to be done at an octave.

    Attributes:
        network: whose layers dream.
        objective: fitted to the octave's size.
        tiles: for the gradient.
        backend: computes a tile's gradient.
        rule: the step rule.
        folder: for files.
        journal: is told how far each pass is.
    """

    network: Network
    objective: Objective
    tiles: Sequence[Box]
    backend: Backend
    rule: Rule
    folder: Path
    journal: Journal


@dataclass(frozen=True)
class OnDisk:
    """Makes the steps on this computer, a tile or a block at a time."""

    work: Work

    def step(self, now: Raster, spare: Raster, shift: Shift, length: float, tell: Tell) -> float:
        """As `Hands.step`."""
        work, size = self.work, now.size
        g = replace(now, path=work.folder / "gradient.raw")
        if not g.path.exists() or g.path.stat().st_size != g.nbytes:
            g.create()
        parts = blocks.blocks(*size, SIDE)
        (score,) = self._pass("gradient", work.tiles, lambda box: self._gradient(now, g, box, shift), g, tell)
        totals = self._pass("sizes", parts, lambda box: self._sums(g, box), None, tell)
        divisors = blocks.sizes(totals, work.rule, *size)
        self._pass("climb", parts, lambda box: self._climb(now, spare, g, box, shift, divisors, length), spare, tell)
        return score / math.prod(size)

    def keep(self, spare: Raster, *, must: bool) -> int:
        """As `Hands.keep`: the step has put them there."""
        return 1

    def rescue(self, spare: Raster) -> int:
        """As `Hands.rescue`: the step goes on at the block where it was interrupted."""
        return 0

    def _pass(
        self, name: str, boxes: Sequence[Box], work: Callable[[Box], Sums], written: Raster | None, tell: Tell
    ) -> Sums:
        """Works through boxes from where the journal left off; returns the totals of what they give."""
        passes = self.work.journal.state.setdefault("passes", {})
        state = passes.setdefault(name, {"done": 0, "totals": []})
        earlier = sum(SHARES[each] for each in list(SHARES)[: list(SHARES).index(name)])
        for number, box in enumerate(boxes[state["done"] :], state["done"] + 1):
            found = work(box)
            state["totals"] = [a + b for a, b in zip(state["totals"] or [0.0] * len(found), found, strict=True)]
            state["done"] = number
            self.work.journal.note(before=written.flush if written else None)
            tell(earlier + SHARES[name] * number / len(boxes))
        return tuple(state["totals"])

    def _gradient(self, now: Raster, g: Raster, box: Box, shift: Shift) -> Sums:
        work = self.work
        pixels = now.read(*box.context, shift=shift, dtype=work.network.dtype)
        part, score = gradient.of_box(pixels, box, now.size, work.network, work.objective, work.backend)
        g.write(part, *box.core)
        return (score,)

    def _sums(self, g: Raster, box: Box) -> Sums:
        return blocks.sums(g.read(*box.context, dtype=self.work.network.dtype), box, self.work.rule)

    def _climb(
        self, now: Raster, spare: Raster, g: Raster, box: Box, shift: Shift, divisors: list[float], length: float
    ) -> Sums:
        kind = self.work.network.dtype
        pixels, uphill = now.read(*box.core, shift=shift, dtype=kind), g.read(*box.context, dtype=kind)
        blocks.climb_(pixels, uphill, box, divisors, length, self.work.rule)
        spare.write(pixels, *box.core, shift=shift)
        return ()


MakeHands = Callable[[Work], Hands]
"""Gives the hands for an octave's work."""
