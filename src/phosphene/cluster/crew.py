"""Workers that hold data and run functions where it is; and what it means that one of them is lost."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

from distributed import Client, Future, wait
from distributed.comm import CommClosedError
from distributed.scheduler import KilledWorker

from phosphene.errors import ClusterError

POLL = 0.25  # seconds between two looks at who is still there, while results are waited for
PATIENCE = 30.0  # seconds for a worker to come back, where none is left


class Lost(Exception):  # noqa: N818 - it is an event, and told as a ClusterError only if it goes on
    """A worker left, and what it held with it."""


@contextmanager
def losses() -> Iterator[None]:
    """Puts whatever a lost worker looks like in one word."""
    try:
        yield
    except (CancelledError, KilledWorker, CommClosedError) as error:
        raise Lost(str(error)) from error


@dataclass
class Crew:
    """The workers of a scheduler, as they are from one `muster` to the next.

    Attributes:
        client: the connection.
        owners: their addresses; tasks go to these.
    """

    client: Client
    owners: tuple[str, ...] = ()
    _own: dict[int, tuple[object, dict[str, Future]]] = field(default_factory=dict)

    def muster(self) -> None:
        """Counts anew who is there.

        Raises:
            ClusterError: nobody.
        """
        self.check_scheduler()
        with refusing("No worker is left, and none came back."):
            self.client.wait_for_workers(1, timeout=PATIENCE)
        self.owners = tuple(sorted(self._present()))

    def broadcast(self, thing: object) -> Future:
        """A thing that all workers are sent: one of them by us, who passes it on."""
        with losses():
            return self.client.scatter(thing, broadcast=True, direct=True, hash=False)

    def everywhere(self, thing: object) -> dict[str, Future]:
        """A thing that each worker has for its own, by owner; sent once, however often this is asked for.

        One worker is sent it by us, and the others get it from there. Dask takes copies that nobody is waiting for as
        superfluous, and would send them again and again, so that each worker's own is held on to.
        """
        _, own = self._own.setdefault(id(thing), (thing, {}))
        missing = [owner for owner in self.owners if owner not in own or own[owner].status != "finished"]
        if missing:
            source = next((own[owner] for owner in self.owners if owner not in missing), None)
            source = source or self.give(self.owners[0], thing)
            own.update({owner: self.run(owner, same, source) for owner in missing})
        return {owner: own[owner] for owner in self.owners}

    def give(self, owner: str, thing: object) -> Future:
        """Hands a thing to one worker."""
        with losses():
            return self.client.scatter(thing, workers=[owner], direct=True, hash=False)

    def run(self, owner: str, work: Callable[..., Any], *arguments: Any) -> Future:
        """Has a worker call a function; futures among the arguments are what they stand for."""
        return self.client.submit(work, *arguments, workers=[owner], allow_other_workers=False, pure=False)

    def wait(self, futures: Sequence[Future], look: Callable[[], None] = lambda: None) -> None:
        """Waits for results, and calls `look` now and then.

        Raises:
            Lost: a worker left.
            Exception: whatever a function raised.
        """
        while True:
            try:
                with losses(), self.client.as_current():
                    wait(futures, timeout=POLL)
                break
            except TimeoutError:
                look()
                self._check_present()
        for each in futures:
            if each.status == "error":
                with losses():
                    each.result()
        look()

    def fetch(self, futures: Sequence[Future]) -> list[Any]:
        """Results, which come from the workers and not by way of the scheduler."""
        self.wait(futures)
        with losses():
            return list(self.client.gather(list(futures), direct=True))

    @contextmanager
    def counting(self) -> Iterator[tuple[str, Callable[[], int]]]:
        """A topic, and how often workers have told of it so far."""
        topic, heard = f"phosphene-{uuid4().hex}", [0]

        def hear(_: Any) -> None:
            heard[0] += 1

        self.client.subscribe_topic(topic, hear)
        try:
            yield topic, partial(heard.__getitem__, 0)
        finally:
            if self.client.status == "running":
                self.client.unsubscribe_topic(topic)

    def check_scheduler(self) -> None:
        """Refuses to wait for answers that cannot come.

        Raises:
            ClusterError: the connection is gone.
        """
        if self.client.status != "running":
            raise ClusterError(f"The scheduler is lost.\n{GO_ON}")

    def _present(self) -> set[str]:
        self.check_scheduler()
        with refusing("The scheduler does not answer any more."):
            return set(self.client.nthreads())  # unlike scheduler_info, always asked for anew

    def _check_present(self) -> None:
        if missing := set(self.owners) - self._present():
            raise Lost(f"{len(missing)} of {len(self.owners)} workers left")


def same(thing: object) -> object:
    """The thing that a worker was sent, as its own."""
    return thing


GO_ON = "What was last kept is on the disk; when the machines are there again, give the same command again."


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Says what it means that an answer does not come."""
    try:
        yield
    except (TimeoutError, OSError) as error:
        raise ClusterError(f"{what}\n{GO_ON}") from error
