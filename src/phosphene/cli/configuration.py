"""Settings from files: the user's own, and one named on the command line."""

from __future__ import annotations

import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from phosphene.errors import PhospheneError, SettingsError, UnknownNameError, nearest
from phosphene.recipes.presets import PRESETS, RECIPES, Named
from phosphene.recipes.settings import NAMES, settings, wished

LOOKS = ("preset", "recipe")
_TEXTS = ("overlap", "memory")


def user_file() -> Path:
    """Where a user's standing wishes lie; the file need not exist."""
    from platformdirs import user_config_path

    return user_config_path("phosphene") / "settings.toml"


def read(named: str | None, typed: Collection[str] = ()) -> dict[str, Any]:
    """The settings of the user's file, overruled by those of the named one.

    Raises:
        SettingsError: a file that is not there, is no TOML, asks for the impossible, or, where no model is `typed`,
            names a program and is not the user's own.
        UnknownNameError: it holds something that is no setting.
    """
    own = user_file()
    values = _file(own) if own.is_file() else {}
    if named is None:
        return values
    others = _file(Path(named))
    if "model" in others and "model" not in typed:
        from phosphene import networks

        networks.refuse_program(others["model"], named, "--model {}")
    return wished(values, others)


def layer_from(recipe: str | None, preset: str | None) -> Named | None:
    """The preset or recipe that chooses the layer, where nothing nearer does."""
    named = (PRESETS.get(preset or ""), RECIPES.get(recipe or ""))
    return next((each for each in named if each and "layer" in each.changes), None)


def _file(path: Path) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is not TOML: {error}.\nWrite a setting in each line, as: steps = 20") from error
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(
            f"The settings {path} cannot be read: {getattr(error, 'strerror', None) or error}."
        ) from error
    values = {_known(key, path): _worded(key, value) for key, value in content.items()}
    try:
        settings(**values)
    except PhospheneError as error:
        raise type(error)(f"{path}: {error}") from error
    return values


def _known(key: str, path: Path) -> str:
    name = key.replace("-", "_")
    if name not in (*NAMES, *LOOKS):
        raise UnknownNameError(
            f"{path}: unknown setting {key!r}.{nearest(name, (*NAMES, *LOOKS))}\n"
            f"There are {', '.join((*LOOKS, *NAMES))}."
        )
    return name


def _worded(key: str, value: Any) -> Any:
    """Layers may be a list, and an overlap a number."""
    if key == "layer" and isinstance(value, list):
        return ",".join(map(str, value))
    return str(value) if key in _TEXTS and isinstance(value, int) and not isinstance(value, bool) else value
