"""Types of what comes from outside, and what is said of data that do not fit them."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Annotated

from annotated_types import GroupedMetadata
from pydantic import AfterValidator, BeforeValidator, Field, ValidationError
from pydantic_core import PydanticCustomError

from phosphene.errors import nearest

NAME, ID = r"^[A-Za-z0-9_]+(?:[./:-][A-Za-z0-9_]+)*$", r"^[0-9a-f]{16}$"
_PATTERNS = {
    NAME: "It is a name: letters, digits and _, with single . / : or - between them.",
    ID: "It is 16 digits of 0 to 9 and a to f.",
}
_SHOWN = 60  # letters of a wrong value in a message


class Range(GroupedMetadata):
    """The range of a number: in its check, in the message, and in the JSON Schema."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def __iter__(self) -> Iterator[object]:
        yield AfterValidator(self.check)
        yield Field(json_schema_extra={"minimum": self.low, "maximum": self.high})

    def check(self, value: float) -> float:
        """The value. Raises `PydanticCustomError`: it is out of range."""
        if not self.low <= value <= self.high:
            raise PydanticCustomError("range", "It takes {low} to {high}.", {"low": self.low, "high": self.high})
        return value


def _integral(value: object) -> object:
    """In JSON, 3.0 is an integer."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Real = Annotated[float, Field(strict=True, allow_inf_nan=False)]
Whole = Annotated[int, Field(strict=True), BeforeValidator(_integral)]
Name = Annotated[str, Field(pattern=NAME, max_length=100)]
Id = Annotated[str, Field(pattern=ID)]


def explain(error: ValidationError, data: object, called: str, known: Iterable[str]) -> tuple[str, str]:
    """What was wrong with data, first of all, and what is allowed; the whole of it is `called` so.

    `known` are names that may have been meant by one that is unknown.
    """
    errors = error.errors(include_url=False)
    first = next((each for each in errors if each["type"] in _UNKNOWN), errors[0])
    place, context, given = _place(data, first["loc"]), first.get("ctx", {}), first["input"]
    allowed = first["msg"].replace("Input should be", "It takes").rstrip(".") + "."
    match first["type"]:
        case "missing":
            needed = [_place(data, each["loc"]) for each in errors if each["type"] == "missing"]
            return f"{place} is missing.", f"Needed are: {', '.join(needed)}."
        case kind if kind in _UNKNOWN:
            return f"{place} is unknown.", f"Leave it out.{nearest(str(first['loc'][-1]), known)}"
        case "union_tag_not_found":
            return f"{_within(place, context['discriminator'].strip(_QUOTE))} is missing.", "Give it."
        case "too_short" | "too_long":
            least, most = context.get("min_length", 0), context.get("max_length", 10**9)
            return f"{place or called} has {context['actual_length']} items.", f"It takes {least} to {most}."
        case "literal_error":
            allowed = _choice(given, context["expected"])
        case "union_tag_invalid":
            place, given = _within(place, context["discriminator"].strip(_QUOTE)), context["tag"]
            allowed = _choice(given, context["expected_tags"])
        case "strength":
            place, given = _within(place, "strength"), context["given"]
        case "string_pattern_mismatch":
            allowed = _PATTERNS[context["pattern"]]
        case "dataclass_type" | "model_type" | "model_attributes_type":
            allowed = "It takes an object with names."
    shown = json.dumps(given, default=str)
    return f"{place or called} is {shown if len(shown) <= _SHOWN else f'{shown[:_SHOWN]}…'}.", allowed


_QUOTE = "'"


def _choice(given: object, expected: str) -> str:
    choices = re.findall(r"'([^']*)'", expected)
    return f"It is one of: {', '.join(choices)}.{nearest(given[:_SHOWN], choices) if isinstance(given, str) else ''}"


_UNKNOWN = ("extra_forbidden", "unexpected_keyword_argument")


def _place(data: object, steps: Sequence[int | str]) -> str:
    """Where in JSON data a check stopped: its steps, without the names of a union's members."""
    place, here = "", data
    for number, step in enumerate(steps):
        if isinstance(step, int):
            place += f"[{step}]"
            here = here[step] if isinstance(here, (list, tuple)) and step < len(here) else None
        elif isinstance(here, Mapping) and (step in here or number == len(steps) - 1):
            place = _within(place, step)
            here = here.get(step)
    return place


def _within(place: str, name: str) -> str:
    return f"{place}.{name[:_SHOWN]}" if place else name[:_SHOWN]
