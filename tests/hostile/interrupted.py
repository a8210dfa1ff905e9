"""Runs that are cut off: which they are, how they go on, and what must be there in the end."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path

from .processes import Act, Command, cli, outcome, strays
from .tally import Options


@dataclass(frozen=True)
class Job:
    """A command of a technique, and where its result is."""

    name: str
    words: Sequence[str]
    output: str  # the file or folder that it writes
    resumes: bool = True  # whether `resume` goes on with it; else the same command does


_QUICK = ("--layer", "block3", "--octaves", "2", "--steps", "3")
_PAIR = ("photos/a.png", "photos/b.png")
JOBS: tuple[Job, ...] = (
    Job("dream", ("a.png", *_QUICK, "-o", "out.png"), "out.png"),
    Job("large", ("a.png", *_QUICK, "-o", "out.tif"), "out.tif"),
    Job("style", ("style", "a.png", "b.png", "--scales", "1", "--steps", "6", "--semantics", "0", "-o", "out.png"),
        "out.png"),
    Job("pattern", ("pattern", "block3:5", "--size", "64x64", "--octaves", "1", "--steps", "4", "-o", "out.png"),
        "out.png"),
    Job("batch", ("photos", *_QUICK, "-o", "made/"), "made", resumes=False),
    Job("study", ("study", "a.png", "--vary", "steps=1,2", "--octaves", "1", "--layer", "block3", "-o", "out"), "out",
        resumes=False),
    Job("film", ("film", "walk.gif", "--layer", "block3", "--octaves", "1", "--steps", "2", "-o", "out.mp4"),
        "out.mp4"),
    Job("zoom", ("zoom", "a.png", "--layer", "block3", "--octaves", "1", "--steps", "1", "--seconds", "1", "--fps",
                 "4", "-o", "out.mp4"), "out.mp4"),
)  # fmt: skip

NEEDS: Mapping[str, str] = {"film": "av", "zoom": "av", "study": "matplotlib"}
"""Packages that techniques need."""


def possible(options: Options) -> tuple[Job, ...]:
    """The jobs whose packages are here; a third of them where there is little time, with another seed others."""
    found = tuple(job for job in JOBS if job.name not in NEEDS or importlib.util.find_spec(NEEDS[job.name]))
    return found[options.seed % 3 :: 3] if options.fast else found


def furnish(folder: Path) -> None:
    """Lays out two small photographs, a folder of them, and a short animation."""
    import numpy as np
    from PIL import Image

    for name in ("photos", "made"):
        (folder / name).mkdir(parents=True)
    rng = np.random.default_rng(1)
    for name in ("a", "b"):
        image = Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8)).resize((96, 72), Image.Resampling.BICUBIC)
        image.save(folder / f"{name}.png")
        image.save(folder / "photos" / f"{name}.png")
    frames = [image.crop((2 * each, 0, 64 + 2 * each, 48)) for each in range(3)]
    frames[0].save(folder / "walk.gif", save_all=True, append_images=frames[1:], duration=100)


def prepare(job: Job) -> None:
    """Every step is kept, and the job called large works on disk."""
    from phosphene.ascent import planning
    from phosphene.records import journal

    journal.PAUSE = 0.0
    if job.name == "large":
        planning.LARGE = 1000


def command(
    job: Job, words: Sequence[str], folder: Path, act: Act = cli, before: Act | None = None, aside: Path | None = None
) -> Command:
    """A command line of a job; `before` is called in its process, with the words."""
    return Command(words, folder, act, aside, partial(_ready, job, before, words))


def _ready(job: Job, before: Act | None, words: Sequence[str]) -> None:
    prepare(job)
    if before is not None:
        before(words)


def result(job: Job, folder: Path) -> dict[str, str]:
    """The pixels of what a job made, by file; of films and pages the bytes."""
    path = folder / job.output
    files = sorted(each for each in path.rglob("*") if each.is_file()) if path.is_dir() else [path]
    return {each.relative_to(folder).as_posix(): _content(each) for each in files if _counts(each)}


def _counts(path: Path) -> bool:
    return path.suffix in (".png", ".tif", ".jpg", ".mp4")


def _content(path: Path) -> str:
    from PIL import Image

    if path.suffix == ".mp4":
        return _frames(path)
    with Image.open(path) as image:
        return sha256(repr(image.size).encode() + image.convert("RGB").tobytes()).hexdigest()


def _frames(path: Path) -> str:
    import av

    total = sha256()
    with av.open(str(path)) as film:
        for frame in film.decode(video=0):
            total.update(frame.to_ndarray(format="rgb24").tobytes())
    return total.hexdigest()


@dataclass(frozen=True)
class Whole:
    """A job as it is where nothing cuts it off."""

    pixels: Mapping[str, str]
    files: frozenset[str]  # all that is there in the end
    seconds: float


def unbroken(job: Job, place: Path) -> Whole | str:
    """Does a job; what is wrong, if not even that works."""
    folder = place / "whole"
    furnish(folder)
    ended = outcome(command(job, job.words, folder), 300)
    if ended.code:
        return f"{job.name} does not work at all: {ended.said[-1000:]}"
    whole = Whole(result(job, folder), listed(folder), ended.seconds)
    shutil.rmtree(folder)
    return whole


def listed(folder: Path) -> frozenset[str]:
    """All files below a folder."""
    return frozenset(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def partial_files(job: Job, whole: Whole, folder: Path) -> list[str]:
    """Files of the result that are there, and are not what they should be."""
    wrong = []
    for name, wanted in whole.pixels.items():
        try:
            if (folder / name).exists() and _content(folder / name) != wanted:
                wrong.append(f"{name} is another picture")
        except Exception as error:  # whatever a half-written file brings about
            wrong.append(f"{name} is no whole file: {type(error).__name__}")
    return wrong


def go_on(job: Job, folder: Path) -> str:
    """Goes on with a job that was cut off; what is wrong with how it ends."""
    if job.resumes and (folder / f"{job.output}.unfinished" / "run.json").exists():
        ended = outcome(command(job, ("resume", job.output), folder), 300)
        if not ended.code or ended.fault:
            return ended.fault
        return f"resume: exit code {ended.code}: {ended.said[-600:]}"
    if not (folder / job.output).is_file():
        ended = outcome(command(job, job.words, folder), 300)
        return ended.fault or (f"again: exit code {ended.code}: {ended.said[-600:]}" if ended.code else "")
    return ""


def compared(job: Job, whole: Whole, folder: Path) -> str:
    """What is wrong with what is there in the end."""
    found = listed(folder)
    if more := sorted(found - whole.files):
        return f"there is more than there should be: {', '.join(more[:5])}"
    if fewer := sorted(whole.files - found):
        return f"there is less than there should be: {', '.join(fewer[:5])}"
    pixels = result(job, folder)
    others = [name for name, each in whole.pixels.items() if pixels.get(name) != each]
    return f"other pixels than unbroken: {', '.join(others)}" if others else ""


__all__ = ["JOBS", "Job", "Whole", "command", "compared", "furnish", "go_on", "partial_files", "possible", "strays"]
