"""From a command line to pictures: one after the other, with one network."""

import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from phosphene import batch, images
from phosphene.ascent.executor import MakeExecutor
from phosphene.batch import Batch, Job
from phosphene.cli import progress, resuming
from phosphene.cli.configuration import layer_from
from phosphene.cli.options import OutputOptions
from phosphene.cli.progress import Interruption, check_piped, goes_nowhere, piped
from phosphene.cli.runner import Dreaming, Runner
from phosphene.errors import ImageError, SettingsError, UnknownNameError
from phosphene.images.sources import Sent, refuse
from phosphene.names import CANVASES
from phosphene.recipes.fields import Values
from phosphene.recipes.settings import PRESETS, DreamSettings
from phosphene.records import journal
from phosphene.run.extras import cluster
from phosphene.techniques.engine import pictures

if TYPE_CHECKING:  # Dask is an extra
    from phosphene.cluster import PictureTask
    from phosphene.cluster.tasks import Outcome


# Who helps: workers on this computer, or those of a scheduler


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


# What can be known to be wrong before any work is done


def canvas_size(text: str | None) -> tuple[int, int] | None:
    """Width and height from `768x512`, or from `512`, a square. Raises `SettingsError`: it is written otherwise."""
    if text is None:
        return None
    match = re.fullmatch(r"\s*(\d{1,9})\s*(?:[x×X*,]\s*(\d{1,9})\s*)?", text)
    size = (int(match[1]), int(match[2] or match[1])) if match else (0, 0)
    if 0 in size:
        raise SettingsError(f"--size is {text!r}; it takes width x height in pixels, as 768x512, or one side, as 512.")
    return size


def check_streams(job: Job, out: OutputOptions) -> None:
    """Refuses what would wait for ever, or mix pictures with words."""
    if job.source.kind == "pipe":
        check_piped()
    if job.output is None and out.json:
        raise SettingsError("-o - and --json would both write to standard output. Name a file with -o.")
    if job.output is None and goes_nowhere(sys.stdout):
        raise SettingsError("-o - writes to standard output, which is closed. Name a file with -o.")
    if job.output is None and sys.stdout.isatty():
        raise SettingsError("A terminal cannot show the picture that -o - writes. Pipe it on, or name a file with -o.")


def check_preview(jobs: Sequence[Job], out: OutputOptions, *read: str) -> None:
    """Keeps the preview off the pictures that are written, and read: for the jobs, and besides."""
    if out.preview is None:
        return
    used = [*(str(job.output) for job in jobs if job.output), *_read_for(jobs), *read]
    if batch.overwritten(out.preview, used):
        raise SettingsError(f"--preview {out.preview} is an input or an output too. Give it a name of its own.")


def _read_for(jobs: Sequence[Job]) -> list[str]:
    """The files that jobs read: what they begin as, and what their settings name."""
    distinct = {id(job.settings): job.settings for job in jobs if job.settings}.values()
    named = [name for settings in distinct for name in [*pictures(settings), settings.model]]
    return [*(job.source.name for job in jobs if job.source.kind == "file"), *named]


_ANEW = "it was interrupted, and is made anew"


@dataclass
class Jobs:
    """The pictures that a command line asks for, made with one network."""

    batch: Batch  # what is made of what
    values: Values  # settings and looks by name
    out: OutputOptions  # how the pictures are written and spoken of
    machines: Machines | None  # who helps, if anybody
    command: Sequence[str]  # what was typed, for a run that is resumed
    regions: str | None  # the file for a picture of what was matched with what
    runner: Runner = field(init=False)

    def make(self) -> int:
        """Makes all pictures; returns the exit code."""
        self._check()
        jobs = self.batch.jobs
        with Interruption() as stop:
            self.runner = Runner(self.out, stop)
            self._check_layer()
            self._tell_refused()
            self._helped(self.machines, jobs) if self.machines else self._in_turn(jobs)
            return stop.exit_code or self._sum_up()

    def _check(self) -> None:
        """Refuses what can be known to be wrong before a network is loaded."""
        jobs = self.batch.jobs
        resuming.check(job.output for job in jobs)
        if self.batch.technique.takes == "picture":
            self._check_opening()
        check_streams(jobs[0], self.out)
        check_preview(jobs, self.out)
        if self.regions:
            self._check_regions(self.regions)
        if self.machines:
            self.machines.check(self.out.preview)

    def _check_opening(self) -> None:
        """A size is a canvas's, and no larger than pictures may be; a long side is a picture's."""
        opening = self.batch.opening
        canvases = [job.source.kind == "canvas" for job in self.batch.jobs]
        if opening.long_side and all(canvases):
            raise SettingsError(
                f"--long-side {opening.long_side} is for pictures.\nA canvas has a size of its own: --size 768x512"
            )
        if opening.enlarge != 1 and all(canvases):
            raise SettingsError("--enlarge is for pictures.\nA canvas has a size of its own: --size 768x512")
        if opening.size is None:
            return
        if not any(canvases):
            raise SettingsError(
                f"--size is for canvases: {', '.join(CANVASES)}.\nTo make a picture smaller: --long-side 1024"
            )
        width, height = opening.size
        if opening.max_pixels and width * height > opening.max_pixels:
            asked = f"--size {width}x{height} is {width * height:,} pixels"
            raise SettingsError(f"{asked}; allowed are {opening.max_pixels:,}, or more with --max-pixels.")

    def _check_regions(self, path: str) -> None:
        """They are of one painting, and go into no file that is read or written already."""
        number, job = len(self.batch.jobs), self.batch.jobs[0]
        if self.batch.many:
            raise SettingsError(f"--show-regions {path} is one picture; {number} are painted. Name one of them.")
        used = [*_read_for([job]), *(each for each in (job.output, self.out.preview) if each)]
        batch.refuse_overwriting("--show-regions", path, used)
        refuse(Path(path), overwrite=self.out.force)
        images.format_of(Path(path))

    def _check_layer(self) -> None:
        """Refuses a layer that the network does not have, and says whose it was if nobody typed it."""
        try:
            self.batch.check()
        except UnknownNameError as error:
            named = layer_from(self.values) if self.batch.technique.looks else None
            if named is None:
                raise
            kind = "Preset" if named is PRESETS.get(named.name) else "Recipe"
            home = named.changes.get("model", DreamSettings.model)
            advice = f"{kind} {named.name!r} is made for {home}; name a --layer of {self.batch.ready.network.name}."
            raise UnknownNameError(f"{error}\n{advice}") from error

    def _tell_refused(self) -> None:
        """Says which files are left out, and which pictures cannot be made, and why."""
        if self.batch.left_out:
            self.runner.console.say(self.batch.left_out)
        for job in self.batch.refused:
            with self.runner.telling(job, many=True):
                raise job.source.refusal or SettingsError("It cannot be made.")

    def _in_turn(self, jobs: Sequence[Job], executor: MakeExecutor | None = None) -> None:
        """Makes one picture after the other; `executor` makes the steps of large ones."""
        for number, job in enumerate(map(self.batch.placed, jobs), 1):
            title = f"{job.source.name} ({number} of {len(jobs)})" if len(jobs) > 1 else job.source.name
            with self.runner.telling(job, many=self.batch.many), self._claimed(job) as ours:
                if ours and (again := self._again(job)) is not None:
                    self._make_one(job, title, again, self._dreaming(job, executor))
            if self.runner.stop.signal:
                break

    def _make_one(self, job: Job, title: str, again: bool, made: Dreaming) -> None:
        """Makes a picture that is not there, or was interrupted (`again`)."""
        begun = self.batch.begun(job)
        if begun:
            self.runner.console.say(f"{job.output}: goes on where it stopped")
        try:
            notes = [_ANEW] * (again and not begun)
            result = self.runner.make(job, made, title=title, notes=notes, replace=again or begun)
        except ImageError:
            if (self.batch.many or job.usual) and self._again(job) is None:  # another run was faster
                return
            raise
        if self.regions:
            images.save(result.regions, self.regions, overwrite=self.out.force)

    def _dreaming(self, job: Job, executor: MakeExecutor | None) -> Dreaming:
        """What makes a picture; it is told whom to tell of its steps."""
        runner, source = self.runner, _source(job)
        make, keep = self.batch.of(job).make, runner.keep(job.output, self.command)
        return partial(make, source, keep=keep, on_forecast=runner.foretell, executor=executor)

    def _helped(self, machines: Machines, jobs: Sequence[Job]) -> None:
        """Makes pictures with the help of many workers: large ones by their tiles, the others side by side."""
        large = [job for job in jobs if self.batch.alone(job)]
        machines.check_use(self.batch, large)
        with machines.connected() as client:
            from phosphene.cluster import ClusterExecutor

            with ExitStack() as claims:
                due = self._due([job for job in jobs if job not in large], claims)
                for job, outcome in self._together(client, list(due)):
                    with self.runner.telling(job, many=self.batch.many):
                        if isinstance(outcome, Exception):
                            raise outcome
                        self.runner.finish(job, *outcome, notes=[_ANEW] * due[job], replace=due[job])
            if not self.runner.stop.signal:
                self._in_turn(large, ClusterExecutor(client))

    def _due(self, jobs: Sequence[Job], claims: ExitStack) -> dict[Job, bool]:
        """The jobs that are not done, each with whether it was interrupted; they are claimed."""
        due = {}
        for job in map(self.batch.placed, jobs):
            with self.runner.telling(job, many=self.batch.many):
                if claims.enter_context(self._claimed(job)) and (again := self._again(job)) is not None:
                    due[job] = again
        return due

    def _together(self, client: Any, jobs: Sequence[Job]) -> "Iterator[tuple[Job, Outcome]]":
        """Jobs, and what came of them on the workers, as they are done.

        Ctrl-C ends them after the steps that they are at; what there is then is theirs.

        Raises:
            ClusterError: nobody helps.
        """
        if not jobs:
            return
        from phosphene.cluster import make_folder

        stop, where = self.runner.stop, f"{len(jobs)} pictures"
        with progress.bar(where, quiet=self.out.quiet) as bar:
            made = make_folder(
                client,
                self.batch.of(jobs[0]),
                [partial(self._task, job) for job in jobs],
                tell=lambda done: bar.move(done, where),
                stopped=lambda: stop.signal is not None,
            )
            for number, outcome in made:
                yield jobs[number], outcome

    def _task(self, job: Job) -> "PictureTask":
        """A picture as it is sent."""
        from phosphene.cluster import PictureTask

        ready, source = self.batch.of(job), _source(job)
        if isinstance(source, BytesIO):
            return PictureTask(Sent("stdin", source.getvalue()), ready.settings, ready.opening)
        sent = Sent.of(job.source.name) if job.source.kind == "file" else source
        return PictureTask(sent, ready.settings, ready.opening)

    @contextmanager
    def _claimed(self, job: Job) -> Iterator[bool]:
        """Claims one of many for this run; false if another run is making it now, which is told."""
        with batch.claimed(job.output if self.batch.many else None) as ours:
            if not ours:
                self.runner.console.say(f"{job.output}: another run is making it")
                self.runner.tell(job, skipped=True)
            yield ours

    def _again(self, job: Job) -> bool | None:
        """Whether a picture was interrupted and is made anew; `None` if it is there, which is told.

        Raises:
            ImageError: another picture is there.
        """
        there = self.batch.standing(job)
        if there != "finished":
            return there == "unfinished"
        if job.output:
            journal.forget(job.output)
        self.runner.console.say(f"{job.output}: there already, made of the same with the same settings")
        self.runner.tell(job, skipped=True)
        return None

    def _sum_up(self) -> int:
        """Says how many pictures did not come about, if they were many; gives 1 if there are such."""
        failed, total = len(self.runner.failures), len(self.batch.jobs) + len(self.batch.refused)
        if failed and self.batch.many:
            self.runner.console.say(f"{failed} of {total} pictures did not come about.")
        return int(failed > 0)


def _source(job: Job) -> str | BytesIO | None:
    """What a picture is made of, as it is opened; words are in its settings."""
    if job.source.kind == "pipe":
        return piped()
    return None if job.source.kind == "words" else job.source.name
