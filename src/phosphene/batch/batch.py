"""Many pictures of one technique: made ready together, what is there already left alone."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.batch.files import begun
from phosphene.batch.plan import Job, Plan, Standing, plan, standing
from phosphene.errors import ImageError, PhospheneError, SettingsError
from phosphene.networks import Network
from phosphene.records import journal
from phosphene.run import Dream, Keep, LargeDream, Prepared, prepare
from phosphene.techniques import Technique, known
from phosphene.techniques.engine import Opening


@dataclass(frozen=True)
class Batch:
    """The pictures of a plan, which one network makes.

    Attributes:
        plan: what is read and what is written.
        technique: makes the pictures.
        opening: how they are opened.
        force: whether what is there is made anew.
        network: by default the one that the settings name.
        objectives: what the settings describe, by their identity; known when they are checked.
    """

    plan: Plan
    technique: Technique
    opening: Opening
    force: bool = False
    network: Network | str | None = None
    objectives: dict[int, str] = field(default_factory=dict)

    @cached_property
    def ready(self) -> Prepared:
        """What all pictures have in common."""
        return prepare(self.technique, self.plan.jobs[0].settings, self.network, opening=self.opening)

    def check(self) -> None:
        """Refuses before the first picture whatever is wrong with the settings, and so for every picture.

        Raises:
            PhospheneError: names that are not there, pictures that cannot be read.
        """
        distinct = {id(job.settings): job for job in self.plan.jobs}
        self.objectives.update({key: self.of(job).check() for key, job in distinct.items()})

    def of(self, job: Job) -> Prepared:
        """What makes a job's picture: a canvas has a size, and a picture a long side."""
        opening, kind = self.opening, job.source.kind
        if kind == "canvas":
            opening = replace(opening, long_side=None)
        elif kind != "words":
            opening = replace(opening, size=None)
        return replace(self.ready, settings=job.settings, opening=opening)

    def begun(self, job: Job) -> bool:
        """Whether its run was stopped, and goes on."""
        return begun(job.output) and not self.force

    def alone(self, job: Job) -> bool:
        """Whether a picture is made for itself: on disk, or from where it stopped."""
        on_disk = job.output and job.source.kind == "file" and self.of(job).on_disk(job.source.name)
        return bool(on_disk) or self.begun(job)

    def standing(self, job: Job) -> Standing | None:
        """What is there in the place of one of many; `None` if nothing is, or it may be replaced unseen.

        Raises:
            ImageError: another picture is there.
        """
        if not self.plan.many or not job.output or not job.output.exists() or self.force:
            return None
        there = standing(job, self.of(job), self.objectives[id(job.settings)])
        if there == "other" and not self.begun(job):
            raise ImageError(f"{job.output} exists already, made otherwise, and is left alone; --force replaces it.")
        return there


@dataclass(frozen=True)
class BatchResult:
    """What became of one of many pictures.

    Attributes:
        source: what it is made of: a file, a canvas, or words.
        output: its file.
        picture: as it was made; `None` if it was there already, or did not come about.
        error: why it did not come about.
    """

    source: str
    output: Path
    picture: Dream | LargeDream | None = None
    error: PhospheneError | None = None


def many(
    inputs: str | Sequence[str],
    output: str | None = None,
    *,
    of: str = "dream",
    network: Network | str | None = None,
    opening: Opening | None = None,
    recursive: bool = False,
    force: bool = False,
    on_step: OnStep | None = None,
    **wishes: Any,
) -> Iterator[BatchResult]:
    """Makes many pictures and saves them, one after the other, as the command line does.

    A picture that is there already, made of the same with the same settings, is passed over; one whose run was stopped
    goes on.

    Args:
        inputs: files, folders, globs, canvases; of a pattern, words as `block8:37`.
        output: a folder, or a template as `{stem}_{seed}.png`; by default `photo-dream.png` beside `photo.jpg`.
        of: the technique: `dream`, `style` or `pattern`.
        network: by default the one that the setting `model` names.
        opening: how pictures are opened: their long side, a canvas's size.
        recursive: whether folders are looked through with all below them.
        force: replaces what is there.
        on_step: called with each `Step`; raise `phosphene.Stop` there to end early and keep what there is.
        **wishes: any setting of the technique; of a dream, `preset` and `recipe`.

    Yields:
        What became of each picture, as it is done.

    Raises:
        PhospheneError: something is wrong with all of them.
    """
    names, technique = [inputs] if isinstance(inputs, str) else list(inputs), known(of)
    planned = plan(names, output, technique=technique, wishes=wishes, recursive=recursive, force=force)
    batch = Batch(planned, technique, opening or Opening(), force, network)
    batch.check()
    for job in planned.jobs:
        if job.output is None or job.source.kind == "pipe":
            raise SettingsError("'-' is for the command line. Name files.")
        try:
            made = BatchResult(job.source.name, job.output, _one(batch, job, job.output, on_step))
        except PhospheneError as error:
            if not planned.many:
                raise
            made = BatchResult(job.source.name, job.output, error=error)
        yield made
        if made.picture and not made.picture.record.complete:
            return


def _one(batch: Batch, job: Job, output: Path, on_step: OnStep | None) -> Dream | LargeDream | None:
    """Makes one picture and saves it; `None` if it is there."""
    there = batch.standing(job)
    if there == "finished":
        return None
    source: images.Source | None = None if job.source.kind == "words" else job.source.name
    keep = Keep(journal.folder_of(output), anew=batch.force)
    made = batch.of(job).make(source, on_step=on_step, keep=keep)
    made.save(output, overwrite=batch.force or there is not None or batch.begun(job))
    if made.journal and made.record.complete:
        made.journal.close()
    return made
