"""Objectives from texts: the flags' short words, and the language of `--objective`."""

import math
from collections.abc import Callable, Mapping

from phosphene.errors import PhospheneError, nearest
from phosphene.objectives import language, terms
from phosphene.objectives.language import Call
from phosphene.objectives.objective import Objective, total
from phosphene.objectives.terms import guide

TERMS: Mapping[str, tuple[Callable[..., Objective], str, tuple[str, ...]]] = {
    "layer": (terms.layer, "layer(NAME)", ("text",)),
    "sum": (lambda name: terms.layer(name, maximise="sum"), "sum(LAYER)", ("text",)),
    "channel": (terms.channel, "channel(LAYER, NUMBER)", ("text", "whole")),
    "neuron": (
        terms.neuron,
        "neuron(LAYER, NUMBER) or neuron(LAYER, NUMBER, DOWN, RIGHT)",
        ("text", "whole", "number?", "number?"),
    ),
    "direction": (
        terms.direction,
        "direction(LAYER, PICTURE), direction(LAYER, PICTURE, PICTURE) or [numbers]",
        ("text", "any", "any?"),
    ),
    "class": (terms.class_, "class('NAME') or class(NUMBER)", ("any",)),
    "guide": (guide, "guide(LAYER, PICTURE, ...)", ("text", "text...")),
    "tv": (terms.tv, "tv()", ()),
    "l2": (terms.l2, "l2()", ()),
    "blur": (terms.blur, "blur()", ()),
}
"""What an objective's text may call, how each is written, and the kinds of its arguments; those with a ? may lack."""

_OPTIONS = {"guide": {"match": ("text", "dot"), "scales": ("list", "[1, 0.5]")}}  # the kind of each, and an example
_TYPES: Mapping[str, type | tuple[type, ...]] = {
    "text": str,
    "whole": int,
    "number": (int, float),
    "list": tuple,
    "any": object,
}
_WORDS = {"text": "a name", "whole": "a whole number", "number": "a number"}


def read(text: str) -> Objective:
    """The objective that a text of the language describes.

    Raises:
        SettingsError: it describes none; the message points at the character.

    >>> print(read("layer(block8) + 0.5*channel(block10, 37) - 0.2*class('tabby')"))
    layer(block8) + 0.5*channel(block10, 37) - 0.2*class(tabby)
    """
    return total([weight * _made(text, call) for weight, call in language.read(text)])


def _made(text: str, call: Call) -> Objective:
    """The objective of one call."""
    if call.name not in TERMS:
        known = f"There are {', '.join(TERMS)}."
        raise language.point(text, call.start, f"unknown term {call.name!r}.{nearest(call.name, TERMS)} {known}")
    make, form, kinds = TERMS[call.name]
    _check(text, call, form, kinds)
    _check_options(text, call)
    try:
        return make(*call.arguments, **dict(call.options))
    except PhospheneError as error:
        raise language.point(text, call.start, str(error)) from error


def _check(text: str, call: Call, form: str, kinds: tuple[str, ...]) -> None:
    """The arguments' number and kinds."""
    least = sum(not kind.endswith("?") for kind in kinds)
    most = math.inf if kinds and kinds[-1].endswith("...") else len(kinds)
    if not least <= len(call.arguments) <= most:
        raise language.point(text, call.start, f"it is written {form}.")
    for index, value in enumerate(call.arguments):
        kind = kinds[min(index, len(kinds) - 1)].rstrip("?.")
        if not isinstance(value, _TYPES[kind]):
            raise language.point(text, call.starts[index], f"{_WORDS[kind]} is wanted here: {form}.")


def _check_options(text: str, call: Call) -> None:
    options = _OPTIONS.get(call.name, {})
    for key, value in call.options:
        if key not in options or not isinstance(value, _TYPES[options[key][0]]):
            allowed = ", ".join(f"{name}={example}" for name, (_, example) in options.items())
            what = f"unknown option {key!r}" if key not in options else f"{key} is {value!r}"
            said = f"{what}. Allowed: {allowed}." if options else f"{what}; {call.name} takes no options."
            raise language.point(text, call.start, said)
