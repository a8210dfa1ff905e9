"""The commands that show what there is: layers, networks, presets, and how a picture was made."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from phosphene.cli import configuration, progress
from phosphene.cli.progress import Voice
from phosphene.errors import PhospheneError, SettingsError
from phosphene.recipes.fields import Named
from phosphene.recipes.settings import PRESETS, RECIPES, DreamSettings

if TYPE_CHECKING:
    from phosphene.records.record import Record
from pathlib import Path

as_json = click.option("--json", "as_json", is_flag=True, help="JSON, for programs")


@click.command()
@click.argument("model", default=DreamSettings.model, shell_complete=configuration.models)
@click.option("--all", "every", is_flag=True, help="also the steps inside blocks")
@click.option(
    "--weights",
    metavar="FILE",
    shell_complete=configuration.files,
    help="of another network: a safetensors file, or random",
)
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
    table(titles, [(_starred(row), *(row[cell] for cell in cells)) for row in rows])
    for note in network.notes:
        Voice().say(f"{network.name}: {note}")
    more = "" if every else "  --all lists the steps inside them too."
    Voice().say(f"* is where {network.name} dreams by default.{more}")


def _starred(row: Mapping[str, object]) -> str:
    return f"{row['name']} *" if row["default"] else str(row["name"])


@click.group(invoke_without_command=True)
@as_json
@click.pass_context
def networks(context: click.Context, as_json: bool) -> None:
    """Lists the networks, and fetches their weights."""
    if context.invoked_subcommand is None:
        _list_networks(as_json)


def _list_networks(as_json: bool) -> None:
    from phosphene.networks import SOURCES, find, models_folder

    rows = []
    for source in SOURCES.values():
        path = find(source)
        rows.append(
            {
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
        )
    if as_json:
        print_json(rows)
        return
    for row in rows:
        _facts(
            str(row["name"]),
            {
                "": row["about"],
                "weights": row["path"] or f"not here; fetch them with: phosphene networks get {row['name']}",
                "size": f"{row['megabytes']} MB",
                "licence": row["licence"],
            },
        )
    Voice().say(f"Weights that you put into {models_folder()} yourself are found there.")


@networks.command()
@click.argument("name", shell_complete=configuration.words(configuration.NETWORKS))
@click.option("--force", is_flag=True, help="fetch it again, and replace the file")
def get(name: str, force: bool) -> None:
    """Downloads the weights of the network NAME, and checks them."""
    from phosphene.networks.download import fetch

    with progress.download(name) as bar:
        path = fetch(name, force=force, progress=bar)
    Voice().say(f"The weights of {name} are in {path}")


@click.command()
@as_json
def presets(as_json: bool) -> None:
    """Lists the presets, and the recipes of others."""
    known = (("preset", PRESETS), ("recipe", RECIPES))
    if as_json:
        print_json(_named(kind, entry) for kind, entries in known for entry in entries.values())
        return
    for kind, entries in known:
        if entries:
            rows = [(entry.name, entry.about, _changes(entry.changes)) for entry in entries.values()]
            table((f"--{kind}", "about", "settings"), rows)


def _named(kind: str, entry: Named) -> dict[str, object]:
    return {"kind": kind, "name": entry.name, "about": entry.about, "settings": dict(entry.changes)}


def _changes(changes: Mapping[str, object]) -> str:
    return ", ".join(f"{name.replace('_', '-')} {value}" for name, value in changes.items()) or "the defaults"


@click.command()
@click.argument("pictures", nargs=-1, required=True, metavar="PICTURE...", shell_complete=configuration.files)
@as_json
def info(pictures: tuple[str, ...], as_json: bool) -> int:
    """Shows how pictures were made."""
    from phosphene.records import record

    failed = False
    for picture in pictures:
        try:
            made = record.read(_picture(picture))
        except PhospheneError as error:
            if len(pictures) == 1:
                raise
            Voice().complain(str(error))
            failed = True
            continue
        if as_json:
            click.echo(json.dumps({"picture": picture, "record": json.loads(made.to_json())}))
        else:
            _facts(picture, _told(made))
    if not as_json:
        Voice().say("* marks what is not the default.")
    return int(failed)


def _picture(name: str) -> str | bytes:
    """A picture's name, or the bytes of the one that is piped in."""
    if name != "-":
        return name
    if sys.stdin.isatty():
        raise SettingsError("Nothing is piped in. Name a picture, or pipe one: cat dream.png | phosphene info -")
    return sys.stdin.buffer.read()


def _told(made: Record) -> dict[str, object]:
    """A record's facts, one for each line."""
    origin, output = made.input, made.output
    network = [made.network.get(key, "?") for key in ("name", "file", "sha256")]
    size = f"{origin.get('width', '?')}×{origin.get('height', '?')}"
    usual = DreamSettings().to_dict()
    return {
        "made by": f"phosphene {made.recipe}{'' if made.complete else f', stopped at {made.reached}'}",
        "of": made.objective,
        "network": "{}, {}, SHA-256 {}".format(*network),
        "input": f"{origin.get('name') or origin.get('canvas', '?')}, {size}",
        "input's SHA-256": origin.get("sha256"),
        "output": f"{output.get('width', '?')}×{output.get('height', '?')}, {output.get('depth', '?')} bits",
        "versions": ", ".join(f"{name} {version}" for name, version in made.versions.items()),
        "threads": made.threads,
    } | {_flag(name, value, usual): value for name, value in made.settings.items()}


def _flag(name: str, value: object, usual: Mapping[str, object]) -> str:
    """A setting's flag, marked where it is not the default."""
    return f"--{name.replace('_', '-')}{'' if usual.get(name) in (value, None) else ' *'}"


def _facts(title: str, facts: Mapping[str, object]) -> None:
    """A heading, and a line for each fact that is known."""
    click.secho(title, bold=True)
    _rows([(f"  {name}", value) for name, value in facts.items() if value is not None], header=())
    click.echo()


def table(titles: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Prints rows under titles, as wide as the terminal."""
    _rows(rows, header=titles)


def _rows(rows: Iterable[Sequence[Any]], *, header: Sequence[str]) -> None:
    from rich.table import Table

    rows = [[str(cell) for cell in row] for row in rows]
    table = Table(box=None, show_header=bool(header), pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for index in range(max(map(len, rows), default=0)):
        # A name that is cut off cannot be typed; in the last column there is room to go on below.
        table.add_column(header[index] if header else "", overflow="fold", no_wrap=index == 0)
    for row in rows:
        table.add_row(*row)
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
@click.option(
    "-o",
    "--output",
    metavar="FILE",
    shell_complete=configuration.files,
    help="a sheet of their thumbnails, as filters.png",
)
@click.option("--force", is_flag=True, help="replace what exists")
@click.pass_context
def filters(context: click.Context, output: str | None, force: bool) -> int:
    """Lists the looks for phosphene style --filter NAME; with -o, as a sheet of thumbnails."""
    if context.invoked_subcommand:
        return 0
    pass  # REMOVED
    from phosphene.filters import library

    found = map(library.read, library.names())
    table(("filter", "", "look"), [(each.name, "yours" if each.own else "", each.about) for each in found])
    if output:
        _draw(Path(output), overwrite=force)
        Voice().say(f"{output}: a sheet of them")
    return 0


@filters.command("add", short_help="Keeps a picture as a filter of your own.")
@click.argument("name")
@click.argument("picture", shell_complete=configuration.files)
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
