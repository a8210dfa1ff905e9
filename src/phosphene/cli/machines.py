"""Who helps: workers on this computer, or those of a scheduler."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from phosphene.batch import Batch, Job
from phosphene.errors import SettingsError
from phosphene.run.prepared import cluster


@dataclass(frozen=True)
class Machines:
    """What was asked for: the address of a scheduler, or so many processes here, with so many threads each."""

    scheduler: str | None = None
    workers: int | None = None
    threads: int | None = None

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

    def check_use(self, batch: Batch, large: Sequence[Job]) -> None:
        """Refuses help with what one computer does sooner.

        Raises:
            SettingsError: a single picture, and none that dreams on disk.
        """
        if not batch.many and not large:
            flag = "--workers" if self.scheduler is None else "--scheduler"
            raise SettingsError(
                f"{flag} shares out a folder's pictures, or the tiles of one of more than 4 megapixels.\n"
                "This one dreams sooner alone: leave the flag out."
            )

    def connected(self) -> Any:
        """A connection to the workers, for as long as a block runs.

        Raises:
            ClusterError: nobody answers, or some are other versions.
        """
        return cluster().connect(scheduler=self.scheduler, workers=self.workers, threads=self.threads)
