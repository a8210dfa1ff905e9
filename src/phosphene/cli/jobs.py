"""From a command line to pictures: one after the other, with one network."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from phosphene import batch, networks, run
from phosphene.ascent import OnStep
from phosphene.batch import Job
from phosphene.cli.checks import check_long_side, check_preview, check_size, check_streams
from phosphene.cli.interruption import Interruption
from phosphene.cli.machines import ALONE, Machines
from phosphene.cli.maker import Maker, Wishes, name_of
from phosphene.errors import ImageError, PhospheneError, Stop, UnknownNameError
from phosphene.objectives import Objective
from phosphene.recipes.hands import MakeHands
from phosphene.recipes.presets import PRESETS, Named
from phosphene.recipes.settings import DreamSettings
from phosphene.run import Dream, LargeDream

_ANEW = "it was interrupted, and is made anew"


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
    command: Sequence[str] = ()  # what was typed, for a run that is resumed
    layer_of: Named | None = None  # the preset or recipe that chose the layer
    machines: Machines = ALONE


def dream(asked: Asked, wishes: Wishes) -> int:
    """Dreams upon all inputs; returns the exit code."""
    looks = {"recipe": asked.recipe, "preset": asked.preset}
    plan = batch.plan(asked.inputs, wishes.output, settings=asked.settings, force=wishes.force, **looks)
    check_size(plan, asked.size, asked.max_pixels)
    check_long_side(plan, asked.long_side)
    check_streams(plan.jobs[0], wishes)
    check_preview([job.output for job in plan.jobs], [job.source for job in plan.jobs], wishes)
    asked.machines.check(wishes.preview)
    with Interruption() as stop:
        maker = Maker(wishes, stop)
        made = _Jobs(maker, asked, plan).run()
        return stop.exit_code or int(not made)


class _Jobs:
    """The jobs of a plan, dreamt upon with one network."""

    def __init__(self, maker: Maker, asked: Asked, plan: batch.Plan) -> None:
        self.maker, self.asked, self.plan = maker, asked, plan
        # Whatever is wrong with these is wrong for every picture, and is said before the first.
        self.network = networks.load_for(asked.settings)
        self.objective = self._checked()

    def _checked(self) -> Objective:
        """The objective; refuses a layer that the network does not have, and says whose it was if nobody typed it."""
        try:
            return run.check(self.asked.settings, self.network)
        except UnknownNameError as error:
            if self.asked.layer_of is None:
                raise
            raise UnknownNameError(f"{error}\n{_made_for(self.asked.layer_of, self.network.name)}") from error

    def run(self) -> bool:
        """Whether every picture is there."""
        if self.asked.machines.wanted:
            self._helped()
        else:
            self._in_turn(self.plan.jobs)
        self._sum_up()
        return not self.maker.failures

    def _in_turn(self, jobs: Sequence[Job], hands: MakeHands | None = None) -> None:
        for number, job in enumerate(jobs, 1):
            title = f"{job.source.name} ({number} of {len(jobs)})" if len(jobs) > 1 else job.source.name
            with self._telling(job):
                self._one(job, title, hands)
            if self.maker.stop.signal:
                break

    def _helped(self) -> None:
        """Makes pictures with the help of many workers: large ones by their tiles, the others side by side."""
        large = [job for job in self.plan.jobs if self._alone(job)]
        others = [job for job in self.plan.jobs if job not in large]
        self.asked.machines.check_use(self.plan, large)
        with self.asked.machines.connected() as client:
            from phosphene.cli.together import dream as dream_together
            from phosphene.cluster import OnWorkers

            due = self._due(others)
            for job, outcome in dream_together(client, list(due), self.asked, self.network, self.maker):
                with self._telling(job):
                    if isinstance(outcome, Exception):
                        raise outcome
                    self.maker.finish(job, *outcome, notes=[_ANEW] * due[job], replace=due[job])
            if not self.maker.stop.signal:
                self._in_turn(large, OnWorkers(client))

    def _alone(self, job: Job) -> bool:
        """Whether a picture is made for itself: one that dreams on disk, or goes on where it stopped."""
        on_disk = job.output and not self.asked.long_side and run.dreams_on_disk(job.source.name, self.asked.settings)
        return bool(on_disk) or self._begun(job)

    def _begun(self, job: Job) -> bool:
        return batch.begun(job.output) and not self.maker.wishes.force

    def _due(self, jobs: Sequence[Job]) -> dict[Job, bool]:
        """The jobs that are not done, each with whether it was interrupted."""
        due = {}
        for job in jobs:
            with self._telling(job):
                if (again := self._again(job)) is not None:
                    due[job] = again
        return due

    @contextmanager
    def _telling(self, job: Job) -> Iterator[None]:
        """Tells of a picture that does not come about; one of many leaves the others alone."""
        try:
            yield
        except Stop as stop:
            self.maker.stopped(job, stop)
        except PhospheneError as error:
            self.maker.fail(job, error)
            if not self.plan.many:
                raise
            self.maker.voice.complain(_with_name(str(error), job.source.name))

    def _one(self, job: Job, title: str, hands: MakeHands | None = None) -> None:
        again = self._again(job)
        if again is None:
            return
        source = piped() if job.source.kind == "pipe" else job.source.name
        asked, painted = self.asked, job.source.kind == "canvas"

        def dreaming(on_step: OnStep) -> Dream | LargeDream:
            return run.dream(
                source,
                network=self.network,
                on_step=on_step,
                keep=self.maker.keep(job.output, asked.command),
                on_forecast=self.maker.foretell,
                hands=hands,
                size=asked.size if painted else None,
                long_side=None if painted else asked.long_side,
                max_pixels=asked.max_pixels,
                **asked.settings.to_dict(),
            )

        begun = self._begun(job)
        if begun:
            self.maker.voice.say(f"{job.output}: goes on where it stopped")
        self.maker.make(job, dreaming, title=title, notes=[_ANEW] * (again and not begun), replace=again or begun)

    def _again(self, job: Job) -> bool | None:
        """Whether a picture was interrupted and is made anew; `None` if it is there, which is told.

        Raises:
            ImageError: another picture is there.
        """
        there = self._standing(job)
        if there == "other" and not self._begun(job):
            raise ImageError(f"{job.output} exists already, made otherwise, and is left alone; --force replaces it.")
        if there == "finished":
            self._skip(job)
            return None
        return there == "unfinished"

    def _standing(self, job: Job) -> batch.Standing | None:
        """What stands in the way of one of many; `None` if nothing does, or it may be replaced unseen."""
        if not self.plan.many or not job.output or not job.output.exists() or self.maker.wishes.force:
            return None
        size, asked = self.asked.size or run.CANVAS_SIZE, self.asked
        return batch.standing(job, asked.settings, self.network, self.objective, size=size, long_side=asked.long_side)

    def _skip(self, job: Job) -> None:
        """Passes over what is there already."""
        self.maker.voice.say(f"{job.output}: there already, made of the same with the same settings")
        self.maker.voice.tell({"input": job.source.name, "output": name_of(job.output), "skipped": True})

    def _sum_up(self) -> None:
        failed, total = len(self.maker.failures), len(self.plan.jobs)
        if failed and self.plan.many:
            self.maker.voice.say(f"{failed} of {total} pictures did not come about.")


def _made_for(named: Named, network: str) -> str:
    """Whose layer it was that a network does not have, and what to do."""
    kind = "Preset" if named is PRESETS.get(named.name) else "Recipe"
    home = named.changes.get("model", DreamSettings.model)
    return f"{kind} {named.name!r} is made for {home}; name a --layer of {network}."


def piped() -> BytesIO:
    """Standard input, whole, so that a batch or a long dream does not hold up what writes to it."""
    piped = BytesIO(sys.stdin.buffer.read())
    piped.name = "stdin"
    return piped


def _with_name(message: str, name: str) -> str:
    return message if os.path.basename(name) in message else f"{name}: {message}"  # noqa: PTH119 - it may be "-"
