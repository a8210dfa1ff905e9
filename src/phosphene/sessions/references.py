"""Pictures that a painting looks at: guides and styles."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping
from typing import Any

from phosphene import images
from phosphene.errors import RoomError, UnknownNameError
from phosphene.sessions.states import Reference
from phosphene.sessions.store import SessionFolder, checked_name

MOST = 200  # of one painting
LARGEST = 1024  # pixels of the long side that is kept: looks are taken from it, not prints


class References(Mapping[str, images.Source]):
    """References of one painting: their file's bytes, by their id.

    Args:
        folder: where they are kept.
        facts: name, height and width of those that are there, by id.
    """

    def __init__(self, folder: SessionFolder, facts: Mapping[str, Any]) -> None:
        self._folder = folder
        self.facts: dict[str, dict[str, Any]] = {
            str(id): dict(each) for id, each in facts.items() if re.fullmatch(r"[0-9a-f]{16}", str(id))
        }

    def add(self, data: bytes, name: str, *, max_pixels: int) -> Reference:
        """Keeps a picture.

        Raises:
            ImageError: it cannot be read.
            RoomError: there are too many.
        """
        if len(self.facts) >= MOST:
            raise RoomError(f"A painting has at most {MOST} guides and styles.")
        picture = images.load(data, long_side=LARGEST, max_pixels=max_pixels, name=checked_name(name, "picture"))
        height, width = picture.pixels.shape[-2:]
        id = secrets.token_hex(8)
        self._folder.write(f"references/{id}", images.encode(picture.pixels, "png")[0])
        self.facts[id] = {"name": picture.name, "width": width, "height": height}
        return self._told(id)

    def told(self) -> list[Reference]:
        """All of them, as JSON has it."""
        return [self._told(id) for id in list(self.facts)]  # a copy: others may be added meanwhile

    def _told(self, id: str) -> Reference:
        facts = self.facts[id]
        return {"id": id, "name": facts["name"], "width": facts["width"], "height": facts["height"]}

    def __getitem__(self, id: str) -> bytes:
        if id not in self.facts:
            raise UnknownNameError("There is no such guide or style here. Add it first.")
        return self._folder.read(f"references/{id}")

    def __contains__(self, id: object) -> bool:
        return id in self.facts

    def __iter__(self) -> Iterator[str]:
        return iter(self.facts)

    def __len__(self) -> int:
        return len(self.facts)
