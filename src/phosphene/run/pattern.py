"""One pattern, or a sheet of them, that says how it was made; and the same again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor

from phosphene import networks, objectives, sheets
from phosphene.ascent import OnStep, Step
from phosphene.errors import RecordError, SettingsError, Stop
from phosphene.images import Picture, name_of
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.recipes import pattern as recipe
from phosphene.recipes.fields import combined
from phosphene.recipes.pattern_settings import SHEET, PatternSettings, channel_numbers, word
from phosphene.record import Record
from phosphene.run.album import Album
from phosphene.run.once import Dream
from phosphene.run.watch import Watch, telling_of_memory

SIZE = (320, 320)  # width and height of a pattern
CELL_SIZE = (128, 128)  # of each pattern of a sheet


def pattern(
    of: str | None = None,
    *,
    network: Network | None = None,
    objective: Objective | str | None = None,
    size: tuple[int, int] | None = None,
    on_step: OnStep | None = None,
    **changes: Any,
) -> Dream:
    """A pattern out of noise: what a channel looks for; of a layer, a sheet of its channels.

    Args:
        of: `block8:37` for a channel, `block8` for a sheet.
        network: by default the one that the setting `model` names.
        objective: in place of a channel; or its text, as `--objective` takes it.
        size: width and height in pixels, of each pattern.
        on_step: called with each `Step`; raise `phosphene.Stop` there to end early and keep what there is.
        **changes: any field of `PatternSettings`.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    chosen = settings(of, **changes)
    if isinstance(objective, str):
        objective = objectives.read(objective)
    if objective is not None:
        chosen = replace(chosen, objective=str(objective), layer=None, channel=None, channels=None)
    network = network or networks.load_for(chosen)
    return make(chosen, network, size=size, objective=objective, on_step=on_step)


def settings(of: str | None = None, **changes: Any) -> PatternSettings:
    """The settings of a word, as `block8:37`, and changes to them.

    Raises:
        SettingsError: the word and the changes contradict each other.
    """
    if of is not None:
        layer, channel = word(of)
        named = {"layer": layer, **({} if channel is None else {"channel": channel})}
        twice = [f"--{name}" for name in named if changes.get(name) not in (None, named[name])]
        if twice:
            raise SettingsError(f"{of!r} and {twice[0]} name different ones. Leave out one of them.")
        changes = {**changes, **named}
    return PatternSettings(**changes)


def make(
    chosen: PatternSettings,
    network: Network,
    *,
    size: tuple[int, int] | None = None,
    objective: Objective | None = None,
    on_step: OnStep | None = None,
    folder: Path | None = None,
) -> Dream:
    """The pattern, or the sheet, that settings describe; a `Stop` keeps what there is.

    Raises:
        PhospheneError: with a message for the person who asked.
    """
    chosen = replace(chosen, dtype=network.precision)
    many = objective is None and chosen.is_sheet
    watch, album = Watch(on_step), Album(network.dtype, folder=folder)
    width, height = size or (CELL_SIZE if many else SIZE)
    with telling_of_memory():
        if many:
            aims, notes = channels(chosen, network)
            draw, text = partial(_sheet, aims, network), f"{aims[0].layer}, channels {chosen.channels or _all(aims)}"
        else:
            ready, notes = (objective or recipe.goal(network, chosen)).prepare(network, album), ()
            draw, text = partial(recipe.pattern, network, ready, settings=chosen), str(ready)
        try:
            pixels, complete = draw(size=(height, width), on_step=watch), True
        except Stop:
            pixels, complete = watch.picture(), False
    made = Record(
        recipe="pattern",
        settings=recorded(chosen, network),
        objective=text,
        network=network.identity,
        input={"name": "noise", "width": width, "height": height},
        pictures=album.hashes,
        **watch.ended(pixels.shape[-2:], 8, complete),
    )
    return Dream(pixels, made, Picture(pixels, None, 8, "noise", None), notes)


def recorded(chosen: PatternSettings, network: Network) -> dict[str, Any]:
    """The settings as a record holds them: pictures and weights without their folders."""
    said = chosen.objective
    return chosen.to_dict() | {
        "model": network.name,
        "weights": None if chosen.weights is None else name_of(chosen.weights),
        "objective": None if said is None else str(objectives.read(said)),
    }


def redo(
    made: Record,
    changes: Mapping[str, Any] | None = None,
    on_step: OnStep | None = None,
    *,
    folder: Path | None = None,
) -> Dream:
    """Makes a pattern again from its record, with `changes` to its settings.

    Raises:
        RecordError: the record is of something else, or cannot be followed.
    """
    if made.recipe != "pattern":
        raise RecordError(f"The record is of a {made.recipe}, not of a pattern.")
    try:
        chosen = PatternSettings(**combined(PatternSettings, made.settings, changes or {}))
    except TypeError as error:
        raise RecordError(f"The record cannot be followed: {error}.") from error
    network = networks.load_for(chosen)
    size = made.input.get("width"), made.input.get("height")
    return make(chosen, network, size=size if all(size) else None, on_step=on_step, folder=folder)  # type: ignore[arg-type]


# A sheet


def channels(chosen: PatternSettings, network: Network) -> tuple[list[PatternSettings], tuple[str, ...]]:
    """The settings of each pattern of a sheet, and what the user should hear.

    Raises:
        UnknownNameError: a layer or channel that the network does not have.
    """
    layer = network.layer(chosen.layer or network.default_layer)
    if chosen.channels is not None:
        numbers, notes = channel_numbers(chosen.channels), tuple[str, ...]()
    else:
        numbers = tuple(range(min(SHEET, layer.channels)))
        more = f"the first {SHEET} of {layer.channels} channels; all: --channels 0-{layer.channels - 1}"
        notes = (more,) if layer.channels > SHEET else ()
    objectives.channel(layer.name, max(numbers)).prepare(network)
    return [replace(chosen, layer=layer.name, channels=None, channel=number) for number in numbers], notes


def _all(aims: list[PatternSettings]) -> str:
    return f"{aims[0].channel}-{aims[-1].channel}"


def _sheet(aims: list[PatternSettings], network: Network, *, size: tuple[int, int], on_step: OnStep) -> Tensor:
    """The patterns one after the other on a sheet."""
    found: list[Tensor | None] = [None] * len(aims)
    for index, each in enumerate(aims):
        grow = partial(_grow, on_step, network, aims, found, index)
        found[index] = recipe.pattern(network, size=size, settings=each, on_step=grow)
    return _laid_out(network, aims, found)


def _grow(
    on_step: OnStep, network: Network, aims: list[PatternSettings], found: list[Tensor | None], index: int, step: Step
) -> None:
    """Tells of a step as one of the sheet's."""

    def picture() -> Tensor:
        return _laid_out(network, aims, [*found[:index], step.picture(), *found[index + 1 :]])

    cell = sheets.layout(len(aims), step.size, headed=True)
    on_step(
        replace(
            step,
            octave=index + 1,
            octaves=len(aims),
            done=1.0 if index + 1 == len(aims) and step.done >= 1 else (index + step.done) / len(aims),
            size=cell.size,
            picture=picture,
            counted="pattern",
        )
    )


def _laid_out(network: Network, aims: list[PatternSettings], found: list[Tensor | None]) -> Tensor:
    cells = [(str(each.channel), picture) for each, picture in zip(aims, found, strict=True)]
    return sheets.sheet(cells, heading=f"{network.name}   {aims[0].layer}")
