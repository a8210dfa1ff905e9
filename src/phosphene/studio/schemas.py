"""The shapes of all JSON that goes in and out, as JSON Schema: what is published is what is checked."""

from __future__ import annotations

from typing import Any

from phosphene.sessions.service import CANVAS_SIDES

Schema = dict[str, Any]

ID = "^[0-9a-f]{16}$"
_WORD = r"[A-Za-z0-9_]+(?:[./:-][A-Za-z0-9_]+)*"
NAME = rf"^(?=.{{1,100}}$){_WORD}$"
KEY = rf"^(?=.{{1,120}}$)(?:preset|filter|layer|channel)-{_WORD}$"
_LONGEST_STROKE = 20_000  # points


def ref(name: str) -> Schema:
    """The shape of that name."""
    return {"$ref": f"#/components/schemas/{name}"}


def _number(low: float, high: float, about: str = "", **more: Any) -> Schema:
    return {"type": "number", "minimum": low, "maximum": high} | _about(about) | more


def _integer(low: int, high: int, about: str = "", **more: Any) -> Schema:
    return {"type": "integer", "minimum": low, "maximum": high} | _about(about) | more


def _about(about: str) -> Schema:
    return {"description": about} if about else {}


def _record(needed: Schema, also: Schema | None = None) -> Schema:
    """What is taken: these keys and no others."""
    return {
        "type": "object",
        "properties": needed | (also or {}),
        "required": list(needed),
        "additionalProperties": False,
    }


def _answer(**known: Schema) -> Schema:
    """What is given: these keys, and perhaps more in time."""
    return {"type": "object", "properties": known, "required": list(known)}


def _many(shape: Schema, least: int = 0, most: int = 100_000) -> Schema:
    return {"type": "array", "items": shape, "minItems": least, "maxItems": most}


def _nullable(shape: Schema) -> Schema:
    return {"oneOf": [shape, {"type": "null"}]}


_id = {"type": "string", "pattern": ID, "description": "It is 16 digits of 0 to 9 and a to f."}
_name = {
    "type": "string",
    "pattern": NAME,
    "description": "It is a name: letters, digits and _, with single . / : or - between them.",
}
_text, _flag, _fraction = {"type": "string"}, {"type": "boolean"}, _number(0, 1)
_count = _integer(0, 2**53)
_layer_or_none = {**_name, "type": ["string", "null"], "default": None}

_Ways = tuple[tuple[Schema, Schema], ...]  # keys that are needed, and keys that may be there
_DREAMS: _Ways = (
    ({"preset": _name}, {}),
    ({"layer": _name}, {"channel": _integer(0, 1_000_000)}),
    ({"reference": _id}, {"layer": _layer_or_none}),
)
_STYLES: _Ways = (({"filter": _name}, {}), ({"reference": _id}, {}))


def _looks(strength: dict[str, Schema]) -> list[Schema]:
    """Every dream and every style; with a strength, if a kind has one here."""
    looks = []
    for kind, ways in (("dream", _DREAMS), ("style", _STYLES)):
        more = {"strength": strength[kind]} if strength else {}
        looks += [_record({"kind": {"const": kind, "type": "string"}} | needed, also | more) for needed, also in ways]
    return looks


_STRENGTHS = {"dream": _number(0.2, 5, default=1), "style": _number(0.1, 1, default=0.4)}
_size = _answer(width=_integer(1, 2**31), height=_integer(1, 2**31))
_picture = {"id": _id, "name": _text, **_size["properties"]}
_layer = _answer(name=_text, channels=_count, shows={"type": ["string", "null"]})
_named = _answer(name=_text, about=_text)
_do = {word: {"do": {"const": word, "type": "string"}} for word in ("begin", "points", "end", "cancel")}
_points = {"points": ref("Points")}
_side = _integer(*CANVAS_SIDES)

SCHEMAS: dict[str, Schema] = {
    # What is taken
    "Look": {"oneOf": [*_looks({}), _record({"kind": {"const": "erase", "type": "string"}})]},
    "Ground": {"oneOf": _looks(_STRENGTHS), "description": "A look of the whole picture."},
    "GroundOrNone": {**_nullable(ref("Ground")), "description": "null is the photograph."},
    "Brush": _record(
        {"size": _number(4, 600, "The diameter, in pixels of the view."), "look": ref("Look")},
        {"softness": _number(0, 1, default=0.5), "strength": _number(0.1, 3, default=1)},
    ),
    "Point": {
        "type": "array",
        "prefixItems": [_number(-100_000, 100_000), _number(-100_000, 100_000), _fraction],
        "minItems": 3,
        "maxItems": 3,
        "description": "x and y in pixels of the view, y down; pressure.",
    },
    "Points": _many(ref("Point"), 1, _LONGEST_STROKE),
    "Stroke": _record(
        {"brush": ref("Brush"), **_points}, {"seconds": _number(0, 60, "How long it stays on its way.", default=1)}
    ),
    "NewPicture": {
        "oneOf": [
            _record({"canvas": _name, "width": _side, "height": _side}, {"seed": _integer(0, 2**53, default=0)}),
            _record({"folder": _integer(0, 1_000_000, "A number of GET /api/folder.")}),
        ]
    },
    "Thumbnails": {
        "oneOf": [
            _record({"set": {"enum": ["presets", "filters", "layers"], "type": "string"}}),
            _record({"set": {"const": "channels", "type": "string"}, "layer": _name}),
        ]
    },
    "Ranking": _record({"reference": _id}),
    "Render": _record(
        {},
        {
            "format": {"enum": ["png", "jpeg", "webp", "tiff"], "type": "string", "default": "png"},
            "long_side": {"type": ["integer", "null"], "minimum": 16, "maximum": 100_000, "default": None},
        },
    ),
    "Message": {
        "oneOf": [
            _record(_do["begin"] | {"brush": ref("Brush")} | _points),
            _record(_do["points"] | _points),
            _record(_do["end"]),
            _record(_do["cancel"]),
        ],
        "description": "What the socket takes, as text.",
    },
    # What is given
    "Error": _answer(error=_text, hint=_text),
    "Looks": _answer(
        presets=_many(_named),
        filters=_many(_named),
        layers=_many(_layer),
        canvases=_many(_text),
        formats=_many(_text),
        limits=_answer(bytes=_count, pixels=_count),
    ),
    "Reference": _answer(**_picture),
    "Pictures": _answer(pictures=_many(_answer(**_picture, changed=_text, strokes=_count))),
    "Job": _answer(
        id=_id,
        kind={"type": "string", "enum": ["render", "ranking", "thumbnails", "ground", "stroke", "style"]},
        picture=_id,
        state={"type": "string", "enum": ["waiting", "running", "done", "cancelled", "failed"]},
        done=_fraction,
        seconds_left={"type": ["number", "null"]},
        message=_text,
        result={"type": ["object", "null"]},
    ),
    "State": _answer(
        **_picture,
        view=_size,
        revision=_count,
        ground=ref("GroundOrNone"),
        growing=_flag,
        strokes=_count,
        can_undo=_flag,
        can_redo=_flag,
        references=_many(ref("Reference")),
        jobs=_many(ref("Job")),
        notes=_many(_text),
        regions=_flag,
    ),
    "Command": _answer(command={"type": ["string", "null"]}, note=_text),
    "Folder": _answer(folder={"type": ["string", "null"]}, pictures=_many(_answer(number=_count, name=_text))),
}
