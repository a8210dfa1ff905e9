"""The command `atlas`: a picture dreamt with every layer, on one page. It loads torch only when it is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phosphene.cli import configuration, options, progress
from phosphene.cli.progress import Voice
from phosphene.recipes.fields import GUIDES, LOOK, TASTE, ValueDict
from phosphene.recipes.settings import DreamSettings, settings
from phosphene.techniques import DREAM

if TYPE_CHECKING:
    from phosphene.reports.atlas import Atlas, Progress


@click.command(cls=options.Grouped, short_help="Dreams a picture with every layer, on one page.")
@click.argument("picture", shell_complete=configuration.pictures)
@options.flag(
    "-o",
    "--output",
    metavar="FOLDER",
    shell_complete=configuration.folders,
    group=options.FILE,
    help="where the page goes  [photo-atlas beside photo.jpg]",
)
@options.flag("--force", is_flag=True, group=options.FILE, help="make all of it anew")
@options.flag("--quick", is_flag=True, group=options.FILE, help="sketches only: in half a minute")
@options.flag(
    "--long-side",
    type=click.IntRange(32),
    metavar="N",
    group=options.FILE,
    help="of a finished picture, in pixels  [about 640]",
)
@options.flag(
    "--channels", type=click.IntRange(0), metavar="N", group=LOOK, help="so many of each layer; 0 for none  [6]"
)
@options.flag("--size", metavar="WxH", group=options.FILE, help="of a canvas in full, in pixels  [768x512]")
@options.max_pixels
@options.threads
@options.quiet
@options.flag("--json", "as_json", is_flag=True, group=options.REST, help="a line of JSON on standard output")
@options.settings(DreamSettings)
def atlas(
    picture: str, output: str | None, threads: int | None, quiet: bool, as_json: bool, size: str | None, **flags: Any
) -> int:
    """Dreams PICTURE with every layer, and with the channels that are most alive in it, on one page to browse.

    PICTURE is a file, or a canvas: clouds, noise, grey. The page is photo-atlas/index.html beside photo.jpg: open it
    while it is being made. What is there already is kept, so that an atlas which was interrupted goes on.
    """
    from phosphene.cli import process  # it counts what others use from here on, while torch is loaded

    names = ("force", "quick", "long_side", "channels", "max_pixels")
    wishes = {name: flags.pop(name) for name in names}
    changes = _standing() | options.given(flags, DreamSettings)
    from phosphene.cli import jobs
    from phosphene.cli.progress import Interruption
    from phosphene.reports.atlas import LARGEST
    from phosphene.reports.atlas import atlas as make

    folder = jobs.report_folder(picture, output, "atlas")
    voice = Voice(quiet, as_json)
    if note := process.choose_threads(threads):
        voice.say(note)
    side = wishes["long_side"] or LARGEST
    process.keep_buffers((side, side))
    kwargs = {name: value for name, value in wishes.items() if value is not None}
    began = time.monotonic()
    with Interruption() as stop, _watching(picture, voice) as watch:
        made = make(
            picture,
            folder,
            size=jobs.canvas_size(size),
            on_page=lambda page: voice.say(f"{page}: open it now; it grows"),
            on_entry=watch,
            on_step=lambda _: stop.check(),
            **kwargs,
            **changes,
        )
        _report(made, voice, time.monotonic() - began, quick=wishes["quick"])
        return stop.exit_code


def _is_here(param: click.Parameter) -> bool:
    """Whether a flag of a dream is one of an atlas: those that say what is dreamt, and where, are not."""
    return param.name not in ("layer", "channel") and getattr(param, "group", "") not in (TASTE, GUIDES)


atlas.params = list(filter(_is_here, atlas.params))


def _standing() -> ValueDict:
    """What the user always wants, as far as an atlas can have it: the copied command lines will have it too."""
    chosen, usual = settings(**configuration.read(DREAM, None)), DreamSettings()
    names = [param.name for param in atlas.params if param.name in DreamSettings.names()]
    return {name: getattr(chosen, name) for name in names if getattr(chosen, name) != getattr(usual, name)}


@contextmanager
def _watching(picture: str, voice: Voice) -> Iterator[Callable[[Progress], None]]:
    """Tells of each picture: on a bar where somebody watches."""
    if not progress.watched(voice.quiet):
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TextColumn("{task.fields[where]}", markup=False),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(Path(picture).name, total=1.0, where="looking at the picture")

        def show(told: Any) -> None:
            left = "" if told.left is None else f", {spoken(told.left)} to go"
            where = f"{told.stage} {told.number} of {told.total}: {told.entry.name}{left}"
            bar.update(task, completed=told.done, where=where)

        yield show


def spoken(seconds: float) -> str:
    """A duration, roughly.

    >>> spoken(7), spoken(200)
    ('10 s', '3 min')
    """
    return f"{max(10, round(seconds, -1)):.0f} s" if seconds < 90 else f"{seconds / 60:.0f} min"


def _report(made: Atlas, voice: Voice, seconds: float, *, quick: bool) -> None:
    from phosphene.cli.maker import spoken as exactly

    if not made.complete:
        voice.say(f"Stopped. The page shows what there is: {made.page}\nThe same command again goes on from there.")
    elif made.made == 0:
        voice.say(f"{made.page}: there already, made of the same with the same settings")
    else:
        more = "; without --quick, the pictures are refined" if quick else ""
        voice.say(f"{made.page}: {len(made.entries)} pictures in {exactly(seconds)}{more}")
    voice.tell(
        {
            "folder": str(made.folder),
            "page": str(made.page),
            "entries": len(made.entries),
            "dreamt": made.made,
            "complete": made.complete,
            "seconds": round(seconds, 3),
        }
    )
