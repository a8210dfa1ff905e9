"""A folder of pictures on many workers. It loads Dask."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from phosphene.batch import Job
from phosphene.cli.jobs import Asked
from phosphene.cli.maker import Maker
from phosphene.cluster import Folder, Order
from phosphene.cluster.folder import Outcome
from phosphene.images.sources import Sent
from phosphene.networks import Network


def dream(
    client: Any, jobs: Sequence[Job], asked: Asked, network: Network, maker: Maker
) -> Iterator[tuple[Job, Outcome]]:
    """Jobs, and what came of them, as they are done.

    Ctrl-C ends them after the steps that they are at; what there is then is theirs.

    Raises:
        ClusterError: nobody helps.
    """
    if not jobs:
        return
    where = f"{len(jobs)} pictures"
    with maker.bar(where) as bar:
        folder = Folder(
            client,
            network,
            asked.settings,
            tell=lambda done: bar.move(done, where),
            stopped=lambda: maker.stop.signal is not None,
        )
        for number, outcome in folder.dream([partial(_order, job, asked) for job in jobs]):
            yield jobs[number], outcome


def _order(job: Job, asked: Asked) -> Order:
    """A picture as it is sent."""
    name = job.source.name
    if job.source.kind == "canvas":
        return Order(name, asked.size, None, asked.max_pixels)
    sent = Sent("stdin", sys.stdin.buffer.read()) if job.source.kind == "pipe" else Sent.of(name)
    return Order(sent, None, asked.long_side, asked.max_pixels)
