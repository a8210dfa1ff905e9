"""Paintings and their parts as JSON has them; what is read is not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from phosphene.errors import SettingsError
from phosphene.painting.checks import check, finite, listed, mapping, near, number, whole
from phosphene.painting.document import Brush, Document, Event, Ground, History, Look, Point, Stroke, Touch


def document_to_dict(document: Document) -> dict[str, Any]:
    """A painting as it stands, as JSON has it."""
    return {"ground": event_to_dict(document.ground), "strokes": [event_to_dict(each) for each in document.strokes]}


def document(data: object) -> Document:
    """Reads what `document_to_dict` wrote.

    Raises:
        SettingsError: it is no document.
    """
    found = mapping(data, "painting")
    return Document(ground(found.get("ground")), tuple(map(_stroke, listed(found.get("strokes"), "strokes"))))


def history_to_dict(history: History) -> dict[str, Any]:
    """All that was done, as JSON has it."""
    return {"done": history.done, "events": [event_to_dict(event) for event in history.events]}


def history(data: object) -> History:
    """Reads what `history_to_dict` wrote.

    Raises:
        SettingsError: it is no history.
    """
    found = mapping(data, "history")
    events, done = tuple(map(_event, listed(found.get("events"), "events"))), found.get("done")
    if not isinstance(done, int) or not 0 <= done <= len(events):
        raise SettingsError(f"Of {len(events)} events, {done!r} cannot stand.")
    return History(events, done)


def event_to_dict(event: Event) -> dict[str, Any] | None:
    """A ground or a stroke as JSON has it."""
    if event is None:
        return None
    if isinstance(event, Ground):
        return {"look": look_to_dict(event.look), "strength": event.strength, "until": event.until}
    brush = {**asdict(event.brush), "look": look_to_dict(event.brush.look)}
    return {"brush": brush, "touches": event.touches}


def look_to_dict(look: Look) -> dict[str, Any]:
    """A look as JSON has it: only what it says."""
    return {name: value for name, value in asdict(look).items() if value is not None}


def look(data: object) -> Look:
    """A look from JSON.

    Raises:
        SettingsError: it is none.
    """
    found = mapping(data, "look")
    known = {entry.name for entry in fields(Look)}
    for name in found.keys() - known:
        raise SettingsError(f"A look has no {name!r}; it has {', '.join(sorted(known))}.{near(name, known)}")
    check("kind" in found, "A look says its kind: dream, style or erase.")
    return Look(**found)


def brush(data: object) -> Brush:
    """A brush from JSON.

    Raises:
        SettingsError: it is none.
    """
    found = mapping(data, "brush")
    size, softness, strength = (number(found, name, "brush") for name in ("size", "softness", "strength"))
    return Brush(size, softness, strength, look(found.get("look")))


def ground(data: object) -> Ground | None:
    """A ground from JSON; the look may stand by itself beside its strength.

    Raises:
        SettingsError: it is none.
    """
    if data is None:
        return None
    found = dict(mapping(data, "ground"))
    strength, until = number(found, "strength", "ground"), found.pop("until", None)
    del found["strength"]
    return Ground(look(found.get("look", found)), strength, None if until is None else _until(until))


def points(data: object) -> Touch:
    """Points from JSON, to a tenth of a pixel.

    Raises:
        SettingsError: they are none.
    """
    return tuple(_point(each) for each in listed(data, "points"))


def _point(data: object) -> Point:
    numbers = listed(data, "point")
    ok = len(numbers) == 3 and all(finite(each) and abs(each) <= 1e5 for each in numbers)
    check(ok, f"A point is x, y and pressure, not {str(data)[:60]!r}.")
    x, y, pressure = numbers
    return round(float(x), 1), round(float(y), 1), round(min(1.0, max(0.0, float(pressure))), 3)


def _event(data: object) -> Event:
    return _stroke(data) if isinstance(data, Mapping) and "touches" in data else ground(data)


def _stroke(data: object) -> Stroke:
    found = mapping(data, "stroke")
    return Stroke(brush(found.get("brush")), tuple(points(each) for each in listed(found.get("touches"), "touches")))


def _until(data: object) -> tuple[int, int]:
    numbers = listed(data, "end of a ground's growing")
    check(len(numbers) == 2 and all(whole(each) and each > 0 for each in numbers), f"{data!r} is no octave and step.")
    return numbers[0], numbers[1]
