"""What is read and what is written, decided before any work."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from phosphene.batch.files import PIPE, Input, check, expand, facts, is_folder, make_folders, target
from phosphene.errors import PhospheneError, SettingsError
from phosphene.images.sources import name_of, read_bytes
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings
from phosphene.records import record
from phosphene.run import Prepared
from phosphene.techniques import DREAM, Technique
from phosphene.techniques.engine import CANVAS_SIZE
from phosphene.techniques.files import pictures


@dataclass(frozen=True)
class Job:
    """What a picture is made of and how, and the file that it becomes; `None` is standard output."""

    source: Input
    output: Path | None
    settings: Any = None


@dataclass(frozen=True)
class Plan:
    """The jobs of a run; `many` if it is a batch, whose finished parts are skipped."""

    jobs: tuple[Job, ...]
    many: bool


def plan(
    names: Sequence[str],
    output: str | None = None,
    *,
    technique: Technique = DREAM,
    wishes: Mapping[str, Any] | None = None,
    recursive: bool = False,
    force: bool = False,
) -> Plan:
    """Decides what is read and what is written, and finds before any work what stands in its way.

    Args:
        names: files, folders, globs, canvases, `-`; or words, of a technique that takes those.
        output: a file, a folder, a template as `{stem}_{preset}.png`, `-`; by default `photo-dream.png` beside
            `photo.jpg`.
        technique: makes the pictures.
        wishes: settings and looks by name.
        recursive: whether folders are looked through with all below them.
        force: whether files may be replaced.

    Raises:
        ImageError: nothing to read, or an output that cannot be written.
        SettingsError: several pictures for one file, an impossible setting.
        UnknownNameError: a template names what is not known.
    """
    wishes = wishes or {}
    found: list[tuple[Input, Any]]
    if technique.takes == "words":
        given = names or (None,)  # without a word, the wishes say of what
        found = [(Input(name or _called(wishes), "words"), technique.choose(of=name, **wishes)) for name in given]
        many = len(found) > 1
    else:
        settings = technique.choose(**wishes)
        inputs, many = expand(names, recursive=recursive)
        found = [(source, settings) for source in inputs]
    jobs = []
    for source, settings in found:
        named = facts(settings, {look: wishes.get(look) for look in technique.looks})
        jobs.append(Job(source, target(source, output, named, technique), settings))
    planned = _without_results(jobs)
    _keep_apart(planned, output)
    for job in planned:
        if job.output:
            if output and recursive and is_folder(output):
                make_folders(Path(output), job.output)
            check(job.output, force=force or many)
    return Plan(planned, many)


def _called(wishes: Mapping[str, Any]) -> str:
    """What a pattern is called that no word names: its objective, or its layer and channel."""
    channel = wishes.get("channel")
    return str(
        wishes.get("objective") or f"{wishes.get('layer') or 'default'}{'' if channel is None else f':{channel}'}"
    )


def _without_results(jobs: Sequence[Job]) -> tuple[Job, ...]:
    """The jobs without those whose input is another's output: a folder that is dreamt upon again holds both."""
    results = {job.output.resolve(): job for job in jobs if job.output}
    return tuple(job for job in jobs if results.get(Path(job.source.name).resolve(), job) is job)


def _keep_apart(jobs: Sequence[Job], output: str | None) -> None:
    """Refuses two dreams in one file, and a dream in place of a picture that is to be read."""
    if len(jobs) > 1 and output == PIPE:
        raise SettingsError(f"{len(jobs)} pictures cannot go through one pipe. Name a folder: -o dreams/")
    targets = Counter(job.output.resolve() for job in jobs if job.output)
    for job in jobs:
        if job.output and targets[job.output.resolve()] > 1:
            one = output is not None and "{" not in output and Path(output) == job.output
            advice = f"{'Name a folder, or a' if one else 'Name a'} template, as -o '{{stem}}-{{ext}}-dream.png'."
            raise SettingsError(f"{targets[job.output.resolve()]} pictures would all become {job.output}.\n{advice}")
    for job in jobs:
        if job.source.kind == "file" and Path(job.source.name).resolve() in targets:
            raise SettingsError(
                f"The picture would replace its own input {job.source.name}.\nChoose another name with -o."
            )
    distinct = {id(job.settings): job.settings for job in jobs if job.settings}.values()
    for name in dict.fromkeys(name for settings in distinct for name in pictures(settings)):
        if not is_canvas(name) and Path(name).resolve() in targets:
            raise SettingsError(f"{name} would be written over, and is looked at.\nChoose another name with -o.")


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
        made, began, looked_at = record.read(job.output), _origin(job, ready), _hashes(settings)
    except PhospheneError:
        return "other"
    of_it = {key: made.input.get(key) for key in began} == began and made.pictures == looked_at
    if not (of_it and engine.is_of(made, settings, ready.network, objective)):
        return "other"
    return "finished" if made.complete else "unfinished"


def _origin(job: Job, ready: Prepared) -> dict[str, Any]:
    """What the record would say of the input, as far as it is known before that is opened."""
    if job.source.kind == "words":
        return ready.technique.engine.open(None, ready.settings, ready.opening, ready.network.dtype)[1]
    if job.source.kind == "canvas":
        width, height = ready.opening.size or CANVAS_SIZE
        seed = getattr(ready.settings, "seed", 0)
        return {"canvas": job.source.name, "seed": seed, "width": width, "height": height}
    return {"sha256": _sha256(job.source.name), "long_side": ready.opening.long_side}


def _hashes(settings: Settings) -> dict[str, str]:
    """The pictures that settings name, with their hashes."""
    return {name_of(name): _sha256(name) for name in pictures(settings) if not is_canvas(name)}


def _sha256(name: str) -> str:
    return hashlib.sha256(read_bytes(name)).hexdigest()
