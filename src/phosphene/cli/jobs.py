"""From a command line to pictures: one after the other, with one network."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from phosphene import batch, images
from phosphene.ascent import OnStep
from phosphene.ascent.executor import MakeHands
from phosphene.batch import Job
from phosphene.cli.checks import check_long_side, check_preview, check_regions, check_size, check_streams
from phosphene.cli.configuration import layer_from
from phosphene.cli.machines import ALONE, Machines
from phosphene.cli.maker import Maker, Wishes, name_of
from phosphene.cli.progress import Interruption
from phosphene.errors import PhospheneError, Stop, UnknownNameError
from phosphene.recipes.settings import PRESETS, DreamSettings, Named
from phosphene.run import Dream, LargeDream
from phosphene.techniques import Technique
from phosphene.techniques.engine import Opening

_ANEW = "it was interrupted, and is made anew"


@dataclass(frozen=True)
class Asked:
    """What a command that makes pictures was asked for.

    Attributes:
        technique: makes them.
        inputs: files, folders, globs, canvases, `-`, or words.
        wishes: settings and looks by name.
        opening: how pictures are opened.
        recursive: whether folders are looked through with all below them.
        command: what was typed, for a run that is resumed.
        machines: who helps.
        show_regions: the file for a picture of what was matched with what.
    """

    technique: Technique
    inputs: Sequence[str]
    wishes: Mapping[str, Any]
    opening: Opening
    recursive: bool = False
    command: Sequence[str] = ()
    machines: Machines = ALONE
    show_regions: str | None = None


def make(asked: Asked, wishes: Wishes) -> int:
    """Makes all pictures; returns the exit code."""
    plan = batch.plan(
        asked.inputs,
        wishes.output,
        technique=asked.technique,
        wishes=asked.wishes,
        recursive=asked.recursive,
        force=wishes.force,
    )
    if asked.technique.takes == "picture":
        check_size(plan, asked.opening)
        check_long_side(plan, asked.opening.long_side)
    check_streams(plan.jobs[0], wishes)
    check_preview([job.output for job in plan.jobs], [job.source for job in plan.jobs], wishes)
    if asked.show_regions:
        check_regions(plan, asked.show_regions, force=wishes.force)
    asked.machines.check(wishes.preview)
    with Interruption() as stop:
        made = _Jobs(Maker(wishes, stop), asked, plan).run()
        return stop.exit_code or int(not made)


class _Jobs:
    """The jobs of a plan, made with one network."""

    def __init__(self, maker: Maker, asked: Asked, plan: batch.Plan) -> None:
        self.maker, self.asked, self.plan = maker, asked, plan
        self.batch = batch.Batch(plan, asked.technique, asked.opening, maker.wishes.force)
        self._check()

    def _check(self) -> None:
        """Refuses a layer that the network does not have, and says whose it was if nobody typed it."""
        try:
            self.batch.check()
        except UnknownNameError as error:
            layer_of = layer_from(self.asked.wishes) if self.asked.technique.looks else None
            if layer_of is None:
                raise
            raise UnknownNameError(f"{error}\n{_made_for(layer_of, self.batch.ready.network.name)}") from error

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
        large = [job for job in self.plan.jobs if self.batch.alone(job)]
        others = [job for job in self.plan.jobs if job not in large]
        self.asked.machines.check_use(self.plan, large)
        with self.asked.machines.connected() as client:
            from phosphene.cli.machines import make as make_together
            from phosphene.cluster import OnWorkers

            due = self._due(others)
            orders = [(job, self.batch.of(job)) for job in due]
            for job, outcome in make_together(client, orders, self.maker):
                with self._telling(job):
                    if isinstance(outcome, Exception):
                        raise outcome
                    self.maker.finish(job, *outcome, notes=[_ANEW] * due[job], replace=due[job])
            if not self.maker.stop.signal:
                self._in_turn(large, OnWorkers(client))

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
        source = {"pipe": piped, "words": lambda: None}.get(job.source.kind, lambda: job.source.name)()
        asked, ready = self.asked, self.batch.of(job)

        def making(on_step: OnStep) -> Dream | LargeDream:
            keep = self.maker.keep(job.output, asked.command)
            made = ready.make(source, on_step=on_step, keep=keep, on_forecast=self.maker.foretell, hands=hands)
            if asked.show_regions and isinstance(made, Dream):
                images.save(made.regions, asked.show_regions, overwrite=self.maker.wishes.force)
            return made

        begun = self.batch.begun(job)
        if begun:
            self.maker.voice.say(f"{job.output}: goes on where it stopped")
        self.maker.make(job, making, title=title, notes=[_ANEW] * (again and not begun), replace=again or begun)

    def _again(self, job: Job) -> bool | None:
        """Whether a picture was interrupted and is made anew; `None` if it is there, which is told.

        Raises:
            ImageError: another picture is there.
        """
        there = self.batch.standing(job)
        if there == "finished":
            self._skip(job)
            return None
        return there == "unfinished"

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
