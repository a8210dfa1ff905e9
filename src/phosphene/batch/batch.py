"""Many pictures of one technique: made ready together, what is there already left alone."""

import hashlib
import warnings
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from pathlib import Path
from typing import Any, Literal

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.batch.conflicts import Job, claimed, file_key, sorted_out
from phosphene.batch.files import Input, begun, expand, facts, in_kinds, is_folder, make_folder, numbered, target
from phosphene.errors import ImageError, PhospheneError, SettingsError, in_words, translate
from phosphene.images.sources import name_of, read_bytes
from phosphene.networks import Network
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings, Values
from phosphene.records import journal, record
from phosphene.run import CheckpointOptions, Dream, LargeDream, Prepared, prepare
from phosphene.techniques import DREAM, Technique, known
from phosphene.techniques.engine import pictures
from phosphene.techniques.opening import CANVAS_SIZE, Opening

# Which pictures of a batch are there already, and which were interrupted

Standing = Literal["finished", "unfinished", "other"]


def standing(job: Job, ready: Prepared, objective: str) -> Standing:
    """What a job's output is, beside the picture that is made of this very input with these very settings.

    Args:
        job: the input and the output.
        ready: how it is to be made.
        objective: of it, as `Prepared.check` gives it.

    Returns:
        `finished` or `unfinished` if it is that picture; `other` if it is another, or none.
    """
    if job.output is None or not job.output.is_file() or job.source.kind == "pipe":
        return "other"
    engine, settings = ready.technique.engine, ready.settings
    try:
        made, began = record.read(job.output), _origin(job, ready)
        looked_at = {name_of(name): _sha256(name) for name in pictures(settings) if not is_canvas(name)}
    except PhospheneError:
        return "other"
    of_it = {key: made.input.get(key) for key in began} == began and made.pictures == looked_at
    if not (of_it and engine.is_of(made, settings, ready.network, objective)):
        return "other"
    return "finished" if made.complete else "unfinished"


def _origin(job: Job, ready: Prepared) -> dict[str, object]:
    """What the record would say of the input, as far as it is known before that is opened."""
    if job.source.kind == "words":
        return ready.technique.engine.open(None, ready.settings, ready.opening, ready.network.dtype)[1]
    if job.source.kind == "canvas":
        width, height = ready.opening.size or CANVAS_SIZE
        seed = getattr(ready.settings, "seed", 0)
        return {"canvas": job.source.name, "seed": seed, "width": width, "height": height}
    nothing = dict.fromkeys(("long_side", "profile", "enlarge"))
    return {"sha256": _sha256(job.source.name), **nothing, **ready.opening.recorded()}


def _sha256(name: str) -> str:
    return hashlib.sha256(read_bytes(name)).hexdigest()


@dataclass(frozen=True)
class Batch:
    """Pictures that one network makes, by default the one that their settings name."""

    jobs: tuple[Job, ...]
    many: bool  # not one picture that was named: what is there already is passed over
    technique: Technique
    force: bool = False  # makes anew what is there
    opening: Opening = field(default_factory=Opening)
    network: Network | str | None = None
    refused: tuple[Job, ...] = ()  # what cannot be done, each with the reason
    left_out: str = ""  # the files of folders that are no pictures, in words
    objectives: dict[int, str] = field(default_factory=dict)  # by the identity of the settings; known when checked

    @cached_property
    def ready(self) -> Prepared:
        """What all pictures have in common."""
        return prepare(self.technique, self.jobs[0].settings, self.network, opening=self.opening)

    def check(self) -> None:
        """Refuses before the first picture whatever is wrong with the settings, and so for every picture.

        Raises:
            PhospheneError: names that are not there, pictures that cannot be read.
        """
        distinct = {id(job.settings): job for job in self.jobs}
        self.objectives.update({key: self.of(job).check() for key, job in distinct.items()})

    def of(self, job: Job) -> Prepared:
        """What makes a job's picture: a canvas has a size, and a picture a long side or an enlargement."""
        opening, kind = self.opening, job.source.kind
        if kind == "canvas":
            opening = replace(opening, long_side=None, enlarge=1.0)
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

    def placed(self, job: Job) -> Job:
        """The job under a name that no other picture has: a second try of a photograph is `photo-dream-2.png`."""
        if not job.usual or self.force or job.output is None:
            return job
        ready, objective = self.of(job), self.objectives[id(job.settings)]
        others = (replace(job, output=name) for name in numbered(job.output))
        return next(
            each
            for each in others
            if each.output
            and (not each.output.exists() or begun(each.output) or standing(each, ready, objective) != "other")
        )

    def standing(self, job: Job) -> Standing | None:
        """What is there in a picture's place; `None` if nothing is, or it may be replaced unseen.

        Raises:
            ImageError: another picture is there.
        """
        told = self.many or job.usual or self.begun(job)
        if not told or not job.output or not job.output.exists() or self.force:
            return None
        there = standing(job, self.of(job), self.objectives[id(job.settings)])
        if there == "other" and not self.begun(job):
            raise ImageError(f"{job.output} exists already, made otherwise, and is left alone; --force replaces it.")
        return there


# What is read and what is written, decided before any work


def plan(
    names: Sequence[str],
    output: str | None = None,
    *,
    technique: Technique = DREAM,
    requested: Values | None = None,
    settings: Settings | None = None,
    recursive: bool = False,
    force: bool = False,
) -> Batch:
    """Decides what is read and what is written, and finds before any work what stands in its way.

    Args:
        names: files, folders, globs, canvases, `-`; or words, of a technique that takes those.
        output: a file, a folder, a template as `{stem}_{preset}.png`, `-`; by default `photo-dream.png` beside
            `photo.jpg`.
        technique: makes the pictures.
        requested: settings and looks by name.
        settings: what was requested, if it was chosen already; of a technique that takes pictures.
        recursive: whether folders are looked through with all below them.
        force: whether files may be replaced.

    Raises:
        ImageError: nothing to read, or an output that cannot be written.
        SettingsError: several pictures for one file, an impossible setting.
        UnknownNameError: a template names what is not known.
    """
    requested = requested or {}
    found: list[tuple[Input, Any]]
    left_out = ""
    if technique.takes == "words":
        given = names or (None,)  # without a word, the settings say of what
        found = [(Input(name or _called(requested), "words"), technique.choose(of=name, **requested)) for name in given]
        many = len(found) > 1
    else:
        chosen, others = settings or technique.choose(**requested), Counter[str]()
        inputs, many = expand(names, recursive=recursive, others=others)
        left_out = in_kinds(others)
        found = [(source, chosen) for source in inputs]
    jobs = []
    for number, (source, chosen) in enumerate(found, 1):
        named = facts(chosen, {look: requested.get(look) for look in technique.looks}) | {"number": number}
        place = None if source.refusal else target(source, output, named, technique)
        jobs.append(Job(source, place, chosen, usual=output is None or is_folder(output)))
    ready = partial(_make_folders, output, recursive)
    done, refused = sorted_out(_without_results(jobs), output, replaces=force or many, ready=ready)
    if not done:
        raise next(job.source.refusal for job in refused if job.source.refusal)
    return Batch(done, many, technique, force, refused=refused, left_out=left_out)


def _tree(output: str) -> Path | None:
    """The folder in which a tree of folders may be made: the one that `-o` names, or that stands before {folder}."""
    before, names_folders, _ = output.partition("{folder}")
    place = Path(before or ".")
    there = place.is_dir() or place.parent.is_dir()
    return place.resolve() if there and (names_folders or is_folder(output)) else None


def _make_folders(output: str | None, recursive: bool, path: Path) -> None:
    if output is None:
        return
    make_folder(output, path)
    tree = _tree(output) if recursive else None
    if tree and path.parent.resolve().is_relative_to(tree):
        path.parent.mkdir(parents=True, exist_ok=True)


def _called(requested: Mapping[str, object]) -> str:
    """What a pattern is called that no word names: its objective, or its layer and channel."""
    layer, channel = requested.get("layer") or "default", requested.get("channel")
    return str(requested.get("objective") or (layer if channel is None else f"{layer}:{channel}"))


def _without_results(jobs: Sequence[Job]) -> list[Job]:
    """The jobs without those whose input is another's output: a folder that is dreamt upon again holds both."""
    results = {file_key(job.output): job for job in jobs if job.output}
    return [job for job in jobs if results.get(file_key(job.source.name), job) is job]


@dataclass(frozen=True)
class BatchResult:
    """What became of one of many pictures."""

    source: str  # what it is made of: a file, a canvas, or words
    output: Path | None  # its file; `None` where none could be chosen
    picture: Dream | LargeDream | None = None  # as it was made; `None` if it was there already, or did not come about
    error: PhospheneError | None = None  # why it did not come about


class BatchResults(Iterator[BatchResult]):
    """What becomes of many pictures. Each is made when it is asked for, so that only one is held in memory."""

    def __init__(self, batch: Batch, on_step: OnStep | None) -> None:
        self._results, self._asked = _results(batch, on_step), False
        self._count = len(batch.jobs) + len(batch.refused)

    def __next__(self) -> BatchResult:
        self._asked = True
        return next(self._results)

    def __repr__(self) -> str:
        return (
            f"<phosphene batch of {self._count}, made one by one: for made in phosphene.many(...): print(made.output)>"
        )

    def __del__(self) -> None:
        if not self._asked:
            warnings.warn(
                f"Nothing was made: phosphene.many makes each of the {self._count} when it is asked for.\n"
                "Write: for made in phosphene.many(...): print(made.output)",
                RuntimeWarning,
                stacklevel=2,
            )


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
    **requested: object,
) -> BatchResults:
    """Makes many pictures and saves them, one after the other, as the command line does; each when it is asked for.

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
        on_step: called with each `Step`; raise `phosphene.StopRequested` there to end early and keep what there is.
        **requested: any setting of the technique; of a dream, `preset` and `recipe`.

    Returns:
        What becomes of each picture, to go through in a loop: `for made in phosphene.many("holiday/", "dreams/")`.

    Raises:
        PhospheneError: something is wrong with all of them, at once; or with the only one, when it is made.
    """
    names, technique = [inputs] if isinstance(inputs, str) else list(inputs), known(of)
    planned = plan(names, output, technique=technique, requested=requested, recursive=recursive, force=force)
    batch = replace(planned, network=network, opening=opening or Opening())
    batch.check()
    return BatchResults(batch, on_step)


def _results(batch: Batch, on_step: OnStep | None) -> Iterator[BatchResult]:
    for job in batch.refused:
        yield BatchResult(job.source.name, job.output, error=job.source.refusal)
    for job in map(batch.placed, batch.jobs):
        if job.output is None or job.source.kind == "pipe":
            raise SettingsError("'-' is for the command line. Name files.")
        try:
            with translate(in_words if batch.many else lambda _: None):
                made = BatchResult(job.source.name, job.output, _one(batch, job, job.output, on_step))
        except (PhospheneError, MemoryError) as error:
            if not batch.many:
                raise
            made = BatchResult(job.source.name, job.output, error=in_words(error))
        yield made
        if made.picture and not made.picture.record.complete:
            return


def _one(batch: Batch, job: Job, output: Path, on_step: OnStep | None) -> Dream | LargeDream | None:
    """Makes one picture and saves it; `None` if it is there, or if another run is making it now."""
    with claimed(output if batch.many else None) as ours:
        there = batch.standing(job) if ours else "finished"
        if there == "finished":
            if ours:
                journal.forget(output)
            return None
        source: images.Source | None = None if job.source.kind == "words" else job.source.name
        keep = CheckpointOptions(journal.folder_of(output), anew=batch.force)
        made = batch.of(job).make(source, on_step=on_step, keep=keep)
        try:
            made.save(output, overwrite=batch.force or there is not None or batch.begun(job))
        except ImageError:
            if batch.standing(job) == "finished":  # another run was faster
                return None
            raise
        if made.journal and made.record.complete:
            made.journal.close()
        return made
