"""Looks that are kept under a name: small files of data in the user's folder, which programs and people pass on.

A look's file is a file of settings, as `--config` takes it, with a table beside them that programs may show:

    [look]
    about = "as china-dream.png, a dream"
    preview = "data:image/webp;base64,…"
    [dream]
    layer = "block6"
"""

import json
import re
import tomllib
from pathlib import Path
from typing import NamedTuple

from phosphene.errors import SettingsError
from phosphene.names import LOOK_NAME
from phosphene.recipes.fields import SPEED, ValueDict, Values, described
from phosphene.recipes.settings import PRESETS
from phosphene.techniques.technique import TECHNIQUES, Technique

MOST = 200_000  # bytes of a look's file
PLACES = ("mask", "feather", "invert", "region", "regions", "initial")  # of one picture; no part of a look


class LookFile(NamedTuple):
    """What a look's file says."""

    technique: Technique
    settings: ValueDict  # all of them, but those of one picture and of the machine
    about: str  # a line for the painter

    @classmethod
    def read(cls, text: str, called: str) -> "LookFile":
        """A look's file, which may be anybody's.

        Raises:
            PhospheneError: it is none, or asks for the impossible.
        """
        try:
            content = tomllib.loads(text)
        except (ValueError, RecursionError) as error:
            raise SettingsError(f"{called} is no look's file: it is not TOML.\n{str(error)[:200]}") from error
        tables = {name: table for name, table in content.items() if name in TECHNIQUES and isinstance(table, dict)}
        if len(tables) != 1 or content.keys() - {"look", *tables}:
            raise SettingsError(
                f"{called} is no look's file: it has one table of settings, as [dream], and none beside it but [look]."
            )
        ((name, table),) = tables.items()
        technique = TECHNIQUES[name]
        chosen = technique.chosen(technique.requested_in(table, called))
        return cls(technique, shareable(technique, chosen.to_dict()), about_of(content))


def shareable(technique: Technique, chosen: Values) -> ValueDict:
    """The settings of a look: not the places of one picture, nor the machine's speed, nor what is not set."""
    known = described(technique.settings)
    kept = {name: value for name, value in chosen.items() if name not in PLACES and known[name].group != SPEED}
    return {name: value for name, value in kept.items() if name != "seed" and value not in (None, [], ())}


def folder() -> Path:
    """Where the user's looks lie; the folder need not exist."""
    from platformdirs import user_data_path

    return user_data_path("phosphene") / "looks"


def kept() -> dict[str, Path]:
    """The files of the user's looks, by name."""
    return {path.stem: path for path in sorted(folder().glob("*.toml"), key=lambda each: each.stem)}


def about_of(content: Values) -> str:
    """The line for the painter in a look's file; it may be anybody's."""
    told = content.get("look")
    about = str(told.get("about", "")) if isinstance(told, dict) else ""
    return "".join(letter for letter in about if letter.isprintable())[:200]


def written(technique: Technique, look: Values, about: str, preview: str | None) -> str:
    """A look's file."""
    shown = {"about": about} | ({"preview": preview} if preview else {})
    tables = {"look": shown, technique.name: look}
    lines = [[f"[{name}]", *(f"{key} = {_toml(value)}" for key, value in of.items())] for name, of in tables.items()]
    return "\n\n".join("\n".join(each) for each in lines) + "\n"


def _toml(value: object) -> str:
    """A value as TOML writes it, which for texts, numbers and lists of texts is as JSON does."""
    return json.dumps(list(value) if isinstance(value, tuple) else value, ensure_ascii=False)


def free_name(wanted: str, data: bytes) -> str:
    """A name for a look's file: the one that is wanted, as names are, or with a number if it is another look's.

    >>> free_name("Night Sea!.toml", b"")
    'night-sea'
    """
    name = re.sub(r"[^a-z0-9_-]+", "-", wanted.lower().removesuffix(".toml")).strip("-_")[:36] or "look"
    known, number, found = kept(), 1, name
    while found in PRESETS or (found in known and known[found].read_bytes() != data):
        number += 1
        found = f"{name}-{number}"
    assert LOOK_NAME.fullmatch(found)
    return found
