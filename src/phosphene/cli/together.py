"""A folder of pictures on many workers. It loads Dask."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from phosphene.batch import Job
from phosphene.cli.maker import Maker
from phosphene.cluster import Folder, Order
from phosphene.cluster.folder import Outcome
from phosphene.images.sources import Sent
from phosphene.run import Prepared


def make(client: Any, jobs: Sequence[tuple[Job, Prepared]], maker: Maker) -> Iterator[tuple[Job, Outcome]]:
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
            jobs[0][1],
            tell=lambda done: bar.move(done, where),
            stopped=lambda: maker.stop.signal is not None,
        )
        for number, outcome in folder.make([partial(_order, *each) for each in jobs]):
            yield jobs[number][0], outcome


def _order(job: Job, ready: Prepared) -> Order:
    """A picture as it is sent."""
    name = job.source.name
    match job.source.kind:
        case "words":
            source: Sent | str | None = None
        case "canvas":
            source = name
        case "pipe":
            source = Sent("stdin", sys.stdin.buffer.read())
        case _:
            source = Sent.of(name)
    return Order(source, ready.settings, ready.opening)
