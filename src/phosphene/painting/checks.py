"""Checks of what came from outside: numbers, lists and objects, each refused in words."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from phosphene.errors import SettingsError, nearest

LONGEST = 100_000  # touches of a stroke, and points of a touch: far more than a hand can do


def mapping(data: object, what: str) -> Mapping[str, Any]:
    """An object with names, as JSON has it."""
    check(isinstance(data, Mapping), f"A {what} is an object with names, not {str(data)[:60]!r}.")
    return data  # type: ignore[return-value]  # it was checked


def listed(data: object, what: str) -> Sequence[Any]:
    """A list that is not too long."""
    ok = isinstance(data, (list, tuple)) and len(data) <= LONGEST
    check(ok, f"The {what} are a list of at most {LONGEST:,}, not {str(data)[:60]!r}.")
    return data  # type: ignore[return-value]  # it was checked


def number(data: Mapping[str, Any], name: str, what: str) -> float:
    """A number in an object."""
    check(finite(data.get(name)), f"A {what}'s {name} is a number, not {data.get(name)!r}.")
    return float(data[name])


def within(what: str, value: float, low: float, high: float) -> None:
    """Refuses a number out of its range."""
    check(finite(value) and low <= value <= high, f"A {what} is a number from {low:g} to {high:g}, not {value!r}.")


def finite(value: object) -> bool:
    """Whether it is a number that can be reckoned with."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def whole(value: object) -> bool:
    """Whether it is a whole number of 0 or more."""
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def check(fits: bool, message: str) -> None:
    """Refuses what does not fit."""
    if not fits:
        raise SettingsError(message)


def near(word: object, names: Iterable[str]) -> str:
    """A sentence that offers the nearest of the names, or nothing."""
    return nearest(str(word), sorted(names))
