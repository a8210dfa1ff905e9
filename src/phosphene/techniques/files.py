"""The files that settings name: which these are, how a record tells them, and whether they are there."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from phosphene import objectives
from phosphene.errors import RecordError
from phosphene.images import name_of
from phosphene.pixels.canvases import is_canvas
from phosphene.recipes.fields import Settings, described, flag
from phosphene.recipes.settings import ALPHA, join_region, split_region
from phosphene.recipes.style_settings import weighted
from phosphene.records.record import Facts


def _alone(word: str) -> list[str]:
    return [word]


def _of_objective(word: str) -> list[str]:
    return [str(name) for name in objectives.read(word).pictures if name is not None]


def _of_region(word: str) -> list[str]:
    mask, wish, _ = split_region(word)
    return [mask, *(_of_objective(wish) if wish else ())]


_PICTURES: Mapping[str, Callable[[str], list[str]]] = {
    "picture": _alone,
    "map": _alone,
    "mask": lambda word: [] if word == ALPHA else [word],
    "weighted picture": lambda word: [weighted(word)[0]],
    "objective": _of_objective,
    "region": _of_region,
}
"""The pictures that a word names, by what the setting holds."""


def _recorded_region(word: str) -> str:
    mask, wish, strength = split_region(word)
    return join_region(name_of(mask), str(objectives.read(wish)) if wish else "", strength)


_RECORDED: Mapping[str, Callable[[str], str]] = {
    **dict.fromkeys(("weights", "picture", "map", "mask", "weighted picture"), name_of),
    "objective": lambda word: str(objectives.read(word)),
    "region": _recorded_region,
}
"""A word as a record holds it."""


def named(settings: Settings) -> list[tuple[str, str]]:
    """Settings, and the pictures that these name beside the one that is worked on."""
    return [
        (each.name, name)
        for each in described(type(settings)).values()
        if (pictures := _PICTURES.get(each.holds))
        for word in _words(getattr(settings, each.name))
        for name in pictures(word)
    ]


def pictures(settings: Settings) -> list[str]:
    """The pictures that settings name beside the one that is worked on."""
    return [name for _, name in named(settings)]


def recorded(settings: Settings) -> Facts:
    """The settings that name something, as a record holds them."""
    found = {}
    for each in described(type(settings)).values():
        bare, value = _RECORDED.get(each.holds), getattr(settings, each.name)
        if bare and value is not None:
            found[each.name] = [bare(word) for word in value] if isinstance(value, tuple) else bare(value)
    return found


def check_there(settings: Settings, folder: Path) -> None:
    """Refuses recorded pictures that are not where they should be: in the folder, or where their name says.

    Raises:
        RecordError: which of them, and how to name another.
    """
    for setting, name in named(settings):
        if not (folder / name).is_file() and not Path(name).is_file() and not is_canvas(name):
            raise RecordError(
                f"The {setting} {name!r} is no file in {folder}. Put it there, or name another: {flag(setting)} PATH"
            )


def _words(value: str | Sequence[str] | None) -> Sequence[str]:
    return () if value is None else (value,) if isinstance(value, str) else value
