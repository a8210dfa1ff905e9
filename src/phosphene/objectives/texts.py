"""Objectives from texts: the flags' short words, and the language of `--objective`."""

from collections.abc import Callable, Mapping

from phosphene.errors import PhospheneError, nearest
from phosphene.objectives import language, terms
from phosphene.objectives.language import Call
from phosphene.objectives.objective import Objective, total
from phosphene.objectives.terms import guide

TERMS: Mapping[str, tuple[Callable[..., Objective], str]] = {
    "layer": (terms.layer, "layer(NAME)"),
    "sum": (lambda name: terms.layer(name, maximise="sum"), "sum(LAYER)"),
    "channel": (terms.channel, "channel(LAYER, NUMBER)"),
    "neuron": (terms.neuron, "neuron(LAYER, NUMBER) or neuron(LAYER, NUMBER, DOWN, RIGHT)"),
    "direction": (terms.direction, "direction(LAYER, PICTURE), direction(LAYER, PICTURE, PICTURE) or [numbers]"),
    "class": (terms.class_, "class('NAME') or class(NUMBER)"),
    "guide": (guide, "guide(LAYER, PICTURE, ...)"),
    "tv": (terms.tv, "tv()"),
    "l2": (terms.l2, "l2()"),
    "blur": (terms.blur, "blur()"),
}
"""What an objective's text may call, and how each is written."""

_KINDS: Mapping[str, tuple[str, ...]] = {
    "layer": ("text",), "sum": ("text",), "channel": ("text", "whole"), "class": ("any",),
    "neuron": ("text", "whole", "number", "number"), "direction": ("text", "any", "any"),
    "guide": ("text", "text..."), "tv": (), "l2": (), "blur": (),
}  # fmt: skip
_LEAST = {"neuron": 2, "direction": 2, "guide": 2}
_OPTIONS: Mapping[str, Mapping[str, str]] = {"guide": {"match": "text", "scales": "list"}}


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
    make, form = TERMS[call.name]
    _check(text, call, form)
    try:
        return make(*call.arguments, **dict(call.options))
    except PhospheneError as error:
        raise language.point(text, call.start, str(error)) from error


def _check(text: str, call: Call, form: str) -> None:
    """The arguments' number and kinds."""
    kinds = _KINDS[call.name]
    endless = bool(kinds) and kinds[-1].endswith("...")
    if len(call.arguments) < _LEAST.get(call.name, len(kinds)) or (len(call.arguments) > len(kinds) and not endless):
        raise language.point(text, call.start, f"it is written {form}.")
    for index, value in enumerate(call.arguments):
        kind = kinds[min(index, len(kinds) - 1)].removesuffix("...")
        if not _fits(value, kind):
            raise language.point(text, call.starts[index], f"{_WORDS[kind]} is wanted here: {form}.")
    options = _OPTIONS.get(call.name, {})
    for key, value in call.options:
        if key not in options or not _fits(value, options[key]):
            allowed = ", ".join(f"{name}={_EXAMPLES[name]}" for name in options)
            what = f"unknown option {key!r}" if key not in options else f"{key} is {value!r}"
            said = f"{what}. Allowed: {allowed}." if options else f"{what}; {call.name} takes no options."
            raise language.point(text, call.start, said)


_EXAMPLES = {"match": "dot", "scales": "[1, 0.5]"}
_WORDS = {"text": "a name", "whole": "a whole number", "number": "a number"}


def _fits(value: language.Value, kind: str) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "whole":
            return isinstance(value, int)
        case "number":
            return isinstance(value, (int, float))
        case "list":
            return isinstance(value, tuple)
    return True
