"""Which filters there are, what they say, and how the user's own are kept.

A filter is a folder, `NAME/filter.toml`, with a drawing or a picture beside it:

    about = "black ink on warm paper"   # a line for the painter
    drawing = "woodcut"                 # one of this program's, or
    picture = "picture.png"             # a file in the folder
    [style]                             # settings that suit it, each optional
    scale = 1.2
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from functools import lru_cache
from pathlib import Path

import torch
from platformdirs import user_data_path
from torch import Tensor

from phosphene import images
from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.filters.drawings import DRAWINGS
from phosphene.images.sources import refuse
from phosphene.names import LOOK_NAME
from phosphene.texts import read_text

FILE = "filter.toml"
SIDE = 768  # pixels of a drawing's sides
LONGEST = 1024  # pixels of the long side of a user's picture: more of it is never looked at
OWN = Path(__file__).parent / "looks"
_USERS = {"model", "weights"}  # a model may be a program, which a filter from a stranger must not run


@dataclass(frozen=True)
class Filter:
    """A look with a name, its folder's; the rest is what its TOML says."""

    name: str
    about: str
    folder: Path
    drawing: str | None = None
    picture: str | None = None
    style: Mapping[str, object] = field(default_factory=dict)

    @property
    def own(self) -> bool:
        """Whether it is the user's."""
        return self.folder.parent != OWN

    def pixels(self, dtype: torch.dtype = torch.float32) -> Tensor:
        """The style picture, `[1, 3, H, W]`. Raises `ImageError`: its picture cannot be read."""
        if self.drawing is None:
            return images.load(self.folder / str(self.picture), dtype=dtype).pixels
        return _drawn(self.drawing, SIDE).to(dtype, copy=True)


_ENTRIES = {
    each.name: dict if each.default_factory is dict else str
    for each in fields(Filter)
    if each.name not in ("name", "folder")
}


@lru_cache(maxsize=4)
def _drawn(name: str, side: int) -> Tensor:
    """A drawing, which takes seconds; a film asks for it with each frame."""
    return DRAWINGS[name](side, side, 0)


def folder() -> Path:
    """Where the user's filters lie: `$PHOSPHENE_FILTERS`, or the user's data folder."""
    chosen = os.environ.get("PHOSPHENE_FILTERS")
    return Path(chosen) if chosen else user_data_path("phosphene") / "filters"


def names() -> list[str]:
    """All filters: the program's own, then the user's."""
    return _in(OWN) + [name for name in _in(folder()) if name not in _in(OWN)]


def _in(place: Path) -> list[str]:
    return sorted(each.parent.name for each in place.glob(f"*/{FILE}"))


def read(name: str) -> Filter:
    """The filter of that name; the user's come first.

    Raises:
        UnknownNameError: there is none; the nearest is offered.
        SettingsError: its TOML is damaged.
    """
    for place in (folder(), OWN):
        path = place / name / FILE
        if LOOK_NAME.fullmatch(name) and path.is_file():
            return _parsed(path)
    raise UnknownNameError(f"Unknown filter {name!r}.{nearest(name, names())} List them with: phosphene filters")


def _parsed(path: Path) -> Filter:
    try:
        entries = tomllib.loads(read_text(path))
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"{path} is no TOML: {error}.") from error
    for name, value in entries.items():
        if name not in _ENTRIES or not isinstance(value, _ENTRIES[name]):
            raise SettingsError(f"{path}: {name!r} is not an entry of a filter.{nearest(name, _ENTRIES)}")
    made = Filter(path.parent.name, folder=path.parent, **{"about": "", **entries})
    for name in _USERS & made.style.keys():
        raise SettingsError(f"{path}: a filter does not choose the {name}; that is said where it is used: --{name}")
    if (made.drawing is None) == (made.picture is None):
        raise SettingsError(f"{path}: a filter has a drawing or a picture, one of the two.")
    if made.drawing is not None and made.drawing not in DRAWINGS:
        known = f"{nearest(made.drawing, DRAWINGS)} There are {', '.join(sorted(DRAWINGS))}."
        raise SettingsError(f"{path}: unknown drawing {made.drawing!r}.{known}")
    return made


def add(name: str, picture: images.Source, *, about: str = "", overwrite: bool = False) -> Filter:
    """Keeps a picture of the user's as a filter; a copy, no larger than is looked at.

    Raises:
        SettingsError: the name is none that a folder may have.
        ImageError: the picture cannot be read, or the filter is there already.
    """
    if not LOOK_NAME.fullmatch(name):
        raise SettingsError(f"{name!r} cannot be a filter's name; use small letters, digits, - and _, as night-sea.")
    if name in _in(OWN):
        raise SettingsError(f"{name!r} comes with the program. Choose another name for yours.")
    opened = images.load(picture, long_side=LONGEST)
    place = folder() / name
    place.mkdir(parents=True, exist_ok=True)
    refuse(place / FILE, overwrite=overwrite)
    images.save(opened.pixels, place / "picture.png", overwrite=True)
    said = (about or f"as {opened.name} is painted").replace("\\", "/").replace('"', "'")
    images.write_atomically(place / FILE, f'about = "{said}"\npicture = "picture.png"\n'.encode(), overwrite=True)
    return read(name)
