"""A painting as data: its ground and its strokes, in the order in which they were painted; nothing here needs torch.

Coordinates are pixels of the *view*, the picture at the size at which it is painted: x to the right, y down. The types
say what is allowed: by them a painting's file is read, and by them the studio publishes and checks what it takes.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from typing import Annotated, Any, Final, Literal

from pydantic import (
    AfterValidator,
    ConfigDict,
    Discriminator,
    Field,
    GetJsonSchemaHandler,
    Tag,
    TypeAdapter,
    model_validator,
)
from pydantic.dataclasses import dataclass
from pydantic_core import CoreSchema, PydanticCustomError

from phosphene.painting.checks import Id, Name, Range, Real, Whole
from phosphene.recipes.style_settings import StyleSettings

DREAM: Final = "dream"
STYLE: Final = "style"
ERASE: Final = "erase"

WAYS: Mapping[str, Sequence[tuple[str, ...]]] = {
    DREAM: [
        ("preset", "colour", "scale", "seed"),
        ("layer", "channel", "colour", "scale", "seed"),
        ("reference", "layer", "colour", "scale", "seed"),
    ],
    STYLE: [("filter", "seed"), ("reference", "seed")],
    ERASE: [()],
}
"""What a look of each kind says: the first word of one of these, and perhaps the others."""
STRENGTHS: Mapping[str, tuple[float, float, float]] = {DREAM: (0.2, 5, 1), STYLE: (0.1, 1, StyleSettings.strength)}
"""Least, most and usual strength of a ground."""

LONGEST = 20_000  # points of a touch, and touches of a stroke: far more than a hand can do
_CLOSED = ConfigDict(extra="forbid")

Opacity = Annotated[Real, Range(0, 1), AfterValidator(lambda opacity: round(opacity, 3))]
Blend = Literal["normal", "luminosity", "colour"]

_Coordinate = Annotated[Real, Range(-100_000, 100_000), AfterValidator(lambda pixels: round(pixels, 1))]
_Pressure = Annotated[Real, Range(0, 1), AfterValidator(lambda pressure: round(pressure, 3))]

Point = tuple[_Coordinate, _Coordinate, _Pressure]
"""x, y, and the pen's pressure, 0..1."""

Touch = Annotated[tuple[Point, ...], Field(min_length=1, max_length=LONGEST)]


@dataclass(frozen=True, config=_CLOSED)
class Look:
    """What is brought out of a place.

    Raises:
        ValueError: they do not go together.

    >>> Look("dream", preset="beasts").name
    'beasts'
    """

    kind: Literal["dream", "style", "erase"]  # `dream`, `style`, or `erase`, which brings the photograph back
    preset: Name | None = None  # of a dream: a named look
    layer: Name | None = None  # of a dream: this layer; of a guided one: by default what suits the guide
    channel: Annotated[Whole, Range(0, 1_000_000)] | None = None  # only this channel of the layer
    filter: Name | None = None  # of a style: a look with a name
    reference: Id | None = None  # a picture: the dream's guide, or the style

    colour: Literal["keep", "tint", "free"] | None = None  # of a dream: how freely hues wander; see `DreamSettings`
    scale: Annotated[Real, Range(0.5, 3)] | None = None  # of a dream: how large its forms are; 1 is usual
    seed: Annotated[Whole, Range(0, 2**31)] | None = None  # another one gives another dream; by default the painting's

    @model_validator(mode="after")
    def _goes_one_way(self) -> Look:
        said = self.to_dict().keys() - {"kind"}
        if not any(set(way[:1]) <= said <= set(way) for way in WAYS[self.kind]):
            ways = "; ".join(map(_said, WAYS[self.kind])) or "nothing else"
            raise PydanticCustomError("look", "A look of kind {kind} names {ways}.", {"kind": self.kind, "ways": ways})
        return self

    @property
    def name(self) -> str:
        """In a word or two."""
        part = self.layer if self.channel is None else f"{self.layer}:{self.channel}"
        words = (self.filter, self.reference and f"picture {self.reference}", part, self.preset)
        return next((word for word in words if word), self.kind)

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: only what it says."""
        return {each.name: getattr(self, each.name) for each in fields(self) if getattr(self, each.name) is not None}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        properties = handler.resolve_ref_schema(handler(core))["properties"]
        return {"oneOf": [_way(kind, way, properties) for kind, ways in WAYS.items() for way in ways]}


def _said(way: Sequence[str]) -> str:
    """One way to say a look, in words."""
    return "".join(way[:1]) + (f", perhaps with {' or '.join(way[1:])}" if way[1:] else "")


def _way(kind: str, words: Sequence[str], properties: Mapping[str, Any]) -> dict[str, Any]:
    """The JSON Schema of one way to say a look; the first word is needed, and words of other ways are null."""
    shapes = {word: {"type": "null"} for word in properties} | {"kind": {"const": kind, "type": "string"}}
    shapes |= {word: properties[word] for word in words} | {word: properties[word]["anyOf"][0] for word in words[:1]}
    needed = ["kind", *words[:1]]
    return {"type": "object", "properties": shapes, "required": needed, "additionalProperties": False}


@dataclass(frozen=True, config=_CLOSED)
class Ground:
    """What the whole picture is, under all strokes. In JSON the look's words stand beside the strength.

    Attributes:
        look: a dream or a style.
        strength: of a dream, from 0.2 to 5; of a style, from 0.1 to 1.
        until: octave and step, both from 1, where its growing was stopped; `None`: it grew to its end.

    Raises:
        ValueError: an impossible strength, or a look that is no ground.
    """

    look: Look
    strength: Real
    until: tuple[Annotated[Whole, Range(1, 10_000)], Annotated[Whole, Range(1, 10_000)]] | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_words(cls, data: object) -> object:
        if not isinstance(data, Mapping) or "look" in data:
            return data
        usual = STRENGTHS.get(str(data.get("kind")), STRENGTHS[DREAM])[2]
        look = {name: value for name, value in data.items() if name not in ("strength", "until")}
        return {"look": look, "strength": data.get("strength", usual), "until": data.get("until")}

    @model_validator(mode="after")
    def _check(self) -> Ground:
        if self.look.kind == ERASE:
            raise PydanticCustomError("ground", "A ground is of kind dream, style; null is the photograph.")
        low, high, _ = STRENGTHS[self.look.kind]
        if not low <= self.strength <= high:
            given = {"kind": self.look.kind, "low": low, "high": high, "given": self.strength}
            raise PydanticCustomError("strength", "A {kind} takes {low} to {high}.", given)
        return self

    def to_dict(self) -> dict[str, object]:
        """As JSON has it."""
        until = {} if self.until is None else {"until": self.until}
        return {**self.look.to_dict(), "strength": self.strength, **until}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, object]:
        until = handler.resolve_ref_schema(handler(core))["properties"]["until"]
        shapes = []
        for way in TypeAdapter(Look).json_schema()["oneOf"]:
            kind = way["properties"]["kind"]["const"]
            if kind != ERASE:
                low, high, usual = STRENGTHS[kind]
                strength = {"type": "number", "minimum": low, "maximum": high, "default": usual}
                shapes.append({**way, "properties": way["properties"] | {"strength": strength, "until": until}})
        return {"oneOf": shapes, "description": "A look of the whole picture."}


@dataclass(frozen=True, config=_CLOSED)
class Selection:
    """Where a brush may paint: in some of the picture's regions, in what was drawn round, or outside of all that.

    Raises:
        ValueError: it names nothing, or a line round it with less than three points.
    """

    regions: Annotated[tuple[Annotated[Whole, Range(1, 100)], ...], Field(max_length=100)] = ()  # numbers of `--mask`
    outline: Annotated[tuple[tuple[_Coordinate, _Coordinate], ...], Field(max_length=4000)] = ()  # x and y; closed
    inverted: bool = False

    @model_validator(mode="after")
    def _names_something(self) -> Selection:
        if not self.regions and len(self.outline) < 3:
            raise PydanticCustomError("selection", "A selection names regions, or an outline of three points or more.")
        return self

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: only what it says."""
        return {each.name: value for each in fields(self) if (value := getattr(self, each.name))}


@dataclass(frozen=True, config=_CLOSED)
class Brush:
    """What a stroke is painted with.

    Raises:
        ValueError: a number out of its range.
    """

    size: Annotated[Real, Range(4, 600)]  # diameter in pixels of the view
    look: Look  # what it brings out
    softness: Annotated[Real, Range(0, 1)] = 0.5  # 0 is a hard edge, 1 fades from the middle
    strength: Annotated[Real, Range(0.1, 3)] = 1.0  # a factor; 1 is usual
    pressure: Literal["size", "strength"] = "size"  # what a pen's pressure changes
    inside: Selection | None = None  # where it paints; `None` is everywhere

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: the last two only if they are said."""
        said = {**{each.name: getattr(self, each.name) for each in fields(self)}, "look": self.look.to_dict()}
        inside = {} if self.inside is None else {"inside": self.inside.to_dict()}
        usual = {"pressure"} if self.pressure == "size" else set()
        return {name: value for name, value in said.items() if name not in {"inside"} | usual} | inside


@dataclass(frozen=True, config=_CLOSED)
class Stroke:
    """One stroke: every touch is a short dream along a few points."""

    brush: Brush
    touches: Annotated[tuple[Touch, ...], Field(max_length=LONGEST)] = ()
    opacity: Opacity = 1.0  # how far it covers what was there before
    visible: bool = True
    blend: Blend = "normal"  # `luminosity` leaves the colours as they were before it, `colour` the luminosity

    def adjusted(self, by: Adjustment) -> Stroke:
        """The same touches otherwise; they are not copied, so that what they did is found by them."""
        found = copy.copy(self)
        for name in ("opacity", "visible", "blend"):
            if (value := getattr(by, name)) is not None:
                object.__setattr__(found, name, value)
        return found

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: of what can be adjusted only what is not usual."""
        usual = {"opacity": 1.0, "visible": True, "blend": "normal"}
        adjusted = {name: value for name in usual if (value := getattr(self, name)) != usual[name]}
        return {"brush": self.brush.to_dict(), "touches": self.touches, **adjusted}


@dataclass(frozen=True, config=_CLOSED)
class Adjustment:
    """A change to what was painted before.

    Attributes:
        of: a stroke, by its place in the painting, from 0; `ground`; or `all`, the ground and the strokes.
        opacity: how far it covers what lies below, 0..1; of `all` and the ground that is the photograph.
        visible: of a stroke, whether it is shown.
        blend: of a stroke, what of it is shown.
        to: of a stroke, another place in the order; the others keep theirs.
        removed: of a stroke, whether it goes.

    Raises:
        ValueError: it says nothing, or of the ground what only a stroke can be.
    """

    of: Annotated[Whole, Range(0, 1_000_000)] | Literal["ground", "all"]
    opacity: Opacity | None = None
    visible: bool | None = None
    blend: Blend | None = None
    to: Annotated[Whole, Range(0, 1_000_000)] | None = None
    removed: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> Adjustment:
        said = self.to_dict().keys() - {"of"}
        if not said or (isinstance(self.of, str) and said != {"opacity"}):
            raise PydanticCustomError("adjustment", "It takes an opacity; a stroke also visible, blend, to, removed.")
        return self

    @property
    def fades(self) -> bool:
        """Whether it says an opacity alone: one that is turned further takes the place of the adjustment before."""
        return self.to_dict().keys() == {"of", "opacity"}

    def to_dict(self) -> dict[str, object]:
        """As JSON has it: only what it says."""
        found = {each.name: getattr(self, each.name) for each in fields(self)}
        return {
            name: value for name, value in found.items() if value is not None and (name, value) != ("removed", False)
        }

    def strokes(self, before: Sequence[Stroke]) -> tuple[Stroke, ...]:
        """The strokes of a painting after it; a place beyond them changes nothing."""
        strokes = [*before]
        if isinstance(self.of, str) or self.of >= len(strokes):
            return (*strokes,)
        stroke = strokes.pop(self.of)
        if self.removed:
            return (*strokes,)
        strokes.insert(self.of if self.to is None else self.to, stroke.adjusted(self))
        return (*strokes,)


def _kind(event: object) -> str:
    if isinstance(event, Stroke) or (isinstance(event, Mapping) and "touches" in event):
        return "stroke"
    return "adjustment" if isinstance(event, Adjustment) or (isinstance(event, Mapping) and "of" in event) else "ground"


Event = (
    Annotated[
        Annotated[Stroke, Tag("stroke")] | Annotated[Adjustment, Tag("adjustment")] | Annotated[Ground, Tag("ground")],
        Discriminator(_kind),
    ]
    | None
)
"""What was done: a ground was laid (`None`: the photograph), a stroke painted, or one of them adjusted."""


@dataclass(frozen=True)
class Document:
    """A painting as it stands."""

    ground: Ground | None = None  # under the strokes; `None` is the photograph
    strokes: tuple[Stroke, ...] = ()  # in order
    ground_opacity: Opacity = 1.0  # how far the ground covers the photograph, under the strokes
    opacity: Opacity = 1.0  # how far all of it does

    def after(self, event: Event) -> Document:
        """With one more event."""
        if isinstance(event, Stroke):
            return replace(self, strokes=(*self.strokes, event))
        if isinstance(event, Adjustment):
            return self._adjusted(event)
        return replace(self, ground=event)

    def _adjusted(self, by: Adjustment) -> Document:
        if by.of == "all":
            return replace(self, opacity=by.opacity or 0.0)
        if by.of == "ground":
            return replace(self, ground_opacity=by.opacity or 0.0)
        return replace(self, strokes=by.strokes(self.strokes))

    def to_dict(self) -> dict[str, object]:
        """As JSON has it."""
        ground = None if self.ground is None else self.ground.to_dict()
        found: dict[str, object] = {"ground": ground, "strokes": [each.to_dict() for each in self.strokes]}
        whole = {"ground_opacity": self.ground_opacity, "opacity": self.opacity}
        return found | {name: value for name, value in whole.items() if value != 1}


WORDS = sorted({each.name for kind in (Look, Ground, Selection, Brush, Adjustment) for each in fields(kind)})
"""All words of looks, grounds, selections, brushes and adjustments."""
