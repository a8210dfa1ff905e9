"""The commands that make pictures, one for each technique, and `redo`. They load torch only when they are run."""

from functools import partial
from typing import Any

import click

from phosphene.cli import configuration, options
from phosphene.cli.options import FILE
from phosphene.cli.resume import ARGUMENTS
from phosphene.errors import SettingsError
from phosphene.recipes.fields import ValueDict
from phosphene.recipes.pattern_settings import word
from phosphene.techniques import TECHNIQUES, Technique

_SIZES = {
    "picture": "of a canvas, in pixels  [768x512]",
    "words": "of a pattern, in pixels  [320x320; on a sheet 128x128]",
}


def command(technique: Technique) -> click.Command:
    """The command that makes a technique's pictures, with a flag for each of its settings."""
    add = [
        _words(technique),
        options.output,
        options.machines,
        options.looks(technique),
        options.config,
        *_opening(technique),
        options.settings(technique.settings),
    ]
    if technique.draws_regions:
        add.insert(2, options.show_regions)
    make = partial(_make, technique)
    for each in reversed(add):
        make = each(make)
    told = {"help": technique.help or technique.about, "short_help": technique.about}
    return click.command(technique.name, cls=options.Grouped, **told)(make)


def _words(technique: Technique) -> Any:
    """What is worked on, and what further words stand for."""
    if technique.takes == "words":
        return click.argument("words", nargs=-1, metavar="[LAYER:CHANNEL]...", shell_complete=configuration.layers)
    metavar = f"PICTURE... [{technique.further.upper()}]..." if technique.further else "PICTURE..."
    return click.argument("words", nargs=-1, metavar=metavar, shell_complete=configuration.pictures)


def _opening(technique: Technique) -> list[Any]:
    """The flags that say how a picture is opened."""
    size = options.flag("--size", group=FILE, metavar="WxH", help=_SIZES[technique.takes])
    if technique.takes == "words":
        return [size, options.max_pixels]
    about = "look through a folder with all below it, and keep its tree"
    return [
        options.flag("--recursive", group=FILE, is_flag=True, help=about),
        options.flag(
            "--long-side",
            group=FILE,
            type=click.IntRange(1),
            metavar="N",
            help="shrink the picture first, to so many pixels",
        ),
        size,
        options.max_pixels,
    ]


def _make(technique: Technique, **flags: Any) -> int:
    """Makes what a command line asks for; returns the exit code."""
    from phosphene.cli import process  # noqa: F401 - it counts what others use from here on, while torch is loaded

    wishes = options.take_wishes_(flags)
    more = {name: flags.pop(name, None) for name in ("config", "size", "long_side", "max_pixels")}
    scheduler, workers = flags.pop("scheduler"), flags.pop("workers")
    words, recursive, regions = flags.pop("words"), flags.pop("recursive", False), flags.pop("show_regions", None)
    looks = {name: value for name in technique.looks if (value := flags.pop(name)) is not None}
    typed = options.given(flags, technique.settings)
    inputs, typed = _shared_out(technique, words, typed | looks)
    values = configuration.wished(technique, more["config"], typed)
    _check_named(technique, inputs, values)
    for each in inputs if technique.takes == "words" else ():
        word(each)
    # What is wrong with them is said before torch is loaded; of words, each has settings of its own.
    settings = technique.choose(**values) if technique.takes == "picture" else None
    from phosphene.cli import jobs, maker
    from phosphene.cli.machines import Machines
    from phosphene.images import MAX_PIXELS
    from phosphene.techniques.engine import Opening

    alone = scheduler is None and workers is None
    limit = MAX_PIXELS if more["max_pixels"] is None else more["max_pixels"]
    asked = jobs.Asked(
        technique,
        inputs,
        values,
        settings,
        Opening(jobs.canvas_size(more["size"]), more["long_side"], limit),
        recursive,
        click.get_current_context().meta.get(ARGUMENTS, []),
        None if alone else Machines(scheduler, workers, wishes["threads"]),
        regions,
    )
    return jobs.make(asked, maker.Wishes(**wishes))


def _shared_out(technique: Technique, words: tuple[str, ...], typed: ValueDict) -> tuple[tuple[str, ...], ValueDict]:
    """The words that are inputs, and the wishes with those that name something else.

    >>> _, style, *_ = TECHNIQUES.values()
    >>> _shared_out(style, ("photo.jpg", "waves.jpg"), {})
    (('photo.jpg',), {'style': ('waves.jpg',)})
    >>> _shared_out(style, ("a.jpg", "b.jpg"), {"filter": "woodcut"})
    (('a.jpg', 'b.jpg'), {'filter': 'woodcut'})
    """
    others = technique.settings.OVERRIDES.get(technique.further, ())
    if not technique.further or any(name in typed for name in (technique.further, *others)) or not words[1:]:
        return words, typed
    return words[:1], typed | {technique.further: words[1:]}


def _check_named(technique: Technique, inputs: tuple[str, ...], values: ValueDict) -> None:
    """Refuses a command line that does not say what is made of what.

    Raises:
        click.UsageError: what is missing, and where to find it.
    """
    if technique.takes == "words":
        if not inputs and not {"layer", "objective"} & values.keys():
            raise click.UsageError("Name a channel, as block8:37, or a layer, as block8. List them: phosphene layers")
        if "," in (values.get("layer") or ""):
            raise SettingsError(f"--layer {values['layer']}: a pattern is of one layer. For several, use --objective.")
    elif not inputs:
        raise click.UsageError("Name a picture, a folder, or a canvas: clouds, noise or grey.")
    needed = technique.further and {technique.further, *technique.settings.OVERRIDES.get(technique.further, ())}
    if needed and not any(values.get(name) for name in needed):
        raise click.UsageError("Name a style: a picture, or a --filter. List the filters: phosphene filters")


@click.command(cls=options.OfEveryTechnique, short_help="Makes a dream, a pattern or a painting again.")
@click.argument("picture", shell_complete=configuration.files)
@options.output
@options.flag(
    "--input",
    "input_",
    group=FILE,
    metavar="PATH",
    shell_complete=configuration.files,
    help="the picture it began as, if not beside it",
)
def redo(picture: str, input_: str | None, **flags: Any) -> int:
    """Makes a dream, a pattern or a painting again from the record inside PICTURE, perhaps with other settings.

    The result is another file, cat-dream-redo.png for cat-dream.png.
    """
    wishes = options.take_wishes_(flags)
    changes = options.given(flags, *(each.settings for each in TECHNIQUES.values()))
    from phosphene.cli import again, maker

    words = click.get_current_context().meta.get(ARGUMENTS, [])
    return again.again(picture, input_, changes, maker.Wishes(**wishes), words)
