"""Flags: one for each field of a recipe's settings, and those that a run needs beside them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import Field, fields
from typing import Any, TypeVar

import click

from phosphene.cli import completion
from phosphene.recipes import fields as of_settings
from phosphene.recipes.fields import Settings

Function = TypeVar("Function", bound=Callable[..., Any])

_METAVARS = {
    "model": "NAME|FILE", "weights": "FILE", "layer": "NAME", "memory": "SIZE", "overlap": "N|auto|exact",
    "preset": "NAME",
    "style": "PICTURE", "filter": "NAME", "initial": "PICTURE", "regions": "MAP MAP", "then_dream": "[PRESET]",
    "guide": "PICTURE", "objective": "WORDS", "mask": "PICTURE|alpha", "region": "MASK=WORDS", "guide_scales": "X,X",
}  # fmt: skip

GROUPS = (
    ("What is studied", ("vary", "of")),
    (
        "The look",
        (
            "preset",
            "style",
            "filter",
            "strength",
            "scale",
            "keep_colour",
            "layer",
            "channel",
            "channels",
            "model",
            "weights",
            "colour",
            "colours",
            "seed",
        ),
    ),
    (
        "Your own taste",
        (
            "guide",
            "objective",
            "mask",
            "feather",
            "invert",
            "region",
            "regions",
            "stuff",
            "tone",
            "initial",
            "then_dream",
            "tileable",
        ),
    ),
    (
        "The file",
        ("output", "force", "input_", "show_regions", "long_side", "size", "quick", "preview", "quality", "metadata"),
    ),
    ("The ascent", ("octaves", "octave_scale", "scales", "steps", "step_size", "decay", "recipe")),
    ("Finer points about guides", ("match", "guide_scales", "top")),
    ("Finer points", ("method", "parameterisation", "robustness", "maximise", "jitter", "normalise", "clip", "dtype")),
    ("Speed and memory", ("backend", "memory", "tile", "overlap", "threads", "max_pixels", "workers", "scheduler")),
)
REST = "Everything else"


class Grouped(click.Command):
    """A command whose help stands in groups, what a painter needs first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the groups; a flag that none names comes last."""
        records = {param.name: _record(param) for param in self.get_params(ctx) if isinstance(param, click.Option)}
        for title, names in GROUPS:
            _section(formatter, title, [records.pop(name) for name in names if name in records])
        _section(formatter, REST, list(records.values()))


def _record(option: click.Option) -> tuple[str, str]:
    """A flag and its help, without the ranges that click would add: they are told to those who leave them."""
    names = ", ".join(option.opts)
    if option.secondary_opts:
        names = names.replace("--", "--[no-]", 1)
    return names if option.is_flag else f"{names} {option.metavar or ''}", option.help or ""


def _section(formatter: click.HelpFormatter, title: str, rows: list[tuple[str, str]]) -> None:
    if rows:
        with formatter.section(title):
            formatter.write_dl(rows)


def settings(*of: type[Settings]) -> Callable[[Function], Function]:
    """Adds a flag for each field of a recipe's settings, or of several recipes'.

    The words are passed on as they are: the settings check them, for every edge alike.
    """
    entries = {entry.name: entry for each in reversed(of) for entry in fields(each)}

    def add(command: Function) -> Function:
        for entry in reversed(entries.values()):
            about = _help(entry) if len(of) == 1 else entry.metadata["about"]
            command = _option(entry, about)(command)
        return command

    return add


def _option(entry: Field[Any], about: str) -> Callable[[Function], Function]:
    flag = of_settings.flag(entry.name)
    completes = completion.of_setting(entry.name, entry.metadata["choices"])
    told: dict[str, Any] = {"default": None, "help": about, "shell_complete": completes}
    if _kind(entry) == "bool":
        return click.option(f"{flag}/{of_settings.flag('no_' + entry.name)}", entry.name, **told)
    if entry.metadata["words"] > 1:
        return click.option(flag, entry.name, metavar=_metavar(entry), nargs=entry.metadata["words"], **told)
    if entry.metadata["bare"] is not None:
        told |= {"is_flag": False, "flag_value": entry.metadata["bare"]}
    several = entry.name == "layer" or _kind(entry) == "tuple"
    return click.option(flag, entry.name, metavar=_metavar(entry), multiple=several, **told)


def _metavar(entry: Field[Any]) -> str:
    if entry.metadata["choices"]:
        return "|".join(entry.metadata["choices"])
    return _METAVARS.get(entry.name) or {"int": "N", "float": "X"}.get(_kind(entry), "TEXT")


def _help(entry: Field[Any]) -> str:
    about: str = entry.metadata["about"]
    return about if entry.default in (None, (), False) else f"{about}  [{entry.default}]"


def _kind(entry: Field[Any]) -> str:
    return of_settings.kind(str(entry.type))


def given(flags: Mapping[str, Any], *of: type[Settings]) -> dict[str, Any]:
    """The settings that were given, as numbers where they should be and are.

    >>> from phosphene.recipes.settings import DreamSettings
    >>> given({"steps": "3", "strength": None, "layer": ("block5", "block8"), "seed": "many"}, DreamSettings)
    {'steps': 3, 'layer': 'block5,block8', 'seed': 'many'}
    """
    kinds = {entry.name: _kind(entry) for each in of for entry in fields(each)}
    return {name: _value(name, word, kinds[name]) for name, word in flags.items() if word is not None and word != ()}


def _value(name: str, word: Any, kind: str) -> Any:
    if name == "layer" and isinstance(word, tuple):
        return ",".join(word)
    try:
        return {"int": int, "float": float, "str": str}.get(kind, lambda same: same)(word)
    except ValueError:
        return word  # DreamSettings says what it takes


def output(command: Function) -> Function:
    """Adds the flags of every command that writes a picture: where it goes, and how it is spoken of."""
    return _with(_OUTPUT, command)


def machines(command: Function) -> Function:
    """Adds the flags that say who helps."""
    return _with(_MACHINES, command)


def looks(command: Function) -> Function:
    """Adds the flags that are several settings at once."""
    return _with(_LOOKS, command)


def _with(options: Sequence[Callable[[Function], Function]], command: Function) -> Function:
    for option in reversed(options):
        command = option(command)
    return command


def take_wishes_(flags: dict[str, Any]) -> dict[str, Any]:
    """Takes the flags that `output` added out of those that are settings."""
    names = ("output", "force", "preview", "quality", "metadata", "threads", "quiet", "json")
    return {name: flags.pop(name) for name in names}


BEGIN_ANEW = ("--force",)  # what a run that is resumed must not be told again

_LOOKS = (
    click.option(
        "--preset", metavar="NAME", shell_complete=completion.presets, help="a look; phosphene presets lists them"
    ),
    click.option(
        "--recipe", metavar="NAME", shell_complete=completion.recipes, help="somebody's settings, as google2015"
    ),
    click.option("--config", metavar="FILE", shell_complete=completion.files, help="settings from a TOML file"),
)

_MACHINES = (
    click.option("--workers", type=click.IntRange(1, 1024), metavar="N", help="share a folder out among N processes"),
    click.option(
        "--scheduler", metavar="ADDRESS", help="or among the machines of a Dask scheduler, as tcp://host:8786"
    ),
)

_OUTPUT = (
    click.option(
        "-o",
        "--output",
        metavar="PATH",
        shell_complete=completion.files,
        help="a file, a folder, a template as '{stem}_{layer}.png', or - for a pipe",
    ),
    click.option("--force", is_flag=True, help="replace what exists"),
    click.option(
        "--preview",
        metavar="FILE",
        shell_complete=completion.files,
        help="a small picture, rewritten as the dream grows",
    ),
    click.option(
        "--quality", type=click.IntRange(1, 100), default=95, metavar="N", help="of JPEG and WebP, to 100  [95]"
    ),
    click.option(
        "--no-metadata", "metadata", is_flag=True, flag_value=False, default=True, help="leave out how it was made"
    ),
    click.option("--threads", type=click.IntRange(1, 1024), metavar="N", help="processor threads"),
    click.option("-q", "--quiet", is_flag=True, help="say nothing but errors"),
    click.option("--json", is_flag=True, help="a line of JSON for each picture on standard output"),
)
