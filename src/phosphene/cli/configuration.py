"""Settings from files: the user's own, and one named on the command line.

At the top of the user's file stand the settings of dreams; in a named file, those of the command that it is named to.
A table with a technique's name holds that one's, in both: `[style]`, `[pattern]`.
"""

import tomllib
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from click import Context, Parameter
from click.shell_completion import CompletionItem

from phosphene.errors import SettingsError
from phosphene.names import CANVASES, LAYERS, NETWORKS
from phosphene.recipes.fields import Named, ValueDict, Values, combined
from phosphene.recipes.settings import PRESETS, RECIPES, DreamSettings
from phosphene.techniques import DREAM, TECHNIQUES, Technique
from phosphene.texts import read_text


def user_file() -> Path:
    """Where a user's settings for all pictures lie; the file need not exist."""
    from platformdirs import user_config_path

    return user_config_path("phosphene") / "settings.toml"


def requested(technique: Technique, named: str | None, typed: Values, like: str | None = None) -> ValueDict:
    """What the user's file, a named one, a look and the command line ask for, the nearest last.

    Raises:
        PhospheneError: as `read` and `looks.like` do.
    """
    files = read(technique, named, typed)
    if like is None:
        return combined(technique.settings, files, typed)
    from phosphene.cli import looks

    return combined(technique.settings, files, looks.like(technique, like, typed), typed)


def read(technique: Technique, named: str | None, typed: Collection[str] = ()) -> ValueDict:
    """The settings of the user's file, overruled by those of the named one.

    Raises:
        SettingsError: a file that is not there, is no TOML, asks for the impossible, or, where no model is `typed`,
            names a program and is not the user's own.
        UnknownNameError: it holds something that is no setting.
    """
    own = user_file()
    values = _file(own, DREAM).get(technique.name, {}) if own.is_file() else {}
    return values if named is None else combined(technique.settings, values, read_file(technique, Path(named), typed))


def read_file(technique: Technique, path: Path, typed: Collection[str]) -> ValueDict:
    """The settings of a file that is not the user's own; for the rest, see `read`."""
    found = _file(path, technique).get(technique.name, {})
    if "model" in found and "model" not in typed:
        from phosphene import networks

        networks.refuse_program(found["model"], str(path), "--model {}")
    return found


def techniques_in(path: Path) -> list[str]:
    """The techniques that have a table in a file of settings. Raises `SettingsError`: it cannot be read."""
    return [name for name in toml(path) if name in TECHNIQUES]


def layer_from(values: Values) -> Named | None:
    """The preset or recipe that chooses the layer, where nothing nearer does."""
    if "layer" in values:
        return None
    named = (PRESETS.get(values.get("preset") or ""), RECIPES.get(values.get("recipe") or ""))
    return next((each for each in named if each and "layer" in each.changes), None)


def _file(path: Path, above: Technique) -> dict[str, dict[str, object]]:
    """The settings of each technique; those at the top belong to the one `above`."""
    content = toml(path)
    content.pop("look", None)  # what is shown of a look, and is no setting
    tables = {name: table for name, table in content.items() if name in TECHNIQUES and isinstance(table, dict)}
    top = {key: value for key, value in content.items() if key not in tables}
    found = {name: TECHNIQUES[name].requested_in(table, str(path)) for name, table in tables.items()}
    found[above.name] = {**above.requested_in(top, str(path)), **found.get(above.name, {})}
    return found


def toml(path: Path) -> dict[str, object]:
    """What a TOML file says. Raises `SettingsError`: it cannot be read, or is none."""
    try:
        return tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.\nWrite a setting in each line, as: steps = 20") from error
    except (OSError, ValueError) as error:
        raise SettingsError(
            f"The settings {path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error


# Words that the shell completes at the Tab key. Nothing here loads torch, so that the answer comes at once

Complete = Callable[[Context, Parameter, str], list[CompletionItem]]

_LOOKS = Path(__file__).parents[1] / "filters" / "looks"


def words(known: Mapping[str, str]) -> Complete:
    """Completes one of some words, which are told with what they mean where the shell shows that."""
    return lambda _, __, incomplete: beginning(known, incomplete)


def beginning(known: Mapping[str, str], incomplete: str, before: str = "") -> list[CompletionItem]:
    """The words that begin so, each with what stands before it."""
    return [
        CompletionItem(before + word, help=about or None)
        for word, about in known.items()
        if word.startswith(incomplete)
    ]


def left_to_the_shell(kind: str) -> Complete:
    """Lets the shell itself complete a `file`, or a folder, which it calls `dir`."""
    return lambda _, __, incomplete: [CompletionItem(incomplete, type=kind)]


files, folders = left_to_the_shell("file"), left_to_the_shell("dir")


def pictures(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """A canvas, where its beginning is typed; else a file."""
    return (incomplete and beginning(CANVASES, incomplete)) or files(context, parameter, incomplete)


def models(context: Context, parameter: Parameter, incomplete: str) -> list[CompletionItem]:
    """A network by its name, or a file."""
    return beginning(NETWORKS, incomplete) or files(context, parameter, incomplete)


def layers(context: Context, _: Parameter, incomplete: str) -> list[CompletionItem]:
    """A layer of the default network, also after others: `block5:0.5,blo`. Another network's would take seconds."""
    if context.params.get("model") not in (None, DreamSettings.model):
        return []
    before, comma, last = incomplete.rpartition(",")
    return beginning(LAYERS, last, before + comma)


def looks(_: Context, __: Parameter, incomplete: str) -> list[CompletionItem]:
    """A filter that comes with the program."""
    names = sorted(each.parent.name for each in _LOOKS.glob("*/filter.toml"))
    return beginning(dict.fromkeys(names, ""), incomplete)


presets = words({name: look.about for name, look in PRESETS.items()})
recipes = words({name: recipe.about for name, recipe in RECIPES.items()})
