"""The commands that make pictures: one for each technique, `redo` and `resume`. They load torch only when run."""

import contextlib
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import click

from phosphene.cli import configuration, options
from phosphene.cli.options import file_flag, flag
from phosphene.errors import SettingsError
from phosphene.names import CANVASES
from phosphene.recipes.fields import ValueDict
from phosphene.recipes.pattern_settings import word
from phosphene.techniques import TECHNIQUES, Technique

ARGUMENTS = "phosphene.arguments"  # in click's context: the command line that is run


def command(technique: Technique) -> click.Command:
    """The command that makes a technique's pictures, with a flag for each of its settings."""
    add = options.together(
        _words(technique),
        options.output,
        *([options.show_regions] if technique.draws_regions else []),
        options.machines,
        options.looks(technique),
        options.config,
        *([options.like] if technique.takes == "picture" else []),
        *_opening(technique),
        options.settings(technique.settings),
    )
    told = {"help": technique.help or technique.about, "short_help": technique.about}
    return click.command(technique.name, cls=options.Grouped, **told)(add(partial(_make, technique)))


def _words(technique: Technique) -> Callable[[options.Function], options.Function]:
    """What is worked on, and what further words stand for."""
    if technique.takes == "words":
        return click.argument("words", nargs=-1, metavar="[LAYER:CHANNEL]...", shell_complete=configuration.layers)
    metavar = f"PICTURE... [{technique.further.upper()}]..." if technique.further else "PICTURE..."
    return click.argument("words", nargs=-1, metavar=metavar, shell_complete=configuration.pictures)


def _opening(technique: Technique) -> list[Callable[[options.Function], options.Function]]:
    """The flags that say how a picture is opened."""
    if technique.takes == "words":
        about = "of a pattern, in pixels  [320x320; on a sheet 128x128]"
        return [file_flag("--size", metavar="WxH", help=about), options.max_pixels]
    small = "shrink the picture first, to so many pixels"
    return [
        file_flag("--recursive", is_flag=True, help="look through a folder with all below it, and keep its tree"),
        file_flag("--long-side", type=click.IntRange(1), metavar="N", help=small),
        file_flag(
            "--enlarge",
            type=click.FloatRange(1, 16),
            metavar="X",
            help="enlarge the picture first, so many times as high and wide: a poster",
        ),
        file_flag("--size", metavar="WxH", help="of a canvas, in pixels  [768x512]"),
        options.profile,
        options.max_pixels,
    ]


def _make(technique: Technique, **flags: Any) -> int:
    """Makes what a command line asks for; returns the exit code."""
    from phosphene.cli import process  # noqa: F401 - it counts what others use from here on, while torch is loaded

    out = options.OutputOptions.take_(flags)
    names = ("words", "config", "like", "size", "long_side", "max_pixels", "profile", "enlarge", "recursive")
    own = {name: flags.pop(name, None) for name in (*names, "show_regions", "scheduler", "workers")}
    looks = {name: value for name in technique.looks if (value := flags.pop(name)) is not None}
    typed = options.given(flags, technique.settings)
    inputs, typed = _shared_out(technique, own["words"], typed | looks)
    values = configuration.requested(technique, own["config"], typed, own["like"])
    _check_named(technique, inputs, values)
    # What is wrong with them is said before torch is loaded; of words, each has settings of its own.
    for each in inputs if technique.takes == "words" else ():
        word(each)
    settings = technique.choose(**values) if technique.takes == "picture" else None
    from phosphene.batch import plan
    from phosphene.cli import jobs
    from phosphene.images import MAX_PIXELS
    from phosphene.techniques.opening import Opening

    alone = own["scheduler"] is None and own["workers"] is None
    limit = MAX_PIXELS if own["max_pixels"] is None else own["max_pixels"]
    opening = Opening(
        jobs.canvas_size(own["size"]), own["long_side"], limit, own["profile"] or "srgb", own["enlarge"] or 1.0
    )
    planned = plan(
        inputs,
        out.output,
        technique=technique,
        requested=values,
        settings=settings,
        recursive=bool(own["recursive"]),
        force=out.force,
    )
    machines = None if alone else jobs.Machines(own["scheduler"], own["workers"], out.threads)
    command = click.get_current_context().meta[ARGUMENTS]
    return jobs.Jobs(replace(planned, opening=opening), values, out, machines, command, own["show_regions"]).make()


def _shared_out(technique: Technique, words: tuple[str, ...], typed: ValueDict) -> tuple[tuple[str, ...], ValueDict]:
    """The words that are inputs, and the requested settings with those that name something else.

    >>> _, style, *_ = TECHNIQUES.values()
    >>> _shared_out(style, ("photo.jpg", "waves.jpg"), {})[1][style.further]
    ('waves.jpg',)
    >>> _shared_out(style, ("a.jpg", "b.jpg"), {"filter": "woodcut"})
    (('a.jpg', 'b.jpg'), {'filter': 'woodcut'})
    """
    if not technique.further or any(name in typed for name in technique.needs) or not words[1:]:
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
        raise click.UsageError(f"Name a picture, a folder, or a canvas: {', '.join(CANVASES)}.")
    if technique.needs and not any(map(values.get, technique.needs)):
        raise click.UsageError("Name a style: a picture, or a --filter. List the filters: phosphene filters")


@click.command(cls=options.OfEveryTechnique, short_help="Makes a dream, a pattern or a painting again.")
@click.argument("picture", shell_complete=configuration.files)
@options.output
@file_flag("--input", "input_", metavar="PATH", help="the picture it began as, if not beside it")
@options.max_pixels
@click.pass_context
def redo(context: click.Context, /, picture: str, input_: str | None, max_pixels: int | None, **flags: object) -> int:
    """Makes a dream, a pattern or a painting again from the record inside PICTURE, perhaps with other settings.

    The result is another file, cat-dream-redo.png for cat-dream.png.
    """
    out = options.OutputOptions.take_(flags)
    changes = options.given(flags, *(each.settings for each in TECHNIQUES.values()))
    from phosphene.cli import again, film
    from phosphene.images import MAX_PIXELS

    limit = MAX_PIXELS if max_pixels is None else max_pixels
    if film.is_film(picture):
        return film.redo(picture, input_, changes, out, limit)
    return again.again(picture, input_, changes, out, limit, context.meta[ARGUMENTS])


@click.command(short_help="Goes on with a run that stopped.")
@click.argument("picture", shell_complete=configuration.files)
@flag("--model", metavar="FILE.py:NAME", help="the program of the run's own network, which runs only if named")
@click.pass_context
def resume(context: click.Context, picture: str, model: str | None) -> int:
    """Goes on with the run that was to write PICTURE and stopped: the same command, from where it was.

    Such a run leaves a folder PICTURE.unfinished, which is gone when the picture is there.
    """
    from phosphene.cli import resuming
    from phosphene.errors import ImageError
    from phosphene.records import journal

    output = Path(picture.removesuffix(journal.SUFFIX))
    found = journal.read(journal.folder_of(output))
    if found is None:
        for kind in ("atlas", "study"):
            if (output / f"{kind}.json").is_file():
                raise ImageError(
                    f"{output} is the report of a run: give the command that began it, phosphene {kind} …, once more."
                )
        raise ImageError(
            f"No run that writes {output} was stopped: there is no {journal.folder_of(output).name}.\n"
            "A run keeps one from its first twenty seconds on. To make a finished picture again: phosphene redo PICTURE"
        )
    folder, words = resuming.command(found.get("command"), output)
    own, written = None if model is None else str(Path(model).absolute()), output.resolve()
    words = [_named_again(word, own, picture) for word in words]
    front = context.find_root().command
    with contextlib.chdir(folder), front.make_context("phosphene", words) as again:
        again.meta[resuming.RESUMED] = written
        code = front.invoke(again)
    return code if isinstance(code, int) else 0


def _named_again(word: str, model: str | None, picture: str) -> str:
    """A word of a journal; in place of a program, which it must not have run, the one that the user named."""
    from phosphene import networks

    flag = "--model=" if word.startswith("--model=") else ""
    name = word.removeprefix(flag)
    if not networks.is_program(name):
        return word
    if model is None:
        networks.refuse_program(name, "The stopped run", f"phosphene resume {picture} --model {{}}")
    return f"{flag}{model}"
