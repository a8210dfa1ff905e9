"""Who helps: workers on this computer, or those of a scheduler."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from phosphene.batch import Job, Plan
from phosphene.cli.maker import Maker
from phosphene.errors import SettingsError
from phosphene.images.sources import Sent
from phosphene.run import Prepared
from phosphene.run.prepared import cluster

if TYPE_CHECKING:  # Dask is an extra
    from phosphene.cluster import Order
    from phosphene.cluster.errands import Outcome


@dataclass(frozen=True)
class Machines:
    """What was asked for."""

    scheduler: str | None = None  # its address
    workers: int | None = None  # how many processes are to be started here
    threads: int | None = None  # processor threads of each of those

    def check(self, preview: str | None = None) -> None:
        """Refuses what makes no sense with many machines.

        Raises:
            SettingsError: what that is, and what to do.
            ClusterError: Dask is not installed.
        """
        if self.scheduler is not None and self.workers is not None:
            raise SettingsError("--workers starts workers here, --scheduler uses those of other machines. Give one.")
        if self.scheduler is not None and self.threads:
            raise SettingsError("--threads is for this computer; the workers' are set where they are started.")
        if preview is not None:
            raise SettingsError("--preview shows one dream; with many workers several grow at once. Leave one out.")
        cluster()

    def check_use(self, plan: Plan, large: Sequence[Job]) -> None:
        """Refuses help with what one computer does sooner.

        Raises:
            SettingsError: a single picture, and none that dreams on disk.
        """
        if not plan.many and not large:
            raise SettingsError(
                f"{self._flag} shares out a folder's pictures, or the tiles of one of more than 4 megapixels.\n"
                "This one dreams sooner alone: leave the flag out."
            )

    @property
    def _flag(self) -> str:
        return "--workers" if self.scheduler is None else "--scheduler"

    def connected(self) -> Any:
        """A connection to the workers, for as long as a block runs.

        Raises:
            ClusterError: nobody answers, or some are other versions.
        """
        return cluster().connect(scheduler=self.scheduler, workers=self.workers, threads=self.threads)


# A folder of pictures on many workers. It loads Dask


def make(client: Any, jobs: Sequence[tuple[Job, Prepared]], maker: Maker) -> Iterator[tuple[Job, "Outcome"]]:
    """Jobs, and what came of them, as they are done.

    Ctrl-C ends them after the steps that they are at; what there is then is theirs.

    Raises:
        ClusterError: nobody helps.
    """
    if not jobs:
        return
    from phosphene.cluster import make_folder

    where = f"{len(jobs)} pictures"
    with maker.bar(where) as bar:
        made = make_folder(
            client,
            jobs[0][1],
            [partial(_order, *each) for each in jobs],
            tell=lambda done: bar.move(done, where),
            stopped=lambda: maker.stop.signal is not None,
        )
        for number, outcome in made:
            yield jobs[number][0], outcome


def _order(job: Job, ready: Prepared) -> "Order":
    """A picture as it is sent."""
    from phosphene.cluster import Order

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
