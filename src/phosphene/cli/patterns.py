"""From a command line to a pattern's file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from phosphene import batch, networks
from phosphene.ascent import OnStep
from phosphene.batch import Input, Job
from phosphene.cli.checks import canvas_size, check_preview, check_streams
from phosphene.cli.interruption import Interruption
from phosphene.cli.maker import Maker, Wishes
from phosphene.errors import SettingsError
from phosphene.images import MAX_PIXELS
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.run import Dream
from phosphene.run import pattern as patterns

_UNFIT = re.compile(r"[^\w.+-]+")
_LONGEST = 60  # letters of a name made of an objective


def make(of: str | None, values: Mapping[str, Any], size: str | None, wishes: Wishes) -> int:
    """Makes a pattern; returns the exit code."""
    chosen, pixels = patterns.settings(of, **values), canvas_size(size)
    _check_size(pixels)
    source = Input(_name(chosen), "canvas")
    job = Job(source, _output(source, chosen, wishes.output))
    if job.output:
        batch.check(job.output, force=wishes.force)
    check_streams(job, wishes)
    check_preview([job.output], [], wishes)
    with Interruption() as stop:
        maker = Maker(wishes, stop)
        network = networks.load_for(chosen)

        def dreaming(on_step: OnStep) -> Dream:
            return patterns.make(chosen, network, size=pixels, on_step=on_step)

        maker.make_only(job, dreaming)
        return stop.exit_code


def _check_size(size: tuple[int, int] | None) -> None:
    if size and size[0] * size[1] > MAX_PIXELS:
        raise SettingsError(f"--size {size[0]}x{size[1]} is {size[0] * size[1]:,} pixels; allowed are {MAX_PIXELS:,}.")


def _name(chosen: PatternSettings) -> str:
    """What a pattern is called: its layer and channel, or the words of its objective."""
    said = chosen.objective or f"{chosen.layer or 'default'}{'' if chosen.channel is None else f'-{chosen.channel}'}"
    return _UNFIT.sub("-", said).strip("-")[:_LONGEST]


def _output(source: Input, chosen: PatternSettings, output: str | None) -> Path | None:
    """Where it goes: by default block8-37-pattern.png in this folder."""
    usual = f"{source.stem}-pattern.png"
    if output is None:
        return Path(usual)
    if output != batch.PIPE and "{" not in output and batch.is_folder(output):
        return Path(output) / usual
    facts = {
        key: _UNFIT.sub("-", value) if isinstance(value, str) else value for key, value in chosen.to_dict().items()
    }
    return batch.target(source, output, facts)
