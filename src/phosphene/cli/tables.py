"""The commands that show what there is: layers, networks, presets, and how a picture was made."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from phosphene.cli import configuration, progress
from phosphene.cli.options import flag, weights
from phosphene.cli.progress import Console, check_piped, piped
from phosphene.errors import PhospheneError, in_shell
from phosphene.names import NETWORKS
from phosphene.recipes import fields
from phosphene.recipes.settings import PRESETS, RECIPES, DreamSettings
from phosphene.techniques import TECHNIQUES

if TYPE_CHECKING:
    from phosphene.networks.registry import Source
    from phosphene.records.record import Record

as_json = flag("--json", "as_json", is_flag=True, help="JSON, for programs")


@click.command()
@click.argument("model", default=DreamSettings.model, shell_complete=configuration.models)
@flag("--all", "every", is_flag=True, help="also the steps inside blocks")
@weights
@as_json
def layers(model: str, every: bool, weights: str | None, as_json: bool) -> None:
    """Lists the layers of a network, MODEL, and what they bring out."""
    from phosphene.networks import load

    network = load(model, weights=weights)
    rows = [
        {
            "name": layer.name,
            "channels": layer.channels,
            "stride": layer.stride,
            "receptive_field": layer.receptive_field,
            "shows": layer.shows,
            "default": layer.name == network.default_layer,
        }
        for layer in network.layers.values()
        if every or layer.shows
    ]
    if as_json:
        print_json(rows)
        return
    titles = ("layer", "channels", "stride", "sees (pixels)", "shows")
    cells = ("channels", "stride", "receptive_field", "shows")
    table(titles, [(starred(row["name"], row["default"]), *(row[cell] for cell in cells)) for row in rows])
    for note in network.notes:
        Console().say(f"{network.name}: {note}")
    more = "" if every else "  --all lists the steps inside them too."
    Console().say(f"* is where {network.name} dreams by default.{more}")


def starred(name: object, chosen: object) -> str:
    """A name, with a star where it is the chosen one."""
    return f"{name} *" if chosen else f"{name}"


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def networks(context: click.Context, as_json: bool) -> None:
    """Lists the networks, and fetches their weights."""
    if context.invoked_subcommand:
        return
    from phosphene.networks import SOURCES, find, models_folder

    rows = [_described(source, find(source)) for source in SOURCES.values()]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        told = {
            "": row["about"],
            "weights": row["path"] or f"not here; fetch them with: phosphene networks get {row['name']}",
            "size": f"{row['megabytes']} MB",
            "licence": row["licence"],
        }
        _facts(str(row["name"]), told)
    Console().say(f"Weights that you put into {models_folder()} yourself are found there.")


def _described(source: Source, path: Path | None) -> dict[str, object]:
    """A network and its weights' file, as JSON has them."""
    return {
        "name": source.name,
        "about": source.about,
        "present": path is not None,
        "file": source.file,
        "path": str(path) if path else None,
        "address": source.address or None,
        "megabytes": source.size,
        "licence": source.licence,
        "default_layer": source.default_layer,
    }


@networks.command()
@click.argument("name", shell_complete=configuration.words(NETWORKS))
@flag("--force", is_flag=True, help="fetch it again, and replace the file")
def get(name: str, force: bool) -> None:
    """Downloads the weights of the network NAME, and checks them."""
    from phosphene.networks.registry import fetch

    with progress.download(name) as bar:
        path = fetch(name, force=force, progress=bar)
    Console().say(f"The weights of {name} are in {path}")


@click.command()
@as_json
def presets(as_json: bool) -> None:
    """Lists the presets, and the recipes of others."""
    known = {"preset": PRESETS, "recipe": RECIPES}
    if as_json:
        print_json(
            {"kind": kind, "name": entry.name, "about": entry.about, "settings": dict(entry.changes)}
            for kind, entries in known.items()
            for entry in entries.values()
        )
        return
    for kind, entries in known.items():
        rows = [(entry.name, entry.about, _changes(entry.changes)) for entry in entries.values()]
        table((f"--{kind}", "about", "settings"), rows)


def _changes(changes: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', '-')} {value}" for name, value in changes.items()) or "the defaults"


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...", shell_complete=configuration.files)
@flag("--all", "in_full", is_flag=True, help="every setting, and not only those that are not the usual ones")
@as_json
def info(pictures: tuple[str, ...], in_full: bool, as_json: bool) -> int:
    """Shows how pictures were made, and the commands that make them again, or another picture so."""
    failed = False
    for picture in pictures:
        try:
            made = _record(picture)
        except PhospheneError as error:
            if len(pictures) == 1:
                raise
            Console().complain(str(error))
            failed = True
            continue
        if as_json:
            click.echo(json.dumps({"picture": picture, "record": json.loads(made.to_json())}))
        else:
            _facts(picture, _told(made, picture, in_full=in_full))
    if not as_json:
        Console().say("* marks what is not the default." if in_full else "--all shows every setting.")
    return int(failed)


def _record(name: str) -> Record:
    """The record of a picture or a film."""
    from phosphene.cli import film
    from phosphene.records import record

    return film.record_of(name) if film.is_film(name) else record.read(_picture(name))


def _picture(name: str) -> str | bytes:
    """A picture's name, or the bytes of the one that is piped in."""
    if name != "-":
        return name
    check_piped("cat dream.png | phosphene info -")
    return piped().getvalue()


def _told(made: Record, picture: str, *, in_full: bool) -> dict[str, object]:
    """A record's facts, one for each line."""
    origin, output = made.input, made.output
    network = [made.network.get(key, "?") for key in ("name", "file", "sha256")]
    size = f"{origin.get('width', '?')}×{origin.get('height', '?')}"
    technique = TECHNIQUES.get(str(made.settings.get("technique", made.recipe)))
    recipe = TECHNIQUES.get(made.recipe)
    usual = technique.settings().to_dict() if technique else {}
    changed = {name for name, value in made.settings.items() if usual.get(name) != value}
    again = None if picture == "-" else in_shell("phosphene", "redo", picture)
    return {
        "made by": f"phosphene {made.recipe}{'' if made.complete else f', stopped at {made.reached}'}",
        "of": made.objective,
        "network": "{}, {}, SHA-256 {}".format(*network),
        "input": f"{origin.get('name') or origin.get('canvas', '?')}, {size}",
        "input's SHA-256": origin.get("sha256"),
        "output": f"{output.get('width', '?')}×{output.get('height', '?')}, {output.get('depth', '?')} bits",
        "frames": f"{output['frames']}, {output.get('rate', '?')} a second" if "frames" in output else None,
        "versions": ", ".join(f"{name} {version}" for name, version in made.versions.items()),
        "threads": made.threads,
        "again": again,
        "another so": f"{again} --input PICTURE" if again and recipe and recipe.takes == "picture" else None,
    } | {
        fields.flag(name) + " *" * (in_full and name in changed): value
        for name, value in made.settings.items()
        if in_full or name in changed
    }


def _facts(title: str, facts: Mapping[str, object]) -> None:
    """A heading, and a line for each fact that is known."""
    click.secho(title, bold=True)
    table((), [(f"  {name}", value) for name, value in facts.items() if value is not None])
    click.echo()


def table(titles: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints rows, perhaps under titles, as wide as the terminal."""
    from rich.table import Table

    table = Table(box=None, show_header=bool(titles), pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index in range(max(map(len, rows), default=0)):
        # A name that is cut off cannot be typed; in the last column there is room to go on below.
        table.add_column(titles[index] if titles else "", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*map(str, row))
    _show(table)


def _show(table: object) -> None:
    """Prints to standard output: as wide as the terminal, and plain and without end in a pipe."""
    from rich.console import Console

    terminal = sys.stdout.isatty()
    console = Console(width=None if terminal else 100_000, markup=False, highlight=False, emoji=False)
    if terminal:
        console.print(table)
        return
    with console.capture() as captured:
        console.print(table)
    click.echo("\n".join(line.rstrip() for line in captured.get().splitlines()))


def print_json(rows: Iterable[object]) -> None:
    """Prints rows for programs."""
    click.echo(json.dumps(list(rows), indent=1))


# The command `filters`. It loads torch only when it is run

THUMBNAIL = 192  # pixels of a filter's side on the sheet


@click.group(invoke_without_command=True, short_help="Lists the looks for phosphene style, or adds one.")
@flag("-o", "--output", metavar="FILE", help="a sheet of their thumbnails, as filters.png")
@flag("--force", is_flag=True, help="replace what exists")
@click.pass_context
def filters(context: click.Context, output: str | None, force: bool) -> None:
    """Lists the looks for phosphene style --filter NAME; with -o, as a sheet of thumbnails."""
    if context.invoked_subcommand:
        return
    from phosphene.filters import library

    found = map(library.read, library.names())
    table(("filter", "", "look"), [(each.name, "yours" if each.own else "", each.about) for each in found])
    if output:
        _draw(Path(output), overwrite=force)
        Console().say(f"{output}: a sheet of them")


@filters.command("add", short_help="Keeps a picture as a filter of your own.")
@click.argument("name")
@click.argument("picture", shell_complete=configuration.files)
@flag("--about", default="", metavar="TEXT", help="a line about the look")
@flag("--force", is_flag=True, help="replace what exists")
def add(name: str, picture: str, about: str, force: bool) -> None:
    """Keeps PICTURE as the filter NAME: phosphene filters add night-sea sea.jpg."""
    from phosphene.filters import library

    kept = library.add(name, picture, about=about, overwrite=force)
    Console().say(f"{kept.folder}: use it with phosphene style PICTURE --filter {name}")


def _draw(output: Path, *, overwrite: bool) -> None:
    """Writes a sheet of the filters' thumbnails."""
    from phosphene import filters, images
    from phosphene.images.sources import refuse
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
