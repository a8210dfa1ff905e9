"""What requests bring, as types: by them JSON is checked, and from them its JSON Schema is published."""

import json
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag, TypeAdapter, ValidationError, model_validator
from typing_extensions import TypedDict

from phosphene.painting.checks import Id, Name, Range, Real, Whole, explain
from phosphene.painting.document import WORDS, Adjustment, Brush, Ground, Look, Touch
from phosphene.sessions import states
from phosphene.sessions.service import CANVAS_SIDES
from phosphene.studio.answers import Refusal

_SHOWN = 60  # letters of what was sent, in a message
_SPEC = "GET /api/openapi.json says what is expected."
_Side = Annotated[Whole, Range(*CANVAS_SIDES)]
_Share = Annotated[Real, Range(0, 1)]
_Seconds = Annotated[Whole, Range(1, 60)]  # of a film


class Shape(BaseModel):
    """JSON that is taken: these keys and no others."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Stroke(Shape):
    """A whole stroke, and how long it stays on its way."""

    brush: Brush
    points: Touch
    seconds: Annotated[Real, Range(0, 60)] = 1.0


class Canvas(Shape):
    """A picture that the program paints itself."""

    canvas: Name
    width: _Side
    height: _Side
    seed: Annotated[Whole, Range(0, 2**53)] = 0


class FromFolder(Shape):
    """A picture of the folder, by its number in GET /api/folder."""

    folder: Annotated[Whole, Range(0, 1_000_000)]


def _new_kind(value: object) -> str:
    return "folder" if isinstance(value, FromFolder) or (isinstance(value, dict) and "folder" in value) else "canvas"


NewPicture = Annotated[
    Annotated[FromFolder, Tag("folder")] | Annotated[Canvas, Tag("canvas")], Discriminator(_new_kind)
]


class LookThumbnails(Shape):
    """Small pictures of what presets, filters or layers would do."""

    set: Literal["presets", "filters", "layers"]


class ChannelThumbnails(Shape):
    """Small pictures of what a layer's channels would do."""

    set: Literal["channels"]
    layer: Name


Thumbnails = Annotated[LookThumbnails | ChannelThumbnails, Field(discriminator="set")]


class Variations(Shape):
    """Small pictures of what a look would be with other seeds."""

    look: Look
    seeds: Annotated[tuple[Annotated[Whole, Range(0, 2**31)], ...], Field(min_length=1, max_length=12)]


class Ranking(Shape):
    """Which layers suit a reference."""

    reference: Id


class Render(Shape):
    """The painting at full size, or at a long side of so many pixels."""

    format: states.Format = "png"
    long_side: Annotated[Whole, Range(16, 100_000)] | None = None


class ZoomFilm(Shape):
    """An endless zoom into the painting; the end of a loop meets its beginning."""

    kind: Literal["zoom"]
    seconds: _Seconds = 4
    loop: bool = False


class StrokesFilm(Shape):
    """The painting as it comes into being, stroke by stroke."""

    kind: Literal["strokes"]
    seconds: _Seconds = 4


Film = Annotated[ZoomFilm | StrokesFilm, Field(discriminator="kind")]


class Begin(Shape):
    """The brush is put down."""

    do: Literal["begin"]
    brush: Brush
    points: Touch
    mirrored: bool = False


class Points(Shape):
    """The brush moves."""

    do: Literal["points"]
    points: Touch


class End(Shape):
    """The brush is lifted; a cancelled stroke is taken back."""

    do: Literal["end", "cancel"]


class Take(Shape):
    """The brush takes up a look, which is made ready."""

    do: Literal["take"]
    look: Look


class Window(Shape):
    """A rectangle of the picture, in shares of its width and height."""

    left: _Share
    top: _Share
    right: _Share
    bottom: _Share

    @model_validator(mode="after")
    def _is_not_empty(self) -> Self:
        if self.left >= self.right or self.top >= self.bottom:
            raise ValueError("left must be less than right, and top less than bottom")
        return self


class LookClosely(Shape):
    """A part of the painting is looked at closely, as if the whole had a long side of so many pixels; null is none."""

    do: Literal["closeup"]
    part: Window | None
    long_side: Annotated[Whole, Range(16, 100_000)] = 16


Message = Annotated[Begin | Points | End | Take | LookClosely, Field(discriminator="do")]
"""What the socket takes, as text."""


class Error(TypedDict):
    """What was wrong, and what to do."""

    error: str
    hint: str


class Pictures(TypedDict):
    """Recent pictures."""

    pictures: list[states.PictureEntry]


_TAKEN: dict[str, Any] = {
    "Ground": Ground,
    "GroundOrNone": Ground | None,
    "Stroke": Stroke,
    "Adjustment": Adjustment,
    "NewPicture": NewPicture,
    "Thumbnails": Thumbnails,
    "Variations": Variations,
    "Ranking": Ranking,
    "Render": Render,
    "Film": Film,
    "Message": Message,
}
_GIVEN = (
    Error,
    states.Looks,
    states.KeptLook,
    Pictures,
    states.State,
    states.Reference,
    states.JobState,
    states.Command,
    states.Folder,
)
TAKEN: dict[str, TypeAdapter[Any]] = {name: TypeAdapter(shape) for name, shape in _TAKEN.items()}
GIVEN: dict[str, TypeAdapter[Any]] = {shape.__name__: TypeAdapter(shape) for shape in _GIVEN}


def schemas() -> dict[str, object]:
    """The JSON Schema of all that is taken and given, by name; references are those of OpenAPI."""
    named = TAKEN | GIVEN
    template = "#/components/schemas/{model}"
    found, shared = TypeAdapter.json_schemas(
        [(name, "validation", adapter) for name, adapter in named.items()], ref_template=template
    )
    return {name: found[name, "validation"] for name in named} | dict(shared.get("$defs", {}))


def read(data: bytes | str, name: str) -> Any:
    """JSON of a named shape, as its type. It is read strictly: without NaN, and without a key given twice.

    Raises:
        Refusal: 400, with the first thing that does not fit.
    """
    try:
        value = json.loads(data, parse_constant=_no_number, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:_SHOWN]
        raise Refusal(400, f"This is not JSON: {said}.", _SPEC) from None
    try:
        return TAKEN[name].validate_python(value)
    except ValidationError as error:
        raise Refusal(400, *explain(error, value, "The body", WORDS)) from None
    except RecursionError:  # of what is shown in a message
        raise Refusal(400, "This is nested too deeply.", _SPEC) from None


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _once_each(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found
