"""From a command line to pictures: one after the other, with one network."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import torch

from phosphene import batch, networks, record, run
from phosphene.ascent import Step
from phosphene.batch import Input, Job
from phosphene.cli.checks import check_preview, check_size, check_streams
from phosphene.cli.interruption import Interruption
from phosphene.cli.maker import Maker, Wishes, name_of
from phosphene.errors import ImageError, PhospheneError, Stop
from phosphene.recipes.dream import goal
from phosphene.recipes.settings import DreamSettings
from phosphene.run import Dream

MOST_THREADS = 256  # believed of a record


@dataclass(frozen=True)
class Asked:
    """What `phosphene dream` was asked for."""

    inputs: Sequence[str]
    settings: DreamSettings
    recipe: str | None
    preset: str | None
    long_side: int | None
    size: tuple[int, int] | None
    max_pixels: int


def dream(asked: Asked, wishes: Wishes) -> int:
    """Dreams upon all inputs; returns the exit code."""
    looks = {"recipe": asked.recipe, "preset": asked.preset}
    plan = batch.plan(asked.inputs, wishes.output, settings=asked.settings, force=wishes.force, **looks)
    check_size(plan, asked.size, asked.max_pixels)
    check_streams(plan.jobs[0], wishes)
    check_preview([job.output for job in plan.jobs], [job.source for job in plan.jobs], wishes)
    with Interruption() as stop:
        maker = Maker(wishes, stop)
        made = _Jobs(maker, asked, plan).run()
        return stop.exit_code or int(not made)


class _Jobs:
    """The jobs of a plan, dreamt upon with one network."""

    def __init__(self, maker: Maker, asked: Asked, plan: batch.Plan) -> None:
        self.maker, self.asked, self.plan = maker, asked, plan
        # Whatever is wrong with these is wrong for every picture, and is said before the first.
        self.network = networks.load(asked.settings.model, dtype=getattr(torch, asked.settings.dtype))
        self.objective = goal(self.network, asked.settings)
        self.objective.check(self.network)

    def run(self) -> bool:
        """Whether every picture is there."""
        jobs = self.plan.jobs
        for number, job in enumerate(jobs, 1):
            try:
                self._one(job, f"{job.source.name} ({number} of {len(jobs)})" if len(jobs) > 1 else job.source.name)
            except Stop:
                self.maker.voice.complain(
                    f"Interrupted before the first step of {job.source.name}; nothing of it is saved."
                )
            except PhospheneError as error:
                self.maker.fail(job, error)
                if not self.plan.many:
                    raise
                self.maker.voice.complain(_with_name(str(error), job.source.name))
            if self.maker.stop.signal:
                break
        self._sum_up()
        return not self.maker.failures

    def _one(self, job: Job, title: str) -> None:
        if self.plan.many and job.output and job.output.exists() and not self.maker.wishes.force:
            self._skip(job)
            return
        source = _piped() if job.source.kind == "pipe" else job.source.name
        asked = self.asked

        def dreaming(on_step: Callable[[Step], None]) -> Dream:
            return run.dream(
                source,
                network=self.network,
                on_step=on_step,
                size=asked.size,
                long_side=asked.long_side,
                max_pixels=asked.max_pixels,
                **asked.settings.to_dict(),
            )

        self.maker.make(job, dreaming, title=title)

    def _skip(self, job: Job) -> None:
        """Passes over what is there already; what is there and is something else is refused."""
        size, asked = self.asked.size or run.CANVAS_SIZE, self.asked
        if not batch.as_asked(job, asked.settings, self.network, self.objective, size=size, long_side=asked.long_side):
            raise ImageError(
                f"{job.output} exists already, made otherwise or unfinished, and is left alone; --force replaces it."
            )
        self.maker.voice.say(f"{job.output}: there already, made of the same with the same settings")
        self.maker.voice.tell({"input": job.source.name, "output": name_of(job.output), "skipped": True})

    def _sum_up(self) -> None:
        failed, total = len(self.maker.failures), len(self.plan.jobs)
        if failed and self.plan.many:
            self.maker.voice.say(f"{failed} of {total} pictures did not come about.")


def redo(picture: str, input_: str | None, changes: Mapping[str, Any], wishes: Wishes) -> int:
    """Makes a picture again; returns the exit code."""
    made = record.read(picture)
    job = Job(Input(picture), _redo_output(Path(picture), wishes))
    check_streams(job, wishes)
    check_preview([job.output], [Input(each) for each in (picture, input_) if each], wishes)
    with Interruption() as stop:
        maker = Maker(wishes, stop)
        if not wishes.threads and made.threads > 0:
            torch.set_num_threads(min(made.threads, MOST_THREADS))
        try:
            maker.make(
                job,
                lambda on_step: run.redo(picture, image=input_, on_step=on_step, **changes),
                title=picture,
                notes=_differences(made),
            )
        except PhospheneError as error:
            maker.fail(job, error)
            raise
        return stop.exit_code


def _redo_output(picture: Path, wishes: Wishes) -> Path | None:
    if wishes.output == batch.PIPE:
        return None
    path = Path(wishes.output) if wishes.output else batch.again(picture)
    if path.is_dir():
        path = batch.again(path / picture.name)
    batch.check(path, force=wishes.force)
    return path


def _differences(made: record.Record) -> list[str]:
    """What a person should know who compares the new picture with the old one."""
    then, now = made.versions, record.versions()
    other = [f"{name} {then[name]} (now {now[name]})" for name in now if then.get(name, now[name]) != now[name]]
    notes = [f"made with {', '.join(other)}: pixels may differ a little"] if other else []
    if not made.complete:
        notes.append(f"the record is of a dream that was stopped at {made.reached}; this is the whole of it")
    return notes


def _piped() -> BytesIO:
    """Standard input, whole, so that a batch or a long dream does not hold up what writes to it."""
    piped = BytesIO(sys.stdin.buffer.read())
    piped.name = "stdin"
    return piped


def _with_name(message: str, name: str) -> str:
    return message if os.path.basename(name) in message else f"{name}: {message}"  # noqa: PTH119 - it may be "-"
