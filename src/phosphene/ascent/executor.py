"""Who makes the steps of a picture larger than memory: this computer, a block at a time, or others."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Protocol

import torch
from torch import Tensor

from phosphene.ascent import StepRule, gradient, step_
from phosphene.errors import NonFiniteError
from phosphene.images.rasters import Raster
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import tiles, transforms
from phosphene.pixels.tiles import Box
from phosphene.pixels.transforms import LEVELS
from phosphene.records.journal import Journal

# An ascent step made block by block, for a picture that is on disk, or on several machines


GRAIN = 2**LEVELS  # pixels: blocks begin on multiples of it, so that a number of the smooth rest belongs to one block
HALO = 6 * GRAIN  # pixels around a block that bear on its bands: 30 to make them smooth, 46 to put them together again

SMALLEST = tiles.smallest(HALO, GRAIN)  # pixels of a context's side

Sums = tuple[float, ...]


def blocks(height: int, width: int, side: int) -> list[Box]:
    """A picture in blocks whose contexts are at most `side` pixels a side, or as small as blocks can be."""
    return tiles.boxes(height, width, tile=max(side, SMALLEST), overlap=HALO, stride=GRAIN)


def sums(g: Tensor, block: Box, rule: StepRule) -> Sums:
    """What a block adds to the sums from which the gradient's sizes are made; `g` `[1, 3, h, w]` is its context."""
    muted = transforms.scale_chroma_(g, rule.colour)
    if rule.normalise == "mean":
        return (float(muted[(..., *block.inner)].abs().sum(dtype=torch.float64)),)
    if rule.normalise == "std":
        own = muted[(..., *block.inner)].double()
        return float(own.sum()), float(own.square().sum())
    bands = transforms.laplacian_(muted)
    own_of_bands = (band[(..., *_at(level, block))] for level, band in enumerate(bands))
    return tuple(float(torch.linalg.vector_norm(own, dtype=torch.float64)) ** 2 for own in own_of_bands)


def sizes(totals: Sums, rule: StepRule, height: int, width: int) -> list[float]:
    """What the gradient is divided by, from the totals of all blocks: its one size, or one for each Laplacian band.

    Raises:
        NonFiniteError: they are infinite or not a number.
    """
    if not all(map(math.isfinite, totals)):
        raise NonFiniteError("The gradient became infinite or not-a-number. Try a smaller --step-size or --strength.")
    counts = [3 * -(-height // 2**level) * -(-width // 2**level) for level in range(len(totals))]
    if rule.normalise == "mean":
        found = [totals[0] / counts[0]]
    elif rule.normalise == "std":
        mean = totals[0] / counts[0]
        found = [math.sqrt(max(0.0, totals[1] / counts[0] - mean**2))]
    else:
        shares = rule.bands or (1.0,) * len(totals)
        found = [math.sqrt(total / count) / share for total, count, share in zip(totals, counts, shares, strict=True)]
    return [max(each, 1e-30) for each in found]


def change(g: Tensor, block: Box, divisors: list[float], rule: StepRule) -> Tensor:
    """A block's way uphill, of size 1; `g` is its context."""
    muted = transforms.scale_chroma_(g, rule.colour)
    if rule.normalise != "laplacian":
        return gradient.weight_bands_(muted.div_(divisors[0]), rule.bands)[(..., *block.inner)]
    bands = transforms.laplacian_(muted)
    whole = transforms.merge_([band.div_(size) for band, size in zip(bands, divisors, strict=True)])
    return whole[(..., *block.inner)]


def climb_(pixels: Tensor, g: Tensor, block: Box, divisors: list[float], length: float, rule: StepRule) -> None:
    """Takes a block's `pixels` a step uphill, of the mean length `length`, in place; `g` is its context."""
    step_(pixels, change(g, block, divisors, rule).mul_(length), rule.clip)


def _at(level: int, block: Box) -> tuple[slice, slice]:
    """The block's own part of a band of its context."""
    rows, columns = (slice(side.start >> level, -(-side.stop >> level)) for side in block.inner)
    return rows, columns


SIDE = 1280  # pixels of a block's side, with its context
SHARES = {"gradient": 0.84, "sizes": 0.06, "climb": 0.10}  # of a step's time

Tell = Callable[[float], None]  # is told which share of a step is done


class StepExecutor(Protocol):
    """Whoever makes an octave's steps, one after the other; the pixels may be elsewhere between them.

    `now` is the file that has the pixels as they were last kept, `spare` the one for the next time.
    """

    def step(self, now: Raster, spare: Raster, shift: tiles.Shift, length: float, tell: Tell) -> float:
        """Takes the pixels a step further uphill; returns the score."""

    def keep(self, spare: Raster, *, must: bool) -> int:
        """Puts the pixels after the last whole step into `spare`, if that is due or `must` be.

        Returns:
            How many steps further than what was last kept they are; 0 if they were not put there.
        """


@dataclass(frozen=True)
class Work:
    """What is to be done at an octave."""

    network: Network  # where it was loaded; whoever makes the steps moves it to a device
    device: str  # of the settings
    objective: Objective  # fitted to the octave's size
    tiles: Sequence[Box]  # for the gradient
    rule: StepRule
    journal: Journal  # is told how far each pass is; its folder has room for files


@dataclass
class DiskExecutor:
    """Makes the steps on this computer, a tile or a block at a time."""

    work: Work
    _made: int = 0  # steps since pixels were last kept; one that is interrupted goes on at the same block later

    @cached_property
    def _network(self) -> Network:
        return self.work.network.to(self.work.device)

    def step(self, now: Raster, spare: Raster, shift: tiles.Shift, length: float, tell: Tell) -> float:
        """As `StepExecutor.step`."""
        work, size = self.work, now.size
        g = replace(now, path=work.journal.folder / "gradient.raw")
        if not g.path.exists() or g.path.stat().st_size != g.nbytes:
            g.create()
        parts = blocks(*size, SIDE)
        (score,) = self._pass("gradient", work.tiles, lambda box: self._gradient(now, g, box, shift), g, tell)
        kind, rule = work.network.dtype, work.rule
        totals = self._pass("sizes", parts, lambda box: sums(g.read(*box.context, dtype=kind), box, rule), None, tell)
        divisors = sizes(totals, rule, *size)
        self._pass("climb", parts, lambda box: self._climb(now, spare, g, box, shift, divisors, length), spare, tell)
        self._made = 1
        return score / math.prod(size)

    def keep(self, spare: Raster, *, must: bool) -> int:
        """As `StepExecutor.keep`: the step has put them there."""
        made, self._made = self._made, 0
        return made

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

    def _gradient(self, now: Raster, g: Raster, box: Box, shift: tiles.Shift) -> Sums:
        work = self.work
        pixels = now.read(*box.context, shift=shift, dtype=work.network.dtype)
        part, score = gradient.of_box(pixels, box, now.size, self._network, work.objective)
        g.write(part, *box.core)
        return (score,)

    def _climb(
        self, now: Raster, spare: Raster, g: Raster, box: Box, shift: tiles.Shift, divisors: list[float], length: float
    ) -> Sums:
        kind = self.work.network.dtype
        pixels, uphill = now.read(*box.core, shift=shift, dtype=kind), g.read(*box.context, dtype=kind)
        climb_(pixels, uphill, box, divisors, length, self.work.rule)
        spare.write(pixels, *box.core, shift=shift)
        return ()


MakeExecutor = Callable[[Work], StepExecutor]
"""Gives what makes an octave's steps."""
