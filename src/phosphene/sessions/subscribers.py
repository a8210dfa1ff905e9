"""Who watches a picture, and the jobs that they are told of."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from phosphene.sessions.jobs import Job, Rank
from phosphene.sessions.states import JobKind
from phosphene.sessions.worker import Worker

JOBS = 12  # of a picture, that are told of; older ones are forgotten

Hear = Callable[[bytes | dict[str, Any]], None]


class Subscribers:
    """Pages that are told of frames and events.

    Args:
        id: the picture's.
        worker: computes.
    """

    def __init__(self, id: str, worker: Worker) -> None:
        self.id, self.worker = id, worker
        self._jobs: dict[str, Job] = {}
        self._lock = threading.Lock()  # of the jobs, which requests add and the worker looks at
        self._hearers: list[Hear] = []

    @property
    def jobs(self) -> dict[str, Job]:
        """Those that are told of, as they are now."""
        with self._lock:
            return dict(self._jobs)

    @property
    def busy(self) -> bool:
        """Whether something is being computed, or somebody watches."""
        return bool(self._hearers) or any(not job.over for job in self.jobs.values())

    def listen(self, hear: Hear) -> Callable[[], None]:
        """Tells of frames and events, from the worker's thread, until what it returns is called."""
        self._hearers.append(hear)

        def leave() -> None:
            if hear in self._hearers:
                self._hearers.remove(hear)
            if not self._hearers:
                self._stop_trying()

        return leave

    def emit(self, what: bytes | dict[str, Any]) -> None:
        """Tells all who listen."""
        for hear in list(self._hearers):
            hear(what)

    def add_job(self, kind: JobKind, rank: Rank, work: Callable[[Job], dict[str, Any]], message: str) -> Job:
        """Has a job done."""
        job = Job(kind, self.id, rank, work, lambda each: self.emit({"event": "job", "job": each.to_dict()}), message)
        with self._lock:
            over = [each.id for each in self._jobs.values() if each.over]
            old = [self._jobs.pop(name) for name in over[: max(0, len(self._jobs) - JOBS + 1)]]
            self._jobs[job.id] = job
        for each in old:
            each.forget()
        return self.worker.add(job)

    def _stop_trying(self) -> None:
        """Ends the thumbnails of a picture that nobody looks at, so that the next picture's come at once."""
        for job in self.jobs.values():
            if job.kind == "thumbnails":
                job.cancel()
