"""Files and texts changed at random, so that most of what they say still makes sense."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable, Sequence

LIES = (0, 1, 2, 255, 256, 65535, 65536, 2**24, 2**31 - 1, 2**31, 2**32 - 1)
_FORMATS = ("<H", ">H", "<I", ">I", ">Q", "<Q")


def flips(data: bytes, chance: random.Random) -> bytes:
    """Up to 20 bytes replaced."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 20)):
        changed[chance.randrange(len(changed))] = chance.randrange(256)
    return bytes(changed)


def head_flips(data: bytes, chance: random.Random) -> bytes:
    """Up to six bytes replaced near the beginning, where most files say what they are."""
    changed, reach = bytearray(data), min(len(data), 200)
    for _ in range(chance.randint(1, 6)):
        changed[chance.randrange(reach)] = chance.randrange(256)
    return bytes(changed)


def bits(data: bytes, chance: random.Random) -> bytes:
    """Up to three bits turned."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def cut(data: bytes, chance: random.Random) -> bytes:
    """The end is missing."""
    return data[: chance.randrange(len(data))]


def lie(data: bytes, chance: random.Random) -> bytes:
    """A number somewhere, most often near the beginning, is one that nobody expects."""
    reach = len(data) if chance.random() < 0.3 else min(len(data), 120)
    return _put(data, chance.randrange(reach), chance)


def size_lie(data: bytes, chance: random.Random, sizes: Sequence[int] = (40, 28)) -> bytes:
    """Where a side's length may be written, another one stands."""
    places = [
        (at, form)
        for form in _FORMATS[:4]
        for side in sizes
        for at in _places(data, struct.pack(form, side))
        if at < 2000
    ]
    if not places:
        return lie(data, chance)
    at, form = chance.choice(places)
    return _put(data, at, chance, form)


def _places(data: bytes, wanted: bytes) -> list[int]:
    found, at = [], data.find(wanted)
    while at >= 0:
        found.append(at)
        at = data.find(wanted, at + 1)
    return found


def _put(data: bytes, at: int, chance: random.Random, form: str = "") -> bytes:
    form = form or chance.choice(_FORMATS)
    width = struct.calcsize(form)
    number = chance.choice(LIES) & ((1 << 8 * width) - 1)
    return data[:at] + struct.pack(form, number) + data[at + width :]


def removed(data: bytes, chance: random.Random) -> bytes:
    """A piece is missing in the middle."""
    at = chance.randrange(len(data))
    return data[:at] + data[at + chance.randint(1, 64) :]


def repeated(data: bytes, chance: random.Random) -> bytes:
    """A piece stands there twice."""
    at = chance.randrange(len(data))
    return data[: at + chance.randint(1, 256)] + data[at:]


def appended(data: bytes, chance: random.Random) -> bytes:
    """Something follows that is none of it."""
    return data + chance.randbytes(chance.randint(1, 2000))


def zeroed(data: bytes, chance: random.Random) -> bytes:
    """A stretch is zeros, as a download leaves it that was broken off."""
    at = chance.randrange(len(data))
    length = min(len(data) - at, chance.randint(1, 4096))
    return data[:at] + bytes(length) + data[at + length :]


def none(data: bytes, chance: random.Random) -> bytes:
    """As it is."""
    return data


OF_BYTES: Sequence[Callable[[bytes, random.Random], bytes]] = (
    *(flips, head_flips, bits, cut, lie, size_lie, removed, repeated, appended, zeroed, none),
)


def mutated(data: bytes, chance: random.Random, other: bytes = b"") -> bytes:
    """Changed once or twice; perhaps the end is that of another file."""
    if other and chance.random() < 0.06:
        return data[: chance.randrange(len(data))] + other[chance.randrange(len(other)) :]
    for _ in range(chance.choice((1, 1, 1, 2))):
        data = chance.choice(OF_BYTES)(data, chance) or b"\0"
    return data


# JSON: values where others are expected

STRANGE = (
    *(None, True, False, 0, -1, 1, 0.5, -0.0, 1e308, -1e308, 2**31, 2**63, 2**64, 10**40, 10**400),
    *("", " ", "x", "\0", "é\ud83d\ude00", "a" * 10_000, "../x", "/etc/passwd", "NaN", "0", "[]", "{}"),
    *([], [[]], {}, {"": {}}, [None], [0] * 1000, {"kind": "dream"}),
)


def changed_value(value: object, chance: random.Random, depth: int = 0) -> object:
    """A JSON value in which something, somewhere, is something else, missing or more than it was."""
    if isinstance(value, dict) and value and (depth == 0 or chance.random() < 0.8):
        key, copy = chance.choice(sorted(value)), dict(value)
        if chance.random() < 0.12:
            del copy[key]
        elif chance.random() < 0.12:
            copy[chance.choice(("x", "", "__class__", key + " ", key.upper()))] = chance.choice(STRANGE)
        else:
            copy[key] = changed_value(copy[key], chance, depth + 1)
        return copy
    if isinstance(value, (list, tuple)) and value and chance.random() < 0.8:
        copy = list(value)
        at = chance.randrange(len(copy))
        copy[at] = changed_value(copy[at], chance, depth + 1)
        return copy * chance.choice((1, 1, 1, 2))
    return chance.choice(STRANGE)
