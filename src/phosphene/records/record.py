"""The run record: how a picture was made, kept inside it, so that it can be made again."""

from __future__ import annotations

import json
import os
import platform
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields
from importlib import metadata as installed
from pathlib import Path
from typing import Any, TypeAlias, get_args, get_origin, get_type_hints

from phosphene import images
from phosphene.errors import RecordError

SCHEMA = 1
"""Version of the record's form; raised when an older Phosphene could misread it."""

_LONGEST = 1_000_000  # characters; a record has a few thousand
_ABSOLUTE = re.compile(r"^(?:~?/|~?\\|[A-Za-z]:[\\/])")
_OUTWARD = re.compile(r"^[/~]|^[A-Za-z]:|[\\\0]|(?:^|/)\.\.(?:/|$)")  # in a name that does not stay in its folder
_LEADING = ("steps", "seed")  # settings that other programs' readers look for, so they stand first
_OPTIONAL = ("pictures", "complete", "reached")

Facts: TypeAlias = dict[str, Any]
"""A JSON object."""


@dataclass(frozen=True)
class Record:
    """How a picture was made.

    It names files but never folders: paths among the names, and absolute paths among the settings, lose theirs.

    Args:
        recipe: Such as "dream".
        settings: The recipe's settings, JSON values.
        objective: The objective, as it prints itself.
        network: `name`, `file` and `sha256` of the network's weights.
        input: `name`, `sha256`, `width` and `height` of the picture, or `canvas` and its seed.
        output: `width`, `height` and `depth` of the result.
        versions: Of what the run used, from `versions`.
        threads: Of the processor.
        complete: False if the run was interrupted.
        reached: Where an interrupted run stopped.
        pictures: Name and SHA-256 of what it looked at beside the input: guides and masks.

    Raises:
        RecordError: If a field is of the wrong kind, describes no picture, or holds what JSON cannot.
    """

    recipe: str
    settings: Facts
    objective: str
    network: dict[str, str]
    input: Facts
    output: Facts
    versions: dict[str, str]
    threads: int
    complete: bool = True
    reached: str = ""
    pictures: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, hint in get_type_hints(type(self)).items():
            _check(name, getattr(self, name), hint)
        _check_picture("input", self.input)
        _check_picture("output", self.output)
        replace = object.__setattr__  # the record is frozen for everybody else
        replace(self, "settings", _without_folders(self.settings))
        replace(self, "input", _named(_without_folders(self.input), "name"))
        replace(self, "network", _named(_without_folders(self.network), "name", "file"))
        self.to_json()

    def to_json(self) -> str:
        """The record as JSON in pure ASCII.

        Raises:
            RecordError: If it holds what JSON cannot, such as NaN.
        """
        try:
            return json.dumps({"schema": SCHEMA, **asdict(self)}, allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise RecordError(f"This run cannot be recorded: {error}. Records hold JSON values only.") from error

    @classmethod
    def from_json(cls, text: str) -> Record:
        """Reads what `to_json` wrote, or an older or stranger text, without trusting it.

        Raises:
            RecordError: If it is damaged, incomplete, huge, or from a newer Phosphene.
        """
        data = _parse(text)
        schema = data.get("schema")
        if not isinstance(schema, int) or isinstance(schema, bool):
            raise RecordError("The record is damaged: it does not say which schema it follows.")
        if schema > SCHEMA:
            raise RecordError(
                f"The record follows schema {schema}; this Phosphene knows {SCHEMA}.\n"
                "It was written by a newer one: pip install --upgrade phosphene"
            )
        known = {entry.name: data[entry.name] for entry in fields(cls) if entry.name in data}
        try:
            made = cls(**known)
        except TypeError as error:
            missing = [entry.name for entry in fields(cls) if entry.name not in data and entry.name not in _OPTIONAL]
            raise RecordError(f"The record is damaged: it lacks {', '.join(missing)}.") from error
        _check_canvas(made.input)
        return made

    def line(self) -> str:
        """The record as people read it, in the form that other painting programs write under `parameters`.

        The first line is free text; then come `Key: value` pairs, values with commas, colons or line breaks quoted.
        """
        state = "" if self.complete else f" (stopped at {self.reached})" if self.reached else " (stopped early)"
        facts = ", ".join(f"{key}: {_quoted(value)}" for key, value in self._facts().items() if value not in ("", None))
        return f"Phosphene {self.recipe} of {self.objective}{state}\n{facts}"

    def metadata(self) -> dict[str, str]:
        """The texts to save in the picture: `parameters` for people, `phosphene` for `read`."""
        # Names of pictures may hold bytes that are no text, for which files have no place.
        return {"parameters": self.line().encode("utf-8", "replace").decode(), "phosphene": self.to_json()}

    def _facts(self) -> dict[str, object]:
        """What the line tells, in its order."""
        width, height = self.output.get("width"), self.output.get("height")
        made = {
            "Size": f"{width}x{height}" if width and height else None,
            "Model": self.network.get("name"),
            "Model hash": self.network.get("sha256", "")[:10],
        }
        first = {_spoken(key): self.settings[key] for key in _LEADING if key in self.settings}
        told = {_spoken(key): value for key, value in self.settings.items() if not isinstance(value, dict)}
        others = {key: value for key, value in told.items() if key not in {*first, *made}}
        name = self.input.get("name", self.input.get("canvas"))
        return {**first, **made, **others, "Input": name, "Version": f"phosphene {self.versions.get('phosphene', '')}"}


def read(source: str | os.PathLike[str] | bytes) -> Record:
    """The record inside a picture file, or its bytes.

    Raises:
        ImageError: If there is no such picture.
        RecordError: If it carries no record, or one that cannot be read.
    """
    text = images.metadata(source).get("phosphene")
    if text is None:
        given = "This picture" if isinstance(source, bytes) else os.fsdecode(source)
        raise RecordError(
            f"{given} does not say how it was made.\n"
            "Only pictures written by Phosphene without --no-metadata do, and many websites remove that."
        )
    return Record.from_json(text)


def beside(folder: Path, name: str, *, folders: bool = False) -> Path | None:
    """The file that a record's name means: one in the folder of the picture, or beneath it.

    A record is data, and may be a stranger's: it names no file elsewhere, by whatever path or link, and no device.

    Args:
        folder: where the picture with the record lies.
        name: the recorded name.
        folders: whether a folder, as one of a film's frames, will do; all in it must lie beneath `folder` too.

    Returns:
        The path of the file; `None` if there is none, or if it lies elsewhere.
    """
    if not name or _OUTWARD.search(name):
        return None
    try:
        root = folder.resolve()
        found = (root / name).resolve(strict=True)
        if not found.is_relative_to(root) or found == root:
            return None
        inside = found.is_file() or (folders and found.is_dir() and _keeps_within(found, root))
    except (OSError, ValueError, RuntimeError):  # not there; a NUL; a link that leads back to itself
        return None
    return folder / name if inside else None


def _keeps_within(folder: Path, root: Path) -> bool:
    return all(each.resolve().is_relative_to(root) for each in folder.iterdir())


def versions() -> dict[str, str]:
    """The versions that this run uses: phosphene, python, torch, numpy and pillow."""
    known = {name: _version(name) for name in ("torch", "numpy", "pillow")}
    return {"phosphene": _version("phosphene"), "python": platform.python_version(), **known}


def _version(name: str) -> str:
    try:
        return installed.version(name)
    except installed.PackageNotFoundError:
        return "unknown"


def _parse(text: str) -> Facts:
    """The JSON object in a text that may hold anything."""
    if len(text) > _LONGEST:
        raise RecordError(f"The record is {len(text):,} characters long; no true one is longer than {_LONGEST:,}.")
    try:
        data = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise RecordError(f"The record is damaged: it is not JSON ({error}).") from error
    if not isinstance(data, dict):
        raise RecordError(f"The record is damaged: it is a {type(data).__name__}, not an object.")
    return data


def _refuse_constant(word: str) -> None:
    raise ValueError(f"{word} is no number")


def _check(name: str, value: object, hint: object) -> None:
    """Refuses a field of the wrong kind, by its type."""
    wanted = get_origin(hint) or hint
    fits = isinstance(wanted, type) and isinstance(value, wanted) and (hint is bool or not isinstance(value, bool))
    if fits and isinstance(value, dict):
        fits = all(isinstance(key, str) for key in value)
        fits &= str not in get_args(hint)[1:] or all(isinstance(each, str) for each in value.values())
    if not fits:
        kind = hint.__name__ if isinstance(hint, type) and not get_args(hint) else str(hint)
        raise RecordError(f"The record's {name} must be {kind}, not {type(value).__name__}: {str(value)[:80]}")


def _check_picture(field: str, values: Mapping[str, object]) -> None:
    """Refuses a picture's description that no run wrote; names that are not known may hold anything."""
    for name in values.keys() & _FACTS.keys():
        allowed, fits = _FACTS[name]
        if not fits(values[name]):
            raise RecordError(
                f"The record is damaged: the {name} of its {field} must be {allowed}, not {str(values[name])[:80]!r}."
            )
    if "canvas" in values and not {"width", "height"} <= values.keys():
        raise RecordError(f"The record is damaged: the canvas of its {field} has no width or no height.")


def _is_whole(value: object, low: int = 1) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and low <= value < 2**63


# What an input or an output may say of itself; `None` stands for what was not asked for or is not known.
_FACTS: Mapping[str, tuple[str, Callable[[object], bool]]] = {
    **dict.fromkeys(("width", "height", "depth"), ("a whole number of 1 or more", _is_whole)),
    "long_side": ("a whole number of 1 or more", lambda value: value is None or _is_whole(value)),
    "enlarge": ("a number", lambda value: isinstance(value, (int, float)) and not isinstance(value, bool)),
    "seed": ("a whole number of 0 or more", lambda value: _is_whole(value, 0)),
    **dict.fromkeys(("canvas", "profile"), ("a text", lambda value: isinstance(value, str))),
    **dict.fromkeys(("name", "sha256"), ("a text", lambda value: value is None or isinstance(value, str))),
}


def _check_canvas(values: Facts) -> None:
    """Refuses a canvas so large that a picture which lies would fill the memory of who makes it again."""
    if "canvas" in values and values["width"] * values["height"] > images.MAX_PIXELS:
        raise RecordError(
            f"The record's canvas has {values['width']}×{values['height']} pixels; allowed are {images.MAX_PIXELS:,}.\n"
            "If you trust it, paint one yourself: phosphene clouds --size WxH --max-pixels 0"
        )


def _named(values: dict[str, object], *keys: str) -> dict[str, object]:
    """The values, with bare names under these keys."""
    return {key: _bare(value) if key in keys and isinstance(value, str) else value for key, value in values.items()}


def _without_folders(value: Any) -> Any:
    """A JSON value whose absolute paths have lost their folders: where you keep your pictures is your own affair."""
    if isinstance(value, dict):
        return {key: _without_folders(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_folders(each) for each in value]
    return _bare(value) if isinstance(value, str) and _ABSOLUTE.match(value) else value


def _bare(path: str) -> str:
    return path.replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]


def _spoken(key: str) -> str:
    """A setting's name in a sentence.

    >>> _spoken("octave_scale")
    'Octave scale'
    """
    return key.replace("_", " ").capitalize()


def _quoted(value: object) -> str:
    """A value that cannot be mistaken for the next pair."""
    text = value if isinstance(value, str) else json.dumps(value)
    return json.dumps(text, ensure_ascii=False) if any(mark in text for mark in ",:\n") else text
