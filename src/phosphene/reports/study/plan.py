"""What a study makes: the baseline, and a variant for each combination of the axes' values. It needs no torch."""

import hashlib
import os
import re
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import Any

from phosphene.errors import SettingsError, UnknownNameError, nearest
from phosphene.recipes.fields import Setting, Settings, Values
from phosphene.techniques import Technique

# The axes of a study: settings with the values that they take, from words as `jitter=0,32`. Nothing here needs torch


NOTHING = "none"  # the word for a setting that is left out
_TRUTHS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
# A comma between values, not within brackets or quotes: those belong to an objective.
_COMMA = re.compile(r",(?![^()]*\))(?=(?:[^'\"]*['\"][^'\"]*['\"])*[^'\"]*$)")
_HOW = "Write it as jitter=0,32; values that hold commas with ; between them, as 'layer=block8;block5:0.5,block11'."


@dataclass(frozen=True)
class Axis:
    """A setting, and the values that it takes in turn."""

    name: str  # of the setting
    values: tuple[object, ...]  # each once, in the order in which they were given


def settings_of(given: Mapping[str, object], of: Technique) -> dict[str, object]:
    """Settings as a recipe has them, from words or from values of Python.

    Raises:
        UnknownNameError: no such setting, preset or recipe; the nearest is offered.
    """
    for name in given:
        if name not in of.names:
            raise UnknownNameError(f"A {of.name} has no setting {name!r}.{nearest(name, of.names)}\n{_how_to_list(of)}")
    return {name: value_of(name, value, of) for name, value in given.items()}


def axes(vary: Values | Iterable[str], of: Technique) -> tuple[Axis, ...]:
    """Axes from words as `jitter=0,32`, or from a mapping of names to values.

    Raises:
        UnknownNameError: no such setting, preset or recipe; the nearest is offered.
        SettingsError: nothing to vary, a word that is written otherwise, or an axis that is given twice.

    >>> from phosphene.techniques import DREAM
    >>> axes({"octaves": [1, 4]}, DREAM) == axes(["octaves=1,4"], DREAM)
    True
    """
    pairs = [_named(name, values) for name, values in vary.items()] if isinstance(vary, Mapping) else map(_split, vary)
    found: dict[str, Axis] = {}
    for name, values in pairs:
        key = _known(name, of)
        if key in found:
            raise SettingsError(f"--vary {key} is given twice. Give all of its values at once, as {key}=0,32.")
        found[key] = Axis(key, _each_once(value_of(key, value, of) for value in values))
    if not found:
        raise SettingsError(f"A study varies something. Say what: --vary jitter=0,32\n{_how_to_list(of)}")
    return tuple(found.values())


def _named(name: str, values: Any) -> tuple[str, list[Any]]:
    """An axis of a mapping; one value alone is meant as such."""
    several = isinstance(values, Iterable) and not isinstance(values, (str, bytes, os.PathLike))
    listed = list(values) if several else [values]
    if not listed:
        raise SettingsError(f"vary={{{name!r}: []}} has no values. Give it some, as {{{name!r}: [0, 32]}}.")
    return name, listed


def _split(word: str) -> tuple[str, list[str]]:
    """The name and the values of a word.

    >>> _split("layer=block8;block5:0.5,block11"), _split("objective=channel(block8, 3),layer(block4)")
    (('layer', ['block8', 'block5:0.5,block11']), ('objective', ['channel(block8, 3)', 'layer(block4)']))
    """
    name, equals, rest = word.partition("=")
    values = [value.strip() for value in (rest.split(";") if ";" in rest else _COMMA.split(rest))]
    if not (name.strip() and equals and all(values)):
        raise SettingsError(f"--vary is {word!r}; it takes a setting and its values. {_HOW}")
    return name.strip(), values


def _known(name: str, of: Technique) -> str:
    """A setting's name, as `octave_scale`, `octave-scale` or `--octave-scale`."""
    key = name.strip().removeprefix("--").replace("-", "_")
    if key not in of.names:
        raise UnknownNameError(
            f"--vary: a {of.name} has no setting {name!r}.{nearest(key, of.names)}\n{_how_to_list(of)}"
        )
    return key


def _how_to_list(of: Technique) -> str:
    return f"Every setting can be varied: {', '.join(of.names)}. Explained by: phosphene {of.name} --help"


def value_of(name: str, value: object, of: Technique) -> object:
    """One value as the settings have it: words become numbers, truths and lists where those are meant.

    Raises:
        UnknownNameError: no such preset or recipe.
        SettingsError: no truth, where one is meant.

    >>> from phosphene.techniques import DREAM
    >>> [value_of(*each, DREAM) for each in (("steps", "3"), ("tile", "none"), ("invert", "yes"))]
    [3, None, True]
    """
    if name in of.looks:
        return _look(name, value, of)
    entry = of.fields[name]
    wanted = entry.kind
    if value == NOTHING and (entry.optional or wanted == "tuple"):
        return () if wanted == "tuple" else None
    if wanted == "tuple":
        return _texts(value, entry)
    return _worded(name, value, wanted) if isinstance(value, str) else _plain(value, wanted)


def _look(name: str, value: object, of: Technique) -> str | None:
    known = of.looks[name]
    if value is None or value == NOTHING:
        return None
    if value not in known:
        raise UnknownNameError(
            f"There is no {name} {value!r}.{nearest(str(value), known)} There are {', '.join(known)}, and {NOTHING}."
        )
    return str(value)


def _worded(name: str, word: str, wanted: str) -> object:
    """A number or a truth from a word; whether the setting takes it, the settings themselves say."""
    if wanted == "bool":
        if word.lower() not in _TRUTHS:
            raise SettingsError(f"--vary {name}: {word!r} is neither true nor false. Write {name}=true,false.")
        return _TRUTHS[word.lower()]
    try:
        return {"int": int, "float": float}.get(wanted, str)(word)
    except ValueError:
        return word


def _plain(value: object, wanted: str) -> object:
    """A value from Python: numbers of numpy's, whole ones for others, and paths or objectives for texts."""
    item = getattr(value, "item", None)
    value = item() if callable(item) else value
    if value is None or isinstance(value, bool):
        return value
    if wanted == "str":
        return os.fspath(value) if isinstance(value, os.PathLike) else str(value)
    return float(value) if wanted == "float" and isinstance(value, int) else value


def _texts(value: object, entry: Setting) -> tuple[str, ...]:
    """A setting of several texts: one picture, or as many words as its flag takes."""
    if isinstance(value, (list, tuple)):
        return tuple(_path(each, entry) for each in value)
    text = _path(value, entry)
    return tuple(shlex.split(text)) if entry.words > 1 else (text,)


def _path(value: object, entry: Setting) -> str:
    if not isinstance(value, (str, os.PathLike)):
        raise SettingsError(
            f"{entry.name} is {type(value).__name__}; in a study it takes files by name, as command lines do."
        )
    return os.fspath(value)


def _each_once(values: Iterable[object]) -> tuple[object, ...]:
    """Without repetitions; 1 and True are two values."""
    found: dict[tuple[type, Any], Any] = {}
    for value in values:
        found.setdefault((type(value), value), value)
    return tuple(found.values())


def spoken(value: object) -> str:
    """A value as a person writes it.

    >>> [spoken(value) for value in (None, True, 1.0, ("a.jpg",), "block8")]
    ['none', 'true', '1', 'a.jpg', 'block8']
    """
    match value:
        case None | ():
            return NOTHING
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.12g}"
        case tuple():
            return " ".join(value)
    return str(value)


MOST = 1000  # variants; more would fill a day, a disk and a page
BASELINE = "baseline"
_UNFIT = re.compile(r"[^A-Za-z0-9.]+")  # what a file's name should not hold, on any system
_LONGEST = 80  # letters of a file's name

Choose = Callable[[Mapping[str, object]], Settings]
"""Settings from names and values; a look among them is several settings at once."""


@dataclass(frozen=True)
class Variant:
    """One picture of a study."""

    name: str  # as people say it: `baseline`, or `jitter 0, octaves 4`
    stem: str  # of its files' names
    values: Values  # what it has on each axis
    settings: Settings  # of the recipe, all of them
    baseline: bool = False  # whether it is what the others are compared with

    @property
    def picture(self) -> str:
        """Its picture, from the study's folder."""
        return f"pictures/{self.stem}.png"

    @property
    def notes(self) -> str:
        """What was seen of it, likewise."""
        return f"pictures/{self.stem}.json"


def variants(axes: Sequence[Axis], given: Values, choose: Choose) -> tuple[Variant, ...]:
    """The baseline first, then every combination, the last axis changing fastest.

    A combination that is the baseline, or the same as one before it, is left out.

    Args:
        axes: what is varied.
        given: settings and looks of all, as far as the axes leave them.
        choose: makes settings of both.

    Raises:
        SettingsError: an impossible value, before any is made; too many combinations.
        UnknownNameError: a name that does not exist.
    """
    count = prod(len(axis.values) for axis in axes)
    if count > MOST:
        raise SettingsError(f"These axes make {count:,} variants; a study has at most {MOST:,}. Vary less at once.")
    usual = choose(given)
    values = {axis.name: getattr(usual, axis.name, given.get(axis.name)) for axis in axes}
    found = {usual: Variant(BASELINE, BASELINE, values, usual, baseline=True)}
    for combination in product(*(axis.values for axis in axes)):
        values = dict(zip((axis.name for axis in axes), combination, strict=True))
        chosen = choose({**given, **values})
        found.setdefault(chosen, Variant(name_of(values), stem_of(values), values, chosen))
    return tuple(found.values())


def name_of(values: Values) -> str:
    """A variant's name.

    >>> name_of({"octave_scale": 1.4, "layer": None})
    'octave scale 1.4, layer none'
    """
    return ", ".join(f"{name.replace('_', ' ')} {spoken(value)}" for name, value in values.items())


def stem_of(values: Mapping[str, object]) -> str:
    """A name for a variant's files: the same whatever else is studied beside it, and another for other values.

    >>> stem_of({"jitter": 0, "octave_scale": 1.4})
    'jitter-0-octave-scale-1.4'
    """
    plain = "-".join(f"{name}-{spoken(value)}" for name, value in values.items())
    fit = _UNFIT.sub("-", plain).strip("-.")
    if fit == plain.replace("_", "-") and len(fit) <= _LONGEST:
        return fit
    return f"{fit[:_LONGEST].rstrip('-.')}-{hashlib.sha256(plain.encode('utf-8', 'replace')).hexdigest()[:8]}"
