"""What makes a technique's pictures, and what a technique may decide for itself beside that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import torch
from torch import Tensor

from phosphene import images, objectives
from phosphene.ascent import OnStep, Reached
from phosphene.errors import ImageError, RecordError, SettingsError
from phosphene.images import Picture, name_of
from phosphene.names import GUIDES
from phosphene.networks import Network
from phosphene.objectives import Objective
from phosphene.pixels.canvases import canvas, is_canvas
from phosphene.pixels.tiles import Box
from phosphene.recipes.fields import Settings, Values, as_recorded, combined, described
from phosphene.recipes.settings import is_region_word, join_region, split_region
from phosphene.recipes.style_settings import weighted
from phosphene.records.record import Facts, Record, beside
from phosphene.techniques.opening import CANVAS_SIZE, Opened, Opening

if TYPE_CHECKING:
    from phosphene.techniques.dreams import Forecast
    from phosphene.techniques.technique import Continuation, Technique


GUIDE_SIZE = (480, 320)  # width and height of a canvas that is full of one thing, as a guide


@dataclass
class ImageCache:
    """Opens pictures with pixels of a dtype, each once, and remembers for the record: name → SHA-256, in `hashes`.

    A name is looked for in `named`, which are pictures that are no files, then in the folder, then as a path.
    """

    dtype: torch.dtype
    named: Mapping[str, images.Source] = field(default_factory=dict)
    folder: Path | None = None
    max_pixels: int = images.MAX_PIXELS  # refuses larger pictures; 0 refuses none
    hashes: dict[str, str] = field(default_factory=dict)
    _opened: dict[tuple[str, int | None], Picture] = field(default_factory=dict)
    _made: dict[str, object] = field(default_factory=dict)

    def __call__(self, source: images.Source, *, long_side: int | None = None) -> Tensor:
        """Its pixels `[1, 3, H, W]`, shrunk to a long side."""
        return self.picture(source, long_side=long_side).pixels

    def picture(self, source: images.Source, *, long_side: int | None = None) -> Picture:
        """The picture, opened, and shrunk to a long side.

        Raises:
            ImageError: it cannot be read.
            SettingsError: another one of that name was opened before.
        """
        key = source if isinstance(source, str) else f"{name_of(source)} {id(source)}"
        if (key, long_side) not in self._opened:
            self._opened[key, long_side] = self._open(source, long_side)
        return self._opened[key, long_side]

    def once(self, key: str, make: Callable[[], object]) -> Any:
        """What is the same for every picture, made once and kept by a name."""
        if key not in self._made:
            self._made[key] = make()
        return self._made[key]

    def put(self, name: str, picture: Picture) -> None:
        """Has another picture of that name from now on, as a mask that is a film has with each frame."""
        self._opened[name, None] = picture

    def _open(self, source: images.Source, long_side: int | None) -> Picture:
        if is_canvas(source) and source not in self.named:
            width, height = GUIDE_SIZE if source in GUIDES else CANVAS_SIZE
            painted = canvas(source, height, width, seed=0, dtype=self.dtype)
            return Picture(painted, None, 8, source, None)
        picture = images.load(self._found(source), dtype=self.dtype, long_side=long_side, max_pixels=self.max_pixels)
        known = self.hashes.setdefault(name_of(source), picture.sha256 or "")
        if known != (picture.sha256 or ""):
            raise SettingsError(
                f"Two different pictures are called {name_of(source)!r}, and a record tells them by their names."
                " Rename one."
            )
        return picture

    def _found(self, source: images.Source) -> images.Source:
        if not isinstance(source, str):
            return source
        if source in self.named:
            return self.named[source]
        found = None if self.folder is None else beside(self.folder, source)
        return source if found is None else found


def _of_objective(word: str) -> list[str]:
    return [str(name) for name in objectives.read(word).pictures if name is not None]


def _of_mask(word: str) -> list[str]:
    return [] if is_region_word(word) else [word]


def _of_region(word: str) -> list[str]:
    mask, wish, _ = split_region(word)
    return [*_of_mask(mask), *(_of_objective(wish) if wish else ())]


_PICTURES: Mapping[str, Callable[[str], list[str]]] = {
    **dict.fromkeys(("picture", "map"), lambda word: [word]),
    "mask": _of_mask,
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


def pictures_by_setting(settings: Settings) -> list[tuple[str, str]]:
    """Settings, and the pictures that these name beside the one that is worked on."""
    found = []
    for each in described(type(settings)).values():
        names_in, value = _PICTURES.get(each.holds), getattr(settings, each.name)
        if names_in and value is not None:
            words = [value] if isinstance(value, str) else value
            found += [(each.name, name) for word in words for name in names_in(word)]
    return found


def pictures(settings: Settings) -> list[str]:
    """The pictures that settings name beside the one that is worked on."""
    return [name for _, name in pictures_by_setting(settings)]


def open_pictures(settings: Settings, cache: ImageCache, but: str = "") -> None:
    """Opens the pictures that settings name, but those of one setting.

    Raises:
        ImageError: one cannot be read.
    """
    for setting, name in pictures_by_setting(settings):
        if setting == "mask":
            open_mask(name, cache)
        elif setting != but:
            cache.picture(name)


def open_mask(name: str, cache: ImageCache) -> Picture:
    """The picture of a mask. Raises `ImageError`: it cannot be read."""
    try:
        return cache.picture(name)
    except ImageError as error:
        if "." in name:
            raise
        raise ImageError(f"{error}\n--mask takes a picture, sky, a region's number as 2, or alpha.") from error


def without_folders(settings: Settings) -> Facts:
    """The settings that name something, as a record holds them."""
    found = {}
    for each in described(type(settings)).values():
        bare, value = _RECORDED.get(each.holds), getattr(settings, each.name)
        if bare and value is not None:
            found[each.name] = [bare(word) for word in value] if isinstance(value, tuple) else bare(value)
    return found


Chosen = TypeVar("Chosen", bound=Settings)
OnReached = Callable[[Reached], None]
"""Told what a run has reached, to be kept."""


class Making(Protocol):
    """Makes a picture `[1, 3, H, W]`, sRGB 0..1."""

    def __call__(self, on_step: OnStep, reached: Reached | None, on_reached: OnReached) -> Tensor:
        """Goes on from what was `reached`, and tells of its steps and of what it reaches."""


@dataclass(frozen=True)
class PreparedPicture:
    """A picture for which everything is ready to make another of it.

    Attributes:
        settings: with what was chosen for this picture.
        objective: as the record tells it.
        make: makes the other picture.
        notes: what the user should hear.
        forecast: measures what it will take; gives `None` where that is not worth while.
        regions: draws the picture's regions, or what of them was matched with what.
    """

    settings: Settings
    objective: str
    make: Making
    notes: tuple[str, ...] = ()
    forecast: Callable[[], Forecast | None] = lambda: None
    regions: Callable[[], Tensor] | None = None


class Engine(ABC, Generic[Chosen]):
    """Makes the pictures of a technique."""

    def __init__(self, technique: Technique) -> None:
        self.technique = technique

    @abstractmethod
    def begin(
        self,
        picture: Picture,
        settings: Chosen,
        network: Network,
        cache: ImageCache,
        objective: Objective | None = None,
    ) -> PreparedPicture:
        """Makes everything ready that the settings ask for, for this picture.

        Raises:
            PhospheneError: names that are not there, pictures that cannot be read or do not fit.
        """

    @abstractmethod
    def check(self, settings: Chosen, network: Network, cache: ImageCache) -> str:
        """Finds before any work whatever is wrong for every picture; gives the objective, as far as it is known.

        Raises:
            PhospheneError: names that are not there, pictures that cannot be read.
        """

    def continued(self, settings: Chosen, size: tuple[int, int]) -> Continuation:
        """How a film of that height and width goes on with its next frame.

        Raises:
            SettingsError: the technique makes no films.
        """
        raise SettingsError(f"A film has no {self.technique.plural}: it takes dreams and styles.")

    def for_variant(self, settings: Chosen, network: Network) -> Chosen:
        """Settings with what the network chooses by itself where nothing is wished, as one variant among several.

        Raises:
            SettingsError: they are not of one picture.
        """
        return settings

    def open(self, image: images.Source | None, settings: Chosen, opening: Opening, dtype: torch.dtype) -> Opened:
        """What a picture begins as, and what a record says of it. Raises `PhospheneError`: it cannot be read."""
        if image is None:
            raise SettingsError(f"Name a picture to make {self.technique.plural} of.")
        return opening.open(image, dtype, getattr(settings, "seed", 0))

    def recorded(self, settings: Chosen, network: Network) -> dict[str, object]:
        """The settings as a record holds them: objectives as they print, files without their folders."""
        device: str | None = getattr(settings, "device", None)
        machine = {"device": network.device_for(device)} if device else {}
        return {**settings.to_dict(), **without_folders(settings), "model": network.name, **machine}

    def provenance(self, settings: Chosen, network: Network, objective: str) -> Facts:
        """Fields of a record that are known before a picture is made."""
        return {
            "recipe": self.technique.name,
            "settings": self.recorded(settings, network),
            "objective": objective,
            "network": network.identity,
        }

    def is_of(self, found: Record, settings: Chosen, network: Network, objective: str) -> bool:
        """Whether a record is that of a picture made so; of which input and pictures, and whether whole, is not asked.

        Names stand as records hold them, without folders. What was chosen for the picture is not looked for again.
        """
        known = self.provenance(settings, network, objective)
        wanted = Record(**known, input={}, output={}, versions={}, threads=1)
        found = replace(found, settings=as_recorded(self.technique.settings, found.settings))
        if chosen := self.chosen_for_each(settings):
            own = {name: found.settings.get(name) for name in chosen}
            wanted = replace(wanted, settings=wanted.settings | own, objective=found.objective)
        return all(getattr(found, fact) == getattr(wanted, fact) for fact in known)

    def again(self, then: Values, changes: Values) -> Chosen:
        """Recorded settings with changes.

        Raises:
            PhospheneError: an impossible change.
            RecordError: the record names settings that are not known.
        """
        try:
            return self.technique.settings(**combined(self.technique.settings, then, changes))  # type: ignore[return-value]
        except TypeError as error:
            raise RecordError(f"The record cannot be followed: {error}.") from error

    def for_network(self, settings: Chosen, network: Network, changes: Values) -> tuple[Chosen, tuple[str, ...]]:
        """Recorded settings as they are with a network that may be another, and word of what had to give way."""
        return settings, ()

    def chosen_for_each(self, settings: Chosen) -> tuple[str, ...]:
        """The settings that are chosen anew for each picture, so that a record knows them and a wish does not."""
        return ()

    def tiles(self, settings: Chosen, network: Network, cache: ImageCache, size: tuple[int, int]) -> list[Box] | None:
        """Where tiles meet in a picture of that height and width; `None` if nobody knows.

        Raises:
            SettingsError: tiles or memory too small for their overlap.
        """
        return None
