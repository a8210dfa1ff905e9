"""The one thread that computes: what is urgent comes first, and long jobs make way for it between two steps."""

from __future__ import annotations

import logging
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import TypeVar

from phosphene import filters
from phosphene.errors import PhospheneError, StopRequested
from phosphene.painting.document import Look
from phosphene.run.checkpoint import translate_oom
from phosphene.sessions.states import JobKind, JobStage, JobState

# Long work that can be watched and cancelled


KNOWN_AFTER = 0.02  # share of a job's work, before which its time left is a guess


class Rank(IntEnum):
    """What comes first; a job makes way for those before it."""

    GROUND = 1
    LOOK = 2
    RENDER = 3  # what was asked for comes before what is done by itself
    CLOSEUP = 4
    REFINING = 5
    THUMBNAILS = 6


@dataclass(eq=False)
class Job:
    """Long work."""

    kind: JobKind  # what it makes
    picture: str  # whose it is
    rank: Rank  # what it makes way for
    work: Callable[[Job], dict[str, object]]  # does it; what it returns is the result
    hear: Callable[[Job], None]  # is told of each change
    message: str = ""  # what is being done, in words
    id: str = field(default_factory=lambda: secrets.token_hex(8))
    state: JobStage = "waiting"
    done: float = 0.0
    result: dict[str, object] | None = None
    result_file: Path | None = None
    media_type: str = "application/octet-stream"
    cancelled: bool = False
    after: Callable[[], None] | None = None  # is called when it is over
    watched: Callable[[], bool] = lambda: True  # whether somebody looks at its picture
    _began: float = 0.0

    def cancel(self) -> None:
        """Asks it to end soon."""
        self.cancelled = True

    def forget(self) -> None:
        """Deletes the file that it made."""
        if self.result_file is not None:
            self.result_file.unlink(missing_ok=True)

    @property
    def order(self) -> Rank:
        """What is less comes first; what is only for the eye has time while nobody looks at its picture."""
        return Rank.REFINING if self.rank < Rank.RENDER and not self.watched() else self.rank

    @property
    def over(self) -> bool:
        """Whether it has ended, one way or another."""
        return self.state in ("done", "cancelled", "failed")

    def tell(self, done: float) -> None:
        """Says what share is done."""
        self.done = max(self.done, min(1.0, done))
        self.hear(self)

    def enter(self, state: JobStage, message: str = "") -> None:
        """Comes to a state."""
        self._began = time.monotonic() if state == "running" else self._began
        self.state, self.message = state, message or self.message
        self.done = 1.0 if state == "done" else self.done
        self.hear(self)
        if self.over and self.after:
            self.after()

    @property
    def seconds_left(self) -> float | None:
        """By what is done so far; `None` where that is not known yet."""
        if self.state != "running" or self.done < KNOWN_AFTER:
            return None
        return round((time.monotonic() - self._began) * (1 - self.done) / self.done, 1)

    def to_dict(self) -> JobState:
        """As JSON has it."""
        return {
            "id": self.id,
            "kind": self.kind,
            "picture": self.picture,
            "state": self.state,
            "done": round(self.done, 4),
            "seconds_left": self.seconds_left,
            "message": self.message,
            "result": self.result,
        }


Result = TypeVar("Result")
NAP = 0.02  # seconds between two looks at what another thread does
_log = logging.getLogger(__name__)


def fault_of(work: Callable[[], None]) -> str | None:
    """Does something; `None` if it ends well, nothing but an empty text if it was stopped, else what went wrong."""
    try:
        with translate_oom():
            work()
    except StopRequested:
        return ""
    except PhospheneError as error:
        return str(error)
    except Exception as error:  # a fault of ours: it is logged, told, and ends nothing else
        _log.exception("something failed")
        return f"This is a fault of Phosphene: {type(error).__name__}: {error}"
    return None


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
            except BaseException as error:  # whatever it is, it belongs to whoever asked
                answer.set_exception(error)

        with self._changed:
            self._urgent.append(answered)
            self._changed.notify()
        return answer

    def post(self, work: Callable[[], None]) -> None:
        """As `ask`, for what nobody waits for; a fault is logged."""

        def log(answer: Future[None]) -> None:
            if (error := answer.exception()) is not None:
                _log.error("work that nobody waits for failed", exc_info=error)

        self.ask(work).add_done_callback(log)

    def add(self, job: Job) -> Job:
        """Has a job done when its turn comes."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()
        return job

    def drop(self, jobs: Iterable[Job]) -> None:
        """Ends jobs early; those that wait leave the queue at once, with the picture that they hold in memory."""
        for job in jobs:
            job.cancel()
            with self._changed:
                waiting = job in self._jobs
                if waiting:
                    self._jobs.remove(job)
            if waiting:
                job.enter("cancelled")

    def breathe(self, job: Job) -> None:
        """Lets everything go first that is before a job; the job calls it between its steps.

        Raises:
            StopRequested: the job was cancelled.
        """
        if job.cancelled or self._closed:
            raise StopRequested
        while (work := self._next(before=job.order)) is not None:
            work()
            if job.cancelled:
                raise StopRequested

    def beside(self, job: Job, work: Callable[[], Result]) -> Result:
        """Has something done in another thread, for what cannot breathe by itself: reading and writing files.

        Raises:
            StopRequested: the job was cancelled.
        """
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(work)
            while not wait([answer], timeout=NAP).done:
                self.breathe(job)
        return answer.result()

    def draw_filter(self, job: Job, look: Look) -> None:
        """Has a filter's picture drawn beside, which takes a second or two; it is kept for whoever looks at it next."""
        if look.filter is not None:
            self.beside(job, filters.read(look.filter).pixels)

    def close(self) -> None:
        """Ends what is being done, and the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=10)

    def _next(self, before: Rank | None = None) -> Callable[[], None] | None:
        """What comes next, if it comes before that."""
        with self._changed:
            if self._urgent:
                return self._urgent.popleft()
            due = [job for job in self._jobs if before is None or job.order < before]
            if not due:
                return None
            job = min(due, key=lambda each: each.order)
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
        def work() -> None:
            job.result = job.work(job)

        job.enter("running")
        fault = fault_of(work)
        if fault is None:
            job.enter("cancelled" if job.cancelled else "done")
        else:
            job.enter("failed" if fault else "cancelled", fault)


# Who watches a picture, and the jobs that they are told of

JOBS = 12  # of a picture, that are told of; older ones are forgotten

Hear = Callable[[bytes | dict[str, object]], None]


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

    def emit(self, what: bytes | dict[str, object]) -> None:
        """Tells all who listen."""
        for hear in list(self._hearers):
            hear(what)

    def add_job(self, kind: JobKind, rank: Rank, work: Callable[[Job], dict[str, object]], message: str) -> Job:
        """Has a job done."""
        job = Job(kind, self.id, rank, work, lambda each: self.emit({"event": "job", "job": each.to_dict()}), message)
        job.watched = lambda: bool(self._hearers)
        with self._lock:
            done = [each for each in self._jobs.values() if each.over]
            done.sort(key=lambda each: each.result_file is not None)  # files stay longest
            over = [each.id for each in done]
            old = [self._jobs.pop(name) for name in over[: max(0, len(self._jobs) - JOBS + 1)]]
            self._jobs[job.id] = job
        for each in old:
            each.forget()
        return self.worker.add(job)

    def _stop_trying(self) -> None:
        """Ends what is only for those who look at a picture, so that the next picture's comes at once."""
        for job in self.jobs.values():
            if job.kind in ("thumbnails", "closeup"):
                job.cancel()
