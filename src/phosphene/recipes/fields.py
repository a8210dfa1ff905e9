"""Fields of settings: a default, one line about it, and what it may be; nothing here needs torch."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import partial
from types import NoneType, UnionType
from typing import Any, ClassVar, Literal, Self, TypeAlias, get_args, get_origin, get_type_hints

from phosphene.errors import SettingsError, UnknownNameError, nearest

LOOK = "The look"
TASTE = "Your own taste"
ASCENT = "The ascent"
GUIDES = "Finer points about guides"
FINER = "Finer points"
SPEED = "Speed and memory"

Holds = Literal[
    "", "model", "weights", "layer", "channel", "objective", "picture", "weighted picture", "mask", "region", "map",
    "filter", "preset", "scales", "memory", "overlap",
]  # fmt: skip
"""What the words of a setting name: how they are typed, completed, recorded and looked for follows from it."""

Values: TypeAlias = Mapping[str, Any]
"""Values of settings by name, as they were typed, read or recorded."""

ValueDict: TypeAlias = dict[str, Any]
"""The same, while they are put together."""


@dataclass(frozen=True)
class Setting:
    """What is known of a setting: what `setting` is given, and of its field the default, name and type."""

    about: str  # the flag's help
    group: str  # the title under which the help lists it
    allowed: tuple[float, float] | tuple[str, ...]  # the least and the most of a number, or all words that there are
    holds: Holds  # what its words name
    words: int  # how many words the flag takes
    bare: str | None  # what the flag means without a word
    because: str  # what justifies the default: a source, or the page of the documents that measured it
    default: Any
    named: Mapping[str, float] = field(default_factory=dict)  # words that stand for numbers
    once: str = ""  # its name in earlier versions, whose records and files are still read
    earlier: Any = None  # its value in records of versions that did not have it, if that is not the default
    name: str = ""
    kind: str = "str"  # what it holds without its `None`: `int`, `float`, `str`, `bool` or `tuple`
    optional: bool = False  # whether it may be `None`

    @property
    def choices(self) -> tuple[str, ...]:
        """All words that there are; nothing where any may stand."""
        return tuple(each for each in self.allowed if isinstance(each, str))

    @property
    def range(self) -> tuple[float, float]:
        """The least and the most that a number may be."""
        low, high = (each for each in self.allowed or (-math.inf, math.inf) if not isinstance(each, str))
        return low, high


def setting(
    default: Any,
    about: str,
    allowed: tuple[float, float] | tuple[str, ...] = (),
    *,
    group: str,
    holds: Holds = "",
    words: int = 1,
    bare: str | None = None,
    because: str = "",
    named: Mapping[str, float] | None = None,
    once: str = "",
    earlier: Any = None,
) -> Any:
    """A field of settings, which becomes a flag; for the arguments see `Setting`."""
    known = Setting(about, group, allowed, holds, words, bare, because, default, named or {}, once, earlier)
    return field(default=default, metadata={"setting": known})


_DESCRIBED: dict[type[Settings], Mapping[str, Setting]] = {}  # a type's hints are worked out once


def described(of: type[Settings]) -> Mapping[str, Setting]:
    """The settings of a kind, by name, in the order of the help."""
    if of not in _DESCRIBED:
        hints = get_type_hints(of)
        named = {each.name: _named(each.name, hints[each.name], each.metadata["setting"]) for each in fields(of)}
        _DESCRIBED[of] = named
    return _DESCRIBED[of]


def _named(name: str, hint: object, known: Setting) -> Setting:
    """A setting with its field's name and type, as `int | None`."""
    alternatives = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    (one,) = (each for each in alternatives if each is not NoneType)
    kind = (get_origin(one) or one).__name__
    return replace(known, name=name, kind=kind, optional=NoneType in alternatives)


look, taste, ascent, guides, finer, speed = (
    partial(setting, group=each) for each in (LOOK, TASTE, ASCENT, GUIDES, FINER, SPEED)
)

# Settings of several recipes

network_name = partial(
    look,
    "efficientnet-lite0",
    "the network: a name, a weights file, timm:NAME, torchvision:NAME, or a program's FILE.py:NAME",
    holds="model",
    because="its weights come as a package (Apache-2.0), so that pip is all the set-up",
)
network_weights = partial(look, None, "weights of another network: a safetensors file, or random", holds="weights")
mask_feather = partial(
    taste, 0.0, "softens a mask's border by so many pixels", (0, 100_000), because="a mask means what it shows"
)
arithmetic = partial(
    finer,
    "float32",
    "arithmetic; float64 is for comparing programs",
    ("float32", "float64"),
    because="explanation/architecture.md",
)
DEVICES = ("auto", "cuda", "xpu", "mps", "cpu")  # as torch calls them
network_device = partial(
    speed,
    "auto",
    "where the network computes: a graphics card if PyTorch finds one, or one of these",
    DEVICES,
    because="explanation/speed.md",
    earlier="cpu",
)
memory_limit = partial(
    speed, "auto", "memory for the whole program, as 900MB or 2GB", holds="memory", because="explanation/tiles.md"
)


@dataclass(frozen=True)
class Named:
    """Settings with a name, and what they look like."""

    name: str
    about: str
    changes: Values
    guided: Values = field(default_factory=dict)  # more changes, where there is a guide


@dataclass(frozen=True)
class Settings:
    """Base of a recipe's settings: every field is checked, and becomes a flag.

    Raises:
        SettingsError: a value out of its range, with the range.
    """

    OVERRIDES: ClassVar[Mapping[str, tuple[str, ...]]] = {}
    """What a setting stands in place of: the same, said in another way, in a place that is less near."""

    LOOKS: ClassVar[Mapping[str, Mapping[str, Named]]] = {}
    """Names for several settings at once, by the setting that takes them."""

    def __post_init__(self) -> None:
        for name, about in described(type(self)).items():
            value = _plain(number(about, getattr(self, name)), about.kind)
            object.__setattr__(self, name, value)
            _check(value, about)

    @classmethod
    def of(cls, values: Values) -> Self:
        """The settings with these values.

        Raises:
            UnknownNameError: there is no such setting; the nearest is offered.
            SettingsError: an impossible value.
        """
        names, wanted = cls.names(), current(cls, values)
        for name in wanted:
            if name not in names:
                raise UnknownNameError(f"Unknown setting {name!r}.{nearest(name, names)} There are {', '.join(names)}.")
        return cls(**wanted)

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The settings, in the order of the help."""
        return tuple(described(cls))

    def to_dict(self) -> dict[str, object]:
        """Every field with its value, ready for JSON."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}


def current(of: type[Settings], values: Values) -> ValueDict:
    """Values by the names that their settings have today: records and files of earlier versions say others."""
    renamed = {each.once: name for name, each in described(of).items() if each.once}
    return {renamed.get(name, name): value for name, value in values.items()}


def earlier(of: type[Settings]) -> ValueDict:
    """What settings were in versions that did not have them, where that is not the default."""
    return {name: each.earlier for name, each in described(of).items() if each.earlier is not None}


def as_recorded(of: type[Settings], values: Values) -> ValueDict:
    """What a record of any version says of today's settings: those that its version did not have are as they were."""
    then = {name: each.default for name, each in described(of).items()} | earlier(of)
    return then | {name: value for name, value in current(of, values).items() if name in then}


def combined(of: type[Settings], *places: Values) -> ValueDict:
    """What several places ask for, the nearest last: a file of settings, then what is typed; a record, then changes.

    A setting overrides itself in the places before, and what `OVERRIDES` names; so does what the `LOOKS` choose that a
    place names. Two that exclude each other in one place stay, for the settings to refuse.

    >>> from phosphene.recipes.settings import DreamSettings
    >>> combined(DreamSettings, {"objective": "layer(block8)", "steps": 3}, {"preset": "coils"})
    {'steps': 3, 'preset': 'coils'}
    """
    chosen: ValueDict = {}
    for requested in places:
        chosen = {**beneath(of, chosen, requested), **requested}
    return chosen


def beneath(of: type[Settings], farther: Values, nearer: Values) -> ValueDict:
    """What farther settings leave beside nearer ones, and what the looks that are named there choose.

    `None` and an empty list request nothing, and override only themselves.
    """
    looks = [known.get(name) for kind, known in of.LOOKS.items() for name in _looks_in(nearer.get(kind))]
    asked = {name: value for look in looks if look for name, value in look.changes.items()} | dict(nearer)
    said = [name for name, value in asked.items() if value is not None and not _is_empty(value)]
    gone = set(asked).union(*(of.OVERRIDES.get(name, ()) for name in said))
    return {name: value for name, value in farther.items() if name not in gone}


def _looks_in(requested: object) -> list[str]:
    """The names of looks that are requested: one, or those of a film's time, as `coils,reef` or `0:coils, 8:reef`."""
    return [part.rpartition(":")[2].strip() for part in str(requested).split(",")]


def _is_empty(value: object) -> bool:
    return isinstance(value, (tuple, list)) and not value


def number(of: Setting, value: Any) -> Any:
    """The number that a word stands for, or the value as it is."""
    return of.named.get(value, value) if isinstance(value, str) else value


def flag(name: str) -> str:
    """A field's flag."""
    return "--" + name.replace("_", "-")


def _plain(value: Any, kind: str) -> Any:
    """A value as a setting holds it: of numpy's and torch's numbers Python's own, of lists tuples, of paths texts."""
    if callable(getattr(value, "item", None)) and getattr(value, "ndim", None) == 0:
        value = value.item()
    if kind == "tuple" and isinstance(value, (str, os.PathLike)):
        value = (value,)
    if kind == "tuple" and isinstance(value, (list, tuple)):
        return tuple(_plain(each, "str") for each in value)
    return os.fspath(value) if kind == "str" and isinstance(value, os.PathLike) else value


def _check(value: Any, of: Setting) -> None:
    """One value against its type, range and choices."""
    if value is None and of.optional:
        return
    if of.choices:
        if value not in of.choices:
            *others, last = of.choices
            allowed = f"{', '.join(others)} or {last}"
            offered = nearest(str(value), of.choices)
            raise SettingsError(f"{flag(of.name)} is {value!r}; it takes {allowed}.{offered}")
        return
    if not _is(value, of.kind):
        raise SettingsError(f"{flag(of.name)} is {value!r}; it takes {_KINDS[of.kind]}{_or_words(of)}.")
    if of.holds == "memory":
        memory_bytes(value)
    if of.kind in ("int", "float"):
        low, high = of.range
        if not low <= value <= high:
            most = high if isinstance(high, int) else f"{high:g}"  # whole ones to the last digit
            wanted = f"of {low:g} or more" if high == math.inf else f"from {low:g} to {most}"
            raise SettingsError(f"{flag(of.name)} is {value}; it takes {_KINDS[of.kind]} {wanted}{_or_words(of)}.")


def _or_words(of: Setting) -> str:
    return f", or one of: {', '.join(of.named)}" if of.named else ""


def _is(value: object, wanted: str) -> bool:
    if isinstance(value, bool) or wanted == "bool":
        return isinstance(value, bool) and wanted == "bool"
    if wanted == "tuple":
        return isinstance(value, tuple) and all(isinstance(each, str) for each in value)
    return isinstance(value, {"int": (int,), "float": (int, float), "str": (str,)}[wanted])


_KINDS = {
    "int": "a whole number", "float": "a number", "str": "a text", "bool": "true or false", "tuple": "a list of texts"
}  # fmt: skip


def numbers(text: str, flag: str) -> tuple[float, ...]:
    """Numbers from a text, with commas between them.

    >>> numbers("1,0.5", "--guide-scales")
    (1.0, 0.5)
    """
    try:
        return tuple(float(part) for part in text.split(","))
    except ValueError:
        raise SettingsError(f"{flag} is {text!r}; it takes numbers, as 1 or 1,0.5.") from None


def memory_bytes(text: str) -> int | None:
    """A size of memory in bytes; `None` for `auto`.

    >>> memory_bytes("1.5GB")
    1500000000
    """
    if text == "auto":
        return None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(MB|GB|MiB|GiB)", text.strip(), re.IGNORECASE)
    if not match:
        raise SettingsError(f"--memory is {text!r}; it takes a size such as 900MB or 2GB, or auto.")
    units = {"mb": 10**6, "gb": 10**9, "mib": 2**20, "gib": 2**30}
    return int(float(match[1]) * units[match[2].lower()])
