"""Workers that hold data and run functions where it is; and what it means that one of them is lost."""

import asyncio
import logging
import multiprocessing
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import CancelledError
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any
from uuid import uuid4

import dask
from distributed import Client, Future, LocalCluster, comm, wait
from distributed.scheduler import KilledWorker

from phosphene.errors import ClusterError
from phosphene.networks.network import use_threads

POLL = 0.25  # seconds between two looks at who is still there, while results are waited for
_DEEPEST = 10  # causes of an error that are looked through
PATIENCE = 30.0  # seconds for a worker to come back, where none is left


class Lost(Exception):  # noqa: N818 - it is an event, and told as a ClusterError only if it goes on
    """A worker left, and what it held with it."""


@contextmanager
def losses() -> Iterator[None]:
    """Puts whatever a lost worker looks like in one word."""
    try:
        yield
    except (CancelledError, KilledWorker, comm.CommClosedError) as error:
        raise Lost(str(error)) from error


@dataclass
class WorkerPool:
    """The workers of a scheduler, as they are from one `refresh` to the next; tasks go to `owners`, their addresses."""

    client: Client
    owners: tuple[str, ...] = ()
    _own: dict[int, tuple[object, dict[str, Future]]] = field(default_factory=dict)

    def refresh(self) -> None:
        """Counts anew who is there. Raises `ClusterError`: nobody."""
        self.check_scheduler()
        with refusing("No worker is left, and none came back."):
            self.client.wait_for_workers(1, timeout=PATIENCE)
        self.owners = tuple(sorted(self._present()))

    def everywhere(self, thing: object) -> dict[str, Future]:
        """A thing that each worker has for its own, by owner; sent once, however often this is asked for.

        One worker is sent it by us, and the others get it from there. Dask takes copies that nobody is waiting for as
        superfluous, and would send them again and again, so that each worker's own is held on to.
        """
        _, own = self._own.setdefault(id(thing), (thing, {}))
        missing = [owner for owner in self.owners if owner not in own or own[owner].status != "finished"]
        if missing:
            source = next((own[owner] for owner in self.owners if owner not in missing), None)
            source = source or self.give(thing, self.owners[0])
            own.update({owner: self.run(owner, same, source) for owner in missing})
        return {owner: own[owner] for owner in self.owners}

    def give(self, thing: object, owner: str | None = None) -> Future:
        """A thing that a worker is sent, or all of them: one of them by us, who passes it on."""
        workers = None if owner is None else [owner]
        with losses():  # of a list, each element would be a thing of its own
            (held,) = self.client.scatter([thing], workers=workers, broadcast=owner is None, direct=True, hash=False)
        return held

    def run(self, owner: str, work: Callable[..., object], *arguments: object) -> Future:
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
                if missing := set(self.owners) - self._present():
                    raise Lost(f"{len(missing)} of {len(self.owners)} workers left") from None
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
        topic, heard = f"phosphene-{uuid4().hex}", list[object]()
        self.client.subscribe_topic(topic, heard.append)
        try:
            yield topic, heard.__len__
        finally:
            if self.client.status == "running":
                self.client.unsubscribe_topic(topic)

    def check_scheduler(self) -> None:
        """Refuses to wait for answers that cannot come. Raises `ClusterError`: the connection is gone."""
        if self.client.status != "running":
            raise ClusterError(f"The scheduler is lost.\n{GO_ON}")

    def _present(self) -> set[str]:
        self.check_scheduler()
        with refusing("The scheduler does not answer any more."):
            return set(self.client.nthreads())  # unlike scheduler_info, always asked for anew


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


# Connections to workers: on this computer, or those of a scheduler elsewhere; only such as compute alike

TIMEOUT = 10  # seconds for an answer
ALIKE = ("phosphene", "torch", "distributed", "python")  # what must be the same everywhere, or nowhere
HERE = "127.0.0.1"
KEPT_BUFFERS = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
"""For glibc, as the command line keeps buffers for the next step: Dask would have them handed back at once."""
HOW = "On each machine: dask worker {address} --nthreads 1"


def make_ready(threads: int) -> None:
    """Makes a worker of this computer ready: its share of the processors; Ctrl-C is for the one who gives the work."""
    use_threads(threads)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@contextmanager
def connect(
    *, scheduler: str | None = None, workers: int | None = None, threads: int | None = None
) -> Iterator[Client]:
    """A client of a scheduler's workers, or of so many that are started here, for as long as the block runs.

    Args:
        scheduler: its address, as `tcp://host:8786`.
        workers: how many processes to start on this computer, where no scheduler is named; they end with it.
        threads: processor threads of each of those; by default they share this computer's.

    Raises:
        ClusterError: nobody answers, or some are other versions.
    """
    with _quiet(), _there(scheduler) if scheduler else _here(workers or 1, threads) as client:
        _check_alike(client)
        yield client


@contextmanager
def _there(scheduler: str) -> Iterator[Client]:
    """The workers of a scheduler that answers."""
    with _reached(scheduler) as client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError as error:
            how = HOW.format(address=scheduler)
            raise ClusterError(f"The scheduler at {scheduler} has no workers.\n{how}") from error
        yield client


def _reached(scheduler: str) -> Client:
    try:
        asyncio.run(asyncio.wait_for(_knock(scheduler), TIMEOUT))
        return Client(scheduler, timeout=TIMEOUT, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise ClusterError(
            f"No scheduler answers at {scheduler}.\nIs it started (dask scheduler), and the address right, as"
            " tcp://HOST:8786? On this computer alone: --workers 2"
        ) from error


async def _knock(scheduler: str) -> None:
    """Finds out whether a scheduler answers: a client who waits for one in vain is long in going away."""
    found = await comm.connect(scheduler, timeout=TIMEOUT)
    found.abort()


@contextmanager
def _here(workers: int, threads: int | None) -> Iterator[Client]:
    """Workers on this computer, whom nobody else can reach."""
    threads = threads or max(1, (os.cpu_count() or 1) // workers)
    _check_shared_memory()
    with _started(), dask.config.set({"distributed.nanny.pre-spawn-environ": KEPT_BUFFERS}):
        cluster = LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            host=HERE,
            dashboard_address=f"{HERE}:0",
            worker_dashboard_address=f"{HERE}:0",
            scheduler_kwargs={"dashboard": False},
            memory_limit=0,  # what a task takes is planned beforehand, and a paused worker would be waited for for ever
            silence_logs=logging.CRITICAL,
        )
    with cluster, Client(cluster, set_as_default=False) as client:
        client.register_worker_callbacks(partial(make_ready, threads))
        yield client


def _check_shared_memory() -> None:
    """Refuses to start processes where they could not speak with each other."""
    try:
        multiprocessing.get_context("spawn").Lock()
    except (OSError, ImportError) as error:
        said = getattr(error, "strerror", None) or error
        raise ClusterError(
            f"No workers can be started: this computer gives programs no shared memory ({said}).\n"
            "On Linux that is /dev/shm, which must be there, and writable. Or leave --workers out."
        ) from error


@contextmanager
def _started() -> Iterator[None]:
    """Says in words why workers do not start."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        causes = [error]
        while (cause := causes[-1].__cause__ or causes[-1].__context__) is not None and len(causes) < _DEEPEST:
            causes.append(cause)  # type: ignore[arg-type]
        raise ClusterError(
            f"No workers can be started: {causes[-1]}.\nFewer may start, or none is needed: leave --workers out."
        ) from error


@contextmanager
def _quiet() -> Iterator[None]:
    """Keeps distributed's own words from the terminal: what matters of them is said in ours."""
    logger = logging.getLogger("distributed")
    before = logger.level
    logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        logger.setLevel(before)


def _check_alike(client: Client) -> None:
    """Refuses workers whose pixels would be others, or none."""
    found = client.get_versions(packages=list(ALIKE[:3]))
    mine = _versions(found["client"])
    others = {address: _versions(each) for address, each in found["workers"].items()}
    wrong = [_told(address, each, mine) for address, each in sorted(others.items()) if each != mine]
    if wrong:
        shown, more = "\n".join(wrong[:5]), f"\nand {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ClusterError(
            f"All machines must have the same versions, or their pixels would not fit together.\n{shown}{more}"
        )


def _versions(found: Mapping[str, Any]) -> dict[str, str]:
    known = {**found["packages"], "python": ".".join(map(str, found["host"]["python"].split(".")[:2]))}
    return {name: str(known.get(name) or "missing") for name in ALIKE}


def _told(address: str, theirs: Mapping[str, str], mine: Mapping[str, str]) -> str:
    differing = [f"{name} {theirs[name]} (here {mine[name]})" for name in ALIKE if theirs[name] != mine[name]]
    return f"{address} has {', '.join(differing)}"
