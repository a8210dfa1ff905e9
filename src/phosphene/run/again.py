"""A run again, from the record of the last one."""

import os
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from phosphene import images, networks
from phosphene.ascent import OnStep
from phosphene.errors import RecordError, SettingsError, WeightsError, in_shell
from phosphene.names import CANVASES
from phosphene.networks.network import AUTO as DEVICE_AUTO
from phosphene.networks.network import CPU, is_here
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings, Values, current, earlier, flag
from phosphene.records import record
from phosphene.records.record import Facts, Record
from phosphene.run.checkpoint import CheckpointOptions, translate_oom
from phosphene.run.large import LargeDream, OnForecast
from phosphene.run.prepared import Dream, prepare
from phosphene.techniques import DREAM, TECHNIQUES, Technique
from phosphene.techniques.engine import pictures_by_setting
from phosphene.techniques.opening import SRGB, Opening

RETIRED = ("backend",)  # settings of earlier versions


def redo(
    source: str | os.PathLike[str] | bytes,
    *,
    image: images.Source | None = None,
    on_step: OnStep | None = None,
    keep: CheckpointOptions | None = None,
    on_forecast: OnForecast | None = None,
    max_pixels: int = images.MAX_PIXELS,
    **changes: object,
) -> Dream | LargeDream:
    """Makes a dream, a pattern or a style again from its record; arguments and errors are those of `phosphene.redo`."""
    made = record.read(source)
    if made.recipe not in TECHNIQUES:
        raise RecordError(f"The record is of a {made.recipe}, which is not made again in this way.")
    technique = TECHNIQUES[made.recipe]
    check_changes(made, changes)
    folder = Path() if isinstance(source, bytes) else Path(os.fspath(source)).resolve().parent
    with translate_oom():
        then, notes = recorded(made, technique, folder, changes)
        chosen = technique.engine.again(then, changes)
        check_there(chosen, folder, changes)
        began = None if technique.takes == "words" else recorded_input(made, folder) if image is None else image
        network = networks.load_for(chosen)
        chosen, gave_way = technique.engine.for_network(chosen, network, changes)
        ready = prepare(technique, chosen, network, folder=folder, opening=_opening(made, technique, max_pixels))
        result = ready.make(began, on_step=on_step, keep=keep, on_forecast=on_forecast)
    others = differences(made, result.record, "model" in changes)
    return replace(result, notes=result.notes + notes + gave_way + others)


def _opening(made: Record, technique: Technique, max_pixels: int) -> Opening:
    """How the picture was opened: what is painted here has a size of its own."""
    width, height = made.input.get("width"), made.input.get("height")
    painted = "canvas" in made.input or technique.takes == "words"
    size = (int(width), int(height)) if painted and width and height else None
    profile, enlarge = str(made.input.get("profile", SRGB)), made.input.get("enlarge", 1.0)
    return Opening(size, made.input.get("long_side"), max_pixels, profile, enlarge)


def check_there(settings: Settings, folder: Path, changes: Values) -> None:
    """Refuses pictures that are not where they should be: recorded ones in the folder or beneath it.

    One that `changes` name may lie anywhere.

    Raises:
        RecordError: which of them, and how to name another.
    """
    for setting, name in pictures_by_setting(settings):
        named = setting in changes and Path(name).exists()
        if not named and record.beside(folder, name) is None and not is_canvas(name):
            raise RecordError(
                f"The {setting} {name!r} is no file in {folder}. Put it there, or name another: {flag(setting)} PATH"
            )


def check_changes(made: Record, changes: Values) -> None:
    """Refuses changes that only pictures of another kind know.

    Raises:
        SettingsError: one of them, with whom it is for.
    """
    own = TECHNIQUES.get(made.recipe, DREAM)
    for name in changes:
        homes = [each.plural for each in TECHNIQUES.values() if name in each.fields]
        if homes and own.plural not in homes:
            allowed = ", ".join(own.fields)
            raise SettingsError(
                f"{flag(name)} is for {' and '.join(homes)}; this picture is one of the {own.plural}, which take"
                f" {allowed}."
            )


def recorded(made: Record, technique: Technique, folder: Path, changes: Values) -> tuple[Facts, tuple[str, ...]]:
    """The recorded settings, as far as this computer has what they ask for, and word of what had to give way."""
    then, notes = recorded_settings(made), tuple[str, ...]()
    if "device" in technique.fields:
        if "openvino" in made.versions:
            notes += ("made with OpenVINO, which Phosphene uses no more: the picture is made alike, not equal",)
        elsewhere = made.settings.get("device", CPU)
        if not is_here(elsewhere):
            then["device"] = DEVICE_AUTO
            notes += (f"made on {elsewhere}, which is not here: the picture is made alike, not equal",)
    return then | recorded_model(made, folder, changes), notes


def recorded_settings(made: Record) -> dict[str, object]:
    """The settings of a record by today's names, with what earlier versions meant and without what only they had."""
    known = {name: value for name, value in made.settings.items() if name not in RETIRED}
    if made.recipe not in TECHNIQUES:
        return known
    of = TECHNIQUES[made.recipe].settings
    return earlier(of) | current(of, known)


def recorded_model(made: Record, folder: Path, changes: Mapping[str, object]) -> dict[str, str | None]:
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
        return {"model": name, "weights": _foreign_weights(name, file, folder)}
    if name in networks.SOURCES and networks.find(networks.SOURCES[name]):
        return {"model": name, "weights": None}
    if (beside := record.beside(folder, file)) is not None:
        return {"model": str(beside), "weights": None}
    where = f"neither in {networks.models_folder()} nor beside the picture"
    advice = f" or fetch it with: phosphene networks get {name}" if name in networks.SOURCES else ""
    raise WeightsError(
        f"The dream was made with {name} ({file}), which is {where}.\nSay where it is: --model PATH;{advice}"
    )


def _foreign_weights(name: str, file: str, folder: Path) -> str:
    """Recorded weights of a network from elsewhere, which are here: a record fetches nothing from the network.

    Raises:
        WeightsError: they are not here.
    """
    weights = _weights_beside(file, folder)
    if weights is None:
        raise WeightsError(
            f"The picture was made with {name} and its library's own weights, which may have to be fetched; that is not"
            f" done because a picture asks for it.\nFetch them, and make it again: --model {name}"
        )
    return weights


def _weights_beside(file: str, folder: Path) -> str | None:
    """Recorded weights of a network from elsewhere: random ones, or the file of that name beside the picture."""
    if file == networks.RANDOM:
        return file
    beside = record.beside(folder, file)
    return None if beside is None else str(beside)


def recorded_input(made: Record, folder: Path) -> images.Source:
    """The picture that another began as: a canvas, or the file beside it. Raises `RecordError`: it is not there."""
    if "canvas" in made.input:
        return _recorded_canvas(str(made.input["canvas"]))
    name = str(made.input.get("name", ""))
    if (beside := record.beside(folder, name)) is None:
        here = name and record.beside(Path(), name)  # where the user stands; taken only if the user says so
        where = in_shell(name) if here else "PATH"
        raise RecordError(f"The input {name!r} is no file in {folder}. Say where it is: --input {where}")
    return beside


def _recorded_canvas(name: str) -> str:
    """The canvas of a record, which is no path. Raises `RecordError`: there is no such canvas."""
    if not is_canvas(name):
        why = "is a file here" if name in CANVASES else f"is no canvas: there are {', '.join(CANVASES)}"
        raise RecordError(f"The record's canvas {name!r} {why}. Say what it began as: --input PATH")
    return name


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
