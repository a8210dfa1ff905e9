"""Settings from files: the user's own, and one named on the command line.

At the top of the user's file stand the settings of dreams; in a named file, those of the command that it is named to.
A table with a technique's name holds that one's, in both: `[style]`, `[pattern]`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from phosphene.errors import PhospheneError, SettingsError, UnknownNameError, nearest
from phosphene.recipes import settings as of_dreams
from phosphene.recipes.fields import beneath, combined
from phosphene.recipes.presets import PRESETS, RECIPES, Named
from phosphene.techniques import DREAM, TECHNIQUES, Technique

_TEXTS = ("overlap", "memory")


def user_file() -> Path:
    """Where a user's standing wishes lie; the file need not exist."""
    from platformdirs import user_config_path

    return user_config_path("phosphene") / "settings.toml"


def wished(technique: Technique, named: str | None, typed: Mapping[str, Any]) -> dict[str, Any]:
    """What the user's file, a named one and the command line ask for, the nearest last.

    Raises:
        PhospheneError: as `read` does.
    """
    return over(technique, read(technique, named, typed), typed)


def over(technique: Technique, *places: Mapping[str, Any]) -> dict[str, Any]:
    """What several places ask for, the nearest last; a look in one of them asks for what it chooses."""
    return of_dreams.wished(*places) if technique.looks else combined(technique.settings, *places)


def left(technique: Technique, farther: Mapping[str, Any], nearer: Mapping[str, Any]) -> dict[str, Any]:
    """What is left of the farther wishes beside nearer ones."""
    return of_dreams.left(farther, nearer) if technique.looks else beneath(technique.settings, farther, nearer)


def read(technique: Technique, named: str | None, typed: Collection[str] = ()) -> dict[str, Any]:
    """The settings of the user's file, overruled by those of the named one.

    Raises:
        SettingsError: a file that is not there, is no TOML, asks for the impossible, or, where no model is `typed`,
            names a program and is not the user's own.
        UnknownNameError: it holds something that is no setting.
    """
    own = user_file()
    values = _file(own, DREAM).get(technique.name, {}) if own.is_file() else {}
    if named is None:
        return values
    others = _file(Path(named), technique).get(technique.name, {})
    if "model" in others and "model" not in typed:
        from phosphene import networks

        networks.refuse_program(others["model"], named, "--model {}")
    return over(technique, values, others)


def layer_from(wishes: Mapping[str, Any]) -> Named | None:
    """The preset or recipe that chooses the layer, where nothing nearer does."""
    if "layer" in wishes:
        return None
    named = (PRESETS.get(wishes.get("preset") or ""), RECIPES.get(wishes.get("recipe") or ""))
    return next((each for each in named if each and "layer" in each.changes), None)


def _file(path: Path, above: Technique) -> dict[str, dict[str, Any]]:
    """The settings of each technique; those at the top belong to the one `above`."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.\nWrite a setting in each line, as: steps = 20") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings {path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    tables = {name: table for name, table in content.items() if name in TECHNIQUES and isinstance(table, dict)}
    top = {key: value for key, value in content.items() if key not in tables}
    found = {name: _checked(table, path, TECHNIQUES[name]) for name, table in tables.items()}
    found[above.name] = {**_checked(top, path, above), **found.get(above.name, {})}
    return found


def _checked(table: Mapping[str, Any], path: Path, technique: Technique) -> dict[str, Any]:
    values = {_known(key, path, technique): _worded(key, value) for key, value in table.items()}
    try:
        if technique.looks:
            technique.choose(**values)
        else:
            technique.settings(**values)
    except PhospheneError as error:
        raise type(error)(f"{path}: {error}") from error
    return values


def _known(key: str, path: Path, technique: Technique) -> str:
    name, names = key.replace("-", "_"), (*technique.looks, *technique.fields)
    if name not in names:
        raise UnknownNameError(f"{path}: unknown setting {key!r}.{nearest(name, names)}\nThere are {', '.join(names)}.")
    return name


def _worded(key: str, value: Any) -> Any:
    """Layers may be a list, and an overlap a number."""
    if key == "layer" and isinstance(value, list):
        return ",".join(map(str, value))
    return str(value) if key in _TEXTS and isinstance(value, int) and not isinstance(value, bool) else value
