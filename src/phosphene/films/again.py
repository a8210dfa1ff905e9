"""A film or a zoom again, from the record of the last one."""

from dataclasses import fields, replace
from pathlib import Path

from phosphene import images
from phosphene.ascent import OnStep
from phosphene.errors import RecordError
from phosphene.films import texts
from phosphene.films.flight import ZoomOptions
from phosphene.films.functions import FILM, ZOOM, FilmOptions, prepare_film, prepare_zoom
from phosphene.films.making import Film
from phosphene.films.outputs import check_apart
from phosphene.films.timeline import Timeline
from phosphene.recipes.fields import ValueDict, Values, combined
from phosphene.records.record import Record, beside
from phosphene.run.again import check_changes, check_there, differences, recorded, recorded_input
from phosphene.techniques import DREAM, Technique, known

_FLIGHT = tuple(each.name for each in fields(ZoomOptions))


def read(path: Path) -> Record:
    """The record inside a film.

    Raises:
        ImageError: there is no such film.
        RecordError: it carries no record, or one that cannot be read.
    """
    text = texts.metadata(path).get("phosphene")
    if text is None:
        raise RecordError(
            f"{path} does not say how it was made.\n"
            "Only films written by Phosphene without --no-metadata do, and many websites remove that."
        )
    return Record.from_json(text)


def prepare_again(
    source: Path,
    output: Path,
    *,
    image: images.Source | None,
    changes: Values,
    max_pixels: int = images.MAX_PIXELS,
    on_step: OnStep = lambda _: None,
) -> Film:
    """The film of a record made ready once more, with `changes` to its settings.

    Args:
        source: a film that Phosphene wrote.
        output: where the new one goes.
        image: what it was made of; by default the file of the recorded name beside `source`.
        changes: settings and looks of its technique.
        max_pixels: refuses larger frames and pictures; 0 refuses none.
        on_step: is told of each step of each frame.

    Raises:
        RecordError: no record, or one that cannot be followed.
        PhospheneError: as `prepare_film`.
    """
    made, folder = read(source), source.resolve().parent
    check_apart(output, [source])
    if made.recipe not in (FILM, ZOOM):
        raise RecordError(f"The record is of a {made.recipe}, which is no film.")
    told = dict(made.settings)
    technique = DREAM if made.recipe == ZOOM else known(str(told.pop("technique", DREAM.name)))
    flight = {name: told.pop(name) for name in _FLIGHT if name in told and made.recipe == ZOOM}
    options = FilmOptions(
        **{name: told.pop(name) for name in FilmOptions.names() if name in told}, max_pixels=max_pixels
    )
    like = replace(made, recipe=technique.name, settings=told)
    check_changes(like, changes)
    then, notes = recorded(like, technique, folder, changes)
    requested = _given(combined(technique.settings, then, changes))
    _check_names(technique, then, requested, changes, folder)
    began = _began(made, folder) if image is None else image
    if made.recipe == ZOOM:
        film = prepare_zoom(
            began, output, requested, _flight(flight), options, canvas=_canvas(made), folder=folder, on_step=on_step
        )
    else:
        film = prepare_film(_film_path(began), output, requested, options, folder=folder, on_step=on_step)
    now = Record(**film.known, output={}, versions={}, threads=1)
    others = differences(made, now, "model" in changes)
    return replace(film, notes=lambda: (*film.notes(), *notes, *others))


def _check_names(technique: Technique, then: Values, requested: Values, changes: Values, folder: Path) -> None:
    """Refuses recorded settings that are unknown, or that name pictures elsewhere than in the folder.

    Raises:
        RecordError: which, and how to name another picture.
    """
    unknown = [name for name in then if name not in technique.names]
    if unknown:
        raise RecordError(f"The record cannot be followed: {', '.join(unknown)} is no setting of {technique.plural}.")
    for settings in Timeline.of(technique, requested, seconds=1.0).tried:
        check_there(settings, folder, changes)


def _began(made: Record, folder: Path) -> images.Source:
    """What a film was made of: as for pictures, or a folder of pictures beside it."""
    found = beside(folder, str(made.input.get("name", "")), folders=True)
    return recorded_input(made, folder) if found is None else found


def _canvas(made: Record) -> tuple[int, int] | None:
    """Width and height of the canvas that a zoom began as."""
    width, height = made.input.get("width"), made.input.get("height")
    if "canvas" not in made.input or not isinstance(width, int) or not isinstance(height, int):
        return None
    return width, height


def _film_path(source: images.Source) -> Path:
    if not isinstance(source, (str, Path)):
        raise RecordError("A film is made again of a file. Save what is in memory, and name that.")
    return Path(source)


def _flight(values: ValueDict) -> ZoomOptions:
    towards = values.get("towards", (0.5, 0.5))
    return ZoomOptions(**{**values, "towards": tuple(towards) if isinstance(towards, list) else towards})


def _given(requested: ValueDict) -> ValueDict:
    """The settings that have a value: `None` is none."""
    return {name: value for name, value in requested.items() if value is not None}
