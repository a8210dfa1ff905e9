"""The command `filters`. It loads torch only when it is run."""

from __future__ import annotations

from pathlib import Path

import click

from phosphene.cli import completion
from phosphene.cli.voice import Voice

THUMBNAIL = 192  # pixels of a filter's side on the sheet


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
    from phosphene.cli import tables
    from phosphene.filters import library

    found = map(library.read, library.names())
    tables.table(("filter", "", "look"), [(each.name, "yours" if each.own else "", each.about) for each in found])
    if output:
        _draw(Path(output), overwrite=force)
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


def _draw(output: Path, *, overwrite: bool) -> None:
    """Writes a sheet of the filters' thumbnails.

    Raises:
        PhospheneError: it cannot be written.
    """
    from phosphene import filters, images
    from phosphene.images.atomic import refuse
    from phosphene.pixels import sheets
    from phosphene.pixels.transforms import shrink

    images.format_of(output)
    refuse(output, overwrite=overwrite)
    cells = []
    for name in filters.names():
        pixels = filters.read(name).pixels()
        side = min(pixels.shape[-2:])
        cells.append((name, shrink(pixels[..., :side, :side], THUMBNAIL / side)))
    images.save(sheets.sheet(cells, heading="phosphene style PICTURE --filter NAME"), output, overwrite=overwrite)
