"""What a technique is: its name, its settings, what it takes, and where its engine is. Nothing here needs torch.

From these rows come commands, records and what is made again from them, batches, and the axes of studies.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal

from phosphene.errors import PhospheneError, UnknownNameError, nearest
from phosphene.recipes import pattern_settings, style_settings
from phosphene.recipes import settings as dream_settings
from phosphene.recipes.fields import Named, Setting, Settings, ValueDict, Values, current, described

if TYPE_CHECKING:
    from phosphene.techniques.engine import Engine


@dataclass(frozen=True, eq=False)
class Technique:
    """A way to make pictures."""

    name: str  # of its command, and in records: `dream`
    plural: str  # its pictures, in a sentence: `dreams`
    settings: type[Settings]  # its settings
    choose: Callable[..., Any]  # its settings by those requested; where it takes words, also by `of`, the word
    engine_path: str  # its engine's module and class, loaded when it is first used
    takes: Literal["picture", "words"] = "picture"  # what it begins with: a picture, or words that say of what
    further: str = ""  # the setting that words after the first picture are values of, unless it is named otherwise
    draws_regions: bool = False  # whether it can draw the regions of a picture, or what of them was matched with what
    about: str = ""  # what it does, in a line of help
    help: str = ""  # the text of its help

    @cached_property
    def engine(self) -> Engine[Any]:
        """What makes its pictures."""
        module, _, name = self.engine_path.partition(":")
        made: Engine[Any] = getattr(import_module(module), name)(self)
        return made

    @property
    def fields(self) -> Mapping[str, Setting]:
        """The settings by name."""
        return described(self.settings)

    @property
    def looks(self) -> Mapping[str, Mapping[str, Named]]:
        """Names for several settings at once, by the setting that takes them."""
        return self.settings.LOOKS

    @property
    def names(self) -> tuple[str, ...]:
        """All that can be requested by name: settings and looks."""
        return (*self.fields, *self.looks)

    @property
    def needs(self) -> tuple[str, ...]:
        """The settings of which one must be given, as a style or a filter; empty where none must."""
        return (self.further, *self.settings.OVERRIDES.get(self.further, ())) if self.further else ()

    def requested_in(self, table: Mapping[str, object], called: str) -> ValueDict:
        """The settings in a table of TOML, by the names of today; layers may be a list there, and an overlap a number.

        Raises:
            PhospheneError: a name that is no setting, or an impossible value; with what the file is `called`.
        """
        named = current(self.settings, {key.replace("-", "_"): value for key, value in table.items()})
        for key in named.keys() - set(self.names):
            raise UnknownNameError(
                f"{called}: unknown setting {key!r}.{nearest(key, self.names)}\nThere are {', '.join(self.names)}."
            )
        requested = {key: _worded(key, value) for key, value in named.items()}
        try:
            self.chosen(requested)
        except PhospheneError as error:
            raise type(error)(f"{called}: {error}") from error
        return requested

    def chosen(self, requested: Values) -> Settings:
        """The settings from those requested by name, of which none is a word that a technique begins with."""
        made: Settings = self.choose(**requested) if self.looks else self.settings.of(requested)
        return made


def _worded(key: str, value: object) -> object:
    if key == "layer" and isinstance(value, list):
        return ",".join(map(str, value))
    as_text = key in ("overlap", "memory") and isinstance(value, int) and not isinstance(value, bool)
    return str(value) if as_text else value


@dataclass(frozen=True)
class Continuation:
    """How a frame of a film is made from the frame before, laid over it along the motion."""

    settings: Settings  # for the frame
    octave: int  # where it goes on: the octave's or size's number, from 1, the smallest first
    step: int  # how many of its steps are left out
    coarse: Any = None  # settings for a smaller frame, whose forms go to places that come into view; or they have none
    unbounded: bool = False  # whether its detail would grow without end, frame after frame


DREAM = Technique(
    "dream",
    "dreams",
    dream_settings.DreamSettings,
    dream_settings.settings,
    "phosphene.techniques.dreams:Dreams",
    draws_regions=True,
    about="Dreams upon pictures.",
    help="""Dreams upon pictures, and writes photo-dream.png beside photo.jpg.

    PICTURE is a file, a folder, a pattern such as '*.jpg', - for standard input, or a canvas: clouds, noise, grey,
    dahlias, feathers, shells, windows.
    """,
)
STYLE = Technique(
    "style",
    "paintings",
    style_settings.StyleSettings,
    style_settings.settings,
    "phosphene.techniques.styles:Styles",
    further="style",
    draws_regions=True,
    about="Repaints pictures as another one is painted.",
    help="""Repaints PICTURE as STYLE is painted, and writes photo-style.png beside photo.jpg.

    Sky goes to sky, and wall to wall. Several styles blend: sea.jpg:2 night.jpg:1. In place of a picture, a look that
    comes with the program: phosphene style photo.jpg --filter woodcut; phosphene filters lists them.

    PICTURE may be a folder or a pattern such as '*.jpg'. After --style or --filter, every word is a picture that is
    repainted: phosphene style a.jpg b.jpg --filter woodcut.
    """,
)
PATTERN = Technique(
    "pattern",
    "patterns",
    pattern_settings.PatternSettings,
    pattern_settings.settings,
    "phosphene.techniques.patterns:Patterns",
    takes="words",
    about="Brings a channel's pattern out of noise.",
    help="""Brings out of noise what a channel looks for: phosphene pattern block8:37 writes block8-37-pattern.png.

    Of a layer, as block8, it makes a contact sheet of its channels; phosphene layers lists them. Several words make
    several pictures.
    """,
)
TECHNIQUES: dict[str, Technique] = {each.name: each for each in (DREAM, STYLE, PATTERN)}


def register(technique: Technique) -> None:
    """Adds a technique: it has a command, a name for `phosphene.make` and `phosphene.many`, records and studies."""
    TECHNIQUES[technique.name] = technique


def known(name: str) -> Technique:
    """The technique of that name. Raises `UnknownNameError`: there is none."""
    if name not in TECHNIQUES:
        raise UnknownNameError(
            f"{name!r} is no technique.{nearest(name, TECHNIQUES)} There are {', '.join(TECHNIQUES)}."
        )
    return TECHNIQUES[name]
