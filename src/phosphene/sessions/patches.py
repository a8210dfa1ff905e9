"""What events changed, so that they can be undone and redone at once."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

from phosphene.painting.easel import Box

ROOM = 300_000_000  # bytes; what was changed longer ago is painted again instead


class Patch(NamedTuple):
    """A part of the view, before and after an event; `after` is `None` where the event was not painted to its end."""

    box: Box
    before: Tensor
    after: Tensor | None

    @property
    def nbytes(self) -> int:
        """Of memory."""
        return self.before.nbytes + (0 if self.after is None else self.after.nbytes)


class Patches:
    """Patches by the number of their event; only so many as there is room for."""

    def __init__(self) -> None:
        self._found: dict[int, Patch] = {}

    def put(self, number: int, patch: Patch) -> None:
        """Remembers what an event changed."""
        self._found.pop(number, None)
        self._found[number] = patch
        while len(self._found) > 1 and sum(each.nbytes for each in self._found.values()) > ROOM:
            del self._found[next(iter(self._found))]

    def get(self, number: int) -> Patch | None:
        """What an event changed, if it is remembered."""
        return self._found.get(number)

    def forget_from(self, number: int) -> None:
        """Forgets the events from a number on."""
        for each in [each for each in self._found if each >= number]:
            del self._found[each]
