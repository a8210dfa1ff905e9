"""The commands that make pictures: `dream` and `redo`. They load torch only when they are run."""

from __future__ import annotations

from typing import Any

import click

from phosphene.cli import completion, configuration, options
from phosphene.cli.resume import ARGUMENTS
from phosphene.recipes.fields import SPEED
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import DreamSettings, settings, wished
from phosphene.recipes.style_settings import StyleSettings

SETTINGS = (DreamSettings, PatternSettings, StyleSettings)


@click.command(cls=options.Grouped, short_help="Dreams upon pictures.")
@click.argument("inputs", nargs=-1, metavar="PICTURE...", shell_complete=completion.pictures)
@options.output
@options.machines
@options.looks
@options.flag(
    "--long-side",
    type=click.IntRange(1),
    metavar="N",
    group=options.FILE,
    help="shrink the picture first, to so many pixels",
)
@options.flag("--size", metavar="WxH", group=options.FILE, help="of a canvas, in pixels  [768x512]")
@options.flag(
    "--max-pixels",
    type=click.IntRange(0),
    metavar="N",
    group=SPEED,
    help="refuse larger pictures; 0 refuses none",
)
@options.settings(DreamSettings)
def dream(
    inputs: tuple[str, ...],
    preset: str | None,
    recipe: str | None,
    config: str | None,
    long_side: int | None,
    size: str | None,
    max_pixels: int | None,
    workers: int | None,
    scheduler: str | None,
    **flags: Any,
) -> int:
    """Dreams upon pictures, and writes photo-dream.png beside photo.jpg.

    PICTURE is a file, a folder, a pattern such as '*.jpg', - for standard input, or a canvas: clouds, noise, grey.
    """
    if not inputs:
        raise click.UsageError("Name a picture, a folder, or a canvas: clouds, noise or grey.")
    wishes = options.take_wishes_(flags)
    typed = options.given(flags, DreamSettings)
    looks = {name: value for name, value in (("recipe", recipe), ("preset", preset)) if value is not None}
    values = wished(configuration.read(config, typed), typed | looks)
    preset, recipe = values.get("preset"), values.get("recipe")
    values = {name: value for name, value in values.items() if name not in configuration.LOOKS}
    chosen = settings(recipe=recipe, preset=preset, **values)
    from phosphene.cli import checks, jobs, maker
    from phosphene.cli.machines import Machines
    from phosphene.images import MAX_PIXELS

    layer_of = None if "layer" in values else configuration.layer_from(recipe, preset)
    limit = MAX_PIXELS if max_pixels is None else max_pixels
    machines = Machines(scheduler, workers, wishes["threads"])
    words = click.get_current_context().meta.get(ARGUMENTS, [])
    asked = jobs.Asked(
        inputs, chosen, recipe, preset, long_side, checks.canvas_size(size), limit, words, layer_of, machines
    )
    return jobs.dream(asked, maker.Wishes(**wishes))


@click.command(cls=options.Grouped, short_help="Makes a dream, a pattern or a painting again.")
@click.argument("picture", shell_complete=completion.files)
@options.output
@options.flag(
    "--input",
    "input_",
    metavar="PATH",
    shell_complete=completion.files,
    group=options.FILE,
    help="the picture it began as, if not beside it",
)
@options.settings(*SETTINGS)
def redo(picture: str, input_: str | None, **flags: Any) -> int:
    """Makes a dream, a pattern or a painting again from the record inside PICTURE, perhaps with other settings.

    The result is another file, cat-dream-redo.png for cat-dream.png.
    """
    wishes, changes = options.take_wishes_(flags), options.given(flags, *SETTINGS)
    from phosphene.cli import again, maker

    words = click.get_current_context().meta.get(ARGUMENTS, [])
    return again.again(picture, input_, changes, maker.Wishes(**wishes), words)
