"""DeepDream on pictures larger than memory: the octaves of `dream`, with all pixels in files.

Every pass over a picture goes block by block and is idempotent: it reads one file and writes another. So a run that is
killed anywhere goes on at the block where its journal was last written, and ends with the same pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from phosphene.ascent import OnStep, Step, done, gradient
from phosphene.ascent.executor import DiskExecutor, MakeExecutor, StepExecutor, Work
from phosphene.errors import StopRequested
from phosphene.images import rasters
from phosphene.images.rasters import Raster
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import colours, transforms
from phosphene.recipes import dream as in_memory
from phosphene.recipes.settings import DreamSettings
from phosphene.records.journal import Journal

STRIP = 1 << 22  # numbers of a strip that is read, enlarged and written at a time


def dream(
    source: Raster,
    network: Network,
    objective: Objective,
    *,
    settings: DreamSettings,
    tilings: Sequence[gradient.Tiling],
    journal: Journal,
    on_step: OnStep | None = None,
    make_executor: MakeExecutor = DiskExecutor,
) -> Raster:
    """The picture in `source` dreamt upon, in a file of the journal's folder.

    Args:
        source: the photograph; its alpha is not touched.
        network: what dreams.
        objective: what it dreams of, ready for the network; without masks or regions.
        settings: as for `recipes.dream`, whose result this is to rounding.
        tilings: of the octaves, smallest first; see `planning.plan`.
        journal: takes up a run that stopped; its folder holds all files.
        on_step: is told of every tile and step; an exception raised there ends the run, which can be resumed.
        make_executor: gives what makes an octave's steps.

    Raises:
        NonFiniteError: the ascent left the numbers.
        OutOfSpaceError: the disk is full.
        RecordError: the files of a run that stopped are not whole.
    """
    sizes = in_memory.sizes_of(settings, *source.size)
    start = in_memory.base_size_of(settings, *source.size)
    files = _Files(journal, source, sizes, network.dtype, sizes.index(start))
    _make_bases(files)
    if "share" not in journal.state:
        journal.note(now=True, share=in_memory.share_of(settings, sampled(files.base(files.start), network.dtype)))
    share = journal.state["share"]
    generator, rule = torch.Generator().manual_seed(settings.seed), in_memory.rule_of(settings, share)
    for octave, size in enumerate(sizes):
        shifts = rule.shifts(settings.steps, generator)
        if octave < journal.state["octave"]:
            continue
        _begin(files, octave)
        fitted = objective.fit(*size)
        boxes = gradient.boxes(size, network, fitted, tilings[octave])
        finer = in_memory.refining_rule(rule, start, size)
        executor = make_executor(Work(network, settings.device, fitted, boxes, finer, journal))
        tell = partial(_tell, on_step, sizes, octave, settings.steps)
        with _rescuing(executor, files, octave):
            for number in range(journal.state["step"] + 1, settings.steps + 1):
                now, spare = files.in_turn(octave)
                length, told = rule.length(number, settings.steps), partial(tell, number - 1, now)
                score = executor.step(now, spare, shifts[number - 1], length, told)
                kept = executor.keep(spare, must=number == settings.steps)
                files.note(spare, kept)
                tell(number, spare if kept else now, 0.0, score)
    dreamt, spare = files.in_turn(len(sizes) - 1)
    if share is None:
        return dreamt
    shift = colours.chroma_shift(sampled(dreamt, network.dtype).clamp_(0, 1), sampled(source, network.dtype))
    _fill(spare, partial(_natural, dreamt, source, share, shift, network.dtype))
    return spare


def _natural(
    dreamt: Raster,
    photograph: Raster,
    share: float,
    shift: tuple[Tensor, Tensor],
    dtype: torch.dtype,
    rows: slice,
) -> Tensor:
    """Some rows of a dream in its photograph's colours."""
    strip, own = (each.read(rows, dtype=dtype)[:, :3] for each in (dreamt, photograph))
    return colours.natural_rows_(strip.clamp_(0, 1), own, share, shift, rows, dreamt.size)


@contextmanager
def _rescuing(executor: StepExecutor, files: _Files, octave: int) -> Iterator[None]:
    """Keeps what an octave's steps came to, if one of them is interrupted."""
    try:
        yield
    except (StopRequested, KeyboardInterrupt):
        _, spare = files.in_turn(octave)
        files.note(spare, executor.keep(spare, must=True))
        raise


def disk_bytes(sizes: Sequence[tuple[int, int]], network: Network) -> int:
    """The most that the files of a run with octaves of these sizes take at once, the photograph's included."""
    *smaller, largest = map(math.prod, sizes)
    before = smaller[-1] if smaller else 0
    return 3 * network.dtype.itemsize * (sum(smaller) + 3 * largest + before) + 2 * 4 * largest


@dataclass(frozen=True)
class _Files:
    """The files of a run, in its journal's folder: a base for each octave, and pixels in turn in two files."""

    journal: Journal
    source: Raster
    sizes: Sequence[tuple[int, int]]
    dtype: torch.dtype
    start: int  # the octave of the base size; larger ones refine it

    def base(self, octave: int) -> Raster:
        """The photograph at an octave's size."""
        return self.source if octave == len(self.sizes) - 1 else self._raster(f"base{octave}", octave)

    def pixels(self, octave: int) -> tuple[Raster, Raster]:
        """Two files for its pixels: one is read while the other is written."""
        return self._raster(f"pixels{octave}a", octave), self._raster(f"pixels{octave}b", octave)

    def in_turn(self, octave: int) -> tuple[Raster, Raster]:
        """The file with the pixels of the octave at which the run is, as they are, and the one for the next."""
        both, current = self.pixels(octave), self.journal.state["current"]
        return both[current].check(), both[1 - current].check()

    def note(self, spare: Raster, kept: int) -> None:
        """Notes that the pixels in `spare` are on the disk, if they are: so many steps further than the others."""
        if kept:
            spare.flush()
            state = self.journal.state
            self.journal.note(now=True, step=state["step"] + kept, current=1 - state["current"], passes={})

    def _raster(self, name: str, octave: int) -> Raster:
        return Raster(self.journal.folder / f"{name}.raw", *self.sizes[octave], kind=rasters.kind_of(self.dtype))

    def forget(self, octave: int) -> None:
        """Deletes the pixels and the base of an octave but the last."""
        for each in (*self.pixels(octave), self.base(octave)):
            each.path.unlink(missing_ok=True)
        (self.journal.folder / "gradient.raw").unlink(missing_ok=True)


def _make_bases(files: _Files) -> None:
    """The photograph at every octave's size, as `transforms.octaves` makes them."""
    if "octave" in files.journal.state:
        return
    for octave in reversed(range(len(files.sizes) - 1)):
        base, size = files.base(octave).create(), files.sizes[octave]
        if octave == files.start:
            base.write(_shrunk(files.source, size, files.dtype))
            base.flush()
        else:
            _fill(base, partial(_resized, files.base(octave + 1), size, files.dtype))
    files.journal.note(now=True, octave=-1, step=0, current=0, passes={})


def _begin(files: _Files, octave: int) -> None:
    """The photograph at the octave's size, with the detail found so far; unless that was done already."""
    if files.journal.state["octave"] == octave:
        return
    first, second = files.pixels(octave)
    second.create()
    _fill(first.create(), partial(_carried, files, octave))
    files.journal.note(now=True, octave=octave, step=0, current=0, passes={})
    if octave:
        files.forget(octave - 1)


def _carried(files: _Files, octave: int, rows: slice) -> Tensor:
    """Some rows of the photograph at the octave's size, and of what the octave before found, enlarged."""
    photograph = files.base(octave).read(rows, dtype=files.dtype)[:, :3]
    if octave == 0:
        return photograph
    (dreamt, _), base, size = files.in_turn(octave - 1), files.base(octave - 1), files.sizes[octave]
    needed = transforms.rows_for(rows, dreamt.height, size[0], files.dtype)
    detail = dreamt.read(needed, dtype=files.dtype).sub_(base.read(needed, dtype=files.dtype))
    return transforms.resize_rows(detail, rows, top=needed.start, source=dreamt.size, size=size).add_(photograph)


def _shrunk(source: Raster, size: transforms.Size, dtype: torch.dtype) -> Tensor:
    """A picture at a smaller size, smoothed: along its rows, some of them at a time, then along its columns."""
    strips = rasters.strips(source.height, max(1, STRIP // source.width))
    narrow = (source.read(rows, dtype=dtype)[:, :3] for rows in strips)
    return transforms.shrunk(
        torch.cat([transforms.smoothed(strip, strip.shape[2], size[1]) for strip in narrow], 2), *size
    )


def _resized(source: Raster, size: tuple[int, int], dtype: torch.dtype, rows: slice) -> Tensor:
    """Some rows of a picture at another size."""
    needed = transforms.rows_for(rows, source.height, size[0], dtype)
    pixels = source.read(needed, dtype=dtype)[:, :3]
    return transforms.resize_rows(pixels, rows, top=needed.start, source=source.size, size=size)


def _fill(raster: Raster, strip: Callable[[slice], Tensor]) -> None:
    """Writes a raster strip by strip."""
    for rows in rasters.strips(raster.height, max(1, STRIP // raster.width)):
        raster.write(strip(rows), rows)
    raster.flush()


def _tell(
    on_step: OnStep | None,
    sizes: Sequence[tuple[int, int]],
    octave: int,
    steps: int,
    step: int,
    pixels: Raster,
    share: float,
    score: float = math.nan,
) -> None:
    """Tells of the last step that is finished, at an octave counted from 0, and of the share of the next one."""
    if on_step:
        progress = done(list(map(math.prod, sizes)), octave, (step + share) / steps)
        nothing, whole = torch.empty(1, 3, 0, 0), partial(small, pixels)
        on_step(Step(nothing, score, step, steps, octave + 1, len(sizes), progress, sizes[-1], whole))


def small(pixels: Raster) -> Tensor:
    """A picture on disk at a size to look at, `[1, 3, h, w]`."""
    return sampled(pixels, torch.float32).clamp_(0, 1)


def sampled(pixels: Raster, dtype: torch.dtype) -> Tensor:
    """As `colours.sampled`, of a picture on disk."""
    apart = colours.apart(*pixels.size)
    rows = (slice(row, row + 1) for row in range(0, pixels.height, apart))
    return torch.cat([pixels.read(each, dtype=dtype)[:, :3, :, ::apart] for each in rows], 2)
