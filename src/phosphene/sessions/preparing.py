"""Looks that are made ready for the brush, and the strokes that wait for them."""

import threading
from collections.abc import Callable
from functools import partial

from phosphene.ascent import Step
from phosphene.painting.document import ERASE, STYLE, Look
from phosphene.sessions.jobs import Job, Rank, Worker
from phosphene.sessions.painter import LiveStroke, Painter
from phosphene.sessions.states import JobKind

AddJob = Callable[[JobKind, Rank, Callable[[Job], dict[str, object]], str], Job]


class Preparation:
    """Makes looks ready.

    Args:
        painter: paints with them.
        worker: computes.
        add_job: has a job done, and those who watch told of it.
        called: a look's name, as a painter knows it.
        paint: paints a stroke whose look is ready.
    """

    def __init__(
        self,
        painter: Painter,
        worker: Worker,
        add_job: AddJob,
        called: Callable[[Look], str],
        paint: Callable[[LiveStroke], None],
    ) -> None:
        self._painter, self._worker, self._add_job = painter, worker, add_job
        self._called, self._paint = called, paint
        self._waiting: list[LiveStroke] = []  # strokes whose look is being made ready
        self._waits = threading.Lock()  # of those, which requests add and the worker paints
        self._jobs: dict[Look, Job] = {}  # what makes looks ready
        self._refining: dict[Look, Job] = {}  # what makes them better, after they were made ready quickly

    def job_for(self, look: Look) -> Job | None:
        """What is making a look ready, which is begun if need be; `None` if it is ready.

        Raises:
            PhospheneError: a look that cannot be.
        """
        if look.kind == ERASE:
            return None
        self._painter.engine.look_cache.check(look)
        if look.kind != STYLE or look in self._painter.engine.styled:
            return None
        job = self._jobs.get(look)
        if job is None or job.over or job.cancelled:
            job = self._jobs[look] = self._begin(look)
        return job

    def take_up(self, look: Look) -> None:
        """The brush is to paint a look, which is made ready; others are not, unless a stroke waits for them.

        Raises:
            PhospheneError: a look that cannot be.
        """
        with self._waits:
            wanted = {look, *(live.brush.look for live in self._waiting)}
        self._worker.drop(job for other, job in self._jobs.items() if other not in wanted)
        self._worker.post(lambda: self._keep_refining(wanted))  # after the stroke that is being painted
        self.job_for(look)

    def _keep_refining(self, wanted: set[Look]) -> None:
        """Ends the refining of looks that are neither wanted nor painted with. In the worker's thread."""
        used = wanted | {stroke.brush.look for stroke in self._painter.history.document.strokes}
        for other in self._refining.keys() - used:
            self._worker.drop([self._refining.pop(other)])
            self._painter.engine.styled.pop(other, None)

    def paint_after(self, job: Job, live: LiveStroke) -> None:
        """Paints a stroke when its look is ready."""
        with self._waits:
            self._waiting.append(live)
        job.after = lambda: self._paint_waiting(job)
        if job.over:
            self._paint_waiting(job)

    def _paint_waiting(self, job: Job) -> None:
        """Paints the strokes that waited for a look; they are given up if it was not made ready."""
        with self._waits:
            mine = [live for live in self._waiting if self._jobs.get(live.brush.look) is job]
            self._waiting = [live for live in self._waiting if live not in mine]
        for live in mine:
            if job.state == "done":
                self._paint(live)
            else:
                live.lift(cancelled=True)
                live.finished.set()

    def _begin(self, look: Look) -> Job:
        def work(job: Job) -> dict[str, object]:
            self._worker.draw_filter(job, look)
            if self._painter.engine.sketch(look, partial(self._watch, job)):
                self._refine(look)
            return {"look": look.to_dict()}

        return self._add_job("look", Rank.LOOK, work, f"preparing the brush {self._called(look)}")

    def _watch(self, job: Job, step: Step) -> None:
        job.tell(step.done)
        self._worker.breathe(job)

    def _refine(self, look: Look) -> None:
        """Has a look that was made ready quickly made better, with what was painted with it meanwhile."""

        def work(job: Job) -> dict[str, object]:
            self._painter.refine(look, partial(self._watch, job))
            self._refining.pop(look, None)
            return {"look": look.to_dict()}

        self._refining[look] = self._add_job("look", Rank.REFINING, work, f"refining the brush {self._called(look)}")
