"""Pictures that a painting looks at: guides and styles."""

import re
import secrets
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from phosphene import images
from phosphene.errors import RoomError, UnknownNameError
from phosphene.painting.document import DREAM, Document, Ground
from phosphene.sessions.states import Command, Reference
from phosphene.sessions.store import SessionFolder, checked_name

MOST_REFERENCES = 200  # of one painting
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
        if len(self.facts) >= MOST_REFERENCES:
            raise RoomError(f"A painting has at most {MOST_REFERENCES} guides and styles.")
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


# The command line that makes a painting, where one can


STROKES = "Brush strokes cannot be said in a command.\nRender the picture, or save the painting: both know them all."


def command_of(name: str, painted: Document, references: References) -> Command:
    """The command that makes what was painted on a picture of that name."""
    if painted.strokes:
        return {"command": None, "note": STROKES}
    if painted.ground is None:
        return {"command": None, "note": "This is the photograph as it was."}
    said = shlex.join(["phosphene", *_words(name, painted.ground, references)])
    return {"command": said, "note": "It dreams at full size from the start: alike, not equal."}


def _words(name: str, ground: Ground, references: References) -> list[str]:
    look = ground.look
    strength = [] if look.kind == DREAM and ground.strength == 1 else ["--strength", f"{ground.strength:g}"]
    named = references.facts.get(look.reference or "", {}).get("name", "")
    if look.kind != DREAM:
        return ["style", name, *(["--filter", look.filter] if look.filter else [named]), *strength]
    flags = {"--preset": look.preset, "--layer": look.layer, "--channel": look.channel, "--guide": named or None}
    said = [word for flag, value in flags.items() if value is not None for word in (flag, str(value))]
    return [name, *said, *strength]
