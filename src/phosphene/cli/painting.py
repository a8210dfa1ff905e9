"""From a command line to a painting's file; and the sheet of filters."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from phosphene import batch, filters, images, networks, sheets
from phosphene.ascent import OnStep
from phosphene.batch import Input, Job
from phosphene.cli.checks import check_preview, check_streams
from phosphene.cli.interruption import Interruption
from phosphene.cli.maker import Maker, Wishes
from phosphene.errors import SettingsError
from phosphene.images.atomic import refuse
from phosphene.recipes.style_settings import weighted
from phosphene.run import Dream
from phosphene.run import style as styles
from phosphene.transforms import shrink

THUMBNAIL = 192  # pixels of a filter's side on the sheet


@dataclass(frozen=True)
class Asked:
    """What `phosphene style` was asked for."""

    picture: str
    values: Mapping[str, Any]
    show_regions: str | None
    long_side: int | None
    max_pixels: int | None
    command: Sequence[str] = ()  # what was typed, for a run that is resumed


def make(asked: Asked, wishes: Wishes) -> int:
    """Makes a painting; returns the exit code."""
    chosen = styles.settings(**asked.values)
    (source, *others), many = batch.expand([asked.picture])
    if many or others or source.kind != "file":
        raise SettingsError(f"{asked.picture}: phosphene style takes one picture at a time, a file.")
    job = Job(source, _output(source, chosen.to_dict(), wishes.output))
    _check(job, asked, wishes)
    with Interruption() as stop:
        maker = Maker(wishes, stop)
        network = networks.load_for(chosen)

        def painting(on_step: OnStep) -> Dream:
            limit = images.MAX_PIXELS if asked.max_pixels is None else asked.max_pixels
            painted = styles.style(
                source.name,
                network=network,
                on_step=on_step,
                long_side=asked.long_side,
                max_pixels=limit,
                keep=maker.keep(job.output, asked.command),
                **chosen.to_dict(),
            )
            if asked.show_regions:
                images.save(painted.regions, asked.show_regions, overwrite=wishes.force)
            return painted

        maker.make_only(job, painting)
        return stop.exit_code


def _check(job: Job, asked: Asked, wishes: Wishes) -> None:
    """Refuses what can be known to be wrong before any work is done."""
    read = [job.source, *(Input(weighted(word)[0]) for word in asked.values.get("style", ()))]
    if job.output:
        batch.check(job.output, force=wishes.force)
    check_streams(job, wishes)
    check_preview([job.output], read, wishes)
    written = [Path(name) for name in (job.output, asked.show_regions) if name]
    for each in read:
        if Path(each.name).resolve() in {path.resolve() for path in written}:
            raise SettingsError(f"{each.name} would be written over. Give the painting a name of its own.")
    if asked.show_regions:
        refuse(Path(asked.show_regions), overwrite=wishes.force)
        images.format_of(Path(asked.show_regions))


def _output(source: Input, facts: Mapping[str, Any], output: str | None) -> Path | None:
    """Where it goes: by default photo-style.png beside photo.jpg."""
    usual = f"{source.stem}-style.png"
    if output is None:
        return source.folder / usual
    if output != batch.PIPE and "{" not in output and batch.is_folder(output):
        return Path(output) / usual
    return batch.target(source, output, facts)


def filter_rows() -> list[tuple[str, str, str]]:
    """Each filter's name, whose it is, and its line."""
    found = map(filters.read, filters.names())
    return [(each.name, "yours" if each.own else "", each.about) for each in found]


def filter_sheet(output: Path, *, overwrite: bool) -> None:
    """Writes a sheet of the filters' thumbnails.

    Raises:
        PhospheneError: it cannot be written.
    """
    images.format_of(output)
    refuse(output, overwrite=overwrite)
    cells = [(name, _square(filters.read(name))) for name in filters.names()]
    images.save(sheets.sheet(cells, heading="phosphene style PICTURE --filter NAME"), output, overwrite=overwrite)


def _square(each: filters.Filter) -> torch.Tensor:
    pixels = each.pixels()
    side = min(pixels.shape[-2:])
    return shrink(pixels[..., :side, :side], THUMBNAIL / side)
