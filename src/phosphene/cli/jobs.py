"""From a command line to pictures: one after the other, with one network."""

import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from io import BytesIO
from pathlib import Path

from phosphene import batch, images
from phosphene.ascent.executor import MakeHands
from phosphene.batch import PIPE, Input, Job, Plan, expand
from phosphene.cli.configuration import layer_from
from phosphene.cli.machines import Machines
from phosphene.cli.maker import Dreaming, Maker, Wishes, name_of
from phosphene.cli.progress import Interruption
from phosphene.errors import PhospheneError, SettingsError, Stop, UnknownNameError
from phosphene.images import format_of
from phosphene.images.sources import refuse
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Named, Settings, Values
from phosphene.recipes.settings import PRESETS, DreamSettings
from phosphene.run import Dream, LargeDream
from phosphene.techniques import Technique
from phosphene.techniques.engine import Opening
from phosphene.techniques.files import pictures

# What can be known to be wrong before any work is done


def canvas_size(text: str | None) -> tuple[int, int] | None:
    """Width and height from `768x512`.

    Raises:
        SettingsError: it is written otherwise, or empty.
    """
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,9})\s*[x×X*,]\s*(\d{1,9})\s*", text)
    if not match or 0 in (int(match[1]), int(match[2])):
        raise SettingsError(f"--size is {text!r}; it takes width x height in pixels, as 768x512.")
    return int(match[1]), int(match[2])


def check_size(plan: Plan, opening: Opening) -> None:
    """A size is a canvas's, and no larger than pictures may be."""
    if opening.size is None:
        return
    if not any(job.source.kind == "canvas" for job in plan.jobs):
        raise SettingsError("--size is for canvases: clouds, noise, grey.\nTo make a picture smaller: --long-side 1024")
    width, height = opening.size
    if opening.max_pixels and width * height > opening.max_pixels:
        asked = f"--size {width}x{height} is {width * height:,} pixels"
        raise SettingsError(f"{asked}; allowed are {opening.max_pixels:,}, or more with --max-pixels.")


def check_regions(plan: Plan, path: str, *, force: bool) -> None:
    """A picture of what was matched with what is of one painting, and no file that is read or written already."""
    if plan.many:
        raise SettingsError(f"--show-regions {path} is one picture; {len(plan.jobs)} are painted. Name one of them.")
    (job,) = plan.jobs
    used = [job.source.name, *pictures(job.settings), *([str(job.output)] if job.output else [])]
    for name in used:
        if not is_canvas(name) and Path(name).resolve() == Path(path).resolve():
            raise SettingsError(f"{name} would be written over. Give the picture of the regions a name of its own.")
    refuse(Path(path), overwrite=force)
    format_of(Path(path))


def check_long_side(plan: Plan, long_side: int | None) -> None:
    """A long side is a picture's: a canvas is painted at its size."""
    if long_side and all(job.source.kind == "canvas" for job in plan.jobs):
        raise SettingsError(f"--long-side {long_side} is for pictures.\nA canvas has a size of its own: --size 768x512")


def check_streams(job: Job, wishes: Wishes) -> None:
    """Refuses what would wait for ever, or mix pictures with words."""
    check_piped(job.source)
    if job.output is None and wishes.json:
        raise SettingsError("-o - and --json would both write to standard output. Name a file with -o.")
    if job.output is None and sys.stdout.isatty():
        raise SettingsError("A terminal cannot show the picture that -o - writes. Pipe it on, or name a file with -o.")


def check_piped(source: Input) -> None:
    """Refuses to wait for a picture that nobody pipes in."""
    if source.kind == "pipe" and sys.stdin.isatty():
        raise SettingsError("Nothing is piped in. Name a picture, or pipe one: cat photo.jpg | phosphene -")


def check_preview(outputs: Sequence[Path | None], inputs: Sequence[Input], wishes: Wishes) -> None:
    """Keeps the preview off the pictures that are read and written."""
    if wishes.preview is None:
        return
    used = [*(each for each in outputs if each), *(Path(each.name) for each in inputs if each.kind == "file")]
    if Path(wishes.preview).resolve() in {each.resolve() for each in used}:
        raise SettingsError(f"--preview {wishes.preview} is an input or an output too. Give it a name of its own.")


def report_folder(picture: str, output: str | None, series: str) -> Path:
    """Where the report of a series on one picture goes: by default photo-atlas beside photo.jpg.

    Raises:
        SettingsError: a pipe, or more than one picture.
        ImageError: there is no such picture.
    """
    if picture == PIPE:
        raise SettingsError(f"phosphene {series} takes a file, since its command lines name it. Save what is piped in.")
    inputs, many = expand([picture])
    if many:
        raise SettingsError(f"phosphene {series} takes one picture; {picture!r} means {len(inputs)}. Name one of them.")
    return Path(output) if output else inputs[0].folder / f"{inputs[0].stem}-{series}"


_ANEW = "it was interrupted, and is made anew"


@dataclass(frozen=True)
class Asked:
    """What a command that makes pictures was asked for.

    Attributes:
        technique: makes them.
        inputs: files, folders, globs, canvases, `-`, or words.
        wishes: settings and looks by name.
        settings: chosen by them, where a technique takes pictures.
        opening: how pictures are opened.
        recursive: whether folders are looked through with all below them.
        command: what was typed, for a run that is resumed.
        machines: who helps, if anybody.
        show_regions: the file for a picture of what was matched with what.
    """

    technique: Technique
    inputs: Sequence[str]
    wishes: Values
    settings: Settings | None
    opening: Opening
    recursive: bool = False
    command: Sequence[str] = ()
    machines: Machines | None = None
    show_regions: str | None = None


def make(asked: Asked, wishes: Wishes) -> int:
    """Makes all pictures; returns the exit code."""
    plan = batch.plan(
        asked.inputs,
        wishes.output,
        technique=asked.technique,
        wishes=asked.wishes,
        settings=asked.settings,
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
    if asked.machines:
        asked.machines.check(wishes.preview)
    with Interruption() as stop:
        jobs = _Jobs(Maker(wishes, stop), asked, plan)
        if asked.machines:
            jobs.helped(asked.machines)
        else:
            jobs.in_turn(plan.jobs)
        return stop.exit_code or int(jobs.sum_up() > 0)


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

    def in_turn(self, jobs: Sequence[Job], hands: MakeHands | None = None) -> None:
        """Makes one picture after the other; `hands` make the steps of large ones."""
        for number, job in enumerate(jobs, 1):
            title = f"{job.source.name} ({number} of {len(jobs)})" if len(jobs) > 1 else job.source.name
            with self._telling(job):
                if (again := self._again(job)) is not None:
                    begun = self.batch.begun(job)
                    if begun:
                        self.maker.voice.say(f"{job.output}: goes on where it stopped")
                    notes = [_ANEW] * (again and not begun)
                    made = self._made(job, hands)
                    result = self.maker.make(job, made, title=title, notes=notes, replace=again or begun)
                    self._show_regions(result)
            if self.maker.stop.signal:
                break

    def _show_regions(self, result: Dream | LargeDream) -> None:
        if self.asked.show_regions and isinstance(result, Dream):
            images.save(result.regions, self.asked.show_regions, overwrite=self.maker.wishes.force)

    def _made(self, job: Job, hands: MakeHands | None) -> Dreaming:
        """What makes a picture; it is told whom to tell of its steps."""
        source = {"pipe": piped, "words": lambda: None}.get(job.source.kind, lambda: job.source.name)()
        keep = self.maker.keep(job.output, self.asked.command)
        return partial(self.batch.of(job).make, source, keep=keep, on_forecast=self.maker.foretell, hands=hands)

    def helped(self, machines: Machines) -> None:
        """Makes pictures with the help of many workers: large ones by their tiles, the others side by side."""
        large = [job for job in self.plan.jobs if self.batch.alone(job)]
        others = [job for job in self.plan.jobs if job not in large]
        machines.check_use(self.plan, large)
        with machines.connected() as client:
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
                self.in_turn(large, OnWorkers(client))

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

    def sum_up(self) -> int:
        """Says how many pictures did not come about, if they were many, and gives their number."""
        failed, total = len(self.maker.failures), len(self.plan.jobs)
        if failed and self.plan.many:
            self.maker.voice.say(f"{failed} of {total} pictures did not come about.")
        return failed


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
