"""A folder of pictures, dreamt upon by many workers, a picture each.

Pictures travel as the bytes of their files, so that workers need not reach them; the network and the pictures that
the settings name are sent once. A lost worker's pictures are dreamt by others.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias
from uuid import uuid4

from distributed import Client, Future, get_worker, wait
from distributed.scheduler import KilledWorker

from phosphene import run
from phosphene.ascent import Step
from phosphene.canvases import CANVASES
from phosphene.cluster.crew import POLL, Crew
from phosphene.cluster.tasks import ONE
from phosphene.errors import ClusterError, PhospheneError, Stop
from phosphene.images.sources import read_bytes
from phosphene.networks import Network
from phosphene.recipes.settings import DreamSettings
from phosphene.run import Dream
from phosphene.run.album import Album
from phosphene.run.once import dream_of

AHEAD = 2  # pictures that are on their way to each worker, so that none waits for the next

_STOPPED: set[str] = set()  # the topics of folders that are to end, in a worker


@dataclass(frozen=True)
class Sent:
    """A picture's file."""

    name: str
    data: bytes

    @classmethod
    def of(cls, path: str) -> Sent:
        """The file as it is on this computer.

        Raises:
            ImageError: it cannot be read.
        """
        return cls(path, read_bytes(path))

    def open(self) -> BytesIO:
        """An open file of that name."""
        file = BytesIO(self.data)
        file.name = self.name
        return file


@dataclass(frozen=True)
class Order:
    """A picture that is to be dreamt upon.

    Attributes:
        source: its file, or the name of a canvas.
        size: a canvas's width and height.
        long_side: shrinks a picture first.
        max_pixels: refuses larger ones.
    """

    source: Sent | str
    size: tuple[int, int] | None
    long_side: int | None
    max_pixels: int


Outcome: TypeAlias = tuple[Dream, float] | Exception
"""A dream, perhaps one that was stopped, and its seconds; or why there is none: `Stop` before its first step."""


@dataclass
class Folder:
    """Pictures that are dreamt upon together.

    Attributes:
        client: a connection to the workers.
        network: what dreams.
        settings: of all pictures.
        tell: is told, now and then, which share of all the work is done.
        stopped: whether an end is wished for; what is begun is kept as it is then.
    """

    client: Client
    network: Network
    settings: DreamSettings
    tell: Callable[[float], None] = lambda _: None
    stopped: Callable[[], bool] = lambda: False
    _topic: str = field(default_factory=lambda: f"phosphene-{uuid4().hex}")
    _done: dict[int, float] = field(default_factory=dict)

    def dream(self, orders: Sequence[Callable[[], Order]]) -> Iterator[tuple[int, Outcome]]:
        """The number of each picture, from 0, and what came of it, as they are done.

        An order is made only when its turn comes, so that few files are in memory.

        Raises:
            ClusterError: the scheduler is lost, or no worker is there.
        """
        crew, waiting, running = Crew(self.client), deque(enumerate(orders)), dict[Any, int]()
        crew.muster()
        sent = crew.broadcast(self.network), crew.broadcast((self.settings, _named(self.settings)))
        self.client.subscribe_topic(self._topic, self._hear)
        while waiting or running:
            while waiting and len(running) < AHEAD * len(crew.owners):
                number, order = waiting.popleft()
                try:
                    running[self.client.submit(dream_one, order(), *sent, number, self._topic, pure=False)] = number
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

    def _hear(self, event: tuple[Any, tuple[int, float]]) -> None:
        _, (number, done) = event
        self._done[number] = max(done, self._done.get(number, 0.0))


def _outcome(future: Future) -> Outcome:
    """What came of a picture; faults of the program are raised."""
    try:
        found: tuple[Dream, float] = future.result()
    except (PhospheneError, Stop) as error:
        return error
    except (KilledWorker, CancelledError) as error:
        return ClusterError(
            f"Workers were lost over it ({error}). Has each enough memory? --long-side 2048 takes less."
        )
    return found


def _named(settings: DreamSettings) -> list[Sent]:
    """The files that the settings name: guides and masks."""
    return [Sent.of(name) for name in dict.fromkeys(run.names(settings)) if name not in CANVASES or Path(name).exists()]


def dream_one(
    order: Order, network: Network, sent: tuple[DreamSettings, Sequence[Sent]], number: int, topic: str
) -> tuple[Dream, float]:
    """Dreams upon one picture, in a worker, and tells of its steps; one at a time. Says how many seconds it took.

    Raises:
        Stop: the end was wished for before the first step.
        PhospheneError: as `run.dream` does.
    """

    def tell(step: Step) -> None:
        get_worker().log_event(topic, (number, step.done))
        _check_stopped(topic)

    with ONE:
        _check_stopped(topic)
        began = time.monotonic()
        return _dreamt(order, network, *sent, tell), time.monotonic() - began


def _dreamt(
    order: Order, network: Network, settings: DreamSettings, named: Sequence[Sent], on_step: Callable[[Step], None]
) -> Dream:
    """The dream; its source's pixels are left out, which nobody needs any more."""
    source = order.source if isinstance(order.source, str) else order.source.open()
    opening = {"size": order.size, "long_side": order.long_side, "max_pixels": order.max_pixels, "seed": settings.seed}
    album = Album(network.dtype, named={each.name: each.open() for each in named})
    made = dream_of(source, settings, network, album, opening=opening, on_step=on_step)
    if not isinstance(made, Dream):
        raise TypeError(f"a file that was sent dreams in memory, not as a {type(made).__name__}")
    return replace(made, source=replace(made.source, pixels=made.source.pixels[..., :0, :0].clone()))


def end(topic: str) -> None:
    """Lets the dreams of a topic end after their step, in a worker."""
    _STOPPED.add(topic)


def _check_stopped(topic: str) -> None:
    if topic in _STOPPED:
        raise Stop
