"""What the studio answers, as JSON has it: these types are published as they are returned."""

from typing import Annotated, Any, Literal

from pydantic import Field, WithJsonSchema
from typing_extensions import TypedDict

from phosphene.painting.document import Blend, Stroke

_Count = Annotated[int, Field(ge=0)]
GroundWords = Annotated[
    dict[str, object] | None, WithJsonSchema({"oneOf": [{"$ref": "#/components/schemas/Ground"}, {"type": "null"}]})
]
"""A ground as JSON has it."""


LookSet = Literal["presets", "filters", "layers", "channels"]
JobKind = Literal["render", "film", "ranking", "thumbnails", "ground", "look", "closeup"]
JobStage = Literal["waiting", "running", "done", "cancelled", "failed"]
Format = Literal["png", "jpeg", "webp", "tiff", "avif"]
FilmKind = Literal["zoom", "strokes"]


class Size(TypedDict):
    """Width and height in pixels."""

    width: _Count
    height: _Count


class Named(TypedDict):
    """A preset or a filter, and what it does."""

    name: str
    about: str


class LayerState(TypedDict):
    """A layer of the network."""

    name: str
    channels: _Count
    shows: str | None


class KeptLook(Named):
    """A look that is kept in the user's folder."""

    ground: GroundWords


class UploadLimits(TypedDict):
    """How large a picture may be."""

    bytes: _Count
    pixels: _Count


class Looks(TypedDict):
    """What a brush or a ground can be, and what can be opened."""

    presets: list[Named]
    filters: list[Named]
    yours: list[KeptLook]
    layers: list[LayerState]
    canvases: list[Named]
    guides: list[str]  # canvases that can guide a dream
    formats: list[str]
    films: str | None  # why there can be none
    limits: UploadLimits


class Reference(Size):
    """A guide or a style of a painting."""

    id: str
    name: str


class PictureEntry(Reference):
    """A painting of the list."""

    changed: str
    strokes: _Count


class JobState(TypedDict):
    """How far a job is."""

    id: str
    kind: JobKind
    picture: str
    state: JobStage
    done: Annotated[float, Field(ge=0, le=1)]
    seconds_left: float | None
    message: str
    result: dict[str, Any] | None


class Layer(TypedDict):
    """A stroke, as the list of strokes shows it."""

    look: dict[str, object]
    opacity: Annotated[float, Field(ge=0, le=1)]
    visible: bool
    blend: Blend


def layer_of(stroke: Stroke) -> Layer:
    """A stroke in the list."""
    return {
        "look": stroke.brush.look.to_dict(),
        "opacity": stroke.opacity,
        "visible": stroke.visible,
        "blend": stroke.blend,
    }


class State(Reference):
    """How a painting stands."""

    view: Size
    revision: _Count
    ground: GroundWords
    growing: bool
    strokes: _Count
    layers: list[Layer]  # the strokes, in the order in which they were painted
    ground_opacity: Annotated[float, Field(ge=0, le=1)]
    opacity: Annotated[float, Field(ge=0, le=1)]  # of all that is painted, over the photograph
    can_undo: bool
    can_redo: bool
    references: list[Reference]
    jobs: list[JobState]
    notes: list[str]
    regions: bool
    look: GroundWords  # what the picture itself was made with, if it says so


class Command(TypedDict):
    """The command line that makes the same, if there is one."""

    command: str | None
    note: str


class FolderEntry(TypedDict):
    """A picture of the folder."""

    number: _Count
    name: str


class Folder(TypedDict):
    """The folder that was given, and its pictures."""

    folder: str | None
    pictures: list[FolderEntry]
    left_out: str  # the files that are no pictures, in words; empty where there are none
