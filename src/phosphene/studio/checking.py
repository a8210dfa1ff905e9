"""JSON from outside, held to the shapes of `schemas`: the words of JSON Schema that are used there, and no more.

What fits comes back with the shapes' defaults filled in. What does not is refused with the place, what was given, and
what is allowed.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from phosphene.errors import nearest
from phosphene.studio.answers import Refusal
from phosphene.studio.schemas import SCHEMAS

Schema = Mapping[str, Any]

_SHOWN = 60  # letters of a wrong value in a message
_TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "boolean": (bool,),
    "null": (type(None),),
}


class Mismatch(Exception):  # noqa: N818 - it is told as a Refusal
    """What does not fit, and what would."""

    def __init__(self, said: str, allowed: str) -> None:
        super().__init__(said)
        self.said, self.allowed = said, allowed


def parse(data: bytes | str) -> Any:
    """JSON as data; strictly, so without NaN and without a key given twice.

    Raises:
        Refusal: 400.
    """
    try:
        return json.loads(data, parse_constant=_no_number, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        said = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)[:_SHOWN]
        raise Refusal(400, f"This is not JSON: {said}.", "GET /api/openapi.json says what is expected.") from None


def checked(value: Any, name: str) -> Any:
    """The value, with defaults, if it has the shape of that name.

    Raises:
        Refusal: 400, with the first thing that does not fit.
    """
    try:
        return _fit(value, SCHEMAS[name], "")
    except Mismatch as wrong:
        raise Refusal(400, wrong.said, wrong.allowed) from None
    except RecursionError:  # of what is shown in a message
        raise Refusal(400, "This is nested too deeply.", "GET /api/openapi.json says what is expected.") from None


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key is given twice")
    return found


def _wrong(place: str, value: Any, allowed: str) -> Mismatch:
    return Mismatch(f"{place or 'The body'} is {_short(json.dumps(value))}.", allowed)


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"


def _fit(value: Any, schema: Schema, place: str) -> Any:
    if "$ref" in schema:
        return _fit(value, SCHEMAS[schema["$ref"].rpartition("/")[2]], place)
    if "oneOf" in schema:
        return _fit_one(value, schema["oneOf"], place)
    if _choices(schema):
        return _fit_choice(value, _choices(schema), place)
    return _fit_type(value, schema, place)


def _fit_choice(value: Any, choices: tuple[str, ...], place: str) -> Any:
    if type(value) is not str or value not in choices:
        offered = nearest(value, choices) if isinstance(value, str) else ""
        raise _wrong(place, value, f"It is one of: {', '.join(choices)}.{offered}")
    return value


def _fit_type(value: Any, schema: Schema, place: str) -> Any:
    allowed = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    kind = next((name for name in allowed if _is(value, name)), None)
    match kind:
        case None:
            raise _wrong(place, value, f"It takes: {' or '.join(allowed)}.")
        case "object":
            return _fit_object(value, schema, place)
        case "array":
            return _fit_array(value, schema, place)
        case "string":
            return _fit_text(value, schema, place)
        case "integer" | "number":
            return _fit_number(int(value) if kind == "integer" else value, schema, place)
    return value


def _is(value: Any, name: str) -> bool:
    """Whether a value is of a type of JSON; True is no number, 3.0 is an integer, and infinity is nothing."""
    if name not in ("integer", "number"):
        return isinstance(value, _TYPES[name])
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        return False
    return name == "number" or value == int(value)


def _fit_number(value: float, schema: Schema, place: str) -> float:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    if not low <= value <= high:
        raise _wrong(place, value, f"It takes {low} to {high}.")
    return value


def _fit_text(value: str, schema: Schema, place: str) -> str:
    if not re.fullmatch(schema["pattern"], value):
        raise _wrong(place, value, schema["description"])
    return value


def _fit_array(value: list[Any], schema: Schema, place: str) -> list[Any]:
    low, high = schema["minItems"], schema["maxItems"]
    if not low <= len(value) <= high:
        many = f"{low}" if low == high else f"{low} to {high}"
        raise Mismatch(f"{place or 'The body'} has {len(value)} items.", f"It takes {many}.")
    each = schema.get("prefixItems") or [schema["items"]] * len(value)
    return [_fit(item, shape, f"{place}[{at}]") for at, (item, shape) in enumerate(zip(value, each, strict=True))]


def _fit_object(value: dict[str, Any], schema: Schema, place: str) -> dict[str, Any]:
    known: Mapping[str, Schema] = schema["properties"]
    for name in value:
        if name not in known:
            offered = nearest(name, known)
            raise Mismatch(f"{_within(place, name)} is unknown.", f"There are: {', '.join(known)}.{offered}")
    for name in schema.get("required", ()):
        if name not in value:
            raise Mismatch(f"{_within(place, name)} is missing.", f"Needed are: {', '.join(schema['required'])}.")
    given = {name: _fit(item, known[name], _within(place, name)) for name, item in value.items()}
    return {name: shape["default"] for name, shape in known.items() if "default" in shape} | given


def _within(place: str, name: str) -> str:
    return f"{place}.{_short(name)}" if place else _short(name)


def _fit_one(value: Any, shapes: list[Schema], place: str) -> Any:
    """The value by the one shape that it means to have."""
    flat = _flat(shapes)
    if isinstance(value, dict):
        return _fit(value, _meant(value, [shape for shape in flat if shape["type"] == "object"], place), place)
    others = [shape for shape in flat if shape["type"] != "object" and _is(value, shape["type"])]
    if not others:
        raise _wrong(place, value, f"It takes: {' or '.join(dict.fromkeys(shape['type'] for shape in flat))}.")
    return _fit(value, others[0], place)


def _flat(shapes: list[Schema]) -> list[Schema]:
    """The shapes, with those in their place that a name or a further choice stands for."""
    flat: list[Schema] = []
    for shape in shapes:
        if "$ref" in shape:
            shape = SCHEMAS[shape["$ref"].rpartition("/")[2]]
        flat += _flat(shape["oneOf"]) if "oneOf" in shape else [shape]
    return flat


def _meant(value: dict[str, Any], shapes: list[Schema], place: str) -> Schema:
    """The shape that a value means to have: by the word that tells shapes apart, then by the keys that it has."""
    word = next((name for name, part in shapes[0]["properties"].items() if _choices(part)), "")
    if word:
        choices = dict.fromkeys(choice for shape in shapes for choice in _choices(shape["properties"][word]))
        if word not in value:
            raise Mismatch(f"{_within(place, word)} is missing.", f"It is one of: {', '.join(choices)}.")
        chosen = _fit_choice(value[word], tuple(choices), _within(place, word))
        shapes = [shape for shape in shapes if chosen in _choices(shape["properties"][word])]
    whole = [shape for shape in shapes if value.keys() >= set(shape["required"])]
    if not whole and len(shapes) > 1:
        ways = [" and ".join(name for name in shape["required"] if name != word) for shape in shapes]
        raise Mismatch(f"{place or 'The body'} is not complete.", f"Needed is one of: {'; '.join(ways)}.")
    return min(whole or shapes, key=lambda shape: len(value.keys() - shape["properties"].keys()))


def _choices(schema: Schema) -> tuple[str, ...]:
    return (schema["const"],) if "const" in schema else tuple(schema.get("enum", ()))
