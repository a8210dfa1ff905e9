"""Flags: one for each field of a recipe's settings, and those that a run needs beside them."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from dataclasses import fields as fields_of
from functools import partial
from typing import Any, TypeVar

import click

from phosphene.cli import configuration
from phosphene.recipes import fields
from phosphene.recipes.fields import Setting, Settings, ValueDict, Values, described
from phosphene.techniques import TECHNIQUES, Technique

Function = TypeVar("Function", bound=Callable[..., object])

STUDIED = "What is studied"
FILE = "The file"
REST = "Everything else"
_TITLES = (STUDIED, fields.LOOK, fields.TASTE, FILE, fields.ASCENT, fields.GUIDES, fields.FINER, fields.SPEED, REST)
_COMPLETED = {
    "FILE": configuration.files,
    "PATH": configuration.files,
    "DIR": configuration.folders,
    "FOLDER": configuration.folders,
    "NAME|FILE": configuration.models,
}
"""How a shell completes the word that a metavar stands for, where nothing else is said."""


class Flag(click.Option):
    """A flag that stands in a group of the help."""

    def __init__(self, *args: Any, group: str = REST, former: str = "", **more: Any) -> None:
        super().__init__(*args, **more)
        self.group, self.former = group, former  # the former name is taken, and not told


def flag(*names: str, group: str = REST, metavar: str | None = None, **more: object) -> Callable[[Function], Function]:
    """Adds a flag to a command; other arguments are those of `click.option`."""
    more.setdefault("shell_complete", _COMPLETED.get(metavar or ""))
    return click.option(*names, cls=Flag, group=group, metavar=metavar, **more)


file_flag = partial(flag, group=FILE)
speed_flag = partial(flag, group=fields.SPEED)


def together(*flags: Callable[[Function], Function]) -> Callable[[Function], Function]:
    """Adds several flags, in this order."""

    def add(command: Function) -> Function:
        for each in reversed(flags):
            command = each(command)
        return command

    return add


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
    names = ", ".join(name for name in option.opts if name != getattr(option, "former", None))
    if option.secondary_opts:
        names = names.replace("--", "--[no-]", 1)
    return names if option.is_flag else f"{names} {option.metavar or ''}", option.help or ""


def settings(*of: type[Settings]) -> Callable[[Function], Function]:
    """Adds a flag for each field of a recipe's settings, or of several recipes'.

    The words are passed on as they are: the settings check them, for every edge alike.
    """
    return together(*(_option(each, _help(each) if len(of) == 1 else each.about) for each in _known(of).values()))


def _known(of: Iterable[type[Settings]]) -> dict[str, Setting]:
    """The settings of several recipes; of two with one name that of the first."""
    return {name: about for each in reversed([*of]) for name, about in described(each).items()}


def _option(of: Setting, about: str) -> Callable[[Function], Function]:
    written = fields.flag(of.name)
    metavar, completes = _typed(of)
    told: ValueDict = {"group": of.group, "default": None, "help": about, "shell_complete": completes}
    if of.kind == "bool":
        return flag(f"{written}/{fields.flag('no_' + of.name)}", of.name, **told)
    if of.words > 1:
        return flag(written, of.name, metavar=" ".join([metavar] * of.words), nargs=of.words, **told)
    if of.bare is not None:
        told |= {"is_flag": False, "flag_value": of.bare}
        metavar = f"[{metavar}]"
    former = [fields.flag(of.once)] if of.once else []
    told |= {"multiple": of.holds == "layer" or of.kind == "tuple", "former": "".join(former)}
    return flag(written, *former, of.name, metavar=metavar, **told)


_TYPED: Mapping[str, tuple[str, configuration.Complete | None]] = {
    "model": ("NAME|FILE", configuration.models),
    "weights": ("FILE", configuration.files),
    "layer": ("NAME", configuration.layers),
    "objective": ("WORDS", None),
    "picture": ("PICTURE", configuration.files),
    "weighted picture": ("PICTURE", configuration.files),
    "mask": ("PICTURE|sky|N|alpha", configuration.files),
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
    known = _known(of)
    return {name: _value(word, known[name]) for name, word in flags.items() if word is not None and word != ()}


def _value(word: object, of: Setting) -> object:
    if of.holds == "layer" and isinstance(word, tuple):
        return ",".join(word)
    try:
        return {"int": int, "float": float, "str": str}.get(of.kind, lambda same: same)(word)
    except ValueError:
        return word  # the settings say what it takes


@dataclass(frozen=True)
class OutputOptions:
    """How pictures are to be written and spoken of: the flags that `output` adds."""

    output: str | None
    force: bool
    preview: str | None
    quality: int
    dpi: float | None
    metadata: bool
    threads: int | None
    quiet: bool
    json: bool

    @classmethod
    def take_(cls, flags: ValueDict) -> "OutputOptions":
        """Takes them out of those that are settings."""
        return cls(**{each.name: flags.pop(each.name, None) for each in fields_of(cls)})


config = flag("--config", metavar="FILE", help="settings from a TOML file")
like = flag(
    "--like",
    metavar="PICTURE|NAME",
    help="the look of a picture that this program made, or one that phosphene looks lists",
    shell_complete=configuration.files,
)
max_pixels = speed_flag(
    "--max-pixels", type=click.IntRange(0), metavar="N", help="refuse larger pictures; 0 refuses none"
)
quiet = flag("-q", "--quiet", is_flag=True, help="say nothing but errors")
show_regions = file_flag(
    "--show-regions", metavar="FILE", help="draw the picture's regions, or what of them was matched with what"
)
threads = speed_flag("--threads", type=click.IntRange(1, 1024), metavar="N", help="processor threads")
weights = flag("--weights", metavar="FILE", help="of another network: a safetensors file, or random")

machines = together(
    speed_flag("--workers", type=click.IntRange(1, 1024), metavar="N", help="share pictures out among N processes"),
    speed_flag("--scheduler", metavar="ADDRESS", help="or among the machines of a Dask scheduler, as tcp://host:8786"),
)


def output_flags(path: str, quality: str) -> Callable[[Function], Function]:
    """The flags of `OutputOptions`, with what `-o` takes and what a quality means."""
    return together(
        file_flag("-o", "--output", metavar="PATH", help=path),
        file_flag("--force", is_flag=True, help="replace what exists"),
        file_flag("--preview", metavar="FILE", help="a small one, rewritten as it grows"),
        file_flag("--quality", type=click.IntRange(1, 100), default=95, metavar="N", help=quality),
        file_flag(
            "--no-metadata", "metadata", is_flag=True, flag_value=False, default=True, help="leave out how it was made"
        ),
        threads,
        quiet,
        flag("--json", is_flag=True, help="a line of JSON for each output on standard output"),
    )


output = together(
    output_flags(
        "a file, a folder, a template as '{stem}_{layer}.png', or - for a pipe", "of JPEG, WebP and AVIF, to 100  [95]"
    ),
    file_flag("--dpi", type=click.FloatRange(1, 100_000), metavar="X", help="pixels per inch  [the picture's own]"),
)
profile = file_flag(
    "--profile",
    type=click.Choice(("srgb", "keep")),
    default="srgb",
    metavar="srgb|keep",
    help="convert the picture's colours, or keep its own colour profile  [srgb]",
)

_LOOKS: Mapping[str, tuple[str, configuration.Complete, str]] = {
    "preset": (fields.LOOK, configuration.presets, "a look; phosphene presets lists them"),
    "recipe": (fields.ASCENT, configuration.recipes, "somebody's settings, as google2015"),
}


def looks(technique: Technique) -> Callable[[Function], Function]:
    """Adds flags for several settings at once, as far as the technique has such."""
    return together(
        *(
            flag(f"--{name}", group=group, metavar="NAME", shell_complete=completes, help=about)
            for name, (group, completes, about) in _LOOKS.items()
            if name in technique.looks
        )
    )
