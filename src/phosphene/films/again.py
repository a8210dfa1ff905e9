"""A film or a zoom again, from the record of the last one."""

from pathlib import Path
from typing import Any

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.errors import RecordError
from phosphene.films import texts
from phosphene.films.flight import ZoomOptions
from phosphene.films.functions import FILM, ZOOM, FilmOptions, prepare_film, prepare_zoom
from phosphene.films.making import Film
from phosphene.recipes.fields import ValueDict, Values, combined
from phosphene.records.record import Record
from phosphene.run.again import recorded_input, recorded_model
from phosphene.techniques import DREAM, known

_OPTIONS = ("begin", "end", "fps", "codec", "quality", "long_side")
_FLIGHT = ("seconds", "fps", "speed", "turn", "towards", "backwards", "loop")


def read(path: Path) -> Record:
    """The record inside a film.

    Raises:
        ImageError: there is no such film.
        RecordError: it carries no record, or one that cannot be read.
    """
    text = texts.metadata(path).get("phosphene")
    if text is None:
        raise RecordError(
            f"{path}: no run record inside.\n"
            "Only films written by Phosphene without --no-metadata carry one, and many websites remove it."
        )
    return Record.from_json(text)


def prepare_again(
    source: Path, output: Path, *, image: images.Source | None, changes: Values, on_step: OnStep = lambda _: None
) -> Film:
    """The film of a record made ready once more, with `changes` to its settings.

    Args:
        source: a film that Phosphene wrote.
        output: where the new one goes.
        image: what it was made of; by default the file of the recorded name beside `source`.
        changes: settings and looks of its technique.
        on_step: is told of each step of each frame.

    Raises:
        RecordError: no record, or one that cannot be followed.
        PhospheneError: as `prepare_film`.
    """
    made, folder = read(source), source.resolve().parent
    if made.recipe not in (FILM, ZOOM):
        raise RecordError(f"The record is of a {made.recipe}, which is no film.")
    told = dict(made.settings)
    technique = DREAM if made.recipe == ZOOM else known(str(told.pop("technique", DREAM.name)))
    flight = {name: told.pop(name) for name in _FLIGHT if name in told and made.recipe == ZOOM}
    options = {name: told.pop(name) for name in _OPTIONS if name in told}
    then = {name: value for name, value in told.items() if name in technique.names}
    then |= recorded_model(made, folder, changes)
    wishes = _without_defaults(combined(technique.settings, then, changes))
    began = recorded_input(made, folder) if image is None else image
    if made.recipe == ZOOM:
        way = _flight(flight)
        return prepare_zoom(
            began, output, wishes, way, _options(options | {"max_pixels": 0}), folder=folder, on_step=on_step
        )
    return prepare_film(
        _film_path(began), output, wishes, _options(options | {"max_pixels": 0}), folder=folder, on_step=on_step
    )


def _film_path(source: images.Source) -> Path:
    if not isinstance(source, (str, Path)):
        raise RecordError("A film is made again of a file. Save what is in memory, and name that.")
    return Path(source)


def _options(values: ValueDict) -> FilmOptions:
    return FilmOptions(**values)


def _flight(values: dict[str, Any]) -> ZoomOptions:
    return ZoomOptions(**{**values, "towards": tuple(values.get("towards", (0.5, 0.5)))})


def _without_defaults(wishes: ValueDict) -> ValueDict:
    """Wishes without those that are none."""
    return {name: value for name, value in wishes.items() if value is not None}
