"""The command that ranks a network's layers by how well guides match a picture."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from phosphene.cli import configuration, options, progress, tables
from phosphene.cli.options import flag
from phosphene.cli.progress import Console
from phosphene.errors import SettingsError, in_shell
from phosphene.recipes.fields import numbers
from phosphene.recipes.settings import DreamSettings
from phosphene.startup import loading

if TYPE_CHECKING:
    from torch import Tensor

    from phosphene.features.ranking import Ranked
    from phosphene.networks import Network

SCALE = max(numbers(DreamSettings.guide_scales, "--guide-scales"))  # as a dream has it
_COLUMNS = {
    "score": ".4g",
    "match": ".3f",
    "shuffled": ".3f",
    "unrelated": ".3f",
    "response": ".2f",
    "dot": ".4g",
    "shows": "",
}
"""What is told of a layer, and how its number is written."""


@dataclass(frozen=True)
class Asked:
    """What is to be matched, and how."""

    pictures: tuple[str, ...]
    model: str
    weights: str | None
    by: str
    scale: float
    every: bool
    top: int
    output: Path | None
    force: bool
    seed: int


@click.command(short_help="Ranks the layers by how well guides match a picture.")
@click.argument("picture", shell_complete=configuration.pictures)
@click.argument("guides", nargs=-1, required=True, metavar="GUIDE...", shell_complete=configuration.files)
@flag("-o", "--output", metavar="FILE", help="a sheet of the best layers' dreams, as matches.png")
@flag("--top", type=click.IntRange(1, 100), default=6, metavar="N", help="how many dreams are on it  [6]")
@flag("--by", default="cosine", metavar="cosine|dot", help="what ranks: dot is raw, as in others' notes  [cosine]")
@flag("--scale", type=float, default=SCALE, metavar="X", help=f"the guides' long side, of the picture's  [{SCALE:g}]")
@flag("--all", "every", is_flag=True, help="also the layers inside blocks")
@flag("--model", default=DreamSettings.model, metavar="NAME|FILE", help="the network: a name or a weights file")
@options.weights
@flag("--seed", type=click.IntRange(0), default=0, metavar="N", help="of the positions that are looked at  [0]")
@flag("--force", is_flag=True, help="replace what exists")
@options.quiet
@tables.as_json
def match(picture: str, guides: tuple[str, ...], output: str | None, quiet: bool, as_json: bool, **more: Any) -> None:
    """Ranks the layers of a network by how well the features of GUIDE can be found in PICTURE.

    Beside the match is what guides get that were shuffled, or robbed of their shapes: a layer is worth what it finds
    over these.
    """
    asked = Asked((picture, *guides), output=Path(output) if output else None, **more)
    _check(asked)
    from phosphene import networks
    from phosphene.features import ranking
    from phosphene.techniques.engine import ImageCache

    console = Console(quiet)
    network = networks.load(asked.model, weights=asked.weights)
    loading.end()
    shown, leading = ImageCache(network.dtype)(picture), list(map(ImageCache(network.dtype), guides))
    layers = tuple(network.layers) if asked.every else None
    ranked = ranking.rank(shown, leading, network, layers=layers, by=asked.by, scale=asked.scale, seed=asked.seed)
    together = ranking.companions(ranked, network, DreamSettings.top)
    rows = [
        asdict(each) | {"shows": network.layer(each.layer).shows, "best": place == 0}
        for place, each in enumerate(ranked)
    ]
    if as_json:
        tables.print_json(rows)
    else:
        cells = [
            (tables.starred(row["layer"], row["best"]), *(format(row[name], how) for name, how in _COLUMNS.items()))
            for row in rows
        ]
        tables.table(("layer", *_COLUMNS), cells)
    console.say(_advice(asked, [each.layer for each in together]))
    _draw(asked, network, shown, leading, ranked, console)


def _check(asked: Asked) -> None:
    """Refuses what cannot become a sheet, before any work is done for it."""
    if not asked.output:
        return
    from phosphene import batch, images
    from phosphene.images.sources import refuse

    images.format_of(asked.output)
    refuse(asked.output, overwrite=asked.force)
    if batch.overwritten(asked.output, asked.pictures):
        raise SettingsError(f"-o {asked.output} is one of the pictures. Give the sheet a name of its own.")


def _advice(asked: Asked, layers: Sequence[str]) -> str:
    """The command that dreams with the best layers."""
    picture, *guides = map(in_shell, asked.pictures)
    model = "" if asked.model == DreamSettings.model else f" --model {in_shell(asked.model)}"
    scales = "" if asked.scale == SCALE else f" --guide-scales {asked.scale:g}"
    words = " ".join(f"--guide {guide}" for guide in guides) + scales
    more = f"\nWith others beside it: --layer {','.join(layers)}" if layers[1:] else ""
    return f"* matches best. Dream it: phosphene {picture} {words} --layer {layers[0]}{model}{more}"


def _draw(
    asked: Asked,
    network: Network,
    picture: Tensor,
    guides: Sequence[Tensor],
    ranked: Sequence[Ranked],
    console: Console,
) -> None:
    """Dreams small with the best layers, and saves the sheet."""
    if not asked.output:
        return
    from phosphene import images
    from phosphene.pixels import sheets
    from phosphene.reports import matching_sheet

    cells, small = matching_sheet.beginning(picture, guides), matching_sheet.small(picture)
    # Motifs of as many pixels as in a large dream, as far as there is room for them.
    room = max(picture.shape[-2:]) / max(small.shape[-2:])
    scale = min(max(1.0, asked.scale), asked.scale * room)
    for each in ranked[: asked.top]:
        with progress.bar(each.layer, quiet=console.quiet) as bar:
            dreamt = matching_sheet.guided(small, guides, network, [each.layer], scale=scale, on_step=bar.show)
        cells.append((f"{each.layer}  {each.score:.3g}", dreamt))
    page = sheets.sheet(cells, columns=math.ceil(math.sqrt(len(cells))))
    for note in images.save(page, asked.output, overwrite=asked.force):
        console.say(f"{asked.output}: {note}")
    best = len(ranked[: asked.top])
    console.say(f"{asked.output}: the picture, its guides, and what the best {best} layers dream of them")
