"""Where dreams go: names beside the inputs, folders, templates; and what stands in their way."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter
from typing import Any

from phosphene.batch.inputs import PIPE, Input
from phosphene.errors import ImageError, SettingsError, UnknownNameError, nearest
from phosphene.images import FORMATS, format_of, name_of
from phosphene.images.atomic import refuse
from phosphene.recipes.fields import Settings, described
from phosphene.records.journal import folder_of
from phosphene.techniques import DREAM, Technique

_UNFIT = re.compile(r'[\\/:*?"<>|\s]+')  # what a file name should not hold, on any system


def target(source: Input, output: str | None, facts: Mapping[str, Any], technique: Technique = DREAM) -> Path | None:
    """Where a picture goes; in a folder, below the folders that the source lies below.

    Raises:
        UnknownNameError: a template names what is not known.
        SettingsError: a template is malformed.

    >>> print(target(Input("clouds", "canvas"), "{stem}_{seed}.{ext}", {"seed": 7}))
    clouds_7.png
    """
    if output == PIPE:
        return None
    usual = f"{source.stem}-{technique.name}.png"
    if output is None:
        return source.folder / usual
    if "{" in output or "}" in output:
        own = {"stem": source.stem, "ext": source.extension, "folder": source.below.as_posix()}
        return Path(_filled(output, {**facts, **own}))
    return Path(output) / source.below / usual if is_folder(output) else Path(output)


def is_folder(output: str) -> bool:
    """Whether `-o` names a folder; one called x.png is more likely a slip than a wish."""
    path = Path(output)
    return output.endswith(("/", os.sep)) or (path.is_dir() and path.suffix.lower() not in FORMATS)


def facts(settings: Settings, looks: Mapping[str, str | None]) -> dict[str, Any]:
    """What a template may name, fit for file names: the settings, and by which looks they were chosen."""
    known = described(type(settings))
    values = {name: _short(value, known[name].holds) for name, value in settings.to_dict().items()}
    if looks:
        recipe = looks.get("recipe") or "phosphene"
        values |= {"recipe": recipe, "preset": looks.get("preset") or recipe}
    return {key: _UNFIT.sub("-", value) if isinstance(value, str) else value for key, value in values.items()}


def _short(value: Any, holds: str) -> Any:
    """A setting's value as part of a name: of files their stems, of several one after the other."""
    if value is None and holds == "layer":
        return "default"
    if isinstance(value, list):
        return "+".join(Path(name_of(str(each))).stem for each in value)
    return Path(value).stem if holds == "model" else value


def _filled(template: str, facts: Mapping[str, Any]) -> str:
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
        for field in fields:
            if field not in facts:
                names = ", ".join(
                    f"{{{name}}}" for name in ("stem", "ext", "folder", "preset", "recipe") if name in facts
                )
                raise UnknownNameError(
                    f"{{{field}}} in {template!r} is unknown.{nearest(field, facts)}"
                    f" There are {names} and the settings, as {{layer}}, {{seed}}."
                )
        return template.format_map(facts)
    except (TypeError, ValueError, IndexError, KeyError) as error:
        raise SettingsError(
            f"The template {template!r} cannot be read: {error}.\n"
            "Write it as {stem}_{seed}.png, and a brace as {{."
        ) from error


def make_folders(root: Path, output: Path) -> None:
    """Makes the folders of an output that keep the tree of its input, below a folder that is there."""
    if root.is_dir() and output.parent.resolve().is_relative_to(root.resolve()):
        output.parent.mkdir(parents=True, exist_ok=True)


def check(output: Path, *, force: bool) -> None:
    """Refuses what could not be written, so that no minutes are lost.

    Raises:
        ImageError: the file exists already, is a folder or a device, has an unknown suffix, or its folder is not there
            or not to be written.
    """
    refuse(output, overwrite=True)
    format_of(output)
    if output.exists() and not force and not begun(output):
        raise ImageError(
            f"{output} exists already, and is left alone.\nReplace it with --force, or choose another name with -o."
        )
    if not os.access(output.parent, os.W_OK):
        raise ImageError(f"You may not write into {output.parent}.\nChoose another folder with -o.")


def begun(output: Path | None) -> bool:
    """Whether a run that writes this file was begun and stopped."""
    return output is not None and folder_of(output).is_dir()


def again(path: Path) -> Path:
    """A free name, or one that was begun, for a dream made again: `cat-dream-redo.png`, `cat-dream-redo2.png`, …"""
    suffix = path.suffix if path.suffix.lower() in FORMATS else ".png"
    number = 1
    while True:
        found = path.with_name(f"{path.stem}-redo{number if number > 1 else ''}{suffix}")
        if begun(found) or not found.exists():
            return found
        number += 1
