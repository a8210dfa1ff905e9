"""The command `study`: a picture with every combination of settings, measured. It loads torch only when it is run."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phosphene.cli import configuration, options, progress
from phosphene.cli.progress import Voice
from phosphene.errors import SettingsError
from phosphene.recipes.fields import SPEED, ValueDict, beneath, flag
from phosphene.studies.plan import Axis, axes
from phosphene.techniques import DREAM, TECHNIQUES, Technique, known

if TYPE_CHECKING:
    from phosphene.studies.book import Rows
    from phosphene.studies.build import Progress

_OWN = ("size", "long_side", "max_pixels", "threads", "workers", "scheduler", "force")
_HELP = """Makes PICTURE with every combination of settings, and a report that lays them side by side and measures them.

\b
phosphene study photo.jpg --vary jitter=0,32 --vary octaves=1,2,4 -o report/
phosphene study photo.jpg --of style --style painting.jpg --vary strength=0.2,0.6
phosphene study block8:37 --of pattern --vary robustness=0,1

Every setting can be varied. Other flags are the baseline, with which all are compared. The same command again goes
on where it was stopped, and takes what is there.
"""


@click.command(
    cls=options.OfEveryTechnique,
    help=_HELP,
    short_help="Tries out settings: every combination, measured, side by side.",
)
@click.argument("picture", shell_complete=configuration.pictures)
@options.flag(
    "--vary",
    multiple=True,
    metavar="NAME=V,V,…",
    group=options.STUDIED,
    help="a setting and its values, as jitter=0,32; repeatable",
)
@options.flag(
    "--of",
    default="dream",
    metavar="|".join(TECHNIQUES),
    shell_complete=configuration.words(dict.fromkeys(TECHNIQUES, "")),
    group=options.STUDIED,
    help="what is made  [dream]",
)
@options.flag(
    "-o",
    "--output",
    metavar="FOLDER",
    shell_complete=configuration.folders,
    group=options.FILE,
    help="where the report goes  [photo-study beside photo.jpg]",
)
@options.flag("--force", is_flag=True, group=options.FILE, help="make all of it anew")
@options.looks(DREAM)
@options.config
@options.flag(
    "--long-side",
    type=click.IntRange(32),
    metavar="N",
    group=options.FILE,
    help="shrink the picture first, to so many pixels",
)
@options.flag("--size", metavar="WxH", group=options.FILE, help="of a canvas or a pattern, in pixels")
@options.max_pixels
@options.flag(
    "--workers",
    type=click.IntRange(1, 1024),
    metavar="N",
    group=SPEED,
    help="make N variants at a time, a process each",
)
@options.flag(
    "--scheduler",
    metavar="ADDRESS",
    group=SPEED,
    help="or on the machines of a Dask scheduler, as tcp://host:8786",
)
@options.threads
@options.quiet
@options.flag(
    "--json", "as_json", is_flag=True, group=options.REST, help="a line of JSON for each variant on standard output"
)
def study(
    picture: str, vary: tuple[str, ...], of: str, output: str | None, quiet: bool, as_json: bool, **flags: Any
) -> int:
    """Studies a picture, and returns the exit code."""
    from phosphene.cli import process  # noqa: F401 - it counts what others use from here on, while torch is loaded

    own = {name: flags.pop(name) for name in _OWN}
    looks = {name: flags.pop(name) for name in ("preset", "recipe", "config")}
    kind = known(of)
    varied = axes(vary, kind)
    settings = _settings(kind, varied, flags, looks)
    folder = _folder(picture, output, kind)
    from phosphene.cli.jobs import canvas_size
    from phosphene.cli.machines import Machines
    from phosphene.cli.progress import Interruption
    from phosphene.studies.build import study as make

    own["size"] = canvas_size(own["size"])
    machines = Machines(own["scheduler"], own["workers"], own["threads"])
    machines.check()
    voice, began = Voice(quiet, as_json), time.monotonic()
    if not machines.wanted and (note := _make_ready(own["threads"], own["long_side"] or 1024)):
        voice.say(note)
    given = {name: value for name, value in own.items() if value is not None}
    with Interruption() as stop, _watching(picture, voice) as show:

        def listen(told: Progress) -> None:
            show(told)
            if told.row:
                voice.tell(told.row | {"kept": told.kept})
            stop.check()

        rows = make(
            picture, {axis.name: axis.values for axis in varied}, folder, of=of, on_progress=listen, **given, **settings
        )
        _report(rows, voice, time.monotonic() - began)
        return stop.exit_code or int(bool(rows.failures))


def _settings(kind: Technique, varied: tuple[Axis, ...], flags: ValueDict, looks: ValueDict) -> ValueDict:
    """The baseline's settings: what was typed, over what the user always wants of a dream.

    Raises:
        SettingsError: a flag that is for another recipe.
    """
    typed = {name: value for name, value in flags.items() if value is not None and value != ()}
    typed |= {name: value for name, value in looks.items() if value is not None}
    config = typed.pop("config", None)
    for name in typed:
        if name not in kind.names:
            homes = [other.name for other in TECHNIQUES.values() if name in other.names]
            raise SettingsError(
                f"{flag(name)} is for a study of {' or '.join(homes)}, and this is one of {kind.name}.\n"
                f"A {kind.name} takes {', '.join(map(flag, kind.names))}."
            )
    chosen = {name: typed.pop(name) for name in list(typed) if name in kind.looks}
    typed = options.given(typed, kind.settings)
    return _standing(kind, varied, typed | chosen, config) | typed | chosen


def _standing(kind: Technique, varied: tuple[Axis, ...], wished: ValueDict, config: str | None) -> ValueDict:
    """The files' values, without those that a wish or an axis overrides; of what is varied they are the baseline's."""
    alternatives = {axis.name: axis.values for axis in varied}
    nearer = wished | alternatives
    values = configuration.read(kind, config, nearer)
    baseline = {name: value for name, value in values.items() if name in alternatives}
    for looks in (wished, *({"preset": preset} for preset in alternatives.get("preset", ()))):
        values = beneath(kind.settings, values, nearer | looks)
    return values | baseline


def _folder(picture: str, output: str | None, kind: Technique) -> Path:
    """Where the report goes; a pattern has no file to lie beside."""
    if kind.name == "pattern":
        return Path(output or f"{picture.replace(':', '-')}-study")
    from phosphene.cli.jobs import report_folder

    return report_folder(picture, output, "study")


def _make_ready(threads: int | None, side: int) -> str | None:
    """Threads and buffers of this process, which makes the variants itself; gives word of fewer threads."""
    from phosphene.cli import process
    from phosphene.cli.process import choose_threads

    process.keep_buffers((side, side))
    return choose_threads(threads)


@contextmanager
def _watching(picture: str, voice: Voice) -> Iterator[Callable[[Progress], None]]:
    """Tells of each variant: on a bar where somebody watches."""
    if not progress.watched(voice.quiet):
        yield lambda _: None
        return
    with progress.bar(Path(picture).name, quiet=voice.quiet) as bar:

        def show(told: Any) -> None:
            bar.move(told.done, f"{told.number} of {told.total}; {told.variant or 'several at once'}")

        yield show


def _report(rows: Rows, voice: Voice, seconds: float) -> None:
    from phosphene.cli.maker import spoken

    for name, why in rows.failures.items():
        voice.complain(f"{name}: {why}")
    if not rows:
        voice.say("Stopped before the first variant was done.")
    elif rows.complete:
        voice.say(f"{rows.page}: {len(rows)} variants in {spoken(seconds)}")
    elif rows.failures:
        voice.say(f"{rows.page}: {len(rows)} variants; {len(rows.failures)} did not come about")
    else:
        voice.say(f"Stopped. The report shows what there is: {rows.page}\nThe same command again goes on from there.")
