"""The one thread that computes: what is urgent comes first, and long jobs make way for it between two steps."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import TypeVar

from phosphene.errors import PhospheneError, Stop
from phosphene.run.watch import telling_of_memory
from phosphene.sessions.jobs import CANCELLED, DONE, FAILED, RUNNING, Job

Result = TypeVar("Result")
NAP = 0.02  # seconds between two looks at what another thread does
_log = logging.getLogger(__name__)


class Worker:
    """Computes, one thing at a time."""

    def __init__(self) -> None:
        self._urgent: deque[Callable[[], None]] = deque()
        self._jobs: list[Job] = []
        self._changed = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="worker", daemon=True)
        self._thread.start()

    def ask(self, work: Callable[[], Result]) -> Future[Result]:
        """Has something done soon, between two steps of whatever else is being done."""
        answer: Future[Result] = Future()

        def answered() -> None:
            try:
                answer.set_result(work())
            except BaseException as error:
                answer.set_exception(error)

        with self._changed:
            self._urgent.append(answered)
            self._changed.notify()
        return answer

    def post(self, work: Callable[[], None]) -> None:
        """As `ask`, for what nobody waits for; a fault is logged."""

        def done() -> None:
            try:
                work()
            except Exception:
                _log.exception("work that nobody waits for failed")

        with self._changed:
            self._urgent.append(done)
            self._changed.notify()

    def add(self, job: Job) -> Job:
        """Has a job done when its turn comes."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()
        return job

    def breathe(self, job: Job) -> None:
        """Lets everything go first that is before a job; the job calls it between its steps.

        Raises:
            Stop: the job was cancelled.
        """
        if job.cancelled or self._closed:
            raise Stop
        while (work := self._next(before=job.rank)) is not None:
            work()
            if job.cancelled:
                raise Stop

    def beside(self, job: Job, work: Callable[[], Result]) -> Result:
        """Has something done in another thread, for what cannot breathe by itself: reading and writing files.

        Raises:
            Stop: the job was cancelled.
        """
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(work)
            while not wait([answer], timeout=NAP).done:
                self.breathe(job)
        return answer.result()

    def close(self) -> None:
        """Ends what is being done, and the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _next(self, before: int | None = None) -> Callable[[], None] | None:
        """What comes next, if it comes before a rank."""
        with self._changed:
            if self._urgent:
                return self._urgent.popleft()
            due = [job for job in self._jobs if before is None or job.rank < before]
            if not due:
                return None
            job = min(due, key=lambda each: each.rank)
            self._jobs.remove(job)
        return lambda: self._do(job)

    def _run(self) -> None:
        while True:
            work = self._next()
            if work is not None:
                work()
                continue
            with self._changed:
                if self._closed:
                    return
                if not self._urgent and not self._jobs:
                    self._changed.wait()

    def _do(self, job: Job) -> None:
        job.enter(RUNNING)
        try:
            with telling_of_memory():
                job.result = job.work(job)
            job.enter(CANCELLED if job.cancelled else DONE)
        except Stop:
            job.enter(CANCELLED)
        except PhospheneError as error:
            job.enter(FAILED, str(error))
        except Exception as error:
            _log.exception("a job failed")
            job.enter(FAILED, f"This is a fault of Phosphene: {type(error).__name__}: {error}")
