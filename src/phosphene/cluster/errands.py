"""Pieces of work, each done by one worker: shared out as workers come free, told of, and ended when that is wished.

A lost worker's pieces are done by others.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from typing import Any, TypeAlias
from uuid import uuid4

from distributed import Client, Future, get_worker, wait
from distributed.scheduler import KilledWorker

from phosphene.ascent import Step
from phosphene.cluster.crew import POLL, Crew
from phosphene.cluster.tasks import ONE
from phosphene.errors import ClusterError, PhospheneError, Stop
from phosphene.images.sources import Sent
from phosphene.networks import Network
from phosphene.pixels.canvases import is_canvas
from phosphene.run import Dream, Prepared, prepare
from phosphene.techniques import TECHNIQUES
from phosphene.techniques.engine import Opening, pictures

AHEAD = 2  # pieces that are on their way to each worker, so that none waits for the next

_STOPPED: set[str] = set()  # the topics of errands that are to end, in a worker

Outcome: TypeAlias = Any | Exception
"""What a piece of work gave, or why it gave nothing: `Stop` if it was ended before its first step."""


@dataclass
class Errands:
    """Pieces of work that are done side by side, in each worker one at a time."""

    client: Client  # a connection to the workers
    work: Callable[..., object]  # is called in a worker with an order, what all have been sent, and a `Teller`
    tell: Callable[[float], None] = lambda _: None  # is told, now and then, which share of all the work is done
    stopped: Callable[[], bool] = lambda: False  # whether an end is wished for; what is begun is kept as it is then
    _topic: str = field(default_factory=lambda: f"phosphene-{uuid4().hex}")
    _done: dict[int, float] = field(default_factory=dict)

    def run(self, orders: Sequence[Callable[[], Any]], *sent: Any) -> Iterator[tuple[int, Outcome]]:
        """The number of each order, from 0, and what came of it, as they are done.

        An order is made only when its turn comes, so that few files are in memory. Things `sent` go to all workers,
        once.

        Raises:
            ClusterError: the scheduler is lost, or no worker is there.
        """
        crew, waiting, running = Crew(self.client), deque(enumerate(orders)), dict[Any, int]()
        crew.muster()
        common = [crew.give(thing) for thing in sent]
        self.client.subscribe_topic(self._topic, self._hear)
        while waiting or running:
            while waiting and len(running) < AHEAD * len(crew.owners):
                number, make = waiting.popleft()
                try:
                    teller = Teller(self._topic, number)
                    running[self.client.submit(alone, self.work, teller, make(), *common, pure=False)] = number
                except PhospheneError as error:
                    yield number, error
            for future in self._finished(crew, list(running)):
                number = running.pop(future)
                self._done[number] = 1.0
                yield number, _outcome(future)
            self.tell(sum(self._done.values()) / len(orders))
            if self.stopped() and self._topic not in _STOPPED:
                waiting.clear()
                end(self._topic)
                self.client.run(end, self._topic)

    def _finished(self, crew: Crew, running: Sequence[Future]) -> list[Future]:
        """Those that are done, after a short while."""
        crew.check_scheduler()
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
    except (PhospheneError, Stop) as error:
        return error
    except (KilledWorker, CancelledError) as error:
        return ClusterError(
            f"Workers were lost over it ({error}). Has each enough memory? --long-side 2048 takes less."
        )


@dataclass(frozen=True)
class Teller:
    """Tells, from a worker, how far the piece of work of that number is, under the topic of all of them."""

    topic: str
    number: int

    def __call__(self, step: Step) -> None:
        """Tells of a step. Raises `Stop`: an end is wished for."""
        get_worker().log_event(self.topic, (self.number, step.done))
        if self.topic in _STOPPED:
            raise Stop


def alone(work: Callable[..., object], teller: Teller, order: object, *sent: object) -> object:
    """Does a piece of work, in a worker, when its turn comes. Raises `Stop`: an end was wished for before."""
    with ONE:
        if teller.topic in _STOPPED:
            raise Stop
        return work(order, *sent, teller)


def end(topic: str) -> None:
    """Lets the work of a topic end after its step, in a worker."""
    _STOPPED.add(topic)


# A folder of pictures, made by many workers, a picture each


@dataclass(frozen=True)
class Order:
    """A picture to make: of a file, of the canvas of that name, or of `None` where the settings say of what."""

    source: Sent | str | None
    settings: Any
    opening: Opening


def make_folder(
    client: Client,
    ready: Prepared,
    orders: Sequence[Callable[[], Order]],
    *,
    tell: Callable[[float], None],
    stopped: Callable[[], bool],
) -> Iterator[tuple[int, Outcome]]:
    """The number of each picture, from 0, and what came of it, as they are done: as `Errands.run`.

    That is a picture, perhaps one that was stopped, and its seconds; or an exception.
    """
    names = dict.fromkeys(pictures(ready.settings))
    sent = [Sent.of(name) for name in names if not is_canvas(name)]
    return Errands(client, make_one, tell, stopped).run(orders, ready.network, ready.technique.name, sent)


def make_one(
    order: Order, network: Network, technique: str, sent: Sequence[Sent], teller: Teller
) -> tuple[Dream, float]:
    """Makes one picture, in a worker, and tells of its steps. Says how many seconds it took.

    Its source's pixels are left out, which nobody needs any more.

    Raises:
        PhospheneError: as `Prepared.make` does.
    """
    began = time.monotonic()
    source = order.source.open() if isinstance(order.source, Sent) else order.source
    named = {each.name: each.open() for each in sent}
    ready = prepare(TECHNIQUES[technique], order.settings, network, named=named, opening=order.opening)
    made = ready.make(source, on_step=teller)
    assert isinstance(made, Dream)  # a file that was sent is made in memory
    blank = replace(made.source, pixels=made.source.pixels[..., :0, :0].clone())
    return replace(made, source=blank, draw_regions=None), time.monotonic() - began
