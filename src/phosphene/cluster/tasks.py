"""What workers do: steps of one big dream, each where its pixels are, and pictures of a folder, one for each.

Pixels are held and sent as arrays of numpy's, whose sizes distributed knows.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from itertools import groupby, product
from typing import Any, TypeAlias
from uuid import uuid4

import numpy as np
import torch
from distributed import Client, Future, get_worker, wait
from distributed.scheduler import KilledWorker
from torch import Tensor

from phosphene.ascent import Step, StepRule, executor, gradient
from phosphene.cluster.pool import POLL, WorkerPool
from phosphene.errors import ClusterError, PhospheneError, StopRequested
from phosphene.images.rasters import Array
from phosphene.images.sources import Sent
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels import tiles
from phosphene.pixels.canvases import is_canvas
from phosphene.pixels.tiles import Box
from phosphene.recipes.fields import Settings
from phosphene.run import Dream, Prepared, prepare
from phosphene.techniques import TECHNIQUES
from phosphene.techniques.engine import pictures
from phosphene.techniques.opening import Opening

# How a picture is sharded over workers, and which of them computes which boxes of it: geometry only


Window = tuple[slice, slice]  # rows and columns


@dataclass(frozen=True)
class BoxRow:
    """Boxes side by side that one worker computes."""

    owner: str  # the worker's address
    boxes: tuple[Box, ...]  # from left to right; their rows are the same

    @property
    def core(self) -> Window:
        """The pixels that they answer for, together."""
        return self.boxes[0].rows.core, slice(self.boxes[0].columns.start, self.boxes[-1].columns.stop)

    @property
    def context(self) -> Window:
        """The pixels that they see, together."""
        return self.boxes[0].rows.context, slice(self.boxes[0].columns.low, self.boxes[-1].columns.high)


def assign(boxes: Sequence[Box], owners: Sequence[str]) -> list[BoxRow]:
    """Boxes, row by row, shared out evenly: each worker's are together, so that few pixels lie on a border.

    Boxes of another size fall to the workers nearly alike, since all are counted from the picture's upper left corner.
    """
    whose = [owners[number * len(owners) // len(boxes)] for number in range(len(boxes))]
    grouped = groupby(zip(boxes, whose, strict=True), lambda pair: (pair[0].rows, pair[1]))
    return [BoxRow(owner, tuple(box for box, _ in pairs)) for (_, owner), pairs in grouped]


@dataclass(frozen=True)
class Shard:
    """A part of a picture: its rows and columns, the address of its worker, and what stands for its pixels there."""

    where: Window
    owner: str
    held: object


Placement = tuple[Window, Window]  # where pixels are within a shard, and where they come to within a window


@dataclass(frozen=True)
class ShardedImage:
    """A picture in shards, which cover it once."""

    size: tuple[int, int]  # height and width
    shards: Sequence[Shard]  # where they are in the picture shifted by `shift`
    shift: tiles.Shift = (0, 0)  # down and to the right; the picture is left lying as its last step saw it

    def pieces(self, window: Window, shift: tiles.Shift) -> Iterator[tuple[Shard, Placement]]:
        """Where a window of the picture shifted by `shift` is; what leaves at one edge comes in at the other."""
        further = (shift[0] - self.shift[0], shift[1] - self.shift[1])
        sides = (tiles.pieces(*each) for each in zip(window, self.size, further, strict=True))
        for stretch in product(*map(list, sides)):
            for shard in self.shards:
                cuts = [_cut(*each) for each in zip(stretch, shard.where, strict=True)]
                if all(source.start < source.stop for source, _ in cuts):
                    (rows, down), (columns, across) = cuts
                    yield shard, ((rows, columns), (down, across))


def _cut(stretch: tuple[slice, int], side: slice) -> tuple[slice, slice]:
    """What a shard's side has of a window's stretch, within the shard; and where that is within the window."""
    place, low = stretch
    start, stop = max(low, side.start), min(low + place.stop - place.start, side.stop)
    moved = place.start - low
    return slice(start - side.start, stop - side.start), slice(start + moved, stop + moved)


ONE = threading.Lock()  # a worker's processors are torch's: two tasks at once would only wait for each other


def cut(shard: Array, where: Window) -> Array:
    """A copy of some of a shard's pixels: what crosses to another worker, and no more."""
    return shard[(..., *where)].copy()


def window(size: tuple[int, int], places: Sequence[Placement], shards: Sequence[Array]) -> Array:
    """A window of so many rows and columns, put together of shards."""
    whole = np.empty((1, 3, *size), shards[0].dtype)
    for (source, place), shard in zip(places, shards, strict=True):
        whole[(..., *place)] = shard[(..., *source)]
    return whole


def gradient_of(
    pixels: Array, network: Network, objective: Objective, row: BoxRow, size: tuple[int, int], topic: str
) -> tuple[Array, tuple[float, ...]]:
    """The gradient on a row's core, `[1, 3, h, w]`, and the scores of its tiles; tells of each tile.

    It is made from the `pixels` of the row's context in a picture of `size`.
    """
    g, scores = _core_of(row, pixels.dtype), []
    for box in row.boxes:
        with ONE:
            core, score = gradient.of_box(_context_of(box, row, pixels), box, size, network, objective)
            g[(..., *_place(box.core, row.core))] = core.numpy()
        scores.append(score)
        get_worker().log_event(topic, 1)
    return g, tuple(scores)


def sums(g: Array, row: BoxRow, rule: StepRule) -> list[executor.Sums]:
    """`executor.sums` of a row's blocks; `g` is its context."""
    with ONE:
        return [executor.sums(_context_of(box, row, g), box, rule) for box in row.boxes]


def step(pixels: Array, g: Array, row: BoxRow, divisors: list[float], length: float, rule: StepRule) -> Array:
    """A row's blocks a step further uphill: `pixels` is its core, `g` its context."""
    further = _core_of(row, pixels.dtype)
    for box in row.boxes:
        place = _place(box.core, row.core)
        with ONE:
            block = _tensor(pixels[(..., *place)])
            executor.climb_(block, _context_of(box, row, g), box, divisors, length, rule)
        further[(..., *place)] = block.numpy()
    return further


def _core_of(row: BoxRow, kind: np.dtype[Any]) -> Array:
    return np.empty((1, 3, *(side.stop - side.start for side in row.core)), kind)


def _context_of(box: Box, row: BoxRow, x: Array) -> Tensor:
    """A box's context, out of its row's."""
    return _tensor(x[(..., *_place(box.context, row.context))])


def _tensor(x: Array) -> Tensor:
    """A copy in one piece, as a file would give it: sums over pieces would be rounded otherwise."""
    return torch.from_numpy(x.copy())


def _place(inner: Window, outer: Window) -> Window:
    """A window within another, in that one's coordinates."""
    rows, columns = (slice(a.start - b.start, a.stop - b.start) for a, b in zip(inner, outer, strict=True))
    return rows, columns


# Pieces of work, each done by one worker: shared out as workers come free, told of, and ended when that is wished


AHEAD = 2  # pieces that are on their way to each worker, so that none waits for the next

_STOPPED: set[str] = set()  # the topics of tasks that are to end, in a worker

Outcome: TypeAlias = Any | Exception
"""What a piece of work gave, or why it gave nothing: `StopRequested` if it was ended before its first step."""


@dataclass
class TaskQueue:
    """Pieces of work that are done side by side, in each worker one at a time."""

    client: Client  # a connection to the workers
    work: Callable[..., object]  # is called in a worker with a task, what all were sent, and a `ProgressReporter`
    tell: Callable[[float], None] = lambda _: None  # is told, now and then, which share of all the work is done
    stopped: Callable[[], bool] = lambda: False  # whether an end is wished for; what is begun is kept as it is then
    _topic: str = field(default_factory=lambda: f"phosphene-{uuid4().hex}")
    _done: dict[int, float] = field(default_factory=dict)

    def run(self, tasks: Sequence[Callable[[], object]], *sent: object) -> Iterator[tuple[int, Outcome]]:
        """The number of each task, from 0, and what came of it, as they are done.

        A task is made only when its turn comes, so that few files are in memory. Things `sent` go to all workers,
        once.

        Raises:
            ClusterError: the scheduler is lost, or no worker is there.
        """
        pool, waiting, running = WorkerPool(self.client), deque(enumerate(tasks)), dict[Any, int]()
        pool.refresh()
        common = [pool.give(thing) for thing in sent]
        self.client.subscribe_topic(self._topic, self._hear)
        while waiting or running:
            while waiting and len(running) < AHEAD * len(pool.owners):
                number, make = waiting.popleft()
                try:
                    reporter = ProgressReporter(self._topic, number)
                    running[self.client.submit(alone, self.work, reporter, make(), *common, pure=False)] = number
                except PhospheneError as error:
                    yield number, error
            for future in self._finished(pool, list(running)):
                number = running.pop(future)
                self._done[number] = 1.0
                yield number, _outcome(future)
            self.tell(sum(self._done.values()) / len(tasks))
            if self.stopped() and self._topic not in _STOPPED:
                waiting.clear()
                end(self._topic)
                self.client.run(end, self._topic)

    def _finished(self, pool: WorkerPool, running: Sequence[Future]) -> list[Future]:
        """Those that are done, after a short while."""
        pool.check_scheduler()
        try:
            with self.client.as_current():
                return list(wait(running, timeout=POLL, return_when="FIRST_COMPLETED").done) if running else []
        except TimeoutError:
            return []

    def _hear(self, event: tuple[object, tuple[int, float]]) -> None:
        _, (number, done) = event
        self._done[number] = max(done, self._done.get(number, 0.0))


def _outcome(future: Future) -> Outcome:
    """What came of a piece of work; faults of the program are raised."""
    try:
        return future.result()
    except (PhospheneError, StopRequested) as error:
        return error
    except (KilledWorker, CancelledError) as error:
        return ClusterError(
            f"Workers were lost over it ({error}). Has each enough memory? --long-side 2048 takes less."
        )


@dataclass(frozen=True)
class ProgressReporter:
    """Tells, from a worker, how far the piece of work of that number is, under the topic of all of them."""

    topic: str
    number: int

    def __call__(self, step: Step) -> None:
        """Tells of a step. Raises `StopRequested`: an end is wished for."""
        get_worker().log_event(self.topic, (self.number, step.done))
        if self.topic in _STOPPED:
            raise StopRequested


def alone(work: Callable[..., object], reporter: ProgressReporter, task: object, *sent: object) -> object:
    """Does a piece of work, in a worker, when its turn comes. Raises `StopRequested`: an end was wished for before."""
    with ONE:
        if reporter.topic in _STOPPED:
            raise StopRequested
        return work(task, *sent, reporter)


def end(topic: str) -> None:
    """Lets the work of a topic end after its step, in a worker."""
    _STOPPED.add(topic)


# A folder of pictures, made by many workers, a picture each


@dataclass(frozen=True)
class PictureTask:
    """A picture to make: of a file, of the canvas of that name, or of `None` where the settings say of what."""

    source: Sent | str | None
    settings: Settings
    opening: Opening


def make_folder(
    client: Client,
    ready: Prepared,
    tasks: Sequence[Callable[[], PictureTask]],
    *,
    tell: Callable[[float], None],
    stopped: Callable[[], bool],
) -> Iterator[tuple[int, Outcome]]:
    """The number of each picture, from 0, and what came of it, as they are done: as `TaskQueue.run`.

    That is a picture, perhaps one that was stopped, and its seconds; or an exception.
    """
    names = dict.fromkeys(pictures(ready.settings))
    sent = [Sent.of(name) for name in names if not is_canvas(name)]
    return TaskQueue(client, make_one, tell, stopped).run(tasks, ready.network, ready.technique.name, sent)


def make_one(
    task: PictureTask, network: Network, technique: str, sent: Sequence[Sent], reporter: ProgressReporter
) -> tuple[Dream, float]:
    """Makes one picture, in a worker, and tells of its steps. Says how many seconds it took.

    Its source's pixels are left out, which nobody needs any more.

    Raises:
        PhospheneError: as `Prepared.make` does.
    """
    began = time.monotonic()
    source = task.source.open() if isinstance(task.source, Sent) else task.source
    named = {each.name: each.open() for each in sent}
    ready = prepare(TECHNIQUES[technique], task.settings, network, named=named, opening=task.opening)
    made = ready.make(source, on_step=reporter)
    assert isinstance(made, Dream)  # a file that was sent is made in memory
    blank = replace(made.source, pixels=made.source.pixels[..., :0, :0].clone())
    return replace(made, source=blank, draw_regions=None), time.monotonic() - began
