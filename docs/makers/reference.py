"""The reference, written from what the program itself reads: commands, settings, names and errors, as Markdown.

    python docs/makers/reference.py

writes it into the pages of `docs/reference`, which say where, from `<!-- here: commands -->` to `<!-- to here -->`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator
from html import escape
from inspect import cleandoc
from math import inf
from pathlib import Path

import click

import phosphene
from phosphene import errors, recipes
from phosphene.cli import main, options
from phosphene.recipes.fields import Named, Setting, Settings, described, flag
from phosphene.recipes.settings import PRESETS, RECIPES


def commands() -> str:
    """Every command, with its flags in the groups of its help."""
    return "\n\n".join(_command(each, path) for path, each in walk(main, "phosphene"))


def walk(command: click.Command, path: str) -> Iterator[tuple[str, click.Command]]:
    """A command and those below it, each with the words that call it."""
    yield path, command
    if isinstance(command, click.Group):
        for name, below in command.commands.items():
            yield from walk(below, f"{path} {name}")


def _command(command: click.Command, path: str) -> str:
    context = click.Context(command, info_name=path)
    usage = " ".join([path, *command.collect_usage_pieces(context)])
    parts = [f"## {path}", f"```text\n{usage}\n```", _prose(command.help or "")]
    if isinstance(command, click.Group):
        parts.append(_table(("command", ""), _below(command, path)))
    parts += [
        part for title, flags in _groups(command) for part in (f"**{title}**", _table(("flag", "what it does"), flags))
    ]
    return "\n\n".join(part for part in parts if part)


def _below(group: click.Group, path: str) -> list[tuple[str, str]]:
    return [
        (f"[`{name}`](#{path.replace(' ', '-')}-{name})", _cell(each.get_short_help_str(200)))
        for name, each in group.commands.items()
    ]


def _prose(text: str) -> str:
    """A help text; what click leaves as it stands becomes a block of code."""
    paragraphs = cleandoc(text).split("\n\n")
    return "\n\n".join(
        f"```text\n{part.removeprefix(chr(8)).strip()}\n```" if part.startswith("\b") else _escaped(part)
        for part in paragraphs
    )


def _groups(command: click.Command) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Titles, and flags with their help; a command that is not grouped has one group."""
    for title, flags in options.grouped(command.get_params(click.Context(command))):
        yield title if isinstance(command, options.Grouped) else "Flags", [_flag(each) for each in flags]


def _flag(option: click.Option) -> tuple[str, str]:
    names = ", ".join([*option.opts, *option.secondary_opts])
    if "--help" in option.opts:  # which click remembers as it was first asked for
        names = "-h, --help"
    word = "" if option.is_flag else f" {option.metavar or option.type.name.upper()}"
    return _code(names + word), _cell(option.help or "")


def settings() -> str:
    """Every field of every recipe's settings: its flag, what it takes, its default."""
    return "\n\n".join(_recipe(each) for each in recipes_of(Settings))


def recipes_of(base: type[Settings]) -> list[type[Settings]]:
    """The settings of all recipes."""
    for module in pkgutil.iter_modules(recipes.__path__):
        if module.name.endswith("settings"):
            importlib.import_module(f"{recipes.__name__}.{module.name}")
    found = sorted(base.__subclasses__(), key=lambda each: each.__name__)
    return [each for each in found if each.__module__.startswith("phosphene.")]


def _recipe(of: type[Settings]) -> str:
    about = (of.__doc__ or "").strip().splitlines()[0]
    rows = [
        (
            _code(entry.name),
            _cell(_takes(entry)),
            _code(_default(entry)),
            _cell(entry.about),
            _because(entry.because),
        )
        for entry in described(of).values()
    ]
    heads = ("setting", "takes", "default", "what it is", "why this default")
    return f"## {of.__name__}\n\n{_escaped(about)}\n\n" + _table(heads, rows)


def _because(reason: str) -> str:
    """A reason, with a link where it names a page of the documents."""
    return re.sub(r"[\w-]+/[\w-]+\.md", r"[measured](../\g<0>)", _cell(reason))


def _takes(entry: Setting) -> str:
    if entry.choices:
        return ", ".join(f"`{each}`" for each in entry.choices)
    word = {"int": "a whole number", "float": "a number", "str": "a text", "bool": "yes or no", "tuple": "texts"}
    said = word[entry.kind]
    low, high = entry.range
    if low == -inf:
        return said
    return f"{said}, {low:g} or more" if high > 1e12 else f"{said}, {low:g} to {high:g}"


def _default(entry: Setting) -> str:
    if isinstance(entry.default, bool):
        return "yes" if entry.default else "no"
    return "–" if entry.default in (None, ()) else str(entry.default)


def presets() -> str:
    """Every preset and named recipe, with what it changes."""
    return "\n\n".join(
        f"## {title}\n\n" + _table(("name", "", "changes"), [_named(each) for each in named.values()])
        for title, named in (("Presets", PRESETS), ("Recipes", RECIPES))
    )


def _named(each: Named) -> tuple[str, str, str]:
    changes = ", ".join(f"`{flag(name)} {value}`" for name, value in each.changes.items())
    guided = ", ".join(f"`{flag(name)} {value}`" for name, value in each.guided.items())
    return _code(each.name), _cell(each.about), changes + (f"; with a guide {guided}" if guided else "")


def names() -> str:
    """Every public name, and what it is."""
    rows = []
    for name in phosphene.__all__:
        about = cleandoc(getattr(phosphene, name).__doc__ or "").split("\n\n")[0]
        rows.append((_code(name), _cell(about)))
    return _table(("name", "what it is"), rows)


def docstrings() -> str:
    """Every public name, in the form that mkdocstrings reads."""
    return "\n\n".join(f"::: phosphene.{name}" for name in phosphene.__all__)


def problems() -> str:
    """Every exception that a user can cause, with its exit code."""
    rows = [
        (_code(name), _cell((each.__doc__ or "").strip().splitlines()[0]), str(each.exit_code))
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, errors.PhospheneError)
    ]
    return _table(("exception", "what it means", "exit code"), rows)


def _table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """A word in a table as it is typed; a bar would end the cell, even between backticks."""
    return f"<code>{escape(text).replace('|', '&#124;')}</code>" if "|" in text else f"`{text}`"


def _bars(text: str) -> str:
    return text.replace("|", "\\|")


def _cell(text: str) -> str:
    """A line in a table."""
    return _bars(_escaped(" ".join(text.split()))) if "`" not in text else _bars(text)


def _escaped(text: str) -> str:
    """A text in which nothing is markup."""
    return "".join(f"\\{letter}" if letter in "*_<>[]`" else letter for letter in text)


PARTS = {"commands": commands, "settings": settings, "presets": presets, "names": names, "errors": problems}
PLACE = re.compile(r"<!-- here: (\w+) -->\n(.*?)<!-- to here -->", re.DOTALL)
PAGES = Path(__file__).resolve().parents[1] / "reference"


def filled(page: str) -> str:
    """A page with each part written in its place."""
    return PLACE.sub(lambda place: f"<!-- here: {place[1]} -->\n{PARTS[place[1]]()}\n<!-- to here -->", page)


if __name__ == "__main__":
    for page in PAGES.glob("*.md"):
        page.write_text(filled(page.read_text("utf-8")), "utf-8", newline="\n")
