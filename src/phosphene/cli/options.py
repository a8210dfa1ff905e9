"""Flags: one for each field of a recipe's settings, and those that a run needs beside them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

import click

from phosphene.cli import configuration
from phosphene.recipes import fields as of_settings
from phosphene.recipes.fields import (
    ASCENT,
    FINER,
    GUIDES,
    LOOK,
    SPEED,
    TASTE,
    Setting,
    Settings,
    ValueDict,
    Values,
    described,
)
from phosphene.techniques import TECHNIQUES, Technique

Function = TypeVar("Function", bound=Callable[..., object])

STUDIED = "What is studied"
FILE = "The file"
REST = "Everything else"
_TITLES = (STUDIED, LOOK, TASTE, FILE, ASCENT, GUIDES, FINER, SPEED, REST)


class Flag(click.Option):
    """A flag that stands in a group of the help."""

    def __init__(self, *args: Any, group: str = REST, **more: Any) -> None:
        super().__init__(*args, **more)
        self.group = group


def flag(*names: str, group: str, **more: object) -> Callable[[Function], Function]:
    """Adds a flag to a command; other arguments are those of `click.option`."""
    return click.option(*names, cls=Flag, group=group, **more)


class Grouped(click.Command):
    """A command whose help stands in groups, what a painter needs first."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Writes the groups; a flag without one comes last."""
        for title, flags in grouped(self.get_params(ctx)):
            with formatter.section(title):
                formatter.write_dl([_record(each) for each in flags])


class OfEveryTechnique(Grouped):
    """A command that has a flag for each setting of every technique."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        """Its own flags, and those of the settings."""
        add = settings(*(each.settings for each in TECHNIQUES.values()))
        own = {param.name for param in self.params}
        found = click.command("every")(add(lambda: None)).params
        return [*super().get_params(ctx), *(param for param in found if param.name not in own)]


def grouped(params: Iterable[click.Parameter]) -> list[tuple[str, list[click.Option]]]:
    """The titles of a command's help, each with its flags."""
    found: dict[str, list[click.Option]] = {title: [] for title in _TITLES}
    for each in params:
        if isinstance(each, click.Option):
            found[getattr(each, "group", REST)].append(each)
    return [(title, flags) for title, flags in found.items() if flags]


def _record(option: click.Option) -> tuple[str, str]:
    """A flag and its help, without the ranges that click would add: they are told to those who leave them."""
    names = ", ".join(option.opts)
    if option.secondary_opts:
        names = names.replace("--", "--[no-]", 1)
    return names if option.is_flag else f"{names} {option.metavar or ''}", option.help or ""


def settings(*of: type[Settings]) -> Callable[[Function], Function]:
    """Adds a flag for each field of a recipe's settings, or of several recipes'.

    The words are passed on as they are: the settings check them, for every edge alike.
    """
    known = {name: about for each in reversed(of) for name, about in described(each).items()}

    def add(command: Function) -> Function:
        for each in reversed(known.values()):
            command = _option(each, _help(each) if len(of) == 1 else each.about)(command)
        return command

    return add


def _option(of: Setting, about: str) -> Callable[[Function], Function]:
    written = of_settings.flag(of.name)
    metavar, completes = _typed(of)
    told: ValueDict = {"group": of.group, "default": None, "help": about, "shell_complete": completes}
    if of.kind == "bool":
        return flag(f"{written}/{of_settings.flag('no_' + of.name)}", of.name, **told)
    if of.words > 1:
        return flag(written, of.name, metavar=" ".join([metavar] * of.words), nargs=of.words, **told)
    if of.bare is not None:
        told |= {"is_flag": False, "flag_value": of.bare}
        metavar = f"[{metavar}]"
    return flag(written, of.name, metavar=metavar, multiple=of.holds == "layer" or of.kind == "tuple", **told)


_TYPED: Mapping[str, tuple[str, configuration.Complete | None]] = {
    "model": ("NAME|FILE", configuration.models),
    "weights": ("FILE", configuration.files),
    "layer": ("NAME", configuration.layers),
    "objective": ("WORDS", None),
    "picture": ("PICTURE", configuration.files),
    "weighted picture": ("PICTURE", configuration.files),
    "mask": ("PICTURE|alpha", configuration.files),
    "region": ("MASK=WORDS", None),
    "map": ("MAP", configuration.files),
    "filter": ("NAME", configuration.looks),
    "preset": ("PRESET", configuration.presets),
    "scales": ("X,X", None),
    "memory": ("SIZE", None),
    "overlap": ("N|auto|exact", configuration.words({"auto": "", "exact": ""})),
}
"""How a word is told in the help, and completed in a shell, by what it names."""


def _typed(of: Setting) -> tuple[str, configuration.Complete | None]:
    if of.choices:
        return "|".join(of.choices), configuration.words(dict.fromkeys(of.choices, ""))
    return _TYPED.get(of.holds) or ({"int": "N", "float": "X"}.get(of.kind, "TEXT"), None)


def _help(of: Setting) -> str:
    return of.about if of.default in (None, (), False) else f"{of.about}  [{of.default}]"


def given(flags: Values, *of: type[Settings]) -> ValueDict:
    """The settings that were given, as numbers where they should be and are.

    >>> from phosphene.recipes.settings import DreamSettings
    >>> given({"steps": "3", "strength": None, "layer": ("block5", "block8"), "seed": "many"}, DreamSettings)
    {'steps': 3, 'layer': 'block5,block8', 'seed': 'many'}
    """
    known = {name: about for each in of for name, about in described(each).items()}
    return {name: _value(word, known[name]) for name, word in flags.items() if word is not None and word != ()}


def _value(word: object, of: Setting) -> object:
    if of.holds == "layer" and isinstance(word, tuple):
        return ",".join(word)
    try:
        return {"int": int, "float": float, "str": str}.get(of.kind, lambda same: same)(word)
    except ValueError:
        return word  # the settings say what it takes


def output(command: Function) -> Function:
    """Adds the flags of every command that writes a picture: where it goes, and how it is spoken of."""
    return _with(_OUTPUT, command)


def machines(command: Function) -> Function:
    """Adds the flags that say who helps."""
    return _with(_MACHINES, command)


def _with(options: Sequence[Callable[[Function], Function]], command: Function) -> Function:
    for option in reversed(options):
        command = option(command)
    return command


def take_wishes_(flags: ValueDict) -> ValueDict:
    """Takes the flags that `output` added out of those that are settings."""
    names = ("output", "force", "preview", "quality", "metadata", "threads", "quiet", "json")
    return {name: flags.pop(name) for name in names}


BEGIN_ANEW = ("--force",)  # what a run that is resumed must not be told again

config = flag(
    "--config", group=REST, metavar="FILE", shell_complete=configuration.files, help="settings from a TOML file"
)

show_regions = flag(
    "--show-regions",
    group=FILE,
    metavar="FILE",
    shell_complete=configuration.files,
    help="draw what was matched with what",
)
max_pixels = flag(
    "--max-pixels", group=SPEED, type=click.IntRange(0), metavar="N", help="refuse larger pictures; 0 refuses none"
)
threads = flag("--threads", group=SPEED, type=click.IntRange(1, 1024), metavar="N", help="processor threads")
quiet = flag("-q", "--quiet", group=REST, is_flag=True, help="say nothing but errors")

_LOOKS: Mapping[str, tuple[str, configuration.Complete, str]] = {
    "preset": (LOOK, configuration.presets, "a look; phosphene presets lists them"),
    "recipe": (ASCENT, configuration.recipes, "somebody's settings, as google2015"),
}


def looks(technique: Technique) -> Callable[[Function], Function]:
    """Adds flags for several settings at once, as far as the technique has such."""
    found = [
        flag(f"--{name}", group=group, metavar="NAME", shell_complete=completes, help=about)
        for name, (group, completes, about) in _LOOKS.items()
        if name in technique.looks
    ]
    return lambda command: _with(found, command)


_MACHINES = (
    flag(
        "--workers", type=click.IntRange(1, 1024), metavar="N", group=SPEED, help="share pictures out among N processes"
    ),
    flag(
        "--scheduler",
        metavar="ADDRESS",
        group=SPEED,
        help="or among the machines of a Dask scheduler, as tcp://host:8786",
    ),
)

_OUTPUT = (
    flag(
        "-o",
        "--output",
        metavar="PATH",
        shell_complete=configuration.files,
        group=FILE,
        help="a file, a folder, a template as '{stem}_{layer}.png', or - for a pipe",
    ),
    flag("--force", is_flag=True, group=FILE, help="replace what exists"),
    flag(
        "--preview",
        metavar="FILE",
        shell_complete=configuration.files,
        group=FILE,
        help="a small picture, rewritten as it grows",
    ),
    flag(
        "--quality",
        type=click.IntRange(1, 100),
        default=95,
        metavar="N",
        group=FILE,
        help="of JPEG and WebP, to 100  [95]",
    ),
    flag(
        "--no-metadata",
        "metadata",
        is_flag=True,
        flag_value=False,
        default=True,
        group=FILE,
        help="leave out how it was made",
    ),
    threads,
    quiet,
    flag("--json", is_flag=True, group=REST, help="a line of JSON for each picture on standard output"),
)
