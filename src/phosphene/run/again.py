"""A run again, from the record of the last one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from phosphene import images, networks, record
from phosphene.errors import RecordError, WeightsError
from phosphene.networks import Network
from phosphene.recipes.dream import OnStep, goal
from phosphene.recipes.settings import DreamSettings
from phosphene.recipes.settings import settings as choose
from phosphene.record import Record
from phosphene.run.once import Dream, make, open_source, room


def redo(
    source: str | os.PathLike[str] | bytes,
    *,
    image: images.Source | None = None,
    on_step: OnStep | None = None,
    **changes: Any,
) -> Dream:
    """Makes a dream again from its record, with `changes` to its settings.

    Args:
        source: a picture that Phosphene wrote.
        image: the picture it began as; by default the file of the recorded name beside `source`.
        on_step: as for `dream`.
        **changes: any field of `DreamSettings`.

    Raises:
        RecordError: no record, or one that cannot be followed.
        ImageError: the input is not where it should be.
        WeightsError: the network's weights are not there.
    """
    made = record.read(source)
    folder = Path() if isinstance(source, bytes) else Path(os.fspath(source)).resolve().parent
    network, chosen, notes = _recorded(made, folder, changes)
    canvas_size = (made.input["width"], made.input["height"]) if "canvas" in made.input else None
    with room():
        opened, origin = open_source(
            _recorded_input(made, folder) if image is None else image,
            size=canvas_size,
            long_side=made.input.get("long_side"),
            max_pixels=0,
            chosen=replace(chosen, seed=made.input.get("seed", chosen.seed)),
        )
        result = make(opened, origin, chosen, network, goal(network, chosen), on_step)
    return replace(result, notes=result.notes + notes + _differences(made, result.record, "model" in changes))


def _recorded(made: Record, folder: Path, changes: Mapping[str, Any]) -> tuple[Network, DreamSettings, tuple[str, ...]]:
    """The recorded network and settings with `changes`, and what has to give way to them."""
    settings = {**made.settings, **changes}
    if "model" not in changes:
        settings["model"] = _recorded_model(made, folder)
    if "channel" not in changes and {"layer", "model"} & set(changes):
        settings["channel"] = None  # a channel means nothing in another layer
    chosen = choose(**settings)
    network = networks.load(chosen.model, dtype=getattr(torch, chosen.dtype))
    if "layer" not in changes and str(goal(network, choose(**made.settings))) != made.objective:
        raise RecordError(f"The recorded objective, {made.objective}, was composed in Python: redo it there.")
    if "layer" not in changes and not goal(network, chosen).layers <= set(network.layers):
        note = f"{network.name} has no {made.settings['layer']}: it dreams at {network.default_layer}"
        return network, replace(chosen, layer=None), (note,)
    return network, chosen, ()


def _recorded_model(made: Record, folder: Path) -> str:
    """The recorded network's name, or the weights file of the recorded name beside the picture."""
    name, file = made.network.get("name", ""), folder / made.network.get("file", "")
    if name in networks.SOURCES and networks.find(networks.SOURCES[name]):
        return name
    if file.is_file():
        return str(file)
    raise WeightsError(
        f"The dream was made with {name} ({file.name}), which is neither in {networks.models_folder()} nor beside the"
        f" picture.\nSay where it is: --model PATH; or fetch it with: phosphene networks get {name}"
    )


def _recorded_input(made: Record, folder: Path) -> images.Source:
    """The picture that a dream began as: a canvas, or the file beside the dream."""
    if "canvas" in made.input:
        return str(made.input["canvas"])
    name = str(made.input.get("name", ""))
    if not name or not (folder / name).is_file():
        raise RecordError(f"The input {name!r} is no file in {folder}. Say where it is: --input PATH")
    return folder / name


def _differences(made: Record, now: Record, other_model: bool) -> tuple[str, ...]:
    """Says so where the input or the weights are not the recorded ones."""
    notes = []
    if made.input.get("sha256") != now.input.get("sha256"):
        notes.append(f"the input is not the recorded one, whose SHA-256 was {str(made.input.get('sha256'))[:12]}…")
    if not other_model and made.network.get("sha256") != now.network["sha256"]:
        notes.append("the network's weights are not the recorded ones")
    return tuple(notes)
