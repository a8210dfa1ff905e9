"""The commands `style` and `filters`. They load torch only when they are run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from phosphene.cli import completion, options
from phosphene.cli.resume import ARGUMENTS
from phosphene.cli.voice import Voice
from phosphene.recipes.fields import SPEED
from phosphene.recipes.style_settings import StyleSettings


@click.command(cls=options.Grouped, short_help="Repaints a picture as another one is painted.")
@click.argument("picture", shell_complete=completion.files)
@click.argument("styles", nargs=-1, metavar="[STYLE[:WEIGHT]]...", shell_complete=completion.files)
@options.output
@options.flag(
    "--show-regions",
    metavar="FILE",
    shell_complete=completion.files,
    group=options.FILE,
    help="draw what was matched with what",
)
@options.flag(
    "--long-side",
    type=click.IntRange(1),
    metavar="N",
    group=options.FILE,
    help="shrink the picture first, to so many pixels",
)
@options.flag(
    "--max-pixels",
    type=click.IntRange(0),
    metavar="N",
    group=SPEED,
    help="refuse larger pictures; 0 refuses none",
)
@options.settings(StyleSettings)
def style(
    picture: str,
    styles: tuple[str, ...],
    show_regions: str | None,
    long_side: int | None,
    max_pixels: int | None,
    **flags: Any,
) -> int:
    """Repaints PICTURE as STYLE is painted, and writes photo-style.png beside photo.jpg.

    Sky goes to sky, and wall to wall. Several styles blend: sea.jpg:2 night.jpg:1. In place of a picture, a look that
    comes with the program: phosphene style photo.jpg --filter woodcut; phosphene filters lists them.
    """
    wishes, values = options.take_wishes_(flags), options.given(flags, StyleSettings)
    values["style"] = (*styles, *values.get("style", ()))
    if not values["style"] and "filter" not in values:
        raise click.UsageError("Name a style: a picture, or a --filter. List the filters: phosphene filters")
    from phosphene.cli import maker, painting

    words = click.get_current_context().meta.get(ARGUMENTS, [])
    asked = painting.Asked(picture, values, show_regions, long_side, max_pixels, words)
    return painting.make(asked, maker.Wishes(**wishes))


@click.group(invoke_without_command=True, short_help="Lists the looks for phosphene style, or adds one.")
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=completion.files,
    help="a sheet of their thumbnails, as filters.png",
)
@click.option("--force", is_flag=True, help="replace what exists")
@click.pass_context
def filters(context: click.Context, output: str | None, force: bool) -> int:
    """Lists the looks for phosphene style --filter NAME; with -o, as a sheet of thumbnails."""
    if context.invoked_subcommand:
        return 0
    from phosphene.cli import painting, tables

    tables.table(("filter", "", "look"), painting.filter_rows())
    if output:
        painting.filter_sheet(Path(output), overwrite=force)
        Voice().say(f"{output}: a sheet of them")
    return 0


@filters.command("add", short_help="Keeps a picture as a filter of your own.")
@click.argument("name")
@click.argument("picture", shell_complete=completion.files)
@click.option("--about", default="", metavar="TEXT", help="a line about the look")
@click.option("--force", is_flag=True, help="replace what exists")
def add(name: str, picture: str, about: str, force: bool) -> int:
    """Keeps PICTURE as the filter NAME: phosphene filters add night-sea sea.jpg."""
    from phosphene.filters import library

    kept = library.add(name, picture, about=about, overwrite=force)
    Voice().say(f"{kept.folder}: use it with phosphene style PICTURE --filter {name}")
    return 0
