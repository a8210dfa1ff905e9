"""What can be known to be wrong before any work is done."""

import re
import sys
from collections.abc import Sequence
from pathlib import Path

from phosphene.batch import PIPE, Input, Job, Plan, expand
from phosphene.cli.maker import Wishes
from phosphene.errors import SettingsError
from phosphene.images import format_of
from phosphene.images.sources import refuse
from phosphene.pixels.canvases import is_canvas
from phosphene.techniques.engine import Opening
from phosphene.techniques.files import pictures


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
