"""The commands `atlas` and `study`: many pictures of one, on a page. They load torch only when they are run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phosphene.cli import configuration, options, progress
from phosphene.cli.options import OfEveryTechnique, file_flag, flag, speed_flag
from phosphene.cli.progress import Console, Interruption
from phosphene.errors import SettingsError
from phosphene.recipes import fields
from phosphene.recipes.fields import ValueDict
from phosphene.recipes.settings import DreamSettings, settings
from phosphene.reports.study.plan import Axis, axes
from phosphene.startup import loading
from phosphene.techniques import DREAM, TECHNIQUES, Technique, known

if TYPE_CHECKING:
    from phosphene.reports.atlas import Atlas, Progress
    from phosphene.reports.study.build import Progress as StudyProgress
    from phosphene.reports.study.results import Rows

_STOPPED = "The same command again goes on from there."
_anew = file_flag("--force", is_flag=True, help="make all of it anew")


@click.command(cls=options.Grouped, short_help="Dreams a picture with every layer, on one page.")
@click.argument("picture", shell_complete=configuration.pictures)
@file_flag("-o", "--output", metavar="FOLDER", help="where the page goes  [photo-atlas beside photo.jpg]")
@_anew
@file_flag("--quick", is_flag=True, help="sketches only: in half a minute")
@file_flag("--long-side", type=click.IntRange(32), metavar="N", help="of a finished picture, in pixels  [about 640]")
@flag(
    "--channels", type=click.IntRange(0), metavar="N", group=fields.LOOK, help="so many of each layer; 0 for none  [6]"
)
@file_flag("--size", metavar="WxH", help="of a canvas in full, in pixels  [768x512]")
@options.max_pixels
@options.threads
@options.quiet
@flag("--json", "as_json", is_flag=True, help="a line of JSON on standard output")
@options.settings(DreamSettings)
def atlas(
    picture: str, output: str | None, threads: int | None, quiet: bool, as_json: bool, size: str | None, **flags: Any
) -> int:
    """Dreams PICTURE with every layer, and with the channels that are most active in it, on one page to browse.

    PICTURE is a file, or a canvas: clouds, noise, grey, dahlias, feathers, shells, windows. The page is
    photo-atlas/index.html beside photo.jpg: open it while it is being made. What is there already is kept, so that an
    atlas which was interrupted goes on.
    """
    from phosphene.cli import process  # it counts what others use from here on, while torch is loaded

    names = ("force", "quick", "long_side", "channels", "max_pixels")
    own = {name: value for name in names if (value := flags.pop(name)) is not None}
    changes = _always_wanted() | options.given(flags, DreamSettings)
    from phosphene.cli import jobs
    from phosphene.reports.atlas import LARGEST
    from phosphene.reports.atlas import atlas as make

    folder = _folder(picture, output, "atlas")
    console, began = Console(quiet, as_json), time.monotonic()
    if note := process.choose_threads(threads):
        console.say(note)
    side = own.get("long_side", LARGEST)
    process.tune_malloc((side, side))
    with Interruption() as stop, progress.bar(Path(picture).name, quiet=quiet) as bar:

        def show(told: Progress) -> None:
            bar.move(told.done, f"{told.stage} {told.number} of {told.total}: {told.entry.name}")

        made = make(
            picture,
            folder,
            size=jobs.canvas_size(size),
            on_page=lambda page: console.say(f"{page}: open it now; it grows"),
            on_entry=show,
            on_step=lambda _: stop.check(),
            **own,
            **changes,
        )
    _report_atlas(made, console, time.monotonic() - began, quick=own["quick"])
    return stop.exit_code


def _is_here(param: click.Parameter) -> bool:
    """Whether a flag of a dream is one of an atlas: those that say what is dreamt, and where, are not."""
    return param.name not in ("layer", "channel") and getattr(param, "group", "") not in (fields.TASTE, fields.GUIDES)


atlas.params = list(filter(_is_here, atlas.params))


def _always_wanted() -> ValueDict:
    """What the user's file sets, as far as an atlas can have it: the copied command lines will have it too."""
    chosen, usual = settings(**configuration.read(DREAM, None)), DreamSettings()
    names = [param.name for param in atlas.params if param.name in DreamSettings.names()]
    return {name: getattr(chosen, name) for name in names if getattr(chosen, name) != getattr(usual, name)}


def _report_atlas(made: Atlas, console: Console, seconds: float, *, quick: bool) -> None:
    from phosphene.cli.runner import spoken

    if not made.complete:
        console.say(f"Stopped. The page shows what there is: {made.page}\n{_STOPPED}")
    elif made.made == 0:
        console.say(f"{made.page}: there already, made of the same with the same settings")
    else:
        more = "; without --quick, the pictures are refined" if quick else ""
        console.say(f"{made.page}: {len(made.entries)} pictures in {spoken(seconds)}{more}")
    console.tell(
        {
            "folder": str(made.folder),
            "page": str(made.page),
            "entries": len(made.entries),
            "dreamt": made.made,
            "complete": made.complete,
            "seconds": round(seconds, 3),
        }
    )


_HELP = """Makes PICTURE with every combination of settings, and a report that lays them side by side and measures them.

\b
phosphene study photo.jpg --vary jitter=0,32 --vary octaves=1,2,4 -o report/
phosphene study photo.jpg --of style --style painting.jpg --vary strength=0.2,0.6
phosphene study block8:37 --of pattern --vary robustness=0,1

Every setting can be varied. Other flags are the baseline, with which all are compared. The same command again goes
on where it was stopped, and takes what is there.
"""


@click.command(
    cls=OfEveryTechnique, help=_HELP, short_help="Tries out settings: every combination, measured, side by side."
)
@click.argument("picture", shell_complete=configuration.pictures)
@flag(
    "--vary",
    multiple=True,
    metavar="NAME=V,V,…",
    group=options.STUDIED,
    help="a setting and its values, as jitter=0,32; repeatable",
)
@flag(
    "--of",
    default="dream",
    metavar="|".join(TECHNIQUES),
    shell_complete=configuration.words(dict.fromkeys(TECHNIQUES, "")),
    group=options.STUDIED,
    help="what is made  [dream]",
)
@file_flag("-o", "--output", metavar="FOLDER", help="where the report goes  [photo-study beside photo.jpg]")
@_anew
@options.looks(DREAM)
@options.config
@file_flag("--long-side", type=click.IntRange(32), metavar="N", help="shrink the picture first, to so many pixels")
@file_flag("--size", metavar="WxH", help="of a canvas or a pattern, in pixels")
@options.max_pixels
@speed_flag("--workers", type=click.IntRange(1, 1024), metavar="N", help="make N variants at a time, a process each")
@speed_flag("--scheduler", metavar="ADDRESS", help="or on the machines of a Dask scheduler, as tcp://host:8786")
@options.threads
@options.quiet
@flag("--json", "as_json", is_flag=True, help="a line of JSON for each variant on standard output")
def study(
    picture: str, vary: tuple[str, ...], of: str, output: str | None, quiet: bool, as_json: bool, **flags: Any
) -> int:
    """Studies a picture, and returns the exit code."""
    from phosphene.cli import process  # it counts what others use from here on, while torch is loaded

    names = ("size", "long_side", "max_pixels", "threads", "workers", "scheduler", "force")
    own = {name: value for name in names if (value := flags.pop(name)) is not None}
    kind = known(of)
    varied = axes(vary, kind)
    chosen = _baseline(kind, varied, flags)
    from phosphene.cli.jobs import Machines, canvas_size
    from phosphene.reports.study.build import study as make

    # A pattern has no file to lie beside.
    usual = f"{picture.replace(':', '-')}-study" if kind.takes == "words" else None
    folder = Path(output or usual) if usual else _folder(picture, output, "study")
    if "size" in own:
        own["size"] = canvas_size(own["size"])
    console, began = Console(quiet, as_json), time.monotonic()
    if "workers" in own or "scheduler" in own:
        Machines(own.get("scheduler"), own.get("workers"), own.get("threads")).check()
        loading.end()
    else:
        side = own.get("long_side", 1024)
        process.tune_malloc((side, side))
        if note := process.choose_threads(own.get("threads")):
            console.say(note)
    with Interruption() as stop, progress.bar(Path(picture).name, quiet=quiet) as bar:

        def show(told: StudyProgress) -> None:
            bar.move(told.done, f"{told.number} of {told.total}; {told.variant or 'several at once'}")
            if told.row:
                console.tell(told.row | {"kept": told.kept})
            stop.check()

        values = {axis.name: axis.values for axis in varied}
        rows = make(picture, values, folder, of=of, on_progress=show, **own, **chosen)
    _report_study(rows, console, time.monotonic() - began)
    return stop.exit_code or int(bool(rows.failures))


def _baseline(kind: Technique, varied: tuple[Axis, ...], flags: ValueDict) -> ValueDict:
    """The baseline's settings: what was typed, over what the user's files say of such pictures.

    Raises:
        SettingsError: a flag that is for another technique.
    """
    config = flags.pop("config")
    typed = {name: value for name, value in flags.items() if value is not None and value != ()}
    for name in typed:
        if name not in kind.names:
            homes = [other.name for other in TECHNIQUES.values() if name in other.names]
            raise SettingsError(
                f"{fields.flag(name)} is for a study of {' or '.join(homes)}, and this is one of {kind.name}.\n"
                f"A {kind.name} takes {', '.join(map(fields.flag, kind.names))}."
            )
    looks = {name: typed.pop(name) for name in list(typed) if name in kind.looks}
    requested = looks | options.given(typed, kind.settings)
    return _from_files(kind, varied, requested, config) | requested


def _from_files(kind: Technique, varied: tuple[Axis, ...], requested: ValueDict, config: str | None) -> ValueDict:
    """The files' values, without those that a flag or an axis overrides; of what is varied they are the baseline's."""
    alternatives = {axis.name: axis.values for axis in varied}
    nearer = requested | alternatives
    values = configuration.read(kind, config, nearer)
    baseline = {name: value for name, value in values.items() if name in alternatives}
    for looks in (requested, *({"preset": preset} for preset in alternatives.get("preset", ()))):
        values = fields.beneath(kind.settings, values, nearer | looks)
    return values | baseline


def _report_study(rows: Rows, console: Console, seconds: float) -> None:
    from phosphene.cli.runner import spoken

    for name, why in rows.failures.items():
        console.complain(f"{name}: {why}")
    if not rows:
        console.say("Stopped before the first variant was done.")
    elif rows.complete:
        console.say(f"{rows.page}: {len(rows)} variants in {spoken(seconds)}")
    elif rows.failures:
        console.say(f"{rows.page}: {len(rows)} variants; {len(rows.failures)} did not come about")
    else:
        console.say(f"Stopped. The report shows what there is: {rows.page}\n{_STOPPED}")


def _folder(picture: str, output: str | None, kind: str) -> Path:
    """Where a report on one picture goes: by default photo-atlas beside photo.jpg.

    Raises:
        SettingsError: a pipe, or more than one picture.
        ImageError: there is no such picture.
    """
    from phosphene import batch

    if picture == batch.PIPE:
        raise SettingsError(f"phosphene {kind} takes a file, since its command lines name it. Save what is piped in.")
    inputs, many = batch.expand([picture])
    if many:
        raise SettingsError(f"phosphene {kind} takes one picture; {picture!r} means {len(inputs)}. Name one of them.")
    return Path(output) if output else inputs[0].folder / f"{inputs[0].stem}-{kind}"
