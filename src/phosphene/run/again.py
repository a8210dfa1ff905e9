"""A run again, from the record of the last one."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from phosphene import backends, images, networks, record
from phosphene.ascent import OnStep
from phosphene.canvases import CANVASES
from phosphene.errors import RecordError, SettingsError, WeightsError
from phosphene.networks import Network
from phosphene.networks.devices import AUTO as DEVICE_AUTO
from phosphene.networks.devices import CPU, is_here
from phosphene.recipes.dream import goal
from phosphene.recipes.fields import Settings, combined, flag
from phosphene.recipes.pattern_settings import PatternSettings
from phosphene.recipes.settings import DreamSettings
from phosphene.recipes.settings import settings as choose
from phosphene.recipes.style_settings import StyleSettings
from phosphene.record import Record
from phosphene.run import pattern, style_again
from phosphene.run.aims import names
from phosphene.run.album import Album
from phosphene.run.kept import Keep
from phosphene.run.large import LargeDream, OnForecast
from phosphene.run.once import Dream, dream_of
from phosphene.run.watch import telling_of_memory

KINDS: Mapping[str, tuple[str, type[Settings]]] = {
    "dream": ("dreams", DreamSettings),
    "pattern": ("patterns", PatternSettings),
    "style": ("paintings", StyleSettings),
}


def redo(
    source: str | os.PathLike[str] | bytes,
    *,
    image: images.Source | None = None,
    on_step: OnStep | None = None,
    keep: Keep | None = None,
    on_forecast: OnForecast | None = None,
    **changes: Any,
) -> Dream | LargeDream:
    """Makes a dream, a pattern or a style again from its record; arguments and errors are those of `phosphene.redo`."""
    made = record.read(source)
    if made.recipe not in KINDS:
        raise RecordError(f"The record is of a {made.recipe}, which is not made again in this way.")
    check_changes(made, changes)
    folder = Path() if isinstance(source, bytes) else Path(os.fspath(source)).resolve().parent
    if made.recipe == "pattern":
        with telling_of_memory():
            recorded = recorded_model(made, folder, changes)
            return pattern.redo(made, {**recorded, **changes}, on_step, folder=folder)
    if made.recipe == "style":
        with telling_of_memory():
            recorded = recorded_model(made, folder, changes)
            began = recorded_input(made, folder) if image is None else image
            painted = style_again.redo(made, {**recorded, **changes}, began, on_step, folder=folder, keep=keep)
        return replace(painted, notes=painted.notes + differences(made, painted.record, "model" in changes))
    network, chosen, notes = _recorded(made, folder, changes)
    canvas_size = (made.input["width"], made.input["height"]) if "canvas" in made.input else None
    opening = {"size": canvas_size, "long_side": made.input.get("long_side"), "max_pixels": 0}
    result = dream_of(
        recorded_input(made, folder) if image is None else image,
        chosen,
        network,
        Album(network.dtype, folder=folder),
        opening={**opening, "seed": made.input.get("seed", chosen.seed)},
        on_step=on_step,
        keep=keep,
        on_forecast=on_forecast,
    )
    return replace(result, notes=result.notes + notes + differences(made, result.record, "model" in changes))


def check_changes(made: Record, changes: Mapping[str, Any]) -> None:
    """Refuses changes that only pictures of another kind know.

    Raises:
        SettingsError: one of them, with whom it is for.
    """
    own, fields = KINDS.get(made.recipe, KINDS["dream"])
    for name in changes:
        homes = [kind for kind, known in KINDS.values() if name in known.names()]
        if homes and own not in homes:
            allowed = ", ".join(fields.names())
            raise SettingsError(
                f"{flag(name)} is for {' and '.join(homes)}; this picture is one of the {own}, which take {allowed}."
            )


def _recorded(made: Record, folder: Path, changes: Mapping[str, Any]) -> tuple[Network, DreamSettings, tuple[str, ...]]:
    """The recorded network and settings with `changes`, and what has to give way to them."""
    backend, notes = _recorded_backend(made) if "backend" not in changes else ({}, ())
    elsewhere = made.settings.get("device", CPU)
    if not is_here(elsewhere):
        backend = {**backend, "device": DEVICE_AUTO}
        notes += (f"made on {elsewhere}, which is not here: the picture is made alike, not equal",)
    recorded = recorded_model(made, folder, changes)
    then = {"device": CPU, **made.settings, **backend, **recorded}
    chosen = choose(**combined(DreamSettings, then, changes))
    network = networks.load_for(chosen)
    _check_pictures(chosen, folder)
    if "layer" not in changes and chosen.objective is None and not goal(network, chosen).layers <= set(network.layers):
        note = f"{network.name} has no {made.settings['layer']}: it dreams at {network.default_layer}"
        return network, replace(chosen, layer=None), (*notes, note)
    return network, chosen, notes


def _recorded_backend(made: Record) -> tuple[dict[str, str], tuple[str, ...]]:
    """The backend that made a picture, as a setting; torch, and word of it, where the other is not here."""
    if backends.OPENVINO not in made.versions:
        return {"backend": backends.TORCH}, ()
    if backends.installed():
        return {}, ()
    note = (
        f"made with openvino {made.versions[backends.OPENVINO]}, which is not installed here: torch makes it alike,"
        " not equal. For the same pixels: pip install 'phosphene[fast]'"
    )
    return {"backend": backends.TORCH}, (note,)


def _check_pictures(chosen: DreamSettings, folder: Path) -> None:
    """Refuses guides and masks that are not where they should be."""
    for name in names(chosen):
        if not (folder / name).is_file() and not Path(name).is_file() and name not in CANVASES:
            kind = "mask" if name == chosen.mask else "guide" if name in chosen.guide else "region"
            raise RecordError(
                f"The {kind} {name!r} is no file in {folder}. Put it there, or name another: --{kind} PATH"
            )


def recorded_model(made: Record, folder: Path, changes: Mapping[str, Any]) -> dict[str, str | None]:
    """The network that made a picture, as settings: by its name, or the file of the recorded name beside the picture.

    A record is data. A program that it names is run only where `changes` name it again.

    Raises:
        SettingsError: it names a program, and `changes` name no model.
        WeightsError: the network's weights are not there.
    """
    name, file = str(made.network.get("name", "")), str(made.network.get("file", ""))
    named = changes.get("model")
    if named is None:
        for each in (name, file):
            networks.refuse_program(each, "The picture's record", "--model {}")
    elif networks.is_foreign(name) and Path(str(named)).name == name:
        return {"weights": _weights_beside(file, folder)}
    else:
        return {"weights": None}
    if networks.is_foreign(name):
        return {"model": name, "weights": _weights_beside(file, folder)}
    if name in networks.SOURCES and networks.find(networks.SOURCES[name]):
        return {"model": name, "weights": None}
    if (folder / file).is_file():
        return {"model": str(folder / file), "weights": None}
    where = f"neither in {networks.models_folder()} nor beside the picture"
    advice = f" or fetch it with: phosphene networks get {name}" if name in networks.SOURCES else ""
    raise WeightsError(
        f"The dream was made with {name} ({file}), which is {where}.\nSay where it is: --model PATH;{advice}"
    )


def _weights_beside(file: str, folder: Path) -> str | None:
    """Recorded weights of a network from elsewhere: random ones, or the file of that name beside the picture."""
    if file == networks.RANDOM:
        return file
    return str(folder / file) if (folder / file).is_file() else None


def recorded_input(made: Record, folder: Path) -> images.Source:
    """The picture that another began as: a canvas, or the file beside it.

    Raises:
        RecordError: it is not there.
    """
    if "canvas" in made.input:
        return str(made.input["canvas"])
    name = str(made.input.get("name", ""))
    if not name or not (folder / name).is_file():
        raise RecordError(f"The input {name!r} is no file in {folder}. Say where it is: --input PATH")
    return folder / name


def differences(
    made: Record, now: Record, other_model: bool = False, *, called: Mapping[str, str] = MappingProxyType({})
) -> tuple[str, ...]:
    """Says so where the input, the weights or a guide are not the recorded ones; `called` are the pictures' names."""
    notes = []
    if made.input.get("sha256") != now.input.get("sha256"):
        notes.append(f"the input is not the recorded one, whose SHA-256 was {str(made.input.get('sha256'))[:12]}…")
    if not other_model and made.network.get("sha256") != now.network["sha256"]:
        notes.append("the network's weights are not the recorded ones")
    for name in made.pictures.keys() & now.pictures.keys():
        if made.pictures[name] != now.pictures[name]:
            notes.append(f"{called.get(name, name)} is not the recorded picture")
    return tuple(notes)
