"""What is read and what is written, decided before any work."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from phosphene.batch.inputs import PIPE, Input, expand
from phosphene.batch.outputs import check, facts, target
from phosphene.errors import SettingsError
from phosphene.recipes.settings import DreamSettings


@dataclass(frozen=True)
class Job:
    """An input, and the file that its dream becomes; `None` is standard output."""

    source: Input
    output: Path | None


@dataclass(frozen=True)
class Plan:
    """The jobs of a run; `many` if it is a batch, whose finished parts are skipped."""

    jobs: tuple[Job, ...]
    many: bool


def plan(
    names: Sequence[str],
    output: str | None = None,
    *,
    settings: DreamSettings | None = None,
    recipe: str | None = None,
    preset: str | None = None,
    force: bool = False,
) -> Plan:
    """Decides what is read and what is written, and finds before any work what stands in its way.

    Args:
        names: files, folders, globs, canvases, `-`.
        output: a file, a folder, a template as `{stem}_{preset}.png`, `-`; by default `photo-dream.png` beside
            `photo.jpg`.
        settings: what a template may name.
        recipe: likewise.
        preset: likewise.
        force: whether files may be replaced.

    Raises:
        ImageError: nothing to read, or an output that cannot be written.
        SettingsError: several pictures for one file.
        UnknownNameError: a template names what is not known.
    """
    found, many = expand(names)
    named = facts(settings or DreamSettings(), recipe, preset)
    jobs = _without_results([Job(source, target(source, output, named)) for source in found])
    _keep_apart(jobs, output)
    for job in jobs:
        if job.output:
            check(job.output, force=force or many)
    return Plan(jobs, many)


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
                f"The dream would replace its own input {job.source.name}.\nChoose another name with -o."
            )
