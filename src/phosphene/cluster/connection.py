"""Connections to workers: on this computer, or those of a scheduler elsewhere; only such as compute alike."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

import dask
from distributed import Client, LocalCluster
from distributed.comm import connect as connect_to

from phosphene.errors import ClusterError
from phosphene.networks.devices import use_threads

TIMEOUT = 10  # seconds for an answer
ALIKE = ("phosphene", "torch", "distributed", "python")  # what must be the same everywhere, or nowhere
HERE = "127.0.0.1"
KEPT_BUFFERS = {"MALLOC_ARENA_MAX": "1", "MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(2**31 - 1)}
"""For glibc, as the command line keeps buffers for the next step: Dask would have them handed back at once."""
HOW = "On each machine: dask worker {address} --nthreads 1 (docs/how-to/many-machines.md)"


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
    with _quiet(), _client(scheduler, workers or 1, threads) as client:
        _check_alike(client)
        yield client


@contextmanager
def _client(scheduler: str | None, workers: int, threads: int | None) -> Iterator[Client]:
    if scheduler is None:
        with _here(workers, threads or max(1, (os.cpu_count() or 1) // workers)) as client:
            yield client
        return
    client = _reached(scheduler)
    with client:
        try:
            client.wait_for_workers(1, timeout=TIMEOUT)
        except TimeoutError as error:
            how = HOW.format(address=scheduler)
            raise ClusterError(f"The scheduler at {scheduler} has no workers.\n{how}") from error
        yield client


def _reached(scheduler: str) -> Client:
    """A client of a scheduler that answers.

    Raises:
        ClusterError: it does not.
    """
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
    comm = await connect_to(scheduler, timeout=TIMEOUT)
    comm.abort()


@contextmanager
def _here(workers: int, threads: int) -> Iterator[Client]:
    """Workers on this computer, whom nobody else can reach."""
    with dask.config.set({"distributed.nanny.pre-spawn-environ": KEPT_BUFFERS}):
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
        more = f"\nand {len(wrong) - 5} more" if len(wrong) > 5 else ""
        raise ClusterError(
            "All machines must have the same versions, or their pixels would not fit together.\n"
            + "\n".join(wrong[:5])
            + more
        )


def _versions(found: Mapping[str, Any]) -> dict[str, str]:
    known = {**found["packages"], "python": ".".join(map(str, found["host"]["python"].split(".")[:2]))}
    return {name: str(known.get(name) or "missing") for name in ALIKE}


def _told(address: str, theirs: Mapping[str, str], mine: Mapping[str, str]) -> str:
    differing = [f"{name} {theirs[name]} (here {mine[name]})" for name in ALIKE if theirs[name] != mine[name]]
    return f"{address} has {', '.join(differing)}"
