"""A painting again, from the record of the last one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from phosphene import filters, images, networks
from phosphene.ascent import OnStep
from phosphene.errors import PhospheneError, RecordError
from phosphene.recipes.fields import combined
from phosphene.recipes.style_settings import StyleSettings, weighted
from phosphene.record import Record
from phosphene.run.aims import ALPHA
from phosphene.run.album import Album
from phosphene.run.kept import Keep
from phosphene.run.provenance import origin_of
from phosphene.run.style import Painting, make


def redo(
    made: Record,
    changes: Mapping[str, Any],
    image: images.Source,
    on_step: OnStep | None = None,
    *,
    folder: Path,
    keep: Keep | None = None,
) -> Painting:
    """Makes a painting again from its record, with `changes` to its settings.

    Raises:
        RecordError: the record cannot be followed.
    """
    try:
        chosen = _again(made, changes)
    except TypeError as error:
        raise RecordError(f"The record cannot be followed: {error}.") from error
    _check_there(chosen, folder)
    network = networks.load_for(chosen)
    long_side = made.input.get("long_side")
    source = images.load(image, dtype=network.dtype, long_side=long_side, max_pixels=0)
    return make(
        source, origin_of(source, long_side), chosen, network, Album(network.dtype, folder=folder), on_step, keep
    )


def _again(made: Record, changes: Mapping[str, Any]) -> StyleSettings:
    """The recorded settings with changes. What suited a filter that goes, goes with it; another's comes with that."""
    then, other = dict(made.settings), changes.get("filter")
    if other is not None or changes.get("style"):
        suited = _suited(then.get("filter"))
        then = {name: value for name, value in then.items() if name not in suited or value != suited[name]}
    suits = {} if other is None else filters.read(other).style
    return StyleSettings(**combined(StyleSettings, then, suits, changes))


def _suited(name: str | None) -> Mapping[str, Any]:
    """The settings that suit a filter; none where it is gone or damaged."""
    try:
        return {} if name is None else filters.read(name).style
    except PhospheneError:
        return {}


def _check_there(chosen: StyleSettings, folder: Path) -> None:
    """Refuses styles, masks and maps that are not where they should be."""
    wanted: Sequence[tuple[str, str | None]] = [
        *(("style", weighted(word)[0]) for word in chosen.style),
        *(("regions", name) for name in chosen.regions),
        ("mask", None if chosen.mask == ALPHA else chosen.mask),
        ("initial", chosen.initial),
    ]
    for kind, name in wanted:
        if name is not None and not (folder / name).is_file() and not Path(name).is_file():
            raise RecordError(
                f"The {kind} {name!r} is no file in {folder}. Put it there, or name another: --{kind} PATH"
            )
